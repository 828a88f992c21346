"""Clips with one known peculiarity each, written through PyAV; for tests only."""

import struct
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
TICKS = 1000
"""Frames are placed on whole milliseconds."""


def grey(level: int, width: int = 96, height: int = 160) -> Picture:
    """Return a picture of one grey."""
    return np.full((height, width, 3), level, dtype=np.uint8)


def quarters(width: int, height: int) -> Picture:
    """Return a picture that is red, green, blue and white from top left, clockwise: TL TR BR BL."""
    picture = np.zeros((height, width, 3), dtype=np.uint8)
    top, left = height // 2, width // 2
    picture[:top, :left] = (255, 0, 0)
    picture[:top, left:] = (0, 255, 0)
    picture[top:, left:] = (0, 0, 255)
    picture[top:, :left] = (255, 255, 255)
    return picture


def write_clip(
    path: Path,
    pictures: Sequence[Picture],
    times_ms: Iterable[int] | None = None,
    *,
    sound: npt.NDArray[np.float32] | None = None,
    sound_from_ms: int = 0,
    rate_hz: int = 16_000,
    aspect: Fraction | None = None,
    pixels: str = "yuv420p",
    options: dict[str, str] | None = None,
    colours: dict[str, int] | None = None,
    matrix: int | None = None,
) -> Path:
    """Write pictures at times (40 ms apart unless given) and perhaps one channel of sound.

    Colours are primaries, curve and matrix by ITU-T H.273; pictures of 16 bits are stored as such.
    A matrix given by itself is used, and the file does not name it.
    """
    times = range(0, 40 * len(pictures), 40) if times_ms is None else times_ms
    with av.open(str(path), "w") as container:
        video = container.add_stream(
            "libx264", rate=25, options={"preset": "ultrafast", "crf": "12"}
        )
        video.height, video.width = pictures[0].shape[:2]
        video.pix_fmt = pixels
        video.codec_context.time_base = Fraction(1, TICKS)
        video.time_base = Fraction(1, TICKS)
        if options:
            video.options = {**video.options, **options}
        if aspect is not None:
            video.codec_context.sample_aspect_ratio = aspect
        audio = (
            container.add_stream("aac", rate=rate_hz, layout="mono") if sound is not None else None
        )
        for name, value in (colours or {}).items():
            setattr(video.codec_context, name, value)
        for picture, time_ms in zip(pictures, times, strict=True):
            kind = "rgb24" if picture.dtype == np.uint8 else "rgb48le"
            frame = av.VideoFrame.from_ndarray(picture, format=kind)
            if colours:
                frame = frame.reformat(format=pixels, dst_colorspace=colours["colorspace"])
            if matrix is not None:
                frame = frame.reformat(format=pixels, dst_colorspace=matrix)
            frame.pts, frame.time_base = time_ms, Fraction(1, TICKS)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None and sound is not None:
            _write_sound(container, audio, sound, sound_from_ms * rate_hz // 1000)
    return path


def _write_sound(
    container: av.container.OutputContainer,
    audio: av.AudioStream,
    sound: npt.NDArray[np.float32],
    first: int,
) -> None:
    for start in range(0, len(sound), 1024):
        block = np.ascontiguousarray(sound[None, start : start + 1024])
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = audio.rate, first + start
        container.mux(audio.encode(frame))
    container.mux(audio.encode(None))


_MATRICES = {
    0: (1, 0, 0, 1),
    90: (0, 1, -1, 0),
    180: (-1, 0, 0, -1),
    270: (0, -1, 1, 0),
}


def turn(path: Path, degrees: int, *, mirror: bool = False) -> Path:
    """Ask players to turn an mp4's picture clockwise, in place (ISO 14496-12, `tkhd` matrix).

    A mirror changes left and right over after the turn.
    """
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 4  # the picture is the first track
    matrix = start + (52 if data[start] else 40)
    a, b, c, d = _MATRICES[degrees]
    if mirror:
        a, c = -a, -c
    one = 0x10000
    data[matrix : matrix + 36] = struct.pack(
        ">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 0x40000000
    )
    path.write_bytes(data)
    return path


def skip_start(path: Path, media_ticks: int) -> Path:
    """Let an mp4's first edit begin `media_ticks` of its track's clock later, in place (`elst`)."""
    data = bytearray(path.read_bytes())
    start = data.index(b"elst") + 4
    assert data[start] == 0, "a version 0 edit list is expected"
    struct.pack_into(">i", data, start + 12, media_ticks)
    path.write_bytes(data)
    return path


def leave_out(path: Path, element: bytes) -> Path:
    """Make an element of a Matroska file void, in place: what follows stays where it is."""
    data = bytearray(path.read_bytes())
    start = data.index(element)
    end = start + len(element) + 1 + (data[start + len(element)] & 0x7F)
    data[start : start + 2] = bytes([0xEC, 0x80 | (end - start - 2)])
    path.write_bytes(data)
    return path
