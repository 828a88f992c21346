"""What tuning is worth where posts are few, with a base beside it that keeps the usual values.

No tuning at all, the best trial's parameters alone, and hedged as `virality train` does it, on
draws of 800 posts of three real tables and on a larger part of two. Each draw is split in time: the
oldest 80 % tune and train, the newest 20 % judge. All of it lies within the oldest 80 % of a table,
so that the holdout of the other benchmarks decides nothing here, and the draws are not those on
which the hedge was thought of. Writes `results/hedging.md`.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from results_table import write_table
from tables import SEED, Table, options, say, shown, tables

from virality.data.matrix import FeatureMatrix
from virality.data.splits import IntArray, posting_times
from virality.modeling.metrics import score, score_differences
from virality.modeling.recipe import Recipe
from virality.modeling.rows import arrange
from virality.modeling.stack import fit_stack
from virality.modeling.threads import one_blas_thread
from virality.modeling.train import choose_recipe
from virality.modeling.tune import Tuning, tune

Floats = npt.NDArray[np.float64]

BUDGET_S = 45.0
DRAW_SEED = 17
DRAWS, FEW = 3, 800
LARGER = {"smp": 2_560, "vietnamese": 4_000}
"""Posts of the larger part of a table; trending has no more than a draw."""

UNTUNED, BEST, HEDGED = "no tuning", "best trial alone", "best trial, hedged"
HEADER = (
    "table", "posts", "draw", "method", "trials", "spearman", "mean error",
    "it less no tuning: mean error",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A method on a draw: what the table shows, mean error and Spearman."""

    method: str
    cells: list[object]
    error: float
    rank: float


def parts(table: Table) -> Iterator[tuple[str, IntArray]]:
    """Return draws of the table's older posts, no post twice among the small ones, in time."""
    times = posting_times(table.posts)
    older = table.split.train[np.argsort(times[table.split.train], kind="stable")]
    order = np.random.default_rng(DRAW_SEED).permutation(len(older))
    for number in range(max(1, min(DRAWS, len(older) // FEW))):
        yield str(number + 1), older[np.sort(order[number * FEW : (number + 1) * FEW])]
    if table.name in LARGER:
        yield "larger", older[np.sort(order[: LARGER[table.name]])]


def recipes(tuning: Tuning, posts: int) -> dict[str, Recipe]:
    """Return what each method fits by; all look for the same metric."""
    hedged = choose_recipe(posts, tuning, SEED)
    return {
        UNTUNED: replace(hedged.usual, hedged=False),
        BEST: replace(hedged, hedged=False),
        HEDGED: hedged,
    }


def judge(table: Table, draw: str, rows: IntArray, budget_s: float) -> list[Row]:
    """Return a row a method, and its mean error and Spearman."""
    cut = int(0.8 * len(rows))
    matrix, posts = table.part(rows[:cut])
    with tempfile.TemporaryDirectory() as folder:
        tuning = tune(
            matrix, posts, target=table.target, trials=100_000, timeout_s=budget_s,
            study=Path(folder) / "study.log", seed=SEED, jobs=2, metric="mae",
        )  # fmt: skip
    asked = table.part(rows[cut:])
    said = {
        name: fitted(recipe, (matrix, posts), table.y[rows[:cut]], asked)
        for name, recipe in recipes(tuning, cut).items()
    }
    groups = table.groups[rows[cut:]]
    plain = table.judged(rows[cut:], said[UNTUNED])
    found: list[Row] = []
    for name, values in said.items():
        judged = table.judged(rows[cut:], values)
        scores = score(judged, groups, SEED)
        away = score_differences(plain, judged, groups, SEED)["mae"]
        cells = [
            table.title, len(rows), draw, name, len(tuning.finished), shown(scores["spearman"]),
            shown(scores["mae"]), "-" if name == UNTUNED else shown(away),
        ]  # fmt: skip
        found.append(Row(name, cells, scores["mae"].value, scores["spearman"].value))
        say(f"  {name}: {scores['mae'].value:.4f}, {scores['spearman'].value:.3f}")
    return found


def fitted(
    recipe: Recipe,
    known: tuple[FeatureMatrix, pd.DataFrame],
    y: Floats,
    asked: tuple[FeatureMatrix, pd.DataFrame],
) -> Floats:
    """Return predictions of the posts asked about by a stack of the others."""
    names = tuple(known[0].columns)
    with one_blas_thread():
        stack = fit_stack(arrange(*known, names), y, recipe)
        return stack.predict(arrange(*asked, names)).mean


def sentences(rows: list[Row]) -> list[str]:
    """Say how the methods compare over all draws."""
    pairs = ((BEST, UNTUNED), (HEDGED, UNTUNED), (HEDGED, BEST))
    return [_against(rows, name, other) for name, other in pairs]


def _against(rows: list[Row], name: str, other: str) -> str:
    mine, theirs = ([row for row in rows if row.method == method] for method in (name, other))
    ratio = np.array([np.log(a.error / b.error) for a, b in zip(mine, theirs, strict=True)])
    rank = np.mean([a.rank - b.rank for a, b in zip(mine, theirs, strict=True)])
    spread = ratio.std(ddof=1) / np.sqrt(len(ratio)) if len(ratio) > 1 else np.nan
    return (
        f"{name} against {other}: mean error {100 * ratio.mean():+.2f} % (standard error "
        f"{100 * spread:.2f}), lower in {(ratio < 0).sum()} of {len(ratio)} draws; Spearman "
        f"{rank:+.4f}."
    )


def main() -> None:
    chosen = options(__doc__, BUDGET_S)
    rows: list[Row] = []
    for table in tables(chosen.tables):
        for draw, some in parts(table):
            say(f"{table.name}: draw {draw}, {len(some)} posts")
            rows += judge(table, draw, some, chosen.budget)
            notes = [
                *sentences(rows),
                f"{chosen.budget:.0f} s a study, which selects by the mean error. Interval: 95 %, "
                "bootstrap of authors, paired differences.",
            ]
            cells = [row.cells for row in rows]
            title = "What tuning is worth on few posts, alone and hedged"
            write_table(chosen.output or "hedging", title, HEADER, cells, notes, seed=SEED)


if __name__ == "__main__":
    main()
