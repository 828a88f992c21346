"""A timeline as the page draws it: paths in a box of 1000 by 100, moments as texts like `12.5%`.

So the curves need no script and fit any width, any theme, and paper.
"""

from dataclasses import dataclass

from virality.reports.clip_story import clock
from virality.reports.inspection import Curve, Timeline
from virality.reports.strings import say
from virality.reports.words import percent, significant

WIDE, HIGH = 1000.0, 100.0
LOWEST_DB = -60.0
CALM_SPEED = 0.1
"""The axis of motion reaches at least this far, so that a clip that stands still looks still."""

MOST_TICKS = 8
EDGE = 0.03
_STEPS_S = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300)


@dataclass(frozen=True)
class Lane:
    """One curve: its name, unit, line and area, bars, and the labels of its axis.

    Attributes:
        key: `level`, `motion` or `speech`.
        title, unit, empty: words; `empty` says why there is no curve, `""` if there is one.
        line, area: SVG paths in a box of 1000 by 100.
        bars: (x, width) of stretches, on the time axis.
        top, bottom: what the upper and lower edge stand for.
    """

    key: str
    title: str
    unit: str
    empty: str
    line: str = ""
    area: str = ""
    bars: tuple[tuple[str, str], ...] = ()
    top: str = ""
    bottom: str = ""


def place(seconds: float, end_s: float) -> str:
    """Return where a moment, or a length of time, stands on the axis."""
    return f"{100 * min(1.0, max(0.0, seconds / end_s)):.3f}%"


def draw_lanes(line: Timeline, end_s: float) -> tuple[Lane, ...]:
    """Return the lanes of loudness, motion and speech."""
    fastest = max(CALM_SPEED, *(line.motion.values if line.motion else ()), CALM_SPEED)
    bars = tuple((place(start, end_s), place(end - start, end_s)) for start, end in line.spans_s)
    return (
        _lane("level", line.level, end_s, (LOWEST_DB, 0.0)),
        _lane("motion", line.motion, end_s, (0.0, fastest)),
        _lane("speech", line.speech, end_s, (0.0, 1.0), bars),
    )


def _lane(
    key: str,
    curve: Curve | None,
    end_s: float,
    scale: tuple[float, float],
    bars: tuple[tuple[str, str], ...] = (),
) -> Lane:
    title, unit = say(f"clip.lane.{key}"), say(f"clip.lane.{key}.unit")
    if curve is None:
        return Lane(key, title, unit, say(f"clip.lane.{key}.none"))
    line = _path(curve, end_s, scale)
    first, last = (_across(t, end_s) for t in (curve.times_s[0], curve.times_s[-1]))
    area = f"{line}L{last},{HIGH:g}L{first},{HIGH:g}Z"
    low, high = ((significant(value, 2) if key == "level" else percent(value)) for value in scale)
    return Lane(key, title, unit, "", line, area, bars, high, low)


def _path(curve: Curve, end_s: float, scale: tuple[float, float]) -> str:
    low, high = scale
    points = [
        f"{_across(at, end_s)},{HIGH * (1 - min(1.0, max(0.0, (value - low) / (high - low)))):.1f}"
        for at, value in zip(curve.times_s, curve.values, strict=True)
    ]
    return "M" + "L".join(points)


def _across(seconds: float, end_s: float) -> str:
    return f"{WIDE * min(1.0, max(0.0, seconds / end_s)):.1f}"


def draw_ticks(end_s: float) -> tuple[tuple[str, str, str], ...]:
    """Return place, name and side (`first`, `last` or `""`) of the marks of the axis."""
    step = next((one for one in _STEPS_S if end_s / one <= MOST_TICKS), 600)
    count = int(end_s / step + 1e-9) + 1
    moments = [index * step for index in range(count)]
    return tuple((place(at, end_s), _tick(at), _side(at / end_s)) for at in moments)


def _side(share: float) -> str:
    """Return which way a name leans so that it does not run out of the page."""
    return "first" if share == 0 else "last" if share > 1 - EDGE else ""


def _tick(seconds: float) -> str:
    return f"{seconds:g} s" if seconds < 60 else clock(seconds)
