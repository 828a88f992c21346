"""A worker process: decodes clips, runs featurizers and publishes rows to the store by itself.

It is started as `python -c` with a socket, so that neither the caller's main module nor its
threads matter. Whatever it has published survives it, and the parent learns only names of files.
"""

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from virality.data.clip import Clip, FloatArray
from virality.data.decode import SAMPLING_VERSION, Limits, decode
from virality.data.errors import ViralityError
from virality.data.store import make_key, publish, row_bytes
from virality.featurizers.base import Featurizer
from virality.featurizers.variation import vary, view_source
from virality.featurizers.verdict import verdict_records

PROGRAM = "from virality.featurizers.worker import main; main()"
MEDIA_MODALITIES = ("audio", "frames", "stream")
TASK_S = 1800.0
"""Far more than any clip within the limits takes: nothing but a hang is ever cut off by it."""


@dataclass(frozen=True)
class Setup:
    """What a worker is told once.

    Attributes:
        rows: folder of the store.
        featurizers: all of them, by name.
        limits: what the decoding of one clip may cost.
        views: variations of every clip.
        task_s: seconds after which a worker that has not done its task is taken for hung.
    """

    rows: Path
    featurizers: Mapping[str, Featurizer[Any]]
    limits: Limits
    views: int = 0
    task_s: float = TASK_S


@dataclass(frozen=True)
class Task:
    """One clip, or a batch of distinct captions, and the featurizers that it lacks.

    Attributes:
        number: which task it is.
        sources: the clip's SHA-256, or the captions.
        path: the clip, None for captions.
        names: featurizers to run.
        views: featurizers to run on each view of the clip, first view first.
    """

    number: int
    sources: tuple[str, ...]
    path: Path | None
    names: tuple[str, ...]
    views: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Done:
    """What came of a task.

    Attributes:
        number: the task's.
        file: name of the store's file that holds its records, `""` if there is none.
        failures: featurizer -> what it raised.
        fleeting: records that hold for this run only.
        abort: an error that ends the whole run.
    """

    number: int
    file: str = ""
    failures: Mapping[str, str] = field(default_factory=dict)
    fleeting: Mapping[bytes, bytes] = field(default_factory=dict)
    abort: ViralityError | None = None


def row_key(name: str, featurizer: Featurizer[Any], source: str) -> bytes:
    """Return the key of a row: it changes with the content, the featurizer and the sampling."""
    media = featurizer.modality in MEDIA_MODALITIES
    sampling = SAMPLING_VERSION if media else ""
    return make_key("row", source, name, repr(featurizer), featurizer.version, sampling)


def run_task(setup: Setup, task: Task) -> Done:
    """Do a task and publish its records."""
    if task.path is None:
        return _captions(setup, task)
    return _clip(setup, task)


def _captions(setup: Setup, task: Task) -> Done:
    records: dict[bytes, bytes] = {}
    failures: dict[str, str] = {}
    for name in task.names:
        featurizer = setup.featurizers[name]
        rows, failed = _rows(featurizer, task.sources)
        if failed:
            failures[name] = failed
        for text, row in zip(task.sources, rows, strict=True):
            if row is not None:
                records[row_key(name, featurizer, text)] = row_bytes(row)
    return Done(task.number, publish(setup.rows, records) if records else "", failures)


def _rows(featurizer: Featurizer[Any], batch: Sequence[Any]) -> tuple[list[FloatArray | None], str]:
    """Run a featurizer; one bad item of a batch must not take the others with it."""
    try:
        return list(_checked(featurizer, batch)), ""
    except ViralityError:
        raise
    except Exception as error:  # noqa: BLE001 - the edge of a process: any fault is a row's status
        if len(batch) == 1:
            return [None], f"{type(error).__name__}: {error}"[:300]
    rows: list[FloatArray | None] = []
    failed = ""
    for item in batch:
        (row,), reason = _rows(featurizer, [item])
        rows.append(row)
        failed = failed or reason
    return rows, failed


def _checked(featurizer: Featurizer[Any], batch: Sequence[Any]) -> FloatArray:
    rows = np.asarray(featurizer.extract(batch), np.float32)
    if rows.shape != (len(batch), len(featurizer.columns)):
        raise ValueError(f"returned shape {rows.shape}")
    return np.where(np.isfinite(rows), rows, np.float32(np.nan))


def _clip(setup: Setup, task: Task) -> Done:
    assert task.path is not None
    begin = time.perf_counter()
    (sha256,) = task.sources
    decoded = decode(task.path, setup.limits, sha256=sha256)
    records: dict[bytes, bytes] = {}
    failures: dict[str, str] = {}
    if decoded.clip is not None:
        for view, names in enumerate((task.names, *task.views)):
            if names:
                clip = vary(decoded.clip, sha256, view) if view else decoded.clip
                source = view_source(sha256, view)
                failures |= _measure_clip(setup, names, clip, source, records)
    verdict: dict[str, str | float] = {
        "status": decoded.status,
        "reason": decoded.reason,
        "seconds": round(time.perf_counter() - begin, 6),
    }
    lasting, fleeting = verdict_records(verdict, sha256, setup.limits)
    records |= lasting
    file = publish(setup.rows, records) if records else ""
    return Done(task.number, file, failures, fleeting)


def _measure_clip(
    setup: Setup, names: Sequence[str], clip: Clip, source: str, records: dict[bytes, bytes]
) -> dict[str, str]:
    """Add a row a featurizer to the records; return what failed."""
    failures = {}
    for name in names:
        featurizer = setup.featurizers[name]
        row, failed = _media_row(featurizer, clip)
        if failed:
            failures[name] = failed
        else:
            records[row_key(name, featurizer, source)] = row_bytes(row)
    return failures


def _media_row(featurizer: Featurizer[Any], clip: Clip) -> tuple[FloatArray, str]:
    """Return the row of a clip; a part that the clip lacks gives NaN here and only here."""
    part = getattr(clip, featurizer.modality)
    if part is None:
        return np.full(len(featurizer.columns), np.nan, np.float32), ""
    (row,), failed = _rows(featurizer, [part])
    return row if row is not None else np.zeros(0, np.float32), failed


def environment() -> dict[str, str]:
    """Return the environment of a worker: one thread each, so that sums add up in one order."""
    single = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    return {**os.environ, **dict.fromkeys(single, "1"), "PYTHONHASHSEED": "0"}


def main() -> None:
    """Serve tasks until the parent closes the connection or is gone."""
    from multiprocessing.connection import Connection

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when an interrupt ends a run
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # which it held back until here
    with Connection(int(sys.argv[1])) as connection:
        try:
            setup = connection.recv()
            threading.Thread(target=_leave_with, args=(int(sys.argv[1]),), daemon=True).start()
            while True:
                task = connection.recv()
                try:
                    done = run_task(setup, task)
                except ViralityError as error:
                    done = Done(task.number, abort=error)
                connection.send(done)
        except (EOFError, ConnectionError):
            return


def _leave_with(descriptor: int) -> None:
    """End this process when its parent is gone, however long the task in hand would still take."""
    poller = select.poll()
    poller.register(descriptor, 0)  # POLLHUP is reported whatever is asked for
    poller.poll()
    os._exit(1)
