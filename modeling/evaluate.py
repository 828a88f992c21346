"""Judge a model's recipe on posts that it has not seen -> Evaluation.

The recipe is fitted again inside every split, from the blocks to the intervals; the fitted model
itself has seen all posts and is never scored. Each split also says how much random folds would
have flattered: the optimism gap.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data import splits
from virality.data.matrix import FeatureMatrix
from virality.modeling.bundle import model_hash
from virality.modeling.ground import Ground, lay_ground
from virality.modeling.ground import Split as Split
from virality.modeling.holdout import Outcome, Response, Ticks
from virality.modeling.metrics import Judged, Metric, mean_with_interval, ranked_rightly, score
from virality.modeling.stack import Progress
from virality.modeling.train import Model
from virality.modeling.verdict import judge_lead

Floats = npt.NDArray[np.float64]

REPORTED: tuple[Split, ...] = ("temporal", "author", "random")
"""The splits that a report shows unless others are asked for."""

RESPONSE_METRICS = ("spearman", "mae", "r2")
"""Of likes, comments, shares and saves: nobody says from when on those are a hit."""

GAP_METRICS = ("spearman", "r2", "mae")

RANKS = ("spearman", "precision_top10", "lift_top10")
"""Metrics of the order of predictions alone."""


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
        without_post: metrics of the same recipe without the columns that are known only after
            posting; empty where the model reads none of them.
        pairs: `model` and each baseline -> share of pairs of posts that it ranks rightly; empty
            where all outcomes are equal.
        together: response -> its metrics under `model` and under each baseline, and the coverage
            of its intervals; empty unless responses are learned together with views.
        model: hash of the bundle whose recipe was judged; empty in files of earlier versions.
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
    ids: tuple[str, ...] = field(repr=False)
    actual: tuple[float, ...] = field(repr=False)
    mean: tuple[float, ...] = field(repr=False)
    low: tuple[float, ...] = field(repr=False)
    high: tuple[float, ...] = field(repr=False)
    notes: tuple[str, ...]
    verdict: str
    without_post: Mapping[str, Metric] = field(default_factory=dict)
    pairs: Mapping[str, float] = field(default_factory=dict)
    together: Mapping[str, Mapping[str, Mapping[str, Metric]]] = field(default_factory=dict)
    model: str = ""

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
            "pairs": dict(self.pairs),
            **(
                {"without_post": {n: metric.as_json() for n, metric in self.without_post.items()}}
                if self.without_post
                else {}
            ),
            **({"together": self._together_json()} if self.together else {}),
        }

    def _together_json(self) -> dict[str, Any]:
        return {
            name: {
                who: {n: metric.as_json() for n, metric in metrics.items()}
                for who, metrics in methods.items()
            }
            for name, methods in self.together.items()
        }

    @classmethod
    def from_plain(cls, value: Mapping[str, Any]) -> "Evaluation":
        """Return an evaluation from every field as plain values.

        Raises:
            KeyError, TypeError, ValueError: if it is something else.
        """
        read: dict[str, Any] = {
            one.name: value[one.name] for one in fields(cls) if one.name != "model"
        }
        read["model"] = str(value.get("model", ""))
        read["metrics"] = _metrics(value["metrics"])
        read["differences"] = _metrics(value["differences"])
        read["baselines"] = {name: _metrics(inner) for name, inner in value["baselines"].items()}
        read["without_post"] = _metrics(value["without_post"])
        read["together"] = {
            name: {who: _metrics(metrics) for who, metrics in methods.items()}
            for name, methods in value["together"].items()
        }
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
        split: newest fifth held out, windows that roll forward in time, author-grouped folds, or
            random folds.
        seed: of folds and bootstrap.
        jobs: fits at once; the result does not depend on it.
        progress: called with (done, total).

    Raises:
        InputError: if too few posts are labelled, or neither the split asked for nor a weaker one
            is possible.
        BundleError: if the matrix is not what the model reads.
    """
    ground = lay_ground(model, matrix, posts, split=split, seed=seed, jobs=jobs)
    other = _reference(ground.split, ground.posts)
    beside = ground.on(other) if other else None
    early = _without_post(model)
    runs = [ground, *([beside] if beside else []), *([ground] if early else [])]
    ticks = Ticks(sum(len(one.plan) for one in runs), progress)
    outcome = ground.hold_out(model, ticks)
    reference = beside.hold_out(model, ticks) if beside else None
    judged = replace(_evaluation(ground, outcome, reference, seed), model=model_hash(model))
    if early is None:
        return judged
    rows = early.rows(ground.matrix, ground.posts)
    known = ground.hold_out(model, ticks, rows=rows, mark=" without post")
    scores = score(ground.judged(known), ground.units(known), seed)
    lost = len(model.columns) - len(early.columns)
    return replace(judged, without_post=scores, notes=(*judged.notes, _both(judged, scores, lost)))


