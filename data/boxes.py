"""Whether an MP4's index is all there, read from the sizes of its outermost boxes."""

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
