"""From a model and its features to a report on disk."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from virality.data.errors import InputError, StorageError
from virality.data.features import read_features
from virality.workflow.console import Progress
from virality.workflow.judge import read_evaluation

if TYPE_CHECKING:
    from virality.modeling.evaluate import Evaluation
    from virality.modeling.train import Model


@dataclass(frozen=True)
class Described:
    """Where a report is and what it says first.

    Attributes:
        report: the HTML page.
        twin: the same numbers as JSON.
        verdict: one sentence per split on whether the model is worth believing.
        drivers: labels of the strongest features, strongest first.
    """

    report: str
    twin: str
    verdict: tuple[str, ...]
    drivers: tuple[str, ...]


def describe(
    model: Path,
    features: Path,
    output: Path,
    *,
    study: Path | None = None,
    evaluations: Sequence[Path] = (),
    truth: Path | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Described:
    """Write the report of a model and its JSON twin.

    Args:
        model: folder of the model.
        features: folder of features that it is explained on.
        output: HTML file; the twin stands beside it.
        study: journal of the study, to show its history.
        evaluations: kept evaluations; computed for every split if there are none.
        truth: `truth.json` of a synthetic corpus.
        seed: seed of samples and of evaluations that have to be computed.
        progress: told `(done, total)`.

    Raises:
        InputError: if an input cannot be read.
        StorageError: if the report cannot be written.
    """
    from virality.modeling.bundle import load_model
    from virality.modeling.tune import read_tuning
    from virality.reports.render import render, twin
    from virality.reports.summarize import summarize

    trained = load_model(model)
    judged = [read_evaluation(path) for path in evaluations]
    if not judged:
        judged = evaluate_all(trained, features, seed, progress)
    report = summarize(
        trained,
        read_features(features),
        judged,
        read_tuning(study) if study else None,
        synthetic=_truth(truth),
        seed=seed,
    )
    beside = output.with_suffix(".json")
    write_page(output, render(report))
    write_page(beside, twin(report))
    return Described(
        report=str(output),
        twin=str(beside),
        verdict=tuple(one.verdict for one in judged),
        drivers=tuple(driver.label for driver in report.drivers[:6]),
    )


def evaluate_all(
    model: "Model", features: Path, seed: int, progress: Progress | None = None
) -> list["Evaluation"]:
    """Evaluate on every split that reports show by default."""
    from virality.modeling.evaluate import REPORTED, evaluate

    table = read_features(features)
    return [
        evaluate(model, table.matrix, table.posts, split=split, seed=seed, progress=progress)
        for split in REPORTED
    ]


def _truth(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot read the truth of a synthetic corpus") from error
    return dict(value)


def write_page(path: Path, text: str) -> None:
    """Write a page so that it appears whole or not at all.

    Raises:
        StorageError: if it cannot be written.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        raise StorageError(f"{path}: cannot write: {error.strerror}") from error
