"""Outcomes of the nearest training posts of other authors, weighted by similarity.

The popularity of similar posts is the strongest content signal in the micro-video retrieval line
(MMRA, https://arxiv.org/abs/2402.14720); this is its tabular form.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from virality.data.splits import IntArray
from virality.modeling.directions import Reals

Floats = npt.NDArray[np.float64]

NEAR_DIMS = 64
MOST_NEAR = 5000
"""Training posts among which neighbours are sought: spread evenly, so time grows as the rows do."""

TEMPERATURE = 0.1
CHUNK = 1024
OWN = -2.0
"""Stands for the cosine to a post of one's own author: below any real one."""


@dataclass(frozen=True)
class Neighbours:
    """Training posts as places in a space.

    Attributes:
        place: (m, q), unit vectors of at most MOST_NEAR training posts.
        outcome: float64 (m,), their outcomes.
        group: int64 (m,), their authors; a post's own author is not among its neighbours.
        count: nearest posts that are averaged.
    """

    place: Reals
    outcome: Floats
    group: IntArray
    count: int

    def seek(self, scores: Reals, group: IntArray) -> tuple[Floats, Floats]:
        """Return the neighbours' popularity and how far they are.

        Args:
            scores: (n, >= q), complete rows; see `unit`.
            group: int64 (n,), author of each in the numbering of `group`, -1 if not there.

        Returns:
            float64 (n,), mean outcome weighted by exp(cosine / 0.1), NaN where all posts are of
            the same author; float64 (n,), mean cosine distance, NaN likewise.
        """
        place = unit(scores)
        near, distance = np.empty(len(place)), np.empty(len(place))
        k = min(self.count, len(self.place))
        for start in range(0, len(place), CHUNK):
            rows = slice(start, start + CHUNK)
            cosine = place[rows] @ self.place.T
            cosine[group[rows, None] == self.group[None, :]] = OWN
            nearest = np.argpartition(-cosine, k - 1, axis=1)[:, :k]
            nearest.sort(axis=1)  # sums then run in the same order on every machine
            close = np.take_along_axis(cosine, nearest, axis=1).astype(np.float64)
            near[rows], distance[rows] = _mean(close, self.outcome[nearest])
        return near, distance


def fit_neighbours(
    scores: Reals, y: Floats, group: IntArray, count: int, most: int | None = None
) -> Neighbours:
    """Return neighbours among at most `most` (MOST_NEAR) rows, spread evenly over the order.

    Args:
        scores: (n, r), complete rows; of their directions the first NEAR_DIMS count.
        y: float64 (n,), outcomes.
        group: int64 (n,), authors.
        count: nearest posts that are averaged.
        most: of the rows.
    """
    kept = min(len(scores), MOST_NEAR if most is None else most)
    asked = np.unique(np.linspace(0, len(scores) - 1, kept).astype(np.int64))
    return Neighbours(unit(scores)[asked], y[asked], group[asked].astype(np.int64), count)


def unit(scores: Reals) -> Reals:
    """Return the first NEAR_DIMS scores of each row at length 1."""
    near = scores[:, :NEAR_DIMS]
    length = np.linalg.norm(near, axis=1, keepdims=True)
    return np.asarray(near / np.maximum(length, 1e-12))


def _mean(close: Floats, outcome: Floats) -> tuple[Floats, Floats]:
    """Return mean outcome (n,) and mean distance (n,) of neighbours with these cosines (n, k)."""
    other = close > (OWN - 1.0) / 2  # cosines end at -1
    weight = np.where(other, np.exp((close - 1.0) / TEMPERATURE), 0.0)
    total, count = weight.sum(axis=1), other.sum(axis=1)
    mean = (weight * outcome).sum(axis=1) / np.maximum(total, 1e-300)
    apart = np.where(other, 1.0 - close, 0.0).sum(axis=1) / np.maximum(count, 1)
    return np.where(count > 0, mean, np.nan), np.where(count > 0, apart, np.nan)
