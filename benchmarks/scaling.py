"""Seconds and memory of learning and predicting as rows grow, 1,000 to 1,000,000, 300 columns.

Generated posts with authors, sounds and hashtags that recur, an embedding of 128 dimensions and 172
plain columns. Each size runs in a process of its own, ours and as a floor one LightGBM on the very
same 300 columns (200 trees of 15 leaves, two threads), which has neither history nor intervals.
Judged on 5,000 later posts. Writes `results/scaling.md`.
"""

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from results_table import write_table
from tables import patient, say

from virality.data.matrix import Column, FeatureMatrix, Modality

Floats = npt.NDArray[np.float64]

SIZES = (1_000, 10_000, 100_000, 1_000_000)
QUICK_SIZES = (500, 2_000)
BUDGET_S = 6 * 3600.0
COLUMNS = 300
DIMS = 128
PLAIN: Mapping[Modality, int] = {
    "text": 30, "frames": 60, "audio": 40, "stream": 20, "metadata": 22,
}  # fmt: skip
JUDGED = 5_000
SEED = 0
PEER_ROUNDS = 200
GIB = 2**30


def make_posts(rows: int) -> tuple[FeatureMatrix, pd.DataFrame]:
    """Return features and posts, in the order of time."""
    rng = np.random.default_rng([SEED, rows])
    columns = [Column(f"text_embedding__d{i}", "text", block="text_embedding") for i in range(DIMS)]
    for modality, count in PLAIN.items():
        columns += [Column(f"{modality}_made__x{i}", modality) for i in range(count)]
    values = rng.standard_normal((rows, len(columns)), dtype=np.float32)
    authors = rng.integers(0, max(rows // 10, 20), rows)
    talent = rng.normal(0.0, 0.6, authors.max() + 1)
    plain = values[:, DIMS:]
    y = 4.0 + talent[authors] + 0.35 * values[:, :DIMS] @ rng.normal(0.0, DIMS**-0.5, DIMS)
    y += 0.3 * np.abs(plain[:, 35]) + 0.3 * plain[:, 5] * (plain[:, 100] > 0) + 0.2 * plain[:, 160]
    y += rng.normal(0.0, 0.6, rows)
    values[rng.random(rows) < 0.03, :DIMS] = np.nan
    ids = [f"p{i}" for i in range(rows)]
    frame = pd.DataFrame(
        values, index=pd.Index(ids, name="id", dtype=object), columns=[one.name for one in columns]
    )
    moments = np.sort(rng.integers(1_600_000_000, 1_700_000_000, rows))
    tags = rng.zipf(1.6, (rows, 3)) % 5_000
    posts = pd.DataFrame(
        {
            "id": pd.array(ids, dtype="string"),
            "author_id": pd.array([f"a{one}" for one in authors], dtype="string"),
            "posted_at": pd.to_datetime(moments, unit="s", utc=True),
            "sound_id": pd.array([f"s{one}" for one in rng.zipf(1.4, rows) % 50_000], "string"),
            "hashtags": [tuple(f"tag{tag}" for tag in three) for three in tags.tolist()],
            "views": pd.array(np.round(10.0 ** np.clip(y, 0, 9)).astype(np.int64), dtype="Int64"),
        }
    )
    return FeatureMatrix(frame, {one.name: one for one in columns}, {}), posts


def measure(who: str, rows: int) -> dict[str, float]:
    """Learn and predict in this process -> seconds, CPU seconds, memory and score."""
    from scipy.stats import spearmanr

    judged = min(JUDGED, rows)
    matrix, posts = make_posts(rows + judged)
    # Slices are views: no second copy of the table, which would be mistaken for ours.
    asked = replace(matrix, frame=matrix.frame.iloc[rows:])
    later = posts.iloc[rows:].reset_index(drop=True)
    matrix = replace(matrix, frame=matrix.frame.iloc[:rows])
    posts = posts.iloc[:rows].reset_index(drop=True)
    held_gib = peak_gib()
    begin, spent = time.perf_counter(), cpu_s()
    predict = (ours if who == "ours" else floor)(matrix, posts)
    learned_s, learned_cpu_s = time.perf_counter() - begin, cpu_s() - spent
    learned_gib = peak_gib()
    begin = time.perf_counter()
    said = predict(asked, later)
    actual = later["views"].to_numpy(dtype=np.float64)
    return {
        "rows": rows,
        "train_s": learned_s,
        "train_cpu_s": learned_cpu_s,
        "predict_s": time.perf_counter() - begin,
        "data_gib": held_gib,
        "peak_gib": learned_gib,
        "spearman": float(spearmanr(said, actual).statistic),
    }


def ours(matrix: FeatureMatrix, posts: pd.DataFrame) -> Any:
    from virality.modeling.train import train

    def told(done: int, total: int) -> None:
        say(f"  ours, {len(matrix):,} rows: {done} of {total} fits")

    model = train(matrix, posts, target="views", seed=SEED, jobs=2, progress=told)
    return lambda asked, later: model.predict(asked, later).mean


def floor(matrix: FeatureMatrix, posts: pd.DataFrame) -> Any:
    import lightgbm

    model = lightgbm.LGBMRegressor(
        n_estimators=PEER_ROUNDS, num_leaves=15, learning_rate=0.1, n_jobs=2, random_state=SEED,
        verbose=-1,
    )  # fmt: skip
    y = np.log10(1.0 + posts["views"].to_numpy(dtype=np.float64))
    model.fit(matrix.frame.to_numpy(), y)
    return lambda asked, _: model.predict(asked.frame.to_numpy())


def peak_gib() -> float:
    """Return the most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIB


def cpu_s() -> float:
    """Return the CPU seconds that this process has spent, those of its threads included."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def run(who: str, rows: int, limit_s: float) -> dict[str, float] | str:
    """Measure in a process of its own -> numbers, or a sentence why there are none."""
    command = [sys.executable, str(Path(__file__)), "--child", who, str(rows)]
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, timeout=limit_s, check=False, env=patient()
        )
    except subprocess.TimeoutExpired:
        return f"not done after {limit_s:.0f} s"
    if done.returncode < 0:
        return f"ended by signal {-done.returncode} (9: out of memory)"
    if done.returncode:
        return f"failed with exit code {done.returncode}"
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def row_of(
    who: str, rows: int, found: Mapping[str, float] | str, before: Mapping[str, float] | str | None
) -> list[object]:
    """Return a row of the table; slopes are against the size before."""
    if isinstance(found, str):
        return [who, f"{rows:,}", found, *["-"] * 7]
    slopes: list[object] = ["-", "-"]
    if before is not None and not isinstance(before, str):
        slopes = [slope(found, before, "train_cpu_s"), slope(found, before, "peak_gib")]
    return [
        who, f"{rows:,}", found["train_s"], found["train_cpu_s"],
        1e3 * found["train_cpu_s"] / rows, slopes[0], found["peak_gib"], slopes[1],
        found["predict_s"], found["spearman"],
    ]  # fmt: skip


def slope(found: Mapping[str, float], before: Mapping[str, float], name: str) -> float:
    """Return the exponent of growth: 1 is linear."""
    return math.log(found[name] / before[name]) / math.log(found["rows"] / before["rows"])


HEADER = (
    "method", "rows", "train, s", "train, CPU s", "CPU ms a row", "growth of CPU", "peak GiB",
    "growth of memory", f"predict {JUDGED:,}, s", "Spearman",
)  # fmt: skip


def write(rows: Sequence[Sequence[object]], name: str, missing: Sequence[str]) -> None:
    notes = [
        f"{COLUMNS} columns, of which {DIMS} are an embedding; ten posts an author; an untuned "
        "recipe. Peak memory is of the whole process, the table of features in it.",
        "Growth is the exponent between a size and the one before: 1 is linear, less is better.",
        f"`floor`: one LightGBM on the raw columns, {PEER_ROUNDS} trees of 15 leaves, two threads: "
        "no history, no bases, no folds behind weights and intervals.",
        *missing,
    ]
    write_table(name, "Time and memory as rows grow", HEADER, rows, notes, seed=SEED)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", nargs=2, metavar=("WHO", "ROWS"), help=argparse.SUPPRESS)
    parser.add_argument("--rows", default="", help="sizes, comma-separated")
    parser.add_argument("--budget", type=float, default=BUDGET_S, help="most seconds of a size")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that all runs")
    parser.add_argument("--output", default="scaling", help="name of the table")
    chosen = parser.parse_args()
    if chosen.child:
        print(json.dumps(measure(chosen.child[0], int(chosen.child[1]))))
        return
    sizes: tuple[int, ...] = QUICK_SIZES if chosen.quick else SIZES
    if chosen.rows:
        sizes = tuple(int(one) for one in chosen.rows.split(","))
    table: list[list[object]] = []
    wanted = [(who, size) for who in ("floor", "ours") for size in sizes]
    before: dict[str, dict[str, float] | str] = {}
    for number, (who, size) in enumerate(wanted, start=1):
        say(f"{who}, {size:,} rows")
        found = run(who, size, chosen.budget)
        table.append(row_of(who, size, found, before.get(who)))
        before[who] = found
        say(f"  {found}")
        left = ", ".join(f"{one} at {rows:,}" for one, rows in wanted[number:])
        write(table, chosen.output, [f"Interrupted before: {left}."] if left else [])


if __name__ == "__main__":
    main()
