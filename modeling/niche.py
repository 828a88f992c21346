"""Posts like this one: the nearest of a set of posts, and where a prediction stands among them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.matrix import FeatureMatrix
from virality.modeling.rows import Rows, arrange, labelled
from virality.modeling.targets import Target

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]

MEMBERS = 50
"""Nearest posts that make up a niche."""

LEAST_MEMBERS = 10
"""Posts with which a post must share a part, or it has no niche."""


@dataclass(frozen=True)
class Space:
    """One part of the posts as directions: what is centred and scaled before angles are taken."""

    centre: Singles
    scale: Singles
    units: Singles
    whole: npt.NDArray[np.bool_]

    def cosines(self, row: Singles) -> Floats | None:
        """Return float64 (n,) cosines with a row (d,), NaN where a post lacks the part."""
        if not np.isfinite(row).all():
            return None
        there = (row - self.centre) * self.scale
        length = float(np.linalg.norm(there))
        if length == 0:
            return None
        cosines = (self.units @ (there / np.float32(length))).astype(np.float64)
        return np.where(self.whole, cosines, np.nan)


@dataclass(frozen=True)
class Near:
    """The posts most like another one, nearest first, k of them.

    Attributes:
        places: int64 (k,), rows of the niche's posts.
        similarity: float64 (k,), mean cosine over the parts that both have.
        outcomes: float64 (k,), theirs, on the learning scale.
    """

    places: npt.NDArray[np.int64]
    similarity: Floats
    outcomes: Floats

    def percentile(self, mean: float) -> float:
        """Return where a prediction stands among their outcomes, 0 to 100."""
        below = float((self.outcomes < mean).sum())
        equal = float((self.outcomes == mean).sum())
        return 100.0 * (below + equal / 2) / len(self.outcomes)


@dataclass(frozen=True)
class Niche:
    """Posts with known outcomes among which likeness is sought.

    Attributes:
        posts: n posts, row by row as the arrays.
        outcomes: float64 (n,), on the learning scale.
        spaces: part -> directions of the posts: each embedding, or the plain columns together
            where there is no embedding.
        names: the columns that the spaces are made of.
    """

    posts: pd.DataFrame
    outcomes: Floats
    spaces: Mapping[str, Space]
    names: tuple[str, ...]

    def near(self, matrix: FeatureMatrix, posts: pd.DataFrame, most: int = MEMBERS) -> Near | None:
        """Return the posts most like a post, None where too few share a part with it.

        Args:
            matrix: features of one post, made by the same featurizers.
            posts: table that holds it.
            most: posts to return at most.
        """
        rows = arrange(matrix, posts, self.names)
        found = [
            cosines
            for name, space in self.spaces.items()
            if (cosines := space.cosines(_part(rows, name)[0])) is not None
        ]
        if not found:
            return None
        known = np.isfinite(np.array(found))
        shared = known.sum(axis=0)
        total = np.where(known, np.array(found), 0.0).sum(axis=0)
        similarity = np.where(shared > 0, total / np.maximum(shared, 1), -np.inf)
        own = self.posts["id"].astype(object).to_numpy() == str(matrix.frame.index[0])
        similarity[own] = -np.inf
        order = np.argsort(-similarity, kind="stable")[:most]
        order = order[np.isfinite(similarity[order])]
        if len(order) < LEAST_MEMBERS:
            return None
        return Near(order.astype(np.int64), similarity[order], self.outcomes[order])


PLAIN = "plain"


def fit_niche(matrix: FeatureMatrix, posts: pd.DataFrame, target: Target) -> Niche:
    """Return the labelled posts of a matrix as a place to look for likeness.

    Raises:
        InputError: if no post has an outcome.
    """
    known = labelled(matrix, posts, target, 1)
    embedded = tuple(name for name, column in matrix.columns.items() if column.block)
    names = embedded or tuple(
        name for name, column in matrix.columns.items() if column.known != "post"
    )
    rows = arrange(known.matrix, known.posts, names)
    parts = tuple(rows.blocks) or (PLAIN,)
    spaces = {part: _space(_part(rows, part), scaled=part == PLAIN) for part in parts}
    return Niche(known.posts, known.y, spaces, names)


def _part(rows: Rows, name: str) -> Singles:
    return np.nan_to_num(rows.plain) if name == PLAIN else rows.blocks[name]


def _space(values: Singles, scaled: bool) -> Space:
    whole = np.asarray(np.isfinite(values).all(axis=1))
    inner = values[whole]
    width = values.shape[1]
    centre = inner.mean(axis=0, dtype=np.float64) if len(inner) else np.zeros(width)
    spread = inner.std(axis=0, dtype=np.float64) if scaled and len(inner) else np.ones(width)
    scale = np.where(spread > 0, 1.0 / np.maximum(spread, 1e-12), 0.0).astype(np.float32)
    there = (np.nan_to_num(values) - centre.astype(np.float32)) * scale
    length = np.linalg.norm(there, axis=1, keepdims=True)
    units = np.asarray(there / np.maximum(length, 1e-12), dtype=np.float32)
    return Space(centre.astype(np.float32), scale, units, whole)
