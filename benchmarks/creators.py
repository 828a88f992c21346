"""One creator's own posts against everybody's: which model serves a creator better?

Each creator with enough posts has three ways to know what a next post will do: a model of the own
posts alone, one model of all creators' posts, or the median of the own earlier posts. All of them
learn what was posted before one day and are judged on the creator's posts after it. It shows too
how often the 80 % bands of a single creator hold, which rest on few posts of one author. All of it
lies within the oldest 80 % of the Vietnamese table; nothing is tuned. Writes `results/creators.md`.
"""

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from ours import untuned_recipe
from results_table import write_table
from tables import SEED, Table, options, say, shown, tables

from virality.data.splits import IntArray, posting_times
from virality.modeling.metrics import mean_with_interval, score, score_differences
from virality.modeling.rows import arrange
from virality.modeling.stack import Guess, fit_stack
from virality.modeling.threads import one_blas_thread

Floats = npt.NDArray[np.float64]

LEAST_BEFORE, LEAST_AFTER = 60, 15
"""Posts of a creator before and after the day, without which the creator is left out."""

SHARE = 0.8
SIZES = (60, 150, 400, 100_000)
"""Borders of the groups of creators by how many posts they have before the day."""

ALONE, TOGETHER, BOTH, MEDIAN = (
    "own posts alone", "all creators' posts", "the mean of both", "own median",
)  # fmt: skip
HEADER = (
    "posts of a creator before", "creators", "posts judged", "method", "mean error", "r2",
    "it less own median: mean error", "creators it serves better than their median",
    "80 % bands held", "width",
)  # fmt: skip


@dataclass(frozen=True)
class Said:
    """What the methods say about one creator's later posts.

    Attributes:
        before: how many posts the creator had before the day.
        rows: int64 (n,), the later posts.
        guesses: method -> prediction, low and high of each, float64 (3, n); NaN without bands.
    """

    before: int
    rows: IntArray
    guesses: dict[str, Floats]


def divide(table: Table) -> list[tuple[IntArray, IntArray]]:
    """Return each creator's posts before and after the day, of those with enough of both."""
    older = table.split.train
    times = posting_times(table.posts)[older]
    day = float(np.quantile(times, SHARE))
    parts = []
    for author in np.unique(table.groups[older]):
        mine = table.groups[older] == author
        before, after = older[mine & (times < day)], older[mine & (times >= day)]
        if len(before) >= LEAST_BEFORE and len(after) >= LEAST_AFTER:
            parts.append((before, after))
    return parts


def learned(table: Table, known: IntArray, asked: IntArray) -> Floats:
    """Return prediction, low and high, float64 (3, n), by a stack of the known posts."""
    names = tuple(table.matrix.columns)
    with one_blas_thread():
        recipe = untuned_recipe(len(known), SEED, "mae")
        stack = fit_stack(arrange(*table.part(known), names), table.y[known], recipe)
        guess: Guess = stack.predict(arrange(*table.part(asked), names))
    return np.stack([guess.mean, guess.low, guess.high])


def ask(table: Table) -> list[Said]:
    """Return what all methods say, creator by creator."""
    parts = divide(table)
    older, times = table.split.train, posting_times(table.posts)
    everything = older[times[older] < times[np.concatenate([late for _, late in parts])].min()]
    later = np.concatenate([late for _, late in parts])
    say(f"{table.name}: {len(parts)} creators, all together from {len(everything)} posts")
    shared = learned(table, everything, later)
    found, at = [], 0
    for number, (before, after) in enumerate(parts, start=1):
        usual = np.full((3, len(after)), np.nan)
        usual[0] = np.median(table.y[before])
        own, common = learned(table, before, after), shared[:, at : at + len(after)]
        guesses = {ALONE: own, TOGETHER: common, BOTH: (own + common) / 2, MEDIAN: usual}
        found.append(Said(len(before), after, guesses))
        at += len(after)
        if not number % 10:
            say(f"{table.name}: {number} of {len(parts)} creators alone")
    return found


def rows_of(table: Table, said: list[Said], title: str) -> list[list[object]]:
    """Return a row a method for some creators."""
    rows = np.concatenate([one.rows for one in said])
    groups, y = table.groups[rows], table.y[rows]
    usual = table.judged(rows, _joined(said, MEDIAN)[0])
    found: list[list[object]] = []
    for method in (ALONE, TOGETHER, BOTH, MEDIAN):
        mean, low, high = _joined(said, method)
        judged = table.judged(rows, mean)
        scores = score(judged, groups, SEED)
        away = score_differences(usual, judged, groups, SEED)["mae"]
        own = method == MEDIAN
        held = mean_with_interval(((y >= low) & (y <= high)).astype(float), groups, SEED)
        found.append([
            title, len(said), len(rows), method, shown(scores["mae"]), shown(scores["r2"]),
            "-" if own else shown(away), "-" if own else f"{_served(table, said, method):.0%}",
            "-" if own else shown(held), "-" if own else float((high - low).mean()),
        ])  # fmt: skip
    return found


def _joined(said: list[Said], method: str) -> Floats:
    return np.concatenate([one.guesses[method] for one in said], axis=1)


def _served(table: Table, said: list[Said], method: str) -> float:
    """Return the share of creators whose mean error is below that of their own median."""
    errors = [
        [np.abs(table.y[one.rows] - one.guesses[name][0]).mean() for name in (method, MEDIAN)]
        for one in said
    ]
    return float(np.mean([mine < usual for mine, usual in errors]))


def sentences(table: Table, said: list[Said]) -> list[str]:
    """Say which model serves creators better."""
    rows = np.concatenate([one.rows for one in said])
    alone, together = (table.judged(rows, _joined(said, method)[0]) for method in (ALONE, TOGETHER))
    away = score_differences(alone, together, table.groups[rows], SEED)["mae"]
    better = np.mean([
        np.abs(table.y[one.rows] - one.guesses[TOGETHER][0]).mean()
        < np.abs(table.y[one.rows] - one.guesses[ALONE][0]).mean()
        for one in said
    ])  # fmt: skip
    return [
        f"The model of all creators less that of one's own posts: mean error {shown(away)}; it is "
        f"the better one for {better:.0%} of the creators."
    ]


def main() -> None:
    chosen = options(__doc__, 0.0, ("vietnamese",))
    for table in tables(chosen.tables):
        said = ask(table)
        rows = rows_of(table, said, "all")
        for least, most in itertools.pairwise(SIZES):
            some = [one for one in said if least <= one.before < most]
            if some:
                name = f"{least} and more" if most == SIZES[-1] else f"{least} to {most - 1}"
                rows += rows_of(table, some, name)
        notes = [
            *sentences(table, said),
            f"Creators with at least {LEAST_BEFORE} posts before the day and {LEAST_AFTER} after "
            "it. Both models use the usual values and look for the mean error; neither hears of "
            "any post after the day. Interval: 95 %, bootstrap of creators, paired differences: "
            "below 0 is better.",
        ]
        title = "One creator's own posts against everybody's"
        write_table(chosen.output or "creators", title, HEADER, rows, notes, seed=SEED)


if __name__ == "__main__":
    main()
