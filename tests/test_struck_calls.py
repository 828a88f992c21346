"""The Nth call on files ends its process or fails: nothing is lost or done twice."""

import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from light_extraction import PROGRAM, make_media, rows_of, table, table_sha256

from virality.data.errors import StorageError
from virality.featurizers.extract import extract

ONLY = ("text_shape", "audio_loudness")
INTERFERENCE = Path(__file__).parent / "interference"
WAYS = ("exit", "kill", "ENOSPC", "EIO", "EROFS")


@dataclass(frozen=True)
class Case:
    """A pickled table, its media folder and what an undisturbed extraction makes of it."""

    posts: Path
    media: Path
    calm: tuple[str, str]


def posts():
    return table(["p0", "p1", "text"], caption=["one", "two", None])


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp("case")
    media = make_media(folder / "media")
    posts().to_pickle(folder / "posts.pkl")
    extract(posts(), media, folder / "calm", only=ONLY)
    return Case(folder / "posts.pkl", media, table_sha256(folder / "calm"))


def strike(case: Case, out: Path, who: str, number: int, how: str) -> bool:
    """Strike one call of an extraction, look at what is left, and run it again.

    Returns:
        whether there was a call of that number at all.
    """
    struck = out.with_name(f"{out.name}-struck")
    asked = {"folder": str(out), "who": who, "number": str(number), "how": how}
    words = [*map(str, (case.posts, case.media, out)), ",".join(ONLY), "1", "0"]
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        env={
            **os.environ,
            "PYTHONPATH": str(INTERFERENCE),
            "INTERFERE": json.dumps({**asked, "struck": str(struck)}),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if not struck.exists():
        assert run.returncode == 0, run.stderr
        assert table_sha256(out) == case.calm
        return False
    assert run.returncode in endings(who, how), f"{who} {number} {how}: {run.stderr}"
    if run.returncode == StorageError.exit_code:
        assert str(out) in run.stdout
    elif run.returncode == 0:  # a worker was replaced, or a call need not succeed
        assert table_sha256(out) == case.calm
    finished = rows_of(out) if (out / "rows").is_dir() else {}
    extract(posts(), case.media, out, only=ONLY)
    assert finished.items() <= rows_of(out).items(), "what was finished is gone or was done again"
    assert table_sha256(out) == case.calm
    assert not list(out.rglob(".tmp-*"))
    return True


def endings(who: str, how: str) -> tuple[int, ...]:
    """Return the exit codes that a run may end with that was struck in this way."""
    if how not in ("exit", "kill"):
        return (0, StorageError.exit_code)
    if who == "worker":
        return (0,)
    return (9,) if how == "exit" else (-signal.SIGKILL,)


@pytest.mark.parametrize(
    ("who", "number", "how"),
    [
        ("parent", 3, "exit"),
        ("parent", 14, "kill"),
        ("worker", 0, "exit"),
        ("worker", 2, "kill"),
        ("worker", 1, "ENOSPC"),
    ],
)
def test_a_call_is_struck(case: Case, tmp_path: Path, who: str, number: int, how: str) -> None:
    assert strike(case, tmp_path / "f", who, number, how)


def numbers_until_untouched(case: Case, folder: Path, who: str, how: str) -> Iterator[int]:
    for number in itertools.count():
        if not strike(case, folder / f"{how}{number}", who, number, how):
            return
        yield number


@pytest.mark.nightly
@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("who", ["parent", "worker"])
def test_every_call_is_struck(case: Case, tmp_path: Path, who: str, how: str) -> None:
    struck = list(numbers_until_untouched(case, tmp_path, who, how))
    print(f"{who} {how}: {len(struck)} calls")
    assert len(struck) >= (20 if who == "parent" else 3)
