"""Conformal intervals and hit probabilities from out-of-fold residuals.

Residuals of posts that the model had not seen, each divided by how uncertain the model is about
that post, are the calibration scores (normalised split conformal prediction, Lei et al. 2018,
https://doi.org/10.1080/01621459.2017.1307116). Posts of known and of unknown authors have scores of
their own (Mondrian conformal), because strangers are harder. Lower and upper quantiles are
taken apart: outcomes are skewed. Quantiles of one sorted set of scores cannot cross.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from virality.modeling.booster import Booster, fit_booster

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
FLOOR = 0.2
"""The spread model is not believed below this share of the average."""


@dataclass(frozen=True)
class Intervals:
    """Calibrated uncertainty.

    Attributes:
        spread: predicts the logarithm of the absolute residual from a post's signals; None on small
            data.
        constant: mean absolute residual.
        belief: exponent of `spread` against `constant`: 0 ignores it, 1 takes it as it is.
        warm: ascending signed scores of posts whose author was known.
        cold: ascending signed scores of the others.
    """

    spread: Booster | None
    constant: float
    belief: float
    warm: Floats
    cold: Floats

    def scale(self, signals: npt.NDArray[np.float32]) -> Floats:
        """Return the expected absolute residual of each post, float64 (n,)."""
        raw = None if self.spread is None else np.exp(self.spread.predict(signals))
        return _scale(raw, len(signals), self.constant, self.belief)

    def bounds(
        self, mean: Floats, scale: Floats, warm: Flags, level: float = LEVEL
    ) -> tuple[Floats, Floats]:
        """Return lower and upper bounds that hold `level` of posts; `low <= mean <= high`."""
        low, high = np.empty_like(mean), np.empty_like(mean)
        for scores, rows in ((self.warm, warm), (self.cold, ~warm)):
            down, up = conformal_quantiles(scores, level)
            low[rows] = mean[rows] + scale[rows] * min(down, 0.0)
            high[rows] = mean[rows] + scale[rows] * max(up, 0.0)
        return low, high

    def exceeding(self, threshold: float, mean: Floats, scale: Floats, warm: Flags) -> Floats:
        """Return each post's probability of reaching `threshold`, float64 (n,) within 0 to 1."""
        needed = (threshold - mean) / scale
        out = np.empty_like(mean)
        for scores, rows in ((self.warm, warm), (self.cold, ~warm)):
            levels = (np.arange(len(scores)) + 0.5) / len(scores)
            out[rows] = 1.0 - np.interp(needed[rows], scores, levels, left=0.0, right=1.0)
        return np.clip(out, 0.5 / (len(self.cold) + 1), 1.0 - 0.5 / (len(self.cold) + 1))


def conformal_quantiles(scores: Floats, level: float) -> tuple[float, float]:
    """Return the quantiles of ascending scores between which a new one falls with `level`.

    Each tail gets half of the rest, with the finite-sample correction (n + 1) / n; a tail too
    small for n scores falls back to the extreme score.
    """
    n = len(scores)
    tail = (1.0 - level) / 2.0
    rank = int(np.floor((n + 1) * tail))
    rank = min(max(rank, 1), (n + 1) // 2)
    return float(scores[rank - 1]), float(scores[n - rank])


def fit_intervals(
    signals: npt.NDArray[np.float32],
    residuals: Floats,
    warm: Flags,
    folds: list[npt.NDArray[np.int64]],
    seed: int = 0,
) -> Intervals:
    """Calibrate on out-of-fold residuals.

    Args:
        signals: float32 (n, s), what a post's uncertainty may depend on.
        residuals: float64 (n,), outcome less out-of-fold prediction.
        warm: bool (n,), whether the author had earlier posts.
        folds: row sets, each scored by a spread model that has not seen it.
        seed: of the spread model.
    """
    size = np.abs(residuals)
    constant = max(float(size.mean()), 1e-9)
    n = len(residuals)
    belief, raw, spread = 0.0, None, None
    if n >= LEAST_SPREAD_ROWS:
        raw = np.empty(n)
        for fold in folds:
            rest = np.setdiff1d(np.arange(n), fold)
            raw[fold] = np.exp(_fit_spread(signals[rest], size[rest], seed).predict(signals[fold]))
        belief = _belief(raw, size, constant) * n / (n + BELIEF_POSTS)
        spread = _fit_spread(signals, size, seed)
    scores = residuals / _scale(raw, n, constant, belief)
    groups = [np.sort(scores[warm]), np.sort(scores[~warm])]
    everything = np.sort(scores)
    known, strange = (g if len(g) >= LEAST_GROUP_ROWS else everything for g in groups)
    return Intervals(spread, constant, belief, known, strange)


def _fit_spread(signals: npt.NDArray[np.float32], size: Floats, seed: int) -> Booster:
    """Fit on logarithms: on sizes as they are, a few large residuals would decide the trees."""
    near_zero = NEAR_ZERO * size.mean()
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
