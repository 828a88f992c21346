"""Read posts in any known layout into one checked table; say what was refused and why."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from virality.data.cells import (
    Value,
    derive_id,
    hashtags_in,
    looks_rounded,
    mentions_in,
    read_cell,
)
from virality.data.errors import InputError, UsageError
from virality.data.extras import extra_column
from virality.data.matrix import Known
from virality.data.numbers import Refused, is_missing
from virality.data.post import EXTRA_PREFIX, OUTCOMES, SCHEMA
from virality.data.rejects import Reject, write_rejects
from virality.data.sources import SOURCES
from virality.data.sources.base import Layout, Look, RawRow, Source
from virality.data.sources.files import READABLE, look_at
from virality.data.sources.mapping import Mapping as ColumnMapping
from virality.data.sources.mapping import read_mapping
from virality.data.sources.table import ASK, Table
from virality.data.table import DTYPES, merge_posts, write_posts
from virality.data.times import has_zone

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


@dataclass
class _Reading:
    """Rows read so far."""

    layout: Layout
    strict: bool
    has_ids: bool = False
    rows: int = 0
    posts: list[dict[str, Value]] = field(default_factory=list)
    extras: list[dict[str, object]] = field(default_factory=list)
    places: list[tuple[str, int]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, row: RawRow) -> None:
        """Take a row: to the good ones, or with its reasons to the bad."""
        self.rows += 1
        if row.problem:
            self.refuse([Reject(row.file, row.number, "", "", row.problem)])
            return
        post, refused = self._post(row)
        if refused:
            self.refuse(refused)
            return
        self.posts.append(post)
        self.extras.append(_extras(row.values, self.layout))
        self.places.append((row.file, row.number))

    def refuse(self, refused: list[Reject]) -> None:
        """Keep the reasons of a bad row; stop at the first one if asked to.

        Raises:
            InputError: if `strict`.
        """
        if self.strict:
            raise InputError(refused[0].sentence())
        self.rejects.extend(refused)

    def _post(self, row: RawRow) -> tuple[dict[str, Value], list[Reject]]:
        """Return the fields of a row, and the reasons for which it is bad."""
        post: dict[str, Value] = {}
        refused: list[Reject] = []
        for ours, names in self.layout.columns.items():
            theirs = next((n for n in names if not is_missing(row.values.get(n))), names[0])
            value, unit = row.values.get(theirs), self.layout.units.get(ours, "")
            try:
                post[ours] = read_cell(SCHEMA[ours], value, unit)
            except Refused as reason:
                if ours == "sound_id":
                    self.counts["sound_id"] += 1
                    continue
                refused.append(Reject(row.file, row.number, theirs, str(value), str(reason)))
            if SCHEMA[ours].kind == "time" and isinstance(value, str) and not has_zone(value, unit):
                self.counts[f"{ours} zone"] += 1
        post |= {name: read_cell(SCHEMA[name], v) for name, v in self.layout.constants.items()}
        if not refused:
            self._complete(post)
            if post.get("id") is None:
                refused.append(_without_id(row, self.layout))
        return post, refused

    def _complete(self, post: dict[str, Value]) -> None:
        """Fill in what follows from other fields: hashtags and mentions, and an id."""
        caption = post.get("caption")
        if isinstance(caption, str) and self.layout.marked_captions:
            if post.get("hashtags") is None:
                post["hashtags"] = hashtags_in(caption)
            if post.get("mentions") is None:
                post["mentions"] = mentions_in(caption)
        if not self.has_ids and post.get("id") is None:
            post["id"] = derive_id(post.get("author_id"), post.get("posted_at"), caption)
            self.counts["derived"] += post["id"] is not None


def _without_id(row: RawRow, layout: Layout) -> Reject:
    column = layout.columns.get("id", ("id",))[0]
    reason = "has no id, and fewer than two of author, time and caption to derive one from"
    given = row.values.get(column)
    return Reject(row.file, row.number, column, "" if given is None else str(given), reason)


def _extras(values: Mapping[str, object], layout: Layout) -> dict[str, object]:
    """Return the values under names that the layout neither maps nor drops."""
    mapped = {name for names in layout.columns.values() for name in names}
    nested = tuple(name for name in layout.dropped if name.endswith("."))
    return {
        name: value
        for name, value in values.items()
        if name not in mapped
        and name not in layout.dropped
        and not (nested and name.startswith(nested))
    }


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
    reading = _Reading(layout, strict)
    _read(found.read(look), reading, progress)
    _refuse_rounded(reading)
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


def _read(rows: Iterable[RawRow], reading: _Reading, progress: Progress | None) -> None:
    names = reading.layout.columns.get("id", ())
    for row in rows:
        if reading.rows == 0 or not reading.has_ids:
            reading.has_ids = any(name in row.values for name in names)
        reading.add(row)
        if progress is not None and reading.rows % _EVERY == 0:
            progress(reading.rows, 0)
    if progress is not None:
        progress(reading.rows, reading.rows)


def _refuse_rounded(reading: _Reading) -> None:
    """Refuse ids that went through a float: a few in a thousand look so by chance, not most."""
    rounded = [looks_rounded(str(post["id"])) for post in reading.posts]
    if sum(rounded) < 3 or sum(rounded) * 2 < len(rounded):
        return
    column = reading.layout.columns["id"][0]
    reason = "was rounded with most other ids of the table; export ids as text"
    for (file, number), post, bad in zip(reading.places, reading.posts, rounded, strict=True):
        if bad:
            reading.refuse([Reject(file, number, column, str(post["id"]), reason)])
    good = [place for place, bad in enumerate(rounded) if not bad]
    reading.posts = [reading.posts[place] for place in good]
    reading.extras = [reading.extras[place] for place in good]


def _nothing(source: Path, reading: _Reading, rejects: Path) -> str:
    if not reading.rejects:
        return f"{source}: holds no posts"
    first = reading.rejects[0].sentence()
    return f"{source}: none of its {reading.rows} rows can be used; {first} (all in {rejects})"


def _table(reading: _Reading) -> tuple[pd.DataFrame, dict[str, Known]]:
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


def _notes(reading: _Reading, duplicates: int, posts: pd.DataFrame) -> Iterable[str]:
    """Yield what the user should know, a sentence each."""
    yield from reading.layout.notes
    counts, names = reading.counts, reading.layout.columns
    if counts["derived"]:
        yield "There is no id column: ids were derived from author, posting time and caption."
    if duplicates:
        yield f"{duplicates} rows repeat a post; the latest collection of each was kept."
    if counts["sound_id"]:
        yield (
            f"{counts['sound_id']} values of {names['sound_id'][0]!r} were rounded by a program "
            "that took ids for numbers; these sound ids were left out."
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
