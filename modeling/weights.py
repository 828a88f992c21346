"""Non-negative weights of the bases, pulled towards equal ones when posts are few."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Weights:
    """A linear mixture of b bases: `intercept + predictions @ values`, every value >= 0."""

    values: Floats
    intercept: float

    def mix(self, predictions: Floats) -> Floats:
        """Return float64 (n,) for float64 (n, b)."""
        return np.asarray(self.intercept + predictions @ self.values, dtype=np.float64)


def fit_weights(predictions: Floats, y: Floats, equal_posts: float) -> Weights:
    """Return non-negative least squares weights on out-of-fold predictions.

    Non-negativity alone makes stacking stable (Breiman 1996,
    https://doi.org/10.1007/BF00117832); with few posts it still picks one base by luck, so a
    ridge term worth `equal_posts` posts pulls the weights towards 1 / b each.

    Args:
        predictions: float64 (n, b), out of fold.
        y: float64 (n,).
        equal_posts: evidence behind equal weights, in posts.
    """
    from scipy.optimize import nnls

    bases = predictions.shape[1]
    means, level = predictions.mean(axis=0), float(y.mean())
    centred = predictions - means
    pull = np.sqrt(equal_posts * max(float(centred.var(axis=0).mean()), 1e-12))
    system = np.vstack([centred, pull * np.eye(bases)])
    goal = np.concatenate([y - level, np.full(bases, pull / bases)])
    values = np.asarray(nnls(system, goal)[0], dtype=np.float64)
    return Weights(values, level - float(means @ values))
