"""Scores with bootstrap intervals.

Every score is a function of weighted sums over posts, so a resample is a row of weights and 500 of
them are one matrix product. Where authors recur they are drawn whole (cluster bootstrap, Davison
and Hinkley 1997, section 3.8): posts of one author are not independent. A handful of authors vary
less from draw to draw than they would from sample to sample, so their intervals are widened.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from virality.data.splits import IntArray

Floats = npt.NDArray[np.float64]

RESAMPLES = 500
CHUNK = 50
TOP = 0.1

NOTHING = 0.0005
"""A change of the mean error that reads as 0.000, however sure it is."""

ROUNDING = 1e-12
"""Share of the largest squared deviation up to which a variance is that of equal outcomes."""

MANY_UNITS = 40
"""Units drawn from which on intervals are not widened: the correction falls below a twentieth."""

LIMITS: Mapping[str, tuple[float, float]] = {
    "spearman": (-1.0, 1.0),
    "mae": (0.0, np.inf),
    "r2": (-np.inf, 1.0),
    "mape": (0.0, np.inf),
    "factor": (1.0, np.inf),
    "precision_top10": (0.0, 1.0),
    "lift_top10": (0.0, 1.0 / TOP),
    "brier": (0.0, 1.0),
}
"""What a metric cannot go beyond, nor a widened interval."""


@dataclass(frozen=True)
class Metric:
    """A score and its 95 % bootstrap interval; NaN where it has no meaning."""

    value: float
    low: float
    high: float

    def as_json(self) -> dict[str, float | None]:
        """Return plain values, None in place of NaN."""
        return {name: _plain(getattr(self, name)) for name in ("value", "low", "high")}

    @classmethod
    def from_plain(cls, value: Mapping[str, Any]) -> "Metric":
        """Return what `as_json` wrote."""
        return cls(*(np.nan if value[n] is None else float(value[n]) for n in cls.__annotations__))


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


@dataclass(frozen=True)
class Judged:
    """What is scored: n posts.

    Attributes:
        actual, predicted: float64 (n,), learning scale.
        hit: float64 (n,), 1 where the post was a hit.
        hit_probability: float64 (n,).
        log: whether the learning scale is a log10, which gives `factor` a meaning.
        ratio: whether it is that of a ratio, 0 where nothing changes: no error is a share of that.
    """

    actual: Floats
    predicted: Floats
    hit: Floats
    hit_probability: Floats
    log: bool
    ratio: bool = False


def ranked_rightly(actual: Floats, predicted: Floats) -> float:
    """Return the share of pairs of posts that are ranked rightly, NaN where all outcomes are equal.

    Of the pairs whose outcomes differ; a pair that is predicted alike counts half. Exact, over all
    pairs, from the counts behind Kendall's tau-b (Knight 1966,
    https://doi.org/10.1080/01621459.1966.10480879): n log n.

    >>> round(ranked_rightly(np.array([1.0, 2.0, 3.0]), np.array([1.0, 5.0, 5.0])), 3)
    0.833
    """
    from scipy.stats import kendalltau

    n = len(actual)
    pairs = n * (n - 1) / 2
    apart, told = pairs - _tied_pairs(actual), pairs - _tied_pairs(predicted)
    if apart <= 0:
        return float("nan")
    if told <= 0:
        return 0.5
    ahead = float(kendalltau(actual, predicted).statistic) * np.sqrt(apart * told)
    return float(0.5 + 0.5 * ahead / apart)


def _tied_pairs(values: Floats) -> float:
    counts = np.unique(values, return_counts=True)[1].astype(np.float64)
    return float((counts * (counts - 1) / 2).sum())


def resample_weights(units: IntArray, seed: int, resamples: int = RESAMPLES) -> Callable[[], Any]:
    """Return a maker of iterators over float64 (k, n) weights; the first row is all ones.

    Args:
        units: int64 (n,), posts of a unit are drawn together; see `splits.resampling_units`.
        seed: of the draws.
        resamples: how many.
    """
    codes = np.unique(units, return_inverse=True)[1]
    count = int(codes.max(initial=-1)) + 1

    def draws() -> Any:
        generator = np.random.default_rng(seed)
        yield np.ones((1, len(codes)))
        for start in range(0, resamples, CHUNK):
            rows = min(CHUNK, resamples - start)
            drawn = generator.integers(0, count, (rows, count))
            flat = drawn + count * np.arange(rows)[:, None]
            times = np.bincount(flat.ravel(), minlength=rows * count).reshape(rows, count)
            yield times[:, codes].astype(np.float64)

    return draws


def score(judged: Judged, units: IntArray, seed: int = 0) -> dict[str, Metric]:
    """Return every metric with its interval, in a fixed order."""
    drawn, count = _drawn(judged, units, seed), len(np.unique(units))
    return {name: _metric(values, count, LIMITS[name]) for name, values in drawn.items()}


def score_differences(
    first: Judged, second: Judged, units: IntArray, seed: int = 0
) -> dict[str, Metric]:
    """Return every metric of the second less the first's, both on the same resamples.

    Args:
        first: predictions of the posts.
        second: other predictions of the same posts.
        units: int64 (n,), posts of a unit are drawn together.
        seed: of the draws.
    """
    one, other = _drawn(first, units, seed), _drawn(second, units, seed)
    count = len(np.unique(units))
    return {name: _metric(other[name] - one[name], count) for name in one}


def _drawn(judged: Judged, units: IntArray, seed: int) -> dict[str, Floats]:
    """Return every metric of the sample, first, and of its resamples, float64 (1 + k,)."""
    parts = _parts(judged)
    found: dict[str, list[Floats]] = {}
    for weights in resample_weights(units, seed)():
        for name, values in _scores(weights, parts, judged.log).items():
            found.setdefault(name, []).append(values)
    return {name: np.concatenate(values) for name, values in found.items()}


def mean_with_interval(values: Floats, units: IntArray, seed: int = 0) -> Metric:
    """Return the mean of values, float64 (n,), with its interval: coverage, paired differences."""
    drawn = [w @ values / w.sum(axis=1) for w in resample_weights(units, seed)()]
    limits = float(values.min()), float(values.max())
    return _metric(np.concatenate(drawn), len(np.unique(units)), limits)


def _metric(values: Floats, units: int, limits: tuple[float, float] = (-np.inf, np.inf)) -> Metric:
    """Return the sample's value, first of all, with what 95 % of the resamples say.

    One unit alone shows nothing of chance.
    """
    finite = values[1:][np.isfinite(values[1:])]
    if not np.isfinite(values[0]) or not len(finite) or units < 2:
        return Metric(float(values[0]), np.nan, np.nan)
    low, high = np.quantile(finite, [0.025, 0.975])
    more = 0.5 * (_widening(units) - 1.0) * (high - low)
    if more > 0:
        low, high = max(low - more, limits[0]), min(high + more, limits[1])
    return Metric(float(values[0]), float(low), float(high))


def _widening(units: int) -> float:
    """Return how many times as wide an interval of few units has to be, 1 of many.

    Student's t for the normal law, and the variance's n / (n - 1), as for standard errors of few
    clusters (Cameron and Miller 2015, https://doi.org/10.3368/jhr.50.2.317).
    """
    from scipy.stats import norm, t

    if units >= MANY_UNITS:
        return 1.0
    return float(t.ppf(0.975, units - 1) / norm.ppf(0.975) * np.sqrt(units / (units - 1)))


def _parts(judged: Judged) -> dict[str, Floats]:
    actual, predicted = judged.actual, judged.predicted
    from scipy.stats import rankdata

    nearly_zero = judged.ratio or bool((actual < 0).any())
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(actual > 0, np.abs(actual - predicted) / actual, 0.0)
    if nearly_zero:  # a share of a number near zero says nothing
        share = np.full(len(actual), np.nan)
    best, chosen = top_share(actual), top_share(predicted)
    return {
        "error": np.abs(actual - predicted),
        "square": (actual - predicted) ** 2,
        "share": share,
        "positive": (actual > 0).astype(np.float64),
        "actual": actual,
        "rank_actual": rankdata(actual),
        "rank_predicted": rankdata(predicted),
        "chosen": chosen,
        "best": best,
        "brier": (judged.hit - judged.hit_probability) ** 2,
    }


def top_share(values: Floats, share: float = TOP) -> Floats:
    """Return how much each value belongs to the top `share`; ties at the border share it."""
    wanted = max(1.0, share * len(values))
    border = np.sort(values)[::-1][min(len(values), int(np.ceil(wanted))) - 1]
    above, tied = values > border, values == border
    room = (wanted - above.sum()) / tied.sum()
    return np.asarray(above + tied * np.clip(room, 0.0, 1.0), dtype=np.float64)


def _scores(weights: Floats, parts: Mapping[str, Floats], log: bool) -> dict[str, Floats]:
    """Return each metric for each row of weights (k, n) -> (k,).

    Ranks are those of the whole sample also in resamples: the weighted correlation of ranks is
    Spearman's for the sample itself and within 1/sqrt(n) of it for a resample.
    """
    total = weights.sum(axis=1)
    mae = weights @ parts["error"] / total
    chosen = weights @ parts["chosen"]
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = weights @ (parts["chosen"] * parts["best"]) / chosen
        # Chance is a tenth by definition: drawn anew in each resample, lifts went beyond 10.
        lift = precision / parts["best"].mean()
        mape = weights @ parts["share"] / (weights @ parts["positive"])
        actual = _variance(weights, parts["actual"], parts["actual"], total)
        # Of posts with one and the same outcome rounding leaves a little, which r2 is divided by.
        nothing = ROUNDING * float(np.max((parts["actual"] - parts["actual"].mean()) ** 2))
        r2 = 1.0 - (weights @ parts["square"] / total) / np.where(actual > nothing, actual, np.nan)
    return {
        "spearman": _correlation(weights, parts["rank_actual"], parts["rank_predicted"], total),
        "mae": mae,
        "r2": r2,
        "mape": mape,
        "factor": np.power(10.0, mae) if log else np.full(len(mae), np.nan),
        "precision_top10": precision,
        "lift_top10": lift,
        "brier": weights @ parts["brier"] / total,
    }


def _variance(weights: Floats, a: Floats, b: Floats, total: Floats) -> Floats:
    a, b = a - a.mean(), b - b.mean()
    product = weights @ (a * b) / total
    return np.asarray(product - (weights @ a / total) * (weights @ b / total), dtype=np.float64)


def _correlation(weights: Floats, a: Floats, b: Floats, total: Floats) -> Floats:
    """Return weighted correlations; 0 where one side does not vary, as a constant ranks nothing."""
    spread = _variance(weights, a, a, total) * _variance(weights, b, b, total)
    both = _variance(weights, a, b, total)
    safe = np.where(spread > 1e-9, spread, 1.0)
    return np.asarray(np.where(spread > 1e-9, both / np.sqrt(safe), 0.0), dtype=np.float64)
