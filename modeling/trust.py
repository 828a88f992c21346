"""Which bundles need no trial load: those written here, and those that have passed one before.

What is kept from one command to the next are empty files in the cache, named by a hash of the
bundle's manifest and of the libraries that read it: other content, or another library, is tried
anew.
"""

import hashlib
import os
from importlib.metadata import version
from pathlib import Path

from virality.data.cache import find_cache

FOLDER = "bundles"
READERS = ("lightgbm", "xgboost-cpu", "virality")
"""Distributions under another version of which a bundle is tried anew."""

MOST_KEPT = 500

_here: set[str] = set()
"""Marks of this process, which count where no cache can be written."""


def is_trusted(manifest: bytes) -> bool:
    """Say whether a bundle of this manifest was written here or has passed a trial load."""
    mark = _mark(manifest)
    # os.path: pathlib raises where a folder may not be searched, which is no more than "not known".
    return mark in _here or os.path.isfile(_folder() / mark)


def trust(manifest: bytes) -> None:
    """Remember that a bundle of this manifest does no harm; the oldest of many are forgotten."""
    mark, folder = _mark(manifest), _folder()
    _here.add(mark)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / mark).touch()
        kept = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)
        for path in kept[:-MOST_KEPT]:
            path.unlink(missing_ok=True)
    except OSError:
        return  # without a cache the next command tries the bundle again, and no more is lost


def _folder() -> Path:
    return find_cache() / FOLDER


def _mark(manifest: bytes) -> str:
    readers = " ".join(f"{name} {version(name)}" for name in READERS)
    return hashlib.sha256(manifest + readers.encode()).hexdigest()
