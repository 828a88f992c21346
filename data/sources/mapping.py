"""A mapping: a TOML file that says what the columns of any table are called here."""

import difflib
import tomllib
from collections.abc import Iterable
from collections.abc import Mapping as Items
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

from virality.data.errors import InputError, StorageError
from virality.data.matrix import Known
from virality.data.numbers import PER_SECOND, STYLES, Refused
from virality.data.post import EXTRA_PREFIX, SCHEMA
from virality.data.sources.base import Layout, RawRow
from virality.data.times import check_unit

TABLES = ("columns", "units", "known")
_MOST_NAMES = 20
"""Names of columns that an error shows."""


@dataclass(frozen=True)
class Mapping:
    """What a mapping file says.

    Attributes:
        path: of the file, for messages.
        columns: our field -> their column; may be empty, to declare only what follows.
        units: our field -> unit, see `data.numbers` and `data.times`.
        known: their unmapped column -> when it is known.
    """

    path: Path
    columns: Items[str, str] = field(default_factory=dict)
    units: Items[str, str] = field(default_factory=dict)
    known: Items[str, Known] = field(default_factory=dict)

    def over(self, layout: Layout) -> Layout:
        """Return a layout with the units and provenance of this mapping put over its own."""
        return replace(
            layout, units={**layout.units, **self.units}, known={**layout.known, **self.known}
        )

    def check_names(self, names: Iterable[str], rows: Iterable[RawRow], file: str) -> None:
        """Refuse a column that the source does not have.

        Args:
            names: of columns that are there for certain.
            rows: of the source; read only as far as a column has not been found, since a record of
                JSON need not have all names that others have.
            file: name of the source, for the message.

        Raises:
            InputError: naming the column and those that are there.
        """
        seen = set(names)
        wanted = [*self.columns.values(), *self.known]
        absent = [name for name in wanted if name not in seen]
        for row in rows if absent else ():
            seen |= row.values.keys()
            absent = [name for name in absent if name not in seen]
            if not absent:
                return
        if absent and seen:
            close = difflib.get_close_matches(absent[0], seen, 1)
            hint = f"did you mean {close[0]!r}? It" if close else "it"
            there = ", ".join(map(repr, sorted(seen)[:_MOST_NAMES]))
            more = f" and {len(seen) - _MOST_NAMES} more" if len(seen) > _MOST_NAMES else ""
            raise InputError(
                f"{self.path}: column {absent[0]!r} is not in {file}; {hint} has {there}{more}"
            )


def read_mapping(path: Path) -> Mapping:
    """Read and check a mapping file.

    Raises:
        InputError: naming the table, key and value that is wrong, and what would be right.
        StorageError: if the file cannot be read.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such mapping file") from error
    except OSError as error:
        raise StorageError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is not valid TOML ({error})") from error
    wrong = [name for name in content if name not in TABLES]
    if wrong:
        raise InputError(
            f"{path}: [{wrong[0]}] is unknown; a mapping has [columns], [units], [known]"
        )
    columns, units, known = (_texts(path, name, content.get(name, {})) for name in TABLES)
    _check_fields(path, {**columns, **units})
    for name, unit in units.items():
        _check_unit(path, name, unit)
    return Mapping(path, columns, units, _provenance(path, known))


def _texts(path: Path, table: str, content: object) -> dict[str, str]:
    """Return a table of texts."""
    if not isinstance(content, dict):
        raise InputError(f"{path}: {table} must be a table: [{table}]")
    for name, value in content.items():
        if not isinstance(value, str):
            raise InputError(f"{path}: [{table}] {name} = {value!r} must be a text in quotes")
    return content


def _check_fields(path: Path, names: Items[str, str]) -> None:
    for name in names:
        if name not in SCHEMA:
            close = difflib.get_close_matches(name, SCHEMA, 1) or [", ".join(SCHEMA)]
            raise InputError(f"{path}: {name!r} is no field of a post; did you mean {close[0]}?")


def _check_unit(path: Path, name: str, unit: str) -> None:
    """Refuse a unit that the kind of the field cannot have."""
    allowed: tuple[str, ...] = ()
    if SCHEMA[name].kind == "time":
        try:
            check_unit(unit)
        except Refused as error:
            raise InputError(f"{path}: [units] {name}: {error}") from error
        return
    if name == "duration_s":
        allowed = tuple(unit for unit in PER_SECOND if unit)
    elif SCHEMA[name].kind in ("integer", "number"):
        allowed = STYLES
    if unit not in allowed:
        can = " or ".join(map(repr, allowed)) if allowed else "none"
        raise InputError(f"{path}: [units] {name} = {unit!r} is no unit of it; it can have {can}")


def _provenance(path: Path, known: Items[str, str]) -> dict[str, Known]:
    """Return the declared provenance of unmapped columns."""
    declared: dict[str, Known] = {}
    for name, when in known.items():
        allowed = {option: option for option in get_args(Known)}
        if when not in allowed:
            raise InputError(f"{path}: [known] {name} = {when!r} must be pre, asof or post")
        if name in SCHEMA:
            raise InputError(
                f"{path}: [known] {name}: the provenance of our own fields is fixed; only columns "
                "that are not mapped can be declared"
            )
        declared[name.removeprefix(EXTRA_PREFIX)] = allowed[when]
    return declared
