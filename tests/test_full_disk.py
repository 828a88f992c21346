"""Commands that meet a full disk: one sentence, what was there stays, nothing lies about."""

import os
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
import serve_case as case
from full_disk import full_disk
from matrices import make_case
from typer.testing import CliRunner

from virality.cli import app
from virality.data.errors import StorageError
from virality.data.scratch import scratch
from virality.data.store import write_atomically
from virality.modeling.registry import Registry
from virality.modeling.study import open_study
from virality.modeling.tune import read_tuning, tune

COMMANDS = {
    "tune": ("features", "--trials", "9", "--study", "study.log"),
    "train": ("features", "--target", "views", "-o", "model"),
    "evaluate": ("features", "--model", "model", "--split", "temporal", "-o", "scores.json"),
    "explain": ("model", "post001", "--features", "features", "-o", "why.html"),
    "report": ("model", "features", "--evaluation", "scores.json", "-o", "report.html"),
    "trends": ("posts.parquet", "-o", "trends.html"),
    "ingest": ("posts.parquet", "-o", "read.parquet"),
    "inspect": ("clip.mp4", "--without", "text,audio,frames", "-o", "clip.html"),
    "feedback": ("log.db", "--quarantined", "-o", "held.csv"),
    "monitor": ("log.db", "--model", "model", "--features", "features", "-o", "monitor.html"),
}  # fmt: skip
OLD = ("why.html", "report.html", "trends.html", "clip.html", "held.csv", "monitor.html",
       "read.parquet", "read-rejects.csv")  # fmt: skip


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """A folder in which each of the commands works."""
    folder = tmp_path_factory.mktemp("ready")
    shutil.copytree(case.model(), folder / "model")
    shutil.copytree(case.features(), folder / "features")
    shutil.copy(case.clip(0), folder / "clip.mp4")
    case.posts().to_parquet(folder / "posts.parquet")
    tune(*make_case(70), trials=2, study=folder / "study.log")
    for name in OLD:
        (folder / name).write_text("what was there")
    with pytest.MonkeyPatch.context() as here:
        here.chdir(folder)
        for words in (
            ("predict", "model", "--caption", "hello", "--log", "log.db"),
            ("evaluate", *COMMANDS["evaluate"]),
        ):
            done = CliRunner().invoke(app, words)
            assert done.exit_code == 0, done.exception
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*") if path.is_file()}  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("most_bytes", [0, 2000])
def test_a_command_that_does_not_fit_leaves_all_as_it_was(
    ready, tmp_path, monkeypatch, name, most_bytes
):
    here = shutil.copytree(ready, tmp_path / "here")
    monkeypatch.chdir(here)
    before = content(here)
    with full_disk(most_bytes):
        done = CliRunner().invoke(app, [name, *COMMANDS[name]])
    assert isinstance(done.exception, StorageError), done.output
    assert done.exception.exit_code == 5
    after = content(here)
    if name in ("feedback", "monitor"):  # SQLite tidies up at the next opening
        after = {one: text for one, text in after.items() if not one.startswith("log.db-")}
    if name == "ingest":  # which rows were refused is told first, and may fit
        del after["read-rejects.csv"], before["read-rejects.csv"]
    assert after == before


def test_a_disk_that_is_full_beneath_everything_is_one_sentence_too():
    program = (
        "from virality import cli; cli.app = lambda: open('/dev/full', 'w').write('x' * 99999); "
        "cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 5
    assert (
        done.stderr
        == "error: a file or stdout: No space left on device; make room and run it again\n"
    )


def test_a_bundle_that_a_registry_has_no_room_for_is_not_there_in_part(tmp_path):
    registry = Registry(tmp_path / "registry")
    with registry.locked():
        with full_disk(20_000), pytest.raises(StorageError, match="File too large"):
            registry.adopt(case.model(), ["post001"], now=datetime(2025, 6, 1, tzinfo=UTC))
        assert list((tmp_path / "registry" / "bundles").iterdir()) == []
        entry = registry.adopt(case.model(), ["post001"], now=datetime(2025, 6, 1, tzinfo=UTC))
        assert registry.bundle(entry.hash).is_dir()


def test_a_study_that_a_full_disk_ended_goes_on_where_it_was(tmp_path):
    whole = tune(*make_case(70), trials=4, study=tmp_path / "whole.log")
    size = (tmp_path / "whole.log").stat().st_size
    study = tmp_path / "study.log"
    for most_bytes in (size // 9, size // 2, size - 100):
        with full_disk(most_bytes), pytest.raises(StorageError, match=r"study\.log: cannot be wr"):
            tune(*make_case(70), trials=4, study=study)
        assert study.read_bytes().endswith(b"\n")
    finished = read_tuning(study).finished
    resumed = tune(*make_case(70), trials=4, study=study)
    assert finished
    assert resumed.finished[: len(finished)] == finished
    assert (resumed.value, resumed.params) == (whole.value, whole.params)


def test_a_study_outlives_another_process_that_is_killed_while_it_writes(tmp_path):
    path = tmp_path / "study.log"
    study = open_study(path)
    with path.open("ab") as file:
        file.write(b'{"op_code":2,"wor')
    study.set_user_attr("target", "views")
    assert open_study(path).user_attrs == {"target": "views"}


def test_a_study_whose_folder_is_gone_says_so(tmp_path):
    study = open_study(tmp_path / "folder" / "study.log")
    shutil.rmtree(tmp_path / "folder")
    with pytest.raises(StorageError, match=r"study\.log: cannot be locked"):
        study.set_user_attr("target", "views")


def test_no_temporary_folder_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(StorageError, match="name another place by TMPDIR"), scratch():
        pass


def test_pipes_and_links_are_written_and_stay_what_they_are(tmp_path):
    pipe, link, file = tmp_path / "pipe", tmp_path / "link", tmp_path / "file"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_atomically(pipe, b"told")
    assert os.read(reader, 100) == b"told"
    os.close(reader)
    file.write_bytes(b"old")
    link.symlink_to(file)
    write_atomically(link, b"new")
    assert (pipe.is_fifo(), link.is_symlink(), file.read_bytes()) == (True, True, b"new")
    with pytest.raises(StorageError, match="No space left"):
        write_atomically(Path("/dev/full"), b"x")
