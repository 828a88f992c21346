"""How much moves, how the camera moves, and how fast the cuts come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from virality.data.clip import ByteArray, FloatArray, Frames
from virality.data.matrix import Column, Modality
from virality.data.sampling import motion_step_s, shown_at
from virality.featurizers.opencv import load_opencv
from virality.featurizers.rows import NAN, stack_rows

START_S = 3.0
LEVELS = 32
"""Bins of the histograms of grey that cuts are seen in."""

CUT_LEVELS_MOVED = 0.25
CUT_UNEXPLAINED = 0.09
CUT_CERTAIN = 0.2
"""A cut moves a quarter of the pixels to other levels *and* cannot be explained by motion (mean
difference after the flow is undone, of 1 for black to white), or is plainly another picture."""

LEAST_OVERLAP, LEAST_ALIKE = 0.3, 0.8
"""A pan leaves so much of the picture in view, and there both frames correlate so well."""

NARROWEST_PAN_PX = 8
"""Frames that are narrower say too little of how far they moved."""

SHORTEST_FLOW_PX = 32
LONGEST_STEP_S = 0.5
"""Frames further apart miss too many cuts to count any: that is in clips of over 108 s."""

STILL_SPEED = 0.01
"""Pictures whose parts move less than a hundredth of their long side a second stand still."""

Array = npt.NDArray[np.float64]

_SPEED = "long sides/s"
_FASTEST = "; up to about 1 in the first three seconds, 0.4 later, less in clips of over 55 s"
_CUTS = "; at most one in 0.1 s of the first three seconds and in 0.25 to 0.5 s later"
_LONG = "; none in clips of over 108 s"
COLUMNS: tuple[Column, ...] = (
    Column("speed", "frames", _SPEED, meaning=f"mean speed of the picture's parts{_FASTEST}"),
    Column("speed_high", "frames", _SPEED, meaning="90th percentile of the speed over time"),
    Column(
        "start_speed", "frames", _SPEED, meaning="speed in the first three seconds; up to about 1"
    ),
    Column(
        "start_speed_log2",
        "frames",
        "octaves",
        meaning="speed at the start over the rest; both between frames as far apart as the rest's",
    ),
    Column("speed_sd", "frames", _SPEED, meaning="deviation of the speed over time"),
    Column("camera_share", "frames", "share", meaning="motion that the whole picture shares"),
    Column("sideways", "frames", _SPEED, meaning="drift of the picture to the right"),
    Column("upwards", "frames", _SPEED, meaning="drift of the picture upwards"),
    Column("still_share", "frames", "share", meaning="time in which nothing moves"),
    Column(
        "activity",
        "frames",
        "1/s",
        meaning="mean change of grey values a second (pace); the further frames are apart the less "
        "of it shows, so compare clips under 55 s, or of one length",
    ),
    Column(
        "start_activity",
        "frames",
        "1/s",
        meaning="pace of the first three seconds, where frames are 0.1 s apart",
    ),
    Column("cuts", "frames", "count", meaning=f"cuts found{_CUTS}{_LONG}"),
    Column("cut_rate", "frames", "1/s", meaning=f"cuts a second{_CUTS}{_LONG}"),
    Column(
        "start_cut_rate",
        "frames",
        "1/s",
        meaning="cuts a second in the first three seconds, up to 10",
    ),
    Column(
        "rest_cut_rate",
        "frames",
        "1/s",
        meaning=f"cuts a second after the first three seconds, up to 4, of long clips 2{_LONG}",
    ),
    Column(
        "first_cut_s",
        "frames",
        "s",
        meaning="when the first cut comes; none if there is none, or if it comes after the first "
        "three seconds of a clip of over 108 s",
    ),
    Column("mean_shot_s", "frames", "s", meaning=f"mean time between cuts{_LONG}"),
    Column("shortest_shot_s", "frames", "s", meaning=f"shortest time between cuts{_LONG}"),
    Column("longest_shot_s", "frames", "s", meaning=f"longest time between cuts{_LONG}"),
)


@dataclass(frozen=True)
class FramesMotion:
    """Dense optical flow (DIS, Kroeger et al. 2016) and cuts on the small grey frames.

    Frames are 0.1 s apart in the first three seconds, then 0.25 s, and (length - 3 s) / 210 in
    clips of over 55.5 s. Every rate is divided by the time between its two frames, yet two frames
    do not tell every rate. Flow follows what moves by up to a tenth of the long side from one to
    the next, coarse patterns up to a fifth: that is 1 long side a second at the start, 0.4 after
    it, 0.2 in clips of 108 s. What is faster reads slower. Where that looks like a cut, phase
    correlation (Kuglin and Hines 1975) tells whether the whole picture moved, by up to about a
    quarter of the long side: if both frames are alike where they overlap, there is no cut. Parts
    that are as fast by themselves may still be taken for one. Of several cuts between two frames
    one is seen, so none are counted where steps are over 0.5 s.

    Pairs with a cut between them say nothing about motion and are left out of the flow. The speed
    of the start over that of the rest is measured on as few of the start's frames as the rest has,
    as the same motion would read slower in longer steps.
    """

    modality: Modality = "frames"
    version: str = "3"

    @property
    def columns(self) -> tuple[Column, ...]:
        """What it returns, in order."""
        return COLUMNS

    def extract(self, batch: Sequence[Frames]) -> FloatArray:
        """Return shape (len(batch), 19); NaN for a single frame, and of cuts in long clips."""
        return stack_rows((_measure(frames) for frames in batch), self.columns)


@dataclass(frozen=True)
class Steps:
    """What happens between each frame and the next; all arrays of shape (m - 1,) or (m - 1, 2).

    Attributes:
        at_s, length_s: when the step ends, and how long it is.
        speed: mean length of the flow, in long sides a second.
        drift: mean vector of the flow (right, down), in long sides a second.
        activity: mean absolute difference of grey values a second, 1 for black to white.
        is_cut: whether a cut lies between the frames.
    """

    at_s: Array
    length_s: Array
    speed: Array
    drift: Array
    activity: Array
    is_cut: npt.NDArray[np.bool_]


def find_steps(frames: Frames) -> Steps:
    """Return what happens between the motion frames of a clip."""
    length_s = np.diff(frames.motion_times_s)
    pairs = zip(frames.motion[:-1], frames.motion[1:], strict=True)
    found = np.array([_compare(before, after) for before, after in pairs]).reshape(-1, 5)
    side = max(frames.motion.shape[1:])
    return Steps(
        at_s=frames.motion_times_s[1:] - frames.motion_times_s[0],
        length_s=length_s,
        speed=found[:, 0] / side / length_s,
        drift=found[:, 1:3] / side / length_s[:, None],
        activity=found[:, 3] / length_s,
        is_cut=found[:, 4] > 0,
    )


def _measure(frames: Frames) -> Mapping[str, float]:
    if len(frames.motion) < 2:
        return {}
    steps = find_steps(frames)
    end_s = max(frames.duration_s, float(steps.at_s[-1]))
    step_s = motion_step_s(end_s)
    return {
        **_flow(steps),
        "start_speed_log2": _opposed(frames, steps, step_s),
        **_pace(steps),
        **_shots(steps, end_s, step_s),
    }


def _compare(before: ByteArray, after: ByteArray) -> tuple[float, float, float, float, bool]:
    """Return mean flow in pixels, its mean vector, the mean difference, and whether it is a cut."""
    cv2 = load_opencv()
    difference = float(cv2.absdiff(before, after).mean()) / 255
    if difference == 0:
        return 0.0, 0.0, 0.0, 0.0, False
    flow = _find_flow(before, after)
    unexplained = float(cv2.absdiff(before, _undo(after, flow)).mean()) / 255
    moved = 0.5 * float(np.abs(_levels(before) - _levels(after)).sum())
    cut = unexplained > CUT_CERTAIN or (unexplained > CUT_UNEXPLAINED and moved > CUT_LEVELS_MOVED)
    pan = _find_pan(before, after) if cut else None
    if pan is not None:
        return float(np.hypot(*pan)), *pan, difference, False
    right, down = cv2.mean(flow)[:2]
    speed = float(np.hypot(flow[..., 0], flow[..., 1]).mean(dtype=np.float64))
    return speed, right, down, difference, cut


def _find_flow(before: ByteArray, after: ByteArray) -> FloatArray:
    """Return how each pixel moves (right, down), float32, shape (height, width, 2).

    OpenCV's DIS flow ends the process (segmentation fault) on frames more than three times as wide
    as high, and refuses tiny ones: such frames are made higher by repeating their edge.
    """
    cv2 = load_opencv()
    height, width = before.shape
    shortest = max(SHORTEST_FLOW_PX, -(-max(height, width) // 2))
    below, right = max(0, shortest - height), max(0, shortest - width)
    if below or right:
        edge = (0, below, 0, right, cv2.BORDER_REPLICATE)
        before, after = (cv2.copyMakeBorder(frame, *edge) for frame in (before, after))
    flow: FloatArray = _load_flow().calc(before, after, None)[:height, :width]
    return flow


def _find_pan(before: ByteArray, after: ByteArray) -> tuple[float, float] | None:
    """Return how far the whole picture moved (right, down) in pixels, None if it did not."""
    cv2 = load_opencv()
    height, width = before.shape
    if min(height, width) < NARROWEST_PAN_PX:
        return None
    window = cv2.createHanningWindow((width, height), cv2.CV_32F)
    (x, y), _ = cv2.phaseCorrelate(before.astype(np.float32), after.astype(np.float32), window)
    if not (abs(x) < width - 1 and abs(y) < height - 1):  # of unlike pictures it says anything
        return None
    right, down = round(x), round(y)
    left = before[max(0, -down) : height - max(0, down), max(0, -right) : width - max(0, right)]
    came = after[max(0, down) : height - max(0, -down), max(0, right) : width - max(0, -right)]
    if left.size < LEAST_OVERLAP * before.size or not left.std() or not came.std():
        return None
    unlike = float(cv2.absdiff(left, came).mean()) / 255
    alike = float(np.corrcoef(left.reshape(-1), came.reshape(-1))[0, 1])
    same = unlike < CUT_UNEXPLAINED and alike > LEAST_ALIKE
    return (float(right), float(down)) if same else None


def _undo(after: ByteArray, flow: FloatArray) -> ByteArray:
    cv2 = load_opencv()
    height, width = after.shape
    x = np.arange(width, dtype=np.float32)[None, :] + flow[..., 0]
    y = np.arange(height, dtype=np.float32)[:, None] + flow[..., 1]
    undone: ByteArray = cv2.remap(after, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return undone


def _levels(frame: ByteArray) -> Array:
    counts = np.bincount(frame.reshape(-1) // (256 // LEVELS), minlength=LEVELS)
    # Smoothed over neighbours: a change of exposure moves every pixel by one bin, and is no cut.
    return np.convolve(counts / frame.size, (0.25, 0.5, 0.25), mode="same")


def _flow(steps: Steps) -> dict[str, float]:
    kept = ~steps.is_cut
    if not kept.any():
        return {}
    weights, speed = steps.length_s[kept], steps.speed[kept]
    drift = steps.drift[kept]
    mean = float(np.average(speed, weights=weights))
    shared = float(np.average(np.hypot(drift[:, 0], drift[:, 1]), weights=weights))
    return {
        "speed": mean,
        "speed_high": float(np.percentile(speed, 90)),
        "start_speed": _average(steps.speed, steps, kept & (steps.at_s <= START_S)),
        "speed_sd": float(np.sqrt(np.average((speed - mean) ** 2, weights=weights))),
        "camera_share": shared / mean if mean > STILL_SPEED else NAN,
        "sideways": float(np.average(drift[:, 0], weights=weights)),
        "upwards": -float(np.average(drift[:, 1], weights=weights)),
        "still_share": float(weights[speed < STILL_SPEED].sum() / weights.sum()),
    }


def _opposed(frames: Frames, steps: Steps, step_s: float) -> float:
    """Return how much faster the start is than the rest, both between frames that far apart."""
    rest = _average(steps.speed, steps, ~steps.is_cut & (steps.at_s > START_S))
    times_s = frames.motion_times_s - frames.motion_times_s[0]
    if np.isnan(rest):
        return NAN
    # Up to the first frame that the rest begins with, which ends the last of the start's steps.
    within = times_s[: int(np.searchsorted(times_s, START_S)) + 1]
    taken = np.unique(shown_at(within, np.arange(0, START_S + step_s / 2, step_s)))
    if len(taken) < 2:
        return NAN
    start = find_steps(replace(frames, motion=frames.motion[taken], motion_times_s=times_s[taken]))
    return float(
        np.log2((_average(start.speed, start, ~start.is_cut) + STILL_SPEED) / (rest + STILL_SPEED))
    )


def _pace(steps: Steps) -> dict[str, float]:
    every = np.ones(len(steps.at_s), dtype=bool)
    return {
        "activity": _average(steps.activity, steps, every),
        "start_activity": _average(steps.activity, steps, steps.at_s <= START_S),
    }


def _shots(steps: Steps, end_s: float, step_s: float) -> dict[str, float]:
    cuts_s = steps.at_s[steps.is_cut] - steps.length_s[steps.is_cut] / 2
    early = int((cuts_s < START_S).sum())
    start = {
        "start_cut_rate": early / min(START_S, end_s),
        "first_cut_s": float(cuts_s[0]) if len(cuts_s) else NAN,
    }
    if step_s > LONGEST_STEP_S:
        return start if early else {**start, "first_cut_s": NAN}
    lengths_s = np.diff(np.concatenate([[0.0], cuts_s, [end_s]]))
    return start | {
        "cuts": len(cuts_s),
        "cut_rate": len(cuts_s) / end_s,
        "rest_cut_rate": (len(cuts_s) - early) / (end_s - START_S) if end_s > START_S + 1 else NAN,
        "mean_shot_s": float(lengths_s.mean()),
        "shortest_shot_s": float(lengths_s.min()),
        "longest_shot_s": float(lengths_s.max()),
    }


def _average(values: Array, steps: Steps, chosen: npt.NDArray[np.bool_]) -> float:
    if not chosen.any():
        return NAN
    return float(np.average(values[chosen], weights=steps.length_s[chosen]))


@cache
def _load_flow() -> Any:
    cv2 = load_opencv()
    return cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
