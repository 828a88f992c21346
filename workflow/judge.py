"""Evaluate a model by split, and keep evaluations in files."""

import json
import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

from virality.data.errors import InputError, StorageError, UsageError
from virality.data.features import read_features
from virality.workflow.console import Progress, as_line
from virality.workflow.terminal import plain

if TYPE_CHECKING:
    from virality.modeling.evaluate import Evaluation


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
        split: `temporal`, `author` or `random`.
        seed: seed of folds, boosters and bootstrap.
        keep: JSON file to keep the evaluation in, for a report.
        progress: told `(done, total)`.

    Raises:
        UsageError: for an unknown split.
    """
    from virality.modeling.bundle import load_model
    from virality.modeling.evaluate import Split, evaluate

    if split not in get_args(Split):
        raise UsageError(f"--split {split!r}: choose one of {', '.join(get_args(Split))}")
    table = read_features(features)
    evaluation = evaluate(
        load_model(model), table.matrix, table.posts, split=cast(Split, split), seed=seed,
        progress=progress,
    )  # fmt: skip
    if keep is not None:
        keep_evaluation(evaluation, keep)
    return evaluation


def keep_evaluation(evaluation: "Evaluation", path: Path) -> None:
    """Write an evaluation, the predictions behind it included.

    Raises:
        StorageError: if the file cannot be written.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        temporary.write_text(as_line(plain_fields(evaluation)), encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        raise StorageError(f"{path}: cannot write: {error.strerror}") from error


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
