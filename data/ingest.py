"""Read posts in any known layout into one checked table; say what was refused and why."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from virality.data.errors import InputError, UsageError
from virality.data.extras import extra_column
from virality.data.intake import Intake
from virality.data.matrix import Known
from virality.data.post import EXTRA_PREFIX, OUTCOMES, SCHEMA
from virality.data.rejects import write_rejects
from virality.data.sources import SOURCES
from virality.data.sources.base import Look, RawRow, Source
from virality.data.sources.files import READABLE, look_at
from virality.data.sources.mapping import Mapping as ColumnMapping
from virality.data.sources.mapping import read_mapping
from virality.data.sources.table import ASK, Table
from virality.data.table import DTYPES, merge_posts, write_posts

Progress = Callable[[int, int], None]

REJECTS = "rejects.csv"
_EVERY = 1000


@dataclass(frozen=True)
class Ingest:
    """What an ingest did.

    Attributes:
        rows: rows read from the source.
        written: posts in the table.
        rejected: rows refused, each with its reasons in `rejects`.
        duplicates: rows dropped because a later collection of the same post was kept.
        format: the layout that the source was read as.
        notes: plain sentences about what was assumed, derived or left out.
        path: the table written.
        rejects: the list of refused rows, beside it.
    """

    rows: int
    written: int
    rejected: int
    duplicates: int
    format: str
    notes: tuple[str, ...]
    path: Path
    rejects: Path


def ingest(
    source: Path,
    out: Path,
    *,
    format: str = "auto",  # noqa: A002 - the name of the option
    mapping: Path | None = None,
    strict: bool = False,
    progress: Progress | None = None,
) -> Ingest:
    """Read posts in any known layout into a table of posts.

    Args:
        source: a file, or a folder where the layout is one.
        out: the table to write; `rejects.csv` comes beside it.
        format: name of a source in `SOURCES`, or `auto` to recognise it.
        mapping: TOML file that names columns, units and provenance, see `data.sources.mapping`.
        strict: stop at the first bad row instead of listing it.
        progress: called with rows read and their number, 0 while that is unknown.

    Raises:
        InputError: if the source is of no known layout, holds no posts or no good row, or with
            `strict` at the first bad row.
        StorageError: if something cannot be read or written.
        UsageError: if `format` is unknown.
    """
    declared = read_mapping(mapping) if mapping is not None else None
    look = look_at(source)
    found = _choose(look, format, declared)
    layout = found.layout(look)
    layout = declared.over(layout) if declared is not None else layout
    reading = Intake(layout, strict)
    _read(found.read(look), reading, progress)
    reading.refuse_rounded()
    rejects = write_rejects(reading.rejects, out.parent / REJECTS)
    if not reading.posts:
        raise InputError(_nothing(source, reading, rejects))
    posts, known = _table(reading)
    kept = merge_posts(posts)
    write_posts(kept, out, known)
    return Ingest(
        rows=reading.rows,
        written=len(kept),
        rejected=len({(reject.file, reject.row) for reject in reading.rejects}),
        duplicates=len(posts) - len(kept),
        format=found.name,
        notes=tuple(_notes(reading, len(posts) - len(kept), kept)),
        path=out,
        rejects=rejects,
    )


def _choose(look: Look, name: str, mapping: ColumnMapping | None) -> Source:
    """Return the source that is asked for, mapped or recognised."""
    if name != "auto" and name not in SOURCES:
        raise UsageError(f"format {name!r} is unknown; use auto, {', '.join(SOURCES)}")
    if mapping is not None and mapping.columns:
        if name not in ("auto", "table"):
            raise UsageError(f"a mapping with [columns] is for format table, not {name}")
        return Table(mapping)
    if name != "auto":
        return SOURCES[name]
    for candidate in SOURCES.values():
        if candidate.matches(look):
            return candidate
    if look.form == "folder":
        raise InputError(f"{look.path}: holds no posts that can be read; give {READABLE}")
    if look.form == "json" and not look.content:
        raise InputError(f"{look.path}: holds no posts")
    raise InputError(f"{look.path}: is of no known layout; {ASK}")


def _read(rows: Iterable[RawRow], reading: Intake, progress: Progress | None) -> None:
    names = reading.layout.columns.get("id", ())
    for row in rows:
        if reading.rows == 0 or not reading.has_ids:
            reading.has_ids = any(name in row.values for name in names)
        reading.add(row)
        if progress is not None and reading.rows % _EVERY == 0:
            progress(reading.rows, 0)
    if progress is not None:
        progress(reading.rows, reading.rows)


def _nothing(source: Path, reading: Intake, rejects: Path) -> str:
    if not reading.rejects:
        return f"{source}: holds no posts"
    first = reading.rejects[0].sentence()
    return f"{source}: none of its {reading.rows} rows can be used; {first} (all in {rejects})"


def _table(reading: Intake) -> tuple[pd.DataFrame, dict[str, Known]]:
    """Return the good rows as a table, repeated ids and all, and its extras' provenance."""
    columns: dict[str, pd.Series] = {}
    for name, schema in SCHEMA.items():
        values = [post.get(name) for post in reading.posts]
        if any(value is not None for value in values):
            columns[name] = pd.Series(values, dtype=DTYPES[schema.kind])
    known: dict[str, Known] = {}
    for name in dict.fromkeys(name for extras in reading.extras for name in extras):
        ours = EXTRA_PREFIX + name.removeprefix(EXTRA_PREFIX)
        columns[ours] = extra_column([extras.get(name) for extras in reading.extras])
        known[ours] = reading.layout.known.get(name, "post")
    return pd.DataFrame(columns), known


def _notes(reading: Intake, duplicates: int, posts: pd.DataFrame) -> Iterable[str]:
    """Yield what the user should know, a sentence each."""
    yield from reading.layout.notes
    counts, names = reading.counts, reading.layout.columns
    if counts["derived"]:
        yield "There is no id column: ids were derived from author, posting time and caption."
    if duplicates:
        yield f"{duplicates} rows repeat a post; the latest collection of each was kept."
    for ours, first in reading.spared.items():
        yield (
            f"{counts[f'{ours} left out']} values of {first.column!r} were left out and their "
            f"posts kept; the first: {first.sentence()}."
        )
    for name in ("posted_at", "collected_at"):
        if counts[f"{name} zone"]:
            yield f"Times of {names[name][0]!r} name no zone and were taken as UTC."
    if not any(name in posts for name in OUTCOMES):
        yield "The posts have no outcomes: they can be extracted and predicted, not learned from."
    extras = [name for name in posts if str(name).startswith(EXTRA_PREFIX)]
    if extras:
        yield (
            f"{len(extras)} columns of other names are kept under {EXTRA_PREFIX!r} and taken to be "
            "known only afterwards, unless [known] of a mapping says otherwise."
        )
