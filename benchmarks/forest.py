"""What a forest among the bases is worth, without any tuning.

The stack with and without its forest, on draws of posts of three real tables, few and more. Each
draw is split in time: the oldest 80 % train, the newest 20 % judge. All of it lies within the
oldest 80 % of a table, and the draws of two tables are not those on which the forest was thought
of; trending 2020 has too few posts for others, so its parts overlap and say little more than one.
Writes `results/forest.md`.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from hedging import fitted
from ours import untuned_recipe
from results_table import write_table
from tables import SEED, Table, options, say, shown, tables

from virality.data.splits import IntArray, posting_times
from virality.modeling.metrics import score, score_differences
from virality.modeling.recipe import FOREST_TREES, Recipe

BUDGET_S = 0.0
"""Nothing is tuned."""

DRAW_SEED = 41
DRAWS, FEW = 3, 800
LARGER = (2_560, 8_000)
SHARES = ((0.0, 1.0), (0.0, 0.75), (0.25, 1.0))
"""Parts of a table that has no more posts than two draws."""

HEADER = (
    "table", "posts", "draw", "stack", "seconds", "spearman", "mean error", "r2",
    "with less without: mean error",
)  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """A draw judged without and with the forest: mean errors, rank correlations, seconds."""

    table: str
    errors: tuple[float, float]
    ranks: tuple[float, float]
    seconds: tuple[float, float]


def parts(table: Table) -> Iterator[tuple[str, IntArray]]:
    """Return draws of the table's older posts in time, no post twice among the small ones."""
    times = posting_times(table.posts)
    older = table.split.train[np.argsort(times[table.split.train], kind="stable")]
    if len(older) < 2 * FEW:
        for begin, end in SHARES:
            rows = older[int(begin * len(older)) : int(end * len(older))]
            yield f"{begin:.0%} to {end:.0%}", rows
        return
    order = np.random.default_rng(DRAW_SEED).permutation(len(older))
    for number in range(min(DRAWS, len(older) // FEW)):
        yield str(number + 1), older[np.sort(order[number * FEW : (number + 1) * FEW])]
    for size in LARGER:
        if size <= len(older):
            yield "larger", older[np.sort(order[:size])]


def recipes(posts: int) -> tuple[tuple[str, Recipe], ...]:
    """Return the two recipes; both look for the mean error."""
    plain = untuned_recipe(posts, SEED, "mae")
    return ("without", replace(plain, forest=0)), ("with", replace(plain, forest=FOREST_TREES))


def judge(table: Table, draw: str, rows: IntArray) -> tuple[list[list[object]], Pair]:
    """Return a row a stack, and the two beside each other."""
    cut = int(0.8 * len(rows))
    known, asked = table.part(rows[:cut]), table.part(rows[cut:])
    groups = table.groups[rows[cut:]]
    said, seconds = [], []
    for _, recipe in recipes(cut):
        begin = time.perf_counter()
        said.append(fitted(recipe, known, table.y[rows[:cut]], asked))
        seconds.append(time.perf_counter() - begin)
    judged = [table.judged(rows[cut:], values) for values in said]
    scores = [score(one, groups, SEED) for one in judged]
    away = score_differences(judged[0], judged[1], groups, SEED)["mae"]
    cells: list[list[object]] = [
        [
            table.title, len(rows), draw, name, f"{seconds[n]:.1f}", shown(scores[n]["spearman"]),
            shown(scores[n]["mae"]), shown(scores[n]["r2"]), shown(away) if n else "-",
        ]
        for n, (name, _) in enumerate(recipes(cut))
    ]  # fmt: skip
    without, with_it = scores
    pair = Pair(
        table.title,
        (without["mae"].value, with_it["mae"].value),
        (without["spearman"].value, with_it["spearman"].value),
        (seconds[0], seconds[1]),
    )
    say(f"{table.name}, {draw}: mean error {pair.errors[0]:.4f} without, {pair.errors[1]:.4f} with")
    return cells, pair


def sentences(pairs: list[Pair]) -> list[str]:
    """Say what the forest changes, table by table and on all."""
    names = list(dict.fromkeys(pair.table for pair in pairs))
    found = [_changed(name, [pair for pair in pairs if pair.table == name]) for name in names]
    return [*found, _changed("all", pairs)]


def _changed(name: str, pairs: list[Pair]) -> str:
    ratio = np.array([np.log(pair.errors[1] / pair.errors[0]) for pair in pairs])
    rank = np.mean([pair.ranks[1] - pair.ranks[0] for pair in pairs])
    longer = np.exp(np.mean([np.log(pair.seconds[1] / pair.seconds[0]) for pair in pairs]))
    spread = ratio.std(ddof=1) / np.sqrt(len(ratio)) if len(ratio) > 1 else np.nan
    return (
        f"{name}: mean error {100 * ratio.mean():+.2f} % with the forest (standard error "
        f"{100 * spread:.2f}), lower in {(ratio < 0).sum()} of {len(ratio)} draws; Spearman "
        f"{rank:+.4f}; training takes {longer:.2f} times as long."
    )


def main() -> None:
    chosen = options(__doc__, BUDGET_S)
    rows: list[list[object]] = []
    pairs: list[Pair] = []
    for table in tables(chosen.tables):
        for draw, some in parts(table):
            cells, pair = judge(table, draw, some)
            rows += cells
            pairs.append(pair)
    notes = [
        *sentences(pairs),
        "Both stacks use the usual values and look for the mean error. Interval: 95 %, bootstrap "
        "of authors, paired differences: below 0 is better.",
    ]
    title = "A forest among the bases, without tuning"
    write_table(chosen.output or "forest", title, HEADER, rows, notes, seed=SEED)


if __name__ == "__main__":
    main()
