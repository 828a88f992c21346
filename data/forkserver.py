"""The clean process that forks one child per clip; it imports numpy and PyAV and nothing else big.

It serves one request at a time over a socket: a header of limits, the pipe that the child shall
write its clip into, and the open media file. It forks, waits, kills the child when its time is up,
and answers with how the child ended. When the socket closes it kills what it has and goes away, so
that not even `kill -9` of its parent leaves a decoder behind.

The child learns no file's name. It opens its file as `CLIP`, which is one of its own descriptors.
"""

import fcntl
import gc
import os
import resource
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import astuple

from virality.data.limits import Limits

REQUEST = struct.Struct("<dIIQIddQ H")
"""The fields of Limits, then the length of the demuxer's name."""

ANSWER = struct.Struct("<i?dQ")
"""Wait status, whether the time was up, CPU seconds, peak memory in bytes."""

Work = Callable[[str, str, Limits, int], None]
CHILD_DESCRIPTORS = 16
CLIP = "/proc/self/fd/5" if os.path.isdir("/proc/self/fd") else "/dev/fd/5"
"""The media file's name in every child: it leads to the file that was checked, and nowhere else."""


def request(demuxer: str, limits: Limits) -> bytes:
    """Return a request as it is sent over the socket."""
    kind = demuxer.encode("ascii")
    return REQUEST.pack(*astuple(limits), len(kind)) + kind


def serve(work: Work, control: int) -> None:
    """Answer requests until the other side closes the socket.

    Args:
        work: what a child does with (path, demuxer, limits, descriptor to write to).
        control: descriptor of the socket.
    """
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    os.environ.clear()
    idle = _address_space()
    with socket.socket(fileno=control) as sock:
        try:
            while (asked := _receive(sock)) is not None:
                answer = _run(work, *asked, sock, idle)
                if answer is None:
                    return
                sock.sendall(answer)
        except (ConnectionError, EOFError):
            return


def _receive(sock: socket.socket) -> tuple[str, Limits, int, int] | None:
    first, descriptors, _, _ = socket.recv_fds(sock, REQUEST.size, 2)
    if not first:
        return None
    raw = first + _exactly(sock, REQUEST.size - len(first))
    *limits, kind_bytes = REQUEST.unpack(raw)
    pipe, media = descriptors
    return _exactly(sock, kind_bytes).decode("ascii"), Limits(*limits), pipe, media


def _exactly(sock: socket.socket, count: int) -> bytes:
    pieces = b""
    while len(pieces) < count:
        piece = sock.recv(count - len(pieces))
        if not piece:
            raise EOFError
        pieces += piece
    return pieces


def _run(
    work: Work, demuxer: str, limits: Limits, pipe: int, media: int, sock: socket.socket, idle: int
) -> bytes | None:
    """Run one child to its end; None if the parent went away meanwhile."""
    life, alive = os.pipe()
    child = os.fork()
    if child == 0:
        _child(work, demuxer, limits, (pipe, alive, media), idle)
    for descriptor in (alive, pipe, media):
        os.close(descriptor)
    try:
        late, orphaned = _wait(life, sock, limits.wall_s)
    finally:
        os.close(life)
    if late or orphaned:
        os.kill(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    if orphaned:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return ANSWER.pack(status, late, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit)


def _wait(life: int, sock: socket.socket, wall_s: float) -> tuple[bool, bool]:
    """Wait for the child's end; return (its time was up, the parent is gone)."""
    poller = select.poll()
    poller.register(life, select.POLLIN)
    poller.register(sock, select.POLLIN)
    until = time.monotonic() + wall_s
    while (left := until - time.monotonic()) > 0:
        for descriptor, _ in poller.poll(left * 1000 + 1):
            return False, descriptor != life
    return True, False


def _child(work: Work, demuxer: str, limits: Limits, kept: tuple[int, int, int], idle: int) -> None:
    """Shut every door, decode, and leave without returning."""
    code = 1
    try:
        _shut(kept)
        _limit(limits, idle)
        work(CLIP, demuxer, limits, 3)
        code = 0
    finally:
        os._exit(code)


def _shut(kept: tuple[int, int, int]) -> None:
    """Leave open: /dev/null as 0 to 2, the result as 3, the sign of life as 4, the clip as 5."""
    # Above the six, but no higher than need be: `ulimit -n` may allow only some dozens.
    above = [fcntl.fcntl(source, fcntl.F_DUPFD, 6) for source in kept]
    null = os.open(os.devnull, os.O_RDWR)
    for target, source in enumerate((null, null, null, *above)):
        os.dup2(source, target)
    os.closerange(6, 4096)
    if sys.platform == "linux":
        import ctypes

        kernel = ctypes.CDLL(None)
        kernel.prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG: not to outlive the server
        kernel.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS


def _limit(limits: Limits, idle: int) -> None:
    cpu_s = max(1, int(limits.cpu_s + 0.999))
    bounds = {
        resource.RLIMIT_CPU: (cpu_s, cpu_s + 1),
        resource.RLIMIT_AS: (idle + limits.memory_bytes,) * 2,
        resource.RLIMIT_DATA: (idle + limits.memory_bytes,) * 2,
        resource.RLIMIT_FSIZE: (0, 0),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_NPROC: (0, 0),
        resource.RLIMIT_NOFILE: (CHILD_DESCRIPTORS, CHILD_DESCRIPTORS),
    }
    for which, bound in bounds.items():
        resource.setrlimit(which, bound)


def _address_space() -> int:
    """Return the address space of the idle server, which a child starts from."""
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:
            return int(statm.read().split()[0]) * resource.getpagesize()
    except FileNotFoundError:  # no /proc outside Linux
        return 2_000_000_000


def decode_work(path: str, demuxer: str, limits: Limits, pipe: int) -> None:
    """Decode a clip and write it to the pipe: what a child of the real fence does."""
    from virality.data.reading import read_clip
    from virality.data.wire import pack

    verdict = read_clip(path, demuxer, os.stat(path).st_size, limits)
    try:
        pieces = pack(verdict.status, verdict.reason, verdict.clip)
    except MemoryError:  # the clip fitted, a copy of it for the wire did not
        pieces = pack("failed", "memory_limit", None)
    for piece in pieces:
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(pipe, rest) :]


def main() -> None:
    """Start serving; called as `python -c` with the socket's descriptor."""
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
    import av
    import av.subtitles.stream
    import numpy.ma  # noqa: F401

    import virality.data.reading
    import virality.data.wire  # noqa: F401

    av.logging.set_level(None)
    _ready_to_fork()
    serve(decode_work, int(sys.argv[1]))


def _ready_to_fork() -> None:
    """Spare each child what it would otherwise pay anew.

    PyAV and numpy import a part of themselves at first use, hence the two imports in `main`. A
    collection in the child would copy the pages of every object it inherits. And glibc learns only
    by and by to keep freed pictures instead of giving their pages back, which a child never does.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
    if sys.platform == "linux":
        import ctypes

        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
        if mallopt is not None:
            mallopt(-3, 1 << 25)  # M_MMAP_THRESHOLD, the highest that glibc takes
            mallopt(-1, 1 << 27)  # M_TRIM_THRESHOLD
