"""SMP Challenge, video track: posts, users, videos and popularity in four JSONL files.

Published at https://smp-challenge.com; the files are joined by `pid` and `uid`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from virality.data.sources.base import Layout, Look, RawRow
from virality.data.sources.files import read_jsonl

LAYOUT = Layout(
    columns={
        "id": ("pid",),
        "author_id": ("uid",),
        "author_followers": ("user_follower_count",),
        "author_following": ("user_following_count",),
        "author_posts": ("user_video_count",),
        "author_likes": ("user_heart_count",),
        "posted_at": ("post_time",),
        "caption": ("post_content",),
        "location": ("post_location",),
        "sound_title": ("music_title",),
        "duration_s": ("video_duration",),
        "width": ("video_width",),
        "height": ("video_height",),
        "media": ("video_path",),
        "popularity": ("popularity",),
    },
    constants={"platform": "tiktok"},
    # What else the files hold stays extra and `post`, as any unknown column does: the user's likes
    # and hearts were crawled after the post with its own likes among them, and suggested words are
    # attached to posts that already had traffic.
    marked_captions=False,
    notes=(
        "SMP captions are words between commas, with the sign of hashtags gone: the commas became "
        "spaces and hashtags are missing, since they cannot be told from other words.",
    ),
)
PARTS: Mapping[str, str] = {"users": "uid", "videos": "pid", "popularity": "pid"}
"""Part beside the posts -> the key that joins it."""


@dataclass(frozen=True)
class Smp:
    """A folder with `posts`, `users`, `videos` and, where it is known, `popularity` as JSONL."""

    name: str = "smp"

    def matches(self, look: Look) -> bool:
        """Tell whether the folder holds the posts, users and videos files."""
        wanted = {"posts.jsonl", "users.jsonl", "videos.jsonl"}
        return look.form == "folder" and wanted <= look.names

    def layout(self, look: Look) -> Layout:  # noqa: ARG002
        """Return the names of the challenge."""
        return LAYOUT

    def read(self, look: Look) -> Iterator[RawRow]:
        """Yield each post joined with its author, video and popularity."""
        parts = {part: _by_key(look.path / f"{part}.jsonl", key) for part, key in PARTS.items()}
        for row in read_jsonl(look.path / "posts.jsonl"):
            if row.problem:
                yield row
                continue
            values = dict(row.values)
            for part, key in PARTS.items():
                values |= parts[part].get(values.get(key), {})
            values["post_content"] = _spaced(values.get("post_content"))
            yield RawRow(row.file, row.number, values)


def _by_key(path: Path, key: str) -> Mapping[object, Mapping[str, object]]:
    """Return the rows of one of the files by the key that joins them; none if it is absent."""
    if not path.exists():
        return {}
    return {row.values.get(key): row.values for row in read_jsonl(path) if not row.problem}


def _spaced(caption: object) -> object:
    return caption.replace(",", " ") if isinstance(caption, str) else caption
