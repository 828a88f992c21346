"""A wide embedding -> few columns, fitted on training rows only.

Per block: leading principal components, a ridge regression's prediction, and the popularity of the
nearest training posts. Trees on hundreds of raw embedding dimensions are slow and drown the plain
columns; out-of-fold predictions of a simple model as inputs ("stacked generalisation", Wolpert
1992, https://doi.org/10.1016/S0893-6080(05)80023-1) keep what they know in one column, and the
popularity of similar posts is the strongest content signal in the micro-video retrieval line
(MMRA, https://arxiv.org/abs/2402.14720).

All three are honest on the training rows: the ridge column there is its *leave-a-fold-out*
prediction, in closed form from one decomposition, and neighbours are other authors' posts only.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from virality.data.splits import IntArray, folds_of_groups

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]

LEAST_ROWS = 20
"""Below this many complete training rows a block is left out: NaN in all its columns."""

PENALTIES = tuple(np.geomspace(1e-3, 30.0, 10))
"""Ridge penalties tried, in units of the largest squared singular value over 10."""

NEAR_DIMS = 64
MOST_NEAR = 5000
"""Training posts among which neighbours are sought: spread evenly, so time grows as the rows do."""

TEMPERATURE = 0.1
CHUNK = 1024


@dataclass(frozen=True)
class BlockSpec:
    """How far a block is compressed.

    Attributes:
        dims: principal components kept.
        neighbours: nearest training posts whose popularity is averaged.
    """

    dims: int = 16
    neighbours: int = 30

    @property
    def names(self) -> tuple[str, ...]:
        """Short names of the columns that a block becomes, in order."""
        return (*(f"pc{i + 1}" for i in range(self.dims)), "ridge", "near", "near_similarity")


@dataclass(frozen=True)
class Block:
    """A fitted block.

    Attributes:
        centre: float32 (d,), mean of the training rows.
        axes: float32 (d, q), leading directions; scores on the first `dims` are columns.
        spread: float64 (q,), standard deviation of the scores.
        weights: float64 (d,), ridge coefficients.
        level: mean outcome of the training rows.
        place: float32 (m, q), unit vectors of at most MOST_NEAR training rows.
        outcome: float64 (m,), their outcomes.
        group: int64 (m,), their authors; a post's own author is not among its neighbours.
        spec: what was asked for.
    """

    centre: Singles
    axes: Singles
    spread: Floats
    weights: Floats
    level: float
    place: Singles
    outcome: Floats
    group: IntArray
    spec: BlockSpec

    def transform(self, values: Singles, group: IntArray) -> Singles:
        """Return float32 (n, len(spec.names)) for rows outside training; NaN rows stay NaN.

        Args:
            values: float32 (n, d).
            group: int64 (n,), author of each row in the numbering of `fit`, -1 if not there.
        """
        out = np.full((len(values), len(self.spec.names)), np.nan, dtype=np.float32)
        whole = np.flatnonzero(~np.isnan(values).any(axis=1))
        if whole.size:
            centred = values[whole] - self.centre
            ridge = self.level + centred.astype(np.float64) @ self.weights
            out[whole] = self._columns(
                np.asarray(centred @ self.axes, dtype=np.float32), ridge, group[whole]
            )
        return out

    def _columns(self, scores: Singles, ridge: Floats, group: IntArray) -> Singles:
        parts = np.full((len(scores), self.spec.dims), np.nan, dtype=np.float32)
        kept = min(self.spec.dims, scores.shape[1])
        parts[:, :kept] = scores[:, :kept] / self.spread[:kept]
        near, similarity = self._neighbours(_unit(scores), group)
        return np.column_stack([parts, ridge, near, similarity]).astype(np.float32)

    def _neighbours(self, place: Singles, group: IntArray) -> tuple[Floats, Floats]:
        """Return similarity-weighted outcome and mean similarity of the nearest other posts."""
        near, similarity = np.empty(len(place)), np.empty(len(place))
        k = min(self.spec.neighbours, len(self.place))
        for start in range(0, len(place), CHUNK):
            rows = slice(start, start + CHUNK)
            cosine = place[rows] @ self.place.T
            cosine[group[rows, None] == self.group[None, :]] = -2.0
            nearest = np.argpartition(-cosine, k - 1, axis=1)[:, :k]
            nearest.sort(axis=1)  # sums then run in the same order on every machine
            close = np.take_along_axis(cosine, nearest, axis=1).astype(np.float64)
            weight = np.where(close > -1.5, np.exp((close - 1.0) / TEMPERATURE), 0.0)
            total = weight.sum(axis=1)
            safe = np.maximum(total, 1e-300)
            near[rows] = np.where(
                total > 0, (weight * self.outcome[nearest]).sum(axis=1) / safe, np.nan
            )
            count = np.maximum((close > -1.5).sum(axis=1), 1)
            similarity[rows] = np.where(close > -1.5, close, 0.0).sum(axis=1) / count
        return near, similarity


def fit_block(
    values: Singles, y: Floats, group: IntArray, spec: BlockSpec, seed: int = 0
) -> tuple[Block | None, Singles]:
    """Fit a block and return it with its honest columns for the training rows.

    Args:
        values: float32 (n, d), NaN rows where the part is missing.
        y: float64 (n,), outcomes on the learning scale.
        group: int64 (n,), author of each row, never negative.
        spec: how far to compress.
        seed: of the folds behind the ridge column.

    Returns:
        The block, None when fewer than `LEAST_ROWS` rows are complete or all are equal, and
        float32 (n, len(spec.names)).
    """
    out = np.full((len(values), len(spec.names)), np.nan, dtype=np.float32)
    whole = np.flatnonzero(~np.isnan(values).any(axis=1))
    if len(whole) < LEAST_ROWS:
        return None, out
    inner, outcome, authors = values[whole], y[whole], group[whole]
    centre = inner.mean(axis=0, dtype=np.float64).astype(np.float32)
    centred = (inner - centre).astype(np.float64)
    left, size, axes = _decompose(centred)
    if not len(size):
        return None, out
    level = float(outcome.mean())
    penalty, honest = _ridge(left, size, outcome - level, authors, seed)
    weights = axes @ (size / (size**2 + penalty) * (left.T @ (outcome - level)))
    kept = max(min(NEAR_DIMS, len(size)), min(spec.dims, len(size)))
    top = axes[:, :kept].astype(np.float32)
    spread = size[:kept] / np.sqrt(len(whole))
    scores = (centred @ axes[:, :kept]).astype(np.float32)
    asked = np.unique(np.linspace(0, len(whole) - 1, min(len(whole), MOST_NEAR)).astype(np.int64))
    block = Block(
        centre,
        top,
        spread,
        weights,
        level,
        _unit(scores)[asked],
        outcome[asked],
        authors[asked].astype(np.int64),
        spec,
    )
    out[whole] = block._columns(scores, level + honest, authors)
    return block, out


def _decompose(centred: Floats) -> tuple[Floats, Floats, Floats]:
    """Return U (n, r), singular values (r,) and V (d, r), through the smaller Gram matrix."""
    n, d = centred.shape
    wide = d > n
    gram = centred @ centred.T if wide else centred.T @ centred
    values, vectors = np.linalg.eigh(gram)
    values, vectors = values[::-1], vectors[:, ::-1]
    kept = values > max(float(values[0]), 0.0) * 1e-9 + 1e-12
    size, vectors = np.sqrt(values[kept]), vectors[:, kept]
    if not len(size):
        return vectors, size, vectors
    left = vectors if wide else (centred @ vectors) / size
    axes = (centred.T @ vectors) / size if wide else vectors
    sign = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    return left * sign, size, axes * sign


def _ridge(
    left: Floats, size: Floats, y: Floats, group: IntArray, seed: int
) -> tuple[float, Floats]:
    """Return the best penalty and its leave-a-fold-out predictions of the centred outcome.

    For a linear smoother the residuals of a left-out fold K are (I - H_KK)^-1 r_K exactly, so no
    model is fitted again (Wahba's identity; Cook and Weisberg 1982 for groups of rows).
    """
    if len(np.unique(group)) < 2:
        group = np.arange(len(y))
    folds = [split.test for split in folds_of_groups(group, 5, seed)]
    flat = np.full((len(y), 1), 1.0 / np.sqrt(len(y)))
    basis = np.hstack([flat, left])
    products = [basis[fold].T @ basis[fold] for fold in folds]
    best: tuple[float, float, Floats] | None = None
    for share in PENALTIES:
        penalty = float(share * size[0] ** 2 / 10.0)
        shrink = np.concatenate([[1.0], size**2 / (size**2 + penalty)])
        residual = y - (basis * shrink) @ (basis.T @ y)
        honest = _left_out(basis, shrink, residual, folds, products)
        error = float(np.mean(honest**2))
        if best is None or error < best[0]:
            best = error, penalty, y - honest
    assert best is not None  # PENALTIES is not empty
    return best[1], best[2]


def _left_out(
    basis: Floats, shrink: Floats, residual: Floats, folds: list[IntArray], products: list[Floats]
) -> Floats:
    """Return leave-a-fold-out residuals, solving in rows or in directions, whichever is fewer."""
    out = np.empty_like(residual)
    for fold, product in zip(folds, products, strict=True):
        part = basis[fold]
        if len(fold) <= part.shape[1]:
            system = np.eye(len(fold)) - (part * shrink) @ part.T
            out[fold] = np.linalg.solve(system, residual[fold])
        else:
            system = np.diag(1.0 / shrink) - product
            inner = np.linalg.solve(system, part.T @ residual[fold])
            out[fold] = residual[fold] + part @ inner
    return out


def _unit(scores: Singles) -> Singles:
    """Return the first NEAR_DIMS scores of each row at length 1."""
    near = scores[:, :NEAR_DIMS]
    length = np.linalg.norm(near, axis=1, keepdims=True)
    return np.asarray(near / np.maximum(length, 1e-12), dtype=np.float32)
