"""What the choices of a recipe are worth on later posts, without any tuning.

The usual stack and stacks that differ from it in one choice (`train --adapt` among them) learn on
all posts before a window and are judged on it: five windows forward, which together are the newer
half of the oldest 80 % of each of three real tables, so that the holdout of the other benchmarks
decides nothing here. The constant that has to be beaten at the least is the median of the posts
before the window. Writes `results/forward.md`.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from hedging import fitted
from ours import untuned_recipe
from results_table import write_table
from tables import SEED, Table, options, say, shown, tables

from virality.data.splits import IntArray, rolling_splits
from virality.modeling.metrics import Judged, score, score_differences
from virality.modeling.recipe import Recipe

Floats = npt.NDArray[np.float64]

BUDGET_S = 0.0
"""Nothing is tuned."""

WINDOWS = 5
MOST_POSTS = 6_000
"""Posts of a table, evenly in time, unless told otherwise: five windows of more take hours."""

USUAL, CONSTANT = "usual", "constant"

HEADER = (
    "table", "choice", "seconds", "spearman", "mean error", "r2", "it less usual: mean error",
    "windows with less error than usual",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A choice on a table.

    Attributes:
        choice: its name.
        cells: what the table shows.
        ratios: float64 (windows,), log of its mean error over that of the usual stack.
        rank: its Spearman less the usual stack's, over all windows.
        seconds: of training, over all windows.
    """

    choice: str
    cells: list[object]
    ratios: Floats
    rank: float
    seconds: float


def recipes(posts: int) -> Mapping[str, Recipe]:
    """Return the usual recipe for so many posts, first, and those that differ in one choice."""
    usual = untuned_recipe(posts, SEED, "mae")
    return {
        USUAL: usual,
        "--adapt": replace(usual, adapt=True),
        "no forest": replace(usual, forest=0),
        "no history": replace(usual, history=False),
        "no own posts alike": replace(usual, alike=False),
        "no ridge, no neighbours": replace(usual, ridge=False, near=False),
        "six seeds a base": replace(usual, bags=6),
        "newest posts weigh more": replace(usual, half_life=0.5),
        "looks for the squared error": untuned_recipe(posts, SEED, "rmse"),
    }


def judge(table: Table, chosen: Sequence[str]) -> list[Row]:
    """Return a row for the usual stack, for each choice asked for, and for the constant."""
    older = table.split.train
    windows = [
        (older[window.train], older[window.test])
        for window in rolling_splits(table.posts.iloc[older].reset_index(drop=True), WINDOWS)
    ]
    said: dict[str, list[Floats]] = {CONSTANT: []}
    seconds: dict[str, float] = {CONSTANT: 0.0}
    for number, (known, asked) in enumerate(windows, start=1):
        y = table.y[known]
        said[CONSTANT].append(np.full(len(asked), np.median(y)))
        choices = recipes(len(known))
        for name, recipe in ((name, choices[name]) for name in (USUAL, *chosen)):
            begin = time.perf_counter()
            said.setdefault(name, []).append(
                fitted(recipe, table.part(known), y, table.part(asked))
            )
            seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - begin
        say(f"{table.name}: window {number} of {len(windows)}, learned from {len(known)} posts")
    asked = np.concatenate([rows for _, rows in windows])
    judged = {name: table.judged(asked, np.concatenate(values)) for name, values in said.items()}
    errors = {name: _errors(table, windows, values) for name, values in said.items()}
    return [
        _row(table, name, judged[name], judged[USUAL], np.log(errors[name] / errors[USUAL]),
             asked, seconds[name])
        for name in [USUAL, *chosen, CONSTANT]
    ]  # fmt: skip


def _errors(table: Table, windows: list[tuple[IntArray, IntArray]], said: list[Floats]) -> Floats:
    pairs = zip(windows, said, strict=True)
    return np.array([np.abs(table.y[asked] - values).mean() for (_, asked), values in pairs])


def _row(
    table: Table, name: str, judged: Judged, usual: Judged, ratios: Floats, asked: IntArray,
    seconds: float,
) -> Row:  # fmt: skip
    groups = table.groups[asked]
    scores, mine = score(judged, groups, SEED), score(usual, groups, SEED)
    away = score_differences(usual, judged, groups, SEED)["mae"]
    first = name == USUAL
    cells: list[object] = [
        table.title, name, f"{seconds:.0f}" if seconds else "-", shown(scores["spearman"]),
        shown(scores["mae"]), shown(scores["r2"]), "-" if first else shown(away),
        "-" if first else f"{(ratios < 0).sum()} of {len(ratios)}",
    ]  # fmt: skip
    rank = scores["spearman"].value - mine["spearman"].value
    return Row(name, cells, ratios, rank, seconds)


def sentences(rows: list[Row]) -> list[str]:
    """Say how each choice compares with the usual stack over all windows."""
    names = [name for name in dict.fromkeys(row.choice for row in rows) if name != USUAL]
    usual = sum(row.seconds for row in rows if row.choice == USUAL)
    return [_against([row for row in rows if row.choice == name], name, usual) for name in names]


def _against(rows: list[Row], name: str, usual: float) -> str:
    ratios = np.concatenate([row.ratios for row in rows])
    spread = 100 * ratios.std(ddof=1) / np.sqrt(len(ratios))
    longer = sum(row.seconds for row in rows) / usual
    trained = f"; training takes {longer:.2f} times as long" if name != CONSTANT else ""
    ranks = "" if name == CONSTANT else f"; Spearman {np.mean([row.rank for row in rows]):+.4f}"
    return (
        f"{name} against usual: mean error {100 * ratios.mean():+.2f} % (standard error "
        f"{spread:.2f}), lower in {(ratios < 0).sum()} of {len(ratios)} windows{ranks}{trained}."
    )


def main() -> None:
    names = [name for name in recipes(MOST_POSTS) if name != USUAL]
    chosen = options(__doc__, BUDGET_S, variants=names, most=MOST_POSTS)
    rows: list[Row] = []
    for table in tables(chosen.tables, quick=chosen.quick, most=chosen.most):
        rows += judge(table, chosen.variants)
        notes = [
            *sentences(rows),
            f"At most {chosen.most} posts of a table, evenly in time. All stacks use the usual "
            "values and look for the mean error unless their name says otherwise. Interval: 95 %, "
            "bootstrap of authors, paired differences: below 0 is better.",
        ]
        title = "What the choices of a recipe are worth, five windows forward"
        cells = [row.cells for row in rows]
        write_table(chosen.output or "forward", title, HEADER, cells, notes, seed=SEED)
    if not rows:
        say("no table is here: nothing was measured")


if __name__ == "__main__":
    main()
