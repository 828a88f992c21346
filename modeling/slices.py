"""Scores of one evaluation by kind of post: language, followers, duration, authors seen before."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.matrix import FeatureMatrix
from virality.data.splits import Split, author_codes, author_groups, resampling_units
from virality.modeling.evaluate import Evaluation
from virality.modeling.ground import Ground
from virality.modeling.metrics import Judged, Metric, mean_with_interval, score

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.object_]

LEAST_ROWS = 20
"""Posts below which a slice is not judged by itself."""

PARTS = 10
DURATIONS_S = (0.0, 10.0, 20.0, 40.0, 60.0, np.inf)
LANGUAGE = "text_language__"
SHOWN = ("spearman", "mae", "r2")


@dataclass(frozen=True)
class Slice:
    """Scores of some of the posts judged.

    Attributes:
        kind: `author`, `window`, `followers`, `duration` or `language`.
        name: which posts of that kind.
        rows, authors: posts, and authors among them (posts of unknown authors count one each).
        metrics: `spearman`, `mae`, `r2`, `bias` (mean of actual less predicted) and `coverage`.
    """

    kind: str
    name: str
    rows: int
    authors: int
    metrics: Mapping[str, Metric]

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        scores = {name: metric.as_json() for name, metric in self.metrics.items()}
        facts = {"kind": self.kind, "name": self.name, "rows": self.rows, "authors": self.authors}
        return {**facts, "metrics": scores}


def slice_up(evaluation: Evaluation, ground: Ground, seed: int = 0) -> tuple[Slice, ...]:
    """Return the scores of every slice that has at least 20 posts.

    Args:
        evaluation: whose predictions are scored.
        ground: the posts and the split that it was made on.
        seed: of the bootstrap.
    """
    place = pd.Index(ground.posts["id"].astype(str)).get_indexer(pd.Index(evaluation.ids))
    posts = ground.posts.iloc[place].reset_index(drop=True)
    groups = author_groups(ground.posts)[place]
    slices = []
    for kind, labels in _kinds(ground, posts, place):
        for name in dict.fromkeys(one for one in sorted(set(labels)) if one):
            chosen = np.flatnonzero(labels == name)
            if len(chosen) >= LEAST_ROWS:
                units = resampling_units(posts.iloc[chosen])
                found = _scored(evaluation, chosen, units, seed)
                shown = name.partition("|")[2] or name
                rows, authors = len(chosen), len(np.unique(groups[chosen]))
                slices.append(Slice(kind, shown, rows, authors, found))
    return tuple(slices)


def _scored(
    evaluation: Evaluation,
    chosen: npt.NDArray[np.intp],
    units: npt.NDArray[np.int64],
    seed: int,
) -> dict[str, Metric]:
    actual, mean, low, high = (
        np.asarray(getattr(evaluation, name))[chosen] for name in ("actual", "mean", "low", "high")
    )
    nothing = np.zeros(len(chosen))
    every = score(Judged(actual, mean, nothing, nothing, False), units, seed)
    inside = ((actual >= low) & (actual <= high)).astype(np.float64)
    return {
        **{name: every[name] for name in SHOWN},
        "bias": mean_with_interval(actual - mean, units, seed),
        "coverage": mean_with_interval(inside, units, seed),
    }


def _kinds(
    ground: Ground, posts: pd.DataFrame, place: npt.NDArray[np.intp]
) -> Iterator[tuple[str, Labels]]:
    """Yield each kind of slice and the label of each judged post, empty where it has none.

    What stands before a bar only orders the labels.
    """
    yield "author", _acquaintance(ground.posts, ground.plan)[place]
    if ground.split == "rolling":
        yield "window", _windows(len(ground.posts), ground.plan)[place]
    if "author_followers" in posts.columns:
        yield "followers", _tenths(_numbers(posts["author_followers"]))
    if "duration_s" in posts.columns:
        yield "duration", _durations(_numbers(posts["duration_s"]))
    yield "language", _languages(ground.matrix, posts)


def _numbers(column: "pd.Series[Any]") -> Floats:
    return np.asarray(column.astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan))


def _acquaintance(posts: pd.DataFrame, plan: Sequence[Split]) -> Labels:
    """Say whether the author of a judged post was among those learned from."""
    codes, labels = author_codes(posts), np.full(len(posts), "", dtype=object)
    for split in plan:
        known = np.isin(codes[split.test], codes[split.train])
        labels[split.test] = np.where(known, "learned from", "unseen")
    labels[(codes < 0) & (labels != "")] = "unknown"
    return labels


def _windows(count: int, plan: Sequence[Split]) -> Labels:
    labels = np.full(count, "", dtype=object)
    for number, split in enumerate(plan):
        labels[split.test] = f"{number:03}|{split.name}"
    return labels


def _tenths(values: Floats) -> Labels:
    """Return the tenth of each value, named by its ends; equal values stand in one tenth.

    Fewer posts than ten times the least for a slice make fewer parts.
    """
    labels = np.full(len(values), "", dtype=object)
    known = np.isfinite(values)
    parts = min(PARTS, int(known.sum()) // LEAST_ROWS)
    if parts < 2:
        return labels
    edges = np.unique(np.quantile(values[known], np.arange(1, parts) / parts))
    part = np.searchsorted(edges, values, side="right")
    for number in np.unique(part[known]):
        chosen = known & (part == number)
        low, high = values[chosen].min(), values[chosen].max()
        ends = dict.fromkeys((f"{low:,.0f}", f"{high:,.0f}"))
        labels[chosen] = f"{number:03}|{' to '.join(ends)}"
    return labels


def _durations(values: Floats) -> Labels:
    labels = np.full(len(values), "", dtype=object)
    for number, start in enumerate(DURATIONS_S[:-1]):
        end = DURATIONS_S[number + 1]
        name = f"{start:g} s and more" if np.isinf(end) else f"{start:g} to {end:g} s"
        labels[(values >= start) & (values < end)] = f"{number:03}|{name}"
    return labels


def _languages(matrix: FeatureMatrix, posts: pd.DataFrame) -> Labels:
    """Return the likeliest language of each caption, empty where there is none."""
    labels = np.full(len(posts), "", dtype=object)
    names = [
        name for name in matrix.frame.columns
        if name.startswith(LANGUAGE) and name.endswith("_probability")
    ]  # fmt: skip
    if not names:
        return labels
    place = matrix.frame.index.astype(str).get_indexer(pd.Index(posts["id"].astype(str)))
    values = matrix.frame[names].to_numpy()[place]
    known = np.isfinite(values).all(axis=1)
    short = np.array([name.removeprefix(LANGUAGE).removesuffix("_probability") for name in names])
    labels[known] = short[values[known].argmax(axis=1)]
    return labels
