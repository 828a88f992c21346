"""TikTok Research API, query of videos: `video_description`, `create_time`, `view_count`.

Fields: https://developers.tiktok.com/doc/research-api-specs-query-videos
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from virality.data.sources.base import Layout, Look, RawRow
from virality.data.sources.files import FIRST_RECORDS, first_names, flatten, read_rows, under

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
LISTS = ("data.videos", "videos")
"""Where an answer has its videos."""
_TELLING = frozenset(("view_count", "create_time", "region_code", "hashtag_names", "music_id"))


@dataclass(frozen=True)
class ResearchApi:
    """Answers of the Research API (`data.videos`) or videos, lists or lines of either, and tables.

    It gives 100 videos at a time, so that many files hold the answers one after the other.
    """

    name: str = "research_api"

    def matches(self, look: Look) -> bool:
        """Tell whether posts have `video_description` and others of the API's names."""
        names = first_names(look, _records(look))
        if look.form in ("json", "jsonl") and names & set(LISTS):
            first = islice(self.read(look), FIRST_RECORDS)
            names = frozenset(name for row in first for name in row.values)
        return "video_description" in names and len(_TELLING & names) >= 2

    def layout(self, look: Look) -> Layout:  # noqa: ARG002
        """Return the names of the API."""
        return LAYOUT

    def read(self, look: Look) -> Iterator[RawRow]:
        """Yield the videos, those of several answers counted through."""
        rows = read_rows(look, _records(look))
        return _videos(rows) if look.form in ("json", "jsonl") else rows


def _videos(rows: Iterable[RawRow]) -> Iterator[RawRow]:
    """Yield the videos of answers; what is no answer stays as it is."""
    more = 0
    for row in rows:
        listed = next((row.values[name] for name in LISTS if name in row.values), None)
        videos = listed if isinstance(listed, list) else [None]
        for place, video in enumerate(videos):
            number = row.number + more + place
            if listed is not videos:
                yield RawRow(row.file, number, row.values, row.problem)
            elif isinstance(video, Mapping):
                yield RawRow(row.file, number, flatten(video))
            else:
                yield RawRow(row.file, number, {}, "is not a JSON object")
        more += len(videos) - 1


def _records(look: Look) -> object:
    """Return the list of videos in a JSON file, None if the file itself is the list."""
    videos = under(look.content, "data", "videos")
    return under(look.content, "videos") if videos is None else videos
