"""Hostile and damaged media files, generated from good clips; for tests only."""

import random
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from clips import make_clip

Bytes = Mapping[str, bytes]


@dataclass(frozen=True)
class Case:
    """A file and what must come of it.

    Attributes:
        name: of the file, which is the id of its post and a dot and an extension.
        content: what it holds.
        statuses: statuses that it may end in.
        reason: the one reason that it must end in, any documented one if empty.
    """

    name: str
    content: bytes = field(repr=False)
    statuses: tuple[str, ...] = ("ok", "partial", "failed")
    reason: str = ""


def good_clips(folder: Path) -> Bytes:
    """Return short good clips of several containers, by extension.

    Those of which a part can be decoded last long enough for a missing part to count.
    """
    clips = {}
    for suffix, seconds in (("mp4", 0.5), ("mkv", 2.0), ("ts", 0.5)):
        path = make_clip(folder / f"good.{suffix}", seconds=seconds, rate=10)
        clips[suffix] = path.read_bytes()
    front = make_front(folder / "front.mp4")
    sound = make_clip(folder / "good.m4a", seconds=0.5, picture=False)
    return {**clips, "m4v": front, "m4a": sound.read_bytes()}


def make_front(path: Path) -> bytes:
    """Return an mp4 whose index stands in front, so that a cut leaves something to decode."""
    import av

    plain = make_clip(path.with_name("back.mp4"), seconds=2.0, rate=10)
    with (
        av.open(str(plain)) as source,
        av.open(str(path), "w", options={"movflags": "faststart"}) as target,
    ):
        streams = {one.index: target.add_stream_from_template(one) for one in source.streams}
        for packet in source.demux():
            if packet.size:
                packet.stream = streams[packet.stream_index]
                target.mux(packet)
    return path.read_bytes()


def cases(good: Bytes, url: str, canary: Path, *, tenfold: bool = False) -> list[Case]:
    """Return the cases: about 330, or 1,700 of the same kinds.

    Args:
        good: clips by extension.
        url: address that no case may lead to.
        canary: file that no case may lead to.
        tenfold: whether to make the nightly number: 200 cuts and 120 flips of each clip.
    """
    found = [
        *truncated(good, 200 if tenfold else 12),
        *flipped(good, 120 if tenfold else 24, seed=1),
        *disguised(url, canary, tenfold),
        *behind_magic(url, canary),
        *bombs(good),
    ]
    assert len({case.name for case in found}) == len(found)
    return found


def truncated(good: Bytes, cuts: int) -> Iterator[Case]:
    """Cut every clip at evenly spread offsets."""
    for suffix, content in good.items():
        for number in range(cuts):
            length = 1 + (len(content) - 2) * number // (cuts - 1)
            indexed = suffix != "mp4" or length > content.index(b"stco")
            lasting = ("ok", "partial", "failed") if indexed else ("failed",)
            yield Case(f"cut-{suffix}-{number}.{suffix}", content[:length], lasting)


def flipped(good: Bytes, count: int, seed: int) -> Iterator[Case]:
    """Flip one bit, or overwrite up to 16 bytes, in the first and last parts and anywhere."""
    dice = random.Random(seed)
    for suffix, content in good.items():
        for number in range(count):
            damaged = bytearray(content)
            low, high = [(0, 512), (len(content) - 2048, len(content)), (0, len(content))][
                number % 3
            ]
            place = dice.randrange(max(0, low), min(high, len(content)))
            if number % 2:
                damaged[place] ^= 1 << dice.randrange(8)
            else:
                damaged[place : place + 16] = dice.randbytes(min(16, len(content) - place))
            yield Case(f"flip-{suffix}-{number}.{suffix}", bytes(damaged))


def playlists(url: str, canary: Path) -> dict[str, str]:
    """Return scripts that a careless reader would follow to the address or the file."""
    segments = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n"
    return {
        "concat": f"ffconcat version 1.0\nfile '{canary}'\n",
        "concat-http": f"ffconcat version 1.0\nfile '{url}'\n",
        "hls": segments.format(url),
        "hls-file": segments.format(f"file://{canary}"),
        "hls-concat": segments.format(f"concat:{url}|file://{canary}"),
        "hls-subfile": segments.format(f"subfile,,start,0,end,64,,:{canary}"),
        "hls-key": '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="' + url + '"\n#EXTINF:1,\nx.ts\n',
        "hls-mark": "\ufeff" + segments.format(url),
        "dash": f'<?xml version="1.0"?><MPD type="static"><BaseURL>{url}</BaseURL></MPD>',
        "sdp": f"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n{url}",
        "imf": f'<CompositionPlaylist xmlns="x"><Url>{url}</Url></CompositionPlaylist>',
        "svg": f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{url}"/></svg>',
    }


