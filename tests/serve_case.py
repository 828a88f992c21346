"""A small real model, its features and a server of them: one a process of tests."""

import atexit
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
from clips import make_clip

from virality.data.prediction_log import PredictionLog
from virality.data.table import conform
from virality.featurizers.extract import extract
from virality.modeling.bundle import save_model
from virality.modeling.train import train
from virality.web.app import create_app
from virality.web.serve import listen, server_of
from virality.web.settings import Settings
from virality.workflow.predictor import Predictor

LIGHT = (
    "text_shape", "audio_loudness", "frames_colour", "stream_container", "metadata_author",
    "metadata_time", "metadata_hashtag", "metadata_sound",
)  # fmt: skip
"""Featurizers without models: the tests are about serving, not about them."""

POSTS, CLIPS = 40, 4


@cache
def folder() -> Path:
    """A folder that lasts as long as the process."""
    place = Path(tempfile.mkdtemp(prefix="virality-tests-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return place


@cache
def clip(seed: int = 0) -> Path:
    """A short clip, one a seed."""
    (folder() / "clips").mkdir(exist_ok=True)
    return make_clip(folder() / "clips" / f"clip{seed}.mp4", seconds=0.6, seed=seed)


@cache
def posts() -> pd.DataFrame:
    """Posts whose views follow their authors' followers and the length of the caption."""
    draw = np.random.default_rng(0)
    followers = (10 ** draw.uniform(2, 6, POSTS)).astype(int)
    captions = [f"{'word ' * int(draw.integers(1, 12))}#tag{i % 5}" for i in range(POSTS)]
    views = followers * 10 ** draw.normal(0, 0.2, POSTS) * [1 + len(one) / 20 for one in captions]
    return conform(
        pd.DataFrame(
            {
                "id": pd.array([f"post{i:03d}" for i in range(POSTS)], dtype="string"),
                "author_id": pd.array([f"author{i % 16}" for i in range(POSTS)], dtype="string"),
                "author_followers": pd.array(followers, dtype="Int64"),
                "posted_at": pd.date_range("2025-01-01", periods=POSTS, freq="37h", tz="UTC"),
                "caption": pd.array(captions, dtype="string"),
                "hashtags": [(f"tag{i % 5}",) for i in range(POSTS)],
                "media": pd.array([clip(i % CLIPS).name for i in range(POSTS)], dtype="string"),
                "views": pd.array(views.astype(int), dtype="Int64"),
            }
        )
    )


@cache
def features() -> Path:
    """The features of the posts."""
    out = folder() / "features"
    extract(posts(), clip().parent, out, only=LIGHT)
    return out


@cache
def model() -> Path:
    """The model that was trained on them."""
    from virality.data.features import read_features

    table = read_features(features())
    save_model(train(table.matrix, table.posts, target="views"), folder() / "model")
    return folder() / "model"


@cache
def predictor() -> Predictor:
    """The model, loaded once, with its posts for similar ones."""
    return Predictor(model(), features())


class Site:
    """A server in a thread of this process, and a client that knows its address."""

    def __init__(
        self,
        settings: Settings,
        log: PredictionLog | None = None,
        model: Predictor | None = None,
    ) -> None:
        self.settings = settings
        self.app = create_app(model or predictor(), settings, log)
        self.board = self.app.state.board
        self._server = server_of(self.app, settings)
        self._sock = listen(settings)
        self.port = self._sock.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.run, args=([self._sock],))

    def __enter__(self) -> "Site":
        self._thread.start()
        until = time.monotonic() + 60
        while not self._server.started:
            assert time.monotonic() < until, "the server never started"
            time.sleep(0.01)
        assert self.board.ready.wait(120), "the workers never got warm"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(60)
        self._sock.close()
        assert not self._thread.is_alive()

    def client(self, **options: object) -> httpx.Client:
        """A client of this server."""
        return httpx.Client(base_url=self.url, timeout=60, trust_env=False, **options)

    @property
    def connections(self) -> set:
        """The connections that the server has open."""
        return self._server.server_state.connections

    def connect(self) -> socket.socket:
        """A bare connection to this server."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)


@contextmanager
def site(
    *, log: PredictionLog | None = None, model: Predictor | None = None, **settings: object
) -> Iterator[Site]:
    """A server with some settings of its own, on a free port."""
    with Site(Settings(port=0, **settings), log, model) as one:
        yield one


def ask(client: httpx.Client, *clips: Path, captions: tuple[str, ...] = (), **fields: str) -> dict:
    """Send a request for predictions and wait for its result."""
    started = client.post("/api/v1/jobs", files=form(*clips, captions=captions, **fields))
    assert started.status_code == 202, started.text
    return finished(client, started.json()["id"])


def form(*clips: Path, captions: tuple[str, ...] = (), **fields: str) -> list:
    """The parts of a form."""
    parts: list = [("clip", (one.name, one.read_bytes(), "video/mp4")) for one in clips]
    parts += [("caption", (None, text)) for text in captions]
    return parts + [(name, (None, text)) for name, text in fields.items()]


def finished(client: httpx.Client, job: str) -> dict:
    """Wait for a job's end."""
    until = time.monotonic() + 120
    while (view := client.get(f"/api/v1/jobs/{job}").json())["state"] not in ("done", "failed"):
        assert time.monotonic() < until, view
        time.sleep(0.02)
    return view


def left_behind(server: Site) -> list[str]:
    """Files of uploads that stay when all that was sent has been dealt with."""
    with server.client() as client:
        for _ in range(2):  # what was sent before these has at least begun when they are answered
            client.get("/health", headers={"connection": "close"})
    until = time.monotonic() + 60
    while (server.board.busy() or any(server.board.root.iterdir())) and time.monotonic() < until:
        time.sleep(0.02)
    assert server.board.busy() == 0
    return sorted(path.name for path in server.board.root.iterdir())


def answer_of(sock: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    pieces = []
    while piece := sock.recv(65_536):
        pieces.append(piece)
    return b"".join(pieces)
