"""Tables that are wider than the terminal, as records: a table of single letters cannot be read."""

import textwrap
from collections.abc import Iterator, Sequence

LEAST = 7
"""Characters of a word that a column keeps on one line at least."""

MOST_LINES = 5
"""Lines over which a cell may be wrapped before a record of its own is easier to read."""

GAP = 2
"""Characters between two columns."""


def fits(header: Sequence[str], rows: Sequence[Sequence[str]], width: int, *, whole: int) -> bool:
    """Tell whether a table can be read in a terminal of so many characters a line.

    Args:
        header: names of the columns.
        rows: cells.
        width: of the terminal.
        whole: leading columns that do not wrap.
    """
    from rich.cells import cell_len

    columns = [[name, *cells] for name, *cells in zip(header, *rows, strict=True)]
    longest = [max(map(cell_len, cells)) for cells in columns]
    words = [max(cell_len(word) for cell in cells for word in [*cell.split(), ""])
             for cells in columns]  # fmt: skip
    needed = [
        natural if place < whole else max(min(word, LEAST), -(-natural // MOST_LINES))
        for place, (natural, word) in enumerate(zip(longest, words, strict=True))
    ]
    return sum(needed) + GAP * (len(needed) - 1) <= width


def records(
    header: Sequence[str], rows: Sequence[Sequence[str]], width: int, *, whole: int
) -> Iterator[str]:
    """Yield the lines of rows as records: what names a row, and under it what is known of it.

    >>> list(records(("post", "views", "why"), [("p1", "5", "")], 40, whole=2))
    ['p1  views 5']
    >>> list(records(("post", "views", "why"), [("p1", "5", "new")], 40, whole=1))
    ['p1', '  views 5; why new']
    """
    for row in rows:
        first, *told = zip(header, row, strict=True)
        facts = [f"{name} {cell}".strip() if cell else "" for name, cell in told]
        yield "  ".join(filter(None, (first[1], *facts[: whole - 1])))
        text = "; ".join(filter(None, facts[whole - 1 :]))
        for line in textwrap.wrap(
            text, max(width - 2, 1), break_on_hyphens=False, break_long_words=False
        ):
            yield f"  {line}"
