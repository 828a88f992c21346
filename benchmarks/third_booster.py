"""Does CatBoost earn a place beside LightGBM and XGBoost where posts are few?

Each of the three, and their averages, on the same inputs: what our blocks and history make of the
captions and metadata of 250 and of 1,000 posts, by author-grouped folds, every booster stopped by
the same fifth of the authors. Several draws of posts a table, no post twice; scores are over all of
them. CatBoost runs in the environment of a peer that brings it (`make peers`), so that the project
does not depend on it. Writes `results/third_booster.md`.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from results_table import write_table
from tables import FOLDS, ROOT, SEED, Table, options, patient, say, shown, tables

from virality.data.splits import IntArray, author_folds
from virality.modeling.booster import Library, fit_curve
from virality.modeling.inputs import fit_projector
from virality.modeling.metrics import score, score_differences
from virality.modeling.recipe import sensible_recipe
from virality.modeling.rows import Rows, arrange

Floats = npt.NDArray[np.float64]
Part = Mapping[str, npt.NDArray[Any]]

DRAWS = {250: 4, 1000: 2}
"""Posts -> how many draws of so many are made of a table, as far as it has them."""

PYTHON = ROOT / "build" / "peers" / "flaml" / "bin" / "python"
SCRIPT = Path(__file__).parent / "peers" / "catboost_contender.py"
DEPTHS = (4, 6)
PAIR = "LightGBM and XGBoost"
AVERAGES = {
    PAIR: ("LightGBM", "XGBoost"),
    "LightGBM and CatBoost": ("LightGBM", "CatBoost, depth 6"),
    "all three": ("LightGBM", "XGBoost", "CatBoost, depth 6"),
}
METRICS = ("spearman", "mae", "r2")
HEADER = (
    "table", "posts", "judged", "method", "CPU s a fit", *METRICS,
    "it less the pair: spearman", "it less the pair: mean error",
)  # fmt: skip


def draws(table: Table, posts: int) -> list[IntArray]:
    """Return rows of draws that share no post."""
    order = np.random.default_rng(SEED).permutation(len(table.posts))
    count = min(DRAWS[posts], len(order) // posts)
    return [np.sort(order[i * posts : (i + 1) * posts]) for i in range(count)]


def fold_parts(rows: Rows, y: Floats) -> list[tuple[IntArray, Part]]:
    """Return what each fold leaves out, and its inputs: train, valid, asked."""
    found = []
    spec = sensible_recipe(len(y), SEED).blocks
    for split in author_folds(rows.posts, FOLDS, SEED):
        inner = author_folds(rows.posts.iloc[split.train].reset_index(drop=True), FOLDS, SEED)[0]
        train, valid = split.train[inner.train], split.train[inner.test]
        projector, inputs = fit_projector(rows.take(train), y[train], spec, SEED)
        part: Part = {
            "train_x": inputs.values, "train_y": y[train],
            "valid_x": projector.transform(rows.take(valid)).values, "valid_y": y[valid],
            "asked_x": projector.transform(rows.take(split.test)).values,
        }  # fmt: skip
        found.append((split.test, part))
    return found


def run_own(library: Library, parts: list[Part], posts: int) -> tuple[list[Floats], float]:
    """Return predictions of each fold by one of our boosters, and the CPU seconds of all."""
    recipe = sensible_recipe(posts, SEED)
    said, begin = [], time.process_time()
    for part in parts:
        curve = fit_curve(
            library, part["train_x"], part["train_y"].astype(np.float64),
            (part["valid_x"], part["valid_y"].astype(np.float64)), recipe.params,
            seed=SEED, rounds=recipe.rounds, patience=recipe.patience,
        )  # fmt: skip
        said.append(curve.predict(part["asked_x"], int(curve.errors.argmin()) + 1))
    return said, time.process_time() - begin


def run_catboost(depth: int, parts: list[Part], posts: int) -> tuple[list[Floats], float]:
    """Return the same of CatBoost, of which only rate, trees and patience are those of ours."""
    recipe = sensible_recipe(posts, SEED)
    params = {
        "iterations": recipe.rounds, "early_stopping_rounds": recipe.patience,
        "learning_rate": recipe.params["learning_rate"],
        "depth": depth, "random_seed": SEED, "thread_count": 1,
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, part in enumerate(parts):
            np.savez(folder / f"{number:03}.inputs.npz", allow_pickle=False, **part)
        subprocess.run(
            [str(PYTHON), str(SCRIPT), str(folder), "--params", json.dumps(params)],
            check=True, env=patient(),
        )  # fmt: skip
        said = [np.load(path) for path in sorted(folder.glob("*.said.npy"))]
        seconds = json.loads((folder / "catboost.json").read_text(encoding="utf-8"))["seconds"]
    return said, float(seconds)


def judge(table: Table, posts: int) -> list[list[object]]:
    """Return a row a method."""
    places: list[IntArray] = []
    parts: list[Part] = []
    for drawn in draws(table, posts):
        matrix, some = table.part(drawn)
        y = table.y[drawn]
        for left_out, part in fold_parts(arrange(matrix, some, tuple(matrix.columns)), y):
            places.append(drawn[left_out])
            parts.append(part)
    asked = np.concatenate(places)
    runs = {
        "LightGBM": run_own("lightgbm", parts, posts),
        "XGBoost": run_own("xgboost", parts, posts),
        **{f"CatBoost, depth {depth}": run_catboost(depth, parts, posts) for depth in DEPTHS},
    }
    said = {name: np.concatenate(values) for name, (values, _) in runs.items()}
    said |= {name: np.mean([said[one] for one in of], axis=0) for name, of in AVERAGES.items()}
    groups = table.groups[asked]
    pair = table.judged(asked, said[PAIR])
    rows: list[list[object]] = []
    for name, values in said.items():
        judged = table.judged(asked, values)
        scores = score(judged, groups, SEED)
        away = score_differences(pair, judged, groups, SEED)
        spent = f"{runs[name][1] / len(parts):.2f}" if name in runs else "-"
        rows.append([
            table.title, posts, f"{len(asked):,}", name, spent,
            *(shown(scores[metric]) for metric in METRICS),
            *(["-"] * 2 if name == PAIR else [shown(away["spearman"]), shown(away["mae"])]),
        ])  # fmt: skip
    return rows


def main() -> None:
    chosen = options(__doc__, 0.0)
    if not PYTHON.exists():
        sys.exit("CatBoost is not here: make build/peers/flaml/.installed")
    rows: list[list[object]] = []
    for table in tables(chosen.tables):
        for posts in DRAWS:
            if len(table.posts) < posts:
                continue
            say(f"{table.name}: {posts} posts")
            rows += judge(table, posts)
            notes = [
                "Interval: 95 %, bootstrap of authors. Differences are paired: above 0 is better "
                "for Spearman, below 0 for the mean error.",
                "All read the same inputs and stop by the same posts; averages weigh alike. Trees, "
                "rate and patience are those of our untuned recipe for so many posts.",
            ]
            title = "CatBoost beside LightGBM and XGBoost where posts are few"
            write_table(chosen.output or "third_booster", title, HEADER, rows, notes, seed=SEED)


if __name__ == "__main__":
    main()
