"""What TikTok gives its users at "Download your data" as JSON: `user_data_tiktok.json`.

Of all that it tells of a person only the own posts are read: `Post` (once `Video`) -> `Posts`
(once `Videos`) -> `VideoList`. Lists of the same name under `Your Activity` are of watched posts.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from virality.data.errors import InputError
from virality.data.sources.base import Layout, Look, RawRow
from virality.data.sources.files import under

ID, AUTHOR, ORIGINAL, SOUND = "id of link", "name of profile", "original sound", "title of sound"
LAYOUT = Layout(
    columns={
        "id": (ID,),
        "author_id": (AUTHOR,),
        "posted_at": ("Date", "date"),
        "caption": ("Title", "title"),
        "location": ("Location", "location"),
        "sound_title": (SOUND,),
        "sound_original": (ORIGINAL,),
        "likes": ("Likes", "likes"),
    },
    constants={"platform": "tiktok"},
    ids_in_part=True,
    notes=(
        "TikTok's data export tells the likes of each post and no other count: views, comments, "
        "shares and saves are missing. Learn from likes (--target likes), or give a table that has "
        "the views.",
    ),
)
KEPT = (
    "WhoCanView", "AllowComments", "AllowDuets", "AllowStitches", "AllowStickers",
    "AllowSharingToStory", "AIGeneratedContent", "ContentDisclosure",
)  # fmt: skip
"""Names beside those of the layout that are kept."""

LISTS = tuple((one, many) for one in ("Post", "Video") for many in ("Posts", "Videos"))
SECTIONS = frozenset(
    ("Activity", "Your Activity", "App Settings", "Profile", "Direct Message", "Direct Messages",
     "Comment", "Post", "Video", "Tiktok Live", "TikTok Live", "Tiktok Shopping", "TikTok Shop",
     "Likes and Favorites", "Ads and data")
)  # fmt: skip
"""Headings of an export; which of them there are depends on its year and on what was asked for."""

_LINKED = re.compile(r"/(?:video|photo|v)/(\d{15,20})(?!\d)")
_NAMES = frozenset((*(one for names in LAYOUT.columns.values() for one in names), *KEPT))


@dataclass(frozen=True)
class TiktokExport:
    """The data export of one account."""

    name: str = "tiktok_export"

    def matches(self, look: Look) -> bool:
        """Tell whether a JSON file has a list of own posts, or several headings of an export."""
        if not isinstance(look.content, Mapping):
            return False
        return _posts(look.content) is not None or len(SECTIONS & look.content.keys()) >= 3

    def layout(self, look: Look) -> Layout:
        """Return the names of the export.

        Raises:
            InputError: if it has no list of posts.
        """
        if not _posts(look.content):
            raise InputError(
                f"{look.path}: this export of TikTok holds no posts of its account; ask TikTok for "
                "one with your posts, as JSON"
            )
        return LAYOUT

    def read(self, look: Look) -> Iterator[RawRow]:
        """Yield the own posts, without links, names of accounts and whatever else is personal."""
        author = _author(look.content)
        for number, post in enumerate(_posts(look.content) or [], start=1):
            if isinstance(post, Mapping):
                yield RawRow(look.path.name, number, _values(post, author))
            else:
                yield RawRow(look.path.name, number, {}, "is not a JSON object")


def _posts(content: object) -> list[object] | None:
    """Return the list of own posts, None if there is none."""
    for one, many in LISTS:
        found = under(content, one, many, "VideoList")
        if isinstance(found, list):
            return found
    return None


def _author(content: object) -> str | None:
    for heading in ("Profile Info", "Profile Information"):
        name = under(content, "Profile", heading, "ProfileMap", "userName")
        if isinstance(name, str) and name.strip():
            return name.strip()
    return None


def _values(post: Mapping[str, object], author: str | None) -> dict[str, object]:
    """Return what is kept of a post; newer links lead to the clip and tell no id."""
    values = {name: value for name, value in post.items() if name in _NAMES}
    links = (post.get(name) for name in ("Link", "link", "VideoLink"))
    found = next((one for link in links if (one := _LINKED.search(str(link)))), None)
    title, original = _sound(post.get("Sound"), author)
    return {
        **values, ID: found[1] if found else None, AUTHOR: author, SOUND: title, ORIGINAL: original
    }  # fmt: skip


def _sound(sound: object, author: str | None) -> tuple[str | None, bool | None]:
    """Return the title of a sound, and True if it is the author's, whose name is then left out."""
    if not isinstance(sound, str) or not sound.strip():
        return None, None
    title, _, by = sound.strip().rpartition(" - ")
    if title and (title.casefold() == ORIGINAL or by.casefold() == (author or "").casefold()):
        return title, True
    return sound, None
