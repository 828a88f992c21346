"""Evaluations -> predicted against true, errors, calibration, and the largest misses."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from virality.reports.report import Calibration, Fit, Miss
from virality.reports.strings import say
from virality.reports.words import amount, factor, miss_words, significant, spread, tidy

if TYPE_CHECKING:
    from virality.modeling.evaluate import Evaluation
    from virality.modeling.targets import Target

Floats = npt.NDArray[np.float64]

POINTS = 1000
"""Posts drawn at most, however many were judged."""

MISSES = 10


def fit_of(
    one: "Evaluation", target: "Target", captions: Mapping[str, str], *, seed: int = 0
) -> Fit:
    """Return how predictions compare with outcomes on one split.

    Args:
        one: an evaluation of n posts.
        target: to get back to units.
        captions: caption by post id, for the largest misses.
        seed: of the sample that is drawn.
    """
    actual, mean = _floats(one.actual), _floats(one.mean)
    low, high = _floats(one.low), _floats(one.high)
    errors = actual - mean
    drawn = sample(len(actual), POINTS, seed)
    counts, edges = np.histogram(errors, bins=_bins(len(errors)))
    return Fit(
        split=one.split,
        label=say(f"split.{one.split}"),
        rows=len(actual),
        ids=tuple(tidy(one.ids[i], 60) for i in drawn),
        actual=_units(target, actual[drawn]),
        predicted=_units(target, mean[drawn]),
        low=_units(target, low[drawn]),
        high=_units(target, high[drawn]),
        edges=tuple(float(edge) for edge in edges),
        errors=tuple(int(count) for count in counts),
        calibration=_calibration(target, actual, mean, low, high),
        misses=_misses(one, target, captions),
        sentences=_sentences(errors, target),
    )


def sample(rows: int, most: int, seed: int) -> npt.NDArray[np.int64]:
    """Return at most `most` positions of `rows`, ascending, the same for the same seed."""
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, size=most, replace=False))


def _floats(values: object) -> Floats:
    return np.asarray(values, dtype=np.float64)


def _units(target: "Target", values: Floats) -> tuple[float, ...]:
    return tuple(float(f"{one:.6g}") for one in np.asarray(target.to_units(values)))


def _bins(rows: int) -> int:
    return max(5, min(40, int(2 * np.sqrt(rows))))


def _calibration(
    target: "Target", actual: Floats, mean: Floats, low: Floats, high: Floats
) -> tuple[Calibration, ...]:
    """Return errors by tenth of the prediction (fewer groups below 100 posts)."""
    groups = np.array_split(np.argsort(mean, kind="stable"), max(1, min(10, len(mean) // 10)))
    errors, held = actual - mean, (actual >= low) & (actual <= high)
    return tuple(
        Calibration(
            rows=len(group),
            predicted=float(target.to_units(np.median(mean[group]))),
            median_error=float(np.median(errors[group])),
            low_error=float(np.quantile(errors[group], 0.1)),
            high_error=float(np.quantile(errors[group], 0.9)),
            covered=float(held[group].mean()),
        )
        for group in groups
        if len(group)
    )


def _misses(one: "Evaluation", target: "Target", captions: Mapping[str, str]) -> tuple[Miss, ...]:
    actual, mean = _floats(one.actual), _floats(one.mean)
    order = np.argsort(-np.abs(actual - mean), kind="stable")[:MISSES]
    return tuple(_miss(one, int(i), target, captions.get(str(one.ids[i]), "")) for i in order)


def _miss(one: "Evaluation", i: int, target: "Target", caption: str) -> Miss:
    error = float(one.actual[i] - one.mean[i])
    actual, mean, low, high = (
        float(target.to_units(values[i])) for values in (one.actual, one.mean, one.low, one.high)
    )
    off = (
        say("fit.factor", factor=significant(factor(abs(error)), 3))
        if target.log
        else significant(abs(error))
    )
    inside = low <= actual <= high
    sentence = (
        f"{amount(mean, target.unit, target.counts)} {say('hover.predicted')} "
        f"({spread(low, high, '', target.counts)}): "
        f"{say('hover.got')} {amount(actual, '', target.counts)}, "
        f"{say('fit.miss_under' if error > 0 else 'fit.miss_over', times=off)}"
        f"{say('fit.miss_inside' if inside else 'fit.miss_outside')}."
    )
    return Miss(tidy(one.ids[i], 60), tidy(caption), actual, mean, low, high, sentence)


def _sentences(errors: Floats, target: "Target") -> tuple[str, ...]:
    bias, tail = float(np.median(errors)), float(np.quantile(np.abs(errors), 0.9))
    if target.log:
        size = say("fit.factor", factor=f"{factor(abs(bias)):.2f}")
        small = abs(bias) < 0.02
        ending = say("fit.tail", factor=miss_words(tail))
    else:
        size, small = significant(abs(bias)), abs(bias) < 0.02 * float(errors.std() + 1e-12)
        ending = say("fit.tail_score", error=significant(tail))
    key = "fit.bias_none" if small else "fit.bias_low" if bias > 0 else "fit.bias_high"
    return say(key, factor=size), ending
