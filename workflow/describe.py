"""From a model and its features to a report on disk."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from virality.data.errors import InputError, StorageError
from virality.data.features import Features, read_features
from virality.data.overwriting import refuse_overwriting, refuse_part, refuse_unwritable
from virality.data.store import write_atomically
from virality.workflow.console import Progress
from virality.workflow.judge import read_evaluation

if TYPE_CHECKING:
    from virality.modeling.evaluate import Evaluation
    from virality.modeling.train import Model


@dataclass(frozen=True)
class Paired:
    """Where a comparison of two reports is, and what it says first.

    Attributes:
        report: the HTML page.
        twin: the same numbers as JSON.
        sentences: what differs, in plain words.
    """

    report: str
    twin: str
    sentences: tuple[str, ...]


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
    tables: Path | None = None,
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
        tables: folder for every table as CSV.
        seed: seed of samples and of evaluations that have to be computed.
        progress: told `(done, total)`.

    Raises:
        InputError: if an input cannot be read, or an evaluation is of another model or other posts.
        UsageError: if an input would be written over.
        StorageError: if the report cannot be written.
    """
    from virality.modeling.bundle import load_model
    from virality.modeling.tune import read_tuning
    from virality.reports.render import render, twin
    from virality.reports.summarize import summarize
    from virality.reports.tables import tables_of

    read = (model, features, study, *evaluations, truth)
    beside = twin_of(output, *read)
    trained, planted = load_model(model), _truth(truth)
    tuning = read_tuning(study) if study else None
    table = read_features(features)
    judged = [read_evaluation(path) for path in evaluations]
    for path, one in zip(evaluations, judged, strict=True):
        _refuse_foreign(path, one, trained, table)
    if not judged:
        judged = evaluate_all(trained, features, seed, progress)
    report = summarize(
        trained,
        table,
        judged,
        tuning,
        synthetic=planted,
        seed=seed,
    )
    sheets = _sheets(tables_of(report), tables)
    refuse_overwriting([output, beside, *sheets], read)
    write_page(output, render(report))
    write_page(beside, twin(report))
    write_tables(sheets)
    return Described(
        report=str(output),
        twin=str(beside),
        verdict=tuple(one.verdict for one in judged),
        drivers=tuple(driver.label for driver in report.drivers[:6]),
    )


def _refuse_foreign(path: Path, judged: "Evaluation", model: "Model", table: Features) -> None:
    """Refuse an evaluation of something else than what the report is about."""
    from virality.modeling.bundle import model_hash

    way_out = f"evaluate this one: virality evaluate FEATURES --model MODEL --split {judged.split}"
    if judged.target != model.target.name:
        raise InputError(
            f"{path}: judges predictions of {judged.target!r}, the model predicts "
            f"{model.target.name!r}; {way_out}"
        )
    if judged.model and judged.model != model_hash(model):
        raise InputError(f"{path}: judges another model; {way_out}")
    here = set(table.posts["id"].astype(str))
    lost = next((one for one in judged.ids if one not in here), None)
    if lost is not None:
        raise InputError(f"{path}: judges post {lost!r}, which is not in the features; {way_out}")


def lay_side_by_side(
    first: Path, second: Path, output: Path, *, tables: Path | None = None
) -> Paired:
    """Write a page that lays two reports side by side, and its JSON twin.

    Args:
        first: folder of a run, a report, or its JSON twin.
        second: the same of the other.
        output: HTML file; the twin stands beside it.
        tables: folder for every table as CSV.

    Raises:
        InputError: if either holds no report.
        UsageError: if an input would be written over.
        StorageError: if the page cannot be written.
    """
    from virality.reports.pairing import pair_of, pair_tables
    from virality.reports.render import render_pair

    read = (first, second, _twin_at(first), _twin_at(second))
    beside = twin_of(output, *read)
    pair = pair_of(_twin(first), _twin(second), names=_names(first, second))
    sheets = _sheets(pair_tables(pair), tables)
    refuse_overwriting([output, beside, *sheets], read)
    write_page(output, render_pair(pair))
    write_page(beside, json.dumps(pair.as_json(), allow_nan=False, indent=1) + "\n")
    write_tables(sheets)
    return Paired(str(output), str(beside), pair.sentences)


def _names(first: Path, second: Path) -> tuple[str, str]:
    """Return what to call two reports: their own names, or where those are equal their folders'."""
    if first.stem != second.stem:
        return first.stem, second.stem
    return first.resolve().parent.name, second.resolve().parent.name


def twin_of(page: Path, *read: Path | None) -> Path:
    """Return where the JSON twin of a page goes.

    Args:
        page: HTML file to be written.
        read: files and folders that it is made of; None stands for what was not given.

    Raises:
        UsageError: if the page or its twin would be written over one of these, or over a file of a
            model or of features, or it is a folder.
        StorageError: if the page cannot be written where it is to be.
    """
    refuse_unwritable(page, folders=True)
    twin = page.with_suffix(".json")
    refuse_part(twin)
    refuse_overwriting([page, twin], read)
    return twin


def _twin_at(path: Path) -> Path:
    return path / "report.json" if path.is_dir() else path.with_suffix(".json")


def _twin(path: Path) -> dict[str, Any]:
    """Return the numbers of a report from a run's folder, the page, or its twin.

    Raises:
        InputError: if there is no report.
    """
    there = _twin_at(path)
    try:
        value = json.loads(there.read_text(encoding="utf-8"))
        if not {"belief", "explained", "subject"} <= set(value):
            raise ValueError
    except OSError as error:
        raise InputError(
            f"{path}: no report there ({there.name} cannot be read); name the folder of a run or "
            "the twin that `virality report model/ features/ -o report.html` writes"
        ) from error
    except (ValueError, TypeError) as error:
        raise InputError(f"{there}: not the JSON twin of a report") from error
    return dict(value)


def _sheets(
    tables: Mapping[str, Sequence[Mapping[str, object]]], folder: Path | None
) -> dict[Path, Sequence[Mapping[str, object]]]:
    """Return which table goes to which file of a folder: those that have any row."""
    if folder is None:
        return {}
    return {folder / f"{name}.csv": rows for name, rows in tables.items() if rows}


def write_tables(sheets: Mapping[Path, Sequence[Mapping[str, object]]]) -> None:
    """Write tables as CSV files.

    Raises:
        StorageError: if one cannot be written.
    """
    from virality.reports.tables import csv_of

    for path, rows in sheets.items():
        write_page(path, csv_of(rows))


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
    if not isinstance(value, dict) or not {"rule", "planted"} & set(value):
        raise InputError(f"{path}: tells no rule of a synthetic corpus; `virality demo` makes one")
    return value


def write_page(path: Path, text: str) -> None:
    """Write a page, and its folder if need be, so that it appears whole or not at all.

    Raises:
        StorageError: if it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{path.parent}: cannot be made ({error.strerror})") from error
    write_atomically(path, text.encode())
