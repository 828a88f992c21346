"""The study on disk: an Optuna journal that resumes, and refuses what it was not made for."""

import contextlib
import fcntl
import json
import os
import socket
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from virality.data.errors import StorageError, UsageError

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages.journal import JournalFileOpenLock
    from optuna.trial import FrozenTrial

NAME = "virality"
SEAL = "crc32"
ENTRY = b'{"op_code":'
"""How every line of a journal begins."""

CLAIMS = {
    "target": "target '{old}', not of '{new}'",
    "features": "other features (columns or versions differ)",
    "rows": "other posts or outcomes",
    "values": "other values of the same features (clips or posts have changed since)",
    "metric": "{old}, not of {new}",
    "seed": "seed {old}, not of {new}: its folds are others",
}
"""What trials must have in common for their scores to be compared, and how a difference is told."""


LONGEST_TRIAL = timedelta(days=2)
"""Far more than any trial takes. Of other machines, every container among them, nobody can ask
whether their processes live, and after a restart a number may be another process's."""

QUEUED = "fixed_params"
"""Where Optuna keeps what a queued trial was told to try."""


class OtherStudyError(UsageError):
    """A study whose trials were scored on something else."""


class DamagedStudyError(StorageError):
    """A file that is no study, or one that does not hold what was written."""


def open_study(path: Path, *, must_exist: bool = False) -> "Study":
    """Return the study of this journal file, made if it is not there.

    Raises:
        DamagedStudyError: if the file holds no study, or not what was written.
        StorageError: if it cannot be read or written.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileOpenLock

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if must_exist and not path.is_file():
        raise StorageError(f"{path}: no study there; run `virality tune` first")
    if path.is_dir():
        raise StorageError(f"{path}: is a folder; a study is one file, name one")
    _check_lines(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = JournalFileOpenLock(str(path))
        if not must_exist and path.is_file():
            with _alone(path, lock, "r+b") as file:
                _cut_torn_line(file, path)
        storage = JournalStorage(_sealed_journal(path, lock))
        if must_exist:
            return optuna.load_study(study_name=NAME, storage=storage)
        return optuna.create_study(
            study_name=NAME, storage=storage, direction="minimize", load_if_exists=True
        )
    except OSError as error:
        raise StorageError(f"{path}: cannot be used ({error.strerror})") from error
    except (KeyError, ValueError, TypeError, AssertionError) as error:
        raise DamagedStudyError(
            f"{path}: is not a study or is damaged ({error}); give another file name"
        ) from error


def _sealed_journal(path: Path, lock: "JournalFileOpenLock") -> Any:
    """Return Optuna's journal file with a checksum in every line, which Optuna itself skips.

    Without it a bit that flips in a digit gives another parameter or value, and nobody notices.
    What does not fit on the disk as a whole is not written at all: the next line, of this process
    or another, would be glued to what did fit.
    """
    from optuna.storages.journal import JournalFileBackend

    class SealedJournal(JournalFileBackend):
        def append_logs(self, logs: list[dict[str, Any]]) -> None:
            sealed = [{**log, SEAL: _checksum(log)} for log in logs]
            lines = [json.dumps(one, separators=(",", ":")) + "\n" for one in sealed]
            with _alone(path, lock, "a+b") as file:
                # Another process may have been killed in the middle of a line since we opened it.
                _cut_torn_line(file, path)
                end = file.seek(0, os.SEEK_END)
                try:
                    _write_whole(file, "".join(lines).encode())
                except OSError:
                    file.truncate(end)
                    raise

    return SealedJournal(str(path), lock_obj=lock)


@contextmanager
def _alone(path: Path, lock: "JournalFileOpenLock", mode: str) -> Iterator[IO[bytes]]:
    """Open a journal while no other process writes it.

    Raises:
        StorageError: if it cannot be locked, read or written.
    """
    try:
        lock.acquire()
    except (OSError, RuntimeError) as error:  # the second where no lock file can be made
        raise StorageError(
            f"{path}: cannot be locked: its folder is full, gone or read-only; mend it, run again"
        ) from error
    try:
        with path.open(mode, buffering=0) as file:
            yield file
    except OSError as error:
        raise StorageError(
            f"{path}: cannot be written ({error.strerror}); mend it and run again: finished trials "
            "are kept"
        ) from error
    finally:
        lock.release()


@contextmanager
def in_turn(path: Path) -> Iterator[None]:
    """Let one of the processes and threads that share a study look at it and act on what it saw.

    Else two that start at once take each other's trials for those of the dead, end the same trials
    twice, queue everything twice, or claim the study for two targets. Who dies lets go.

    Raises:
        StorageError: if the study's file cannot be locked.
    """
    with contextlib.ExitStack() as held:
        try:
            file = held.enter_context(path.open("r+b"))  # network drives lock for writers only
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            raise StorageError(
                f"{path}: cannot be locked ({error.strerror}); put the study on a local disk"
            ) from error
        yield


def _write_whole(file: IO[bytes], content: bytes) -> None:
    left = memoryview(content)
    while left:  # a disk that fills up takes a part first
        left = left[file.write(left) :]
    os.fsync(file.fileno())


def _checksum(log: dict[str, Any]) -> int:
    """Return the CRC-32 of an entry, over its text as Python spells it with sorted keys."""
    return zlib.crc32(json.dumps(log, sort_keys=True).encode())


def _check_lines(path: Path) -> None:
    """Refuse a file that is no journal or was damaged; a torn last line is Optuna's to skip."""
    if not path.is_file():
        return
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise StorageError(f"{path}: cannot be read ({error.strerror})") from error
    for number, line in enumerate(lines[:-1], start=1):
        try:
            entry = json.loads(line)
        except ValueError as error:
            raise DamagedStudyError(
                f"{path}: line {number} is not a study's; give another file name"
            ) from error
        if not isinstance(entry, dict) or "op_code" not in entry:
            raise DamagedStudyError(
                f"{path}: line {number} is not a study's; give another file name"
            )
        if entry.pop(SEAL, None) != _checksum(entry):
            raise DamagedStudyError(
                f"{path}: line {number} is not what was written; give another file name"
            )


