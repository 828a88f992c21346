"""Whether all of a file is there, by what its outermost parts declare."""

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


ASF_HEAD = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
ASF_FACTS = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
"""GUIDs of the header of a WMV or WMA, and of the object in it that states the file's size."""

MOST_ASF_HEAD = 1 << 16
"""Bytes of an ASF header that are looked at; the object with the size comes early in it."""

ASF_LIVE = 1
"""A flag: nobody knew the size when the header was written."""


def asf_is_cut(path: str, size_bytes: int, share: float) -> bool:
    """Tell whether less than a share of the bytes that a WMV or WMA declares is there.

    Args:
        path: an ASF file.
        size_bytes: its size.
        share: of its declared size that must be there.

    Raises:
        OSError: if it cannot be read.
    """
    with open(path, "rb") as file:
        head = file.read(MOST_ASF_HEAD)
    if not head.startswith(ASF_HEAD):
        return False
    start = 30
    while start + 92 <= len(head):
        (length,) = struct.unpack_from("<Q", head, start + 16)
        if head.startswith(ASF_FACTS, start):
            (declared,) = struct.unpack_from("<Q", head, start + 40)
            (flags,) = struct.unpack_from("<I", head, start + 88)
            return bool(not flags & ASF_LIVE and size_bytes < share * declared)
        if length < 24:
            return False
        start += length
    return False


MOST_PAGES = 100_000
"""Pages of an Ogg file that are looked at: 400 MB or more."""

OGG_LAST = 4
"""A flag of the page that ends a stream (RFC 3533, section 6)."""


def ogg_is_cut(path: str, size_bytes: int) -> bool:
    """Tell whether an Ogg file ends within a page, or before the page that ends a stream.

    It declares no length, but each stream says where it ends. What follows the last page and is
    none, such as a tag of another format, does not count.

    Args:
        path: an Ogg file.
        size_bytes: its size.

    Raises:
        OSError: if it cannot be read.
    """
    open_streams: set[bytes] = set()
    start = 0
    with open(path, "rb") as file:
        for _ in range(MOST_PAGES):
            if start == size_bytes:
                return bool(open_streams)
            file.seek(start)
            head = file.read(27 + 255)
            if not head.startswith(b"OggS"):
                return start > 0 and bool(open_streams)
            if len(head) < 27 or len(head) < 27 + head[26]:
                return True
            start += 27 + head[26] + sum(head[27 : 27 + head[26]])
            if start > size_bytes:
                return True
            stream = head[14:18]
            (open_streams.discard if head[5] & OGG_LAST else open_streams.add)(stream)
    return False
