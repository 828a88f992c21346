"""A form with clips, streamed to disk: nothing of it is ever in memory as a whole."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote

from virality.reports.words import size_words, tidy
from virality.web.refusal import Refusal, too_slow
from virality.web.settings import Settings

FIELD_BYTES = 20_000
"""Largest text field; the longest captions have 4,000 characters."""

CODED_NAME = re.compile(r"filename\*\s*=\s*(utf-8|iso-8859-1)'[^']*'([^\s;]*)", re.IGNORECASE)
UNCHANGED = ("7bit", "8bit", "binary")
"""Codings of e-mail that leave the bytes of a part as they are."""

FIELDS, HEADER_BYTES, NAME_LENGTH = 40, 4096, 120
CLIP_FIELD = "clip"


@dataclass(frozen=True)
class Upload:
    """A clip on disk and what its owner calls it."""

    name: str
    path: Path


@dataclass(frozen=True)
class Form:
    """What a form brought: text fields in order, and clips."""

    texts: tuple[tuple[str, str], ...]
    clips: tuple[Upload, ...]
    bytes: int


@dataclass
class _Part:
    """The part that is being read."""

    headers: dict[str, str] = field(default_factory=dict)
    name: str = ""
    filename: str | None = None
    text: bytearray = field(default_factory=bytearray)
    sink: IO[bytes] | None = None
    path: Path | None = None
    size: int = 0


class FormReader:
    """Takes the pieces of a multipart body as they come and keeps clips on disk.

    Args:
        boundary: between parts.
        folder: where clips go, under names of our own; None if none are taken.
        settings: how many and how large.
    """

    def __init__(self, boundary: bytes, folder: Path | None, settings: Settings) -> None:
        from python_multipart.multipart import MultipartParser

        self._folder, self._settings = folder, settings
        self._texts: list[tuple[str, str]] = []
        self._clips: list[Upload] = []
        self._part = _Part()
        self._header: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._parts = self._bytes = 0
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers,
                "on_end": self._over,
            },
            max_header_size=HEADER_BYTES,
        )

    def feed(self, piece: bytes) -> None:
        """Take a piece of the body.

        Raises:
            Refusal: if it is no form, or beyond a limit.
        """
        from python_multipart.exceptions import FormParserError

        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise Refusal(400, "bad_form", "the body is no well-formed form") from error

    def close(self) -> None:
        """Close the file that is being written, if any."""
        if self._part.sink is not None:
            self._part.sink.close()
            self._part.sink = None

    def form(self) -> Form:
        """Return what came.

        Raises:
            Refusal: if the body broke off.
        """
        if not self._ended:
            raise Refusal(400, "bad_form", "the form broke off before its end")
        return Form(tuple(self._texts), tuple(self._clips), self._bytes)

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > FIELDS:
            raise Refusal(413, "too_many_fields", f"at most {FIELDS} fields are taken")
        self._part = _Part()

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._grow(self._header[0], data[start:end], HEADER_BYTES)

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._grow(self._header[1], data[start:end], HEADER_BYTES)

    def _header_end(self) -> None:
        name, value = (bytes(part).decode("latin-1") for part in self._header)
        self._part.headers[name.lower()] = value
        self._header = (bytearray(), bytearray())

    def _headers(self) -> None:
        from python_multipart.multipart import parse_options_header

        part = self._part
        _, options = parse_options_header(part.headers.get("content-disposition", ""))
        part.name = options.get(b"name", b"").decode("utf-8", "replace")
        named = options.get(b"filename")
        part.filename = None if named is None else named.decode("utf-8", "replace")
        if part.filename is None:
            part.filename = _coded_name(part.headers.get("content-disposition", ""))
        _check_part(part)
        if part.filename is None or part.name != CLIP_FIELD:
            return
        if self._folder is None:
            raise Refusal(413, "too_many_clips", "no clip is taken here")
        if len(self._clips) >= self._settings.clips:
            raise Refusal(413, "too_many_clips", f"at most {self._settings.clips} clips are taken")
        # The name is a stranger's: it is shown, never used as a path.
        part.path = self._folder / f"clip-{self._parts}"
        part.sink = part.path.open("xb")

    def _data(self, data: bytes, start: int, end: int) -> None:
        part = self._part
        part.size += end - start
        if part.sink is None:
            if part.size > FIELD_BYTES:
                raise _no_file(part) or Refusal(
                    413, "field_too_large", f"the field {part.name[:40]!r} may have at most "
                    f"{FIELD_BYTES} bytes"
                )  # fmt: skip
            part.text += data[start:end]
            return
        self._bytes += end - start
        if part.size > self._settings.clip_bytes:
            most = size_words(self._settings.clip_bytes)
            raise Refusal(413, "clip_too_large", f"a clip may have at most {most}")
        part.sink.write(memoryview(data)[start:end])

    def _end(self) -> None:
        part = self._part
        if part.path is None:
            self._texts.append((part.name, _text(part)))
            return
        self.close()
        if part.size or part.filename:  # a file field left empty sends neither
            name = tidy((part.filename or "").replace("\\", "/").rpartition("/")[2], NAME_LENGTH)
            self._clips.append(Upload(name or "clip", part.path))
        else:
            part.path.unlink()

    def _over(self) -> None:
        self._ended = True

    @staticmethod
    def _grow(into: bytearray, piece: bytes, most: int) -> None:
        if len(into) + len(piece) > most:
            raise Refusal(413, "field_too_large", f"a header of a field has at most {most} bytes")
        into += piece


def _coded_name(disposition: str) -> str | None:
    """Return a file name in the way of e-mail (`filename*=UTF-8''...`): some programs do so."""
    if "filename*" not in disposition.lower():
        return None
    found = CODED_NAME.search(disposition)
    return unquote(found[2], found[1], "replace") if found else ""


def _check_part(part: _Part) -> None:
    """Refuse a file where none goes, and what would be read as something that it is not.

    Before it is read: a clip taken for a text would only be said to be too long, or no UTF-8.
    """
    name, coding = part.name[:40], part.headers.get("content-transfer-encoding", "")
    if coding.strip().lower() not in ("", *UNCHANGED):
        raise Refusal(
            415, "coded", f"the field {name!r} is sent as {coding[:40]!r}; send it as it is"
        )
    if part.name == CLIP_FIELD and part.filename is None:
        raise Refusal(422, CLIP_FIELD, f"{CLIP_FIELD} is a file; send it with a file name")


def _no_file(part: _Part) -> Refusal | None:
    """Return why a part that holds a file is refused, None if it holds none."""
    if part.filename is None:
        return None
    why = f"the field {part.name[:40]!r} takes no file; a clip is sent as {CLIP_FIELD}"
    return Refusal(422, "no_file_field", why)


def _text(part: _Part) -> str:
    try:
        text = part.text.decode("utf-8")
    except UnicodeDecodeError:
        raise _no_file(part) or Refusal(
            422, "bad_text", f"the field {part.name[:40]!r} is no UTF-8 text"
        ) from None
    return text.replace("\r\n", "\n")


async def receive_form(request: Any, folder: Path | None, settings: Settings) -> Form:
    """Read a request's form into a folder, within limits of size and time.

    It must go on at a least rate: else a few bytes now and then would hold a place in the queue for
    as long as the longest upload may take.

    Args:
        request: of Starlette, its body unread.
        folder: where clips go, None if none are taken.
        settings: the limits.

    Raises:
        Refusal: if it is no form, too large or too slow.
        ClientDisconnect: if the other side hangs up.
    """
    reader = FormReader(_boundary(request), folder, settings)
    loop = asyncio.get_running_loop()
    until, total = loop.time() + settings.upload_s, 0
    due, come, left = settings.min_rate * settings.idle_s, 0, settings.idle_s
    pieces = request.stream()
    try:
        while True:
            begun = loop.time()
            piece = await _next(pieces, min(left, until - begun))
            if piece is None:
                return reader.form()
            total, come = total + len(piece), come + len(piece)
            left -= loop.time() - begun  # only the waiting: a slow disk is not the sender's fault
            if come >= due:  # what came beyond that buys no pause
                come, left = 0, settings.idle_s
            if total > settings.body_bytes:
                raise Refusal(413, "too_large", "more was sent than is taken in one request")
            reader.feed(piece)
    finally:
        reader.close()


async def _next(pieces: AsyncIterator[bytes], wait_s: float) -> bytes | None:
    try:
        return await asyncio.wait_for(anext(pieces, None), max(wait_s, 0.001))
    except TimeoutError:
        raise too_slow() from None


def _boundary(request: Any) -> bytes:
    from python_multipart.multipart import parse_options_header

    kind, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 0 < len(boundary) <= 70:
        raise Refusal(415, "no_form", "send a form: multipart/form-data with a boundary")
    return boundary
