"""`virality serve` on loopback: the first result, the pages, and what happens as load grows.

The server is the command itself, in a process of its own, with a model that reads every featurizer
of the default. The floor of a result is `virality predict` on the same clips, which has to start
and load everything first; the floor of a page is `/health`, which says two words.
"""

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from realistic_clip import write_clip
from results_table import RESULTS, write_table

from virality.data.features import read_features
from virality.data.table import conform
from virality.featurizers.extract import extract
from virality.modeling.bundle import save_model
from virality.modeling.train import train

POSTS, LEARNED_CLIPS, LEARNED_S, ASKED_S = 36, 3, 3.0, 15.0
CAPTION = "how to fold a shirt in two seconds #lifehack #fyp"
PAGE_REQUESTS, LOAD_S, LOADS, UPLOADS = 100, 2.0, (1, 4, 16, 64), (1, 4, 16, 50)
MOST_FIRST_S, MOST_PAGE_S = 6.0, 0.1
"""Asked of the first result on a clip once warm, and of a page."""

WARM_S = 180.0


def make_model(folder: Path) -> tuple[Path, Path]:
    """Return the folders of a model of every featurizer and of the features it learned from."""
    draw = np.random.default_rng(0)
    clips = folder / "clips"
    clips.mkdir()
    for seed in range(LEARNED_CLIPS):
        write_clip(clips / f"{seed}.mp4", LEARNED_S, seed)
    followers = (10 ** draw.uniform(2, 6, POSTS)).astype(int)
    posts = pd.DataFrame(
        {
            "id": [f"post{i}" for i in range(POSTS)],
            "author_id": [f"author{i % 12}" for i in range(POSTS)],
            "author_followers": followers,
            "posted_at": pd.date_range("2025-01-01", periods=POSTS, freq="37h", tz="UTC"),
            "caption": [f"{'word ' * int(draw.integers(1, 12))}#tag{i % 5}" for i in range(POSTS)],
            "media": [f"{i % LEARNED_CLIPS}.mp4" for i in range(POSTS)],
            "views": (followers * 10 ** draw.normal(0, 0.3, POSTS)).astype(int),
        }
    )
    features = folder / "features"
    extract(conform(posts), clips, features)
    table = read_features(features)
    save_model(train(table.matrix, table.posts, target="views"), folder / "model")
    return folder / "model", features


@contextmanager
def serving(model: Path, features: Path, folder: Path) -> Iterator[tuple[int, float]]:
    """Run the server; yield its port and the seconds until it was warm."""
    log = folder / "predictions.db"
    command = [sys.executable, "-m", "virality", "serve", str(model), "--features", str(features),
               "--port", "0", "--json", "--log", str(log), "--queue", "64"]  # fmt: skip
    begin = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            port = int(url.rstrip("/").rpartition(":")[2])
            while not json.loads(fetch(port, "/health"))["ready"]:
                if time.perf_counter() - begin > WARM_S:
                    raise SystemExit("the server never got warm")
                time.sleep(0.1)
            yield port, time.perf_counter() - begin
        finally:
            process.terminate()


def fetch(port: int, path: str, body: bytes = b"", kind: str = "") -> bytes:
    """Send one request on a connection of its own and return the body of its answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        headers = {"content-type": kind} if kind else {}
        connection.request("POST" if kind else "GET", path, body or None, headers)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status >= 400:
            raise SystemExit(f"{path}: {answer.status} {content[:200]!r}")
        return content
    finally:
        connection.close()


def predict(port: int, clip: Path) -> str:
    """Upload a clip with a caption, wait for its result and return the job's id."""
    parts = (
        b'--x\r\nContent-Disposition: form-data; name="caption"\r\n\r\n' + CAPTION.encode()
        + b'\r\n--x\r\nContent-Disposition: form-data; name="clip"; filename="a.mp4"\r\n\r\n'
        + clip.read_bytes() + b"\r\n--x--\r\n"
    )  # fmt: skip
    started = json.loads(fetch(port, "/api/v1/jobs", parts, "multipart/form-data; boundary=x"))
    while True:
        view = json.loads(fetch(port, f"/api/v1/jobs/{started['id']}?brief=true"))
        if view["state"] in ("done", "failed"):
            if view["state"] == "failed":
                raise SystemExit(view["error"])
            return str(started["id"])
        time.sleep(0.02)


