"""Read JSON, JSONL, CSV and Parquet into plain records, with errors that name the place."""

import csv
import io
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from virality.data.errors import InputError, StorageError
from virality.data.sources.base import Look, RawRow

_PARQUET = b"PAR1"
_BATCH = 4096
_PACKED = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")
"""First bytes of zip (and with it of spreadsheets), gzip, bzip2, xz and Zstandard."""
_DEEPEST = 8
"""Levels of nested objects that become dotted names."""
_HEAD = 65_536
"""Characters of a CSV file in which its header is looked for."""
_QUOTED = re.compile(r'"[^"]*("|\Z)')
_DECLARED = re.compile(r"sep=([,;\t|])\r?\n?")
"""First line with which a spreadsheet is told the separator of the file."""

FIRST_RECORDS = 1000
"""Records that are looked at to know a layout: one need not have all names that others have."""

_SUFFIXES = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "csv", ".json": "json"}
READABLE = "a CSV, TSV, JSON, JSONL or Parquet file, or a folder of .info.json or SMP files"


def look_at(path: Path) -> Look:
    """Take a first look at a file or folder.

    Raises:
        InputError: if it is absent, empty or of no form that can be read.
        StorageError: if it cannot be read.
    """
    if path.is_dir():
        return Look(path, "folder", names=frozenset(os.listdir(path)))
    head = _head(path)
    if head.startswith(_PARQUET):
        return _look_at_parquet(path)
    if head.startswith(_PACKED):
        raise InputError(
            f"{path}: is compressed, or a spreadsheet; unpack it, or save the sheet as CSV, and "
            f"give {READABLE}"
        )
    form = _SUFFIXES.get(path.suffix.lower())
    if form is None:
        form = "json" if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[") else None
    if form is None:
        raise InputError(
            f"{path}: is not a table of posts by its name; give {READABLE} "
            f"(texts are known by their ending: {', '.join(_SUFFIXES)})"
        )
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        raise InputError(f"{path}: is empty")
    if form == "csv":
        return Look(path, "csv", names=frozenset(_header(path, _csv_lines(path))))
    if form == "json":
        content = _whole_json(path)
        if content is not None:
            return Look(path, "json", content)
    names = _names_in(islice((row for row in read_jsonl(path) if not row.problem), FIRST_RECORDS))
    if not names:
        raise InputError(f"{path}: no line of it is a JSON object; give {READABLE}")
    return Look(path, "jsonl", names=names)


def _head(path: Path) -> bytes:
    if not path.exists():
        raise InputError(f"{path}: there is no such file or folder")
    if not path.is_file():
        raise InputError(f"{path}: is neither a file nor a folder")
    try:
        with path.open("rb") as handle:
            return handle.read(4096)
    except OSError as error:
        raise StorageError(f"{path}: cannot be read ({error.strerror or error})") from error


def _whole_json(path: Path) -> object:
    """Return the value of a JSON file, None if it holds one value a line."""
    try:
        content: object = json.loads(_text(path))
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            return None
        raise InputError(
            f"{path}: is not valid JSON ({error.msg} at line {error.lineno}, column {error.colno})"
        ) from error
    except ValueError as error:  # what Python says of a whole number of over 4,300 digits
        raise InputError(f"{path}: holds a number that is too long to be read") from error
    except RecursionError as error:
        raise InputError(f"{path}: its JSON is nested too deep to be posts") from error
    return content


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8"
        ) from error
    except OSError as error:
        raise StorageError(f"{path}: cannot be read ({error.strerror or error})") from error


