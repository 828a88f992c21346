"""Any CSV, Parquet, JSONL or JSON list, by a TOML mapping or by the names of its columns."""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from virality.data.cells import read_cell
from virality.data.errors import InputError
from virality.data.numbers import Refused, is_missing
from virality.data.post import SCHEMA
from virality.data.rejects import shown
from virality.data.sources.aliases import recognise, spelled_alike, words_of
from virality.data.sources.base import Layout, Look, RawRow
from virality.data.sources.files import all_names, first_names, look_at, read_rows
from virality.data.sources.guesses import WrongGuess, find_wrong_guesses
from virality.data.sources.mapping import Mapping

TELLING = ("id", "caption", "media")
"""A table without any of these names is not taken for a table of posts."""

ASK = "write a mapping with `virality ingest --suggest`, correct it and pass it with --mapping"

_ROWS_TO_SUGGEST = 1000
"""Rows that are looked at before a mapping is suggested."""


@dataclass(frozen=True)
class Table:
    """A table whose columns are named by a mapping; without one, by what their names suggest.

    Attributes:
        mapping: names of columns; without it they are guessed.
        wrong: guesses that the values of the table proved wrong.
        name: what `--format` calls it.
    """

    mapping: Mapping | None = None
    wrong: tuple[WrongGuess, ...] = ()
    name: str = "table"

    def matches(self, look: Look) -> bool:
        """Tell whether it is a table with a column that is recognised as telling of a post."""
        return any(ours in TELLING for ours in recognise(sorted(first_names(look))))

    def layout(self, look: Look) -> Layout:
        """Return the layout that the mapping gives, or the suggested one with a note.

        Raises:
            InputError: if the mapping names a column that is not there, nothing is recognised, or
                two columns that are spelled alike say different things.
        """
        if self.mapping is not None and self.mapping.columns:
            # The header of a CSV has all names; a row of any other form may have more.
            rows = () if look.form == "csv" else read_rows(look)
            self.mapping.check_names(first_names(look), rows, look.path.name)
            columns = {ours: (theirs,) for ours, theirs in self.mapping.columns.items()}
            return Layout(columns, self.mapping.units, known=self.mapping.known)
        names = _names(look)
        found = recognise(names, _pairs(self.wrong))
        if not any(ours in TELLING for ours in found):
            raise InputError(f"{look.path}: none of its columns is known to tell of posts; {ASK}")
        layout = _guessed(found, self.wrong, names)
        _check_alike(look, layout)
        return layout

    def read(self, look: Look) -> Iterator[RawRow]:
        """Yield the rows of the table."""
        return read_rows(look)

    def reconsider(self, look: Look, layout: Layout, doubted: Collection[str]) -> "Table | None":
        """Return the table without the guesses that its values prove wrong, None if none is.

        Args:
            look: at the table.
            layout: as it was read.
            doubted: columns of which values were refused.
        """
        if not layout.guessed:
            return None
        wrong = find_wrong_guesses(self.read(look), layout, doubted)
        return replace(self, wrong=(*self.wrong, *wrong)) if wrong else None


def _guessed(
    found: dict[str, str], wrong: tuple[WrongGuess, ...], names: Collection[str]
) -> Layout:
    """Return the layout of recognised names, with notes on what they were taken for.

    Args:
        found: our field -> their column.
        wrong: guesses that were proved wrong.
        names: of all columns; those that are spelled alike are one.
    """
    units = _units(found)
    besides = _pairs(wrong)
    columns = {
        ours: (theirs, *(n for n in spelled_alike(names, theirs) if (ours, n) not in besides))
        for ours, theirs in found.items()
    }
    taken = ", ".join(
        f"{ours} from {' and '.join(map(repr, theirs))}"
        + (f" in {units[ours]}" if ours in units else "")
        for ours, theirs in columns.items()
    )
    notes = [f"Columns were matched by their names: {taken}; if one is wrong, {ASK}."]
    for guess in wrong:
        notes.append(
            f"{guess.theirs!r} was not taken for {guess.ours}, as its name suggests: it holds "
            f"values such as {shown(guess.example)!r}."
        )
    return Layout(columns, units, notes=tuple(notes), guessed=True)


