"""From rows to what boosters read: plain columns, compressed embeddings and history side by side.

Everything fitted here sees training rows only, and what it says about the training rows is honest
(see `blocks` and `history`), so a booster does not learn to trust what will not be there later.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.matrix import Column
from virality.data.splits import IntArray, author_groups
from virality.modeling import categories as category
from virality.modeling import terms as caption
from virality.modeling.alike import LEAST_TOLD, LEVEL, PREFIX, Alike, column_of, fit_alike
from virality.modeling.blocks import Block, BlockSpec, fit_block
from virality.modeling.categories import Encoding, category_keys, fit_encoding
from virality.modeling.history import COLUMNS as HISTORY_COLUMNS
from virality.modeling.history import History, author_keys
from virality.modeling.rows import Rows, Singles
from virality.modeling.terms import Document, Terms, fit_terms, read_documents

Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.str_]


NOTHING_VARIES = (
    "every feature is the same in all posts or missing, and nothing is known of earlier ones: "
    "nothing tells posts apart; extract other features"
)


def describe(rows: Rows, spec: BlockSpec) -> tuple[Column, ...]:
    """Return the inputs that these rows become; `block` names the group of derived columns."""
    rows = rows.flat() if spec.raw else rows
    derived, own = [], []
    for name, columns in rows.block_columns.items():
        first = columns[0]
        own.append(column_of(name, first))
        known = "asof" if any(column.known == "asof" for column in columns) else first.known
        derived += [
            Column(f"{name}#{short}", first.modality, "", known, name, first.meaning)
            for short in spec.names
        ]
    if spec.terms:
        meaning = "words, characters and hashtags of the caption"
        derived += [
            Column(f"{caption.NAME}#{short}", "text", "", "pre", caption.NAME, meaning)
            for short in spec.for_terms.names
        ]
    if spec.categories:
        derived += [
            Column(f"{category.NAME}#{short}", "metadata", "score", "asof", category.NAME, meaning)
            for short, meaning in category.MEANINGS.items()
        ]
    return (*rows.columns, *derived, *own, *HISTORY_COLUMNS.values())


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
        blocks: name -> fitted block, or None where too few rows were complete; the caption's terms
            are one of them.
        terms: vocabularies and latent directions of captions; None where there are none.
        encodings: category -> its encoding; empty where they are not asked for.
        alike: embedding -> authors' own posts by it, None where they say too little; empty in
            models of earlier releases.
        history: earlier outcomes of the training posts.
        authors: known authors of the training rows, sorted.
        numbers: int64, the group number of each of `authors`.
        columns: what `transform` returns.
        spec: how far embeddings are compressed.
    """

    blocks: Mapping[str, Block | None]
    terms: Terms | None
    encodings: Mapping[str, Encoding]
    alike: Mapping[str, Alike | None]
    history: History
    authors: Texts
    numbers: IntArray
    columns: tuple[Column, ...]
    spec: BlockSpec

    def transform(self, rows: Rows) -> Inputs:
        """Return the inputs of rows outside training."""
        rows = rows.flat() if self.spec.raw else rows
        group = self.groups(rows.posts)
        wide = dict(rows.blocks)
        if self.spec.terms:
            wide[caption.NAME] = _latent(self.terms, read_documents(rows.posts))
        parts = [rows.plain]
        for name, block in self.blocks.items():
            width = len(_spec_of(name, self.spec).names)
            empty = np.full((len(rows), width), np.nan, dtype=np.float32)
            parts.append(empty if block is None else block.transform(wide[name], group))
        if self.encodings:
            keys = category_keys(rows.posts)
            parts += [_column(one.transform(keys[name])) for name, one in self.encodings.items()]
        for name, own in self.alike.items():
            parts.append(_own(own, self.blocks[name], rows.blocks[name], rows.posts))
        return _joined(parts, self.history.transform(rows.posts), self.columns)

    def groups(self, posts: pd.DataFrame) -> IntArray:
        """Return each author's number in training, -1 for strangers."""
        if not len(self.authors):
            return np.full(len(posts), -1, dtype=np.int64)
        names = author_keys(posts).astype(object)
        place = pd.Index(self.authors.astype(object)).get_indexer(names)
        return np.where(place >= 0, self.numbers[np.maximum(place, 0)], -1).astype(np.int64)


