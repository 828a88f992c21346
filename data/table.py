"""Read, check, merge and write a table of posts (Parquet with verified page checksums)."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

import numpy as np
import pandas as pd

from virality.data.errors import InputError, StorageError
from virality.data.matrix import Known
from virality.data.post import EXTRA_PREFIX, OUTCOMES, SCHEMA, Kind, Post

DTYPES: Mapping[Kind, Any] = {
    "string": "string",
    "strings": "object",
    "integer": "Int64",
    "number": "float64",
    "boolean": "boolean",
    "time": "datetime64[ms, UTC]",
}
"""pandas dtype of each kind of field; `strings` holds tuples of str, or None."""

POST_COLUMNS: tuple[str, ...] = tuple(Post.__dataclass_fields__)
"""Fields of a `Post`: every field of the schema but outcomes and what is read with them."""

_FACTS = b"virality.posts"
_DIGEST = b"virality.digest"
_VERSION = 1
_MAGIC = b"PAR1"
_NOTHING: Mapping[str, Known] = MappingProxyType({})


def empty_column(name: str, rows: int) -> pd.Series:
    """Return a column of missing values of the dtype that the schema gives to `name`."""
    kind = SCHEMA[name].kind
    missing = {"strings": None, "number": np.nan, "time": pd.NaT}.get(kind, pd.NA)
    return pd.Series([missing] * rows, dtype=DTYPES[kind], name=name)


def conform(posts: pd.DataFrame) -> pd.DataFrame:
    """Return the posts with columns in schema order, then `extra.*`, all with the schema's dtypes.

    Columns of the schema that the table does not have stay absent; the index becomes a RangeIndex.

    Raises:
        InputError: for an unknown column, a value of another kind, a missing or repeated id, or
            an infinite number.
    """
    unknown = [c for c in posts.columns if c not in SCHEMA and not str(c).startswith(EXTRA_PREFIX)]
    if unknown:
        raise InputError(
            f"posts: column {unknown[0]!r} is not in the schema; "
            f"call it '{EXTRA_PREFIX}{unknown[0]}' to keep it"
        )
    if not posts.columns.is_unique:
        raise InputError("posts: a column stands in the table twice; rename one of them")
    names = [n for n in SCHEMA if n in posts] + [c for c in posts if c not in SCHEMA]
    columns = {n: _coerced(posts[n].reset_index(drop=True), _kind(str(n), posts[n])) for n in names}
    result = pd.DataFrame(columns, index=pd.RangeIndex(len(posts)))
    _check_ids(result)
    return result


def _kind(name: str, values: pd.Series) -> Kind:
    """Return the kind of a column: the schema's, or for an extra one what its values are."""
    if name in SCHEMA:
        return SCHEMA[name].kind
    if pd.api.types.is_bool_dtype(values.dtype):
        return "boolean"
    if pd.api.types.is_integer_dtype(values.dtype):
        return "integer"
    if pd.api.types.is_numeric_dtype(values.dtype):
        return "number"
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return "time"
    listed = values.dtype == object and any(
        isinstance(v, tuple | list | np.ndarray) for v in values
    )
    return "strings" if listed else "string"


def _coerced(values: pd.Series, kind: Kind) -> Any:
    """Return the column with the dtype of its kind."""
    name = values.name
    try:
        if kind == "time":
            return pd.to_datetime(values, utc=True).astype(DTYPES["time"])
        if kind == "strings":
            return pd.Series([_words(v) for v in values], dtype=object, name=name)
        if kind == "string" and pd.api.types.is_float_dtype(values.dtype) and values.notna().any():
            raise InputError(
                f"posts: column {name!r} holds floats where text belongs; read it as text"
            )
        result: pd.Series = values.astype(DTYPES[kind])
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"posts: column {name!r} does not hold {kind} values ({error})") from error
    if kind == "number" and np.isinf(result.to_numpy(dtype=float)).any():
        raise InputError(f"posts: column {name!r} holds an infinite value; leave it empty instead")
    return result


def _words(value: Any) -> tuple[str, ...] | None:
    """Return a list of words as a tuple, None where it is missing."""
    if isinstance(value, tuple | list | np.ndarray):
        return tuple(str(word) for word in value)
    if value is None or value is pd.NA or value != value:
        return None
    raise TypeError(f"{value!r} is not a list of words")


def _check_ids(posts: pd.DataFrame) -> None:
    """Refuse a table without ids, or with missing or repeated ones."""
    if "id" not in posts:
        raise InputError("posts: there is no column 'id'")
    lost = posts["id"].isna() | (posts["id"] == "").fillna(True)
    if lost.any():
        raise InputError(f"posts: row {int(np.flatnonzero(lost)[0]) + 1} has no id")
    if not posts["id"].is_unique:
        twice = posts["id"][posts["id"].duplicated()].iloc[0]
        raise InputError(
            f"posts: id {twice!r} stands in the table more than once; ingest merges them"
        )


