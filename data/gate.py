"""The gate before any decoder: only regular files whose first bytes are those of a media format.

Each format is named by magic bytes, never by the file's name, and the decoder is told which demuxer
to use. A text file named `.mp4`, a playlist or an `ffconcat` script thus never reaches a parser
that could open another file or address.

A path is opened once. What is gated, hashed and decoded is that one open file, so that nobody can
put another in its place in between.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HEAD_BYTES = 4096
TS_PACKET = 188

_MP4_BOXES = frozenset(b"ftyp moov mdat free skip wide pnot styp moof sidx uuid".split())
_LAYER_3_SYNC = 0xE0


def demuxer_of(head: bytes) -> str:
    """Return the name of the demuxer for a file that begins so, `""` if it is none of ours.

    Args:
        head: the first bytes of the file, up to HEAD_BYTES.
    """
    if head[4:8] in _MP4_BOXES:
        return "mov"
    for demuxer, magic in _MAGIC:
        if head.startswith(magic):
            return demuxer
    if head[:4] in (b"RIFF", b"RF64"):
        return {b"WAVE": "wav", b"AVI ": "avi"}.get(head[8:12], "")
    if _is_transport_stream(head):
        return "mpegts"
    return _mpeg_audio(head.lstrip(b"\0"))  # encoders pad the beginning of bare MP3 with zeros


_MAGIC: tuple[tuple[str, bytes], ...] = (
    ("matroska", b"\x1a\x45\xdf\xa3"),
    ("flv", b"FLV\x01"),
    ("ogg", b"OggS"),
    ("gif", b"GIF87a"),
    ("gif", b"GIF89a"),
    ("mp3", b"ID3"),
    ("flac", b"fLaC"),
    ("mpeg", b"\x00\x00\x01\xba"),
    ("asf", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
    ("amr", b"#!AMR"),
)


def _is_transport_stream(head: bytes) -> bool:
    if len(head) < 2 * TS_PACKET:
        return False
    starts = range(0, min(len(head), 5 * TS_PACKET), TS_PACKET)
    return all(head[start] == 0x47 for start in starts)


def _mpeg_audio(head: bytes) -> str:
    if len(head) < 4 or head[0] != 0xFF or head[1] & _LAYER_3_SYNC != _LAYER_3_SYNC:
        return ""
    if head[1] & 0xF6 == 0xF0:
        return "aac"
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    rate, bitrate = head[2] >> 2 & 3, head[2] >> 4
    sound = version != 1 and layer != 0 and rate != 3 and bitrate not in (0, 15)
    return "mp3" if sound else ""


def open_file(path: Path) -> int:
    """Open a path for reading if it is a regular file; return the descriptor.

    Nothing blocks: a named pipe is opened without waiting for a writer, then refused.

    Raises:
        FileNotFoundError: if there is nothing.
        IsADirectoryError: if it is not a regular file (folder, pipe, socket, device).
        OSError: if it may not be read.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise IsADirectoryError(f"{path} is not a regular file")
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise IsADirectoryError(f"{path} is not a regular file")
    return descriptor


@dataclass(frozen=True)
class Admitted:
    """A path that has been to the gate.

    Attributes:
        descriptor: of the open file, -1 if there is none that may be read.
        demuxer: name of the demuxer for it, `""` if it is refused.
        reason: why it is refused, `""` if it is not.
    """

    descriptor: int
    demuxer: str
    reason: str


@contextlib.contextmanager
def opened(path: Path, file_bytes: int) -> Iterator[Admitted]:
    """Open a path and check what is there before it is decoded; it is closed again afterwards.

    Args:
        path: file to look at; links are followed, see `within` for where they may lead.
        file_bytes: largest file that is let through.
    """
    try:
        descriptor = open_file(path)
    except FileNotFoundError:
        yield Admitted(-1, "", "file_not_found")
        return
    except IsADirectoryError:
        yield Admitted(-1, "", "not_a_file")
        return
    except (OSError, ValueError):  # a name that holds a zero byte is a ValueError
        yield Admitted(-1, "", "unreadable")
        return
    try:
        yield Admitted(descriptor, *_judged(descriptor, file_bytes))
    finally:
        os.close(descriptor)


def admit(path: Path, file_bytes: int) -> tuple[str, str]:
    """Check a path without keeping it open; return (demuxer, reason), one of which is `""`."""
    with opened(path, file_bytes) as admitted:
        return admitted.demuxer, admitted.reason


def _judged(descriptor: int, file_bytes: int) -> tuple[str, str]:
    try:
        size, head = os.fstat(descriptor).st_size, os.pread(descriptor, HEAD_BYTES, 0)
    except OSError:
        return "", "unreadable"
    if not head:
        return "", "empty_file"
    if size > file_bytes:
        return "", "too_large"
    demuxer = demuxer_of(head)
    return (demuxer, "") if demuxer else ("", "not_media")


def within(folder: Path, path: Path) -> bool:
    """Tell whether a path, after every link is followed, still lies inside the folder."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):
        return False
