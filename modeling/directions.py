"""Principal components of a wide block, through whichever Gram matrix is smaller."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
CHUNK = 65_536
"""Rows whose double-precision copy is held at a time."""

Reals = npt.NDArray[np.floating[Any]]


class Decomposition(NamedTuple):
    """Thin singular value decomposition of centred rows, strongest first.

    Attributes:
        left: float64 (n, r), orthonormal columns.
        size: float64 (r,), singular values, all above rounding.
        axes: float64 (d, r), orthonormal columns.
    """

    left: Floats
    size: Floats
    axes: Floats


@dataclass(frozen=True)
class Directions:
    """Fitted principal components, in single or double precision.

    Attributes:
        centre: (d,), mean of the training rows.
        axes: (d, q), leading directions.
        spread: float64 (q,), standard deviation of the training rows' scores.
    """

    centre: Reals
    axes: Reals
    spread: Floats

    def scores(self, values: Reals) -> Reals:
        """Return scores (n, q) of complete rows (n, d), in the rows' precision.

        Sums run in double precision: in single, a row's last bit depends on how many others are
        asked about with it, and trees that cut at a training row's own value would notice.
        """
        axes, out = self.axes.astype(np.float64), np.empty((len(values), len(self.spread)))
        for start in range(0, len(values), CHUNK):
            rows = slice(start, start + CHUNK)
            out[rows] = (values[rows] - self.centre).astype(np.float64) @ axes
        return np.asarray(out.astype(values.dtype))

    def standard(self, scores: Reals, dims: int) -> Reals:
        """Return the first `dims` scores at unit variance, NaN beyond what the data have."""
        out = np.full((len(scores), dims), np.nan, dtype=scores.dtype)
        kept = min(dims, scores.shape[1])
        out[:, :kept] = scores[:, :kept] / self.spread[:kept]
        return out


def centred(values: Reals) -> tuple[Reals, Floats]:
    """Return the mean row (d,) in the rows' precision and the rows without it, float64 (n, d)."""
    centre = values.mean(axis=0, dtype=np.float64).astype(values.dtype)
    rows = (values - centre).astype(np.float64)
    rows[:, (values == values[:1]).all(axis=0)] = 0.0  # not the rounding of a mean of equals
    return centre, rows


def decompose(rows: Floats) -> Decomposition:
    """Return the decomposition of centred rows (n, d), signs fixed by each axis' largest part."""
    n, d = rows.shape
    wide = d > n
    gram = rows @ rows.T if wide else rows.T @ rows
    values, vectors = np.linalg.eigh(gram)
    values, vectors = values[::-1], vectors[:, ::-1]
    kept = values > max(float(values[0]), 0.0) * 1e-9
    size, vectors = np.sqrt(values[kept]), vectors[:, kept]
    if not len(size):
        return Decomposition(np.zeros((n, 0)), size, np.zeros((d, 0)))
    left = vectors if wide else (rows @ vectors) / size
    axes = (rows.T @ vectors) / size if wide else vectors
    sign = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    return Decomposition(left * sign, size, axes * sign)


def leading(centre: Reals, found: Decomposition, most: int) -> Directions:
    """Return the `most` strongest directions, fewer where there are fewer, in `centre`'s type."""
    kept = min(most, len(found.size))
    spread = found.size[:kept] / np.sqrt(len(found.left))
    axes = found.axes[:, :kept]
    return Directions(centre, axes.astype(np.float32) if single(centre) else axes, spread)


def single(values: Reals) -> bool:
    """Say whether values are in single precision."""
    return values.dtype == np.float32
