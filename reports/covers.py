"""How often the ranges held: on every split, and by tenth of the prediction."""

from collections.abc import Sequence
from math import isfinite, sqrt

from virality.reports.report import Fit
from virality.reports.report_fit import Cover
from virality.reports.report_scores import SplitScores
from virality.reports.strings import say
from virality.reports.words import amount


def wilson(share: float, rows: int, z: float = 1.96) -> tuple[float, float]:
    """Return the bounds of a share's 95 % interval.

    By the score test: Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953.

    >>> [round(one, 2) for one in wilson(0.8, 100)]
    [0.71, 0.87]
    """
    if rows < 1:
        return float("nan"), float("nan")
    centre = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z * sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows)) / (1 + z * z / rows)
    return max(0.0, centre - half), min(1.0, centre + half)


def covers(
    splits: Sequence[SplitScores], fits: Sequence[Fit], unit: str, log: bool
) -> tuple[Cover, ...]:
    """Return how often the ranges held on each split, then by tenth on the most honest one."""
    told = [
        Cover("split", one.label, one.rows, *_bounds(one))
        for one in splits
        if isfinite(one.coverage.value)
    ]
    for fit in fits[:1]:
        told += [
            Cover(
                "tenth",
                say("cover.tenth", predicted=amount(one.predicted, unit, log)),
                one.rows,
                one.covered,
                *wilson(one.covered, one.rows),
            )
            for one in fit.calibration
        ]
    return tuple(told)


def _bounds(one: SplitScores) -> tuple[float, float, float]:
    return one.coverage.value, one.coverage.low, one.coverage.high
