"""The folder of what is slow to make: the exported encoder, compiled code, bundles tried before."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CACHE_VARIABLE = "VIRALITY_CACHE"


def find_cache() -> Path:
    """Return the folder: $VIRALITY_CACHE or the user's cache."""
    from platformdirs import user_cache_path

    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen) if chosen else user_cache_path("virality")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file; other processes wait, and a process that dies lets go.

    Raises:
        OSError: if the file cannot be written.
    """
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
