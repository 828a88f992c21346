"""Non-negative weights of the bases, pulled towards equal ones when posts are few.

What the weights were solved from is kept: a small matrix and a vector. So a post that lacks the
part a base reads is mixed with the weights that are best *without* that base, not with a hole.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

PASSES = 20
"""Passes of reweighted least squares towards least absolute errors."""


@dataclass(frozen=True)
class Weights:
    """A linear mixture of b bases: `intercept + predictions @ values`, every value >= 0.

    Attributes:
        values: float64 (b,).
        intercept: added to the mixture.
        gram: float64 (b, b), what the values were solved from, its pull included.
        cross: float64 (b,), likewise.
        means: float64 (b,), mean prediction of each base.
        level: mean outcome.
        pull: weight of the pull towards equal values in `gram` and `cross`; 0 in bundles of earlier
            versions, where bases that are alone keep the shares that they had among all.
    """

    values: Floats
    intercept: float
    gram: Floats
    cross: Floats
    means: Floats
    level: float
    pull: float = 0.0
    _known: dict[bytes, tuple[Floats, float]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def mix(self, predictions: Floats, there: Flags | None = None) -> Floats:
        """Return float64 (n,) for float64 (n, b); see `shares` for `there`."""
        values, intercepts = self.shares(len(predictions), there)
        return np.asarray(intercepts + (predictions * values).sum(axis=1), dtype=np.float64)

    def shares(self, rows: int, there: Flags | None = None) -> tuple[Floats, Floats]:
        """Return each row's weights, float64 (n, b), and intercept, float64 (n,).

        Args:
            rows: n.
            there: bool (n, b), whether a base has anything to read of a post; all do if None.
        """
        values = np.tile(self.values, (rows, 1))
        intercepts = np.full(rows, self.intercept)
        if there is None or there.all():
            return values, intercepts
        patterns, number = np.unique(there, axis=0, return_inverse=True)
        for i, pattern in enumerate(patterns):
            mine = np.flatnonzero(number.ravel() == i)
            values[mine], intercepts[mine] = self.without(pattern)
        return values, intercepts

    def without(self, there: Flags) -> tuple[Floats, float]:
        """Return weights and intercept of the bases that are there, bool (b,), the others 0."""
        if there.all():
            return self.values, self.intercept
        key = there.tobytes()
        if key not in self._known:
            values = np.zeros(len(there))
            kept = np.flatnonzero(there)
            if kept.size:
                equal = self.pull * (1.0 / kept.size - 1.0 / len(there))  # of fewer, each is more
                values[kept] = _solve(self.gram[np.ix_(kept, kept)], self.cross[kept] + equal)
            self._known[key] = values, self.level - float(self.means @ values)
        return self._known[key]


def fit_weights(
    predictions: Floats,
    y: Floats,
    equal_posts: float,
    *,
    absolute: bool = False,
    weights: Floats | None = None,
) -> Weights:
    """Return non-negative weights on out-of-fold predictions.

    Non-negativity alone makes stacking stable (Breiman 1996,
    https://doi.org/10.1007/BF00117832); with few posts it still picks one base by luck, so a
    ridge term worth `equal_posts` posts pulls the weights towards 1 / b each.

    Args:
        predictions: float64 (n, b), out of fold.
        y: float64 (n,).
        equal_posts: evidence behind equal weights, in posts.
        absolute: minimise absolute errors, not squared ones.
        weights: float64 (n,), how much each row counts, of mean 1; all alike if None.
    """
    each = np.ones(len(y)) if weights is None else weights
    found = _fit(predictions, y, equal_posts, each)
    if not absolute:
        return found
    for _ in range(PASSES):  # iteratively reweighted least squares
        error = np.abs(y - found.mix(predictions))
        near = each / np.maximum(error, 0.05 * np.average(error, weights=each) + 1e-9)
        found = _fit(predictions, y, equal_posts, near * len(y) / near.sum())
    return found


def _fit(predictions: Floats, y: Floats, equal_posts: float, each: Floats) -> Weights:
    bases = predictions.shape[1]
    means = np.asarray(each @ predictions / each.sum())
    level = float(each @ y / each.sum())
    centred = predictions - means
    weighted = centred * each[:, None]
    spread = (weighted * centred).sum(axis=0) / each.sum()
    pull = equal_posts * max(float(spread.mean()), 1e-12)
    gram = weighted.T @ centred + pull * np.eye(bases)
    cross = weighted.T @ (y - level) + pull / bases
    values = _solve(gram, cross)
    return Weights(values, level - float(means @ values), gram, cross, means, level, pull)


def _solve(gram: Floats, cross: Floats) -> Floats:
    """Return the non-negative w with the least w' gram w / 2 - cross' w."""
    from scipy.linalg import cholesky, solve_triangular
    from scipy.optimize import nnls

    jitter = 1e-9 * max(float(np.trace(gram)) / len(gram), 1e-12)
    upper = cholesky(gram + jitter * np.eye(len(gram)))
    goal = solve_triangular(upper, cross, trans="T")
    return np.asarray(nnls(upper, goal)[0], dtype=np.float64)
