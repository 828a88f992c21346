"""Scales and ticks: where a value lies in a plot, and which values stand along its edge."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from virality.reports.strings import say
from virality.reports.words import MINUS, count_words, factor, percent, significant

Words = Callable[[float], str]

PHONE, DESK, PAIR = 185.0, 560.0, 345.0
"""Widths in pixels at which labels along an edge must not touch.

On the narrowest phone, inside a card; on a desk; and there, two plots beside each other.
"""

LETTER = 7.0
"""Pixels that a letter takes at most on average, with the air around a word."""

LINE = 18
"""Pixels between two labels, one above the other."""

LEAST = 1e-6
"""Ratios below it are drawn at it: a logarithm has no place for 0."""


@dataclass(frozen=True)
class Tick:
    """One label along an edge: `at` in percent (x) or pixels (y); `extra` is left out on phones."""

    at: float
    text: str
    extra: bool = False


@dataclass(frozen=True)
class Axis:
    """What runs along an edge, and its labels."""

    title: str
    ticks: tuple[Tick, ...] = ()


@dataclass(frozen=True)
class Scale:
    """From values to places: `low` lies left or at the bottom, `high` right or on top.

    Values outside lie at the edge, so that nothing is ever drawn outside of its plot.
    """

    low: float
    high: float
    log: bool = False

    def part(self, value: float) -> float:
        """Return where a value lies between the ends, 0 to 1."""
        low, high, at = (self._inner(one) for one in (self.low, self.high, value))
        if not high > low or math.isnan(at):
            return 0.5
        return min(1.0, max(0.0, (at - low) / (high - low)))

    def _inner(self, value: float) -> float:
        return math.log10(max(value, 1e-12)) if self.log else value

    def x(self, value: float) -> float:
        """Return the place from the left in percent."""
        return round(100.0 * self.part(value), 2)

    def y(self, value: float, height: float, top: float = 0.0) -> float:
        """Return the place from the top in pixels, of a part `height` pixels high below `top`."""
        return round(top + height * (1.0 - self.part(value)), 1)

    def holds(self, value: float) -> bool:
        """Return whether a value lies between the ends."""
        return self.low - 1e-9 <= value <= self.high + 1e-9


def around(values: Iterable[float], *, zero: bool = False, air: float = 0.04) -> Scale:
    """Return a linear scale that holds the finite values with a little air, and 0 if asked for."""
    known = [one for one in values if math.isfinite(one)] + ([0.0] if zero else [])
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    if high <= low:
        spare = abs(low) * 0.1 or 1.0
        return Scale(low - spare, high + spare)
    spare = (high - low) * air
    below = low if zero and low == 0 else low - spare
    return Scale(below, high if zero and high == 0 else high + spare)


def x_axis(
    scale: Scale, title: str, values: Iterable[float], words: Words, desk: float = DESK
) -> Axis:
    """Return an axis along the bottom: labels that would touch on a phone are left out there.

    So is what reads like the label before it: two places cannot both be that value.

    Args:
        scale: of the plot.
        title: of the axis.
        values: where a label may stand.
        words: of a value.
        desk: width in pixels at which no labels touch where it is no phone.
    """
    shown: list[Tick] = []
    last_desk = last_phone = -1e9
    for value in sorted(one for one in values if scale.holds(one)):
        text, at = words(value), scale.x(value)
        half = LETTER * (len(text) + 1) / 2
        if at / 100 * desk - half < last_desk or (shown and shown[-1].text == text):
            continue
        extra = at / 100 * PHONE - half < last_phone
        last_desk = at / 100 * desk + half
        last_phone = last_phone if extra else at / 100 * PHONE + half
        shown.append(Tick(at, text, extra))
    return Axis(title, tuple(shown))


def y_axis(scale: Scale, title: str, values: Iterable[float], words: Words, height: float) -> Axis:
    """Return an axis along the left side: labels that would touch are left out.

    The value next to zero comes first, so that what is shown above and below it is alike.
    """
    known = sorted(one for one in values if scale.holds(one))
    nearest = min(range(len(known)), key=lambda place: abs(known[place]), default=0)
    shown: list[Tick] = []
    for value in known[nearest:]:
        at = scale.y(value, height)
        if not shown or shown[-1].at - at >= LINE:
            shown.append(Tick(at, words(value)))
    for value in reversed(known[:nearest]):
        at = scale.y(value, height)
        if at - shown[0].at >= LINE:
            shown.insert(0, Tick(at, words(value)))
    return Axis(title, tuple(shown))


def round_values(low: float, high: float, most: int = 6) -> tuple[float, ...]:
    """Return round values between two ends, in steps of 1, 2 or 5.

    >>> round_values(0.0, 1.0)
    (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    """
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return (low,) if math.isfinite(low) else ()
    raw = (high - low) / max(1, most - 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(one * power for one in (1, 2, 5, 10) if one * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return tuple(round(i * step, 10) + 0.0 for i in range(first, last + 1))


def count_values(low: float, high: float) -> tuple[float, ...]:
    """Return round counts from `low` to `high`, both at least 1: dense where there are few.

    Only whole counts whose words say them exactly: 1.05 thousand would read as another thousand.
    """
    span = math.log10(max(high, 1.0)) - math.log10(max(low, 1.0))
    powers = range(int(math.log10(max(low, 1.0))) - 1, int(math.log10(max(high, 1.0))) + 2)
    steps = (part * 10.0**power for power in powers for part in _steps_of(span))
    return tuple(one for one in (round(step, 3) for step in steps) if one == round(one))


def ratio_values(low: float, high: float) -> tuple[float, ...]:
    """Return round ratios from `low` to `high`, both above 0: dense where there are few."""
    bottom, top = math.log10(max(low, LEAST)), math.log10(max(high, LEAST))
    powers = range(math.floor(bottom) - 1, math.floor(top) + 2)
    steps = _steps_of(top - bottom)
    return tuple(float(f"{part * 10.0**power:.6g}") for power in powers for part in steps)


def _steps_of(span: float) -> tuple[float, ...]:
    """Return what round values of a decade begin with, by how many decades there are to show."""
    if span < 0.15:
        return tuple(round(1 + 0.1 * i, 1) for i in range(90))
    if span < 0.8:
        return (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)
    return (1, 2, 5) if span < 2.5 else (1,)


def effect_values(scale: Scale, log: bool) -> tuple[float, ...]:
    """Return ticks of contributions: factors where the learning scale is a logarithm."""
    if not log:
        return round_values(scale.low, scale.high)
    span = scale.high - scale.low
    above: tuple[float, ...] = (1, 2, 5, 10, 100, 1000)
    if span < 1.4:
        above = (1, 1.5, 2, 3, 5)
    if span < 0.9:
        above = (1, 1.25, 1.5, 2, 3)
    if span < 0.45:
        above = (1, 1.1, 1.2, 1.35, 1.5, 1.75, 2)
    if span < 0.08:
        above = (1, 1.02, 1.04, 1.06, 1.08, 1.1)
    if span < 0.02:
        above = (1, 1.005, 1.01, 1.02)
    steps = (*(1 / one for one in reversed(above[1:])), *above)
    return tuple(round(math.log10(step), 6) for step in steps)


def effect_words(effect: float, log: bool, digits: int = 3) -> str:
    """Return a contribution as short as a tick: `× 2`, `÷ 3`, or a difference.

    >>> effect_words(0.301, True), effect_words(-2.0, True), effect_words(0.31, False)
    ('× 2', '÷ 100', '0.31')
    """
    if not log:
        return significant(effect)
    text = _multiple(abs(effect), digits)
    return f"÷ {text}" if effect < 0 and text != "1" else f"× {text}"


def _multiple(effect: float, digits: int) -> str:
    """Return a factor without powers of ten: 1.25, 100, 40 k."""
    value = factor(effect)
    return significant(value, digits) if value < 10_000 else count_words(value)


def effect_axis(scale: Scale, log: bool) -> Axis:
    """Return the axis of contributions along the bottom."""
    title = say("axis.factor" if log else "axis.score")
    return x_axis(scale, title, effect_values(scale, log), lambda one: effect_words(one, log))


def unit_scale(values: Iterable[float], log: bool, counts: bool = True) -> Scale:
    """Return a scale in the target's own units, logarithmic (counts from 1 on) where `log`."""
    known = [one for one in values if math.isfinite(one)]
    if not log:
        return around(known)
    least = 1.0 if counts else LEAST
    low, high = max(least, min(known, default=1.0)), max(least, max(known, default=10.0))
    spread = (high / low) ** 0.04 if high > low else 1.5
    return Scale(max(least, low / spread), high * spread, log=True)


def unit_values(scale: Scale, counts: bool = True) -> tuple[float, ...]:
    """Return round values along a scale in the target's own units."""
    if not scale.log:
        return round_values(scale.low, scale.high)
    return (count_values if counts else ratio_values)(scale.low, scale.high)


def learned_ticks(scale: Scale, counts: bool) -> tuple[tuple[float, float], ...]:
    """Return (place, value) of round values along a scale of what is learned as a logarithm.

    Counts are learned as log10(1 + x), ratios as log10(x).
    """
    low, high = (10.0**end for end in (scale.low, scale.high))
    if not counts:
        return tuple((math.log10(one), one) for one in ratio_values(low, high))
    values = (0.0, *count_values(max(low - 1.0, 1.0), max(high - 1.0, 1.0)))
    return tuple((math.log10(1.0 + one), one) for one in values)


def unit_words(value: float, counts: bool) -> str:
    """Return a value of the target as short as a tick."""
    return count_words(value) if counts else significant(value, 3)


def unit_axis(scale: Scale, title: str, counts: bool = True) -> Axis:
    """Return the axis of a scale in the target's own units along the bottom."""
    said = scale.log and counts
    return x_axis(scale, title, unit_values(scale, counts), lambda one: unit_words(one, said))


def share_axis(scale: Scale, title: str) -> Axis:
    """Return an axis of shares in percent along the bottom, with the decimals that it takes."""
    values = round_values(scale.low, scale.high)
    step = 100.0 * (values[1] - values[0]) if len(values) > 1 else 1.0
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return x_axis(scale, title, values, lambda one: percent(one, digits))


def plain_axis(scale: Scale, title: str) -> Axis:
    """Return an axis of plain numbers along the bottom."""
    return x_axis(scale, title, round_values(scale.low, scale.high), number_words)


def number_words(value: float) -> str:
    """Return a number as short as a tick: `1.5`, `−0.2`, `40 k`."""
    if abs(value) >= 10_000:
        return count_words(value)
    return f"{value:.10g}".replace("-", MINUS)
