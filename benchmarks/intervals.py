"""How often 80 % bands hold on real tables, by tenth of the prediction and for unseen authors.

Ours beside the same stack with one set of scores for all posts, and beside raw quantile LightGBM
(two models, 10th and 90th percentile, on the same projected columns). Learned on the oldest 80 %,
judged once on the newest 20 %; unseen authors by five author-grouped folds.

Takes the folders of features that `virality extract` wrote, since reading and encoding is not what
is measured: `python benchmarks/intervals.py smp=features/:popularity trending=other/:views`.
Without arguments it makes those of the tables beside the project, without media.
Writes `results/intervals.md`.
"""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from results_table import write_table

from virality.data import splits
from virality.data.features import read_features
from virality.modeling.inputs import fit_projector, varying
from virality.modeling.intervals import Intervals, Scores
from virality.modeling.metrics import mean_with_interval
from virality.modeling.provenance import usable_columns
from virality.modeling.recipe import sensible_recipe
from virality.modeling.rows import Rows, arrange, labelled
from virality.modeling.stack import Stack, fit_stack
from virality.modeling.targets import find_target
from virality.modeling.threads import one_blas_thread
from virality.workflow.run import extract_table

Floats = npt.NDArray[np.float64]

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
TABLES = {
    "trending 2020": (SHARED / "tiktok_trending_2020.json", "views"),
    "SMP video 2025": (SHARED / "smp_video_2025", "popularity"),
    "Vietnamese food creators": (SHARED / "tiktok_vn_food_creators.parquet", "views"),
}
MOST_ROWS = 6000
"""Larger tables are sampled evenly in time to so many posts."""

SEED = 0
PEER = {
    "learning_rate": 0.05, "num_leaves": 31, "min_data_in_leaf": 20, "verbose": -1, "seed": SEED,
    "num_threads": 2, "deterministic": True, "force_row_wise": True,
}  # fmt: skip
PEER_ROUNDS = 200


@dataclass(frozen=True)
class Bands:
    """Bands of posts held out: all float64 (n,), on the learning scale."""

    row: npt.NDArray[np.int64]
    level: Floats
    low: Floats
    high: Floats


def main(arguments: Sequence[str]) -> None:
    rows, notes = [], []
    with tempfile.TemporaryDirectory() as folder:
        for name, features, target in _named(arguments) or _made(Path(folder)):
            inputs, y = load(features, target)
            for split in ("temporal", "author"):
                found, calibration = judge(inputs, y, split)
                rows += [
                    row_of(name, split, method, bands, inputs, y) for method, bands in found.items()
                ]
                if calibration:
                    notes.append(
                        f"{name}, hits, promised and seen by fifth of the promise: {calibration}."
                    )
    write_table(
        "intervals",
        "Coverage of 80 % bands",
        ("table", "split", "method", "posts", "held (95 %)", "lowest tenth", "by tenth of the "
         "prediction", "width", "interval score"),
        rows,
        [
            *notes,
            "`ours`: scores by level of the prediction. `one set of scores`: the same stack, the "
            "same scale, no levels. `raw quantiles`: LightGBM with the quantile loss at .1 and .9 "
            f"on the same projected columns ({PEER_ROUNDS} trees, 31 leaves), bounds swapped "
            "where they cross.",
            "The tenths are of each method's own central prediction. With n posts in a tenth, a "
            "band that holds exactly 80 % shows .80 ± .78 / sqrt(n) in nineteen of twenty tenths, "
            "and the lowest of ten lies about .62 / sqrt(n) below: .72 for 64 posts.",
            "Interval score (Gneiting and Raftery 2007): width plus ten times what lies outside; "
            "lower is better.",
            f"Tables of more than {MOST_ROWS:,} posts are sampled evenly in time. Untuned recipes.",
        ],
        seed=SEED,
    )  # fmt: skip


def _named(arguments: Sequence[str]) -> list[tuple[str, Path, str]]:
    """Read `name=folder:target` arguments."""
    tables = []
    for argument in arguments:
        name, _, rest = argument.partition("=")
        folder, _, target = rest.rpartition(":")
        tables.append((name, Path(folder), target))
    return tables


def _made(folder: Path) -> list[tuple[str, Path, str]]:
    """Read and extract the tables that are there."""
    from virality.data.ingest import ingest

    tables = []
    for number, (name, (source, target)) in enumerate(TABLES.items()):
        if not source.exists():
            print(f"{name}: {source.name} is not here, left out")
            continue
        posts, features = folder / f"{number}.parquet", folder / f"features{number}"
        ingest(source, posts)
        extract_table(posts, None, features, jobs=2)
        tables.append((name, features, target))
    return tables


