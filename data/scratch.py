"""A folder for what lasts no longer than one step."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from virality.data.errors import StorageError


@contextmanager
def scratch() -> Iterator[Path]:
    """Make a folder in the system's temporary directory that is gone afterwards.

    Raises:
        StorageError: if none can be made.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="virality-")
    except OSError as error:
        raise StorageError(
            f"no temporary folder can be made ({error.strerror}); make room, or name another place "
            "by TMPDIR"
        ) from error
    with folder as name:
        yield Path(name)
