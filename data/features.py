"""A feature folder on disk: the matrix, its posts and their status, each with checksums."""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from virality.data.errors import InputError, StorageError
from virality.data.matrix import Column, FeatureMatrix, Known
from virality.data.store import file_sha256, write_atomically

FORMAT = 1
SEAL = "sha256"
VIEW = "view"
"""Key of the variations of posts in the matrix file, which has it only if they were asked for."""

MATRIX, POSTS, STATUS, MANIFEST = (
    "matrix.parquet",
    "posts.parquet",
    "status.parquet",
    "manifest.json",
)


@dataclass(frozen=True)
class Features:
    """What was extracted from a table of posts.

    Attributes:
        matrix: one row a post.
        posts: the posts table, row by row as `matrix.frame`.
        status: one row a post: id, status, reason, detail, seconds, source_sha256, versions (JSON:
            featurizer -> version).
        hashes: file of the folder they were read from -> its SHA-256; none if they were not.
    """

    matrix: FeatureMatrix
    posts: pd.DataFrame
    status: pd.DataFrame
    hashes: Mapping[str, str] = field(default_factory=dict)

    def verdicts(self) -> tuple[tuple[str, str], ...]:
        """Return how the extraction of every post ended: its status and reason, `""` without one.

        A table of statuses that somebody made by hand need not tell reasons.
        """
        states = self.status["status"].astype(str)
        reasons = (
            self.status["reason"].astype(str) if "reason" in self.status else [""] * len(states)
        )
        return tuple(zip(states, reasons, strict=True))


def write_features(
    folder: Path, features: Features, *, known: Mapping[str, Known] | None = None
) -> None:
    """Write a feature folder; the manifest comes last and vouches for the other files.

    Args:
        folder: made if it does not exist.
        features: what to write.
        known: provenance of the posts' `extra.*` columns.

    Raises:
        StorageError: if it cannot be written.
    """
    from virality.data.table import write_posts

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{folder}: cannot be written ({error.strerror})") from error
    write_posts(features.posts, folder / POSTS, known or {})
    write_atomically(folder / MATRIX, _matrix_bytes(features.matrix))
    write_atomically(folder / STATUS, _parquet_bytes(features.status))
    manifest = {
        "format": FORMAT,
        "rows": len(features.matrix),
        "columns": [asdict(column) for column in features.matrix.columns.values()],
        "versions": dict(features.matrix.versions),
        "files": {name: _written_sha256(folder / name) for name in (MATRIX, POSTS, STATUS)},
    }
    write_atomically(folder / MANIFEST, _manifest_bytes(manifest))


def read_features(folder: Path | str) -> Features:
    """Read a feature folder and check every file against the manifest.

    Raises:
        InputError: if the folder is none.
        StorageError: if a file is missing or damaged.
    """
    from virality.data.table import read_posts

    folder = Path(folder)
    manifest = check_features(folder)
    columns = {entry["name"]: Column(**entry) for entry in manifest["columns"]}
    frame, views = _read_matrix(folder / MATRIX, list(columns))
    status = _read_parquet(folder / STATUS).to_pandas()
    posts = read_posts(folder / POSTS)
    if not list(frame.index) == list(posts["id"]) == list(status["id"]):
        raise StorageError(f"{folder}: its files speak of different posts; run `virality extract`")
    matrix = FeatureMatrix(frame, columns, manifest["versions"], views)
    return Features(matrix, posts, status, dict(manifest["files"]))


def check_features(folder: Path) -> Mapping[str, Any]:
    """Check every file of a feature folder against the manifest, and return that.

    Raises:
        InputError: if the folder is none.
        StorageError: if a file is missing or damaged.
    """
    if not (folder / MANIFEST).is_file():
        raise InputError(f"{folder} is not a feature folder; make one with `virality extract`")
    manifest = _manifest(folder)
    for name, expected in manifest["files"].items():
        _check(folder / str(Path(name).name), expected)
    return manifest


def posts_in(folder: Path) -> frozenset[str]:
    """Return the ids of the posts in a feature folder, none if there is no whole table of them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(folder / POSTS, columns=["id"])
    except (OSError, pa.ArrowException):  # an extraction mends it
        return frozenset()
    return frozenset(map(str, table.column("id").to_pylist()))


def _written_sha256(path: Path) -> str:
    try:
        return file_sha256(path)
    except OSError as error:
        raise StorageError(f"{path}: is gone again ({error.strerror}); run again") from error


def _manifest_bytes(manifest: Mapping[str, Any]) -> bytes:
    """Return a manifest as it is written: its last entry is the SHA-256 of all before it."""
    bare = json.dumps(manifest, indent=1, ensure_ascii=False)
    sealed = {**manifest, SEAL: hashlib.sha256(bare.encode()).hexdigest()}
    return (json.dumps(sealed, indent=1, ensure_ascii=False) + "\n").encode()


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        content = (folder / MANIFEST).read_bytes()
        manifest = json.loads(content.decode("utf-8"))
        if manifest["format"] != FORMAT:
            raise InputError(f"{folder}: made by another version; run `virality extract` again")
        if not {"columns", "versions", "files"} <= manifest.keys():
            raise KeyError("columns")
        manifest.pop(SEAL, None)
        if content != _manifest_bytes(manifest):
            raise ValueError(SEAL)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        damaged = f"{folder / MANIFEST} is damaged; run `virality extract` again"
        raise StorageError(damaged) from error
    return dict(manifest)


def _check(path: Path, expected: str) -> None:
    try:
        found = file_sha256(path)
    except OSError as error:
        raise StorageError(f"{path} cannot be read; run `virality extract` again") from error
    if found != expected:
        raise StorageError(f"{path} is not what was written; run `virality extract` again")


def _matrix_bytes(matrix: FeatureMatrix) -> bytes:
    import pyarrow as pa

    frame = matrix.frame if matrix.views is None else pd.concat([matrix.frame, matrix.views])
    values = frame.to_numpy()
    columns = [pa.array(np.ascontiguousarray(values[:, i])) for i in range(values.shape[1])]
    ids = pa.array([str(post) for post in frame.index], pa.string())
    keys = {"id": ids}
    if matrix.views is not None:  # 0 is the post itself
        number = frame.groupby(frame.index, sort=False).cumcount().to_numpy()
        keys[VIEW] = pa.array(number, pa.int16())
    return _table_bytes(pa.table([*keys.values(), *columns], names=[*keys, *matrix.columns]))


def _parquet_bytes(frame: pd.DataFrame) -> bytes:
    import pyarrow as pa

    return _table_bytes(pa.Table.from_pandas(frame, preserve_index=False))


def _table_bytes(table: Any) -> bytes:
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    return sink.getvalue()


def _read_parquet(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path, page_checksum_verification=True)
    except (OSError, pa.ArrowException) as error:
        raise StorageError(f"{path} is damaged; run `virality extract` again") from error


def _read_matrix(path: Path, names: list[str]) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Return the posts and their views, None if the file has no such key."""
    table = _read_parquet(path)
    varied = VIEW in table.column_names
    if table.column_names != ["id", *([VIEW] if varied else []), *names]:
        raise StorageError(f"{path}: its columns are not the manifest's; run `virality extract`")
    values = np.empty((table.num_rows, len(names)), np.float32)
    for index, name in enumerate(names):
        values[:, index] = table.column(name).to_numpy()
    ids = pd.Index(table.column("id").to_pylist(), name="id", dtype=object)
    frame = pd.DataFrame(values, index=ids, columns=names)
    if not varied:
        return frame, None
    original = table.column(VIEW).to_numpy() == 0
    return frame[original], frame[~original]
