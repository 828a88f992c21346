"""The folder of a server's clips, and those that killed servers left behind."""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "virality-serve-clips-"


class Room:
    """A private folder in the system's temporary directory.

    It is locked for as long as its process lives, whatever ends that: so the next server can tell
    the clips of one that was killed, which could not delete them.

    Attributes:
        path: of the folder.

    Raises:
        OSError: if none can be made.
    """

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        if not self.path.is_dir():  # another server took it for left behind before it was locked
            os.close(self._lock)
            self.path.mkdir(0o700)
            self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(self._lock, fcntl.LOCK_EX)

    def clear(self) -> None:
        """Delete the folder with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def sweep_rooms() -> int:
    """Delete folders of servers of this user that are no more, and return how many there were."""
    return sum(map(_swept, Path(tempfile.gettempdir()).glob(f"{PREFIX}*")))


def _swept(path: Path) -> bool:
    try:
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:  # gone meanwhile, another's, or no folder
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(lock).st_uid != os.getuid():
            return False
        shutil.rmtree(path, ignore_errors=True)
    except BlockingIOError:  # its server lives
        return False
    finally:
        os.close(lock)
    return not path.exists()
