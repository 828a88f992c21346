"""Let one call on files fail, or end its process, in a program under test; for tests only.

Python imports a module of this name when it starts, if the module's folder is on PYTHONPATH. It
watches calls on files of one folder, in the program itself or in its workers, and strikes once.
"""

import errno
import json
import os
import signal
import sys

EVENTS = frozenset({"open", "os.mkdir", "os.rename", "os.remove", "os.scandir", "os.listdir"})
"""Calls on files that Python announces before it makes them; `fsync` is watched beside them."""


class Interference:
    """Counts a process's calls on files of a folder and strikes at one of them."""

    def __init__(self, folder: str, number: int, how: str, struck: str) -> None:
        self.folder, self.number, self.how, self.struck = folder, number, how, struck
        self.count = 0

    def announce(self, event: str, arguments: tuple[object, ...]) -> None:
        """Hear of a call before it is made."""
        if event in EVENTS and arguments and isinstance(arguments[0], str | os.PathLike):
            self.step(os.fspath(arguments[0]))

    def step(self, path: object) -> None:
        """Count a call; strike if its turn has come and nobody has struck before."""
        if not isinstance(path, str) or not path.startswith(self.folder):
            return
        self.count += 1
        if self.count - 1 == self.number and not os.path.exists(self.struck):
            os.close(os.open(self.struck, os.O_CREAT | os.O_WRONLY))
            self.strike(path)

    def strike(self, path: str) -> None:
        """End this process, or let the call fail."""
        if self.how == "exit":
            os._exit(9)
        if self.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise OSError(getattr(errno, self.how), "made to fail", path)


def begin(asked: dict[str, str]) -> None:
    """Watch this process if it is the one that was asked for."""
    is_worker = any("featurizers.worker" in word for word in sys.orig_argv)
    if is_worker != (asked["who"] == "worker"):
        return
    watch = Interference(asked["folder"], int(asked["number"]), asked["how"], asked["struck"])
    really = os.fsync

    def fsync(descriptor: int) -> None:
        watch.step(os.readlink(f"/proc/self/fd/{descriptor}"))
        really(descriptor)

    os.fsync = fsync  # type: ignore[assignment]
    sys.addaudithook(watch.announce)


if "INTERFERE" in os.environ:
    begin(json.loads(os.environ["INTERFERE"]))
