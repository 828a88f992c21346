"""Jobs: a bounded queue of predictions, the threads that make them, results that expire."""

import queue
import secrets
import shutil
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from virality.data.errors import StorageError, ViralityError
from virality.featurizers.pool import Crew, Stopped
from virality.web.metrics import Metrics
from virality.web.refusal import Refusal, ending
from virality.web.rooms import Room, sweep_rooms
from virality.web.settings import Settings
from virality.web.turns import WAIT_S, Turns
from virality.workflow.answer import Answer
from virality.workflow.predictor import Candidate, Predictor

if TYPE_CHECKING:
    from virality.web.told import Ledger

STATES = ("waiting", "running", "done", "failed")
STAGES = ("waiting", "text", "decode", "audio", "frames", "stream", "predict", "done")
"""What a job may be at, in this order: waiting for a worker, the caption, opening the clip,
measuring sound, pictures and file, the model."""


LONGEST_WAIT_S = 3600.0
"""How long the thread that forgets sleeps at most: systems bound the time that one can wait."""


@dataclass
class Job:
    """One request for predictions. Only its worker's thread changes it after it was submitted.

    Attributes:
        id: cannot be guessed; whoever knows it may read the result.
        candidates: what is to be predicted.
        folder: its clips, gone once they are measured.
        state: one of STATES.
        stage: one of STAGES.
        done, total: clips and captions measured, and all of them.
        answers: one a candidate, when done.
        error: for people, when failed.
        ended: on the monotonic clock, 0 before.
        predictions: their ids in the prediction log, one a candidate, if there is a log.
        visitor: who asked, as the log calls them.
    """

    id: str
    candidates: tuple[Candidate, ...]
    folder: Path
    submitted: float = field(default_factory=time.monotonic)
    state: str = "waiting"
    stage: str = "waiting"
    done: int = 0
    total: int = 0
    answers: tuple[Answer, ...] = ()
    error: str = ""
    ended: float = 0.0
    predictions: tuple[str, ...] = ()
    visitor: str = ""

    def tell(self, stage: str) -> None:
        """Note what a worker is about to do; stages only go forward."""
        if stage in STAGES and STAGES.index(stage) > STAGES.index(self.stage):
            self.stage = stage

    def count(self, done: int, total: int) -> None:
        """Note how many clips and captions are measured."""
        self.done, self.total = done, total


