"""Families: columns that say nearly the same, explained as one.

Trees spread the credit of one property over all columns that measure it, and how they do so is
chance: two mean shot lengths and three cut rates each get a fifth, and none looks strong. The sum
of a family's contributions does not depend on that (grouped Shapley values: Jullum et al. 2021,
https://arxiv.org/abs/2106.12228), and adds up to the prediction as before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.matrix import Column
from virality.data.splits import IntArray

if TYPE_CHECKING:
    from virality.modeling.stack import Contributions

Floats = npt.NDArray[np.float64]
Families = Mapping[str, tuple[str, ...]]

ALIKE = 0.7
"""Least absolute rank correlation of every two members: they then share half of their variance."""

MOST_ROWS = 2000
"""Rows that correlations are taken on, spread evenly: their error is then about .02."""

CIRCLE = ("_sin", "_cos")
"""Endings of the coordinates of one cyclic value, such as the hour."""


def find_families(frame: pd.DataFrame, columns: Mapping[str, Column]) -> Families:
    """Return the family of each column that has one.

    Columns of one part of the post belong together where every two of them correlate (complete
    linkage), and the coordinates of a circle with the plain value, whatever they correlate.

    Args:
        frame: raw values, a row a post, NaN where missing.
        columns: what the columns of the frame are.

    Returns:
        Name of the first member -> all members in the frame's order; families of one are left out.
    """
    rows = spread(len(frame), MOST_ROWS)
    kin: dict[tuple[str, str], list[str]] = {}
    for name in frame.columns:
        kin.setdefault(_kin(columns[name]), []).append(name)
    found: list[tuple[str, ...]] = []
    for names in kin.values():
        if len(names) > 1 and len(rows) > 2:
            found += _families(frame[names].iloc[rows], names)
    return {members[0]: members for members in found}


def spread(rows: int, most: int) -> IntArray:
    """Return at most `most` of this many row numbers, spread evenly."""
    return np.unique(np.linspace(0, rows - 1, min(rows, most)).astype(np.int64))


def lead_families(contributions: "Contributions", families: Families) -> Families:
    """Return the same families, each under the name of its strongest member.

    A plain value goes before the coordinates of its circle: an hour can be read off a clock.
    """
    strength = contributions.frame.abs().mean(axis=0)
    return {
        max(members, key=lambda name: (not name.endswith(CIRCLE), strength[name])): members
        for members in families.values()
    }


def gather(contributions: "Contributions", families: Families) -> "Contributions":
    """Return contributions with each family summed under its leader, whose values stand for it."""
    leader = {name: lead for lead, members in families.items() for name in members}
    heads = [leader.get(name, name) for name in contributions.frame.columns]
    kept = list(dict.fromkeys(heads))
    place = np.array([kept.index(head) for head in heads], dtype=np.int64)
    summed = np.zeros((len(contributions.frame), len(kept)))
    np.add.at(summed.T, place, contributions.frame.to_numpy().T)
    return replace(
        contributions,
        frame=pd.DataFrame(summed, index=contributions.frame.index, columns=kept),
        columns={name: contributions.columns[name] for name in kept},
        values=contributions.values[kept],
        members=_moving(contributions, families),
    )


def _moving(contributions: "Contributions", families: Families) -> Families:
    """Return the members that move anything, strongest first, the leader before all."""
    strength = contributions.frame.abs().mean(axis=0)
    return {
        lead: (
            lead,
            *sorted(
                (name for name in members if name != lead and strength[name] > 0),
                key=lambda name: (-float(strength[name]), name),
            ),
        )
        for lead, members in families.items()
    }


def _kin(column: Column) -> tuple[str, str]:
    """Return what a column may be alike with: followers and hours are no family by accident."""
    maker, _, short = column.name.partition("__")
    if column.modality == "history":
        return "history", short.partition("_")[0]
    return column.modality, maker if column.modality in ("metadata", "text") else ""


def _families(values: pd.DataFrame, names: Sequence[str]) -> list[tuple[str, ...]]:
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    distance = 1.0 - np.abs(_rank_correlation(values))
    for i, first in enumerate(names):
        for j, second in enumerate(names[:i]):
            if _circle(first) == _circle(second):
                distance[i, j] = distance[j, i] = 0.0
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance, checks=False), method="complete")
    number = fcluster(tree, t=1.0 - ALIKE, criterion="distance")
    groups: dict[int, list[str]] = {}
    for name, one in zip(names, number, strict=True):
        groups.setdefault(int(one), []).append(name)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def _circle(name: str) -> str:
    return name[: -len(CIRCLE[0])] if name.endswith(CIRCLE) else name


def _rank_correlation(values: pd.DataFrame) -> Floats:
    """Return Spearman's correlation of every two columns, missing values at the middle rank."""
    ranks = values.rank().to_numpy(dtype=np.float64)
    there = np.isfinite(ranks)
    count = np.maximum(there.sum(axis=0), 1)
    middle = np.where(there, ranks, 0.0).sum(axis=0) / count
    centred = np.where(there, ranks - middle, 0.0)
    length = np.sqrt((centred**2).sum(axis=0))
    centred /= np.where(length > 0, length, 1.0)
    return np.asarray(np.clip(centred.T @ centred, -1.0, 1.0), dtype=np.float64)