def disguised(url: str, canary: Path, tenfold: bool) -> Iterator[Case]:
    """Give playlists the names of clips."""
    endings = ("mp4", "webm", "ts", "mp3", "mov", "mkv", "gif", "ogg", "m4a", "flac")
    for ending in endings if tenfold else endings[:3]:
        for kind, text in playlists(url, canary).items():
            content = text.encode()
            yield Case(f"list-{kind}-{ending}.{ending}", content, ("failed",), "not_media")


MAGICS = {
    "mp4": b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2",
    "mkv": b"\x1a\x45\xdf\xa3\x84\x42\x86\x81\x01",
    "ogg": b"OggS\x00\x02",
    "mp3": b"ID3\x04\x00\x00\x00\x00\x00\x00",
    "flv": b"FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00",
    "avi": b"RIFF\xff\xff\xff\x7fAVI LIST",
}


def behind_magic(url: str, canary: Path) -> Iterator[Case]:
    """Put playlists behind the first bytes of real formats."""
    for suffix, magic in MAGICS.items():
        for kind, text in list(playlists(url, canary).items())[:4]:
            yield Case(
                f"magic-{kind}-{suffix}.{suffix}", magic + b"\n" + text.encode(), ("failed",)
            )


def _box(kind: bytes, body: bytes = b"", size: int | None = None) -> bytes:
    return struct.pack(">I", len(body) + 8 if size is None else size) + kind + body


def _nested(kind: bytes, depth: int) -> bytes:
    """Return boxes within boxes: each size counts what follows it."""
    return b"".join(struct.pack(">I", 8 * (depth - level)) + kind for level in range(depth))


def bombs(good: Bytes) -> Iterator[Case]:
    """Declare far more than there is, or than anyone has."""
    mp4, start = good["mp4"], _box(b"ftyp", b"isom\0\0\2\0isom")
    whole = mp4.index(b"moov") - 4
    for table in (b"stsz", b"stts", b"stsc", b"stco", b"ctts", b"stss"):
        place = mp4.find(table)
        if place > 0:
            counted = bytearray(mp4)
            at = place + 8 + (4 if table == b"stsz" else 0)
            counted[at : at + 4] = b"\xff\xff\xff\xf0"
            yield Case(f"bomb-count-{table.decode()}.mp4", bytes(counted))
    for field_name, size in (("zero", 0), ("one", 1), ("tiny", 4), ("huge", 0xFFFFFFFF)):
        sized = bytearray(mp4)
        sized[whole : whole + 4] = struct.pack(">I", size)
        yield Case(f"bomb-box-{field_name}.mp4", bytes(sized))
    for kind in (b"moov", b"trak", b"udta", b"meta"):
        deep = start + _box(b"moov", _nested(kind, 10_000))
        yield Case(f"bomb-deep-{kind.decode()}.mp4", deep, ("failed",))
    for width in (0, 1, 65_535):
        gif = b"GIF89a" + struct.pack("<HH", width, width) + b"\xf0\0\0\0\0\0\xff\xff\xff"
        image = b"," + struct.pack("<HHHH", 0, 0, width, width) + b"\0\2\2\x4c\x01\0;"
        yield Case(f"bomb-gif-{width}.gif", gif + image, ("ok", "partial", "failed"))
    wav = b"RIFF\xff\xff\xff\xffWAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 2, 44100, 176400, 4, 16)
    yield Case("bomb-wav.wav", wav + b"data\xff\xff\xff\xff" + bytes(4000))
    yield Case("bomb-wav-channels.wav", wav.replace(b"\x01\0\x02\0", b"\x01\0\xff\xff") + b"data")
    yield Case("bomb-id3.mp3", b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + bytes(500), ("failed",))
    yield Case("bomb-flac.flac", b"fLaC\x80\xff\xff\xff" + bytes(500), ("failed",))
    void = b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff"
    yield Case("bomb-void.mkv", void + b"\xec\x01\xff\xff\xff\xff\xff\xff\xfe" * 50, ("failed",))
    yield Case("bomb-ogg.ogg", b"OggS" * 2000, ("failed",))
    yield Case("bomb-ts.ts", (b"\x47\x1f\xff\x10" + bytes(184)) * 500, ("failed",))
    yield Case("bomb-zeros.mp4", bytes(100_000), ("failed",), "not_media")
    yield Case("bomb-empty.mp4", b"", ("failed",), "empty_file")
