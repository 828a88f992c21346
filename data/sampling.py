"""Which frames of a clip are looked at: a dense opening, evenly spaced stills, steady motion."""

from dataclasses import dataclass

import numpy as np

from virality.data.clip import MOTION_SIDE_PX, STILL_SIDE_PX, IntArray, TimeArray

STILLS, LEAST_STILLS, STILL_EVERY_S = 12, 4, 1.5
"""One still in this time, but never fewer or more than these: in a short clip neighbours are alike,
and each costs as much to embed as half a second of picture costs to decode."""

OPENING_S = 3.0
OPENING_PER_S = 10
MOTION_PER_S = 4
MOTION_FRAMES = 240
LONG_SIDE_LIMIT_PX = 4 * STILL_SIDE_PX
"""A strip of 4096 x 1 pixels must not become 224 x 917,504: longer sides are squeezed to this."""

SAMPLING_VERSION = "6"
"""Changes with the times, the frames that stand, the sizes, the scaler and its flags, how light and
colours are brought to an ordinary screen's, how pictures are turned, which lines of interlaced ones
count, or how sound is made of packets."""

EPSILON_S = 1e-6


@dataclass(frozen=True)
class Plan:
    """Indices of the wanted frames, in order of presentation, increasing and without repeats."""

    stills: IntArray
    motion: IntArray


def still_times_s(start_s: float, end_s: float) -> TimeArray:
    """Return the times of the stills: the first frame, then even steps.

    Shape (n,), LEAST_STILLS <= n <= STILLS.
    """
    length_s = end_s - start_s
    count = int(np.clip(round(length_s / STILL_EVERY_S), LEAST_STILLS, STILLS))
    return start_s + np.arange(count) * length_s / count


def motion_step_s(length_s: float) -> float:
    """Return the time between motion frames after the opening of a clip of that length.

    A quarter of a second up to 55.5 s, then more, so that there are MOTION_FRAMES at most.
    """
    left = MOTION_FRAMES - int(OPENING_S * OPENING_PER_S)
    return max(1 / MOTION_PER_S, (length_s - OPENING_S) / left)


def motion_times_s(start_s: float, end_s: float) -> TimeArray:
    """Return the times of the motion frames: 10 a second in the first three seconds, then 4.

    A clip too long for MOTION_FRAMES frames at that pace gets wider steps after its opening.
    Shape (m,), m <= MOTION_FRAMES.
    """
    opening_end_s = min(end_s, start_s + OPENING_S)
    opening = start_s + np.arange(int(OPENING_S * OPENING_PER_S)) / OPENING_PER_S
    opening = opening[opening < opening_end_s - EPSILON_S]
    left = MOTION_FRAMES - len(opening)
    rest = opening_end_s + np.arange(left) * motion_step_s(end_s - start_s)
    times = np.concatenate([opening, rest[rest < end_s - EPSILON_S]])
    return times if len(times) else np.array([start_s])


def shown_at(frame_times_s: TimeArray, times_s: TimeArray) -> IntArray:
    """Return which frame a player shows at each time: the last that has begun, else the first.

    Args:
        frame_times_s: when each frame begins, increasing, shape (n,), n > 0.
        times_s: moments asked for, shape (k,).
    """
    found = np.searchsorted(frame_times_s, times_s + EPSILON_S, side="right") - 1
    return np.maximum(found, 0).astype(np.int64)


def sample(frame_times_s: TimeArray, end_s: float) -> Plan:
    """Return the frames to look at, given when each frame begins and when the last one ends."""
    start_s = float(frame_times_s[0])
    stills = shown_at(frame_times_s, still_times_s(start_s, end_s))
    motion = shown_at(frame_times_s, motion_times_s(start_s, end_s))
    return Plan(np.unique(stills), np.unique(motion))


def still_size(width: int, height: int) -> tuple[int, int]:
    """Return (width, height) of a still of a picture of that shape: short side STILL_SIDE_PX."""
    scale = STILL_SIDE_PX / min(width, height)
    longest = LONG_SIDE_LIMIT_PX
    return min(longest, round(width * scale)), min(longest, round(height * scale))


def motion_size(width: int, height: int) -> tuple[int, int]:
    """Return (width, height) of a motion frame: long side MOTION_SIDE_PX, at least 8 across."""
    scale = MOTION_SIDE_PX / max(width, height)
    return max(8, round(width * scale)), max(8, round(height * scale))
