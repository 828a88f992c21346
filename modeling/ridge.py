"""Ridge regression whose predictions of its own training rows are honest, in closed form."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from virality.data.splits import IntArray, folds_of_groups
from virality.modeling.directions import Decomposition, Reals

Floats = npt.NDArray[np.float64]

PENALTIES = tuple(np.geomspace(1e-3, 30.0, 10))
"""Ridge penalties tried, in units of the largest squared singular value over 10."""

FOLDS = 5


@dataclass(frozen=True)
class Ridge:
    """A fitted ridge regression.

    Attributes:
        centre: (d,), mean of the training rows.
        weights: float64 (d,), coefficients.
        level: mean outcome of the training rows.
    """

    centre: Reals
    weights: Floats
    level: float

    def predict(self, values: Reals) -> Floats:
        """Return predictions, float64 (n,), of complete rows (n, d)."""
        return self.level + (values - self.centre).astype(np.float64) @ self.weights


def fit_ridge(
    centre: Reals, found: Decomposition, y: Floats, group: IntArray, seed: int = 0
) -> tuple[Ridge, Floats]:
    """Fit with the penalty that predicts left-out groups best.

    Args:
        centre: (d,), mean row.
        found: decomposition of the n centred rows; without a direction all get the mean.
        y: float64 (n,), outcomes.
        group: int64 (n,), rows of a group (an author) are left out together.
        seed: of the folds.

    Returns:
        The regression, and float64 (n,): what each row gets from the rows of the other folds.
    """
    level = float(y.mean())
    penalty, honest = leave_out(found, y - level, group, seed)
    left, size, axes = found
    weights = axes @ (size / (size**2 + penalty) * (left.T @ (y - level)))
    return Ridge(centre, weights, level), level + honest


def leave_out(
    found: Decomposition, y: Floats, group: IntArray, seed: int = 0
) -> tuple[float, Floats]:
    """Return the best penalty and its leave-a-fold-out predictions of the centred outcome.

    For a linear smoother the residuals of a left-out fold K are (I - H_KK)^-1 r_K exactly, so no
    model is fitted again (Wahba's identity; Cook and Weisberg 1982 for groups of rows).
    """
    left, size, _ = found
    if len(np.unique(group)) < 2:
        group = np.arange(len(y))
    folds = [split.test for split in folds_of_groups(group, FOLDS, seed)]
    flat = np.full((len(y), 1), 1.0 / np.sqrt(len(y)))
    basis = np.hstack([flat, left])
    top = float(size[0]) if len(size) else 1.0
    parts = [basis[fold] for fold in folds]
    products = [part.T @ part for part in parts]
    along = basis.T @ y
    best: tuple[float, float, Floats] | None = None
    for share in PENALTIES:
        penalty = float(share * top**2 / 10.0)
        shrink = np.concatenate([[1.0], size**2 / (size**2 + penalty)])
        residual = y - basis @ (shrink * along)
        honest = _left_out(parts, shrink, residual, folds, products)
        error = float(np.mean(honest**2))
        if best is None or error < best[0]:
            best = error, penalty, y - honest
    assert best is not None  # PENALTIES is not empty
    return best[1], best[2]


def _left_out(
    parts: list[Floats],
    shrink: Floats,
    residual: Floats,
    folds: list[IntArray],
    products: list[Floats],
) -> Floats:
    """Return leave-a-fold-out residuals, solving in rows or in directions, whichever is fewer."""
    from scipy.linalg import cho_factor, cho_solve

    def solve(system: Floats, right: Floats) -> Floats:
        """Both systems are positive definite: no penalty is 0, and no fold has all rows."""
        factor = cho_factor(system, overwrite_a=True, check_finite=False)
        return np.asarray(cho_solve(factor, right, check_finite=False))

    out = np.empty_like(residual)
    for fold, part, product in zip(folds, parts, products, strict=True):
        if len(fold) <= part.shape[1]:
            scaled = part * np.sqrt(shrink)  # a product with itself takes half the time
            out[fold] = solve(np.eye(len(fold)) - scaled @ scaled.T, residual[fold])
        else:
            inner = solve(np.diag(1.0 / shrink) - product, part.T @ residual[fold])
            out[fold] = residual[fold] + part @ inner
    return out
