"""The fence around decoding: this side of the forkserver."""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from types import TracebackType

import numpy as np

from virality.data.errors import StorageError, more_files
from virality.data.forkserver import ANSWER, request
from virality.data.limits import Limits
from virality.data.wire import HEADER_BYTES, Message, WireError, body_bytes, unpack

PROGRAM = "from virality.data.forkserver import main; main()"
GRACE_S = 5.0
"""How much longer than a clip's wall time the forkserver may take to answer."""

ENVIRONMENT = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
"""A child's memory comes in pages of 2 MB where the system has them: 2,000 page faults a clip
instead of 6,000. glibc reads this before Python starts; the forkserver empties it afterwards."""

PIPE_BYTES = 1 << 20
_SET_PIPE_SIZE = 1031


@dataclass(frozen=True)
class Ending:
    """How a child ended, and its message if it left a whole one."""

    reason: str
    message: Message | None
    cpu_s: float
    peak_bytes: int


class Fence:
    """A forkserver of one's own; each clip is decoded in a fresh child of it.

    Args:
        program: Python text that the forkserver runs; tests put misbehaving children here.
    """

    def __init__(self, program: str = PROGRAM) -> None:
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._sock: socket.socket | None = None
        self.owner = os.getpid()

    def __enter__(self) -> "Fence":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the forkserver and with it any child."""
        if self._sock is not None:
            self._sock.close()
        if self._process is not None and self.owner == os.getpid():
            try:
                self._process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._sock, self._process = None, None

    def run(self, descriptor: int, demuxer: str, limits: Limits) -> Ending:
        """Decode one file in a child and wait for its end.

        Args:
            descriptor: of an open file that has passed the gate; it stays open here.
            demuxer: name of the demuxer for it.
            limits: what it may cost.

        Raises:
            StorageError: if no process can be started.
        """
        sock = self._connected()
        reader, writer = os.pipe()
        try:
            try:
                socket.send_fds(sock, [request(demuxer, limits)], [writer, descriptor])
            finally:
                os.close(writer)
            until = time.monotonic() + limits.wall_s + GRACE_S
            message, whole = _read_message(reader, limits, until)
            return self._ending(sock, message, whole, until)
        except (ConnectionError, TimeoutError, EOFError):
            self.close()
            return Ending("crashed", None, float("nan"), 0)
        except BaseException:  # an interrupt between question and answer would mix up the next two
            self.close()
            raise
        finally:
            os.close(reader)

    def _connected(self) -> socket.socket:
        if self._process is not None and self._process.poll() is not None:
            self.close()
        if self._sock is None:
            self._start()
        assert self._sock is not None
        return self._sock

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        try:
            command = [sys.executable, "-I", "-c", self._program, str(theirs.fileno())]
            self._process = subprocess.Popen(
                command,
                env=ENVIRONMENT,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                cwd="/",
            )
        except OSError as error:
            ours.close()
            raise StorageError(
                f"the decoder cannot be started: {error}{more_files(error)}"
            ) from error
        finally:
            theirs.close()
        self._sock = ours

    def _ending(
        self, sock: socket.socket, message: Message | None, whole: bool, until: float
    ) -> Ending:
        sock.settimeout(max(0.1, until - time.monotonic()))
        raw = b""
        while len(raw) < ANSWER.size:
            piece = sock.recv(ANSWER.size - len(raw))
            if not piece:
                raise EOFError
            raw += piece
        status, late, cpu_s, peak = ANSWER.unpack(raw)
        reason = _reason_of(status, late, whole)
        return Ending(reason, None if reason else message, cpu_s, peak)


def _reason_of(status: int, late: bool, whole: bool) -> str:
    if late:
        return "time_limit"
    if os.WIFSIGNALED(status):
        return "cpu_limit" if os.WTERMSIG(status) == signal.SIGXCPU else "crashed"
    if os.WEXITSTATUS(status):
        return "crashed"
    return "" if whole else "result_refused"


def _read_message(reader: int, limits: Limits, until: float) -> tuple[Message | None, bool]:
    """Read what a child writes; (None, False) if it is not one whole message."""
    with contextlib.suppress(OSError, AttributeError):
        import fcntl

        fcntl.fcntl(reader, _SET_PIPE_SIZE, PIPE_BYTES)
    header = np.zeros(HEADER_BYTES, np.uint8)
    try:
        if not _fill(reader, memoryview(header.data), until):
            return None, False
        body = np.zeros(body_bytes(header.tobytes(), limits), np.uint8)
        if not _fill(reader, memoryview(body.data), until) or not _at_end(reader, until):
            return None, False
        return unpack(header.tobytes(), memoryview(body.data)), True
    except WireError:
        return None, False


def _fill(reader: int, target: memoryview, until: float) -> bool:
    while target:
        _ready(reader, until)
        count = os.readv(reader, [target])
        if not count:
            return False
        target = target[count:]
    return True


def _at_end(reader: int, until: float) -> bool:
    _ready(reader, until)
    return not os.read(reader, 1)


def _ready(reader: int, until: float) -> None:
    if not select.select([reader], [], [], max(0.0, until - time.monotonic()))[0]:
        raise TimeoutError
