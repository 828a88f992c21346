"""`NeighbourPopularity`: many columns -> two, outcomes of the nearest training rows."""

from typing import Any

import numpy as np
import numpy.typing as npt

from virality.data.splits import IntArray
from virality.modeling.arguments import check_kind
from virality.modeling.directions import centred, decompose, leading
from virality.modeling.neighbours import NEAR_DIMS, fit_neighbours
from virality.modeling.transformers.supervised import Supervised

Floats = npt.NDArray[np.float64]


class NeighbourPopularity(Supervised):
    """Similarity-weighted outcome of the nearest training rows, and how far they are.

    Rows are compared by the cosine of their first 64 principal components. Rows of one's own group
    are no neighbours; without groups a training row is none of its own.

    Args:
        neighbours: nearest rows that are averaged.

    Attributes:
        directions_: the fitted `modeling.directions.Directions`.
        neighbours_: the fitted `modeling.neighbours.Neighbours`.

    Example:
        >>> import numpy as np
        >>> X = np.random.default_rng(0).normal(size=(200, 3))
        >>> NeighbourPopularity(neighbours=5).fit_transform(X, X[:, 0]).shape
        (200, 2)
    """

    def __init__(self, *, neighbours: int = 30) -> None:
        self.neighbours = neighbours

    def _names(self) -> tuple[str, ...]:
        return ("popularity", "distance")

    def _learn(self, values: Any, y: Floats, group: IntArray) -> Floats:
        check_kind("neighbours", self.neighbours, 1)
        if self.neighbours < 1:
            raise ValueError(f"neighbours is {self.neighbours}; it must be 1 or more")
        centre, rows = centred(values)
        self.directions_ = leading(centre, decompose(rows), NEAR_DIMS)
        scores = self.directions_.scores(values)
        self.neighbours_ = fit_neighbours(scores, y, group, self.neighbours)
        return np.column_stack(self.neighbours_.seek(scores, group))

    def _apply(self, values: Any, group: IntArray) -> Floats:
        return np.column_stack(self.neighbours_.seek(self.directions_.scores(values), group))
