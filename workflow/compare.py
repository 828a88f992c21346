"""The features of one post beside those of others: percentiles, medians, nearest neighbours."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt

from virality.data.features import Features
from virality.data.matrix import Column
from virality.reports.inspection import Measured
from virality.reports.strings import say

FEWEST_POSTS = 10
"""Among fewer posts a percentile says nothing."""

NAN = float("nan")


def measure(features: Features, others: Features | None) -> tuple[list[Measured], list[str]]:
    """Return every feature of the first post beside those of other posts, and what to know.

    Only columns that featurizers of the same version made are compared. A percentile counts the
    posts below, and half of those that are equal.
    """
    matrix = features.matrix
    usable = _comparable(features, others)
    stale = sorted(
        {_featurizer(name) for name in matrix.columns} - {_featurizer(name) for name in usable}
    )
    notes = []
    if others is not None and stale:
        notes.append(say("clip.note.stale", names=", ".join(stale)))
    if others is not None and len(others.matrix) < FEWEST_POSTS:
        notes.append(say("clip.note.few", posts=len(others.matrix), fewest=FEWEST_POSTS))
    if others is not None and _is_among(features, others):
        notes.append(say("clip.note.among"))
    return list(_measured(features, others if usable else None, usable)), notes


def _featurizer(column: str) -> str:
    return column.partition("__")[0]


def _comparable(features: Features, others: Features | None) -> frozenset[str]:
    if others is None:
        return frozenset()
    ours, theirs = features.matrix.versions, others.matrix.versions
    same = {name for name, version in ours.items() if theirs.get(name) == version}
    return frozenset(
        name
        for name in features.matrix.columns
        if _featurizer(name) in same and name in others.matrix.columns
    )


def _is_among(features: Features, others: Features) -> bool:
    source = features.status["source_sha256"].iloc[0]
    return bool(source) and bool((others.status["source_sha256"] == source).any())


def _measured(
    features: Features, others: Features | None, usable: frozenset[str]
) -> Iterator[Measured]:
    row = features.matrix.frame.iloc[0]
    for block, run in groupby(features.matrix.columns.values(), key=lambda column: column.block):
        members = list(run)
        if block:
            yield _embedding(members, row[[one.name for one in members]], features, others, usable)
            continue
        for column in members:
            compared = others is not None and column.name in usable
            known = others.matrix.frame[column.name].to_numpy() if others and compared else None
            yield _single(column, np.float32(row[column.name]), known)


def _single(column: Column, value: np.float32, known: npt.NDArray[np.float32] | None) -> Measured:
    values = known[np.isfinite(known)] if known is not None else np.zeros(0, np.float32)
    enough = len(values) >= FEWEST_POSTS
    below, above = shares(values, value) if enough and np.isfinite(value) else (NAN, NAN)
    return Measured(
        **_described(column, column.name, 1),
        present=bool(np.isfinite(value)),
        value=float(value),
        usual=float(np.median(values)) if enough else NAN,
        below=below,
        above=above,
        percentile=(below + 100 - above) / 2,
        posts=len(values),
    )


def shares(values: npt.NDArray[np.float32], value: np.float32) -> tuple[float, float]:
    """Return how many of the values are lower and higher than one, in percent.

    >>> shares(np.array([1, 2, 2, 5], np.float32), np.float32(2))
    (25.0, 25.0)
    """
    lower, higher = np.count_nonzero(values < value), np.count_nonzero(values > value)
    return float(100 * lower / len(values)), float(100 * higher / len(values))


def _embedding(
    members: Sequence[Column],
    row: Any,
    features: Features,
    others: Features | None,
    usable: frozenset[str],
) -> Measured:
    own = row.to_numpy(np.float64)
    nearest, similarity, posts = "", NAN, 0
    if others is not None and np.isfinite(own).all() and members[0].name in usable:
        nearest, similarity, posts = _nearest(own, [one.name for one in members], features, others)
    described = _described(members[0], members[0].block, len(members))
    return Measured(
        **described,
        present=bool(np.isfinite(own).all()),
        value=NAN,
        posts=posts,
        nearest=nearest,
        similarity=similarity,
    )


def _described(column: Column, name: str, dimensions: int) -> dict[str, Any]:
    return {
        "column": name,
        "featurizer": _featurizer(column.name),
        "modality": column.modality,
        "unit": column.unit,
        "known": column.known,
        "meaning": column.meaning.replace(", dimension 0", ""),
        "dimensions": dimensions,
    }


def _nearest(
    own: npt.NDArray[np.float64], names: list[str], features: Features, others: Features
) -> tuple[str, float, int]:
    """Return the closest other post by cosine, how close it is, and how many there are."""
    table = others.matrix.frame[names].to_numpy(np.float64)
    source = features.status["source_sha256"].iloc[0]
    same = (others.status["source_sha256"] == source).to_numpy(bool) if source else False
    usable = np.isfinite(table).all(axis=1) & ~np.asarray(same)
    lengths = np.linalg.norm(table, axis=1) * float(np.linalg.norm(own))
    usable &= lengths > 0
    if not usable.any():
        return "", NAN, 0
    cosines = np.full(len(table), -np.inf)
    cosines[usable] = np.round(table[usable] @ own / lengths[usable], 6)
    best = int(np.argmax(cosines))
    return str(others.matrix.frame.index[best]), float(cosines[best]), int(usable.sum())
