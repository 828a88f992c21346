"""The arrays of a bundle, unpacked one by one as they are asked for.

What nobody asks for is never unpacked, and no room is made for an array before its header agrees
with what the archive says of its size.
"""

import io
import math
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from virality.data.errors import BundleError

Array = npt.NDArray[Any]

MOST_BYTES = 8 * 2**30
"""What the arrays of a model may unpack to that was written or has been tried here."""

LEAST_ROOM, TIGHTEST = 2**28, 100
"""What the arrays of any other may unpack to: bytes that it may have in any case, and how many
times the archive's. Those of models on real posts are 2 to 5 times as large, a few megabytes of
zeros become gigabytes. Whoever packs those writes the manifest, too: sizes told there would bound
nothing."""

SUFFIX = ".npy"
KINDS = "biufU"
"""Kinds of values that a model stores: flags, numbers and texts."""

_DAMAGED = (
    *(ValueError, OSError, EOFError, KeyError, TypeError, IndexError, OverflowError, SyntaxError),
    *(RuntimeError, zipfile.BadZipFile, zlib.error, tokenize.TokenError),
)
"""What the readers of archives and headers raise at something that no model was written as; at a
password or a kind of packing that is not known a RuntimeError."""


class StoredArrays(Mapping[str, Array]):
    """The arrays of an .npz, by name."""

    def __init__(self, content: bytes, path: Path, *, known: bool = True) -> None:
        """Read the archive's list and the arrays' headers.

        Args:
            content: of the archive.
            path: of the file, for messages.
            known: whether it was written or has been tried here.

        Raises:
            BundleError: if it is damaged, unreasonably large, or holds something else than arrays.
        """
        self._content, self._path = content, path
        self._read: dict[str, Array] = {}
        with self._opened() as archive:
            entries = archive.infolist()
            names = [entry.filename for entry in entries]
            if len(set(names)) < len(names) or not all(name.endswith(SUFFIX) for name in names):
                raise BundleError(f"{path}: is damaged (no list of arrays); train again")
            most = MOST_BYTES if known else room_for(len(content))
            if sum(entry.file_size for entry in entries) > most:
                raise BundleError(
                    f"{path}: its {len(content):,} bytes unpack to more than {most:,}, as no model "
                    "of that size does; refused"
                )
            for entry in entries:
                self._check(archive, entry)
        self._entries = {entry.filename.removesuffix(SUFFIX): entry for entry in entries}

    @contextmanager
    def _opened(self) -> Iterator[zipfile.ZipFile]:
        """Give the archive; what its readers raise is that it is damaged."""
        try:
            with zipfile.ZipFile(io.BytesIO(self._content)) as archive:
                yield archive
        except _DAMAGED as error:
            raise BundleError(f"{self._path}: is damaged ({error}); train again") from error
        except MemoryError as error:
            raise BundleError(
                f"{self._path}: does not fit into memory; close other programs or train again"
            ) from error

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __getitem__(self, name: str) -> Array:
        """Return an array.

        Raises:
            KeyError: if there is none of this name.
            BundleError: if it is damaged, or not what its header says.
        """
        entry = self._entries[name]
        if name not in self._read:
            with self._opened() as archive, archive.open(entry) as file:
                self._read[name] = np.asarray(np.lib.format.read_array(file, allow_pickle=False))
        return self._read[name]

    def _check(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
        """Hold what an array is said to be against its size in the archive."""
        with archive.open(entry) as file:
            shape, kind = _header(file)
            there = entry.file_size - file.tell()
        fits = min(shape, default=0) >= 0 and math.prod(shape) * kind.itemsize == there
        if kind.kind not in KINDS or not fits:
            raise BundleError(
                f"{self._path}: is damaged ({entry.filename} is no array of {kind} of shape "
                f"{shape}); train again"
            )


def room_for(packed_bytes: int) -> int:
    """Return how many bytes the arrays of a bundle from elsewhere may unpack to.

    Args:
        packed_bytes: size of their archive.
    """
    return min(MOST_BYTES, max(LEAST_ROOM, TIGHTEST * packed_bytes))


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], "np.dtype[Any]"]:
    """Return the shape and type that an array is said to have."""
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"arrays of version {version} are not read")
    read = np.lib.format.read_array_header_1_0
    if version == (2, 0):
        read = np.lib.format.read_array_header_2_0
    shape, _, kind = read(file)
    return shape, kind