def load(folder: Path, target: str) -> tuple[Rows, Floats]:
    """Return the labelled rows, ordered as they are, and outcomes on the learning scale."""
    table = read_features(folder)
    known = labelled(table.matrix, table.posts, find_target(target), 30)
    chosen, posts, y = known.matrix, known.posts, known.y
    rows = arrange(chosen, posts, usable_columns(chosen, False).names)
    if len(rows) <= MOST_ROWS:
        return rows, y
    order = np.argsort(splits.posting_times(rows.posts), kind="stable")
    step = np.linspace(0, len(order) - 1, MOST_ROWS).round().astype(np.int64)
    kept = np.sort(order[step])
    return rows.take(kept), y[kept]


def judge(rows: Rows, y: Floats, split: str) -> tuple[dict[str, Bands], str]:
    """Return every method's bands on a split, and how hits were promised on it."""
    plan = (
        [splits.temporal_split(rows.posts)]
        if split == "temporal"
        else splits.author_folds(rows.posts, 5, SEED)
    )
    found: dict[str, list[Bands]] = {"ours": [], "one set of scores": [], "raw quantiles": []}
    promised, seen = [], []
    for part in plan:
        train, test = rows.take(part.train), rows.take(part.test)
        with one_blas_thread():
            stack = fit_stack(train, y[part.train], sensible_recipe(len(train), SEED))
            guess = stack.predict(test)
            low, high = _without_levels(stack).bounds(guess.mean, guess.scale, guess.warm)
            found["ours"].append(Bands(part.test, guess.mean, guess.low, guess.high))
            found["one set of scores"].append(Bands(part.test, guess.mean, low, high))
            found["raw quantiles"].append(_peer(train, y[part.train], test, part.test))
            promised.append(stack.hit_probability(guess))
        seen.append(y[part.test] >= stack.hit_threshold)
    return {name: _joined(parts) for name, parts in found.items()}, _reliability(
        np.concatenate(promised), np.concatenate(seen)
    )


def _without_levels(stack: Stack) -> Intervals:
    """Return the intervals with the distributions of all levels as one for every post."""
    one = stack.intervals

    def flat(scores: Scores) -> Scores:
        every = np.sort(scores.quantiles.ravel())
        return Scores(scores.levels[:1], every[None, :])

    return replace(one, warm=flat(one.warm), cold=flat(one.cold))


def _peer(train: Rows, y: Floats, test: Rows, row: npt.NDArray[np.int64]) -> Bands:
    import lightgbm

    recipe = sensible_recipe(len(train), SEED)
    projector, inputs = fit_projector(train, y, recipe.blocks, SEED)
    use = varying(inputs.values)
    learned, asked = inputs.values[:, use], projector.transform(test).values[:, use]

    def at(alpha: float) -> Any:
        params = {**PEER, "objective": "quantile", "alpha": alpha}
        data = lightgbm.Dataset(learned, y, params={"verbose": -1})
        return lightgbm.train(params, data, PEER_ROUNDS).predict(asked)

    low, middle, high = (np.asarray(at(alpha), dtype=np.float64) for alpha in (0.1, 0.5, 0.9))
    return Bands(row, middle, np.minimum(low, high), np.maximum(low, high))


def _joined(parts: Sequence[Bands]) -> Bands:
    fields = ("row", "level", "low", "high")
    return Bands(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))


def _reliability(promised: Floats, seen: npt.NDArray[np.bool_]) -> str:
    parts = np.array_split(np.argsort(promised, kind="stable"), 5)
    return ", ".join(f"{promised[part].mean():.2f}/{seen[part].mean():.2f}" for part in parts)


def row_of(name: str, split: str, method: str, bands: Bands, rows: Rows, y: Floats) -> list[object]:
    """Return a row of the table."""
    actual = y[bands.row]
    inside = ((actual >= bands.low) & (actual <= bands.high)).astype(np.float64)
    held = mean_with_interval(inside, splits.author_groups(rows.posts)[bands.row], SEED)
    tenths = [
        inside[part].mean() for part in np.array_split(np.argsort(bands.level, kind="stable"), 10)
    ]
    width = bands.high - bands.low
    outside = np.maximum(bands.low - actual, 0.0) + np.maximum(actual - bands.high, 0.0)
    kind = "newest fifth" if split == "temporal" else "unseen authors"
    return [
        name, kind, method, len(actual), f"{held.value:.3f} ({held.low:.3f} to {held.high:.3f})",
        f"{min(tenths):.2f}", " ".join(f"{one:.2f}"[1:] if one < 1 else "1." for one in tenths),
        float(width.mean()), float((width + 10.0 * outside).mean()),
    ]  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
