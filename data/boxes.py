"""Whether all of a file is there, read from the sizes that its outermost parts declare."""

import struct

MOST_BOXES = 10_000
"""Boxes at the outermost level that are looked at; a fragmented hour has some thousands."""


def index_is_cut(path: str, size_bytes: int) -> bool:
    """Tell whether an MP4 ends within its index (`moov`), so that tracks may be lost with it.

    A demuxer takes the tracks that it finds there and says nothing. Boxes begin with a size and a
    name of four bytes each; a size of 1 means that eight bytes follow with the size, 0 that the box
    lasts to the end of the file (ISO/IEC 14496-12, section 4.2).

    Args:
        path: an MP4 or QuickTime file.
        size_bytes: its size.

    Raises:
        OSError: if it cannot be read.
    """
    start = 0
    with open(path, "rb") as file:
        for _ in range(MOST_BOXES):
            file.seek(start)
            head = file.read(16)
            if len(head) < 8:
                return False
            length, name = struct.unpack_from(">I4s", head)
            if length == 1 and len(head) == 16:
                (length,) = struct.unpack_from(">Q", head, 8)
            if length < 8:
                return False
            if start + length > size_bytes:
                return bool(name == b"moov")
            start += length
    return False


UNSTATED = (0, 0x7FFF_FFFF)
"""The first, and sizes from the second on, stand in files whose writer did not know the size."""


def riff_is_cut(path: str, size_bytes: int, share: float) -> bool:
    """Tell whether less than a share of the bytes that an AVI or WAV declares is there.

    A demuxer takes the length from what it finds and says nothing.

    Args:
        path: a RIFF file.
        size_bytes: its size.
        share: of its declared size that must be there.

    Raises:
        OSError: if it cannot be read.
    """
    with open(path, "rb") as file:
        head = file.read(8)
    if len(head) < 8 or head[:4] != b"RIFF":
        return False
    (length,) = struct.unpack_from("<I", head, 4)
    stated = UNSTATED[0] < length < UNSTATED[1]
    return bool(stated and size_bytes < share * (8 + length))
