"""What is trending, as a report shows it: the numbers that were found, and what they say."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from virality.modeling.trend_values import Found


@dataclass(frozen=True)
class Trends:
    """Part 3 of a report: numbers and words.

    Attributes:
        found: every number; names of strangers are on one line and not too long.
        sentences: the few things that are clear, or that nothing is.
        cautions: what the data cannot say, and why.
        method: how to read it: yardstick, clock, windows, chance.
        parts: part -> one sentence of its own.
    """

    found: Found
    sentences: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
    method: tuple[str, ...] = ()
    parts: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return plain values without NaN."""
        from virality.reports.report import plain

        return {name: plain(value) for name, value in asdict(self).items()}
