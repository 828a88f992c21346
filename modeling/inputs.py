"""From rows to what boosters read: plain columns, compressed embeddings and history side by side.

Everything fitted here sees training rows only, and what it says about the training rows is honest
(see `blocks` and `history`), so a booster does not learn to trust what will not be there later.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.matrix import Column
from virality.data.splits import IntArray, author_groups
from virality.modeling.blocks import Block, BlockSpec, fit_block
from virality.modeling.history import COLUMNS as HISTORY_COLUMNS
from virality.modeling.history import History
from virality.modeling.rows import Rows, Singles

Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.str_]


def describe(rows: Rows, spec: BlockSpec) -> tuple[Column, ...]:
    """Return the inputs that these rows become; `block` names the group of derived columns."""
    derived = []
    for name, columns in rows.block_columns.items():
        first = columns[0]
        known = "asof" if any(column.known == "asof" for column in columns) else first.known
        derived += [
            Column(f"{name}#{short}", first.modality, "", known, name, first.meaning)
            for short in spec.names
        ]
    return (*rows.columns, *derived, *HISTORY_COLUMNS.values())


@dataclass(frozen=True)
class Inputs:
    """What boosters read.

    Attributes:
        values: float32 (n, len(columns)).
        columns: what each is; `block` is the group that its contribution is reported under.
    """

    values: Singles
    columns: tuple[Column, ...]

    def column(self, name: str) -> Singles:
        """Return one column, float32 (n,)."""
        return self.values[:, [column.name for column in self.columns].index(name)]


@dataclass(frozen=True)
class Projector:
    """Fitted blocks and history.

    Attributes:
        blocks: name -> fitted block, or None where too few rows were complete.
        history: earlier outcomes of the training posts.
        authors: known authors of the training rows, sorted.
        numbers: int64, the group number of each of `authors`.
        columns: what `transform` returns.
        spec: how far embeddings are compressed.
    """

    blocks: Mapping[str, Block | None]
    history: History
    authors: Texts
    numbers: IntArray
    columns: tuple[Column, ...]
    spec: BlockSpec

    def transform(self, rows: Rows) -> Inputs:
        """Return the inputs of rows outside training."""
        group = self.groups(rows.posts)
        parts = [rows.plain]
        for name, block in self.blocks.items():
            values = rows.blocks[name]
            empty = np.full((len(rows), len(self.spec.names)), np.nan, dtype=np.float32)
            parts.append(empty if block is None else block.transform(values, group))
        return _joined(parts, self.history, rows, self.columns)

    def groups(self, posts: pd.DataFrame) -> IntArray:
        """Return each author's number in training, -1 for strangers."""
        if "author_id" not in posts.columns or not len(self.authors):
            return np.full(len(posts), -1, dtype=np.int64)
        names = posts["author_id"].astype(object)
        place = pd.Index(self.authors.astype(object)).get_indexer(names)
        return np.where(place >= 0, self.numbers[np.maximum(place, 0)], -1).astype(np.int64)


def fit_projector(
    rows: Rows, y: Floats, spec: BlockSpec, seed: int = 0
) -> tuple[Projector, Inputs]:
    """Fit blocks and history on training rows; return them with honest inputs of those rows."""
    group = author_groups(rows.posts)
    blocks: dict[str, Block | None] = {}
    parts = [rows.plain]
    for name, values in rows.blocks.items():
        blocks[name], columns = fit_block(values, y, group, spec, seed)
        parts.append(columns)
    history = History.fit(rows.posts, y)
    authors, numbers = _numbered(rows.posts, group)
    described = describe(rows, spec)
    projector = Projector(blocks, history, authors, numbers, described, spec)
    return projector, _joined(parts, history, rows, described)


def _joined(
    parts: list[Singles], history: History, rows: Rows, columns: tuple[Column, ...]
) -> Inputs:
    earlier = history.transform(rows.posts).to_numpy(dtype=np.float32)
    return Inputs(np.ascontiguousarray(np.hstack([*parts, earlier])), columns)


def _numbered(posts: pd.DataFrame, group: IntArray) -> tuple[Texts, IntArray]:
    """Return the known authors, sorted, and the group number of each."""
    if "author_id" not in posts.columns:
        return np.zeros(0, dtype=np.str_), np.zeros(0, dtype=np.int64)
    known = np.flatnonzero(posts["author_id"].notna().to_numpy())
    names = posts["author_id"].iloc[known].astype(object).to_numpy().astype(np.str_)
    authors, first = np.unique(names, return_index=True)
    return authors, group[known][first]


def varying(values: Singles) -> npt.NDArray[np.bool_]:
    """Say which columns can tell rows apart: two different values, or some missing and some not."""
    if not len(values):
        return np.zeros(values.shape[1], dtype=np.bool_)
    missing = np.isnan(values)
    low = np.where(missing, np.inf, values).min(axis=0)
    high = np.where(missing, -np.inf, values).max(axis=0)
    some = missing.any(axis=0) & ~missing.all(axis=0)
    return np.asarray((high > low) | some)
