"""Take the rows of a source in: convert values, refuse what is uncertain, fill in what follows."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from virality.data.cells import (
    Value,
    derive_id,
    hashtags_in,
    looks_rounded,
    mentions_in,
    read_cell,
)
from virality.data.errors import InputError
from virality.data.numbers import Refused, is_missing
from virality.data.outcomes import COUNTS
from virality.data.post import SCHEMA
from virality.data.rejects import Reject
from virality.data.sources.base import Layout, Look, RawRow, Source
from virality.data.sources.mapping import Mapping as ColumnMapping
from virality.data.sources.table import ASK, Table
from virality.data.times import parse_zoned

Progress = Callable[[int, int], None]

SPARED = ("sound_id", "author_likes")
"""Fields in which a refused value costs the value, not the post.

Sound ids are often rounded by spreadsheets, and sums of likes overflow 32 bits in some crawls.
"""
_UNTOLD = ("-1", "-1.0")
"""What scrapers write for a count that is not shown, such as likes that an author has hidden."""
_TIMES = frozenset(name for name, schema in SCHEMA.items() if schema.kind == "time")
_EVERY = 1000
"""Rows between two calls of a progress."""


@dataclass
class Intake:
    """Rows of a source as they come in: the good ones as posts, the bad ones with reasons.

    Attributes:
        layout: how the names of the source become ours.
        has_ids: whether the source has a column of ids; without one they are derived.
        rows: rows taken so far.
        posts, extras, places: of each good row, its fields, its unknown columns, file and number.
        rejects: reasons for which rows were refused.
        spared: field -> the first of its values that was left out without refusing the post.
        unzoned: their column -> how many of its times name no zone and were taken as UTC.
        counts: how often values were left out and ids derived.
    """

    layout: Layout
    has_ids: bool = False
    rows: int = 0
    posts: list[dict[str, Value]] = field(default_factory=list)
    extras: list[dict[str, object]] = field(default_factory=list)
    places: list[tuple[str, int]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    spared: dict[str, Reject] = field(default_factory=dict)
    unzoned: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, row: RawRow) -> None:
        """Take a row: to the good ones, or with its reasons to the bad."""
        self.rows += 1
        if row.problem:
            self.rejects.append(Reject(row.file, row.number, "", "", row.problem))
            return
        post, refused = self._post(row)
        if refused:
            self.rejects.extend(refused)
            return
        self.posts.append(post)
        self.extras.append(_extras(row.values, self.layout))
        self.places.append((row.file, row.number))

    def spare(self, reject: Reject, ours: str) -> None:
        """Leave out a value whose loss harms nothing else of the post."""
        self.counts[f"{ours} left out"] += 1
        self.spared.setdefault(ours, reject)

    def _post(self, row: RawRow) -> tuple[dict[str, Value], list[Reject]]:
        """Return the fields of a row, and the reasons for which it is bad."""
        post: dict[str, Value] = {}
        refused: list[Reject] = []
        for ours, names in self.layout.columns.items():
            theirs = next((n for n in names if not is_missing(row.values.get(n))), names[0])
            value, unit = row.values.get(theirs), self.layout.units.get(ours, "")
            try:
                if ours in _TIMES:  # a cell as read no longer tells whether it named a zone
                    post[ours], zoned = parse_zoned(value, unit)
                    if post[ours] is not None and not zoned:
                        self.unzoned[theirs] += 1
                else:
                    post[ours] = read_cell(SCHEMA[ours], value, unit)
            except Refused as reason:
                if ours in SPARED or (ours in COUNTS and str(value).strip() in _UNTOLD):
                    self.spare(Reject(row.file, row.number, theirs, str(value), str(reason)), ours)
                    continue
                refused.append(Reject(row.file, row.number, theirs, str(value), str(reason)))
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
            if not post.get("hashtags"):  # YouTube's keywords are an empty list beside `#shorts`
                post["hashtags"] = hashtags_in(caption)
            if post.get("mentions") is None:
                post["mentions"] = mentions_in(caption)
        derived = self.layout.ids_in_part or not self.has_ids
        if derived and post.get("id") is None:
            post["id"] = derive_id(post.get("author_id"), post.get("posted_at"), caption)
            self.counts["derived"] += post["id"] is not None

    def refuse_rounded(self) -> None:
        """Refuse ids that went through a float: a few in a thousand look so by chance, not most."""
        rounded = [looks_rounded(str(post["id"])) for post in self.posts]
        if sum(rounded) < 3 or sum(rounded) * 2 < len(rounded):
            return
        column = self.layout.columns["id"][0]
        reason = "was rounded with most other ids of the table; export ids as text"
        for (file, number), post, bad in zip(self.places, self.posts, rounded, strict=True):
            if bad:
                self.rejects.append(Reject(file, number, column, str(post["id"]), reason))
        good = [place for place, bad in enumerate(rounded) if not bad]
        self.posts = [self.posts[place] for place in good]
        self.extras = [self.extras[place] for place in good]

    def hint(self, column: str) -> str:
        """Return what a column was guessed to be and the way out, `""` if it was not guessed."""
        columns = self.layout.columns.items() if self.layout.guessed else ()
        ours = next((ours for ours, names in columns if column in names), None)
        if ours is None:
            return ""
        return f"; {column!r} was taken for {ours} by its name: if that is wrong, {ASK}"


def take_in(
    source: Source,
    look: Look,
    mapping: ColumnMapping | None,
    *,
    strict: bool = False,
    progress: Progress | None = None,
) -> Intake:
    """Return the rows of a source; a guess that they prove wrong is dropped and all read anew.

    Args:
        source: how the rows are read and named.
        look: at the file or folder.
        mapping: units and provenance to put over those of the source.
        strict: stop at the first bad row.
        progress: called with rows read and their number, 0 while that is unknown.

    Raises:
        InputError: naming the first bad row if `strict`, or a declared column that is not there.
    """
    if mapping is not None and not mapping.columns:
        mapping.check_names((), source.read(look), look.path.name)
    while True:
        layout = source.layout(look)
        reading = Intake(mapping.over(layout) if mapping is not None else layout)
        _read(source.read(look), reading, strict=strict, progress=progress)
        doubted = {reject.column for reject in reading.rejects}
        better = (
            source.reconsider(look, reading.layout, doubted)
            if doubted and isinstance(source, Table)
            else None
        )
        if better is None:
            break
        source = better
    reading.refuse_rounded()
    if strict and reading.rejects:
        first = reading.rejects[0]
        raise InputError(first.sentence() + reading.hint(first.column))
    return reading


def _read(
    rows: Iterable[RawRow], reading: Intake, *, strict: bool, progress: Progress | None
) -> None:
    """Take all rows in; with `strict` only up to the first bad one."""
    names = reading.layout.columns.get("id", ())
    for row in rows:
        if reading.rows == 0 or not reading.has_ids:
            reading.has_ids = any(name in row.values for name in names)
        reading.add(row)
        if strict and reading.rejects:
            return
        if progress is not None and reading.rows % _EVERY == 0:
            progress(reading.rows, 0)
    if progress is not None:
        progress(reading.rows, reading.rows)


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
