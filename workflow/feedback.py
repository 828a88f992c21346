"""Reports of what became of predicted posts: one or a table of them into a prediction log."""

import csv
import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from virality.data.errors import InputError
from virality.data.feedback_table import FeedbackTable, read_feedback
from virality.data.outcomes import Outcome, Receipt, Report
from virality.data.overwriting import refuse_overwriting
from virality.data.prediction_log import PredictionLog
from virality.data.rejects import Reject, safe_cell, write_rejects
from virality.data.store import write_atomically
from virality.workflow.prediction_log import open_log

REJECTS = "feedback-rejects.csv"
FIELDS = (
    "number", "post", "prediction_id", "recorded_at", "observed_at", "views", "likes", "comments",
    "shares", "saves", "state", "reasons",
)  # fmt: skip


@dataclass(frozen=True)
class Filed:
    """What became of reports that were given.

    Attributes:
        accepted, quarantined, known: how many.
        rejected: rows of a table that could not be used.
        empty: rows of a table without any count.
        held: numbers and reasons of those that were quarantined.
        rejects: list of the rows that could not be used, None without any.
    """

    accepted: int
    quarantined: int
    known: int
    rejected: int
    empty: int
    held: tuple[tuple[int, tuple[str, ...]], ...]
    rejects: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        held = [{"number": number, "reasons": list(reasons)} for number, reasons in self.held]
        return {
            "accepted": self.accepted,
            "quarantined": self.quarantined,
            "known": self.known,
            "rejected": self.rejected,
            "empty": self.empty,
            "held": held,
            "rejects": self.rejects,
        }


def file_one(path: Path, name: str, outcome: Outcome) -> Filed:
    """Report what became of one post.

    Args:
        path: of the log.
        name: id of a prediction or of a post; a prediction of that id goes first.
        outcome: its counts and time; its ids are ignored.

    Raises:
        InputError: if nothing of that id was predicted, or the counts cannot be kept.
        StorageError: if the log cannot be used.
    """
    with open_log(path, must_exist=True) as log:
        named = _named(log, name, outcome)
        return _filed(log.feedback_table((named,)), (), 0, None)


def _named(log: PredictionLog, name: str, outcome: Outcome) -> Outcome:
    if log.prediction(name) is not None:
        return replace(outcome, prediction=name, post="")
    return replace(outcome, prediction="", post=name)


def file_table(path: Path, table: Path, observed_at: datetime | None = None) -> Filed:
    """Report what became of the posts of a table; rows that cannot be used are listed beside it.

    Args:
        path: of the log.
        table: of reports or of posts.
        observed_at: when the counts of rows without a time were read; now if None.

    Raises:
        InputError: if it is no such table, or not one row can be used.
        StorageError: if the log or the table cannot be used.
        UsageError: if the table would be written over.
    """
    refuse_overwriting([table.parent / REJECTS], [table, path])
    read = read_feedback(table)
    with open_log(path, must_exist=True) as log:
        outcomes, unknown = _predicted(log, read)
        outcomes = tuple(
            replace(one, observed_at=one.observed_at or observed_at) for one in outcomes
        )
        rejects = (*read.rejects, *unknown)
        place = None
        if rejects:
            place = str(write_rejects(rejects, table.parent / REJECTS))
        if not outcomes and not read.empty:
            raise InputError(f"{table}: none of its rows can be used; reasons in {place}")
        return _filed(log.feedback_table(outcomes), rejects, read.empty, place)


def _predicted(
    log: PredictionLog, read: FeedbackTable
) -> tuple[tuple[Outcome, ...], tuple[Reject, ...]]:
    """Return the outcomes of what was predicted, and the rows of what was not."""
    kept = log.predictions()
    posts, predictions = {one.post for one in kept}, {one.id for one in kept}
    good, bad = [], []
    for outcome, (file, number) in zip(read.outcomes, read.places, strict=True):
        if outcome.post in posts or outcome.prediction in predictions:
            good.append(outcome)
            continue
        column = "prediction_id" if outcome.prediction else "post_id"
        value = outcome.prediction or outcome.post
        bad.append(Reject(file, number, column, value, "was never predicted with this log"))
    return tuple(good), tuple(bad)


def _filed(
    receipts: Iterable[Receipt], rejects: tuple[Reject, ...], empty: int, place: str | None
) -> Filed:
    told = tuple(receipts)
    counts = Counter(receipt.state for receipt in told)
    rows = {(reject.file, reject.row) for reject in rejects}
    held = tuple((one.id, one.reasons) for one in told if one.state == "quarantined")
    return Filed(
        counts["accepted"], counts["quarantined"], counts["known"], len(rows), empty, held, place
    )


def write_reports(reports: Iterable[Report], path: Path) -> None:
    """Write reports as a CSV that a spreadsheet opens without running anything in it.

    Raises:
        StorageError: if it cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(FIELDS)
    for report in reports:
        values = {**report.as_json(), "reasons": "; ".join(report.reasons)}
        writer.writerow([_cell(values[name]) for name in FIELDS])
    write_atomically(path, text.getvalue().encode())


def _cell(value: object) -> object:
    return safe_cell(value) if isinstance(value, str) else value