def merge_posts(*tables: pd.DataFrame) -> pd.DataFrame:
    """Return one table with one row an id: of repeated ids the latest collection is kept.

    A collection without any outcome, as of a post that has been deleted, takes the place of none
    that has one, and a clip that the kept one lacks is that of another. Where collection times are
    equal or unknown, the later row wins. Rows stay in the order in which their id first appeared;
    columns are united. The tables may repeat ids within themselves.
    """
    whole = pd.concat(tables, ignore_index=True) if len(tables) > 1 else tables[0]
    whole = whole.reset_index(drop=True)
    first = whole.groupby("id", sort=False)["id"].transform("size").index  # rows as they came
    when = whole.get("collected_at", pd.Series(pd.NaT, index=first, dtype=DTYPES["time"]))
    told = whole[[name for name in OUTCOMES if name in whole]].notna().any(axis=1)
    ranks = pd.DataFrame({"told": told, "when": pd.to_datetime(when, utc=True)})
    ranked = whole.loc[ranks.sort_values(["told", "when"], na_position="first").index]
    kept = ranked.drop_duplicates("id", keep="last")
    if "media" in whole:
        clips = ranked.dropna(subset=["media"]).drop_duplicates("id", keep="last")
        there = clips.set_index("id")["media"]
        kept = kept.assign(media=kept["media"].fillna(kept["id"].map(there)))
    place = {post: n for n, post in enumerate(whole["id"].drop_duplicates())}
    return conform(kept.sort_values("id", key=lambda ids: ids.map(place), kind="stable"))


def write_posts(posts: pd.DataFrame, path: Path, known: Mapping[str, Known] = _NOTHING) -> None:
    """Write a posts table: Parquet, zstd, page checksums; it appears whole or not at all.

    Args:
        posts: see `conform`.
        path: where to; an older file is replaced in one step.
        known: provenance of `extra.*` columns; those not named are `post`.

    Raises:
        InputError: if the table is not a posts table or holds no posts.
        StorageError: if the file cannot be written.
    """
    if not len(posts):
        raise InputError(f"{path.name}: there are no posts to write")
    table = conform(posts)
    extras = [str(name) for name in table if name not in SCHEMA]
    wrong = [n for n, k in known.items() if n not in extras or k not in get_args(Known)]
    if wrong:
        raise InputError(
            f"posts: provenance {known[wrong[0]]!r} of {wrong[0]!r}: only an 'extra.' column "
            "of the table may be declared, as pre, asof or post"
        )
    _write_parquet(table, path, {name: known.get(name, "post") for name in extras})


def _write_parquet(table: pd.DataFrame, path: Path, known: Mapping[str, Known]) -> None:
    import pyarrow.parquet as pq

    arrow = _to_arrow(table)
    facts = json.dumps({"version": _VERSION, "rows": len(table), "known": dict(known)}).encode()
    notes = {_FACTS: facts, _DIGEST: _digest(arrow.schema, facts)}
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    # The Arrow schema is left out: the Parquet one says the same and is under our digest.
    options = {"compression": "zstd", "write_page_checksum": True, "store_schema": False}
    try:
        with pq.ParquetWriter(partial, arrow.schema, **options) as writer:
            writer.write_table(arrow)
            writer.add_key_value_metadata(notes)
        with partial.open("rb+") as handle:
            os.fsync(handle.fileno())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True) if path.parent.is_dir() else None
        raise StorageError(f"{path}: cannot be written ({error.strerror or error})") from error


def _to_arrow(table: pd.DataFrame) -> Any:
    """Return the pyarrow table of a conformed posts table."""
    import pyarrow as pa

    types = {
        "string": pa.string(),
        "strings": pa.list_(pa.field("element", pa.string())),
        "integer": pa.int64(),
        "number": pa.float64(),
        "boolean": pa.bool_(),
        "time": pa.timestamp("ms", tz="UTC"),
    }
    arrays = {}
    for name in table:
        kind = _kind(str(name), table[name])
        values = list(table[name]) if kind == "strings" else table[name]
        arrays[name] = pa.array(values, type=types[kind], from_pandas=True)
    return pa.table(arrays)


def _digest(schema: Any, facts: bytes) -> bytes:
    """Return a checksum of what page checksums do not cover: column names, types and facts."""
    columns = "\n".join(f"{field.name}\t{field.type}" for field in schema)
    return hashlib.sha256(columns.encode() + b"\0" + facts).hexdigest().encode()