def command_line(model: Path, clip: Path) -> None:
    """Predict by the command, which starts from nothing."""
    command = [sys.executable, "-m", "virality", "predict", str(model), str(clip), "--caption",
               CAPTION, "--json", "--quiet"]  # fmt: skip
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def timed(call: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def under_load(port: int, path: str, at_once: int, seconds: float) -> list[float]:
    """Ask for a page from several connections for some seconds; return every answer's seconds."""
    until = time.perf_counter() + seconds

    def one(_: int) -> list[float]:
        times = []
        while time.perf_counter() < until:
            times.append(timed(partial(fetch, port, path)))
        return times

    with ThreadPoolExecutor(at_once) as threads:
        return [one for times in threads.map(one, range(at_once)) for one in times]


def row(what: str, times: Sequence[float], seconds: float) -> list[object]:
    """Return the cells of one measurement."""
    low, high = (1000 * float(np.quantile(times, share)) for share in (0.5, 0.95))
    return [what, len(times), f"{low:,.0f} ms", f"{high:,.0f} ms", f"{len(times) / seconds:,.2f}"]


def verdict(what: str, times: Sequence[float], most: float) -> str:
    """Say whether the slowest of several times is as asked."""
    met = "Met" if max(times) < most else "MISSED"
    return f"{met}: {what}: the slowest of {len(times)} took {max(times):.3f} s, asked {most:g} s."


def measure(folder: Path, clips: int) -> tuple[list[list[object]], list[str]]:
    """Return the table, and notes on what was asked and how long warming took."""
    model, features = make_model(folder)
    asked = [write_clip(folder / f"asked{i}.mp4", ASKED_S, 100 + i) for i in range(clips)]
    rows = []
    floor = [timed(partial(command_line, model, clip)) for clip in asked[:2]]
    rows.append(row("15 s clip, `virality predict` (floor)", floor, sum(floor)))
    with serving(model, features, folder) as (port, warm_s):
        times = [timed(partial(predict, port, clip)) for clip in asked]
        rows.append(row("15 s clip, upload to result, once warm", times, sum(times)))
        notes = [verdict("15 s clip, upload to result, once warm", times, MOST_FIRST_S)]
        notes.append(f"The server was warm {warm_s:.1f} s after its start.")
        job = predict(port, folder / "clips" / "0.mp4")
        pages = {"/health (floor)": "/health", "form": "/", "result": f"/results/{job}"}
        for name, path in pages.items():
            times = [timed(partial(fetch, port, path)) for _ in range(PAGE_REQUESTS)]
            rows.append(row(f"page: {name}", times, sum(times)))
            notes.append(verdict(f"page {name}", times, MOST_PAGE_S))
        for at_once in LOADS:
            times = under_load(port, f"/results/{job}", at_once, LOAD_S)
            rows.append(row(f"result page, {at_once} at once", times, LOAD_S))
        for at_once in UPLOADS:
            begin = time.perf_counter()
            with ThreadPoolExecutor(at_once) as threads:
                again = [folder / "clips" / f"{i % LEARNED_CLIPS}.mp4" for i in range(at_once)]
                times = list(threads.map(lambda clip: timed(partial(predict, port, clip)), again))
            rows.append(row(f"3 s clips, {at_once} at once", times, time.perf_counter() - begin))
    return rows, notes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=4, help="15 s clips to ask about")
    parser.add_argument("-o", "--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="virality-serve-") as folder:
        rows, told = measure(Path(folder), asked.clips)
    notes = [
        *told,
        f"The load average of the machine before the run was {load:.1f}; every time grows with it.",
        "Clips are made up at the size, bit rate and grain of real ones (`realistic_clip.py`), "
        "576x1024 at 30 frames/s; each is asked about once, with a caption.",
        "Every request opens a connection of its own. The client runs on the same machine.",
        "One worker makes the predictions (`--jobs 1`), so clips that come together wait.",
    ]
    header = ["what", "requests", "median", "95th percentile", "a second"]
    libraries = ("virality", "fastapi", "starlette", "uvicorn", "lightgbm", "onnxruntime")
    path = write_table("serve", "Serving on loopback", header, rows, notes,
                       libraries=libraries, folder=asked.out)  # fmt: skip
    print(path.read_text())


if __name__ == "__main__":
    main()
