"""A pool of worker processes in which a death costs nobody but the task at hand."""

import contextlib
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from virality.data.errors import StorageError
from virality.featurizers.worker import PROGRAM, Done, Setup, Task, environment

ATTEMPTS = 2
"""How often a task is tried: a worker's death may be another's fault (memory), two are its own."""


@dataclass
class Worker:
    """A running worker, the task that it has in hand and since when (monotonic seconds)."""

    process: subprocess.Popen[bytes]
    connection: Any
    task: Task | None = None
    since: float = 0.0

    def end(self) -> None:
        """Kill it; its rows are safe in the store, its decoder goes when its socket closes."""
        self.process.kill()
        self.connection.close()
        self.process.wait()


def start_worker(setup: Setup) -> Worker:
    """Start a worker and tell it what all tasks share; call it while interrupts are held.

    Raises:
        StorageError: if no process can be started.
    """
    ours, theirs = socket.socketpair()
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(theirs.fileno())],
            env=environment(),
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
        )
    except OSError as error:
        ours.close()
        raise StorageError(f"no worker process can be started: {error}") from error
    finally:
        theirs.close()
    worker = Worker(process, Connection(ours.detach()))
    try:
        worker.connection.send(setup)
    except ConnectionError as error:
        worker.end()
        raise StorageError("a worker process died at once; see its message above") from error
    return worker


class interrupts_held:  # noqa: N801 - reads as a word of the language
    """Keep Ctrl-C waiting while processes are started or ended; it comes afterwards.

    Two things keep it: a handler that only remembers, because a signal may reach the process by
    any of its threads, and a blocked signal, which children inherit: none of them can die of it
    before it says for itself what it wants (`worker.main`). Outside the main thread, where Python
    delivers no signals, only children are shielded.
    """

    def __enter__(self) -> None:
        self._came = False
        self._old: Any = None
        if threading.current_thread() is threading.main_thread():
            self._old = signal.signal(signal.SIGINT, self._remember)
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})

    def _remember(self, *_: object) -> None:
        self._came = True

    def __exit__(self, *_: object) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        if self._old is not None:
            signal.signal(signal.SIGINT, self._old)
            if self._came:
                signal.raise_signal(signal.SIGINT)


def run_tasks(setup: Setup, tasks: Sequence[Task], jobs: int) -> Generator[Done, None, None]:
    """Run tasks on workers and yield what came of each, in the order of completion.

    A task whose workers died ATTEMPTS times comes back with the failure `worker_lost` under the
    name `""`; so does one that was not done in `setup.task_s` seconds. However the loop is left,
    no worker stays behind.

    Args:
        setup: what all tasks share.
        tasks: what to do; their numbers are their places.
        jobs: how many workers at most.

    Raises:
        ViralityError: that a featurizer raised on purpose, such as weights that were tampered with.
    """
    queue = deque(tasks)
    attempts = [0] * len(tasks)
    workers: list[Worker] = []
    try:
        with interrupts_held():
            for _ in range(min(jobs, len(tasks))):
                workers.append(start_worker(setup))  # one by one: those before a failure are ended
        for worker in workers:
            _give(worker, queue, attempts)
        while any(worker.task is not None for worker in workers):
            for worker in _ready(workers, setup.task_s):
                done = _answer(worker)
                if done is None:
                    with interrupts_held():
                        done = _bury(worker, workers, queue, attempts, setup)
                if done is not None:
                    if done.abort is not None:
                        raise done.abort
                    yield done
                for idle in workers:
                    _give(idle, queue, attempts)
    finally:
        with interrupts_held():
            for worker in workers:
                worker.end()


def _ready(workers: Sequence[Worker], task_s: float) -> list[Worker]:
    """Wait for busy workers to answer or die; those that are out of time are made to die."""
    busy = {worker.connection: worker for worker in workers if worker.task is not None}
    oldest = min(worker.since for worker in busy.values())
    left = oldest + task_s - time.monotonic()
    ready = wait(list(busy), max(0.0, left))
    if not ready:
        for worker in busy.values():
            if worker.since + task_s <= time.monotonic():
                worker.process.kill()
    return [busy[connection] for connection in ready]


def _give(worker: Worker, queue: deque[Task], attempts: list[int]) -> None:
    if worker.task is None and queue:
        worker.task, worker.since = queue.popleft(), time.monotonic()
        attempts[worker.task.number] += 1
        with contextlib.suppress(ConnectionError):  # a death shows where the answer is awaited
            worker.connection.send(worker.task)


def _answer(worker: Worker) -> Done | None:
    try:
        done: Done = worker.connection.recv()
    except (EOFError, ConnectionError):
        return None
    worker.task = None
    return done


def _bury(
    worker: Worker, workers: list[Worker], queue: deque[Task], attempts: list[int], setup: Setup
) -> Done | None:
    """Replace a dead worker; try its task again, or give it up."""
    task = worker.task
    assert task is not None
    worker.end()
    workers.remove(worker)
    workers.append(start_worker(setup))
    if attempts[task.number] < ATTEMPTS:
        queue.appendleft(task)
        return None
    return Done(task.number, failures={"": "worker_lost"})
