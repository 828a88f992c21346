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

from virality.data.errors import StorageError, more_files
from virality.featurizers.worker import (
    PROGRAM,
    Done,
    Note,
    Setup,
    Task,
    Tell,
    environment,
    say_nothing,
)

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
        raise StorageError(
            f"no worker process can be started: {error}{more_files(error)}"
        ) from error
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


class Stopped(Exception):  # noqa: N818 - no error: whoever stopped the crew wanted it
    """The crew of a run was stopped; what it was measuring is given up."""


class Crew:
    """Workers that stay between runs, with all the encoders that they have loaded.

    A crew serves one run at a time.

    Args:
        jobs: how many workers at most; they are started when there is work for them.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self._workers: list[Worker] = []
        self._stopped = False

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all workers; the next run starts new ones."""
        with interrupts_held():
            for worker in self._workers:
                worker.end()
            self._workers.clear()

    def stop(self) -> None:
        """End the run that another thread is in, and every later one, with `Stopped`.

        A clip may take its worker as long as the limits allow: who has to end cannot wait.
        """
        self._stopped = True
        for worker in list(self._workers):  # its thread hears of the death, and buries it
            worker.process.kill()

    def run(
        self, setup: Setup, tasks: Sequence[Task], tell: Tell = say_nothing
    ) -> Generator[Done, None, None]:
        """Run tasks and yield what came of each, in the order of completion.

        A task whose workers died ATTEMPTS times comes back with the failure `worker_lost` under
        the name `""`; so does one that was not done in `setup.task_s` seconds. However the loop is
        left, no worker stays behind with a task in hand.

        Args:
            setup: what all tasks share.
            tasks: what to do; their numbers are their places.
            tell: told what a worker is about to do, if the setup asks workers to say so.

        Raises:
            ViralityError: that a featurizer raised on purpose, such as weights that were tampered
                with.
            Stopped: if another thread stops the crew.
        """
        queue = deque(tasks)
        attempts = [0] * len(tasks)
        try:
            self._gather(setup, min(self.jobs, len(tasks)))
            self._go_on()
            for worker in self._workers:
                _give(worker, queue, attempts)
            while any(worker.task is not None for worker in self._workers):
                for done in self._answers(queue, attempts, setup, tell):
                    if done.abort is not None:
                        raise done.abort
                    yield done
        finally:
            with interrupts_held():
                for worker in [one for one in self._workers if one.task is not None]:
                    worker.end()
                    self._workers.remove(worker)

    def _gather(self, setup: Setup, wanted: int) -> None:
        """Bring workers of earlier runs, and new ones, to a setup."""
        for worker in list(self._workers):
            try:
                worker.connection.send(setup)
            except ConnectionError:  # died between two runs
                worker.end()
                self._workers.remove(worker)
        with interrupts_held():
            while len(self._workers) < wanted:  # one by one: those before a failure are ended
                self._workers.append(start_worker(setup))

    def _answers(
        self, queue: deque[Task], attempts: list[int], setup: Setup, tell: Tell
    ) -> Generator[Done, None, None]:
        """Wait for any worker, yield what is done and hand out what is left."""
        for worker in _ready(self._workers, setup.task_s):
            answer = _answer(worker)
            if isinstance(answer, Note):
                tell(answer.stage)
                continue
            if answer is None:
                self._go_on()
                with interrupts_held():
                    answer = _bury(worker, self._workers, queue, attempts, setup)
                self._go_on()  # else one that was started meanwhile would be given the task
            for idle in self._workers:
                _give(idle, queue, attempts)
            if answer is not None:
                yield answer

    def _go_on(self) -> None:
        if self._stopped:
            raise Stopped


def run_tasks(setup: Setup, tasks: Sequence[Task], jobs: int) -> Generator[Done, None, None]:
    """Run tasks on workers of their own, which end with the run; see `Crew.run`."""
    with Crew(jobs) as crew:
        yield from crew.run(setup, tasks)


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


def _answer(worker: Worker) -> Done | Note | None:
    try:
        answer: Done | Note = worker.connection.recv()
    except (EOFError, ConnectionError):
        return None
    if isinstance(answer, Done):
        worker.task = None
    return answer


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
