"""A decoded clip -> curves over time, and its opening against the rest.

The same functions as the features': a cut here is a cut there, and so is a stretch of speech.
"""

from math import nan

import numpy as np
import numpy.typing as npt

from virality.data.clip import Audio, Clip, Frames
from virality.reports.inspection import OPENING_S, Curve, Opposed, Timeline

MOST_POINTS = 600
"""A curve has no more points than a wide screen has room for."""

WINDOW_S = 0.1
FLOOR_DB = -60.0
SHORTEST_REST_S = 0.5
"""Of a rest that is shorter nothing is said."""

Array = npt.NDArray[np.float64]


def draw_timeline(clip: Clip) -> tuple[Timeline, tuple[Opposed, ...]]:
    """Return what happens in a clip, and its opening against the rest.

    Args:
        clip: a decoded clip; a part that is None, or too short to say anything, gives no curve.
    """
    from virality.featurizers.audio_speech import speech_probabilities, speech_spans
    from virality.featurizers.frames_motion import find_steps

    end_s = _end_s(clip)
    level = motion = speech = None
    spans: list[tuple[float, float]] = []
    cuts: Array = np.zeros(0)
    hook: list[Opposed] = []
    if clip.audio is not None and len(clip.audio.samples):
        level = _level(clip.audio)
        probabilities = speech_probabilities(clip.audio)
        spans = speech_spans(probabilities)
        speech = _speech(probabilities, clip.audio)
        hook += [_level_opposed(clip.audio), _speech_opposed(spans, clip.audio.duration_s)]
    if clip.frames is not None and len(clip.frames.motion) > 1:
        steps = find_steps(clip.frames)
        begin_s = float(clip.frames.motion_times_s[0])
        ends = steps.at_s + begin_s
        kept = ~steps.is_cut
        motion = _curve(ends[kept] - steps.length_s[kept] / 2, steps.speed[kept])
        relative = steps.at_s[steps.is_cut] - steps.length_s[steps.is_cut] / 2
        cuts = relative + begin_s
        hook.insert(0, _motion_opposed(steps.speed, steps.length_s, steps.at_s, kept))
        hook.insert(0, _cuts_opposed(relative, _lasts_s(clip.frames, steps.at_s)))
    timeline = Timeline(
        end_s=round(end_s, 3), level=level, motion=motion, speech=speech,
        spans_s=tuple((round(a, 3), round(b, 3)) for a, b in spans),
        cuts_s=tuple(round(float(cut), 3) for cut in cuts),
    )  # fmt: skip
    return timeline, tuple(hook)


def _end_s(clip: Clip) -> float:
    picture = sound = 0.0
    if clip.frames is not None:
        first = clip.frames.still_times_s[0] if len(clip.frames.still_times_s) else 0.0
        picture = float(first) + clip.frames.duration_s
    if clip.audio is not None:
        sound = clip.audio.duration_s
    return max(picture, sound)


def _lasts_s(frames: Frames, at_s: Array) -> float:
    return max(frames.duration_s, float(at_s[-1]))


def _curve(times_s: npt.NDArray[np.floating], values: npt.NDArray[np.floating]) -> Curve | None:
    if not len(values):
        return None
    return Curve(
        tuple(round(float(one), 3) for one in times_s),
        tuple(round(float(one), 4) for one in values),
    )


def _level(audio: Audio) -> Curve | None:
    samples = audio.samples.astype(np.float64)
    width = max(round(WINDOW_S * audio.rate_hz), -(-len(samples) // MOST_POINTS))
    powers = [
        float(np.mean(np.square(samples[start : start + width])))
        for start in range(0, len(samples), width)
    ]
    times = (np.arange(len(powers)) + 0.5) * width / audio.rate_hz
    return _curve(np.minimum(times, audio.duration_s), np.array([_to_db(one) for one in powers]))


def _speech(probabilities: npt.NDArray[np.float32], audio: Audio) -> Curve | None:
    if not len(probabilities):
        return None
    chunk_s = audio.duration_s / max(len(probabilities), 1)
    together = max(3, -(-len(probabilities) // MOST_POINTS))
    starts = np.arange(0, len(probabilities), together)
    means = [float(np.mean(probabilities[start : start + together])) for start in starts]
    return _curve((starts + together / 2) * chunk_s, np.array(means))


def _level_opposed(audio: Audio) -> Opposed:
    samples = audio.samples.astype(np.float64)
    place = round(OPENING_S * audio.rate_hz)
    rest = samples[place:]
    enough = len(rest) >= SHORTEST_REST_S * audio.rate_hz
    opening_db = _to_db(float(np.mean(np.square(samples[:place]))))
    rest_db = _to_db(float(np.mean(np.square(rest)))) if enough else nan
    return Opposed("level", opening_db, rest_db)


def _speech_opposed(spans: list[tuple[float, float]], duration_s: float) -> Opposed:
    opening_s = min(OPENING_S, duration_s)
    rest_s = duration_s - OPENING_S
    early = sum(max(0.0, min(end, opening_s) - start) for start, end in spans)
    late = sum(max(0.0, end - max(start, OPENING_S)) for start, end in spans)
    rest = late / rest_s if rest_s >= SHORTEST_REST_S else nan
    return Opposed("speech", early / opening_s, rest, "audio_speech__start_speech_share")


def _motion_opposed(
    speed: Array, length_s: Array, at_s: Array, kept: npt.NDArray[np.bool_]
) -> Opposed:
    early = kept & (at_s <= OPENING_S)
    late = kept & (at_s > OPENING_S)
    enough = float(length_s[late].sum()) >= SHORTEST_REST_S
    opening = float(np.average(speed[early], weights=length_s[early])) if early.any() else nan
    rest = float(np.average(speed[late], weights=length_s[late])) if enough else nan
    return Opposed("motion", opening, rest, "frames_motion__start_speed")


def _cuts_opposed(cuts_s: Array, lasts_s: float) -> Opposed:
    early = int((cuts_s < OPENING_S).sum())
    rest_s = lasts_s - OPENING_S
    rest = (len(cuts_s) - early) / rest_s if rest_s >= SHORTEST_REST_S else nan
    return Opposed("cuts", early / min(OPENING_S, lasts_s), rest, "frames_motion__start_cut_rate")


def _to_db(power: float) -> float:
    return max(FLOOR_DB, 10 * float(np.log10(max(power, 1e-12))))
