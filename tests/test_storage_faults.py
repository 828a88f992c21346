"""Storage that fails at the Nth call: a clear error, and the next run ends where it should."""

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from light_extraction import PROGRAM, make_media, rows_of, table, table_sha256

from virality.data.errors import StorageError
from virality.data.store import Store, make_key, publish
from virality.featurizers.extract import extract

ONLY = ("text_shape", "audio_loudness")
EVENTS = frozenset({"open", "os.mkdir", "os.rename", "os.remove", "os.scandir", "os.listdir"})
"""Calls on files that Python announces before it makes them; `fsync` is watched beside them."""

ERRORS = (errno.ENOSPC, errno.EIO)


class Faults:
    """Counts a process's calls on files of one folder and lets one of them fail."""

    def __init__(self) -> None:
        self.folder, self.fails, self.error, self.count = "", -1, 0, 0

    def announce(self, event: str, arguments: tuple[object, ...]) -> None:
        """Hear of a call before it is made."""
        if not self.folder or event not in EVENTS or not arguments:
            return
        path = arguments[0]
        if isinstance(path, str | os.PathLike) and os.fspath(path).startswith(self.folder):
            self.step(os.fspath(path))

    def step(self, path: str) -> None:
        """Count a call; let it fail if its turn has come."""
        self.count += 1
        if self.count - 1 == self.fails:
            raise OSError(self.error, os.strerror(self.error), path)

    @contextmanager
    def within(self, folder: Path, fails: int = -1, error: int = 0) -> Iterator["Faults"]:
        """Watch a folder; the call of that number fails with that error."""
        self.folder, self.fails, self.error, self.count = str(folder), fails, error, 0
        try:
            yield self
        finally:
            self.folder = ""


FAULTS = Faults()
sys.addaudithook(FAULTS.announce)  # cannot be taken back, but it hears only what it is asked to


@pytest.fixture(autouse=True)
def watched_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    really = os.fsync

    def fsync(descriptor: int) -> None:
        if FAULTS.folder:
            path = os.readlink(f"/proc/self/fd/{descriptor}")
            if path.startswith(FAULTS.folder):
                FAULTS.step(path)
        really(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, int]:
    """A media folder, an undisturbed feature folder, and how many calls it took."""
    folder = tmp_path_factory.mktemp("case")
    media = make_media(folder / "media")
    extract(posts(), media, folder / "calm", only=ONLY)
    with FAULTS.within(folder / "counted") as faults:
        extract(posts(), media, folder / "counted", only=ONLY)
    return media, folder / "calm", faults.count


def posts():
    return table(["p0", "p1", "text"], caption=["one", "two", None])


def check(case: tuple[Path, Path, int], out: Path, number: int, error: int) -> None:
    """Fail one call of an extraction; look at what it says and leaves, then run it again."""
    media, calm, _ = case
    said = ""
    with FAULTS.within(out, number, error):
        try:
            extract(posts(), media, out, only=ONLY)
        except StorageError as raised:
            said = str(raised)
    assert not said or str(out) in said
    finished = rows_of(out) if (out / "rows").is_dir() else {}
    if said and (out / "manifest.json").exists():
        pytest.fail("a run that failed vouches for its files")
    extract(posts(), media, out, only=ONLY)
    assert finished.items() <= rows_of(out).items(), "what was finished is gone or was done again"
    assert table_sha256(out) == table_sha256(calm)
    assert not list(out.rglob(".tmp-*"))


def test_calls_are_counted(case):
    assert case[2] > 20


@pytest.mark.parametrize("place", [0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.0])
def test_a_call_fails(case, tmp_path, place):
    number = round(place * (case[2] - 1))
    check(case, tmp_path / "f", number, ERRORS[number % 2])


@pytest.mark.nightly
@pytest.mark.parametrize("error", ERRORS)
def test_every_call_fails(case, tmp_path, error):
    for number in range(case[2]):
        check(case, tmp_path / f"f{number}", number, error)


def store_and_read(folder, records):
    Store(folder)
    publish(folder, records)
    Store(folder)


@pytest.mark.parametrize("error", ERRORS)
def test_every_call_of_publishing_fails(tmp_path, error):
    records = {make_key(str(n)): b"%d" % n for n in range(3)}
    with FAULTS.within(tmp_path / "counted") as faults:
        store_and_read(tmp_path / "counted", records)
    assert faults.count >= 6
    said: list[str] = []
    for number in range(faults.count):
        folder = tmp_path / str(number)
        with FAULTS.within(folder, number, error):
            try:
                store_and_read(folder, records)
            except StorageError as raised:
                said.append(str(raised))
        store_and_read(folder, records)
        assert len(Store(folder)) == 3
        assert len(list(folder.iterdir())) == 1
    # A call to make a folder that is there already may fail without a word.
    assert len(said) >= faults.count - 1
    assert all(str(tmp_path) in text for text in said)


@pytest.mark.parametrize("most_bytes", [16, 200, 4000])
def test_files_that_cannot_grow_in_any_process(case, tmp_path, most_bytes):
    """The kernel itself refuses writes, of workers too: as a full disk or a quota does."""
    media, calm, _ = case
    out = tmp_path / "f"
    posts().to_pickle(tmp_path / "posts.pkl")
    words = [str(tmp_path / "posts.pkl"), str(media), str(out), ",".join(ONLY), "1", "0"]
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes)),
    )
    assert run.returncode == StorageError.exit_code, run.stderr
    assert "cannot be written" in run.stdout
    finished = rows_of(out)
    extract(posts(), media, out, only=ONLY)
    assert finished.items() <= rows_of(out).items()
    assert table_sha256(out) == table_sha256(calm)
