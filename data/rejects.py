"""Rows that were refused, as a CSV that a spreadsheet opens without running anything in it."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from virality.data.cells import clean
from virality.data.store import write_atomically

HEADER = ("file", "row", "column", "value", "reason")
LONGEST = 200
"""Characters of a value that are shown."""


@dataclass(frozen=True)
class Reject:
    """One reason for which a row was refused."""

    file: str
    row: int
    column: str
    value: str
    reason: str

    def sentence(self) -> str:
        """Return it as a sentence."""
        if not self.column:
            return f"{self.file}, row {self.row}: {self.reason}"
        value = repr(shown(self.value))
        return f"{self.file}, row {self.row}, column {self.column!r}: {value} {self.reason}"


def shown(value: str) -> str:
    """Return a value short enough to read."""
    return value if len(value) <= LONGEST else value[: LONGEST - 1] + "…"


def safe_cell(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: one that could be gets a quote.

    Source: https://owasp.org/www-community/attacks/CSV_Injection
    """
    return f"'{text}" if text.lstrip(" ")[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") else text


def write_rejects(rejects: Sequence[Reject], path: Path) -> Path:
    """Write the refused rows, in order; a file with a header only says that there are none.

    Raises:
        StorageError: if it cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(HEADER)
    for one in rejects:
        texts = (one.column, shown(clean(one.value)), one.reason)
        writer.writerow([safe_cell(one.file), one.row, *map(safe_cell, texts)])
    write_atomically(path, text.getvalue().encode())
    return path
