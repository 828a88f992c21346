"""Killed at any moment, interrupted, or met by another: nothing finished is lost or done twice."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from light_extraction import (
    LIGHT,
    catch_running,
    interruptible,
    keys_of,
    make_media,
    make_posts,
    rows_of,
    start_extraction,
    table_sha256,
)

from virality.data.errors import StorageError
from virality.data.store import Store, make_key, publish
from virality.data.table import write_posts
from virality.featurizers.extract import extract

LONGEST_S = 4.0
"""About what an undisturbed run takes, starting Python included."""


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[int, Path]]:
    """A pickled table, a media folder, and undisturbed feature folders without and with views."""
    folder = tmp_path_factory.mktemp("case")
    media = make_media(folder / "media")
    make_posts().to_pickle(folder / "posts.pkl")
    calm = {views: folder / f"calm{views}" for views in (0, 2)}
    for views, out in calm.items():
        extract(make_posts(), media, out, only=LIGHT, views=views)
    return folder / "posts.pkl", media, calm


def family_of(run: subprocess.Popen[str]) -> list[psutil.Process]:
    """A process and all that came of it, as far as they are still there."""
    try:
        parent = psutil.Process(run.pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def kill_in_rounds(case, out: Path, rounds: int, seed: int, views: int) -> None:
    posts, media, calm = case
    moments = random.Random(seed)
    finished: dict[str, int] = {}
    for number in range(rounds):
        run = start_extraction(posts, media, out, jobs=1 + number % 2, views=views)
        time.sleep(moments.uniform(0, LONGEST_S))
        family = family_of(run)
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate(timeout=30)
        assert not psutil.wait_procs(family, timeout=20)[1], "somebody lives on"
        left = rows_of(out)
        assert finished.items() <= left.items(), "what was finished is gone or was done again"
        finished = left
    extract(make_posts(), media, out, only=LIGHT, views=views)
    assert finished.items() <= rows_of(out).items()
    assert keys_of(out) == keys_of(calm[views]), "not the same rows, each once"
    assert table_sha256(out) == table_sha256(calm[views])
    assert not list(out.rglob(".tmp-*"))


def test_killed_at_random_moments(case, tmp_path):
    kill_in_rounds(case, tmp_path / "f", rounds=3, seed=0, views=0)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(1, 11))
@pytest.mark.parametrize("views", [0, 2])
def test_killed_at_many_random_moments(case, tmp_path, seed, views):
    print(f"seed {seed}, {views} views")
    kill_in_rounds(case, tmp_path / "f", rounds=10, seed=seed, views=views)


ONCE, TWICE, ALONE = "once", "twice", "alone"


@pytest.mark.parametrize("how", [ONCE, TWICE, ALONE])
def test_interrupt_ends_the_command_with_130_and_leaves_nobody(case, tmp_path, how):
    _, media, calm = case
    write_posts(make_posts(), tmp_path / "posts.parquet")
    words = ["extract", tmp_path / "posts.parquet", "--media", media, "--only", ",".join(LIGHT)]

    def start(out: Path) -> subprocess.Popen[str]:
        with interruptible():
            return subprocess.Popen(
                [sys.executable, "-m", "virality", *map(str, words), "--output", str(out)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )

    run, out = catch_running(start, tmp_path)
    family = family_of(run)
    interrupt(run, how)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "Traceback" not in said
    assert how == TWICE or "goes on from here" in said
    assert not psutil.wait_procs(family, timeout=20)[1]
    finished = rows_of(out)
    assert finished
    extract(make_posts(), media, out, only=LIGHT)
    assert finished.items() <= rows_of(out).items()
    assert table_sha256(out) == table_sha256(calm[0])


LATE = """
import os, signal, sys
from virality import cli

class Late:
    def __del__(self, kill=os.kill, me=os.getpid(), key=signal.SIGINT):
        kill(me, key)

cli.late = Late()
sys.argv = ["virality", "--version"]
cli.main()
"""
"""Presses Ctrl-C while Python takes its modules down."""


def test_an_interrupt_while_python_shuts_down_does_not_change_what_is_over():
    with interruptible():
        run = subprocess.run(
            [sys.executable, "-c", LATE], check=False, capture_output=True, text=True
        )
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("virality ")


EARLY = """
import os, signal, sys

class Press:
    def find_spec(self, name, path=None, target=None):
        if name == "typer":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Press())
sys.argv = ["virality", "--version"]
from virality.__main__ import main
main()
"""
"""Presses Ctrl-C while the modules of the command line are imported."""

ODD = """
import os, signal, sys
from virality import cli

press = "import os, signal\\nos.kill(os.getpid(), signal.SIGINT)\\nwhile True: pass"

def in_a_text():
    exec(press)