def flatten(record: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Return nested objects as one level with dotted names; lists stay as they are.

    Objects nested more than eight deep stay whole.
    """
    flat: dict[str, object] = {}
    for name, value in record.items():
        whole = f"{prefix}{name}"
        if isinstance(value, Mapping) and value and whole.count(".") < _DEEPEST:
            flat |= flatten(value, f"{whole}.")
        else:
            flat[whole] = value
    return flat


def rows_of(records: object, file: str) -> Iterator[RawRow]:
    """Yield the objects of a list of records as rows; anything else in it is a bad row."""
    for number, record in enumerate(records if isinstance(records, list) else [], start=1):
        if isinstance(record, Mapping):
            yield RawRow(file, number, flatten(record))
        else:
            yield RawRow(file, number, {}, "is not a JSON object")


def read_jsonl(path: Path) -> Iterator[RawRow]:
    """Yield each line of a JSONL file as a row; empty lines are skipped."""
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            yield RawRow(path.name, number, {}, "is not valid JSON")
            continue
        yield from (
            [RawRow(path.name, number, flatten(record))]
            if isinstance(record, Mapping)
            else [RawRow(path.name, number, {}, "is not a JSON object")]
        )


def read_csv(path: Path) -> Iterator[RawRow]:
    """Yield the rows of a CSV file with a header; the separator is found in the header.

    Rows of empty cells, which spreadsheets leave below a table, are counted and skipped.
    """
    lines = _csv_lines(path)
    names = _header(path, lines)
    for number, cells in enumerate((cells for cells in lines if cells), start=1):
        if isinstance(cells, str):
            yield RawRow(path.name, number, {}, cells)
        elif not any(map(str.strip, cells)):
            continue
        elif len(cells) == len(names):
            yield RawRow(path.name, number, dict(zip(names, cells, strict=True)))
        else:
            problem = f"has {len(cells)} cells where the header has {len(names)}"
            yield RawRow(path.name, number, {}, problem)


def _csv_lines(path: Path) -> Iterator[list[str] | str]:
    """Yield the cells of each line, or why it has none; a quoted cell may hold line breaks.

    Raises:
        InputError: if a quoted cell has no end, so that all rows below would be part of it.
    """
    text = _text(path)
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # a cell may hold all of a page
    declared = _DECLARED.match(text)
    delimiter = declared[1] if declared else _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    if declared:
        next(reader)
    while True:
        start = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "end of data" in str(error):
                raise InputError(
                    f"{path}: is not valid CSV: in the row that begins in line {start} a quotation "
                    "mark is never closed; close or remove it"
                ) from error
            yield _not_csv(start, reader.line_num, error)  # the reader goes on behind it
        else:
            nul = any("\0" in cell for cell in cells)
            yield f"holds a NUL character (line {start}); remove it" if nul else cells


def _not_csv(first: int, last: int, error: csv.Error) -> str:
    place = f"line {first}" if first == last else f"lines {first} to {last}"
    return (
        f"is not valid CSV ({place}: {error}); write a quotation mark inside of a quoted cell twice"
    )


def _delimiter(text: str) -> str:
    """Return the separator that stands oftenest in the header, outside of quoted names."""
    lines = io.StringIO(_QUOTED.sub("", text[:_HEAD]), newline="")
    header = next((line for line in lines if line.strip()), "")
    return max(",;\t|", key=header.count)


def _header(path: Path, lines: Iterator[list[str] | str]) -> list[str]:
    """Take the column names of a CSV file from the first of its lines that holds any.

    A column without a name, as beside the numbers of rows, is called after its place.
    """
    cells = next((line for line in lines if any(map(str.strip, line))), [])
    if isinstance(cells, str):
        raise InputError(f"{path}: its header {cells}; is it saved as UTF-8 text?")
    names = [name.strip() or f"column {place}" for place, name in enumerate(cells, start=1)]
    _refuse_twice(path, names)
    return names


def _refuse_twice(path: Path, names: Sequence[str]) -> None:
    twice = next((name for name, times in Counter(names).items() if times > 1), None)
    if twice is not None:
        raise InputError(f"{path}: column {twice!r} stands in the header twice; rename one")


def _look_at_parquet(path: Path) -> Look:
    from virality.data.table import is_posts

    if is_posts(path):
        return Look(path, "posts")
    names = list(_leaves(_open_parquet(path).schema_arrow))
    _refuse_twice(path, names)
    return Look(path, "parquet", names=frozenset(names))


def _leaves(fields: Any, prefix: str = "") -> Iterator[str]:
    """Yield the names of Parquet columns, those of nested objects dotted as `flatten` does."""
    import pyarrow as pa

    for field in fields:
        whole = f"{prefix}{field.name}"
        if pa.types.is_struct(field.type) and field.type.num_fields and whole.count(".") < _DEEPEST:
            yield from _leaves(field.type, f"{whole}.")
        else:
            yield whole


def _open_parquet(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path, page_checksum_verification=True)
    except UnicodeEncodeError as error:  # of the name, not of what the file holds
        raise InputError(f"{str(path)!r}: the name is no UTF-8 text; rename it") from error
    except (OSError, pa.ArrowException, UnicodeDecodeError, ValueError) as error:
        raise StorageError(f"{path}: is damaged or cut short; fetch it again") from error


def read_parquet(path: Path) -> Iterator[RawRow]:
    """Yield the rows of a Parquet file; texts that it keeps as bytes are read as UTF-8.

    Raises:
        StorageError: if it is damaged.
    """
    import pyarrow as pa

    number = 0
    try:
        file = _open_parquet(path)
        as_bytes = "binary" in str(file.schema_arrow)
        for batch in file.iter_batches(_BATCH):
            for record in _records(batch):
                number += 1
                whole = flatten(record)
                yield RawRow(path.name, number, _decoded(whole) if as_bytes else whole)
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise StorageError(f"{path}: is damaged after row {number}; fetch it again") from error


def _records(batch: Any) -> Iterable[Mapping[str, object]]:
    """Return the rows of a batch as plain values; a time that Python cannot hold becomes text."""
    try:
        rows: list[dict[str, object]] = batch.to_pylist()
    except (OverflowError, ValueError, LookupError):  # a year beyond 9999, a zone of no meaning
        columns = [[_plain(value) for value in column] for column in batch.columns]
        return (
            dict(zip(batch.schema.names, row, strict=True)) for row in zip(*columns, strict=True)
        )
    return rows


def _plain(scalar: Any) -> object:
    """Return a value of Arrow as Python's, as text where Python has none that is as large."""
    try:
        return scalar.as_py()
    except (OverflowError, ValueError, LookupError):
        if isinstance(scalar, Mapping):
            return {name: _plain(scalar[name]) for name in scalar}
        return f"{getattr(scalar, 'value', 'value')} as {scalar.type}"


def _decoded(value: Any) -> Any:
    """Return a value with texts in place of the bytes in it."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, dict):
        return {name: _decoded(one) for name, one in value.items()}
    return [_decoded(one) for one in value] if isinstance(value, list) else value


def read_rows(look: Look, records: object = None) -> Iterator[RawRow]:
    """Yield the rows of a table of any form; of a JSON file, those of `records` if given."""
    if look.form == "csv":
        return read_csv(look.path)
    if look.form == "parquet":
        return read_parquet(look.path)
    if look.form == "jsonl":
        return read_jsonl(look.path)
    return rows_of(look.content if records is None else records, look.path.name)


def first_names(look: Look, records: object = None) -> frozenset[str]:
    """Return the column names of a table, or the dotted names in the first of some records."""
    if look.form == "json":
        found = rows_of(look.content if records is None else records, look.path.name)
        return _names_in(islice(found, FIRST_RECORDS))
    return frozenset() if look.form in ("folder", "posts") else look.names


def all_names(look: Look) -> frozenset[str]:
    """Return the column names of a table; of JSON, those that any of its records has."""
    if look.form in ("json", "jsonl"):
        return _names_in(read_rows(look))
    return first_names(look)


def _names_in(rows: Iterator[RawRow]) -> frozenset[str]:
    return frozenset(name for row in rows for name in row.values)


def under(content: object, *keys: str) -> object:
    """Return what stands under these keys of nested objects, None if it is not there."""
    for key in keys:
        content = content.get(key) if isinstance(content, Mapping) else None
    return content