def _cut_torn_line(file: IO[bytes], path: Path) -> None:
    """Drop a last line that a kill tore: what is written next would be glued to it."""
    end = file.seek(0, os.SEEK_END)
    file.seek(max(end - 1, 0))
    if file.read() in (b"", b"\n"):
        return
    file.seek(0)
    content = file.read()
    whole = content.rfind(b"\n") + 1
    torn = content[whole:]
    if not (torn.startswith(ENTRY) or ENTRY.startswith(torn)):
        raise DamagedStudyError(f"{path}: is not a study; give another file name")
    file.truncate(whole)


def claim_study(study: "Study", path: Path, facts: dict[str, Any]) -> None:
    """Write what the study is about, or refuse if it is about something else.

    Args:
        study: opened.
        path: of its file, for the message.
        facts: `target`, `features`, `rows` and `values` (digests of columns and versions, of
            posts and outcomes, of what is read of them), `metric`, `seed` and whatever else is to
            be kept.

    Raises:
        OtherStudyError: if its trials were scored on anything else, so that new ones could not be
            compared with them.
    """
    known = study.user_attrs
    for name, words in CLAIMS.items():
        if name in known and known[name] != facts.get(name, known[name]):
            said = words.format(old=known[name], new=facts[name])
            raise OtherStudyError(f"{path}: a study of {said}; give another study file")
    for name, value in facts.items():
        if known.get(name) != value:
            study.set_user_attr(name, value)


def sweep(study: "Study") -> int:
    """Fail trials whose process is gone; return how many. A journal has no heartbeat of its own."""
    from optuna.trial import TrialState

    swept = 0
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if _is_gone(trial):
            study.tell(trial.number, state=TrialState.FAIL)
            swept += 1
    return swept


def queue_again(study: "Study") -> int:
    """Queue what was queued and cut short by a kill or the end of the time; return how many."""
    from optuna.trial import TrialState

    trials = study.get_trials(deepcopy=False)
    cut = [one.system_attrs.get(QUEUED) for one in trials if one.state == TrialState.FAIL]
    kept = [one.system_attrs.get(QUEUED) for one in trials if one.state != TrialState.FAIL]
    again = [params for params in cut if params is not None and params not in kept]
    for params in again:
        study.enqueue_trial(dict(params))
    return len(again)


def sign(trial: Any) -> None:
    """Write which process works on a trial."""
    trial.set_user_attr("worker", [socket.gethostname(), os.getpid()])


def _is_gone(trial: "FrozenTrial") -> bool:
    """Say whether a running trial's process has ended; our own trials are over when we sweep."""
    worker = trial.user_attrs.get("worker")
    begun = trial.datetime_start
    if begun is not None and datetime.now() - begun > LONGEST_TRIAL:
        return True
    if not worker or worker[0] != socket.gethostname():
        return not worker
    if worker[1] == os.getpid():
        return True
    try:
        os.kill(int(worker[1]), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
