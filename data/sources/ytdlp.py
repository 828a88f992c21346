"""Folders that yt-dlp wrote with `--write-info-json`: `<name>.info.json` beside `<name>.mp4`.

Fields: https://github.com/yt-dlp/yt-dlp#output-template
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from virality.data.sources.base import Layout, Look, RawRow
from virality.data.sources.files import flatten

SUFFIX = ".info.json"
MEDIA = (".mp4", ".webm", ".mkv", ".mov", ".m4v", ".flv", ".avi", ".ts", ".m4a", ".mp3", ".ogg")
"""Endings of the media file of a post, the most telling first."""

LAYOUT = Layout(
    columns={
        "id": ("id",),
        "platform": ("extractor_key", "extractor"),
        "author_id": ("channel_id", "uploader_id", "channel", "uploader"),
        "author_followers": ("channel_follower_count",),
        "author_verified": ("channel_is_verified",),
        "posted_at": ("timestamp", "upload_date"),
        "collected_at": ("epoch",),
        "caption": ("description", "title"),
        "hashtags": ("tags",),
        "location": ("location",),
        "sound_title": ("track",),
        "sound_author": ("artists", "artist"),
        "duration_s": ("duration",),
        "width": ("width",),
        "height": ("height",),
        "media": ("media",),
        "views": ("view_count",),
        "likes": ("like_count",),
        "comments": ("comment_count",),
        "shares": ("repost_count",),
        "saves": ("save_count",),
    },
    dropped=(
        "channel", "channel_id", "channel_url", "uploader", "uploader_id", "uploader_url",
        "creator", "creators", "formats", "thumbnails", "thumbnail", "url", "cookies",
        "http_headers.",
        "requested_formats", "requested_downloads", "requested_subtitles.", "subtitles.",
        "automatic_captions.", "comments", "entries", "filename", "_filename", "_version.",
        "webpage_url", "original_url", "urls", "manifest_url", "fragments", "fragment_base_url",
        "downloader_options.", "heatmap", "storyboards", "display_id", "fulltitle", "artists",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Ytdlp:
    """A folder (searched in depth) of `.info.json` files with their media, or one such file."""

    name: str = "ytdlp"

    def matches(self, look: Look) -> bool:
        """Tell whether there is an `.info.json` file."""
        if look.form == "folder":
            return next(look.path.rglob(f"*{SUFFIX}"), None) is not None
        return look.path.name.endswith(SUFFIX) and isinstance(look.content, Mapping)

    def layout(self, look: Look) -> Layout:  # noqa: ARG002
        """Return the names of yt-dlp."""
        return LAYOUT

    def read(self, look: Look) -> Iterator[RawRow]:
        """Yield the post of each `.info.json` in order of path, playlists left out."""
        folder = look.path if look.form == "folder" else look.path.parent
        infos = sorted(folder.rglob(f"*{SUFFIX}")) if look.form == "folder" else [look.path]
        for number, path in enumerate(infos, start=1):
            row = _row(path, folder, number)
            if row.values.get("_type") not in ("playlist", "multi_video"):
                yield row


def _row(path: Path, folder: Path, number: int) -> RawRow:
    """Return the post that an `.info.json` describes."""
    place = path.relative_to(folder).as_posix()
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        return RawRow(place, number, {}, f"cannot be read ({type(error).__name__})")
    if not isinstance(content, Mapping):
        return RawRow(place, number, {}, "is not a JSON object")
    kept = {name: value for name, value in content.items() if not str(name).startswith("__")}
    return RawRow(place, number, flatten({**kept, "media": _media(path, folder)}))


def _media(info: Path, folder: Path) -> str | None:
    """Return the media file beside an info file, relative to the folder."""
    stem = info.name.removesuffix(SUFFIX)
    for ending in MEDIA:
        media = info.with_name(stem + ending)
        if media.is_file():
            return media.relative_to(folder).as_posix()
    return None
