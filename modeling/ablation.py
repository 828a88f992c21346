"""What each modality adds: the recipe without it, and with it alone, on the same held-out posts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import pandas as pd

from virality.data.matrix import MODALITIES, FeatureMatrix
from virality.modeling.compare import is_real
from virality.modeling.ground import Ground, Split, lay_ground
from virality.modeling.holdout import Outcome, Ticks
from virality.modeling.inputs import varying
from virality.modeling.metrics import NOTHING, Metric, score, score_differences
from virality.modeling.rows import Rows
from virality.modeling.stack import Progress
from virality.modeling.train import Model

Kind = Literal["without", "alone"]


@dataclass(frozen=True)
class Part:
    """The recipe without a modality, or with it alone.

    Attributes:
        modality: which one.
        kind: `without` or `alone`.
        columns: columns of the matrix that were read; history has none, it is made of posts.
        metrics: name -> score with its interval.
        differences: name -> this score less the whole model's, paired by author.
    """

    modality: str
    kind: Kind
    columns: int
    metrics: Mapping[str, Metric]
    differences: Mapping[str, Metric]

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "modality": self.modality,
            "kind": self.kind,
            "columns": self.columns,
            "metrics": {name: one.as_json() for name, one in self.metrics.items()},
            "differences": {name: one.as_json() for name, one in self.differences.items()},
        }


@dataclass(frozen=True)
class Ablation:
    """What each modality adds.

    Attributes:
        split: how posts are held out.
        whole: name -> score of the whole model.
        parts: every modality left out, then every one alone.
        verdict: one plain sentence.
    """

    split: str
    whole: Mapping[str, Metric]
    parts: tuple[Part, ...]
    verdict: str

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "split": self.split,
            "whole": {name: one.as_json() for name, one in self.whole.items()},
            "parts": [part.as_json() for part in self.parts],
            "verdict": self.verdict,
        }


def ablate(
    model: Model,
    matrix: FeatureMatrix,
    posts: pd.DataFrame,
    *,
    split: Split = "temporal",
    seed: int = 0,
    jobs: int = 2,
    progress: Progress | None = None,
) -> Ablation:
    """Fit the model's recipe on fewer modalities inside a split.

    Args:
        model: whose recipe, target and columns are judged.
        matrix: features.
        posts: table that holds the posts of the matrix and their outcomes.
        split: how posts are held out.
        seed: of folds and bootstrap.
        jobs: fits at once; the result does not depend on it.
        progress: called with (done, total).

    Raises:
        InputError: if too few posts are labelled, or no split is possible.
        BundleError: if the matrix is not what the model reads.
    """
    ground = lay_ground(model, matrix, posts, split=split, seed=seed, jobs=jobs)
    there = _modalities(model, ground)
    plans = list(_plans(there)) if len(there) > 1 else []
    ticks = Ticks((len(plans) + 1) * len(ground.plan), progress)
    whole = ground.hold_out(model, ticks)
    parts = []
    for kind, modality, kept in plans:
        rows = _rows(model, ground, kept)
        outcome = ground.hold_out(_without_derived(model, kept), ticks, rows=rows)
        parts.append(_part(ground, whole, outcome, kind, modality, _width(rows), seed))
    scores = score(ground.judged(whole), ground.units(whole), seed)
    return Ablation(ground.split, scores, tuple(parts), _judge(parts))


def _modalities(model: Model, ground: Ground) -> tuple[str, ...]:
    """Return the modalities that tell the posts of every part apart.

    Columns that no post has, those of clips where there are no clips, are nothing to leave out.
    """
    told = {"history"} & {base.name for base in model.stack.bases}
    for modality in {column.modality for column in model.columns.values()}:
        values = _rows(model, ground, frozenset({modality})).flat().plain
        if all(varying(values[part.train]).any() for part in ground.plan):
            told.add(modality)
    return tuple(one for one in MODALITIES if one in told)


def _plans(there: tuple[str, ...]) -> Iterator[tuple[Kind, str, frozenset[str]]]:
    for modality in there:
        yield "without", modality, frozenset(there) - {modality}
    for modality in there:
        yield "alone", modality, frozenset({modality})


def _rows(model: Model, ground: Ground, kept: frozenset[str]) -> Rows:
    """Return inputs of these modalities only; history is made of posts, see `_without_derived`."""
    columns = {name: one for name, one in model.columns.items() if one.modality in kept}
    return replace(model, columns=columns).rows(ground.matrix, ground.posts)


def _without_derived(model: Model, kept: frozenset[str]) -> Model:
    """Return the model with a recipe that derives no columns of modalities left out.

    All else stays, how much newer posts count among it: without history posts keep their times.
    """
    recipe = model.stack.recipe
    fewer = replace(
        recipe,
        terms=recipe.terms and "text" in kept,
        categories=recipe.categories and "metadata" in kept,
        history=recipe.history and "history" in kept,
    )
    return replace(model, stack=replace(model.stack, recipe=fewer))


def _width(rows: Rows) -> int:
    return len(rows.columns) + sum(len(columns) for columns in rows.block_columns.values())


def _part(
    ground: Ground,
    whole: Outcome,
    outcome: Outcome,
    kind: Kind,
    modality: str,
    width: int,
    seed: int,
) -> Part:
    judged, units = ground.judged(outcome), ground.units(outcome)
    return Part(
        modality=modality,
        kind=kind,
        columns=width,
        metrics=score(judged, units, seed),
        differences=score_differences(ground.judged(whole), judged, units, seed),
    )


def _judge(parts: list[Part]) -> str:
    """Say which modalities the model is clearly worse without."""
    if not parts:
        return "The model reads one modality only, so there is nothing to leave out."
    lost = {one.modality: one.differences["mae"] for one in parts if one.kind == "without"}
    needed = [name for name, error in lost.items() if is_real(error) and error.value >= NOTHING]
    harmful = [name for name, error in lost.items() if is_real(error) and error.value <= -NOTHING]
    alone = min((p for p in parts if p.kind == "alone"), key=lambda p: p.metrics["mae"].value)
    said = (
        f"Without {' or '.join(needed)} the model is worse by more than chance"
        if needed
        else "The model is not clearly worse without any one modality"
    )
    if harmful:
        said += f", without {' or '.join(harmful)} it is better"
    return f"{said}; the best alone is {alone.modality}."
