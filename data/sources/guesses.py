"""Whether a column holds what its name suggests: `comments` may be counts, and may be texts."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from virality.data.cells import read_cell
from virality.data.numbers import Refused, is_missing
from virality.data.post import SCHEMA, Field
from virality.data.sources.base import Layout, RawRow

MOST_READABLE = 0.1
"""Share of values that may be read by chance although the column holds something else."""

LEAST_OTHER = 0.5
"""Share of values that must plainly be something else, and not only be written uncertainly."""

_LONGEST = 80
"""Characters of the longest spelling of a number or time."""


@dataclass(frozen=True)
class WrongGuess:
    """A column that its name suggests for a field and whose values are something else."""

    ours: str
    theirs: str
    example: str


def find_wrong_guesses(
    rows: Iterable[RawRow], layout: Layout, doubted: Collection[str]
) -> tuple[WrongGuess, ...]:
    """Return the guesses that the values of a source prove wrong.

    Args:
        rows: of the source.
        layout: guessed from the names of columns.
        doubted: columns of which values were refused; the others are not looked at.
    """
    # Without its ids a table would get others, derived from what tells posts apart less surely.
    fields = {
        ours: theirs
        for ours, (theirs, *_) in layout.columns.items()
        if theirs in doubted and ours != "id"
    }
    filled, readable, other = Counter[str](), Counter[str](), Counter[str]()
    examples: dict[str, str] = {}
    for row in rows:
        for ours, theirs in fields.items():
            value = row.values.get(theirs)
            if is_missing(value):
                continue
            filled[ours] += 1
            try:
                read_cell(SCHEMA[ours], value, layout.units.get(ours, ""))
                readable[ours] += 1
            except Refused:
                if _is_other(SCHEMA[ours], value):
                    other[ours] += 1
                    examples.setdefault(ours, str(value))
    return tuple(
        WrongGuess(ours, fields[ours], example)
        for ours, example in examples.items()
        if other[ours] >= LEAST_OTHER * filled[ours]
        and readable[ours] <= MOST_READABLE * filled[ours]
    )


def _is_other(field: Field, refused: object) -> bool:
    """Tell whether a refused value is plainly no value of the field, rather than uncertain."""
    if isinstance(refused, bool | Mapping | list | tuple):
        return True
    if field.kind in ("integer", "number", "time"):
        text = str(refused).strip()
        return not any(map(str.isdecimal, text)) or text[0] in "[{" or len(text) > _LONGEST
    return field.kind in ("boolean", "strings")
