"""Ours beside FLAML, AutoGluon and mljar-supervised: same columns, same folds, same wall time.

Every contender learns on the oldest 80 % of a table and predicts the newest 20 %, with two cores
and a budget of five minutes; each lives in an environment of its own (`make build/peers/...`). Two
variants of the columns: as the featurizers made them, dimensions of the embedding among them, and
with our history columns beside them. The peers select by mean absolute error over the same five
author-grouped folds. Writes `results/peers.md`.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from ours import Learned, learn, predict
from results_table import write_table
from tables import FOLDS, ROOT, SEED, Table, options, patient, say, shown, tables, without_blocks

from virality.data import splits
from virality.modeling.history import History
from virality.modeling.metrics import score, score_differences

Floats = npt.NDArray[np.float64]

PEERS = ("flaml", "autogluon", "mljar")
BUDGET_S = 300.0
PATIENCE = 4.0
"""A contender that has not answered after so many budgets is stopped."""

VARIANTS = ("as made", "with history")

METRICS = ("spearman", "mae", "r2", "mape")
BARE = ("id", "author_id")
"""What ours knows of a post where it is to do without its history: whose it is, for folds."""

OURS = "virality"
HEADER = (
    "table", "columns", "contender", "seconds", "chosen", *METRICS,
    f"{OURS} less it: spearman", f"{OURS} less it: mae",
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """What a contender said about the newest posts, or why it said nothing."""

    columns: str
    contender: str
    said: Floats | None
    seconds: float
    chosen: str


def export(table: Table, history: bool, folder: Path) -> None:
    """Write the train and test part as Parquet, with the fold of each training row."""
    folder.mkdir(parents=True, exist_ok=True)
    older, newer = table.split.train, table.split.test
    frames = [table.matrix.frame.iloc[rows].reset_index(drop=True) for rows in (older, newer)]
    if history:
        posts = [table.posts.iloc[rows].reset_index(drop=True) for rows in (older, newer)]
        known = History.fit(posts[0], table.y[older])
        frames = [
            pd.concat([frame, known.transform(some).reset_index(drop=True)], axis=1)
            for frame, some in zip(frames, posts, strict=True)
        ]
    fold = np.zeros(len(older), dtype=np.int64)
    for number, split in enumerate(splits.author_folds(table.posts.iloc[older], FOLDS, SEED)):
        fold[split.test] = number
    frames[0].assign(_y=table.y[older], _fold=fold).to_parquet(folder / "train.parquet")
    frames[1].to_parquet(folder / "test.parquet")


def run_peer(peer: str, columns: str, folder: Path, budget_s: float) -> Entry:
    """Run a peer in its own environment."""
    python = ROOT / "build" / "peers" / peer / "bin" / "python"
    if not python.exists():
        return Entry(columns, peer, None, 0.0, f"not installed: make build/peers/{peer}/.installed")
    script = Path(__file__).parent / "peers" / f"{peer}_contender.py"
    command = [str(python), str(script), str(folder), "--budget", str(budget_s)]
    for kind in ("npy", "json"):
        (folder / f"{peer}.{kind}").unlink(missing_ok=True)
    with (folder / f"{peer}.log").open("wb") as log:
        try:
            done = subprocess.run(
                [*command, "--seed", str(SEED)], stdout=log, stderr=log, check=False,
                timeout=PATIENCE * budget_s + 120, env=patient(),
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return Entry(columns, peer, None, PATIENCE * budget_s, "no answer, stopped")
    if done.returncode:
        return Entry(columns, peer, None, 0.0, f"failed: see {peer}.log beside its columns")
    facts = json.loads((folder / f"{peer}.json").read_text(encoding="utf-8"))
    said = np.load(folder / f"{peer}.npy")
    return Entry(columns, peer, said, facts["seconds"], facts["chosen"])


def run_ours(table: Table, budget_s: float) -> Entry:
    """Run ours with all that it makes of the posts."""
    said, learned = predict(
        table, table.split.train, table.split.test, budget_s=budget_s, metric="mae"
    )
    return Entry("its own", OURS, said, learned.tune_s + learned.train_s, _told(learned))


def run_bare(table: Table, budget_s: float) -> Entry:
    """Run ours on the very columns of the peers, without blocks and history."""
    bare = replace(table, matrix=without_blocks(table.matrix))
    outcome = find_outcome(table)
    matrix, posts = bare.part(table.split.train)
    kept = [name for name in (*BARE, *outcome) if name in posts]
    learned = learn(matrix, posts[kept], table.target, budget_s=budget_s, metric="mae")
    asked, later = bare.part(table.split.test)
    said = learned.model.predict(asked, later[[name for name in BARE if name in later]]).mean
    name = f"{OURS}, no blocks, no history"
    return Entry("as made", name, said, learned.tune_s + learned.train_s, _told(learned))


def find_outcome(table: Table) -> tuple[str, ...]:
    """Return the columns of the posts that the target is read from."""
    from virality.modeling.targets import find_target

    return (find_target(table.target).outcome,)


def _told(learned: Learned) -> str:
    return (
        f"{len(learned.tuning.trials)} trials in {learned.tune_s:.0f} s, "
        f"trained in {learned.train_s:.0f} s"
    )


def rows_of(table: Table, entries: Sequence[Entry]) -> list[list[object]]:
    """Return a row a contender, with the difference to ours where ours has answered."""
    test = table.split.test
    groups = table.groups[test]
    ours = next((one.said for one in entries if one.contender == OURS), None)
    rows: list[list[object]] = []
    for one in entries:
        lead = [table.title, one.columns, one.contender, f"{one.seconds:.0f}", one.chosen]
        if one.said is None:
            rows.append([*lead, *["-"] * (len(HEADER) - len(lead))])
            continue
        judged = table.judged(test, one.said)
        scores = score(judged, groups, SEED)
        differences = ["-", "-"]
        if ours is not None and one.contender != OURS:
            found = score_differences(judged, table.judged(test, ours), groups, SEED)
            differences = [shown(found["spearman"]), shown(found["mae"])]
        rows.append([*lead, *(shown(scores[name]) for name in METRICS), *differences])
    return rows


def tally(done: Mapping[str, tuple[Table, list[Entry]]]) -> list[str]:
    """Say on how many tables ours is ahead of each peer's better variant."""
    notes = []
    for table, entries in done.values():
        test = table.split.test
        values = {
            (one.contender, one.columns): score(
                table.judged(test, one.said), table.groups[test], SEED
            )
            for one in entries
            if one.said is not None
        }
        ours = values.get((OURS, "its own"))
        if ours is None:
            continue
        for peer in PEERS:
            theirs = [found for (name, _), found in values.items() if name == peer]
            if not theirs:
                continue
            rank = max(one["spearman"].value for one in theirs)
            error = min(one["mae"].value for one in theirs)
            notes.append(
                f"{table.title}, {peer}'s better variant here: Spearman {rank:.3f} against "
                f"ours {ours['spearman'].value:.3f} "
                f"({'not behind' if ours['spearman'].value >= rank else 'BEHIND'}), mean error "
                f"{error:.3f} against {ours['mae'].value:.3f} "
                f"({'not behind' if ours['mae'].value <= error else 'BEHIND'})."
            )
    return notes