class Board:
    """All jobs of a server.

    Args:
        predictor: what answers.
        settings: how many at once, how many may wait, how long results are kept.
        metrics: where ends are counted.
        ledger: where answers are kept, None if they are not.

    Attributes:
        turns: of what-ifs, which are answered one after the other.
    """

    def __init__(
        self,
        predictor: Predictor,
        settings: Settings,
        metrics: Metrics,
        ledger: "Ledger | None" = None,
    ) -> None:
        self.predictor, self.settings, self.metrics = predictor, settings, metrics
        self.ledger = ledger
        self.root = Path(tempfile.gettempdir()) / f"virality-serve-{secrets.token_hex(8)}"
        self._room: Room | None = None
        self.ready = threading.Event()
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._taken = 0
        self._cold = settings.workers + 1  # workers, and the crew for what-if
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._crews = [Crew(1) for _ in range(settings.workers)]
        self._side = Crew(1)  # for what-if: it must not wait behind a clip
        self._side_lock = threading.Lock()
        self.turns = Turns()
        self._threads: list[threading.Thread] = []
        self._closing = threading.Event()
        metrics.watch("virality_jobs_waiting", "Jobs taken in and not at an end.", self.busy)
        metrics.watch("virality_results_kept", "Results that can be read.", self.kept)

    def start(self) -> None:
        """Make a folder for clips and start the workers; they get warm by themselves.

        Not before: whoever only begins to serve is ended by a signal without a word to anybody.
        """
        sweep_rooms()
        try:
            self._make_root()
        except OSError as error:
            print(f"warning: no clip can be taken yet: {self.unkept(error)}", file=sys.stderr)
        work: dict[str, Callable[[], None]] = {
            f"job-{number}": partial(self._work, crew) for number, crew in enumerate(self._crews)
        }
        work |= {"aside": self._warm_aside, "forget": self._forget}
        for name, target in work.items():
            thread = threading.Thread(target=target, name=f"virality-{name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def close(self) -> None:
        """End workers and threads, delete every file.

        Jobs under way are given up: nobody could read their results any more.
        """
        self._closing.set()
        for crew in (*self._crews, self._side):
            crew.stop()
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()
        with self._side_lock:
            self._side.close()
        if self._room is not None:
            self._room.clear()

    def busy(self) -> int:
        """Return how many uploads and jobs are under way."""
        return self._taken

    def kept(self) -> int:
        """Return how many jobs are remembered."""
        return len(self._jobs)

    def reserve(self) -> Path:
        """Take one place in the queue and return a folder for its clips.

        Raises:
            Refusal: if the queue is full.
            OSError: if no folder can be made.
        """
        with self._lock:
            if self._taken >= self.settings.workers + self.settings.waiting:
                self.metrics.refused.labels("queue_full").inc()
                raise Refusal(503, "queue_full", "too many are waiting; try again soon", 5)
            self._taken += 1
        try:
            return self._folder()
        except OSError:
            self._give_back()  # else a disk full for a while would close the queue for good
            raise

    def release(self, folder: Path) -> None:
        """Give a place back that no job came of."""
        shutil.rmtree(folder, ignore_errors=True)
        self._give_back()

    def _give_back(self) -> None:
        with self._lock:
            self._taken -= 1

    def _folder(self) -> Path:
        try:
            return Path(tempfile.mkdtemp(dir=self.root))
        except FileNotFoundError:  # systems tidy away what lay unused in /tmp for some days
            self._make_root()
            return Path(tempfile.mkdtemp(dir=self.root))

    def _make_root(self) -> None:
        if self._room is not None:
            self._room.clear()
        self._room = Room()
        self.root = self._room.path

    def unkept(self, error: OSError) -> str:
        """Return for whoever serves why no clip can be kept, and what helps."""
        return (
            f"{self.root}: an upload cannot be kept ({error.strerror or error}); make room there, "
            "or start the server with another TMPDIR"
        )

    def submit(self, candidates: Sequence[Candidate], folder: Path, visitor: str = "") -> Job:
        """Queue candidates whose place was reserved."""
        job = Job(secrets.token_urlsafe(24), tuple(candidates), folder, visitor=visitor)
        with self._lock:
            self._jobs[job.id] = job
        self.sweep()
        self._queue.put(job)
        return job

    def find(self, name: str) -> Job:
        """Return a job by its id.

        Raises:
            Refusal: if there is none, or none any more.
        """
        self.sweep()
        with self._lock:
            job = self._jobs.get(name)
        if job is None:
            raise Refusal(404, "no_result", "there is no such result; results are kept for a while")
        return job

    def drop(self, name: str) -> None:
        """Forget a job; one that runs ends unseen."""
        job = self.find(name)
        with self._lock:
            self._jobs.pop(job.id, None)

    def sweep(self) -> float:
        """Forget results that have expired, and the oldest where there are too many.

        Returns:
            After how many seconds the next one expires, at the earliest.
        """
        now = time.monotonic()
        limit = now - self.settings.keep_s
        with self._lock:
            ended = [job for job in self._jobs.values() if job.ended]
            ended.sort(key=lambda job: -job.ended)
            fresh = [job for job in ended[: self.settings.keep] if job.ended > limit]
            for job in ended[len(fresh) :]:
                del self._jobs[job.id]
        return fresh[-1].ended - limit if fresh else self.settings.keep_s

    def _forget(self) -> None:
        """Forget what expires although nobody asks for anything any more."""
        wait_s = 0.0
        while not self._closing.wait(wait_s):
            wait_s = min(self.sweep(), LONGEST_WAIT_S)

    def aside(self) -> "Side":
        """Return the crew for quick questions, held for one at a time."""
        return Side(self._side, self._side_lock)

    def _work(self, crew: Crew) -> None:
        with crew:
            self._warm(crew)
            while (job := self._queue.get()) is not None and not self._closing.is_set():
                self._serve(job, crew)
                del job  # else it would outlive its result here, until the next one comes

    def _warm(self, crew: Crew) -> None:
        """Load encoders by a made clip before anybody waits for them."""
        from virality.workflow.warming import warm

        self._load("result", lambda: warm(self.predictor, crew))

    def _warm_aside(self) -> None:
        """Load what a what-if needs: its crew is another than those of the workers."""
        from virality.workflow.warming import warm_aside

        def load() -> None:
            with self.aside() as crew:
                warm_aside(self.predictor, crew)

        self._load("what-if", load)

    def _load(self, first: str, load: Callable[[], None]) -> None:
        """Load something early; where that fails, it is loaded when it is needed."""
        try:
            load()
        except (ViralityError, Refusal, Stopped) as error:
            if not self._closing.is_set():
                print(f"warning: the first {first} will be slow: {error}", file=sys.stderr)
        except Exception:  # noqa: BLE001 - the edge of a thread: it has requests to serve
            traceback.print_exc()
        with self._lock:
            self._cold -= 1
            if self._cold == 0:
                self.ready.set()

    def _serve(self, job: Job, crew: Crew) -> None:
        try:
            if job.id in self._jobs:  # not dropped while it waited
                job.state = "running"
                answers = self.predictor.predict(
                    job.candidates, crew, progress=job.count, tell=job.tell
                )
                if self.ledger is not None and job.id in self._jobs:  # not dropped meanwhile
                    job.predictions = self.ledger.keep(answers, job.visitor)
                job.answers = answers
                self._note_end(job, "done")
        except Stopped:  # the server ends: there is nobody to tell
            return
        except StorageError as error:  # it names a path of this machine: not for visitors
            print(f"error: {error}", file=sys.stderr)
            job.error = "nothing can be stored here right now; try again"
            self._note_end(job, "failed")
        except ViralityError as error:
            job.error = str(error)
            self._note_end(job, "failed")
        except Exception:  # noqa: BLE001 - the edge of a thread: it must outlive any job
            traceback.print_exc()
            job.error = "something went wrong here, not with what was sent"
            self._note_end(job, "failed")
        finally:
            self.release(job.folder)

    def _note_end(self, job: Job, end: str) -> None:
        for answer in job.answers:
            self.metrics.clips.labels(answer.status).inc()
        job.ended = time.monotonic()
        job.stage, job.state = "done", end
        self.metrics.jobs.labels(end).inc()
        self.metrics.job_seconds.observe(job.ended - job.submitted)
        self.sweep()


class Side:
    """A crew behind a lock, as a context manager."""

    def __init__(self, crew: Crew, lock: threading.Lock) -> None:
        self._crew, self._lock = crew, lock

    def __enter__(self) -> Crew:
        if not self._lock.acquire(timeout=WAIT_S):
            raise Refusal(503, "busy", "too many questions at once; try again soon", 2)
        return self._crew

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._lock.release()
        if kind is not None and issubclass(kind, Stopped):
            raise ending()
