"""TikTok Research API, query of videos: `video_description`, `create_time`, `view_count`.

Fields: https://developers.tiktok.com/doc/research-api-specs-query-videos
"""

from collections.abc import Iterator
from dataclasses import dataclass

from virality.data.sources.base import Layout, Look, RawRow
from virality.data.sources.files import first_names, read_rows, under

LAYOUT = Layout(
    columns={
        "id": ("id", "video_id"),
        "author_id": ("username",),
        "posted_at": ("create_time",),
        "caption": ("video_description",),
        "hashtags": ("hashtag_names", "hashtag_info_list"),
        "mentions": ("video_mention_list",),
        "location": ("region_code",),
        "sound_id": ("music_id",),
        "duration_s": ("video_duration",),
        "views": ("view_count",),
        "likes": ("like_count",),
        "comments": ("comment_count",),
        "shares": ("share_count",),
        "saves": ("favorites_count", "favourites_count"),
    },
    units={"posted_at": "s"},
    constants={"platform": "tiktok"},
    dropped=("username", "hashtag_info_list"),
)
_TELLING = frozenset(("view_count", "create_time", "region_code", "hashtag_names", "music_id"))


@dataclass(frozen=True)
class ResearchApi:
    """Answers of the Research API (`data.videos`), lists or lines of videos, and tables of them."""

    name: str = "research_api"

    def matches(self, look: Look) -> bool:
        """Tell whether posts have `video_description` and others of the API's names."""
        names = first_names(look, _records(look))
        return "video_description" in names and len(_TELLING & names) >= 2

    def layout(self, look: Look) -> Layout:  # noqa: ARG002
        """Return the names of the API."""
        return LAYOUT

    def read(self, look: Look) -> Iterator[RawRow]:
        """Yield the videos."""
        return read_rows(look, _records(look))


def _records(look: Look) -> object:
    """Return the list of videos in a JSON file, None if the file itself is the list."""
    videos = under(look.content, "data", "videos")
    return under(look.content, "videos") if videos is None else videos