def write(
    name: str, done: Mapping[str, tuple[Table, list[Entry]]], budget_s: float, left: Sequence[str]
) -> None:
    rows = [row for table, entries in done.values() for row in rows_of(table, entries)]
    notes = [
        *tally(done),
        f"Budget {budget_s:.0f} s of wall time each on {os.cpu_count()} cores; `seconds` is what "
        "each took to learn, refitting included. Ours tunes and trains in that time.",
        "`as made`: the featurizers' columns. `with history`: and our twenty history columns. "
        "`its own`: ours makes blocks and history of the same columns and posts by itself.",
        "Interval: 95 %, bootstrap of authors. Differences are paired: above 0 is better for "
        "Spearman, below 0 for the mean error.",
        "Peers select by mean absolute error over the same author-grouped folds: FLAML "
        "`split_type=group`, AutoGluon `groups`, mljar custom folds; AutoGluon's best_quality, "
        "mljar's Compete, FLAML's trees and forests.",
        *([f"Interrupted before: {', '.join(left)}."] if left else []),
    ]
    title = "Ours beside AutoML at the same budget (newest 20 %)"
    write_table(name, title, HEADER, rows, notes, seed=SEED)


def main() -> None:
    chosen = options(__doc__, BUDGET_S, variants=VARIANTS)
    budget_s = min(chosen.budget, 30.0) if chosen.quick else chosen.budget
    name = chosen.output or "peers"
    done: dict[str, tuple[Table, list[Entry]]] = {}
    for table in tables(chosen.tables, quick=chosen.quick):
        entries: list[Entry] = []
        done[table.name] = table, entries
        for columns in chosen.variants:
            folder = ROOT / "build" / "peers" / "tables" / table.name / columns.replace(" ", "_")
            export(table, columns == VARIANTS[1], folder)
            for peer in PEERS:
                say(f"{table.name}, {columns}: {peer}")
                entries.append(run_peer(peer, columns, folder, budget_s))
                say(f"  {entries[-1].seconds:.0f} s, {entries[-1].chosen}")
                write(name, done, budget_s, left(chosen.tables, table.name, f"after {peer}"))
        for work in (run_bare, run_ours):
            say(f"{table.name}: {OURS}, {work.__name__}")
            begin = time.perf_counter()
            entries.append(work(table, budget_s))
            say(f"  {time.perf_counter() - begin:.0f} s, {entries[-1].chosen}")
        write(name, done, budget_s, left(chosen.tables, table.name, ""))
    if not done:
        sys.exit("no table is here: nothing was measured")


def left(names: Sequence[str], current: str, within: str) -> list[str]:
    """Say which parts are not there yet."""
    rest = list(names[list(names).index(current) + 1 :])
    return [f"{current} ({within})", *rest] if within else rest


if __name__ == "__main__":
    main()
