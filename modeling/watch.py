"""How past predictions fared against what happened, and whether to train again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.splits import few_authors, groups_of_both, resampling_units
from virality.data.words import agreeing, counted
from virality.modeling.drift import Drift, compare_columns
from virality.modeling.intervals import LEVEL
from virality.modeling.metrics import Judged, Metric, mean_with_interval, score

Floats = npt.NDArray[np.float64]
Advice = Literal["retrain", "watch", "keep", "wait"]

SHOWN = ("spearman", "mae", "factor")
LEAST = 30
"""Outcomes without which nothing is judged."""

STRETCHES = 8
LEAST_STRETCH = 10
"""Posts of a stretch of time, below which there are fewer stretches."""

BIASED = 0.1
"""Decades by which predictions may lean before they count as leaning: a quarter."""

COVERED_LESS = 0.05
GREW = 0.2
"""Share of new outcomes, measured by the training posts, from which on training again may pay."""

TELLING = "virality feedback predictions.db --from later.csv"
"""How outcomes are reported, of a log whose name is not known."""

MANY_MOVED = 0.25
"""Share of the columns that must have moved to be a warning of its own."""


@dataclass(frozen=True)
class Past:
    """Predictions of n posts, one each, in order of the prediction; learning scale.

    Attributes:
        posts: the posts, row by row.
        made_at: float64 (n,), seconds since 1970.
        mean, low, high: float64 (n,), prediction and 80 % interval.
        expected: float64 (n,), absolute error that the model expected.
        actual: float64 (n,), what happened; NaN where nobody has said.
        log: whether the learning scale is a log10.
    """

    posts: pd.DataFrame
    made_at: Floats
    mean: Floats
    low: Floats
    high: Floats
    expected: Floats
    actual: Floats
    log: bool

    def take(self, index: npt.NDArray[np.int64]) -> "Past":
        """Return these posts."""
        posts = self.posts.iloc[index].reset_index(drop=True)
        return Past(
            posts, self.made_at[index], self.mean[index], self.low[index], self.high[index],
            self.expected[index], self.actual[index], self.log,
        )  # fmt: skip


@dataclass(frozen=True)
class Learned:
    """The n training posts whose outcome is known, and float64 (n,) what it was, learning scale."""

    posts: pd.DataFrame
    outcomes: Floats


@dataclass(frozen=True)
class Stretch:
    """A stretch of time: `start` and `end` in seconds since 1970, posts with an outcome in it."""

    start: float
    end: float
    posts: int
    error: Metric
    expected: float
    bias: Metric
    coverage: Metric

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        plain = {name: getattr(self, name) for name in ("start", "end", "posts", "expected")}
        told = {name: getattr(self, name).as_json() for name in ("error", "bias", "coverage")}
        return {**plain, **told}


@dataclass(frozen=True)
class Watch:
    """What has become of a model's predictions.

    Attributes:
        target: what was predicted.
        model: hash of the bundle.
        predictions, outcomes: posts predicted, and those of them whose outcome is known.
        training: posts that the model was trained on.
        metrics: spearman, mae and factor, with intervals; empty below `LEAST` outcomes.
        expected: mean absolute error that the model expected of these posts.
        bias: actual less predicted, mean; above 0 the model says too little.
        coverage: share of outcomes inside the 80 % interval.
        stretches: the same over time.
        target_drift: outcomes against those of the training posts, None where unknown.
        drifts: features against those of the training posts, farthest first.
        advice: what to do; `wait` says that there is too little to judge by.
        reasons: why, as sentences.
        notes: what was left out.
    """

    target: str
    model: str
    predictions: int
    outcomes: int
    training: int
    metrics: Mapping[str, Metric]
    expected: float
    bias: Metric
    coverage: Metric
    stretches: tuple[Stretch, ...]
    target_drift: Drift | None
    drifts: tuple[Drift, ...]
    advice: Advice
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    log: bool

    @property
    def moved(self) -> tuple[Drift, ...]:
        """Features that have moved."""
        return tuple(one for one in self.drifts if one.moved)

    def as_json(self) -> dict[str, Any]:
        """Return what `monitor --json` prints."""
        plain = ("target", "model", "predictions", "outcomes", "training", "expected", "advice")
        drift = self.target_drift
        return {
            **{name: getattr(self, name) for name in plain},
            "metrics": {name: one.as_json() for name, one in self.metrics.items()},
            "bias": self.bias.as_json(),
            "coverage": self.coverage.as_json(),
            "stretches": [one.as_json() for one in self.stretches],
            "target_drift": None if drift is None else drift.as_json(),
            "features_moved": len(self.moved),
            "drifts": [one.as_json() for one in self.drifts],
            "reasons": list(self.reasons),
            "notes": list(self.notes),
        }


def watch(
    past: Past,
    *,
    target: str,
    model: str,
    training: int,
    learned: Learned | None = None,
    drifts: tuple[Drift, ...] = (),
    notes: tuple[str, ...] = (),
    of_others: str = "",
    telling: str = TELLING,
    saying: Callable[[float], str] = "{:.3g}".format,
    seed: int = 0,
) -> Watch:
    """Judge past predictions and say whether to train again.

    Args:
        past: the predictions.
        target: what was predicted.
        model: hash of the bundle.
        training: posts that the model was trained on.
        learned: what those became; None if unknown.
        drifts: of the features.
        notes: what was left out.
        of_others: why nothing is advised although there are outcomes, as a sentence: the
            predictions are other models'. Empty where they are this one's.
        telling: the command by which outcomes are reported.
        saying: an outcome of the learning scale -> its words.
        seed: of the bootstrap.
    """
    known = np.flatnonzero(np.isfinite(past.actual))
    told = past.take(known)
    nothing = Metric(np.nan, np.nan, np.nan)
    enough = len(known) >= LEAST
    moved = _target_drift(target, learned, told, saying)
    bias, coverage = (_bias(told, seed), _coverage(told, seed)) if enough else (nothing, nothing)
    metrics = _metrics(told, seed) if enough else {}
    expected = float(np.mean(told.expected)) if enough else float("nan")
    if of_others or not enough:
        advice, reasons = _wait(of_others or _too_few(len(known), telling))
    else:
        advice, reasons = _advise(
            metrics["mae"], expected, bias, coverage, moved, drifts, len(known), training, past.log
        )
    few = few_authors(told.posts) if enough else ""
    notes = (*notes, few) if few else notes
    return Watch(
        target, model, len(past.actual), len(known), training, metrics, expected, bias, coverage,
        _stretches(told, seed) if enough else (), moved, drifts, advice, reasons, notes, past.log,
    )  # fmt: skip


def _wait(why: str) -> tuple[Advice, tuple[str, ...]]:
    return "wait", (why,)


def _too_few(known: int, telling: str) -> str:
    are = agreeing(known, "is", "are")
    return (
        f"{counted(known, 'outcome')} {are} known, {LEAST} are needed to judge by; report what "
        f"became of the predicted posts with `{telling}`."
    )


def _metrics(told: Past, seed: int) -> dict[str, Metric]:
    nothing = np.zeros(len(told.actual))
    judged = Judged(told.actual, told.mean, nothing, nothing, told.log)
    scores = score(judged, resampling_units(told.posts), seed)
    return {name: scores[name] for name in SHOWN}


def _bias(told: Past, seed: int) -> Metric:
    return mean_with_interval(told.actual - told.mean, resampling_units(told.posts), seed)


def _coverage(told: Past, seed: int) -> Metric:
    inside = (told.actual >= told.low) & (told.actual <= told.high)
    return mean_with_interval(inside.astype(np.float64), resampling_units(told.posts), seed)


def _target_drift(
    target: str, learned: Learned | None, told: Past, saying: Callable[[float], str]
) -> Drift | None:
    if learned is None:
        return None
    authors = groups_of_both(learned.posts, told.posts)
    before, now = learned.outcomes[:, None], told.actual[:, None]
    found = compare_columns([target], before, now, authors)
    if not found:
        return None
    medians = saying(found[0].median_now), saying(found[0].median_before)
    return replace(found[0], said="The outcome", medians=medians)


def _stretches(told: Past, seed: int) -> tuple[Stretch, ...]:
    """Cut time into stretches of about equally many posts; what was predicted at once stays so."""
    order = np.argsort(told.made_at, kind="stable")
    count = max(1, min(STRETCHES, len(order) // LEAST_STRETCH))
    sizes = np.array([len(piece) for piece in np.array_split(order, count)])
    made = told.made_at[order]
    # A cut within a table predicted in one go would show its order of rows as a change over time.
    cuts = np.unique(np.searchsorted(made, made[np.cumsum(sizes)[:-1]]))
    pieces = np.split(order, cuts[cuts > 0])
    return tuple(_stretch(told.take(np.asarray(piece, dtype=np.int64)), seed) for piece in pieces)


def _stretch(part: Past, seed: int) -> Stretch:
    error = np.abs(part.actual - part.mean)
    return Stretch(
        start=float(part.made_at.min()),
        end=float(part.made_at.max()),
        posts=len(error),
        error=mean_with_interval(error, resampling_units(part.posts), seed),
        expected=float(np.mean(part.expected)),
        bias=_bias(part, seed),
        coverage=_coverage(part, seed),
    )


def _advise(
    error: Metric,
    expected: float,
    bias: Metric,
    coverage: Metric,
    target: Drift | None,
    drifts: tuple[Drift, ...],
    known: int,
    training: int,
    log: bool,
) -> tuple[Advice, tuple[str, ...]]:
    """Return what to do and why: faults first, then warnings, then what speaks for more posts."""
    faults, warnings = [], []
    if error.low > expected:
        faults.append(
            f"Predictions err by {_size(error.value, log)} on average, {_size(expected, log)} was "
            f"expected (95 % interval {_bounds(error, log)}): the rule seems to have changed."
        )
    if (bias.low > 0 or bias.high < 0) and abs(bias.value) > BIASED:
        way = "too low" if bias.value > 0 else "too high"
        sure = bias if bias.value > 0 else Metric(-bias.value, -bias.high, -bias.low)
        faults.append(
            f"Predictions are {way} by {_size(sure.value, log)} on average "
            f"({_bounds(sure, log)}), more than chance."
        )
    if coverage.high < LEVEL - COVERED_LESS:
        faults.append(
            f"The 80 % intervals hold {100 * coverage.value:.0f} % of the outcomes "
            f"({100 * coverage.low:.0f} to {100 * coverage.high:.0f} %): they promise too much."
        )
    if target is not None and target.moved:
        warnings.append(target.sentence)
    moved = [one for one in drifts if one.moved]
    if drifts and len(moved) > MANY_MOVED * len(drifts):
        warnings.append(
            f"{len(moved)} of {len(drifts)} features have moved: the posts are no longer those "
            "that the model learned from."
        )
    grown = known >= GREW * training
    if grown:
        warnings.append(f"{known:,} outcomes are new, beside {training:,} training posts.")
    if faults or grown:
        return "retrain", (*faults, *warnings)
    if warnings:
        return "watch", tuple(warnings)
    return "keep", ("Errors, lean and intervals are as they were in training.",)


def _size(steps: float, log: bool) -> str:
    """Return a difference on the learning scale: a factor where that is a logarithm."""
    return f"a factor of {10.0**steps:.2f}" if log else f"{steps:.2f}"


def _bounds(metric: Metric, log: bool) -> str:
    low, high = (10.0**metric.low, 10.0**metric.high) if log else (metric.low, metric.high)
    return f"{low:.2f} to {high:.2f}"
