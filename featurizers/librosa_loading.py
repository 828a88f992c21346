"""librosa, imported so that processes that start together cannot spoil its compiled code.

librosa compiles a few functions on import and numba keeps them on disk, each as two files that
refer to each other by names that differ from process to process. Two processes that compile at
once can leave a pair of which one half is of either: from then on every process that calls the
function jumps to address 0 and ends. So one process compiles and the others wait, in a folder of
our own that no other program writes into.
"""

import hashlib
import os
import platform
from functools import cache
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from virality.data.cache import CACHE_VARIABLE, find_cache, locked
from virality.data.errors import StorageError

COMPILED = ("librosa.util.utils", "librosa.core.audio", "librosa.core.pitch")
"""Modules that compile on import, of those that the features use."""

USED = ("librosa.onset", "librosa.feature")
FINISHED = "finished"


@cache
def load_librosa() -> Any:
    """Return the module; where its code is not compiled yet that takes some ten seconds.

    Raises:
        StorageError: if the cache cannot be written.
    """
    folder = find_cache() / f"librosa-{_key()}"
    if (folder / FINISHED).exists():
        return _import(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / "lock"):
            module = _import(folder)
            (folder / FINISHED).touch()
            return module
    except OSError as error:
        raise StorageError(
            f"cannot keep librosa's compiled code in {folder}: {error}: set {CACHE_VARIABLE} "
            "to a folder that can be written"
        ) from error


def _import(folder: Path) -> Any:
    config = import_module("numba").config
    before = config.CACHE_DIR
    config.CACHE_DIR = str(folder)
    try:
        for name in (*COMPILED, *USED):
            import_module(name)
    finally:
        config.CACHE_DIR = before
    return import_module("librosa")


def _key() -> str:
    """Return a name for this installation on this processor: what numba tells code apart by."""
    binding = import_module("llvmlite.binding")
    found = find_spec("librosa")
    place = str(found.origin) if found is not None else ""
    made_by = (
        version("librosa"), version("numba"), version("llvmlite"), platform.python_version(),
        binding.get_host_cpu_name(), place, str(os.stat(place).st_mtime_ns),
    )  # fmt: skip
    return hashlib.sha256("|".join(made_by).encode()).hexdigest()[:16]