def _without_post(model: Model) -> Model | None:
    """Return the model with the columns known by the time of posting, None if it has no others."""
    early = {name: one for name, one in model.columns.items() if one.known != "post"}
    if len(early) == len(model.columns) or not early:
        return None
    return replace(model, columns=early)


def _both(judged: Evaluation, scores: Mapping[str, Metric], lost: int) -> str:
    with_, without = judged.metrics["spearman"].value, scores["spearman"].value
    return (
        f"{lost} column(s) are known only after posting. Without them Spearman is {without:.3f} "
        f"instead of {with_:.3f}, and the mean error {scores['mae'].value:.3f} instead of "
        f"{judged.metrics['mae'].value:.3f}: that is what to expect before posting."
    )


def _reference(split: Split, posts: pd.DataFrame) -> Split | Literal[""]:
    """Return the split that the optimism gap is taken against."""
    if split != "random":
        return "random"
    if splits.dated_enough(posts):
        return "temporal"
    return "author" if splits.knows_authors(posts) else ""


def _evaluation(
    ground: Ground, outcome: Outcome, reference: Outcome | None, seed: int
) -> Evaluation:
    judged, units = ground.judged(outcome), ground.units(outcome)
    actual = judged.actual
    metrics = score(judged, units, seed)
    baselines: dict[str, dict[str, Metric]] = {}
    differences = {}
    constant, _ = outcome.baselines["constant"]
    for name, (said, chance) in outcome.baselines.items():
        judged_by = replace(judged, predicted=said, hit_probability=chance)
        baselines[name] = score(judged_by, units, seed)
        if np.array_equal(said, constant):  # as an author's median of strangers is, too
            # Each fold has a median of its own, and those rank posts by the fold they stand in.
            alike = score(replace(judged_by, predicted=np.zeros(len(said))), units, seed)
            baselines[name] |= {metric: alike[metric] for metric in RANKS}
        better = np.abs(actual - said) - np.abs(actual - outcome.mean)
        differences[name] = mean_with_interval(better, units, seed)
    inside = ((actual >= outcome.low) & (actual <= outcome.high)).astype(np.float64)
    return Evaluation(
        target=ground.target.name,
        split=ground.split,
        rows=len(actual),
        authors=ground.authors(outcome),
        metrics=metrics,
        baselines=baselines,
        differences=differences,
        optimism_gap=_gap(ground, metrics, reference),
        coverage=mean_with_interval(inside, units, seed),
        ids=tuple(str(one) for one in ground.posts["id"].iloc[outcome.row]),
        actual=tuple(actual.tolist()),
        mean=tuple(outcome.mean.tolist()),
        low=tuple(outcome.low.tolist()),
        high=tuple(outcome.high.tolist()),
        notes=(*ground.notes, *ground.warnings(outcome)),
        verdict=judge_lead(ground.split, len(actual), differences),
        pairs=_pairs(outcome),
        together={
            name: _of_response(ground, one, seed)
            for name, one in outcome.together.items()
            if len(one.row)
        },
    )


def _pairs(outcome: Outcome) -> dict[str, float]:
    """Return how often the model and each baseline rank two posts rightly, where that is known."""
    found = {"model": ranked_rightly(outcome.actual, outcome.mean)}
    constant, _ = outcome.baselines["constant"]
    for name, (said, _) in outcome.baselines.items():
        # Each fold has a constant of its own, and those rank posts by the fold they stand in.
        alike = np.array_equal(said, constant)
        found[name] = 0.5 if alike else ranked_rightly(outcome.actual, said)
    return found if np.isfinite(found["model"]) else {}


def _of_response(ground: Ground, one: Response, seed: int) -> dict[str, dict[str, Metric]]:
    """Return the scores of a response and of its baselines."""
    units = splits.resampling_units(ground.posts.iloc[one.row])
    nothing = np.zeros(len(one.row))

    def scores(said: Floats) -> dict[str, Metric]:
        found = score(Judged(one.actual, said, nothing, nothing, True), units, seed)
        return {name: found[name] for name in RESPONSE_METRICS}

    inside = ((one.actual >= one.low) & (one.actual <= one.high)).astype(np.float64)
    held = {"coverage": mean_with_interval(inside, units, seed)}
    found = {"model": {**scores(one.mean), **held}}
    for name, said in one.baselines.items():
        found[name] = scores(said)
        if np.array_equal(said, one.baselines["constant"]):  # ranks folds alone, see `_evaluation`
            found[name]["spearman"] = scores(nothing)["spearman"]
    del found["constant"]
    return found


def _gap(ground: Ground, metrics: Mapping[str, Metric], other: Outcome | None) -> dict[str, float]:
    """Return what random folds say less what the honest split says."""
    if other is None:
        return {}
    alone = np.arange(len(other.row), dtype=np.int64)
    values = {name: metric.value for name, metric in score(ground.judged(other), alone).items()}
    sign = -1.0 if ground.split == "random" else 1.0
    return {name: sign * (values[name] - metrics[name].value) for name in GAP_METRICS}