def fit_projector(
    rows: Rows, y: Floats, spec: BlockSpec, seed: int = 0
) -> tuple[Projector, Inputs]:
    """Fit blocks and history on training rows; return them with honest inputs of those rows."""
    rows = rows.flat() if spec.raw else rows
    group = author_groups(rows.posts)
    wide = dict(rows.blocks)
    terms = None
    if spec.terms:
        documents = read_documents(rows.posts)
        terms = fit_terms(documents)
        wide[caption.NAME] = _latent(terms, documents)
    blocks: dict[str, Block | None] = {}
    parts = [rows.plain]
    for name, values in wide.items():
        blocks[name], columns = fit_block(values, y, group, _spec_of(name, spec), seed)
        parts.append(columns)
    encodings, encoded = _fit_encodings(rows.posts, y, group, spec, seed)
    history = History.fit(rows.posts, y)
    earlier = history.transform(rows.posts)
    usual = earlier[LEVEL].to_numpy(dtype=np.float64)
    alike: dict[str, Alike | None] = {}
    for name, values in rows.blocks.items():
        alike[name], told = _fit_own(blocks[name], values, rows.posts, y, usual)
        encoded.append(told)
    authors, numbers = _numbered(rows.posts, group)
    described = describe(rows, spec)
    projector = Projector(
        blocks, terms, encodings, alike, history, authors, numbers, described, spec
    )
    return projector, _joined([*parts, *encoded], earlier, described)


def selected(columns: Sequence[Column], spec: BlockSpec) -> npt.NDArray[np.bool_]:
    """Say which of a wider spec's inputs a narrower one has: a study fits the widest spec once."""
    left_out = {
        name
        for name, wanted in ((caption.NAME, spec.terms), (category.NAME, spec.categories))
        if not wanted
    }
    shorts = {"ridge": spec.ridge, "near": spec.near, "near_distance": spec.near}
    return np.array(
        [
            column.block not in left_out
            and _component(column) <= spec.dims
            and shorts.get(column.name.rpartition("#")[2], True)
            and (spec.history or column.modality != "history")
            and (spec.alike or not column.name.startswith(PREFIX))
            for column in columns
        ],
        dtype=np.bool_,
    )


def _component(column: Column) -> int:
    """Return which principal component an input is, 0 for everything else."""
    short = column.name.rpartition("#")[2] if column.block else ""
    return int(short[2:]) if short.startswith("pc") else 0


def _fit_encodings(
    posts: pd.DataFrame, y: Floats, group: IntArray, spec: BlockSpec, seed: int
) -> tuple[dict[str, Encoding], list[Singles]]:
    fitted, columns = {}, []
    for name, keys in category_keys(posts).items() if spec.categories else ():
        fitted[name], honest = fit_encoding(keys, y, group, seed=seed)
        columns.append(_column(honest))
    return fitted, columns


def _fit_own(
    block: Block | None, values: Singles, posts: pd.DataFrame, y: Floats, usual: Floats
) -> tuple[Alike | None, Singles]:
    """Return authors' own posts by an embedding, and what they say of the training posts."""
    if block is not None:
        scores = _scores(block, values)
        own = fit_alike(scores, posts, y, usual)
        told = _column(own.seek(scores, posts))
        if np.isfinite(told).sum() >= LEAST_TOLD:
            return own.newest(), told
    return None, _own(None, block, values, posts)


def _own(own: Alike | None, block: Block | None, values: Singles, posts: pd.DataFrame) -> Singles:
    """Return how the authors' own posts by an embedding did, float32 (n, 1)."""
    if own is None or block is None:
        return np.full((len(posts), 1), np.nan, dtype=np.float32)
    return _column(own.seek(_scores(block, values), posts))


def _scores(block: Block, values: Singles) -> Singles:
    """Return a block's scores, NaN rows where the part is missing."""
    out = np.full((len(values), len(block.directions.spread)), np.nan, dtype=np.float32)
    whole = np.flatnonzero(~np.isnan(values).any(axis=1))
    out[whole] = block.directions.scores(values[whole])
    return out


def _column(values: Floats) -> Singles:
    return values.astype(np.float32)[:, None]


def _spec_of(name: str, spec: BlockSpec) -> BlockSpec:
    return spec.for_terms if name == caption.NAME else spec


def _latent(terms: Terms | None, documents: Sequence[Document | None]) -> Singles:
    """Return latent directions of captions, one column of NaN where there are none."""
    if terms is None:
        return np.full((len(documents), 1), np.nan, dtype=np.float32)
    return terms.transform(documents).astype(np.float32)


def _joined(parts: list[Singles], earlier: pd.DataFrame, columns: tuple[Column, ...]) -> Inputs:
    history = earlier.to_numpy(dtype=np.float32)
    return Inputs(np.ascontiguousarray(np.hstack([*parts, history])), columns)


def _numbered(posts: pd.DataFrame, group: IntArray) -> tuple[Texts, IntArray]:
    """Return the known authors, sorted, and the group number of each."""
    names = author_keys(posts)
    known = np.flatnonzero(names != "")
    authors, first = np.unique(names[known], return_index=True)
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
