"""`tiktok_info.json` of the original project: post id -> metrics, author, general, music."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from virality.data.sources.base import Layout, Look, RawRow
from virality.data.sources.files import flatten

LAYOUT = Layout(
    columns={
        "id": ("id",),
        "author_id": ("author.id", "author.username"),
        "author_verified": ("author.verified",),
        "posted_at": ("time of id",),
        "caption": ("general.text",),
        "hashtags": ("general.hashtags",),
        "sound_id": ("general.music_id",),
        "sound_title": ("music.music_name",),
        "sound_author": ("music.music_author",),
        "sound_original": ("music.music_original",),
        "views": ("metrics.views",),
        "likes": ("metrics.likes",),
        "comments": ("metrics.comments",),
        "shares": ("metrics.shares",),
        "saves": ("metrics.saved",),
    },
    constants={"platform": "tiktok"},
    dropped=("author.", "video_url"),
    units={"posted_at": "s"},
    notes=(
        "This layout holds no posting times: they were taken from the ids, whose upper half counts "
        "the seconds of the upload (within four minutes of the true time on 1,000 known posts).",
    ),
)
PARTS = frozenset(("metrics", "author", "general", "music"))
UNSUPPORTED = "Not supported"
"""What the project wrote where a count was not to be had."""


@dataclass(frozen=True)
class OriginalProject:
    """The mapping that the project's first version kept its posts in."""

    name: str = "original_project"

    def matches(self, look: Look) -> bool:
        """Tell whether the file maps to objects with `metrics` and two more of its parts."""
        if not isinstance(look.content, Mapping):
            return False
        first = next(iter(look.content.values()), None)
        return isinstance(first, Mapping) and "metrics" in first and len(PARTS & first.keys()) >= 3

    def layout(self, look: Look) -> Layout:  # noqa: ARG002
        """Return the project's names."""
        return LAYOUT

    def read(self, look: Look) -> Iterator[RawRow]:
        """Yield each entry of the mapping, its key as the id."""
        entries = look.content if isinstance(look.content, Mapping) else {}
        for number, (post, entry) in enumerate(entries.items(), start=1):
            if isinstance(entry, Mapping):
                flat = {k: None if v == UNSUPPORTED else v for k, v in flatten(entry).items()}
                flat |= {"id": post, "time of id": _upload_time(post)}
                yield RawRow(look.path.name, number, flat)
            else:
                yield RawRow(look.path.name, number, {"id": post}, "is not a JSON object")


def _upload_time(post: str) -> int | None:
    """Return the epoch in seconds that the upper 32 bits of a TikTok id hold."""
    return int(post) >> 32 if post.isdecimal() and 18 <= len(post) <= 19 else None
