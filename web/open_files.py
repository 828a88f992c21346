"""Open files of a server: as many as its connections need, and one line where there are too few."""

import asyncio
import contextlib
import resource
import sys
import time
from typing import Any

from virality.data.errors import StorageError
from virality.web.settings import Settings

BESIDE = 64
"""Files that are open beside connections: libraries, workers, clips that come and are measured."""

EVERY_S = 60.0
"""Seconds between two lines about connections that cannot be taken."""

_ACCEPT = "socket.accept() out of system resource"
"""What asyncio says, two thousand times a second with a traceback each, where it can take none."""


def allow_files(settings: Settings) -> None:
    """Allow as many open files as a server of these settings needs.

    Raises:
        StorageError: if the system allows fewer.
    """
    needed = settings.connections + BESIDE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= needed or soft == resource.RLIM_INFINITY:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise StorageError(
            f"only {hard} files may be open at once, {needed} are needed for "
            f"{settings.connections} connections; allow more (`ulimit -n 1024`) and run it again"
        )
    with contextlib.suppress(OSError, ValueError):  # some systems allow less than they say
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


class Quiet:
    """Handles what asyncio complains of: a flood of connections must not fill the disk with it."""

    def __init__(self) -> None:
        """Nothing has been told yet."""
        self._told = -EVERY_S

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Tell of connections that cannot be taken now and then, of all else as usual."""
        if context.get("message") != _ACCEPT:
            loop.default_exception_handler(context)
            return
        now = time.monotonic()
        if now - self._told >= EVERY_S:
            self._told = now
            print(
                f"warning: {context.get('exception')}: no more connections can be taken; they wait",
                file=sys.stderr,
                flush=True,
            )
