"""One pass over a media file in a fenced child process -> Clip."""

import atexit
import os
import time
from dataclasses import dataclass
from pathlib import Path

from virality.data.clip import Clip
from virality.data.fence import Fence
from virality.data.gate import admit
from virality.data.limits import Limits
from virality.data.reasons import REASONS, Status
from virality.data.sampling import SAMPLING_VERSION

__all__ = ["REASONS", "SAMPLING_VERSION", "Decoded", "Limits", "decode"]


@dataclass(frozen=True)
class Decoded:
    """What came of a media file.

    Attributes:
        status: `ok`, `partial` (what could be decoded is in `clip`) or `failed`.
        reason: a name of REASONS, `""` if ok.
        clip: the decoded clip, None if failed.
        seconds: time taken by the clock.
    """

    status: Status
    reason: str
    clip: Clip | None
    seconds: float


_fences: dict[int, Fence] = {}


def _own_fence() -> Fence:
    """Return this process's forkserver; a forked copy of a process gets one of its own."""
    fence = _fences.get(os.getpid())
    if fence is None:
        _fences.clear()
        fence = _fences[os.getpid()] = Fence()
        atexit.register(fence.close)
    return fence


def decode(path: Path, limits: Limits | None = None, fence: Fence | None = None) -> Decoded:
    """Decode a media file in a child process with limits; a hostile file costs nobody but itself.

    Same file, same arrays, on any number of processes.

    Args:
        path: the file.
        limits: what it may cost, the defaults of Limits if not given.
        fence: forkserver to use, this process's own if not given.

    Raises:
        StorageError: if no process can be started.
    """
    limits = limits or Limits()
    begin = time.perf_counter()
    demuxer, reason = admit(path, limits.file_bytes)
    status: Status = "failed"
    clip = None
    if not reason:
        ending = (fence or _own_fence()).run(path.resolve(), demuxer, limits)
        reason = ending.reason
        if ending.message is not None:
            status, reason = ending.message.status, ending.message.reason
            clip = ending.message.clip
    return Decoded(status, reason, clip, time.perf_counter() - begin)
