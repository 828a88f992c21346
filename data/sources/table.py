"""Any CSV, Parquet, JSONL or JSON list, by a TOML mapping or by the names of its columns."""

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from virality.data.errors import InputError
from virality.data.sources.aliases import recognise
from virality.data.sources.base import Layout, Look, RawRow
from virality.data.sources.files import first_names, look_at, read_rows
from virality.data.sources.mapping import Mapping

TELLING = ("id", "caption", "media")
"""A table without any of these names is not taken for a table of posts."""

ASK = "write a mapping with `virality ingest --suggest`, correct it and pass it with --mapping"


@dataclass(frozen=True)
class Table:
    """A table whose columns are named by a mapping; without one, by what their names suggest."""

    mapping: Mapping | None = None
    name: str = "table"

    def matches(self, look: Look) -> bool:
        """Tell whether it is a table with a column that is recognised as telling of a post."""
        return any(ours in TELLING for ours in recognise(_names(look)))

    def layout(self, look: Look) -> Layout:
        """Return the layout that the mapping gives, or the suggested one with a note.

        Raises:
            InputError: if the mapping names a column that is not there, or nothing is recognised.
        """
        names = _names(look)
        if self.mapping is not None and self.mapping.columns:
            return _mapped(
                self.mapping, names if look.form in ("csv", "parquet") else [], look.path
            )
        found = recognise(names)
        if not any(ours in TELLING for ours in found):
            raise InputError(f"{look.path}: none of its columns is known to tell of posts; {ASK}")
        taken = ", ".join(f"{ours} from {theirs!r}" for ours, theirs in found.items())
        note = f"Columns were matched by their names: {taken}; if one is wrong, {ASK}."
        return Layout({o: (t,) for o, t in found.items()}, _units(found), notes=(note,))

    def read(self, look: Look) -> Iterator[RawRow]:
        """Yield the rows of the table."""
        return read_rows(look)


def suggest_mapping(path: Path) -> str:
    """Return a first mapping for a table as TOML, from the names of its columns.

    Raises:
        InputError: if the file is no table.
    """
    look = look_at(path)
    names = _names(look)
    if not names:
        raise InputError(f"{path}: is not a table with named columns; no mapping can be suggested")
    found = recognise(names)
    others = sorted(set(names) - set(found.values()))
    units = _units(found)
    lines = [
        f"# Mapping for {_quoted(path.name)}: ours = theirs. Check each line.",
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


def _quoted(text: str) -> str:
    """Return a TOML basic string; JSON escapes are a subset of TOML's but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _units(found: dict[str, str]) -> dict[str, str]:
    """Return units that a column's own name states."""
    lengthy = found.get("duration_s", "").lower()
    return {"duration_s": "ms"} if lengthy.endswith(("_ms", "ms)", " ms")) else {}


def _names(look: Look) -> list[str]:
    """Return the column names; in the order of the file where it has one."""
    return sorted(first_names(look))


def _mapped(mapping: Mapping, names: list[str], path: Path) -> Layout:
    """Return the layout of a mapping after checking that its columns are there."""
    for name in [*mapping.columns.values(), *mapping.known]:
        if names and name not in names:
            close = difflib.get_close_matches(name, names, 1) or [", ".join(names)]
            raise InputError(
                f"{mapping.path}: column {name!r} is not in {path.name}; did you mean {close[0]!r}?"
            )
    columns = {ours: (theirs,) for ours, theirs in mapping.columns.items()}
    return Layout(columns, mapping.units, known=mapping.known)