def _check_alike(look: Look, layout: Layout) -> None:
    """Refuse columns that are spelled alike, as `Views` and `views`, and say different things."""
    alike = {ours: names for ours, names in layout.columns.items() if len(names) > 1}
    for row in read_rows(look) if alike else ():
        for ours, names in alike.items():
            told = [(name, row.values[name]) for name in names if not _lacks(row, name)]
            first = told[0][1] if told else None
            for name, value in told[1:]:
                if not _agree(ours, first, value, layout.units.get(ours, "")):
                    raise InputError(
                        f"{look.path.name}: columns {told[0][0]!r} and {name!r} are spelled alike "
                        f"and say different things, in row {row.number} {shown(str(first))!r} and "
                        f"{shown(str(value))!r}; remove or rename one, or {ASK}"
                    )


def _lacks(row: RawRow, name: str) -> bool:
    return is_missing(row.values.get(name))


def _agree(ours: str, one: object, other: object, unit: str) -> bool:
    """Tell whether two values of a field mean the same, however they are written."""
    if str(one).strip() == str(other).strip():
        return True
    try:
        return read_cell(SCHEMA[ours], one, unit) == read_cell(SCHEMA[ours], other, unit)
    except Refused:
        return False


def suggest_mapping(path: Path) -> str:
    """Return a first mapping for a table as TOML, from the names of its columns.

    Raises:
        InputError: if the file is no table.
    """
    look = look_at(path)
    names = _names(look)
    if not names:
        raise InputError(f"{path}: is not a table with named columns; no mapping can be suggested")
    found = _suggested(look)
    others = sorted(set(names) - set(found.values()))
    units = _units(found)
    alike = {theirs: spelled_alike(names, theirs) for theirs in found.values()}
    lines = [
        f"# Mapping for {_quoted(path.name)}: ours = theirs. Check each line.",
        *(
            f"# Spelled alike, so choose: {', '.join(map(_quoted, (theirs, *others)))}"
            for theirs, others in alike.items()
            if others
        ),
        "[columns]",
        *(f"{ours} = {_quoted(theirs)}" for ours, theirs in found.items()),
        "",
        '# Where numbers or times could be read in two ways: duration_s = "ms",',
        '# posted_at = "Asia/Ho_Chi_Minh" or "%d/%m/%Y", views = "decimal comma".',
        "[units]",
        *(f"{ours} = {_quoted(unit)}" for ours, unit in units.items()),
        "",
        "# Other columns are kept as extra and taken to be known only afterwards (post). Uncomment",
        "# a line to say that one is known before posting (pre) or as of the posting (asof).",
        "[known]",
        *(f'# {_quoted(name)} = "pre"' for name in others),
    ]
    return "\n".join(lines) + "\n"


def _suggested(look: Look) -> dict[str, str]:
    """Return our field -> their column where neither name nor first values speak against it."""
    wrong: tuple[WrongGuess, ...] = ()
    while True:
        found = recognise(_names(look), _pairs(wrong))
        rows = islice(read_rows(look), _ROWS_TO_SUGGEST)
        more = find_wrong_guesses(rows, _guessed(found, wrong, ()), found.values())
        if not more:
            return found
        wrong += more


def _pairs(wrong: tuple[WrongGuess, ...]) -> list[tuple[str, str]]:
    return [(guess.ours, guess.theirs) for guess in wrong]


def _quoted(text: str) -> str:
    """Return a TOML basic string; JSON escapes are a subset of TOML's but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _units(found: dict[str, str]) -> dict[str, str]:
    """Return units that a column's own name states: `duration_ms`, `durationMs`."""
    in_ms = words_of(found.get("duration_s", "")).endswith(" ms")
    return {"duration_s": "ms"} if in_ms else {}


def _names(look: Look) -> list[str]:
    """Return the names of all columns."""
    return sorted(all_names(look))
