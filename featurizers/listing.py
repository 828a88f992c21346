"""Every column of every featurizer, for people: `virality list` and docs/features.md.

`python -m virality.featurizers.listing > docs/features.md` writes the page anew.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from virality.data.installing import clone_command, install_command
from virality.data.matrix import Column, Known, Modality
from virality.featurizers import FEATURIZERS
from virality.featurizers.base import Featurizer
from virality.featurizers.extras import EXTRAS

KNOWN_WORDS = {"pre": "before posting", "asof": "as of posting", "post": "afterwards"}


@dataclass(frozen=True)
class ListedColumn:
    """A column, or all dimensions of an embedding in one line.

    Attributes:
        featurizer: its name in FEATURIZERS.
        column: its name in a matrix; for an embedding that of its block.
        unit, known, modality, meaning: as in Column.
        block: the embedding, "" for a column that stands for itself.
        dimensions: how many columns the line stands for.
    """

    featurizer: str
    column: str
    unit: str
    known: Known
    modality: Modality
    block: str
    dimensions: int
    meaning: str


def list_columns() -> list[ListedColumn]:
    """Return a line a column in the order of the matrix, embeddings collapsed into one line."""
    return [line for name in FEATURIZERS for line in _list(name, FEATURIZERS[name])]


@dataclass(frozen=True)
class ListedExtra:
    """An extra: what it costs a clip, how it is installed, whether it is, and what it adds."""

    name: str
    cost: str
    install: str
    installed: bool
    featurizers: tuple[str, ...]
    columns: int


def list_extras() -> list[ListedExtra]:
    """Return a line an extra."""
    return [
        ListedExtra(
            name=name,
            cost=extra.cost,
            install=install_command(name),
            installed=not extra.missing,
            featurizers=tuple(extra.featurizers),
            columns=sum(len(one.columns) for one in extra.featurizers.values()),
        )
        for name, extra in EXTRAS.items()
    ]


def _list(name: str, featurizer: Featurizer[Any]) -> Iterator[ListedColumn]:
    columns = [column.under(name) for column in featurizer.columns]
    for block, run in groupby(columns, key=lambda column: column.block):
        members = list(run)
        if block:
            yield _line(name, members[0], block, len(members))
        else:
            yield from (_line(name, column, column.name, 1) for column in members)


def _line(featurizer: str, column: Column, name: str, dimensions: int) -> ListedColumn:
    return ListedColumn(
        featurizer=featurizer,
        column=name,
        unit=column.unit,
        known=column.known,
        modality=column.modality,
        block=column.block,
        dimensions=dimensions,
        meaning=column.meaning.replace(", dimension 0", ""),
    )


def write_page() -> str:
    """Return docs/features.md, the extras in a line each."""
    lines = list_columns()
    total = sum(line.dimensions for line in lines)
    parts = [
        "# Features",
        "",
        "Written by `python -m virality.featurizers.listing > docs/features.md`; a test holds it.",
        "",
        f"{total} columns of {len(FEATURIZERS)} featurizers. *Known* says when a value is known: "
        "before posting, or only as of the moment of posting (it changes with time). Nothing here "
        "is known only afterwards. A missing part of a post gives NaN. Sound is measured on the "
        "mean of left and right: what is in opposite phase on the two cancels, as it does on "
        "a phone's one loudspeaker. In the terminal:",
        "",
        "<!-- a test runs this block -->",
        "```console",
        "virality list",
        "```",
    ]
    for name, run in groupby(lines, key=lambda line: line.featurizer):
        parts += _write_section(name, list(run))
    parts += ["", "## Extras", "", "Off unless asked for by `--with`; installed in the clone.", ""]
    parts += ["| extra | CPU a clip | install | featurizers |", "|---|---|---|---|"]
    for extra in list_extras():
        names = ", ".join(f"`{name}`" for name in extra.featurizers)
        parts.append(f"| {extra.name} | {extra.cost} | `{clone_command(extra.name)}` | {names} |")
    return "\n".join(parts) + "\n"


def _write_section(name: str, lines: list[ListedColumn]) -> list[str]:
    about = (type(FEATURIZERS[name]).__doc__ or "").split("\n\n", maxsplit=1)[0]
    head = ["", f"## {name}", "", " ".join(about.split()), ""]
    table = ["| column | unit | known | meaning |", "|---|---|---|---|"]
    return [*head, *table, *(_write_row(line) for line in lines)]


def _write_row(line: ListedColumn) -> str:
    name = f"`{line.column}`" + (f" ({line.dimensions} columns)" if line.block else "")
    meaning = line.meaning.replace("|", "\\|")
    return f"| {name} | {line.unit} | {KNOWN_WORDS[line.known]} | {meaning} |"


if __name__ == "__main__":
    print(write_page(), end="")
