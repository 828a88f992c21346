"""Conformal intervals and hit probabilities from out-of-fold residuals.

Residuals of posts that the model had not seen, each divided by how uncertain the model is about
that post, are the calibration scores (normalised split conformal prediction, Lei et al. 2018,
https://doi.org/10.1080/01621459.2017.1307116). Posts of known and of unknown authors have scores of
their own (Mondrian conformal), because strangers are harder. Lower and upper quantiles are
taken apart: outcomes are skewed.

One set of quantiles for all fails where the distribution of residuals changes with the
prediction: posts predicted low have room above them, posts predicted high below. So quantiles are
taken at a few levels of the prediction, from scores weighted by their nearness in rank (localised
conformal prediction, Guan 2023, https://doi.org/10.1093/biomet/asac040), all others keeping a share
of the weight, and are interpolated between. They ascend at each level, so they do in between.

Posts of another time may be calmer or noisier than those of today: see `eras`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from virality.modeling.booster import Booster, fit_booster
from virality.modeling.eras import STEADY, Eras, fit_eras

if TYPE_CHECKING:
    from virality.data.splits import Split
    from virality.modeling.oof import OutOfFold

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

LEVEL = 0.8
"""Share of posts that an interval should hold."""

SPREAD_PARAMS = {
    "learning_rate": 0.05,
    "num_leaves": 6,
    "min_data_in_leaf": 30,
    "feature_fraction": 1.0,
    "bagging_fraction": 0.7,
    "lambda_l2": 20.0,
}
SPREAD_ROUNDS = 60
BELIEF_POSTS = 100.0
"""Posts' worth of doubt: with n posts the spread model's exponent is shrunk by n / (n + this)."""

EXPONENTS = tuple(np.linspace(0.0, 2.0, 21))

NEAR_ZERO = 0.1
"""Share of the mean residual that is added before logarithms: a lucky hit is no certainty."""

LEAST_SPREAD_ROWS = 200
LEAST_GROUP_ROWS = 60
"""Scores of known or of unknown authors from which on these have intervals of their own."""

LEAST_LOCAL_ROWS = 200
"""Scores of a group from which on quantiles may change with the prediction."""

KNOTS = 21
"""Levels of the prediction at which quantiles are taken."""

NEAR = 0.15
"""Share of the scores, nearest in rank of the prediction, that decide a level's quantiles."""

FARS = (0.2, 0.5, 1.0, 3.0)
"""Weight that every score has besides, as a share of the mean one: pulls towards all posts. The one
is taken whose intervals are the best on other folds, so where few authors or posts decide a level,
all have their say."""

GRID = 199
"""Quantiles kept at each level: at 1/200, 2/200 and so on."""

FLOOR = 0.2
"""The spread model is not believed below this share of the average."""


@dataclass(frozen=True)
class Scores:
    """Distributions of the calibration scores by level of the prediction.

    Attributes:
        levels: ascending predictions, float64 (k,), at which the distributions stand.
        quantiles: float64 (k, m), each row ascending and read as m equally likely scores.
    """

    levels: Floats
    quantiles: Floats

    def bounds(self, mean: Floats, level: float) -> tuple[Floats, Floats]:
        """Return each post's lower (at most 0) and upper (at least 0) score, float64 (n,)."""
        ends = np.array([conformal_quantiles(row, level) for row in self.quantiles])
        share = self._shares(mean)
        return share @ np.minimum(ends[:, 0], 0.0), share @ np.maximum(ends[:, 1], 0.0)

    def exceeding(self, needed: Floats, mean: Floats) -> Floats:
        """Return the probability that each post's score reaches `needed`, float64 (n,)."""
        m = self.quantiles.shape[1]
        steps = (np.arange(m) + 0.5) / m
        below = [np.interp(needed, row, steps, left=0.0, right=1.0) for row in self.quantiles]
        chance = 1.0 - (self._shares(mean) * np.column_stack(below)).sum(axis=1)
        return np.asarray(np.clip(chance, 0.5 / (m + 1), 1.0 - 0.5 / (m + 1)), dtype=np.float64)

    def _shares(self, mean: Floats) -> Floats:
        """Return how much each post belongs to each level, float64 (n, k), rows of sum 1."""
        corners = np.eye(len(self.levels))
        return np.column_stack([np.interp(mean, self.levels, corner) for corner in corners])


