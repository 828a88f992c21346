"""The whole run on real tables: scores beside baselines on three splits, time and memory.

Reads the tables beside the project where they are; writes `results/real_posts.md`.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from results_table import write_table

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
TABLES = {
    "trending 2020": (SHARED / "tiktok_trending_2020.json", ("--target", "views")),
    "SMP video 2025": (SHARED / "smp_video_2025", ("--target", "popularity")),
    "Vietnamese food creators": (
        SHARED / "tiktok_vn_food_creators.parquet",
        ("--target", "views"),
    ),
}
METRICS = ("spearman", "r2", "mae", "mape")
TRIALS = 15
SEED = 0


def measure(
    source: Path, options: Sequence[str], work: Path
) -> tuple[dict[str, Any], float, float]:
    """Run everything on a table -> result, seconds, peak memory in GiB of any one process."""
    command = [
        sys.executable, "-m", "virality", "run", str(source), "-o", str(work), *options,
        "--trials", str(TRIALS), "--seed", str(SEED), "--jobs", "2", "--json",
    ]  # fmt: skip
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        result = json.loads(process.stdout.read())
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{source.name}: exit code {process.returncode}")
    return result, time.perf_counter() - start, usage.ru_maxrss / 2**20


def rows_of(name: str, result: dict[str, Any]) -> list[list[str]]:
    """Turn a result into a row a split and method."""
    rows = []
    for split, scores in result["scores"].items():
        methods = {"virality": scores["metrics"], **scores["baselines"]}
        for method, metrics in methods.items():
            rows.append([name, split, method, *(_shown(metrics.get(one)) for one in METRICS)])
    return rows


def _shown(metric: dict[str, float] | None) -> str:
    if not metric or metric["value"] is None:
        return "-"
    return f"{metric['value']:.3f} ({metric['low']:.3f} to {metric['high']:.3f})"


def main() -> None:
    rows, notes = [], []
    for name, (source, options) in TABLES.items():
        if not source.exists():
            print(f"{name}: {source.name} is not here, left out")
            continue
        with tempfile.TemporaryDirectory() as folder:
            result, seconds, memory = measure(source, options, Path(folder) / "work")
        rows += rows_of(name, result)
        stages = ", ".join(f"{stage} {took:.0f} s" for stage, took in result["seconds"].items())
        notes.append(
            f"{name} ({' '.join(options)}): {result['posts']} posts, {result['features']} "
            f"features, {result['trials']} trials, "
            f"{seconds:.0f} s in all ({stages}), peak {memory:.1f} GiB. {result['verdict'][0]}"
        )
        # After every table, so that a long one that is interrupted costs only itself.
        title = "The whole run on real posts (value, 95 % bootstrap interval)"
        write_table(
            "real_posts", title, ["table", "split", "method", *METRICS], rows, notes, seed=SEED
        )


if __name__ == "__main__":
    main()
