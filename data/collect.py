"""Fetch posts by address through yt-dlp: metadata and media by id, politely, one after the other.

Nothing is fetched unless asked for. Only http and https are followed, also after a redirect and
for the media that a page names; yt-dlp's own `file:` handler stays off. What has been fetched is
not fetched again, and whatever failed is written down with its reason.
"""

import csv
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from virality.data.errors import InputError, StorageError, UsageError
from virality.data.installing import how_to_install
from virality.data.rejects import safe_cell, shown

TABLE = "collected.csv"
HEADER = ("url", "id", "platform", "status", "reason", "at", "file")
SCHEMES = ("http", "https")
LONGEST_URL = 4000
MOST_RULES = 500_000
AGENT = "virality"
"""Name under which a robots.txt may speak to this program."""

_NAME = "%(extractor_key)s-%(id)s.%(ext)s"
_CLEAN = re.compile(r"\x1b\[[0-9;]*m|[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Manners:
    """How to fetch: slowly, and no more than asked for.

    Attributes:
        pause_s: seconds between posts; yt-dlp waits half of it between its own requests.
        most: posts fetched at most.
        media: whether clips are fetched too, not only what is said of them.
        rate: most bytes a second, 0 for no limit.
        file_bytes: largest clip.
        retries: further attempts at what fails.
        robots: whether what a site's robots.txt forbids is left alone (RFC 9309).
    """

    pause_s: float = 3.0
    most: int = 100
    media: bool = True
    rate: int = 1_000_000
    file_bytes: int = 200_000_000
    retries: int = 2
    robots: bool = True


@dataclass(frozen=True)
class Fetched:
    """What became of one address: `ok`, `failed` or `refused`; why, when, and where it lies."""

    url: str
    id: str
    platform: str
    status: str
    reason: str
    at: str
    file: str = ""


@dataclass(frozen=True)
class Collected:
    """What a collection came to.

    Attributes:
        fetched: posts fetched now; already: those that were there.
        failed, refused: addresses without a post; the table says why.
        left: addresses that the maximum left out.
        folder: where everything is; table: what became of every address.
        rows: one an address that was looked at now.
    """

    fetched: int
    already: int
    failed: int
    refused: int
    left: int
    folder: Path
    table: Path
    rows: tuple[Fetched, ...]

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        plain = {name: getattr(self, name) for name in ("fetched", "already", "failed", "refused")}
        rows = [dict(row.__dict__) for row in self.rows]
        return {**plain, "left": self.left, "folder": str(self.folder), "table": str(self.table),
                "rows": rows}  # fmt: skip


def read_urls(sources: Sequence[str]) -> tuple[str, ...]:
    """Return the addresses given, or those in files of one address a line (`#` begins a remark).

    Raises:
        InputError: if there are none.
        StorageError: if a file cannot be read.
    """
    urls: list[str] = []
    for source in sources:
        if "://" in source or not Path(source).is_file():
            urls.append(source.strip())
            continue
        try:
            lines = Path(source).read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise StorageError(f"{source}: cannot be read as text ({error})") from error
        urls += [line.strip() for line in lines if line.strip() and line.strip()[0] != "#"]
    if not urls:
        raise InputError("collect: no address is given")
    return tuple(dict.fromkeys(urls))


def refusal(url: str) -> str:
    """Return why an address is not fetched, `""` if it may be."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "is no address"
    if parts.scheme.lower() not in SCHEMES:
        return "only http and https are fetched"
    if not parts.hostname or len(url) > LONGEST_URL or re.search(r"[\s\x00-\x1f\x7f]", url):
        return "is no address"
    if parts.username or parts.password:
        return "holds a name or a password"
    return ""


def collect(
    urls: Sequence[str],
    folder: Path,
    *,
    manners: Manners | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Collected:
    """Fetch posts into a folder that `virality ingest` reads; again, it fetches what is missing.

    Args:
        urls: addresses of posts.
        folder: for `<platform>-<id>.info.json`, the clips, and a table of what became of each.
        manners: how to fetch.
        progress: told `(done, total)`.

    Raises:
        UsageError: if yt-dlp is not installed.
        StorageError: if the folder cannot be written.
    """
    manners = manners or Manners()
    ytdlp = _library()
    table = folder / TABLE
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{folder}: cannot be made ({error.strerror})") from error
    known = read_collected(table)
    done = {row.url for row in known if row.status == "ok" and _is_there(row, folder)}
    wanted = [url for url in urls if url not in done]
    chosen = wanted[: manners.most]
    rows: list[Fetched] = []
    for number, url in enumerate(chosen):
        if rows and rows[-1].status != "refused":
            time.sleep(manners.pause_s)
        row = _one(ytdlp, url, folder, manners)
        rows.append(row)
        _write_row(table, row)
        if progress is not None:
            progress(number + 1, len(chosen))
    counts = [row.status for row in rows]
    return Collected(
        counts.count("ok"), len(urls) - len(wanted), counts.count("failed"),
        counts.count("refused"), len(wanted) - len(chosen), folder, table, tuple(rows),
    )  # fmt: skip


def _library() -> Any:
    try:
        import yt_dlp
    except ImportError as error:
        raise UsageError(
            f"collect: yt-dlp is not installed: {how_to_install('collect')}"
        ) from error
    return yt_dlp


def _one(ytdlp: Any, url: str, folder: Path, manners: Manners) -> Fetched:
    """Fetch one post; whatever goes wrong with it is told of it alone."""
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    why = refusal(url)
    if why:
        return Fetched(url, "", "", "refused", why, at)
    try:
        with ytdlp.YoutubeDL(_options(folder, manners)) as loader:
            _only_web(loader)
            if manners.robots and not _allowed(loader, url):
                return Fetched(url, "", "", "refused", "the site's robots.txt forbids it", at)
            info = loader.extract_info(url, download=True)
            if info is None or info.get("_type") in ("playlist", "multi_video"):
                return Fetched(url, "", "", "failed", "is no single post", at)
            file = Path(loader.prepare_filename(info, "infojson")).name
            media = Path(loader.prepare_filename(info))
    except ytdlp.utils.YoutubeDLError as error:
        if "No space left" in str(error):
            raise StorageError(f"{folder}: the disk is full; make room and run again") from error
        return Fetched(url, "", "", "failed", _reason(error), at)
    except OSError as error:
        raise StorageError(f"{folder}: cannot be written ({error.strerror or error})") from error
    name, platform = str(info["id"]), str(info.get("extractor_key", ""))
    if manners.media and not media.is_file():
        why = f"no clip was fetched; is it larger than {manners.file_bytes:,} bytes?"
        return Fetched(url, name, platform, "failed", why, at, file)
    return Fetched(url, name, platform, "ok", "", at, file)


def _allowed(loader: Any, url: str) -> bool:
    """Tell whether a site lets programs fetch an address: no rules allow, broken ones forbid."""
    from urllib.robotparser import RobotFileParser

    from yt_dlp.networking.exceptions import HTTPError, RequestError

    parts = urlsplit(url)
    try:
        with loader.urlopen(f"{parts.scheme}://{parts.netloc}/robots.txt") as response:
            text = response.read(MOST_RULES).decode("utf-8", "replace")
    except HTTPError as error:
        return bool(400 <= error.status < 500)
    except RequestError:
        return True  # the site cannot be reached: fetching will tell why
    rules = RobotFileParser()
    rules.parse(text.splitlines())
    return bool(rules.can_fetch(AGENT, url))


def _reason(error: BaseException) -> str:
    """Return yt-dlp's message as one line without colours."""
    text = _CLEAN.sub(" ", str(error)).removeprefix("ERROR:").strip()
    return shown(re.sub(r"\s+", " ", text).split("; please report this")[0]) or type(error).__name__


def _options(folder: Path, manners: Manners) -> dict[str, Any]:
    return {
        "paths": {"home": str(folder)},
        "outtmpl": {"default": _NAME},
        "restrictfilenames": True,
        "writeinfojson": True,
        "clean_infojson": True,
        "allow_playlist_files": False,
        "noplaylist": True,
        "playlist_items": "0",
        "skip_download": not manners.media,
        # What comes over plain http needs no other program, which would go where it likes.
        "format": "best[ext=mp4][protocol^=http]/best[protocol^=http]",
        "fixup": "never",
        "max_filesize": manners.file_bytes,
        "ratelimit": manners.rate or None,
        "sleep_interval_requests": manners.pause_s / 2,
        "retries": manners.retries,
        "extractor_retries": manners.retries,
        "fragment_retries": manners.retries,
        "socket_timeout": 20,
        "enable_file_urls": False,
        "cachedir": False,
        "continuedl": True,
        "overwrites": True,
        "quiet": True,
        "no_warnings": True,
        "noprogress": True,
        "logger": _Silent(),
    }


class _Silent:
    """Takes what yt-dlp would print; reasons are told by the table."""

    def debug(self, message: str) -> None:
        """Take a note."""

    info = warning = error = debug


def _only_web(loader: Any) -> None:
    """Let the loader ask for http and https only, whatever a page, a list or a redirect says.

    Of yt-dlp's handlers only the one by `requests` is kept: it follows redirects to these two
    schemes alone, while the one by urllib would also go to ftp.
    """
    from yt_dlp.networking._requests import RequestsRH
    from yt_dlp.utils import DownloadError

    loader._request_director = loader.build_request_director([RequestsRH])
    ask = loader.urlopen

    def urlopen(request: Any) -> Any:
        why = refusal(request if isinstance(request, str) else request.url)
        if why:
            raise DownloadError(f"leads to an address that is not fetched: {why}")
        return ask(request)

    loader.urlopen = urlopen


def _is_there(row: Fetched, folder: Path) -> bool:
    return bool(row.file) and row.file == Path(row.file).name and (folder / row.file).is_file()


def read_collected(table: Path) -> tuple[Fetched, ...]:
    """Return what became of every address so far; the last line of an address counts.

    Raises:
        StorageError: if the table cannot be read.
    """
    try:
        with table.open(newline="", encoding="utf-8") as handle:
            lines = [row for row in csv.reader(handle) if len(row) == len(HEADER)]
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StorageError(f"{table}: cannot be read ({error})") from error
    rows = (Fetched(*(cell.removeprefix("'") for cell in row)) for row in lines[1:])
    return tuple({row.url: row for row in rows}.values())


def _write_row(table: Path, row: Fetched) -> None:
    fresh = not table.exists()
    try:
        with table.open("a", newline="", encoding="utf-8") as handle:
            writer = csv.writer(handle)
            if fresh:
                writer.writerow(HEADER)
            writer.writerow([safe_cell(getattr(row, name)) for name in HEADER])
    except OSError as error:
        raise StorageError(f"{table}: cannot be written ({error.strerror})") from error
