"""A wide embedding -> few columns, fitted on training rows only.

Per block: leading principal components, a ridge regression's prediction, and the popularity and
distance of the nearest training posts. Trees on hundreds of raw embedding dimensions are slow and
drown the plain columns; out-of-fold predictions of a simple model as inputs ("stacked
generalisation", Wolpert 1992, https://doi.org/10.1016/S0893-6080(05)80023-1) keep what they know
in one column.

All are honest on the training rows: the ridge column there is its *leave-a-fold-out* prediction,
in closed form from one decomposition, and neighbours are other authors' posts only.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from virality.data.splits import IntArray
from virality.modeling.directions import Directions, Reals, centred, decompose, leading
from virality.modeling.neighbours import NEAR_DIMS, Neighbours, fit_neighbours
from virality.modeling.ridge import Ridge, fit_ridge

Floats = npt.NDArray[np.float64]

LEAST_ROWS = 20
"""Below this many complete training rows a block is left out: NaN in all its columns."""


@dataclass(frozen=True)
class BlockSpec:
    """Which derived columns there are, and how far a block is compressed.

    Attributes:
        dims: principal components kept of each block.
        neighbours: nearest training posts whose popularity is averaged.
        terms: whether the words, characters and hashtags of captions are a block.
        categories: whether sound, place and first hashtag are encoded by earlier outcomes.
        ridge: whether the ridge prediction of each block is read.
        near: whether the popularity and distance of neighbours are read.
        raw: whether blocks are read column by column instead, as they are.
        history: whether earlier outcomes of author, sound and hashtags are read.
        alike: whether authors' own posts alike are read, where history is.
    """

    dims: int = 16
    neighbours: int = 30
    terms: bool = False
    categories: bool = False
    ridge: bool = True
    near: bool = True
    raw: bool = False
    history: bool = True
    alike: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """Short names of the columns that a block becomes, in order."""
        return (*(f"pc{i + 1}" for i in range(self.dims)), "ridge", "near", "near_distance")

    @property
    def for_terms(self) -> "BlockSpec":
        """What becomes of caption terms: ridge and neighbours, no components."""
        return replace(self, dims=0)


@dataclass(frozen=True)
class Block:
    """A fitted block.

    Attributes:
        directions: principal components; scores on the first `spec.dims` are columns.
        ridge: regression on all directions.
        neighbours: training posts by their first directions.
        spec: what was asked for.
    """

    directions: Directions
    ridge: Ridge
    neighbours: Neighbours
    spec: BlockSpec

    def transform(self, values: Reals, group: IntArray) -> Reals:
        """Return (n, len(spec.names)) for rows outside training; NaN rows stay NaN.

        Args:
            values: (n, d), in single or double precision, which the result is in too.
            group: int64 (n,), author of each row in the numbering of `fit`, -1 if not there.
        """
        out = np.full((len(values), len(self.spec.names)), np.nan, dtype=values.dtype)
        whole = np.flatnonzero(~np.isnan(values).any(axis=1))
        if whole.size:
            inner = values[whole]
            out[whole] = self._columns(
                self.directions.scores(inner), self.ridge.predict(inner), group[whole]
            )
        return out

    def _columns(self, scores: Reals, ridge: Floats, group: IntArray) -> Reals:
        parts = self.directions.standard(scores, self.spec.dims)
        near, distance = self.neighbours.seek(scores, group)
        return np.column_stack([parts, ridge, near, distance])


def fit_block(
    values: Reals,
    y: Floats,
    group: IntArray,
    spec: BlockSpec,
    seed: int = 0,
    least: int = LEAST_ROWS,
) -> tuple[Block | None, Reals]:
    """Fit a block and return it with its honest columns for the training rows.

    Args:
        values: (n, d), NaN rows where the part is missing; the result has their precision.
        y: float64 (n,), outcomes on the learning scale.
        group: int64 (n,), author of each row, never negative.
        spec: how far to compress.
        seed: of the folds behind the ridge column.
        least: complete rows without which there is no block.

    Returns:
        The block, None when fewer than `least` rows are complete or all are equal, and
        (n, len(spec.names)).
    """
    out = np.full((len(values), len(spec.names)), np.nan, dtype=values.dtype)
    whole = np.flatnonzero(~np.isnan(values).any(axis=1))
    if len(whole) < least:
        return None, out
    outcome, authors = y[whole], group[whole]
    centre, rows = centred(values[whole])
    found = decompose(rows)
    if not len(found.size):
        return None, out
    ridge, honest = fit_ridge(centre, found, outcome, authors, seed)
    directions = leading(centre, found, max(NEAR_DIMS, spec.dims))
    scores = directions.scores(values[whole])
    neighbours = fit_neighbours(scores, outcome, authors, spec.neighbours)
    block = Block(directions, ridge, neighbours, spec)
    out[whole] = block._columns(scores, honest, authors)
    return block, out
