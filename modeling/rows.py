"""Rows: a feature matrix and its posts side by side as plain arrays, ready to be cut by folds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.errors import InputError
from virality.data.matrix import Column, FeatureMatrix
from virality.data.splits import IntArray
from virality.modeling.targets import Target

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Views:
    """Variations of posts (see `FeatureMatrix.views`), k of them.

    Attributes:
        owner: int64 (k,), the row of the post that each is a view of.
        plain: float32 (k, p), as `Rows.plain`.
        blocks: as `Rows.blocks`, (k, d) each.
    """

    owner: IntArray
    plain: Singles
    blocks: Mapping[str, Singles]

    def follow(self, index: IntArray, rows: int) -> "Views":
        """Return the views of the posts at `index` of `rows`, numbered anew."""
        place = np.full(rows, -1, dtype=np.int64)
        place[index] = np.arange(len(index))
        owner = place[self.owner]
        kept = np.flatnonzero(owner >= 0)
        blocks = {name: values[kept] for name, values in self.blocks.items()}
        return Views(owner[kept], self.plain[kept], blocks)


@dataclass(frozen=True)
class Rows:
    """Aligned features and posts of n rows.

    Attributes:
        posts: the posts table, RangeIndex, row i belongs to row i of every array.
        plain: float32 (n, p), the columns that stand for themselves.
        columns: the p columns of `plain`.
        blocks: name of an embedding -> float32 (n, d); NaN rows where the part is missing.
        block_columns: name of an embedding -> its d columns.
        views: variations of the posts, which go wherever their post goes; None if there are none.
    """

    posts: pd.DataFrame
    plain: Singles
    columns: tuple[Column, ...]
    blocks: Mapping[str, Singles]
    block_columns: Mapping[str, tuple[Column, ...]]
    views: Views | None = None

    def __len__(self) -> int:
        return len(self.posts)

    def flat(self) -> "Rows":
        """Return the same rows with every column of every block standing for itself."""
        inner = [column for columns in self.block_columns.values() for column in columns]
        views = self.views
        if views is not None:
            views = replace(views, plain=_beside(views.plain, views.blocks), blocks={})
        return replace(
            self,
            plain=_beside(self.plain, self.blocks),
            columns=(*self.columns, *inner),
            blocks={},
            block_columns={},
            views=views,
        )

    def take(self, index: IntArray) -> "Rows":
        """Return these rows, in this order."""
        return replace(
            self,
            posts=self.posts.iloc[index].reset_index(drop=True),
            plain=self.plain[index],
            blocks={name: values[index] for name, values in self.blocks.items()},
            views=None if self.views is None else self.views.follow(index, len(self)),
        )


def _beside(plain: Singles, blocks: Mapping[str, Singles]) -> Singles:
    return np.ascontiguousarray(np.hstack([plain, *blocks.values()]))


def align(matrix: FeatureMatrix, posts: pd.DataFrame) -> pd.DataFrame:
    """Return the posts of the matrix, in the order of its rows.

    Raises:
        InputError: if a row of the matrix has no post, or a post stands in the table twice.
    """
    together: pd.DataFrame = posts.iloc[_places(matrix, posts)].reset_index(drop=True)
    return together


def measured(target: Target, matrix: FeatureMatrix, posts: pd.DataFrame) -> Floats:
    """Return the outcomes of the posts of the matrix, float64 (n,), NaN where missing.

    What is measured against an author's earlier posts is measured in the whole table: whether
    those have features makes no difference to what was usual.

    Raises:
        InputError: as `align`, and if a count is negative.
    """
    place = _places(matrix, posts)
    if target.relative:
        return target.values(posts)[place]
    return target.values(posts.iloc[place].reset_index(drop=True))


def _places(matrix: FeatureMatrix, posts: pd.DataFrame) -> IntArray:
    ids = pd.Index(posts["id"].astype(object))
    if not ids.is_unique:
        twice = ids[ids.duplicated()][0]
        raise InputError(f"post {twice!r} stands in the table of posts twice; keep one of them")
    place = ids.get_indexer(matrix.frame.index.astype(object))
    if (place < 0).any():
        lost = matrix.frame.index[place < 0][0]
        raise InputError(
            f"features and posts differ: post {lost!r} has features but is not in the table; "
            "extract the features again from this table"
        )
    return np.asarray(place, dtype=np.int64)


def arrange(matrix: FeatureMatrix, posts: pd.DataFrame, names: tuple[str, ...]) -> Rows:
    """Return rows holding these columns of the matrix, embeddings set apart by block."""
    blocks: dict[str, list[str]] = {}
    plain: list[str] = []
    for name in names:
        block = matrix.columns[name].block
        (blocks.setdefault(block, []) if block else plain).append(name)
    place = {name: i for i, name in enumerate(matrix.frame.columns)}
    posts = align(matrix, posts)
    places = {block: [place[n] for n in inner] for block, inner in blocks.items()}
    apart, cut = _cut(matrix.frame, [place[n] for n in plain], places)
    views = None
    if matrix.views is not None:
        owner = matrix.frame.index.get_indexer(matrix.views.index).astype(np.int64)
        views = Views(owner, *_cut(matrix.views, [place[n] for n in plain], places))
    return Rows(
        posts=posts,
        plain=apart,
        columns=tuple(matrix.columns[n] for n in plain),
        blocks=cut,
        block_columns={b: tuple(matrix.columns[n] for n in inner) for b, inner in blocks.items()},
        views=views,
    )


def _cut(
    frame: pd.DataFrame, plain: list[int], blocks: Mapping[str, list[int]]
) -> tuple[Singles, dict[str, Singles]]:
    """Return the plain columns and each block of columns as arrays of their own."""
    values = frame.to_numpy()
    cut = {
        block: np.ascontiguousarray(values[:, places], dtype=np.float32)
        for block, places in blocks.items()
    }
    return np.ascontiguousarray(values[:, plain], dtype=np.float32), cut


@dataclass(frozen=True)
class Labelled:
    """Posts that have an outcome, n of them.

    Attributes:
        matrix: their features.
        posts: the posts, in the order of the matrix.
        y: float64 (n,), outcomes on the learning scale.
        target: fitted on these posts.
    """

    matrix: FeatureMatrix
    posts: pd.DataFrame
    y: Floats
    target: Target

    @property
    def measure(self) -> Callable[[IntArray], Floats] | None:
        """How folds measure outcomes by what they learn from; None where that changes nothing."""
        return measured_anew(self.target, self.posts) if self.target.by_author else None

    def outcomes(self, train: IntArray) -> Floats:
        """Return outcomes (n,) by a target that is fitted on the posts at `train` alone."""
        if not self.target.state:
            return self.y
        return measured_anew(self.target, self.posts)(train)


def measured_anew(target: Target, posts: pd.DataFrame) -> Callable[[IntArray], Floats]:
    """Return what measures posts by a target that is fitted on some of them alone."""
    return lambda train: target.fit(posts.iloc[train]).values(posts)


def labelled(
    matrix: FeatureMatrix, posts: pd.DataFrame, target: Target, least: int = 0
) -> Labelled:
    """Return the rows that have an outcome, and the outcome on the learning scale.

    Raises:
        InputError: if fewer than `least` have one, or all have the same.
    """
    if len(matrix) == 0:
        raise InputError(f"no posts to learn from: the feature matrix is empty, {least} are needed")
    together = align(matrix, posts)
    settled = target.settle(together)
    fitted = settled.fit(together)
    y = measured(fitted, matrix, posts)
    known = np.flatnonzero(np.isfinite(y))
    if len(known) < least:
        raise InputError(
            f"{len(known)} post(s) with a known {target.outcome!r}; at least {least} are needed"
        )
    if least and np.ptp(y[known]) == 0:
        raise InputError(
            f"all {len(known)} posts have the same {target.outcome!r} "
            f"({target.to_units(float(y[known[0]])):g}); there is nothing to learn from"
        )
    if len(known) == len(matrix):
        return Labelled(matrix, together, y, fitted)
    chosen = matrix.rows(matrix.frame.index[known])
    some = together.iloc[known].reset_index(drop=True)
    return Labelled(chosen, some, y[known], fitted)
