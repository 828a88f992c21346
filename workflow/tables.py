"""From a table of posts in any known layout to posts, and what has to be said of its rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from virality.data.errors import InputError
from virality.data.scratch import scratch


@dataclass(frozen=True)
class Remarks:
    """What has to be said of posts as they were read.

    Attributes:
        refused: rows that could not be used.
        warnings: how many rows of which table, and the first reason, as sentences.
        notes: what was assumed or left out, as sentences.
    """

    refused: int = 0
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __add__(self, other: "Remarks") -> "Remarks":
        """Return both, these first."""
        return Remarks(
            self.refused + other.refused, self.warnings + other.warnings, self.notes + other.notes
        )


def read_table(
    table: Path, layout: str = "auto", mapping: Path | None = None
) -> tuple[pd.DataFrame, Remarks]:
    """Return the posts of a table in any known layout; nothing is left beside it.

    Raises:
        InputError: if it cannot be read, or holds no good row.
    """
    from virality.data.ingest import gather, nothing_in
    from virality.data.table import is_posts, read_posts, write_posts

    ours = table.suffix.lower() == ".parquet" and table.is_file() and is_posts(table)
    if ours and layout == "auto" and mapping is None:
        return read_posts(table), Remarks()
    found = gather(table, format=layout, mapping=mapping)
    if not len(found.posts):
        raise InputError(nothing_in(table, found, LISTED))
    with scratch() as folder:  # read from disk, so that they are what `ingest` would have written
        write_posts(found.posts, folder / "posts.parquet", found.known)
        posts = read_posts(folder / "posts.parquet")
    if not found.rejects:
        return posts, Remarks(notes=found.notes)
    first = found.rejects[0].sentence()
    warning = f"{table}: {found.rejected} of {found.rows} rows left out; {first} ({LISTED})"
    return posts, Remarks(found.rejected, (warning,), found.notes)


@contextmanager
def told_of(remarks: Remarks) -> Iterator[None]:
    """Let an error about posts name the rows that were left out: they may be what is lacking.

    Raises:
        InputError: what is raised within, with the warnings behind it.
    """
    try:
        yield
    except InputError as error:
        if not remarks.warnings:
            raise
        raise InputError(f"{error}; {'; '.join(remarks.warnings)}") from error


LISTED = "`virality ingest` lists all"
