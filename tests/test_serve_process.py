"""The command `virality serve` as a process of its own, and how it ends."""

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
import serve_case as case
from light_extraction import interruptible

BEGUN = (
    b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n"
    b"Content-Type: multipart/form-data; boundary=xyz\r\n\r\n"
    b'--xyz\r\nContent-Disposition: form-data; name="clip"; filename="a.mp4"\r\n\r\nmany bytes'
)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -15), (signal.SIGHUP, 0)]
)
def test_a_server_that_is_ended_leaves_no_clip_and_nobody(tmp_path, monkeypatch, number, code):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    words = ["serve", str(case.model()), "--port", "0", "--json"]
    with interruptible():
        server = subprocess.Popen(
            [sys.executable, "-m", "virality", *words], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
    url = json.loads(server.stdout.readline())["url"]
    assert httpx.get(f"{url}health", trust_env=False).json()["status"] == "ok"
    with socket.create_connection(("127.0.0.1", urlsplit(url).port), 60) as sock:
        sock.sendall(BEGUN)
        until = time.monotonic() + 60
        while not clips(tmp_path):
            assert time.monotonic() < until
            time.sleep(0.02)
        family = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
        server.send_signal(number)
        answer = case.answer_of(sock)
        _, said = server.communicate(timeout=60)
    assert b" 503 " in answer
    assert b"the server is being ended" in answer
    assert server.returncode == code
    assert "Traceback" not in said
    assert not psutil.wait_procs(family, timeout=20)[1]
    assert list(tmp_path.glob("virality-*")) == []


def test_clips_of_a_server_that_was_killed_go_when_the_next_one_starts(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    stranger = tmp_path / "virality-serve-other"
    stranger.mkdir()
    words = [sys.executable, "-m", "virality", "serve", str(case.model()), "--port", "0", "--json"]
    with case.site() as living:
        server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        url = urlsplit(json.loads(server.stdout.readline())["url"])
        with socket.create_connection(("127.0.0.1", url.port), 60) as sock:
            sock.sendall(BEGUN)
            until = time.monotonic() + 60
            while not clips(tmp_path):
                assert time.monotonic() < until
                time.sleep(0.02)
            server.kill()
            server.communicate(timeout=60)
        assert len(clips(tmp_path)) == 1
        with case.site() as later:
            assert clips(tmp_path) == []
            assert set(tmp_path.glob("virality-serve-*")) == {
                living.board.root, later.board.root, stranger
            }  # fmt: skip
            with living.client() as client:
                (item,) = case.ask(client, case.clip(0))["items"]
            assert item["status"] == "ok"
    assert list(tmp_path.glob("virality-serve-*")) == [stranger]


def clips(folder: Path) -> list[Path]:
    return list(folder.glob("virality-serve-*/*/clip-*"))
