"""Judge a model's recipe on posts that it has not seen -> Evaluation.

The recipe is fitted again inside every split, from the blocks to the intervals; the fitted model
itself has seen all posts and is never scored. Each split also says how much random folds would
have flattered: the optimism gap.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data import splits
from virality.data.matrix import FeatureMatrix
from virality.modeling.holdout import Outcome, Ticks, hold_out
from virality.modeling.metrics import Judged, Metric, mean_with_interval, score
from virality.modeling.rows import labelled
from virality.modeling.stack import Progress
from virality.modeling.threads import one_blas_thread
from virality.modeling.train import Model
from virality.modeling.verdict import judge_lead

Floats = npt.NDArray[np.float64]
Split = Literal["temporal", "author", "random"]

GAP_METRICS = ("spearman", "r2", "mae")
LEAST_POSTS = 20
FOLDS = 5


@dataclass(frozen=True)
class Evaluation:
    """How well a recipe predicts posts that it has not seen.

    Attributes:
        target, split: what was judged, and how.
        rows, authors: posts judged, and known authors among them.
        metrics: name -> score with its interval.
        baselines: `constant`, `author_median`, `followers` -> the same scores.
        differences: baseline -> its MAE less the model's, paired; above 0 the model is better.
        optimism_gap: metric -> random folds' score less this split's (for random: random less the
            temporal split's, or the author folds' where times are unknown).
        coverage: share of posts inside their 80 % interval.
        ids, actual, mean, low, high: the posts judged, learning scale.
        notes: warnings in plain sentences.
        verdict: one plain sentence.
    """

    target: str
    split: str
    rows: int
    authors: int
    metrics: Mapping[str, Metric]
    baselines: Mapping[str, Mapping[str, Metric]]
    differences: Mapping[str, Metric]
    optimism_gap: Mapping[str, float]
    coverage: Metric
    ids: tuple[str, ...]
    actual: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    notes: tuple[str, ...]
    verdict: str

    def as_json(self) -> dict[str, Any]:
        """Return what `evaluate --json` prints: scores as value, low, high."""
        return {
            "target": self.target,
            "split": self.split,
            "rows": self.rows,
            "authors": self.authors,
            "metrics": {name: metric.as_json() for name, metric in self.metrics.items()},
            "baselines": {
                name: {inner: metric.as_json() for inner, metric in metrics.items()}
                for name, metrics in self.baselines.items()
            },
            "optimism_gap": dict(self.optimism_gap),
            "coverage": self.coverage.as_json(),
        }

    @classmethod
    def from_plain(cls, value: Mapping[str, Any]) -> "Evaluation":
        """Return an evaluation from every field as plain values.

        Raises:
            KeyError, TypeError, ValueError: if it is something else.
        """
        read: dict[str, Any] = {one.name: value[one.name] for one in fields(cls)}
        read["metrics"] = _metrics(value["metrics"])
        read["differences"] = _metrics(value["differences"])
        read["baselines"] = {name: _metrics(inner) for name, inner in value["baselines"].items()}
        read["coverage"] = Metric.from_plain(value["coverage"])
        for name in ("ids", "actual", "mean", "low", "high", "notes"):
            read[name] = tuple(value[name])
        return cls(**read)


def _metrics(values: Mapping[str, Any]) -> dict[str, Metric]:
    return {name: Metric.from_plain(inner) for name, inner in values.items()}


def evaluate(
    model: Model,
    matrix: FeatureMatrix,
    posts: pd.DataFrame,
    *,
    split: Split = "temporal",
    seed: int = 0,
    jobs: int = 2,
    progress: Progress | None = None,
) -> Evaluation:
    """Fit the model's recipe inside a split and score what was held out.

    Args:
        model: whose recipe, target and columns are judged.
        matrix: features.
        posts: table that holds the posts of the matrix and their outcomes.
        split: newest fifth held out, author-grouped folds, or random folds.
        seed: of folds and bootstrap.
        jobs: fits at once; the result does not depend on it.
        progress: called with (done, total).

    Raises:
        InputError: if too few posts are labelled, or neither the split asked for nor a weaker one
            is possible.
        BundleError: if the matrix is not what the model reads.
    """
    model.check_matrix(matrix)
    chosen, together, y = labelled(matrix, posts, model.target, LEAST_POSTS)
    rows = model.rows(chosen, together)
    actual_split, notes = _possible(split, together)
    other = _reference(actual_split, together)
    plans = {
        kind: _plan(kind, together, seed) for kind in dict.fromkeys([actual_split, other]) if kind
    }
    ticks = Ticks(sum(len(plan) for plan in plans.values()), progress)
    with one_blas_thread():
        judged = {
            kind: hold_out(rows, y, model.recipe, plan, (kind, seed), jobs, ticks)
            for kind, plan in plans.items()
        }
    return _evaluation(
        model,
        together,
        y,
        actual_split,
        judged[actual_split],
        judged[other] if other else None,
        notes,
        seed,
    )


def _possible(split: Split, posts: pd.DataFrame) -> tuple[Split, tuple[str, ...]]:
    """Return the split that these posts allow, and what to say about it."""
    times, authors = splits.knows_times(posts), splits.knows_authors(posts)
    if split == "temporal" and not times:
        raised = "author" if authors else "random"
        warning = f"Posting times are unknown, so the split is {raised}, not by time."
        return cast(Split, raised), (*_flattery(raised), warning)
    if split == "author" and not authors:
        raised = "temporal" if times else "random"
        warning = f"Authors are unknown, so the split is {raised}, not by author."
        return cast(Split, raised), (*_flattery(raised), warning)
    return split, _flattery(split)


def _flattery(split: str) -> tuple[str, ...]:
    if split != "random":
        return ()
    return ("Random folds flatter: authors and times stand on both sides of each fold.",)


def _reference(split: Split, posts: pd.DataFrame) -> Split | Literal[""]:
    """Return the split that the optimism gap is taken against."""
    if split != "random":
        return "random"
    if splits.knows_times(posts):
        return "temporal"
    return "author" if splits.knows_authors(posts) else ""


def _plan(kind: str, posts: pd.DataFrame, seed: int) -> list[splits.Split]:
    if kind == "temporal":
        return [splits.temporal_split(posts)]
    if kind == "author":
        return splits.author_folds(posts, FOLDS, seed)
    return splits.random_folds(posts, FOLDS, seed)


def _evaluation(
    model: Model,
    posts: pd.DataFrame,
    y: Floats,
    split: Split,
    outcome: Outcome,
    reference: Outcome | None,
    notes: tuple[str, ...],
    seed: int,
) -> Evaluation:
    actual = y[outcome.row]
    groups = splits.author_groups(posts)[outcome.row]
    judged = Judged(actual, outcome.mean, outcome.hit, outcome.probability, model.target.log)
    metrics = score(judged, groups, seed)
    baselines, differences = {}, {}
    for name, (said, chance) in outcome.baselines.items():
        scores = score(Judged(actual, said, outcome.hit, chance, model.target.log), groups, seed)
        # Each fold has a median of its own, and those rank posts by the fold they stand in.
        rankless = {"spearman": Metric(0.0, 0.0, 0.0)} if name == "constant" else {}
        baselines[name] = {**scores, **rankless}
        better = np.abs(actual - said) - np.abs(actual - outcome.mean)
        differences[name] = mean_with_interval(better, groups, seed)
    inside = ((actual >= outcome.low) & (actual <= outcome.high)).astype(np.float64)
    known = splits.author_codes(posts)[outcome.row]
    return Evaluation(
        target=model.target.name,
        split=split,
        rows=len(actual),
        authors=len(np.unique(known[known >= 0])),
        metrics=metrics,
        baselines=baselines,
        differences=differences,
        optimism_gap=_gap(split, metrics, reference, y, model.target.log),
        coverage=mean_with_interval(inside, groups, seed),
        ids=tuple(str(one) for one in posts["id"].iloc[outcome.row]),
        actual=tuple(actual.tolist()),
        mean=tuple(outcome.mean.tolist()),
        low=tuple(outcome.low.tolist()),
        high=tuple(outcome.high.tolist()),
        notes=notes,
        verdict=judge_lead(split, len(actual), differences),
    )


def _gap(
    split: Split, metrics: Mapping[str, Metric], other: Outcome | None, y: Floats, log: bool
) -> dict[str, float]:
    """Return what random folds say less what the honest split says."""
    if other is None:
        return {}
    actual = y[other.row]
    judged = Judged(actual, other.mean, other.hit, other.probability, log)
    values = {
        name: metric.value
        for name, metric in score(judged, np.arange(len(actual), dtype=np.int64)).items()
    }
    sign = -1.0 if split == "random" else 1.0
    return {name: sign * (values[name] - metrics[name].value) for name in GAP_METRICS}
