"""One run at a time in a folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from virality.data.errors import StorageError


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder of a run for one process; the lock goes with that, however it ends.

    Of two at once one would judge or show the model that the other has just put there.

    Raises:
        StorageError: if another run works there.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StorageError(
            f"{folder}: another run works there; wait for it to end, or give -o another folder"
        ) from None
    except OSError:
        return  # some network file systems lock no folders: as safe as without locks
