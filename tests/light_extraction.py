"""A small mixed folder of posts and clips, and extractions of it in processes of their own."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
from clips import make_clip

from virality.data.features import MATRIX, POSTS
from virality.data.store import parse

LIGHT = ("text_shape", "stream_container", "frames_colour", "audio_loudness")
"""Featurizers without models: the tests are about extraction, not about them."""

PROGRAM = (
    "import sys, pandas as pd; from pathlib import Path;"
    "from virality.data.errors import ViralityError;"
    "from virality.featurizers.extract import extract;"
    "a = sys.argv\n"
    "try: extract(pd.read_pickle(a[1]), Path(a[2]), Path(a[3]), only=a[4].split(','),"
    " jobs=int(a[5]), views=int(a[6]))\n"
    "except ViralityError as error: print(error); sys.exit(error.exit_code)"
)


def make_media(folder: Path) -> Path:
    """Four clips, one without sound, one without picture, one that is no clip."""
    folder.mkdir(exist_ok=True)
    for number in range(4):
        make_clip(folder / f"p{number}.mp4", seconds=0.6, seed=number)
    make_clip(folder / "silent.mp4", seconds=0.6, sound_hz=None)
    make_clip(folder / "unseen.mp4", seconds=0.6, picture=False)
    (folder / "text.mp4").write_text("not a film at all\n" * 100)
    return folder


def table(ids: list[str], **columns: object) -> pd.DataFrame:
    """A posts table of these ids."""
    posts = pd.DataFrame({"id": pd.array(ids, dtype="string"), **columns})
    if "caption" in posts:
        posts["caption"] = posts["caption"].astype("string")
    return posts


def make_posts() -> pd.DataFrame:
    """A post for each clip, two without one, captions that are shared, blank and missing."""
    ids = ["p0", "p1", "p2", "p3", "silent", "unseen", "text", "gone", "../p0"]
    captions = ["one", "two #b", " ", None, "one", "six", "seven", "eight", "nine"]
    return table(ids, caption=captions)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def matrix_sha256(out: Path) -> str:
    """SHA-256 of a feature folder's matrix."""
    return sha256_of(out / MATRIX)


def table_sha256(out: Path) -> tuple[str, str]:
    """SHA-256 of a feature folder's matrix and posts."""
    return matrix_sha256(out), sha256_of(out / POSTS)


def rows_of(out: Path) -> dict[str, int]:
    """Published files of a feature folder and when each was written; temporary ones left out."""
    return {
        path.name: path.stat().st_mtime_ns
        for path in (out / "rows").glob("*.rows")
        if not path.name.startswith(".")
    }


def keys_of(out: Path) -> list[bytes]:
    """Keys of all published records, sorted; one that is there twice stands twice."""
    files = [parse((out / "rows" / name).read_bytes()) for name in rows_of(out)]
    assert all(whole for _, whole in files)
    return sorted(key for records, _ in files for key in records)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let processes begin with signals as usual, also where the tests run in the background.

    A shell starts background jobs with interrupts ignored, `nohup` with hangups too, and their
    children inherit that.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    hangup = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        signal.signal(signal.SIGHUP, hangup)


def start_extraction(
    posts: Path, media: Path, out: Path, only: Sequence[str] = LIGHT, jobs: int = 1, views: int = 0
) -> subprocess.Popen[str]:
    """Start an extraction in a session of its own, which a signal can reach as a whole."""
    words = [str(posts), str(media), str(out), ",".join(only), str(jobs), str(views)]
    with interruptible():
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )


def catch_running(
    start: Callable[[Path], subprocess.Popen[str]], folder: Path
) -> tuple[subprocess.Popen[str], Path]:
    """Start an extraction and hold it still (SIGSTOP) between its first row and its table.

    Held still it cannot end, so that what is done to it next is done to a run under way; one that
    was through before it was held is started again elsewhere.
    """
    for number in range(20):
        out = folder / f"try{number}"
        run = start(out)
        until = time.monotonic() + 120
        while not rows_of(out) and run.poll() is None:
            assert time.monotonic() < until, "no row was ever published"
            time.sleep(0.005)
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGSTOP)
            if rows_of(out) and not (out / MATRIX).exists() and run.poll() is None:
                return run, out
            os.killpg(run.pid, signal.SIGKILL)
        run.communicate(timeout=30)
    raise AssertionError("every run was through before it could be held")
