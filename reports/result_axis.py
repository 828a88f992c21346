"""The axis that a prediction's page draws its range and its parts on."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from virality.reports.explain import Scaled
from virality.reports.strings import say
from virality.reports.words import amount

LEAST = 1e-12
"""What nothing counts as where a ratio is told on a logarithm."""

STEPS: tuple[tuple[float, tuple[float, ...]], ...] = (
    (0.35, (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)),
    (0.8, (1, 2, 3, 5)),
    (2.2, (1, 3)),
    (math.inf, (1,)),
)
"""Decades shown at most, and what the round values of each of them begin with."""


def log_of(value: float, counts: bool) -> float:
    """Return a value on the logarithm that its target is learned on.

    >>> log_of(99.0, True), log_of(0.1, False)
    (2.0, -1.0)
    """
    return math.log10(1.0 + max(value, 0.0) if counts else max(value, LEAST))


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`, on the target's own logarithm where `log`, see `log_of`."""

    low: float
    high: float
    log: bool
    counts: bool

    def at(self, value: float) -> str:
        """Return where a value stands, as a share of the axis such as `12.50%`."""
        scaled = self._scaled(value)
        share = (scaled - self.low) / (self.high - self.low)
        return f"{100 * min(max(share, 0.0), 1.0):.2f}%"

    def ticks(self) -> Iterator[tuple[str, str, str]]:
        """Yield (place, words, side) of round values along it."""
        if self.log:
            inside = [one for one in self._round() if self.low <= self._scaled(one) <= self.high]
        else:
            gap = (self.high - self.low) / 4
            inside = [self.low + gap * number for number in range(1, 4)]
        for one in inside:
            place = self.at(one)
            share = float(place[:-1])
            side = "first" if share < 6 else "last" if share > 94 else ""
            yield place, amount(one, "", self.counts), side

    def _scaled(self, value: float) -> float:
        return log_of(value, self.counts) if self.log else value

    def _round(self) -> list[float]:
        """Return round values of a logarithm, denser where few decades are shown: whole counts."""
        first, last = math.floor(self.low) - 1, math.ceil(self.high)
        steps = next(steps for most, steps in STEPS if self.high - self.low <= most)
        values = [step * 10.0**power for power in range(first, last + 1) for step in steps]
        if not self.counts:
            return values
        return [0.0, *(one for one in (round(one, 3) for one in values) if one == round(one) > 0)]


def lay_axis(forecast: Mapping[str, Any], parts: Sequence[Any], target: Scaled) -> Axis:
    """Return an axis on which the range and every part's own prediction have their place.

    Args:
        forecast: `prediction`, `low` and `high` in the target's units.
        parts: each with its `prediction`.
        target: whether it is learned on a logarithm.
    """
    values = [forecast["low"], forecast["high"], forecast["prediction"]]
    values += [part["prediction"] for part in parts]
    scaled = [log_of(one, target.counts) if target.log else one for one in values]
    low, high = min(scaled), max(scaled)
    room = max(0.08 * (high - low), 0.1)
    return Axis(low - room, high + room, target.log, target.counts)


def apart_words(forecast: Mapping[str, Any], parts: Sequence[Any]) -> str:
    """Return what the parts' own predictions are, and how the stack can lie beyond all of them."""
    alone = [part["prediction"] for part in parts]
    words = say("serve.parts.apart")
    if len(alone) < 2 or min(alone) <= forecast["prediction"] <= max(alone):
        return words
    return f"{words} {say('serve.parts.beyond')}"