@dataclass(frozen=True)
class Intervals:
    """Calibrated uncertainty.

    Attributes:
        spread: predicts the logarithm of the absolute residual from a post's signals; None on small
            data.
        constant: mean absolute residual.
        belief: exponent of `spread` against `constant`: 0 ignores it, 1 takes it as it is.
        warm: signed scores of posts whose author was known.
        cold: signed scores of the others.
        eras: how the size of residuals changes over time.
    """

    spread: Booster | None
    constant: float
    belief: float
    warm: Scores
    cold: Scores
    eras: Eras = STEADY

    def scale(self, signals: npt.NDArray[np.float32], times: Floats | None = None) -> Floats:
        """Return the expected absolute residual of each post, float64 (n,).

        Args:
            signals: float32 (n, s), as they were fitted.
            times: float64 (n,), seconds since 1970; posts without one are taken as new.
        """
        raw = None if self.spread is None else np.exp(self.spread.predict(signals))
        when = np.full(len(signals), np.nan) if times is None else times
        return _scale(raw, len(signals), self.constant, self.belief) * self.eras.at(when)

    def bounds(
        self, mean: Floats, scale: Floats, warm: Flags, level: float = LEVEL
    ) -> tuple[Floats, Floats]:
        """Return lower and upper bounds that hold `level` of posts; `low <= mean <= high`."""
        low, high = np.empty_like(mean), np.empty_like(mean)
        for scores, rows in ((self.warm, warm), (self.cold, ~warm)):
            down, up = scores.bounds(mean[rows], level)
            low[rows] = mean[rows] + scale[rows] * down
            high[rows] = mean[rows] + scale[rows] * up
        return low, high

    def exceeding(self, threshold: float, mean: Floats, scale: Floats, warm: Flags) -> Floats:
        """Return each post's probability of reaching `threshold`, float64 (n,) within 0 to 1."""
        needed = (threshold - mean) / scale
        out = np.empty_like(mean)
        for scores, rows in ((self.warm, warm), (self.cold, ~warm)):
            out[rows] = scores.exceeding(needed[rows], mean[rows])
        return out


