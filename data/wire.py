"""The one message of the fenced decoder: a checked header, then raw arrays. Never a pickle.

The reader trusts nothing: the header carries a checksum, every count has an upper bound, and the
length of the message must be exactly what the counts add up to.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from virality.data.clip import AUDIO_RATE_HZ, Audio, Clip, Frames, Stream
from virality.data.limits import Limits
from virality.data.reasons import REASONS, STATUSES, Status
from virality.data.sampling import LONG_SIDE_LIMIT_PX, MOTION_FRAMES, STILLS

MAGIC = b"VCLIP\x00\x00\x01"
_FACTS = struct.Struct("<8s BB BB d Q III d 32s 32s II Q d")
_COUNTS = struct.Struct("<10I")
HEADER_BYTES = _FACTS.size + _COUNTS.size + 4
_REASON_NAMES = tuple(REASONS)


class WireError(ValueError):
    """A message that is not what the decoder should have sent."""


@dataclass(frozen=True)
class Message:
    """What came of a file, as it crosses the fence."""

    status: Status
    reason: str
    clip: Clip | None


def pack(status: Status, reason: str, clip: Clip | None) -> list[bytes]:
    """Return the pieces of a message, to be written one after the other."""
    arrays = _arrays(clip) if clip is not None else []
    head = _facts(status, reason, clip) + _COUNTS.pack(*_counts(clip))
    return [head + struct.pack("<I", zlib.crc32(head)), *(array.tobytes() for array in arrays)]


def _facts(status: Status, reason: str, clip: Clip | None) -> bytes:
    stream = clip.stream if clip else _NO_STREAM
    return _FACTS.pack(
        MAGIC,
        STATUSES.index(status),
        _REASON_NAMES.index(reason),
        clip is not None and clip.frames is not None,
        clip is not None and clip.audio is not None,
        stream.duration_s,
        stream.size_bytes,
        stream.width,
        stream.height,
        stream.rotation_deg,
        stream.fps,
        stream.video_codec.encode("ascii", "replace")[:32],
        stream.audio_codec.encode("ascii", "replace")[:32],
        stream.audio_rate_hz,
        stream.audio_channels,
        stream.audio_bytes,
        clip.frames.duration_s if clip and clip.frames else float("nan"),
    )


_NO_STREAM = Stream(
    float("nan"), 0, 0, 0, 0, float("nan"), "", "", 0, 0, np.zeros(0, np.int64), np.zeros(0),
    np.zeros(0), 0,
)  # fmt: skip


def _counts(clip: Clip | None) -> tuple[int, ...]:
    if clip is None:
        return (0,) * 10
    stills = clip.frames.stills.shape[:3] if clip.frames else (0, 0, 0)
    motion = clip.frames.motion.shape if clip.frames else (0, 0, 0)
    samples = len(clip.audio.samples) if clip.audio else 0
    stream = clip.stream
    packets = (len(stream.packet_sizes), len(stream.packet_times_s), len(stream.keyframe_times_s))
    return (*packets, *stills, *motion, samples)


def _arrays(clip: Clip) -> list[np.ndarray[Any, Any]]:
    stream, frames, audio = clip.stream, clip.frames, clip.audio
    arrays: list[np.ndarray[Any, Any]] = [
        stream.packet_sizes, stream.packet_times_s, stream.keyframe_times_s,
    ]  # fmt: skip
    if frames is not None:
        arrays += [frames.still_times_s, frames.motion_times_s, frames.stills, frames.motion]
    return arrays + ([audio.samples] if audio is not None else [])


def body_bytes(header: bytes, limits: Limits) -> int:
    """Check a header and return how many bytes must follow it.

    Raises:
        WireError: if it is damaged or asks for more than a clip within the limits can hold.
    """
    if len(header) != HEADER_BYTES or not header.startswith(MAGIC):
        raise WireError("not a clip")
    if zlib.crc32(header[:-4]) != struct.unpack("<I", header[-4:])[0]:
        raise WireError("damaged header")
    counts = _COUNTS.unpack_from(header, _FACTS.size)
    side, samples = LONG_SIDE_LIMIT_PX, int((2 * limits.seconds + 1) * AUDIO_RATE_HZ)
    bounds = (limits.frames,) * 3 + (STILLS, side, side, MOTION_FRAMES, side, side, samples)
    if any(count > bound for count, bound in zip(counts, bounds, strict=True)):
        raise WireError("more than a clip can hold")
    return sum(size for _, size in _layout(counts))


def _layout(counts: tuple[int, ...]) -> list[tuple[np.dtype[Any], int]]:
    packets, times, keys, stills, high, wide, motion, tall, broad, samples = counts
    eight, one = np.dtype("<i8"), np.dtype("u1")
    real, single = np.dtype("<f8"), np.dtype("<f4")
    return [
        (eight, 8 * packets), (real, 8 * times), (real, 8 * keys),
        (real, 8 * stills), (real, 8 * motion),
        (one, stills * high * wide * 3), (one, motion * tall * broad), (single, 4 * samples),
    ]  # fmt: skip


def unpack(header: bytes, body: memoryview) -> Message:
    """Return the message of a header that `body_bytes` has passed and its body.

    Raises:
        WireError: if what it says makes no clip.
    """
    facts = _FACTS.unpack_from(header)
    counts = _COUNTS.unpack_from(header, _FACTS.size)
    if facts[1] >= len(STATUSES) or facts[2] >= len(_REASON_NAMES):
        raise WireError("unknown status or reason")
    status, reason = STATUSES[facts[1]], _REASON_NAMES[facts[2]]
    if status == "failed":
        return Message(status, reason, None)
    arrays, start = [], 0
    for dtype, size in _layout(counts):
        arrays.append(np.frombuffer(body[start : start + size], dtype))
        start += size
    return Message(status, reason, _clip(facts, counts, arrays))


def _clip(facts: tuple[Any, ...], counts: tuple[int, ...], arrays: list[Any]) -> Clip:
    sizes, times, keys, still_times, motion_times, stills, motion, samples = arrays
    for moments in (times, keys, still_times, motion_times):
        if not np.isfinite(moments).all() or (np.diff(moments) < 0).any():
            raise WireError("times that are not increasing")
    if not np.isfinite(samples).all() or not (facts[3] or facts[4]):
        raise WireError("sound that is not finite, or nothing at all")
    stream = Stream(
        facts[5], facts[6], facts[7], facts[8], facts[9], facts[10], _text(facts[11]),
        _text(facts[12]), facts[13], facts[14], sizes, times, keys, facts[15],
    )  # fmt: skip
    frames = Frames(
        stills.reshape(*counts[3:6], 3), still_times, motion.reshape(counts[6:9]), motion_times,
        facts[16],
    )  # fmt: skip
    audio = Audio(samples, channels=max(1, stream.audio_channels))
    return Clip(stream, frames if facts[3] else None, audio if facts[4] else None)


def _text(raw: bytes) -> str:
    text = raw.rstrip(b"\0").decode("ascii", "replace")
    if not all(letter.isalnum() or letter in "_-." for letter in text):
        raise WireError("a codec name with odd characters")
    return text
