"""Likes, comments and shares learned together with views, beside models of their own.

Each response on the newest 20 % of the tables that know it: ours (`--target counts`, one model),
a whole stack of that response alone, the author's median, and views times a constant ratio. And
how often the separate models contradict each other: more likes than views, by prediction or by
upper bound. Untuned recipes throughout, so that only the way of learning differs. Writes
`results/joint.md`.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from results_table import write_table
from tables import SEED, Table, options, say, shown, tables

from virality.modeling.baselines import fit_baselines
from virality.modeling.metrics import Judged, mean_with_interval, score, score_differences
from virality.modeling.ratios import log_counts, log_ratios
from virality.modeling.train import Predictions, train

Floats = npt.NDArray[np.float64]

TABLES = ("vietnamese", "trending")
"""SMP's outcome is one score, its counts are not given."""

RESPONSES = ("likes", "comments", "shares")
OURS = "together with views"
ALONE = "a stack of its own"
METRICS = ("spearman", "r2", "mae")
MOST_POSTS = 6_000
"""Larger tables are sampled evenly over their posts: seven stacks are trained on each."""

HEADER = (
    "table", "response", "method", *METRICS, "80 % bands hold", "together less it: spearman",
    "together less it: mean error",
)  # fmt: skip


@dataclass(frozen=True)
class Band:
    """Predictions and bounds of all held-out posts, as log10(1 + count)."""

    mean: Floats
    low: Floats
    high: Floats


def learn(table: Table, target: str) -> tuple[Predictions, float]:
    """Train on the older posts and predict the newer -> predictions, CPU seconds."""
    begin = time.process_time()
    model = train(*table.part(table.split.train), target=target, seed=SEED)
    spent = time.process_time() - begin
    return model.predict(*table.part(table.split.test)), spent


def judge(table: Table) -> tuple[list[list[object]], list[str]]:
    """Return rows of the table, and sentences."""
    older, newer = (table.posts.iloc[rows] for rows in (table.split.train, table.split.test))
    say(f"{table.name}: together")
    together, together_s = learn(table, "counts")
    views = Band(together.mean, together.low, together.high)
    rows: list[list[object]] = []
    bands: dict[str, Mapping[str, Band]] = {}
    alone_s = 0.0
    ratios = log_ratios(older, RESPONSES)
    for name in RESPONSES:
        if name not in together.together:
            continue
        say(f"{table.name}: {name} alone")
        alone, spent = learn(table, name)
        alone_s += spent
        ours = together.together[name]
        bands[name] = {
            OURS: Band(ours.mean, ours.low, ours.high),
            ALONE: Band(alone.mean, alone.low, alone.high),
        }
        counts = log_counts(older, name)
        seen = np.flatnonzero(np.isfinite(counts))
        median = fit_baselines(older.iloc[seen].reset_index(drop=True), counts[seen])
        points = {
            "author's median": median["author_median"].predict(newer),
            "views x a constant ratio": np.maximum(
                together.mean + float(np.nanmedian(ratios[name])), 0.0
            ),
        }
        rows += lines(table, name, log_counts(newer, name), bands[name], points)
    say(f"{table.name}: views alone, for the time")
    views_s = learn(table, "views")[1]
    return rows, [
        *(contradictions(table, name, views, some) for name, some in bands.items()),
        f"{table.title}: {together_s:.0f} CPU s together, {views_s:.0f} for views alone, "
        f"{views_s + alone_s:.0f} for separate stacks of all: "
        f"{(views_s + alone_s) / together_s:.1f} times ours.",
    ]


def lines(
    table: Table, name: str, actual: Floats, bands: Mapping[str, Band], points: Mapping[str, Floats]
) -> list[list[object]]:
    """Return a row for each method."""
    known = np.flatnonzero(np.isfinite(actual))
    groups = table.groups[table.split.test][known]
    nothing = np.zeros(len(known))

    def judged(said: Floats) -> Judged:
        return Judged(actual[known], said[known], nothing, nothing, True)

    ours = judged(bands[OURS].mean)
    found: list[list[object]] = []
    for method, said in {**{who: one.mean for who, one in bands.items()}, **points}.items():
        scores = score(judged(said), groups, SEED)
        held = "-"
        if method in bands:
            low, high = bands[method].low[known], bands[method].high[known]
            inside = ((actual[known] >= low) & (actual[known] <= high)).astype(np.float64)
            held = shown(mean_with_interval(inside, groups, SEED))
        away = score_differences(judged(said), ours, groups, SEED)
        less = ["-", "-"] if method == OURS else [shown(away["spearman"]), shown(away["mae"])]
        found.append([table.title, name, method, *(shown(scores[n]) for n in METRICS), held, *less])
    return found


def contradictions(table: Table, name: str, views: Band, bands: Mapping[str, Band]) -> str:
    """Say of how many posts a method predicts more responses than views."""
    told = []
    for method, one in bands.items():
        # The mean of views may lie below 0 on this scale, where a count is 0.
        point = (one.mean > np.maximum(views.mean, 0.0) + 1e-9).mean()
        bound = (one.high > views.high + 1e-9).mean()
        told.append(f"{method} {100 * point:.1f} % ({100 * bound:.1f} % by upper bound)")
    return f"{table.title}, more {name} than views predicted: {', '.join(told)}."


def main() -> None:
    chosen = options(__doc__, 0.0, TABLES)
    rows: list[list[object]] = []
    notes: list[str] = []
    for table in tables(chosen.tables, quick=chosen.quick, most=MOST_POSTS):
        some, said = judge(table)
        rows += some
        notes += said
        write_table(
            chosen.output or "joint",
            "Likes, comments and shares together with views (newest 20 %)",
            HEADER,
            rows,
            [
                *notes,
                "Scores are of log10(1 + count); interval: 95 %, bootstrap of authors; differences "
                "are paired, above 0 is better for Spearman, below 0 for the mean error.",
                f"Tables of more than {MOST_POSTS:,} posts are sampled evenly. Untuned recipes.",
            ],
            seed=SEED,
        )


if __name__ == "__main__":
    main()
