"""TikTok's mobile API: `aweme_list` or `aweme_detail` with `statistics.play_count`.

An item has some hundreds of names, most of them links, settings of the viewer or facts of the
account: only those that are named here are read. Lengths are in milliseconds.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from virality.data.sources.base import Layout, Look, RawRow
from virality.data.sources.files import FIRST_RECORDS, first_names, flatten, read_rows, under

ID = "aweme_id"
VIEWS, LIKES, POSTS, USES = (
    "statistics.play_count", "statistics.digg_count", "author.aweme_count", "music.user_count",
)  # fmt: skip
PLATFORM, VERIFIED, READ_AT = "platform of link", "verified of author", "time of answer"
"""What follows from several names of an item, or from the answer that it came in."""

LAYOUT = Layout(
    columns={
        "id": (ID,),
        "platform": (PLATFORM,),
        "author_id": ("author.uid", "author.unique_id", "author_user_id"),
        "author_followers": ("author.follower_count",),
        "author_following": ("author.following_count",),
        "author_posts": (POSTS,),
        "author_likes": ("author.total_favorited",),
        "author_verified": (VERIFIED,),
        "posted_at": ("create_time",),
        "collected_at": (READ_AT,),
        "caption": ("desc",),
        "hashtags": ("text_extra",),
        "location": ("region",),
        "sound_id": ("music.mid", "music.id_str", "music.id"),
        "sound_title": ("music.title",),
        "sound_author": ("music.author",),
        "sound_original": ("music.is_original_sound", "music.is_original"),
        "sound_uses": (USES,),
        "duration_s": ("video.duration", "duration"),
        "width": ("video.width",),
        "height": ("video.height",),
        "views": (VIEWS,),
        "likes": (LIKES,),
        "comments": ("statistics.comment_count",),
        "shares": ("statistics.share_count",),
        "saves": ("statistics.collect_count",),
    },
    units={"posted_at": "s", "collected_at": "ms", "duration_s": "ms"},
    notes=(
        "In this layout a 0 may stand for a count that was not told: views of posts that have "
        "likes, uses of their sounds, and counts of authors without a post are then left empty.",
    ),
)
EXTRAS = (
    "aweme_type", "desc_language", "is_ads", "is_top", "with_promotional_music",
    "statistics.download_count", "statistics.forward_count", "statistics.whatsapp_share_count",
)  # fmt: skip
"""Names beside those of the layout that are kept."""

LISTS = ("aweme_list", "aweme_details", "search_item_list", "data")
SINGLE = ("aweme_detail", "aweme_info", "aweme", "data")
_NAMES = frozenset((*(one for names in LAYOUT.columns.values() for one in names), *EXTRAS))
_OF_AUTHOR = tuple(name for name in _NAMES if name.startswith("author.") and "count" in name)
_DEEPEST = 4
"""Objects around the lists of an answer."""
_PHOTOS = "image_post_info"


@dataclass(frozen=True)
class TiktokMobile:
    """Answers of the app's API, lists or lines of them or of their items, and tables of items."""

    name: str = "tiktok_mobile"

    def matches(self, look: Look) -> bool:
        """Tell whether posts have an `aweme_id` and `statistics`, or lines hold lists of such."""
        if look.form == "json":
            first = islice((item for item, _ in _items(look.content)), FIRST_RECORDS)
            flat = (flatten(item) for item in first if isinstance(item, Mapping))
            return any(ID in names and bool({VIEWS, LIKES} & names.keys()) for names in flat)
        names = first_names(look)
        lists = {f"{before}{name}" for name in LISTS[:2] for before in ("", "data.")}
        return bool(lists & names) or (ID in names and bool({VIEWS, LIKES} & names))

    def layout(self, look: Look) -> Layout:  # noqa: ARG002
        """Return the names of the API."""
        return LAYOUT

    def read(self, look: Look) -> Iterator[RawRow]:
        """Yield the items of answers, of a list, or of a table."""
        if look.form == "json":
            for number, (item, read_at) in enumerate(_items(look.content), start=1):
                yield _row(look.path.name, number, item, read_at)
            return
        for row in read_rows(look):
            if row.problem or ID in row.values:
                yield row if row.problem else _row(row.file, row.number, row.values, None)
                continue
            for item, read_at in _items(_nested(row.values)):
                yield _row(row.file, row.number, item, read_at)


def _items(
    content: object, read_at: object = None, deep: int = 0
) -> Iterator[tuple[object, object]]:
    """Yield the items of an answer or of a list, each with the time of its answer in ms."""
    if isinstance(content, list):
        for one in content:
            if isinstance(one, Mapping):
                yield from _items(one, read_at, deep)
            else:
                yield one, read_at
    elif isinstance(content, Mapping) and ID in content:
        yield content, read_at
    elif isinstance(content, Mapping) and deep < _DEEPEST:
        read_at = under(content, "extra", "now") or read_at
        inner = [content.get(name) for name in LISTS if isinstance(content.get(name), list)]
        inner += [content.get(name) for name in SINGLE if isinstance(content.get(name), Mapping)]
        for one in inner:
            yield from _items(one, read_at, deep + 1)


def _nested(values: Mapping[str, object]) -> dict[str, object]:
    """Return a line as it was before its names were joined by dots."""
    nested: dict[str, object] = {}
    for name, value in values.items():
        *above, last = name.split(".")
        place = nested
        for one in above:
            inner = place.setdefault(one, {})
            place = inner if isinstance(inner, dict) else {}
        place[last] = value
    return nested


def _row(file: str, number: int, item: object, read_at: object) -> RawRow:
    """Return an item as a row: what is kept of it, and without the counts that were not told."""
    if not isinstance(item, Mapping):
        return RawRow(file, number, {}, "is not a JSON object")
    flat = flatten(item)
    values = {name: value for name, value in flat.items() if name in _NAMES}
    values[READ_AT] = read_at
    values[PLATFORM] = "douyin" if "douyin.com" in str(flat.get("share_url")) else "tiktok"
    if "author.custom_verify" in flat:
        marks = ("author.custom_verify", "author.enterprise_verify_reason")
        values[VERIFIED] = any(flat.get(name) for name in marks)
    if any(name.startswith(f"{_PHOTOS}.") for name in flat) or flat.get(_PHOTOS):
        values |= {"video.duration": 0, "duration": 0}
    untold = [USES]
    if not _is_zero(values.get(LIKES, 0)):
        untold.append(VIEWS)
    if _is_zero(values.get(POSTS, 0)):
        untold += _OF_AUTHOR
    for name in untold:
        if _is_zero(values.get(name)):
            del values[name]
    return RawRow(file, number, values)


def _is_zero(value: object) -> bool:
    return str(value).strip() == "0"
