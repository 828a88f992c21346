"""Evaluate a model by split, and keep evaluations in files."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

from virality.data.errors import InputError, UsageError
from virality.data.features import read_features
from virality.data.overwriting import refuse_overwriting, refuse_unwritable
from virality.data.store import write_atomically
from virality.workflow.console import Progress, as_line
from virality.workflow.terminal import plain

if TYPE_CHECKING:
    from virality.modeling.ablation import Ablation
    from virality.modeling.audit import Audit
    from virality.modeling.compare import Comparison
    from virality.modeling.curve import LearningCurve
    from virality.modeling.evaluate import Evaluation, Split
    from virality.modeling.slices import Slice


@dataclass(frozen=True)
class Judgement:
    """An evaluation, and what was asked for besides; None where it was not.

    Attributes:
        evaluation: scores on one split.
        slices: scores by kind of post.
        curve: scores by number of posts learned from.
        ablation: scores without each modality, and with it alone.
    """

    evaluation: "Evaluation"
    slices: "tuple[Slice, ...] | None" = None
    curve: "LearningCurve | None" = None
    ablation: "Ablation | None" = None

    def as_json(self) -> dict[str, Any]:
        """Return the evaluation's keys, then those of what was asked for."""
        value = self.evaluation.as_json()
        if self.slices is not None:
            value["slices"] = [one.as_json() for one in self.slices]
        if self.curve is not None:
            value["learning_curve"] = self.curve.as_json()
        if self.ablation is not None:
            value["ablation"] = self.ablation.as_json()
        return value


def judge(
    features: Path,
    model: Path,
    *,
    split: str,
    seed: int = 0,
    keep: Path | None = None,
    progress: Progress | None = None,
) -> "Evaluation":
    """Judge the recipe of a model on posts that it has not seen.

    Args:
        features: folder of features.
        model: folder of the model.
        split: `temporal`, `rolling`, `author` or `random`.
        seed: seed of folds, boosters and bootstrap.
        keep: JSON file to keep the evaluation in, for a report.
        progress: told `(done, total)`.

    Raises:
        UsageError: for an unknown split.
    """
    return judge_deeply(
        features, model, split=split, seed=seed, keep=keep, progress=progress
    ).evaluation


def judge_deeply(
    features: Path,
    model: Path,
    *,
    split: str,
    slices: bool = False,
    curve: bool = False,
    ablation: bool = False,
    seed: int = 0,
    keep: Path | None = None,
    progress: Progress | None = None,
) -> Judgement:
    """Judge as `judge` does, and look further where asked to.

    Args:
        features: folder of features.
        model: folder of the model.
        split: `temporal`, `rolling`, `author` or `random`.
        slices: score kinds of posts apart.
        curve: score the recipe with fewer posts to learn from.
        ablation: score the recipe without each modality, and with it alone.
        seed: seed of folds, boosters and bootstrap.
        keep: JSON file to keep the evaluation in, for a report.
        progress: told `(done, total)`.

    Raises:
        UsageError: for an unknown split, or if an input would be written over.
        StorageError: if the evaluation is to be kept where it cannot be.
    """
    from virality.modeling.ablation import ablate
    from virality.modeling.bundle import load_model
    from virality.modeling.curve import learning_curve
    from virality.modeling.evaluate import evaluate
    from virality.modeling.ground import lay_ground
    from virality.modeling.slices import slice_up

    if keep is not None:
        refuse_overwriting([keep], [features, model])
        refuse_unwritable(keep)
    chosen, table, fitted = known_split(split), read_features(features), load_model(model)
    matrix, posts = table.matrix, table.posts
    options: dict[str, Any] = {"split": chosen, "seed": seed, "progress": progress}
    evaluation = evaluate(fitted, matrix, posts, **options)
    if keep is not None:
        keep_evaluation(evaluation, keep)
    ground = lay_ground(fitted, matrix, posts, split=chosen, seed=seed)
    return Judgement(
        evaluation,
        slice_up(evaluation, ground, seed) if slices else None,
        learning_curve(fitted, matrix, posts, **options) if curve else None,
        ablate(fitted, matrix, posts, **options) if ablation else None,
    )


def compare_models(
    first: Path,
    second: Path,
    features: Path,
    *,
    split: str,
    as_trained: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> "Comparison":
    """Say whether the difference between two models is real.

    Args:
        first: folder of a model.
        second: folder of another model of the same target.
        features: folder of features that holds the columns of both.
        split: `temporal`, `rolling`, `author` or `random`.
        as_trained: compare the models as they are, on posts that neither has learned from; else
            their recipes, fitted anew inside the split.
        seed: seed of folds, boosters and bootstrap.
        progress: told `(done, total)`.

    Raises:
        UsageError: for an unknown split, or models of different targets.
        InputError: if too few posts are new to both.
    """
    from virality.modeling.bundle import load_model
    from virality.modeling.compare import compare
    from virality.modeling.duel import compare_as_trained

    chosen, table = known_split(split), read_features(features)
    models, names = (load_model(first), load_model(second)), (str(first), str(second))
    if as_trained:
        return compare_as_trained(*models, table.matrix, table.posts, names=names, seed=seed)
    return compare(
        *models, table.matrix, table.posts,
        names=names, split=chosen, seed=seed, progress=progress,
    )  # fmt: skip


def audit_features(features: Path, *, target: str, allow_post: bool = False) -> "Audit":
    """Look for leaks in a folder of features.

    Args:
        features: folder of features.
        target: what would be predicted.
        allow_post: look at columns known only after posting too.

    Raises:
        InputError: if fewer than 50 posts are labelled, or the target is not in the table.
    """
    from virality.modeling.audit import audit

    table = read_features(features)
    return audit(table.matrix, table.posts, target=target, allow_post=allow_post)


def known_split(name: str) -> "Split":
    """Return the split of this name.

    Raises:
        UsageError: if there is none.
    """
    from virality.modeling.evaluate import Split

    if name not in get_args(Split):
        raise UsageError(f"--split {name!r}: choose one of {', '.join(get_args(Split))}")
    return cast("Split", name)


def keep_evaluation(evaluation: "Evaluation", path: Path) -> None:
    """Write an evaluation, the predictions behind it included.

    Raises:
        StorageError: if the file cannot be written.
    """
    write_atomically(path, as_line(plain_fields(evaluation)).encode())


def plain_fields(evaluation: "Evaluation") -> Mapping[str, Any]:
    """Return every field of an evaluation as plain values."""
    return {one.name: plain(getattr(evaluation, one.name)) for one in fields(evaluation)}


def read_evaluation(path: Path) -> "Evaluation":
    """Read what `keep_evaluation` wrote.

    Raises:
        InputError: if it is missing or holds something else.
    """
    from virality.modeling.evaluate import Evaluation

    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        return Evaluation.from_plain(value)
    except OSError as error:
        raise InputError(f"{path}: cannot read the evaluation: {error.strerror}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path}: not an evaluation kept by `virality evaluate -o`") from error
