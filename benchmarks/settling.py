"""What to take from a study: its best trial, or the middle of all that cannot be told from it?

Both beside no tuning at all, on draws of 800 posts and on larger parts of three real tables. Each
draw is split in time: the oldest 80 % tune and train, the newest 20 % judge. All of it lies within
the oldest 80 % of a table, so that the holdout of the other benchmarks decides nothing here. Writes
`results/settling.md`.
"""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from results_table import write_table
from tables import SEED, Table, options, say, shown, tables

from virality.data.splits import IntArray, posting_times
from virality.modeling.metrics import score, score_differences
from virality.modeling.study import open_study
from virality.modeling.train import train
from virality.modeling.tune import Tuning, tune

Floats = npt.NDArray[np.float64]

BUDGET_S = 45.0
DRAWS, FEW = 3, 800
MOST = {"smp": 2_560, "vietnamese": 4_000}
"""Posts of the larger part of a table; trending has no more than a draw."""

UNTUNED, BEST, MIDDLE = "no tuning", "best trial", "middle of the undecided"
HEADER = (
    "table", "posts", "draw", "method", "trials", "spearman", "mean error",
    "it less no tuning: mean error",
)  # fmt: skip


def parts(table: Table) -> Iterator[tuple[str, IntArray]]:
    """Return draws of the table's older posts, no post twice among the small ones, in time."""
    times = posting_times(table.posts)
    older = table.split.train[np.argsort(times[table.split.train], kind="stable")]
    order = np.random.default_rng(SEED).permutation(len(older))
    for number in range(min(DRAWS, len(older) // FEW)):
        yield str(number + 1), older[np.sort(order[number * FEW : (number + 1) * FEW])]
    if table.name in MOST:
        yield "larger", older[np.sort(order[: MOST[table.name]])]


def take(tuning: Tuning, study: Path) -> Mapping[str, Tuning]:
    """Return the study's result as it settles, and with its first or best trial's parameters."""
    done = [one for one in open_study(study).get_trials() if one.state.name == "COMPLETE"]
    done.sort(key=lambda one: (one.value, one.number))
    first = min(done, key=lambda one: one.number)
    best = {
        name: dict(next(one.params for one in done if one.params["library"] == name))
        for name in tuning.by_library
    }
    return {
        UNTUNED: replace(tuning, params=dict(first.params), by_library={}),
        BEST: replace(tuning, params=dict(done[0].params), by_library=best),
        MIDDLE: tuning,
    }


def judge(table: Table, draw: str, rows: IntArray, budget_s: float) -> list[list[object]]:
    """Return a row a method."""
    cut = int(0.8 * len(rows))
    known, asked = table.part(rows[:cut]), table.part(rows[cut:])
    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder) / "study.log"
        tuning = tune(
            *known, target=table.target, trials=100_000, timeout_s=budget_s, study=study,
            seed=SEED, jobs=2, metric="mae",
        )  # fmt: skip
        taken = take(tuning, study)
    said = {
        name: train(*known, tuning=one, target=table.target, seed=SEED).predict(*asked).mean
        for name, one in taken.items()
    }
    groups = table.groups[rows[cut:]]
    plain = table.judged(rows[cut:], said[UNTUNED])
    found: list[list[object]] = []
    for name, values in said.items():
        judged = table.judged(rows[cut:], values)
        scores = score(judged, groups, SEED)
        away = score_differences(plain, judged, groups, SEED)["mae"]
        found.append([
            table.title, len(rows), draw, name, len(tuning.trials), shown(scores["spearman"]),
            shown(scores["mae"]), "-" if name == UNTUNED else shown(away),
        ])  # fmt: skip
        say(f"  {name}: {scores['mae'].value:.4f}, {scores['spearman'].value:.3f}")
    return found


def sentences(rows: list[list[object]]) -> list[str]:
    """Say how the methods compare over all draws."""
    errors: dict[str, list[float]] = {}
    for row in rows:
        errors.setdefault(str(row[3]), []).append(float(str(row[6]).split()[0]))
    plain = np.array(errors[UNTUNED])
    told = []
    for name in (BEST, MIDDLE):
        ratio = np.array(errors[name]) / plain
        told.append(
            f"{name}: mean error {100 * (np.exp(np.log(ratio).mean()) - 1):+.1f} % against no "
            f"tuning in the geometric mean of {len(ratio)} draws, lower in {(ratio < 1).sum()}."
        )
    ratio = np.array(errors[MIDDLE]) / np.array(errors[BEST])
    told.append(
        f"The middle against the best trial: {100 * (np.exp(np.log(ratio).mean()) - 1):+.1f} %, "
        f"lower in {(ratio < 1).sum()} of {len(ratio)}."
    )
    return told


def main() -> None:
    chosen = options(__doc__, BUDGET_S)
    rows: list[list[object]] = []
    for table in tables(chosen.tables):
        for draw, some in parts(table):
            say(f"{table.name}: draw {draw}, {len(some)} posts")
            rows += judge(table, draw, some, chosen.budget)
            notes = [
                *sentences(rows),
                f"{chosen.budget:.0f} s a study, which selects by the mean error; `no tuning` is "
                "its first trial. Interval: 95 %, bootstrap of authors, paired differences.",
            ]
            title = "What a study settles on: its best trial or the middle of the undecided"
            write_table(chosen.output or "settling", title, HEADER, rows, notes, seed=SEED)


if __name__ == "__main__":
    main()