def read_posts(path: Path | str) -> pd.DataFrame:
    """Read a posts table; every column of the schema is there, missing ones full of NA.

    Raises:
        InputError: if the file is absent, or is not a posts table.
        StorageError: if it is damaged: checksums are verified.
    """
    import pyarrow as pa

    path = Path(path)
    handle, _ = _open(path)
    try:
        arrow = handle.read()
        posts = arrow.to_pandas(types_mapper=_nullable, date_as_object=False)
    except (OSError, pa.ArrowException, UnicodeDecodeError, ValueError) as error:
        raise _damaged(path) from error
    for name in SCHEMA:
        if name not in posts:
            posts[name] = empty_column(name, len(posts))
    return conform(posts)


def extra_known(path: Path) -> Mapping[str, Known]:
    """Return the provenance of each `extra.*` column of a posts table; `post` unless declared.

    Raises:
        InputError, StorageError: as `read_posts`.
    """
    _, known = _open(path)
    return known


def is_posts(path: Path) -> bool:
    """Tell whether a Parquet file is a posts table, without reading its rows.

    Raises:
        InputError: if the file is absent or no Parquet file.
        StorageError: if it is damaged.
    """
    _check_magic(path)
    return _FACTS in (_parquet(path).schema_arrow.metadata or {})


def _nullable(kind: Any) -> Any:
    """Return the pandas dtype that keeps missing values of an Arrow type apart from values."""
    import pyarrow as pa

    nullable = {
        pa.string(): pd.StringDtype(),
        pa.int64(): pd.Int64Dtype(),
        pa.bool_(): pd.BooleanDtype(),
    }
    return nullable.get(kind)


def _parquet(path: Path) -> Any:
    """Return the open Parquet file, its footer read and its page checksums to be verified."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        handle = pq.ParquetFile(path, page_checksum_verification=True)
        handle.schema_arrow  # noqa: B018 - read here, so that damage to it shows here
    except UnicodeEncodeError as error:  # of the name, not of what the file holds
        raise InputError(f"{str(path)!r}: the name is no UTF-8 text; rename it") from error
    except (OSError, pa.ArrowException, UnicodeDecodeError, ValueError) as error:
        raise _damaged(path) from error
    return handle


def _open(path: Path) -> tuple[Any, Mapping[str, Known]]:
    """Return the open Parquet file and the provenance of its extra columns."""
    _check_magic(path)
    handle = _parquet(path)
    schema = handle.schema_arrow
    metadata = schema.metadata or {}
    if _FACTS not in metadata or _DIGEST not in metadata:
        raise InputError(
            f"{path}: is not a table of posts made by virality; make one with `virality ingest`"
        )
    if _digest(schema, metadata[_FACTS]) != metadata[_DIGEST]:
        raise _damaged(path)
    facts = json.loads(metadata[_FACTS])
    if facts["version"] != _VERSION:
        raise InputError(f"{path}: was written by another version of virality; ingest it again")
    if facts["rows"] != handle.metadata.num_rows:
        raise _damaged(path)
    return handle, facts["known"]


def _check_magic(path: Path) -> None:
    """Tell a damaged Parquet file from one that never was Parquet."""
    if path.is_dir():
        raise InputError(
            f"{path}: is a folder, not a table of posts; make one with `virality ingest`"
        )
    if not path.exists():
        raise InputError(f"{path}: there is no such file")
    try:
        with path.open("rb") as handle:
            head = handle.read(4)
            handle.seek(0 if path.stat().st_size < 4 else -4, os.SEEK_END)
            tail = handle.read(4)
    except OSError as error:
        raise StorageError(f"{path}: cannot be read ({error.strerror or error})") from error
    if not head or (head == _MAGIC) != (tail == _MAGIC):
        raise _damaged(path)
    if head != _MAGIC:
        raise InputError(f"{path}: is not a table of posts; make one with `virality ingest`")


def _damaged(path: Path) -> StorageError:
    return StorageError(f"{path}: is damaged or cut short; make or fetch it again")


def iter_posts(posts: pd.DataFrame) -> Iterator[Post]:
    """Yield each row as a `Post`: what the post is, never how it did. Missing fields are None."""
    names = [name for name in POST_COLUMNS if name in posts]
    columns = [plain_values(posts[name]) for name in names]
    for row in zip(*columns, strict=True):
        yield Post(**dict(zip(names, row, strict=True)))


def plain_values(values: pd.Series) -> list[Any]:
    """Return a column as plain Python values with None where one is missing."""
    kind = _kind(str(values.name), values)
    if kind == "strings":
        return list(values)
    missing = values.isna()
    if kind == "time":
        return [
            None if gone else v.to_pydatetime() for v, gone in zip(values, missing, strict=True)
        ]
    convert = {"string": str, "integer": int, "number": float, "boolean": bool}[kind]
    return [None if gone else convert(v) for v, gone in zip(values, missing, strict=True)]
