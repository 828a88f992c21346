"""Pictures of the demo corpus, and the clip file: moving shapes, textures and hard cuts.

Only what a plan states differs on purpose: the pace of cuts and the brightness are set, everything
else (colours, textures, shapes, speed) is drawn at random and has no effect on anything.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from virality.data.clip import ByteArray, FloatArray, IntArray, TimeArray
from virality.data.synthetic_sound import SOUND_RATE_HZ, SoundPlan, synthesise

if TYPE_CHECKING:
    import av

BoolArray = npt.NDArray[np.bool_]

WIDTH_PX, HEIGHT_PX = 144, 256
_MARGIN_PX = 64
_LUMA = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class PicturePlan:
    """What a clip shall look like.

    Attributes:
        fps: frames per second, a whole number.
        frames: number of frames.
        cuts: number of hard cuts, spread over the clip with some irregularity.
        brightness: middle of the scenes' brightness, 0 black to 1 white.
        speed: how fast shapes and backgrounds move, in picture widths per second.
    """

    fps: int
    frames: int
    cuts: int
    brightness: float
    speed: float


@dataclass(frozen=True)
class ClipPlan:
    """Everything that decides the bytes of a clip; `seed` decides what the plans leave open."""

    picture: PicturePlan
    sound: SoundPlan
    seed: tuple[int, ...]


@dataclass(frozen=True)
class _Shape:
    mask: BoolArray
    colour: ByteArray
    start: TimeArray
    step: TimeArray


@dataclass(frozen=True)
class _Scene:
    background: ByteArray
    drift: TimeArray
    shapes: tuple[_Shape, ...]


def write_clip(path: Path, plan: ClipPlan) -> None:
    """Write a clip as H.264 and AAC in mp4. The same plan gives the same bytes.

    Raises:
        StorageError: if the file cannot be written.
    """
    pictures = draw(plan.picture, np.random.default_rng([*plan.seed, 1]))
    sound = synthesise(plan.sound, np.random.default_rng([*plan.seed, 2]))
    write_media(path, pictures, plan.picture.fps, sound)


def draw(plan: PicturePlan, rng: np.random.Generator) -> Iterator[ByteArray]:
    """Yield the frames, uint8 RGB of shape (HEIGHT_PX, WIDTH_PX, 3)."""
    step = plan.speed * WIDTH_PX / plan.fps
    borders = [0, *cut_frames(plan.frames, plan.cuts, rng), plan.frames]
    for number, (first, end) in enumerate(itertools.pairwise(borders)):
        # Neighbouring scenes lie on both sides of the clip's brightness, so that a cut is seen.
        side = rng.uniform(0.09, 0.16) * (-1) ** number
        scene = _scene(plan.brightness + side, step, rng)
        for moment in range(end - first):
            yield _frame(scene, moment)


def cut_frames(frames: int, cuts: int, rng: np.random.Generator) -> list[int]:
    """Return the first frames of the scenes after the first: evenly spread, moved a little."""
    even = np.arange(1, cuts + 1) * frames / (cuts + 1)
    moved = even + rng.uniform(-0.25, 0.25, cuts) * frames / (cuts + 1)
    return [int(frame) for frame in np.round(moved)]


def _scene(brightness: float, step: float, rng: np.random.Generator) -> _Scene:
    height, width = HEIGHT_PX + 2 * _MARGIN_PX, WIDTH_PX + 2 * _MARGIN_PX
    texture = _texture(height, width, rng)[:, :, None]
    tint = rng.normal(0, 0.12, 3)
    colour = (brightness + tint - tint @ _LUMA).astype(np.float32)
    background = np.clip(colour + 0.07 * texture, 0, 1)
    shapes = tuple(_shape(brightness, step, rng) for _ in range(rng.integers(2, 5)))
    return _Scene(_bytes(background), 0.5 * step * _direction(rng), shapes)


def _texture(height: int, width: int, rng: np.random.Generator) -> FloatArray:
    """Return a pattern within -1 to 1: gradient, stripes, checks or blobs."""
    y, x = (axis.astype(np.float32) for axis in np.ogrid[0:height, 0:width])
    angle, period = float(rng.uniform(0, np.pi)), float(rng.uniform(18, 60))
    along = (x * math.cos(angle) + y * math.sin(angle)) * (2 * math.pi / period)
    across = (y * math.cos(angle) - x * math.sin(angle)) * (2 * math.pi / period)
    match rng.integers(4):
        case 0:
            return np.asarray(2 * (along - along.min()) / np.ptp(along) - 1)
        case 1:
            return np.asarray(np.sin(along))
        case 2:
            return np.asarray(np.sign(np.sin(along) * np.sin(across)))
        case _:
            return np.asarray(np.sin(along + 2 * np.sin(across / 3)) * np.sin(across))


def _shape(brightness: float, step: float, rng: np.random.Generator) -> _Shape:
    # Lighter on dark and darker on light: the shapes stand out and barely move the mean.
    away = rng.uniform(0.25, 0.4) * (1 if rng.random() < 0.5 else -1)
    colour = np.clip(brightness + away + rng.normal(0, 0.15, 3), 0, 1)
    return _Shape(
        mask=_mask(int(rng.integers(18, 46)), disc=rng.random() < 0.6),
        colour=_bytes(colour),
        start=rng.uniform(0, 1, 2) * (HEIGHT_PX, WIDTH_PX),
        step=step * rng.uniform(0.6, 1.4) * _direction(rng),
    )


def _direction(rng: np.random.Generator) -> TimeArray:
    angle = rng.uniform(0, 2 * np.pi)
    return np.array([np.sin(angle), np.cos(angle)])


def _frame(scene: _Scene, moment: int) -> ByteArray:
    top, left = (_bounced(_MARGIN_PX + scene.drift * moment, 2 * _MARGIN_PX)).astype(int)
    frame = scene.background[top : top + HEIGHT_PX, left : left + WIDTH_PX].copy()
    for shape in scene.shapes:
        size = len(shape.mask)
        room = np.array([HEIGHT_PX - size, WIDTH_PX - size])
        y, x = _bounced(shape.start + shape.step * moment, room).astype(int)
        frame[y : y + size, x : x + size][shape.mask] = shape.colour
    return frame


def _bounced(place: TimeArray, room: int | IntArray) -> TimeArray:
    """Reflect a place at the borders 0 and `room`."""
    return np.asarray(room - np.abs(place % (2 * room) - room))


def _mask(size: int, *, disc: bool) -> BoolArray:
    y, x = np.mgrid[0:size, 0:size] - (size - 1) / 2
    return np.asarray(x * x + y * y <= size**2 / 4 if disc else np.ones_like(x, dtype=bool))


def _bytes(values: TimeArray | FloatArray) -> ByteArray:
    return np.asarray(values * 255 + 0.5, dtype=np.uint8)


def write_media(path: Path, pictures: Iterator[ByteArray], fps: int, sound: FloatArray) -> None:
    """Encode frames and samples (one channel, SOUND_RATE_HZ) into an mp4 file."""
    import av

    # `bitexact` keeps the muxer's version out of the file; one thread keeps the order of frames.
    with av.open(str(path), "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        picture = container.add_stream("libx264", rate=fps, options=_H264)
        picture.width, picture.height, picture.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        picture.codec_context.thread_count = 1
        voice = container.add_stream("aac", rate=SOUND_RATE_HZ, layout="mono", options=_AAC)
        voice.bit_rate = 64_000
        for index, array in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(array, format="rgb24")
            frame.pts = index
            container.mux(picture.encode(frame))
        container.mux(picture.encode())
        for packet in _sound_packets(voice, sound):
            container.mux(packet)


# A keyframe only at the start of 8 s and none at cuts, as real downloads have: otherwise the
# container alone would give the planted pace of cuts away. x264's weighted prediction and
# macroblock tree gave other bytes from run to run, even on one thread, so both are off.
_H264 = {
    "preset": "superfast",
    "crf": "27",
    "g": "240",
    "sc_threshold": "0",
    "bf": "2",
    "weightp": "0",
    "weightb": "0",
    "mbtree": "0",
    "rc-lookahead": "0",
    "threads": "1",
}

_AAC = {"aac_coder": "fast", "threads": "1"}


def _sound_packets(stream: "av.AudioStream", sound: FloatArray) -> Iterator[Any]:
    import av

    for start in range(0, len(sound), 1024):
        block = np.ascontiguousarray(sound[None, start : start + 1024])
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = SOUND_RATE_HZ, start
        yield from stream.encode(frame)
    yield from stream.encode(None)
