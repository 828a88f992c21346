"""Is the difference between two models real? Both recipes, the same splits, the same resamples."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from virality.data.errors import UsageError
from virality.data.matrix import FeatureMatrix
from virality.modeling.ground import Split, lay_ground
from virality.modeling.holdout import Ticks
from virality.modeling.metrics import (
    NOTHING,
    Metric,
    mean_with_interval,
    score,
    score_differences,
)
from virality.modeling.stack import Progress
from virality.modeling.train import Model
from virality.modeling.verdict import say_where

ALIKE = (
    " What each of them learned is another matter: --as-trained compares that, on posts that are "
    "new to both."
)


@dataclass(frozen=True)
class Comparison:
    """Two models side by side on posts that neither has seen.

    Attributes:
        target, split: what was judged, and how.
        rows, authors: posts judged, and known authors among them.
        first, second: metric -> score with its interval, of either model.
        differences: metric -> the second's less the first's, paired by author.
        coverage: share of posts inside the 80 % interval, of either model.
        real: whether the 95 % interval of the difference in mean error excludes zero, of recipes
            that differ in more than their seed.
        notes: warnings in plain sentences.
        verdict: one plain sentence.
    """

    target: str
    split: str
    rows: int
    authors: int
    first: Mapping[str, Metric]
    second: Mapping[str, Metric]
    differences: Mapping[str, Metric]
    coverage: tuple[Metric, Metric]
    real: bool
    notes: tuple[str, ...]
    verdict: str

    def as_json(self) -> dict[str, Any]:
        """Return what `compare --json` prints."""
        return {
            "target": self.target,
            "split": self.split,
            "rows": self.rows,
            "authors": self.authors,
            "first": _plain(self.first),
            "second": _plain(self.second),
            "differences": _plain(self.differences),
            "coverage": [one.as_json() for one in self.coverage],
            "real": self.real,
            "notes": list(self.notes),
            "verdict": self.verdict,
        }


def _plain(metrics: Mapping[str, Metric]) -> dict[str, dict[str, float | None]]:
    return {name: metric.as_json() for name, metric in metrics.items()}


def compare(
    first: Model,
    second: Model,
    matrix: FeatureMatrix,
    posts: pd.DataFrame,
    *,
    names: tuple[str, str] = ("the first model", "the second model"),
    split: Split = "temporal",
    seed: int = 0,
    jobs: int = 2,
    progress: Progress | None = None,
) -> Comparison:
    """Fit both recipes inside a split and compare what they say post by post.

    Args:
        first: a model.
        second: another model of the same target.
        matrix: features, with the columns of both.
        posts: table that holds the posts of the matrix and their outcomes.
        names: of the models, for the verdict.
        split: how posts are held out.
        seed: of folds and bootstrap.
        jobs: fits at once; the result does not depend on it.
        progress: called with (done, total).

    Raises:
        UsageError: if the models predict different outcomes.
        InputError: if too few posts are labelled, or no split is possible.
        BundleError: if the matrix is not what both models read.
    """
    check_same_target(first, second)
    second.check_matrix(matrix)
    ground = lay_ground(first, matrix, posts, split=split, seed=seed, jobs=jobs)
    ticks = Ticks(2 * len(ground.plan), progress)
    outcomes = ground.hold_out(first, ticks), ground.hold_out(second, ticks)
    units = ground.units(outcomes[0])
    one, other = (ground.judged(outcome) for outcome in outcomes)
    inside = [(one.actual >= o.low) & (one.actual <= o.high) for o in outcomes]
    covered = [mean_with_interval(held.astype(np.float64), units, seed) for held in inside]
    differences = score_differences(one, other, units, seed)
    error = differences["mae"]
    luck = _differ_in_seed(first, second) and not _same(error)
    said = judge_luck(error, _recipes(names)) if luck else judge_difference(error, _recipes(names))
    return Comparison(
        target=ground.target.name,
        split=ground.split,
        rows=len(units),
        authors=ground.authors(outcomes[0]),
        first=score(one, units, seed),
        second=score(other, units, seed),
        differences=differences,
        coverage=(covered[0], covered[1]),
        real=is_real(error) and not luck,
        notes=(*ground.notes, *ground.warnings(outcomes[0])),
        verdict=f"{say_where(ground.split, len(units))} {said}"
        + (ALIKE if luck or _same(error) else ""),
    )


def _recipes(names: tuple[str, str]) -> tuple[str, str]:
    return f"the recipe of {names[0]}", f"the recipe of {names[1]}"


def _differ_in_seed(first: Model, second: Model) -> bool:
    """Say whether two recipes are the same but for their seed, and read the same columns."""
    one, other = first.recipe, second.recipe
    alike = replace(one, seed=other.seed) == other and set(first.columns) == set(second.columns)
    return alike and one.seed != other.seed


def check_same_target(first: Model, second: Model) -> None:
    """Refuse models of two targets.

    Raises:
        UsageError: naming them.
    """
    if first.target.name != second.target.name:
        raise UsageError(
            f"the models predict {first.target.name!r} and {second.target.name!r}; "
            "only models of one target can be compared"
        )


def is_real(difference: Metric) -> bool:
    """Say whether the interval of a difference excludes zero."""
    return difference.low > 0 or difference.high < 0


def _same(error: Metric) -> bool:
    """Say whether two models err alike on every post; one post alone has no interval."""
    return error.value == 0 and (np.isnan(error.low) or error.low == error.high == 0)


def judge_luck(error: Metric, names: tuple[str, str]) -> str:
    """Say how far apart two fits of one recipe are; resamples of posts know nothing of fitting."""
    return (
        f"{names[0]} and {names[1]} cannot be told apart: they are the same but for the seed, and "
        f"their mean errors differ by {abs(error.value):.3f} for luck alone."
    )


def judge_difference(error: Metric, names: tuple[str, str]) -> str:
    """Say which of two named models errs less, and whether that may be chance."""
    if _same(error):
        return f"{names[0]} and {names[1]} say the same: no post is predicted better by either."
    less = error.value < 0
    ahead, behind = (names[1], names[0]) if less else names
    low, high = sorted((abs(error.low), abs(error.high)))
    if high < NOTHING:
        if is_real(error):
            return (
                f"{ahead} is better than {behind}: its mean error is smaller by less than "
                f"{NOTHING}, which is more than chance."
            )
        return (
            f"{names[0]} and {names[1]} cannot be told apart: their mean errors differ by less "
            f"than {NOTHING}."
        )
    if is_real(error):
        return (
            f"{ahead} is better than {behind}: its mean error is {abs(error.value):.3f} smaller "
            f"({low:.3f} to {high:.3f}), which is more than chance."
        )
    apart = (
        f"{names[0]} and {names[1]} cannot be told apart: the mean error of {ahead} is "
        f"{abs(error.value):.3f} smaller, and"
    )
    if np.isnan(error.low):
        return f"{apart} one post says nothing of chance."
    return (
        f"{apart} the 95 % interval of the difference, {error.low:.3f} to {error.high:.3f}, "
        "includes zero."
    )