def conformal_quantiles(scores: Floats, level: float) -> tuple[float, float]:
    """Return the quantiles of ascending scores between which a new one falls with `level`.

    Each tail gets half of the rest, with the finite-sample correction (n + 1) / n; a tail too
    small for n scores falls back to the extreme score.
    """
    n = len(scores)
    tail = (1.0 - level) / 2.0
    rank = int(np.floor((n + 1) * tail + 1e-9))  # (1 - 0.8) / 2 is a little less than 0.1
    rank = min(max(rank, 1), (n + 1) // 2)
    return float(scores[rank - 1]), float(scores[n - rank])


def calibrate(
    folded: "OutOfFold",
    times: Floats,
    mean: Floats,
    signals: npt.NDArray[np.float32],
    splits: Sequence["Split"],
    seed: int = 0,
) -> Intervals:
    """Calibrate on what was said of posts left out, see `fit_intervals`.

    Random folds, all that a single author leaves to the weights of the bases, know later posts:
    where there are windows in time, these alone say how far off the next prediction is.

    Args:
        folded: k lines about posts left out.
        times: float64 (n,), when they were posted.
        mean: float64 (k,), what the mixture said.
        signals: float32 (k, s), what its uncertainty may depend on.
        splits: what posts were left out by.
        seed: of the spread model.
    """
    lines = judged_lines(folded, splits)
    row, fold = folded.row[lines], folded.fold[lines]
    folds = [np.flatnonzero(fold == number) for number in np.unique(fold)]
    residuals = folded.actual[lines] - mean[lines]
    return fit_intervals(signals[lines], residuals, folded.warm[lines], folds, seed, times[row])


def judged_lines(
    folded: "OutOfFold",
    splits: Sequence["Split"],
    among: npt.NDArray[np.int64] | None = None,
) -> npt.NDArray[np.int64]:
    """Return which lines about posts left out tell how far off the next prediction is, int64.

    Args:
        folded: lines about posts left out.
        splits: what posts were left out by.
        among: lines to choose from; all of them if None.
    """
    lines = np.arange(len(folded.fold)) if among is None else among
    drawn = np.array([split.name.startswith("random") for split in splits])[folded.fold[lines]]
    telling = lines[~(drawn & folded.warm[lines])]
    return telling if len(telling) >= LEAST_GROUP_ROWS else lines


def fit_intervals(
    signals: npt.NDArray[np.float32],
    residuals: Floats,
    warm: Flags,
    folds: list[npt.NDArray[np.int64]],
    seed: int = 0,
    times: Floats | None = None,
) -> Intervals:
    """Calibrate on out-of-fold residuals.

    Args:
        signals: float32 (n, s), what a post's uncertainty may depend on, its prediction first.
        residuals: float64 (n,), outcome less out-of-fold prediction.
        warm: bool (n,), whether the author had earlier posts.
        folds: row sets, each scored by a spread model fitted on the others; a single one has no
            others, so that one spread serves all posts. Those by author keep authors whole; windows
            in time do not, and hold posts that author folds hold too.
        seed: of the spread model.
        times: float64 (n,), seconds since 1970, NaN where unknown; all unknown if None.
    """
    size = np.abs(residuals)
    constant = max(float(size.mean()), 1e-9)
    n = len(residuals)
    belief, raw, spread = 0.0, None, None
    if n >= LEAST_SPREAD_ROWS and len(folds) > 1 and size.any():
        raw = np.empty(n)
        for fold in folds:
            rest = np.setdiff1d(np.arange(n), fold)
            raw[fold] = np.exp(_fit_spread(signals[rest], size[rest], seed).predict(signals[fold]))
        belief = _belief(raw, size, constant) * n / (n + BELIEF_POSTS)
        spread = _fit_spread(signals, size, seed)
    scale = _scale(raw, n, constant, belief)
    when = np.full(n, np.nan) if times is None else times
    eras = fit_eras(when, size / scale)
    scale = scale * np.where(np.isfinite(when), eras.at(when), 1.0)
    scores = residuals / scale
    mean = signals[:, 0].astype(np.float64)
    everyone = np.ones(n, dtype=np.bool_)
    groups = (mask if mask.sum() >= LEAST_GROUP_ROWS else everyone for mask in (warm, ~warm))
    number = np.empty(n, dtype=np.int64)
    for place, fold in enumerate(folds):
        number[fold] = place

    def local(mask: Flags) -> Scores:
        there = mean[mask], scores[mask]
        return fit_scores(*there, _far(*there, scale[mask], number[mask]))

    known, strange = (local(mask) for mask in groups)
    return Intervals(spread, constant, belief, known, strange, eras)


def _far(mean: Floats, scores: Floats, scale: Floats, fold: npt.NDArray[np.int64]) -> float:
    """Return the pull towards all posts with the lowest interval score on folds left out.

    The score (Gneiting and Raftery 2007, https://doi.org/10.1198/016214506000001437) is the width
    plus what lies outside, divided by the share that may lie on that side.
    """
    loss = np.zeros(len(FARS))
    for number in np.unique(fold):
        out = fold == number
        if (~out).sum() < LEAST_LOCAL_ROWS:
            continue
        for place, far in enumerate(FARS):
            low, high = fit_scores(mean[~out], scores[~out], far).bounds(mean[out], LEVEL)
            missed = np.maximum(low - scores[out], 0.0) + np.maximum(scores[out] - high, 0.0)
            loss[place] += scale[out] @ (high - low + 2.0 / (1.0 - LEVEL) * missed)
    return FARS[int(np.argmin(loss))]


def fit_scores(mean: Floats, scores: Floats, far: float = FARS[0]) -> Scores:
    """Return the distributions of scores by level of the prediction.

    Few scores, or predictions all alike, make one distribution for all levels.

    Args:
        mean: float64 (n,), predictions.
        scores: float64 (n,).
        far: weight that every score has besides, as a share of the mean one.
    """
    n = len(scores)
    levels = np.quantile(mean, np.linspace(0.0, 1.0, KNOTS))
    if n < LEAST_LOCAL_ROWS or np.any(np.diff(levels) <= 0):
        return Scores(levels[:1], np.sort(scores)[None, :])
    rank = np.empty(n)
    rank[np.argsort(mean, kind="stable")] = (np.arange(n) + 0.5) / n
    order = np.argsort(scores, kind="stable")
    ranked, places = scores[order], np.linspace(0.0, 1.0, KNOTS)
    rows = [_near(ranked, np.abs(rank[order] - place), far) for place in places]
    return Scores(levels, np.array(rows))


def _near(scores: Floats, distance: Floats, far: float) -> Floats:
    """Return `GRID` quantiles of ascending scores weighted by nearness, float64 (GRID,).

    The kernel is Epanechnikov's. A new post takes a place of its own among the scores, of which
    there are as many as the weights are worth: (sum w)^2 / sum w^2.
    """
    weight = np.maximum(1.0 - (distance / np.quantile(distance, NEAR)) ** 2, 0.0)
    weight = weight / weight.mean() + far
    effective = weight.sum() ** 2 / (weight**2).sum()
    middle = (np.cumsum(weight) - 0.5 * weight) / weight.sum()
    place = (middle * effective + 0.5) / (effective + 1.0)
    return np.interp(np.arange(1, GRID + 1) / (GRID + 1), place, scores)


def _fit_spread(signals: npt.NDArray[np.float32], size: Floats, seed: int) -> Booster:
    """Fit on logarithms: on sizes as they are, a few large residuals would decide the trees."""
    near_zero = max(NEAR_ZERO * float(size.mean()), 1e-9)  # all were hit: there is no logarithm
    return fit_booster(
        "lightgbm", signals, np.log(size + near_zero), SPREAD_PARAMS, SPREAD_ROUNDS, seed=seed
    )


def _belief(raw: Floats, size: Floats, constant: float) -> float:
    """Return the exponent of the spread model under which residuals left out are likeliest.

    Residuals are taken as Laplace with scale `c * raw ** exponent`, c being their mean ratio. Trees
    that were shrunk say too little and get more than 1, trees that learned noise get 0.
    """
    bounded = np.log(np.maximum(raw, FLOOR * constant))
    loss = [
        np.log(np.mean(size * np.exp(-share * bounded))) + share * bounded.mean()
        for share in EXPONENTS
    ]
    return float(EXPONENTS[int(np.argmin(loss))])


def _scale(raw: Floats | None, n: int, constant: float, belief: float) -> Floats:
    if raw is None:
        return np.full(n, constant)
    bounded = np.maximum(raw, FLOOR * constant) / constant
    return np.asarray(constant * bounded**belief, dtype=np.float64)
