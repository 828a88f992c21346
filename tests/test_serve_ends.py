"""How a server begins and ends: what fails early, what is under way, and what stays behind."""

import errno
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import poison
import pytest
import serve_case as case
from clips import make_clip
from light_extraction import interruptible
from serve_case import ask, form, site
from test_serve_process import BEGUN, clips

from virality.data import synthetic_clip
from virality.data.limits import Limits
from virality.data.store import file_sha256
from virality.featurizers.worker import Setup, Task
from virality.web.jobs import Board
from virality.web.metrics import Metrics
from virality.web.settings import Settings
from virality.workflow.prediction_log import open_log


class Hanging:
    """A predictor whose clips hang their worker, but for the first few that are asked for."""

    def __init__(self, folder: Path, spared: int) -> None:
        clip = make_clip(folder / "bad.mp4", seconds=1.2)
        self.setup = Setup(
            folder / "rows", {"p": poison.Poison("hang")}, Limits(wall_s=300), 0, True
        )
        self.tasks = [Task(0, (file_sha256(clip),), clip, ("p",))]
        self.spared, self.begun = spared, threading.Event()

    def predict(self, _candidates, crew, **_how):
        self.spared -= 1
        if self.spared < 0:
            list(
                crew.run(
                    self.setup, self.tasks, lambda stage: stage == "audio" and self.begun.set()
                )
            )
        return ()


@pytest.mark.parametrize("spared", [0, 2], ids=["while it gets warm", "while it predicts"])
def test_a_clip_that_takes_long_holds_no_end_up(tmp_path, monkeypatch, capfd, spared):
    monkeypatch.setenv("PYTHONPATH", str(Path(poison.__file__).parent))
    predictor = Hanging(tmp_path, spared)
    board = Board(predictor, Settings(), Metrics())
    board.start()
    if spared:
        assert board.ready.wait(120)
        board.submit((), board.reserve())
    assert predictor.begun.wait(120)
    closing = threading.Thread(target=board.close, daemon=True)
    closing.start()
    closing.join(60)
    assert not closing.is_alive()
    assert not board.root.exists()
    assert capfd.readouterr().err == ""


def test_a_disk_that_is_full_at_the_start_keeps_nobody_from_being_served(monkeypatch, capfd):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(synthetic_clip, "write_clip", full)
    with site() as one, one.client() as client:
        (item,) = ask(client, case.clip(0))["items"]
    assert item["status"] == "ok"
    said = capfd.readouterr().err
    assert "the first result will be slow" in said
    assert "cannot be written (No space left on device); make room there" in said
    assert "Traceback" not in said


def test_a_fault_while_it_gets_warm_keeps_nobody_from_being_served(monkeypatch, capfd):
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(synthetic_clip, "write_clip", broken)
    with site() as one, one.client() as client:
        (item,) = ask(client, case.clip(0))["items"]
    assert item["status"] == "ok"
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_no_folder_is_made_before_anything_is_served(tmp_path, monkeypatch):
    from virality.web.app import create_app

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    create_app(case.predictor(), Settings())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_at_the_start_is_told_and_made_later(
    tmp_path, monkeypatch, capfd
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with site() as one, one.client() as client:
        assert client.post("/api/v1/jobs", files=form(captions=("x",))).status_code == 503
        assert "no clip can be taken yet" in capfd.readouterr().err
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        (item,) = ask(client, case.clip(0))["items"]
    assert item["status"] == "ok"
    assert list(tmp_path.iterdir()) == []


def test_what_was_dropped_while_it_ran_is_not_kept_in_the_log(tmp_path, monkeypatch):
    with open_log(tmp_path / "p.db") as log, site(log=log) as one, one.client() as client:
        board, whole = one.board, one.board.predictor.predict
        ready, gone = threading.Event(), threading.Event()

        def slow(*asked, **how):
            made = whole(*asked, **how)
            ready.set()
            assert gone.wait(60)
            return made

        monkeypatch.setattr(board.predictor, "predict", slow)
        job = client.post("/api/v1/jobs", files=form(captions=("mine",))).json()["id"]
        assert ready.wait(120)
        assert client.delete(f"/api/v1/jobs/{job}").status_code == 204
        gone.set()
        assert case.left_behind(one) == []
        assert log.predictions() == ()
        ask(client, captions=("ours",))
        assert len(log.predictions()) == 1


def test_a_second_interrupt_ends_it_without_a_trace(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    listening.close()
    words = ["serve", str(case.model()), "--port", str(port), "--json"]
    with interruptible():
        server = subprocess.Popen(
            [sys.executable, "-m", "virality", *words], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
    server.stdout.readline()
    with socket.create_connection(("127.0.0.1", port), 60) as sock:
        sock.sendall(BEGUN)
        until = time.monotonic() + 60
        while not clips(tmp_path):
            assert time.monotonic() < until
            time.sleep(0.02)
        server.send_signal(signal.SIGINT)
        while is_open(port):
            assert time.monotonic() < until
            time.sleep(0.02)
        server.send_signal(signal.SIGINT)  # while the upload has its five seconds
        _, said = server.communicate(timeout=60)
    assert server.returncode == 130
    assert "Traceback" not in said
    assert list(tmp_path.glob("virality-*")) == []


def is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except OSError:
        return False
    return True
