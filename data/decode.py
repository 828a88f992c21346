"""One pass over a media file in a fenced child process -> Clip."""

import atexit
import os
import time
from dataclasses import dataclass
from pathlib import Path

from virality.data.clip import Clip
from virality.data.fence import Fence
from virality.data.gate import Admitted, opened
from virality.data.limits import Limits
from virality.data.reasons import REASONS, Status
from virality.data.sampling import SAMPLING_VERSION
from virality.data.store import open_sha256

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


def decode(
    path: Path, limits: Limits | None = None, fence: Fence | None = None, sha256: str = ""
) -> Decoded:
    """Decode a media file in a child process with limits; a hostile file costs nobody but itself.

    Same file, same arrays, on any number of processes. The path is opened once: the file that is
    decoded is the one that passed the gate and has the given content, whatever is put in its place.

    Args:
        path: the file.
        limits: what it may cost, the defaults of Limits if not given.
        fence: forkserver to use, this process's own if not given.
        sha256: what the content must hash to, in hexadecimal; anything if empty.

    Raises:
        StorageError: if no process can be started.
    """
    limits = limits or Limits()
    begin = time.perf_counter()
    with opened(path, limits.file_bytes) as admitted:
        status, reason, clip = _decoded(admitted, limits, fence or _own_fence(), sha256)
    return Decoded(status, reason, clip, time.perf_counter() - begin)


def _decoded(
    admitted: Admitted, limits: Limits, fence: Fence, sha256: str
) -> tuple[Status, str, Clip | None]:
    if admitted.reason:
        return "failed", admitted.reason, None
    before = _mark(admitted.descriptor)
    if not _holds(admitted.descriptor, sha256):
        return "failed", "changed_meanwhile", None
    ending = fence.run(admitted.descriptor, admitted.demuxer, limits)
    if ending.message is None:
        return "failed", ending.reason, None
    touched = before != _mark(admitted.descriptor)  # perhaps only renamed
    if touched and not _holds(admitted.descriptor, sha256):
        return "failed", "changed_meanwhile", None
    return ending.message.status, ending.message.reason, ending.message.clip


def _mark(descriptor: int) -> tuple[int, int, int]:
    """Return what changes whenever a file is written to."""
    facts = os.fstat(descriptor)
    return facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns


def _holds(descriptor: int, sha256: str) -> bool:
    try:
        return not sha256 or open_sha256(descriptor) == sha256
    except OSError:
        return False
