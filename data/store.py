"""Content-addressed rows on disk: atomic, checksummed, resumable.

A store is a folder of small files that are never changed. Each holds some records, and each record
is a key (a hash of all that its value depends on), a value and a checksum. A file is written under
a temporary name, synced and renamed, so that whoever is killed leaves whole files or none. A
damaged record is not found, and so made again.
"""

import contextlib
import hashlib
import os
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from virality.data.clip import FloatArray
from virality.data.errors import StorageError

MAGIC = b"VROWS\x00\x00\x01"
SUFFIX = ".rows"
_COUNT = struct.Struct("<I")
_RECORD = struct.Struct("<32sII")
TEMPORARY = ".tmp-"


def make_key(*parts: str) -> bytes:
    """Return the key of a value that depends on these parts and nothing else; 32 bytes."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        digest.update(struct.pack("<Q", len(raw)))
        digest.update(raw)
    return digest.digest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content in hexadecimal.

    Raises:
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_sha256(descriptor: int) -> str:
    """Return the SHA-256 in hexadecimal of the whole content of an open file.

    Raises:
        OSError: if it cannot be read.
    """
    os.lseek(descriptor, 0, os.SEEK_SET)
    with open(descriptor, "rb", closefd=False) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    os.lseek(descriptor, 0, os.SEEK_SET)
    return digest


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file by temporary name, sync and rename: it is there whole or as it was before.

    Where a link stands, what it leads to is written; pipes and terminals (`/dev/stdout`) are
    written as they are.

    Raises:
        StorageError: if it cannot be written.
    """
    try:
        if path.is_fifo() or path.is_char_device():
            path.write_bytes(content)
        else:
            _replace(path.resolve() if path.is_symlink() else path, content)
    except OSError as error:
        raise StorageError(
            f"{path}: cannot be written ({error.strerror}); mend and run again"
        ) from error


def _replace(path: Path, content: bytes) -> None:
    # Neither threads nor processes of other machines, whose numbers may agree, share this name.
    temporary = path.with_name(f"{TEMPORARY}{os.urandom(6).hex()}-{path.name}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def sweep(folder: Path) -> None:
    """Remove temporary files of writers that were killed; call it while nobody writes.

    Raises:
        StorageError: if the folder cannot be written.
    """
    try:
        for pattern in (f"{TEMPORARY}*", ".*.partial"):
            for path in folder.glob(pattern):
                path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"{folder}: cannot be written ({error.strerror})") from error


def publish(folder: Path, records: Mapping[bytes, bytes]) -> str:
    """Write records as one file of a store and return its name; the same records, the same name.

    Any number of processes may publish to one folder at once.

    Raises:
        StorageError: if the folder cannot be written.
    """
    pieces = [MAGIC, _COUNT.pack(len(records))]
    for key, value in sorted(records.items()):
        pieces += [_RECORD.pack(key, len(value), zlib.crc32(value, zlib.crc32(key))), value]
    content = b"".join(pieces)
    name = hashlib.sha256(content).hexdigest()[:40] + SUFFIX
    write_atomically(folder / name, content)
    return name


def parse(content: bytes) -> tuple[dict[bytes, bytes], bool]:
    """Return the sound records of a store's file, and whether it was whole."""
    records: dict[bytes, bytes] = {}
    start = len(MAGIC) + _COUNT.size
    if len(content) < start or not content.startswith(MAGIC):
        return records, False
    (count,) = _COUNT.unpack_from(content, len(MAGIC))
    for _ in range(count):
        if start + _RECORD.size > len(content):
            return records, False
        key, length, checksum = _RECORD.unpack_from(content, start)
        value = content[start + _RECORD.size : start + _RECORD.size + length]
        if len(value) != length or zlib.crc32(value, zlib.crc32(key)) != checksum:
            return records, False
        records[key] = value
        start += _RECORD.size + length
    return records, start == len(content)


class Store:
    """Records of a folder, held in memory once read.

    Attributes:
        damaged: names of files that were found damaged and removed.
    """

    def __init__(self, folder: Path) -> None:
        """Open a store, making its folder if need be.

        Raises:
            StorageError: if the folder can be neither made nor read.
        """
        self.folder = folder
        self.damaged: list[str] = []
        self._records: dict[bytes, bytes] = {}
        self._seen: set[str] = set()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"{folder}: cannot be made ({error.strerror})") from error
        self.refresh()

    def __len__(self) -> int:
        return len(self._records)

    def refresh(self) -> None:
        """Read the files that have come since the last look; remove what a kill left half done.

        Raises:
            StorageError: if the folder cannot be read.
        """
        try:
            names = sorted(entry.name for entry in os.scandir(self.folder))
            for name in names:
                if name.endswith(SUFFIX) and not name.startswith("."):
                    self._read(name)
        except OSError as error:
            raise StorageError(f"{self.folder}: cannot be read ({error.strerror})") from error

    def remember(self, records: Mapping[bytes, bytes]) -> None:
        """Hold records for as long as this store is open, without writing them."""
        self._records.update(records)

    def _read(self, name: str) -> None:
        if name in self._seen:
            return
        records, whole = parse((self.folder / name).read_bytes())
        self._records.update(records)
        if whole:
            self._seen.add(name)
            return
        self.damaged.append(name)  # not seen: what is made again may well bear the same name
        (self.folder / name).unlink(missing_ok=True)
        if records:
            self._seen.add(publish(self.folder, records))

    def take(self, name: str) -> None:
        """Read one file that a worker says it has published."""
        try:
            self._read(name)
        except OSError as error:
            raise StorageError(
                f"{self.folder / name}: cannot be read ({error.strerror})"
            ) from error

    def value(self, key: bytes) -> bytes | None:
        """Return the value under a key, None if it is not there."""
        return self._records.get(key)

    def row(self, key: bytes, width: int) -> FloatArray | None:
        """Return the float32 row under a key, None if there is none of that width."""
        value = self._records.get(key)
        if value is None or len(value) != 4 * width:
            return None
        return np.frombuffer(value, np.dtype("<f4")).astype(np.float32, copy=False)


def row_bytes(row: FloatArray) -> bytes:
    """Return a row as it is stored: little-endian float32."""
    return np.ascontiguousarray(row, dtype="<f4").tobytes()
