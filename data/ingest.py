"""Read posts in any known layout into one checked table; say what was refused and why."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pandas.api.types import is_numeric_dtype

from virality.data.errors import InputError, UsageError
from virality.data.extras import extra_column
from virality.data.intake import Intake, Progress, take_in
from virality.data.matrix import Known
from virality.data.overwriting import refuse_overwriting, refuse_unwritable
from virality.data.post import EXTRA_PREFIX, OUTCOMES, SCHEMA
from virality.data.rejects import Reject, write_rejects
from virality.data.sources import SOURCES
from virality.data.sources.base import Look, Source
from virality.data.sources.files import READABLE, first_names, look_at
from virality.data.sources.mapping import Mapping as ColumnMapping
from virality.data.sources.mapping import read_mapping
from virality.data.sources.table import ASK, Table
from virality.data.table import DTYPES, merge_posts, write_posts
from virality.data.words import agreeing, counted

REJECTS = "rejects.csv"
POSTS = "posts.parquet"
"""The table whose list of refused rows needs no name of its own."""
_MOST_NAMES = 10
"""Names of columns that an error shows."""


@dataclass(frozen=True)
class Gathered:
    """Posts as read from a source, before anything is written.

    Attributes:
        posts: the good ones, a row an id; no rows if there are none.
        known: provenance of the `extra.*` columns.
        rows: rows read from the source.
        rejects: why rows were refused, each reason.
        duplicates: rows dropped because a later collection of the same post was kept.
        format: the layout that the source was read as.
        notes: plain sentences about what was assumed, derived or left out.
        hint: what the column of the first of `rejects` was guessed to be, `""` if it was not.
    """

    posts: pd.DataFrame
    known: dict[str, Known]
    rows: int
    rejects: tuple[Reject, ...]
    duplicates: int
    format: str
    notes: tuple[str, ...]
    hint: str

    @property
    def rejected(self) -> int:
        """How many rows were refused."""
        return len({(reject.file, reject.row) for reject in self.rejects})


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


def gather(
    source: Path,
    *,
    format: str = "auto",  # noqa: A002 - the name of the option
    mapping: Path | None = None,
    strict: bool = False,
    progress: Progress | None = None,
) -> Gathered:
    """Read posts in any known layout and write nothing; arguments and errors as of `ingest`.

    Where not one row is good, there are no posts and no error.
    """
    declared = read_mapping(mapping) if mapping is not None else None
    look = look_at(source)
    found = _choose(look, format, declared)
    reading = take_in(found, look, declared, strict=strict, progress=progress)
    posts, known = _table(reading)
    kept = merge_posts(posts) if len(posts) else posts
    duplicates = len(posts) - len(kept)
    return Gathered(
        posts=kept,
        known=known,
        rows=reading.rows,
        rejects=tuple(reading.rejects),
        duplicates=duplicates,
        format=found.name,
        notes=(*_notes(reading, duplicates, kept), *_declared_texts(known, kept)),
        hint=reading.hint(reading.rejects[0].column) if reading.rejects else "",
    )


def ingest(
    source: Path | str,
    out: Path | str,
    *,
    format: str = "auto",  # noqa: A002 - the name of the option
    mapping: Path | str | None = None,
    strict: bool = False,
    progress: Progress | None = None,
) -> Ingest:
    """Read posts in any known layout into a table of posts.

    Args:
        source: a file, or a folder where the layout is one.
        out: the table to write; the list of refused rows comes beside it, see `rejects_of`.
        format: name of a source in `SOURCES`, or `auto` to recognise it.
        mapping: TOML file that names columns, units and provenance, see `data.sources.mapping`.
        strict: stop at the first bad row instead of listing it.
        progress: called with rows read and their number, 0 while that is unknown.

    Raises:
        InputError: if the source is of no known layout, holds no posts or no good row, or with
            `strict` at the first bad row.
        StorageError: if something cannot be read or written.
        UsageError: if `format` is unknown, the source would be written over, or `out` is a folder.
    """
    source, out, mapping = Path(source), Path(out), None if mapping is None else Path(mapping)
    refuse_overwriting([out, rejects_of(out)], [source, mapping])
    refuse_unwritable(out)
    found = gather(source, format=format, mapping=mapping, strict=strict, progress=progress)
    rejects = write_rejects(found.rejects, rejects_of(out))
    if not len(found.posts):
        raise InputError(nothing_in(source, found, f"all in {rejects}"))
    write_posts(found.posts, out, found.known)
    notes = list(found.notes)
    if not any(name in found.posts for name in OUTCOMES):
        notes.append(
            "The posts have no outcomes: they can be extracted and predicted, not learned from."
        )
    return Ingest(
        rows=found.rows,
        written=len(found.posts),
        rejected=found.rejected,
        duplicates=found.duplicates,
        format=found.format,
        notes=tuple(notes),
        path=out,
        rejects=rejects,
    )


def rejects_of(out: Path) -> Path:
    """Return where the refused rows of a table are listed; tables of one folder share no list.

    >>> rejects_of(Path("work/posts.parquet")).name, rejects_of(Path("work/april.parquet")).name
    ('rejects.csv', 'april-rejects.csv')
    """
    return out.parent / (REJECTS if out.name == POSTS else f"{out.stem}-{REJECTS}")


def nothing_in(source: Path, found: Gathered, listed: str) -> str:
    """Return why a source without a good row is refused, and where all reasons are listed."""
    if not found.rejects:
        return f"{source}: holds no posts"
    first = found.rejects[0].sentence() + found.hint
    return f"{source}: none of its {found.rows} rows can be used; {first} ({listed})"


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
    names = sorted(first_names(look))
    if not names:
        raise InputError(
            f"{look.path}: is of no known layout: its JSON is no list of posts; give a list of "
            "objects, or an object a line (JSONL)"
        )
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    there = ", ".join(map(repr, names[:_MOST_NAMES]))
    raise InputError(f"{look.path}: is of no known layout: its columns are {there}{more}; {ASK}")


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
    counts = reading.counts
    if counts["derived"]:
        lack = "There is no id column"
        if reading.layout.ids_in_part:
            lack = f"{counted(counts['derived'], 'post')} without an id"
        yield f"{lack}: ids were derived from author, posting time and caption."
    if duplicates:
        repeat = agreeing(duplicates, "repeats", "repeat")
        rows = counted(duplicates, "row")
        yield (
            f"{rows} {repeat} a post; the latest collection of each was kept, one without outcomes "
            "only where no other has any."
        )
    for ours, first in reading.spared.items():
        left = counts[f"{ours} left out"]
        were, their = agreeing(left, "was", "were"), agreeing(left, "its post", "their posts")
        yield (
            f"{counted(left, 'value')} of {first.column!r} {were} left out and {their} kept; the "
            f"first: {first.sentence()}."
        )
    for column, times in reading.unzoned.items():
        of_rows = f"{times} of {reading.rows} rows"
        yield f"Times of {column!r} name no zone and were taken as UTC ({of_rows})."
    yield from _doubtful_guesses(reading)
    extras = [name for name in posts if str(name).startswith(EXTRA_PREFIX)]
    if extras:
        named = counted(len(extras), "column of another name", "columns of other names")
        are = agreeing(len(extras), "is", "are")
        yield (
            f"{named} {are} kept under {EXTRA_PREFIX!r} and taken to be known only afterwards, "
            "unless [known] of a mapping says otherwise."
        )


def _declared_texts(known: dict[str, Known], posts: pd.DataFrame) -> Iterable[str]:
    """Yield a sentence on columns that are said to be known in time but hold no numbers."""
    texts = [
        name.removeprefix(EXTRA_PREFIX)
        for name, when in known.items()
        if when != "post" and name in posts and not is_numeric_dtype(posts[name])
    ]
    if texts:
        hold = agreeing(len(texts), "holds", "hold")
        yield (
            f"{', '.join(map(repr, texts))} {hold} texts, of which no model reads anything "
            "although [known] opens them; give numbers, such as 1 and 0 for each value."
        )


def _doubtful_guesses(reading: Intake) -> Iterable[str]:
    """Yield a sentence for each guessed column that alone refused half of the rows or more."""
    for column, refused in Counter(reject.column for reject in reading.rejects).items():
        hint = reading.hint(column)
        if hint and refused * 2 >= reading.rows:
            yield f"{refused} of {reading.rows} rows were refused for {column!r}{hint}."
