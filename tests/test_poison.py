"""A clip that kills, hangs or confuses its featurizer costs nobody but itself."""

import os
import signal
import threading
from pathlib import Path

import poison
import psutil
import pytest
from clips import make_clip
from light_extraction import table

from virality.data.decode import Limits
from virality.data.features import read_features
from virality.data.store import file_sha256
from virality.featurizers import extract as module
from virality.featurizers.extract import extract
from virality.featurizers.pool import (
    Crew,
    Stopped,
    Worker,
    interrupts_held,
    run_tasks,
    start_worker,
)
from virality.featurizers.worker import Setup, Task

DEADLY = ("segfault", "abort", "killed", "exit", "leave")
TOLD = {"memory": "MemoryError", "error": "ValueError", "recursion": "Recursion", "shape": "shape"}
PATIENT = Limits(wall_s=300)
"""Here the clips are sound; however busy the machine is, none of them shall be late."""

CI = ("segfault", "exit", "memory", "shape")


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    for number in range(3):
        make_clip(folder / f"p{number}.mp4", seconds=0.4, seed=number)
    make_clip(folder / "bad.mp4", seconds=1.2)
    return folder


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(poison.__file__).parent))


def run(media: Path, out: Path, deed: str, monkeypatch: pytest.MonkeyPatch):
    featurizers = {"audio_poison": poison.Poison(deed), **colour()}
    monkeypatch.setattr(module, "FEATURIZERS", featurizers)
    posts = table(["p0", "bad", "p1", "p2"])
    result = extract(posts, media, out, jobs=2, limits=PATIENT)
    return result, read_features(out)


def colour():
    return {"frames_colour": module.FEATURIZERS["frames_colour"]}


def deeds(names):
    return [pytest.param(name, marks=() if name in CI else pytest.mark.nightly) for name in names]


@pytest.mark.parametrize("deed", deeds(DEADLY))
def test_a_worker_that_dies_takes_no_neighbour_with_it(media, tmp_path, monkeypatch, deed):
    result, features = run(media, tmp_path / "f", deed, monkeypatch)
    assert result.counts == {"ok": 3, "failed": 1}
    assert result.reasons == {"worker_lost": 1}
    lengths = features.matrix.frame["audio_poison__length_s"]
    assert lengths.isna().tolist() == [False, True, False, False]
    assert features.matrix.frame.loc["bad"].isna().all()
    again, _ = run(media, tmp_path / "f", deed, monkeypatch)
    assert (again.reused, again.computed) == (3, 1), "only the lost one is tried again"


@pytest.mark.parametrize("deed", deeds(TOLD))
def test_a_featurizer_that_raises_empties_its_own_columns_only(media, tmp_path, monkeypatch, deed):
    result, features = run(media, tmp_path / "f", deed, monkeypatch)
    assert result.counts == {"ok": 3, "partial": 1}
    assert result.reasons == {"featurizer_failed": 1}
    frame, status = features.matrix.frame, features.status.set_index("id")
    assert frame["audio_poison__length_s"].isna().tolist() == [False, True, False, False]
    assert frame.filter(like="frames_colour").loc["bad"].notna().any()
    assert "audio_poison" in status.loc["bad", "detail"]
    assert TOLD[deed] in status.loc["bad", "detail"]


def test_a_featurizer_that_hangs_is_given_up(media, tmp_path):
    (tmp_path / "rows").mkdir()
    setup = Setup(tmp_path / "rows", {"p": poison.Poison("hang")}, PATIENT, task_s=1.0)
    task = Task(0, (file_sha256(media / "bad.mp4"),), media / "bad.mp4", ("p",))
    assert [done.failures for done in run_tasks(setup, [task], 1)] == [{"": "worker_lost"}]
    assert not [one for one in psutil.Process().children() if "worker" in str(one.cmdline())]


def test_a_crew_that_is_stopped_gives_up_what_it_measures(media, tmp_path):
    clip, crew, begun, ends = media / "bad.mp4", Crew(1), threading.Event(), []
    setup = Setup(tmp_path / "rows", {"p": poison.Poison("hang")}, PATIENT, tells=True)
    tasks = [Task(0, (file_sha256(clip),), clip, ("p",))]

    def work() -> None:
        try:
            list(crew.run(setup, tasks, lambda stage: stage == "audio" and begun.set()))
        except Stopped as end:
            ends.append(end)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert begun.wait(120)
    crew.stop()
    thread.join(60)
    assert len(ends) == 1
    with pytest.raises(Stopped):
        list(crew.run(setup, tasks))
    crew.close()


def start_disturbed(setup: Setup, workers: list[Worker]) -> None:
    with interrupts_held():
        os.kill(os.getpid(), signal.SIGINT)
        workers.append(start_worker(setup))
        os.kill(workers[0].process.pid, signal.SIGINT)


def test_an_interrupt_while_workers_are_started_comes_afterwards_and_reaches_none_of_them(
    media, tmp_path
):
    (tmp_path / "rows").mkdir()
    setup = Setup(tmp_path / "rows", colour(), PATIENT)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    workers: list[Worker] = []
    try:
        with pytest.raises(KeyboardInterrupt):
            start_disturbed(setup, workers)
        task = Task(0, (file_sha256(media / "p0.mp4"),), media / "p0.mp4", ("frames_colour",))
        workers[0].connection.send(task)
        done = workers[0].connection.recv()
        assert (done.failures, done.file != "") == ({}, True)
    finally:
        signal.signal(signal.SIGINT, before)
        for worker in workers:
            worker.end()
