"""Feedback in a file: a table of counts by prediction or post -> outcomes, bad rows apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from virality.data.cells import read_id
from virality.data.errors import InputError
from virality.data.numbers import Refused, is_missing, parse_count
from virality.data.outcomes import COUNTS, LARGEST, Outcome
from virality.data.post_years import bounds, is_of_posts
from virality.data.rejects import Reject
from virality.data.sources.base import Look, RawRow
from virality.data.sources.files import look_at, read_rows
from virality.data.times import parse_time

PREDICTION, POST = ("prediction_id",), ("post_id", "post", "id")
TIME = ("observed_at", "collected_at")
"""Names under which a table may hold them, the first that has a value counts."""


@dataclass(frozen=True)
class FeedbackTable:
    """A table of feedback as read.

    Attributes:
        outcomes: of the rows that can be used, in order.
        places: file and number of each such row.
        rejects: why other rows cannot be used.
        empty: rows without any count.
    """

    outcomes: tuple[Outcome, ...]
    places: tuple[tuple[str, int], ...]
    rejects: tuple[Reject, ...]
    empty: int


def read_feedback(path: Path, mapping: Mapping[str, str] | None = None) -> FeedbackTable:
    """Read feedback out of a CSV, JSON, JSONL or Parquet file, or a table of posts.

    Args:
        path: with a column `prediction_id` or `post_id` (or `id`), counts, and `observed_at` (or
            `collected_at`).
        mapping: other names of columns: ours -> theirs.

    Raises:
        InputError: if the file is no such table.
        StorageError: if it cannot be read.
    """
    look = look_at(path)
    if look.form == "folder":
        raise InputError(f"{path}: is a folder; run `virality ingest` on it and give its table")
    outcomes, places, rejects, empty = [], [], [], 0
    seen: set[str] = set()
    for row in _rows(look):
        values = {ours: row.values.get(theirs) for ours, theirs in (mapping or {}).items()}
        values = {**row.values, **values}
        seen |= values.keys()
        problem = _problem(row, values)
        if problem is not None:
            rejects.append(problem)
            continue
        outcome = _outcome(values)
        if not outcome.counts:
            empty += 1
            continue
        outcomes.append(outcome)
        places.append((row.file, row.number))
    if not seen & {*PREDICTION, *POST} or not seen & set(COUNTS):
        raise InputError(
            f"{path}: has no column prediction_id or post_id, or none of {', '.join(COUNTS)}"
        )
    return FeedbackTable(tuple(outcomes), tuple(places), tuple(rejects), empty)


def _rows(look: Look) -> "list[RawRow]":
    if look.form == "posts":
        from virality.data.sources.posts import Posts

        return list(Posts().read(look))
    return list(read_rows(look))


def _problem(row: RawRow, values: Mapping[str, object]) -> Reject | None:
    """Return why a row cannot be used, None if it can."""
    if row.problem:
        return Reject(row.file, row.number, "", "", row.problem)
    for names, read in ((PREDICTION + POST, read_id), (TIME, _time), (COUNTS, _count)):
        for name in names:
            try:
                read(values.get(name))
            except Refused as reason:
                return Reject(row.file, row.number, name, str(values.get(name)), _mended(reason))
    if _first(values, PREDICTION + POST) is None:
        return Reject(row.file, row.number, POST[0], "", "is missing")
    return None


def _mended(refused: Refused) -> str:
    """Return why a value is refused; a mapping, where it would help, is for `ingest` alone."""
    why, _, fix = str(refused).partition("; ")
    if "of a mapping" not in fix:
        return str(refused)
    return (
        f"{why}; write it plainly, or give the table that `virality ingest --mapping` makes of it"
    )


def _outcome(values: Mapping[str, object]) -> Outcome:
    prediction = read_id(_first(values, PREDICTION)) or ""
    post = "" if prediction else read_id(_first(values, POST)) or ""
    counts = {name: _count(values.get(name)) for name in COUNTS}
    return Outcome(prediction, post, **counts, observed_at=_time(_first(values, TIME)))


def _first(values: Mapping[str, object], names: tuple[str, ...]) -> object:
    return next((values[n] for n in names if not is_missing(values.get(n))), None)


def _time(value: object) -> datetime | None:
    found = parse_time(value, "")
    if found is not None and not is_of_posts(found):
        raise Refused(f"is not {bounds()}")
    return found.astimezone(UTC) if found is not None else None


def _count(value: object) -> int | None:
    """Return a count, also one that is below 0: that is held back later, with a reason."""
    text = value.strip() if isinstance(value, str) else value
    if isinstance(text, str) and text.startswith("-") and text[1:].isdecimal():
        return max(int(text), -LARGEST) if len(text) < 40 else -LARGEST
    if isinstance(text, int) and not isinstance(text, bool) and text < 0:
        return max(text, -LARGEST)
    return parse_count(text)
