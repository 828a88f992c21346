"""Size, time and first paint of the report as posts grow: 1,000, 10,000 and 1,000,000.

Generated posts (see `scaling.py`) with captions; the model learns from the oldest 20,000 at most
and is judged on 2,000 of them, the report is about all posts. Each size runs in a process of its
own and is opened in headless Chromium from the disk: first contentful paint, requests, and whether
the page is wider than a phone. As the floor, the plain way to show every post, a page of a single
scatter with one SVG circle a post, is opened likewise. Writes `results/report.md`.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from results_table import write_table
from scaling import make_posts, peak_gib
from tables import patient, say

from virality.data.features import Features, write_features
from virality.data.matrix import FeatureMatrix

SIZES = (1_000, 10_000, 1_000_000)
QUICK_SIZES = (400, 1_000)
LEARNED = 20_000
JUDGED = 2_000
SEED = 0
OPENED = 5
"""Times that a page is opened; the median is told."""

PATIENCE_MS = 180_000
"""How long a page may load."""

LARGEST_MB, SLOWEST_S = 6.0, 3.0
WORDS = (
    "cat", "dance", "recipe", "funny", "gym", "travel", "dog", "makeup", "street", "food", "music",
    "garden", "paint", "trick", "school", "football", "beach", "night", "morning", "coffee",
)  # fmt: skip
HEADER = (
    "page", "posts", "written in, s", "peak GiB", "MB", "first paint, s", "requests",
    "wider than a phone",
)  # fmt: skip


def make(folder: Path, rows: int) -> dict[str, float]:
    """Train, judge, and write the report of so many posts in this process -> what it took."""
    from virality.modeling.bundle import save_model
    from virality.modeling.evaluate import evaluate
    from virality.modeling.train import train
    from virality.workflow.describe import describe
    from virality.workflow.judge import keep_evaluation

    matrix, posts = make_posts(rows)
    rng = np.random.default_rng([SEED, rows])
    picked = rng.integers(0, len(WORDS), (rows, 4))
    posts["caption"] = [" ".join(WORDS[i] for i in four) for four in picked.tolist()]
    step = np.linspace(0, rows - 1, min(rows, LEARNED)).astype(np.int64)
    few = step[:: max(1, len(step) // JUDGED)]
    ids = matrix.frame.index
    model = train(matrix.rows(ids[step]), posts.iloc[step].reset_index(drop=True), seed=SEED)
    save_model(model, folder / "model")
    some = matrix.rows(ids[few]), posts.iloc[few].reset_index(drop=True)
    kept = []
    for split in ("temporal", "author"):
        judged = evaluate(model, *some, split=split, seed=SEED)
        kept.append(folder / f"{split}.json")
        keep_evaluation(judged, kept[-1])
    floor(folder / "floor.html", matrix, posts)
    status = pd.DataFrame({"id": posts["id"], "status": "ok"})
    write_features(folder / "features", Features(matrix, posts, status))
    del matrix, posts
    begin = time.perf_counter()
    describe(folder / "model", folder / "features", folder / "report.html", evaluations=kept)
    return {"seconds": time.perf_counter() - begin, "peak": peak_gib()}


def floor(path: Path, matrix: FeatureMatrix, posts: pd.DataFrame) -> None:
    """Save a scatter of one column against log views that holds every post."""
    x = matrix.frame.iloc[:, -1].to_numpy(dtype=np.float64)
    y = np.log10(1.0 + posts["views"].to_numpy(dtype=np.float64))
    places = zip(200 + 40 * x, 400 - 40 * y, strict=True)
    marks = "".join(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="1"/>' for a, b in places)
    path.write_text(f'<!doctype html><svg width="380" height="400">{marks}</svg>', "utf-8")


def look(path: Path, chromium: str) -> tuple[float, int, bool]:
    """Open a page -> median seconds to first contentful paint, requests besides it, too wide."""
    from playwright.sync_api import sync_playwright

    paints, asked = [], []
    with sync_playwright() as running:
        browser = running.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        for _ in range(OPENED):
            page = browser.new_page(viewport={"width": 390, "height": 844})
            page.on("request", lambda one: asked.append(one.url))
            page.set_default_timeout(PATIENCE_MS)
            page.goto(path.as_uri())
            page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
            entry = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
            paints.append(float(page.evaluate(entry)) / 1e3)
            wide = bool(page.evaluate("document.documentElement.scrollWidth > 390"))
            page.close()
        browser.close()
    others = [url for url in asked if url != path.as_uri()]
    return statistics.median(paints), len(others), wide


def rows_of(rows: int, chromium: str) -> tuple[list[list[object]], bool]:
    """Make and open the pages of a size -> rows of the table, whether ours is as asked."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, str(Path(__file__)), "--child", name, str(rows)]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=patient())
        spent = json.loads(done.stdout)
        table: list[list[object]] = []
        met = True
        for title, page in (("virality", "report.html"), ("one mark a post", "floor.html")):
            size = (folder / page).stat().st_size / 1e6
            paint, requests, wide = look(folder / page, chromium)
            ours = title == "virality"
            took = [spent["seconds"], spent["peak"]] if ours else ["-", "-"]
            table.append(
                [title, f"{rows:,}", *took, size, paint, requests, "yes" if wide else "no"]
            )
            if ours:
                met = size <= LARGEST_MB and paint < SLOWEST_S and requests == 0 and not wide
    return table, met


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", nargs=2, metavar=("FOLDER", "ROWS"), help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that all runs")
    parser.add_argument("--output", default="report", help="name of the table")
    chosen = parser.parse_args(arguments)
    if chosen.child:
        print(json.dumps(make(Path(chosen.child[0]), int(chosen.child[1]))))
        return
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("no Chromium is here: nothing was measured")
    table: list[list[object]] = []
    notes: list[str] = []
    for size in QUICK_SIZES if chosen.quick else SIZES:
        say(f"{size:,} posts")
        some, met = rows_of(size, chromium)
        table += some
        notes.append(f"{'Met' if met else 'MISSED'}: {size:,} posts.")
        write_table(
            chosen.output, "Reports as posts grow", HEADER, table,
            [
                *notes,
                f"Asked: at most {LARGEST_MB:.0f} MB, first contentful paint in less than "
                f"{SLOWEST_S:.0f} s (median of {OPENED}), no request besides the page, no wider "
                "than a phone of 390 pixels.",
                f"Time and memory of writing the report alone; learned from {LEARNED:,} posts at "
                f"most, judged before on {JUDGED:,}. Peak memory is of the whole process.",
            ],
            seed=SEED,
        )  # fmt: skip


if __name__ == "__main__":
    main()