def wrapped():
    try:
        exec(compile(press, "library", "exec"))
    except KeyboardInterrupt as error:
        raise RuntimeError("a library's own words") from error

def swallowed():
    class Goes:
        def __del__(self):
            wait = True
            os.kill(os.getpid(), signal.SIGINT)
            while wait: pass
    Goes()
    while True: pass

cli.app = locals()[sys.argv[1]]
cli.main()
"""
"""Presses Ctrl-C where Python makes something else of it than an exception that unwinds."""


def test_an_interrupt_while_modules_are_imported_ends_quietly_with_130():
    with interruptible():
        run = subprocess.run(
            [sys.executable, "-c", EARLY], check=False, capture_output=True, text=True
        )
    assert (run.returncode, run.stdout, run.stderr) == (130, "", "")


@pytest.mark.parametrize("where", ["in_a_text", "wrapped", "swallowed"])
def test_an_interrupt_ends_with_130_wherever_it_comes(where):
    with interruptible():
        run = subprocess.run(
            [sys.executable, "-c", ODD, where], check=False, capture_output=True, text=True,
            timeout=60,
        )  # fmt: skip
    assert run.returncode == 130
    assert "Traceback" not in run.stderr
    assert where == "swallowed" or "goes on from here" in run.stderr


def interrupt(run: subprocess.Popen[str], how: str) -> None:
    """Press Ctrl-C: as a terminal does, where everybody gets it, or only the command itself."""
    if how == ALONE:
        os.kill(run.pid, signal.SIGINT)
    else:
        os.killpg(run.pid, signal.SIGINT)
    os.killpg(run.pid, signal.SIGCONT)
    while how == TWICE and run.poll() is None:  # and again, until it is gone
        os.killpg(run.pid, signal.SIGINT)
        time.sleep(0.002)


def test_workers_end_with_a_killed_parent_whatever_they_have_in_hand(case, tmp_path):
    posts, media, _ = case
    run, _ = catch_running(lambda out: start_extraction(posts, media, out), tmp_path)
    family = family_of(run)[1:]
    assert family
    os.kill(run.pid, signal.SIGKILL)
    for one in family:
        one.resume()
    assert not psutil.wait_procs(family, timeout=60)[1]
    run.communicate(timeout=30)


def meet(case, folder: Path, others: int) -> None:
    """Let writers come while one is writing; all are turned away, and the folder ends whole."""
    posts, media, calm = case
    first, out = catch_running(lambda out: start_extraction(posts, media, out), folder)
    try:
        late = [start_extraction(posts, media, out) for _ in range(others)]
        said = [one.communicate(timeout=120)[0] for one in late]
    finally:
        os.killpg(first.pid, signal.SIGCONT)
    assert all("another run is writing it" in text for text in said)
    assert {one.returncode for one in late} == {StorageError.exit_code}
    first.communicate(timeout=120)
    assert first.returncode == 0
    assert table_sha256(out) == table_sha256(calm[0])


def test_another_writer_is_turned_away(case, tmp_path):
    meet(case, tmp_path, others=1)


@pytest.mark.nightly
def test_many_writers_are_turned_away(case, tmp_path):
    meet(case, tmp_path, others=7)


PUBLISHER = (
    "import sys; from pathlib import Path;"
    "from virality.data.store import make_key, publish;"
    "folder, first, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])\n"
    "for n in range(first, first + count): publish(folder, {make_key(str(n)): b'%d' % n})"
)


def publish_together(folder: Path, writers: int, count: int) -> None:
    """Writers whose records overlap by half publish at once; each record is there, once."""
    folder.mkdir()
    step = count // 2
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", PUBLISHER, str(folder), str(step * number), str(count)]
        )
        for number in range(writers)
    ]
    assert [run.wait(120) for run in runs] == [0] * writers
    total = step * (writers - 1) + count
    store = Store(folder)
    assert len(store) == total == len(list(folder.iterdir()))
    assert all(store.value(make_key(str(n))) == b"%d" % n for n in range(total))
    assert not store.damaged


def test_two_publish_to_one_store(tmp_path):
    publish_together(tmp_path / "rows", writers=2, count=100)


@pytest.mark.nightly
def test_eight_publish_to_one_store(tmp_path):
    publish_together(tmp_path / "rows", writers=8, count=1000)


def test_a_reader_never_sees_half_a_record(tmp_path):
    run = subprocess.Popen([sys.executable, "-c", PUBLISHER, str(tmp_path), "0", "200"])
    store = Store(tmp_path)
    while run.poll() is None:
        store.refresh()
    store.refresh()
    assert len(store) == 200
    assert not store.damaged
    assert publish(tmp_path, {make_key("0"): b"0"}) in os.listdir(tmp_path)
