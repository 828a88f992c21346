"""Trials per minute and holdout score of our study beside a plain Optuna loop, same columns.

The peer is what a tutorial shows: Optuna around `cross_val_score` of a plain `LGBMRegressor`, five
author-grouped folds. Two settings: the raw columns alone, and with each embedding projected inside
the folds (principal components, out-of-fold ridge and neighbours), for which the peer uses plain
scikit-learn: a `StackingRegressor` in the loop. Both studies see the oldest 80 % of the rows, both
best trials are then fitted on them and judged once on the newest 20 %.

To reach widths of about 1,000 and 700, what else the captions say stands beside their embedding
where it is needed, real columns and not noise: latent directions of their words (128, fitted on the
rows seen), or where those are too few a second encoder's embedding (MiniLM, 384, slow to make).
Writes `results/study.md`.
"""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from ours import MOST_TRIALS
from results_table import write_table
from tables import CACHE, FOLDS, SEED, SOURCES, Table, options, say, shown, tables

from virality.data.errors import ViralityError
from virality.data.features import read_features
from virality.data.matrix import Column, FeatureMatrix
from virality.data.splits import selection_folds
from virality.modeling.history import History
from virality.modeling.metrics import score, score_differences
from virality.modeling.terms import DIRECTIONS, fit_terms, read_documents

Floats = npt.NDArray[np.float64]

BUDGET_S = 300.0
WIDTHS = {"smp": 1_000, "vietnamese": 700}
ASKED = {"raw": 10.0, "projected": 40.0}
"""How many times as many trials per minute the study has to do."""

BARE = ("id", "author_id", "posted_at")
"""What ours reads of a post beside its columns: what it needs for folds and for history."""

TREES = 300
"""Of the peer: the most that its search space holds, as it has no early stopping."""

HEADER = (
    "table", "columns", "method", "rows seen", "width", "finished trials", "of them pruned",
    "trials a minute", "times the loop's", "holdout spearman", "holdout R2", "holdout mean error",
    "ours less it: spearman",
)  # fmt: skip


@dataclass(frozen=True)
class Studied:
    """What a study came to, and its best trial's predictions of the newest posts."""

    method: str
    finished: int
    pruned: int
    seconds: float
    said: Floats

    @property
    def per_minute(self) -> float:
        """Finished trials per minute, the pruned among them."""
        return 60.0 * self.finished / self.seconds


def widened(table: Table, quick: bool) -> Table:
    """Return the table with columns that vary, padded by more of captions and cut to the width."""
    width = WIDTHS[table.name]
    values = table.matrix.frame.to_numpy()
    low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
    kept = [name for name, a, b in zip(table.matrix.columns, low, high, strict=True) if a < b]
    matrix = table.matrix.select(kept)
    if len(kept) < width and not quick:
        few = width - len(kept) <= DIRECTIONS
        other = _directions(table) if few else _second_encoder(table)
        more = list(other.columns)[: width - len(kept)]
        frame = pd.concat([matrix.frame, other.frame[more]], axis=1)
        columns = {**matrix.columns, **{name: other.columns[name] for name in more}}
        matrix = replace(matrix, frame=frame, columns=columns)
    return replace(table, matrix=matrix.select(list(matrix.columns)[:width]))


def _directions(table: Table) -> FeatureMatrix:
    """Return latent directions of the captions' words."""
    documents = read_documents(table.posts)
    terms = fit_terms([documents[row] for row in table.split.train])
    if terms is None:
        raise SystemExit(f"{table.name}: too few captions to fit directions of their words")
    values = terms.transform(documents).astype(np.float32)
    block = "text_terms__latent"
    columns = {
        f"{block}{place}": Column(f"{block}{place}", "text", "", "pre", block, "a latent direction")
        for place in range(values.shape[1])
    }
    frame = pd.DataFrame(values, index=table.matrix.frame.index, columns=list(columns))
    return FeatureMatrix(frame, columns, {})


def _second_encoder(table: Table) -> FeatureMatrix:
    """Return the MiniLM embedding of the captions, made once."""
    from virality.workflow.run import extract_table

    folder = CACHE / table.name / "minilm"
    try:
        found = read_features(folder)
    except ViralityError:
        say(f"{table.name}: a second embedding of the captions")
        extract_table(
            CACHE / table.name / "posts.parquet", None, folder, only=("text_embedding",),
            encoder="minilm", jobs=2,
        )  # fmt: skip
        found = read_features(folder)
    matrix = found.matrix.rows(table.matrix.frame.index)
    names = {name: name.replace("text_embedding", "text_minilm") for name in matrix.columns}
    columns = {
        names[name]: replace(one, name=names[name], block="text_minilm__sentence")
        for name, one in matrix.columns.items()
        if one.block
    }
    frame = matrix.frame.rename(columns=names)[list(columns)]
    return FeatureMatrix(frame, columns, {})


def ours(table: Table, projected: bool, budget_s: float) -> Studied:
    """Run our study on the table and train what it found on the part that it saw."""
    from virality.modeling.train import train
    from virality.modeling.tune import tune

    outcome = SOURCES[table.name][2]
    matrix, posts = table.matrix, table.posts[[*BARE, outcome]]
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        tuning = tune(
            matrix, posts, target=outcome, trials=MOST_TRIALS, timeout_s=budget_s, seed=SEED,
            study=Path(folder) / "study.log", jobs=2, raw=not projected,
        )  # fmt: skip
        seconds = time.perf_counter() - begin
    older, newer = table.split.train, table.split.test
    ids = matrix.frame.index
    known, asked = matrix.rows(ids[older]), matrix.rows(ids[newer])
    model = train(
        known, posts.iloc[older].reset_index(drop=True), tuning=tuning, target=outcome, seed=SEED
    )
    said = model.predict(asked, posts.iloc[newer].reset_index(drop=True)).mean
    states = [trial.state for trial in tuning.trials]
    finished = states.count("complete") + states.count("pruned")
    return Studied("virality", finished, states.count("pruned"), seconds, said)


def loop(table: Table, projected: bool, budget_s: float) -> Studied:
    """Run the plain loop and fit its best trial on the rows that it saw."""
    import optuna
    from sklearn.model_selection import cross_val_score

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    older, newer = table.split.train, table.split.test
    posts = table.posts.iloc[older].reset_index(drop=True)
    bare = table.posts[list(BARE)]
    history = History.fit(bare.iloc[older], table.y[older]).transform(bare)
    values = np.hstack([table.matrix.frame.to_numpy(), history.to_numpy()])
    x, y = values[older], table.y[older]
    folds = [(one.train, one.test) for one in selection_folds(posts, FOLDS, SEED)]

    def objective(trial: Any) -> float:
        model = regressor(table, suggest(trial), projected)
        return float(
            -cross_val_score(model, x, y, cv=folds, scoring="neg_root_mean_squared_error").mean()
        )

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
    begin = time.perf_counter()
    study.optimize(objective, timeout=budget_s)
    seconds = time.perf_counter() - begin
    model = regressor(table, study.best_params, projected).fit(x, y)
    said = np.asarray(model.predict(values[newer]), dtype=np.float64)
    return Studied("Optuna and cross_val_score", len(study.trials), 0, seconds, said)


def suggest(trial: Any) -> dict[str, float | int]:
    """Return a trial's parameters, the ranges that tutorials give."""
    return {
        "n_estimators": trial.suggest_int("n_estimators", 50, TREES),
        "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.3, log=True),
        "num_leaves": trial.suggest_int("num_leaves", 7, 63, log=True),
        "min_child_samples": trial.suggest_int("min_child_samples", 5, 100, log=True),
        "colsample_bytree": trial.suggest_float("colsample_bytree", 0.3, 1.0),
        "subsample": trial.suggest_float("subsample", 0.5, 1.0),
        "reg_lambda": trial.suggest_float("reg_lambda", 1e-3, 100.0, log=True),
    }


def regressor(table: Table, params: dict[str, Any], projected: bool) -> Any:
    """Return the peer's model: the trees alone, or after plain scikit-learn's projections."""
    import lightgbm

    trees = lightgbm.LGBMRegressor(
        **params, subsample_freq=1, random_state=SEED, n_jobs=2, verbose=-1
    )
    return _projecting(table, trees) if projected else trees


def _projecting(table: Table, trees: Any) -> Any:
    """Return trees that read components, a ridge's and neighbours' out-of-fold predictions."""
    from sklearn.compose import make_column_transformer
    from sklearn.decomposition import PCA
    from sklearn.ensemble import StackingRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import RidgeCV
    from sklearn.neighbors import KNeighborsRegressor
    from sklearn.pipeline import make_pipeline

    blocks: dict[str, list[int]] = {}
    for place, one in enumerate(table.matrix.columns.values()):
        if one.block:
            blocks.setdefault(one.block, []).append(place)
    bases, reduced = [], []
    for name, places in blocks.items():
        for kind, model in (
            ("ridge", RidgeCV(np.logspace(-2, 4, 10))),
            ("near", KNeighborsRegressor(30, weights="distance", metric="cosine")),
        ):
            only = make_column_transformer((SimpleImputer(), places))
            bases.append((f"{name} {kind}".replace("__", " "), make_pipeline(only, model)))
        reduced.append(
            (make_pipeline(SimpleImputer(), PCA(16, random_state=SEED)), _after(places, blocks))
        )
    pca = make_column_transformer(*reduced, remainder="passthrough")
    return StackingRegressor(bases, make_pipeline(pca, trees), cv=5, passthrough=True)


def _after(places: Sequence[int], blocks: dict[str, list[int]]) -> list[int]:
    """Return where columns stand once the bases' predictions stand before them."""
    return [place + 2 * len(blocks) for place in places]


def rows_of(
    table: Table, columns: str, mine: Studied, other: Studied
) -> tuple[list[list[object]], str]:
    """Return two rows of the table, and whether the target was met."""
    test, groups = table.split.test, table.groups[table.split.test]
    width = len(table.matrix.columns)
    found = score_differences(
        table.judged(test, other.said), table.judged(test, mine.said), groups, SEED
    )
    times = mine.per_minute / other.per_minute
    rows = []
    for one in (mine, other):
        scores = score(table.judged(test, one.said), groups, SEED)
        rows.append([
            table.title, columns, one.method, f"{len(table.split.train):,}", width, one.finished,
            one.pruned, one.per_minute, times if one is mine else 1.0,
            shown(scores["spearman"]), shown(scores["r2"]), shown(scores["mae"]),
            "-" if one is mine else shown(found["spearman"]),
        ])  # fmt: skip
    asked = ASKED[columns]
    met = times >= asked and found["spearman"].value > 0
    return rows, (
        f"{'Met' if met else 'MISSED'}: {table.title}, {columns}: {times:.0f} times as many trials "
        f"a minute, asked {asked:.0f}; Spearman {found['spearman'].value:+.3f} against the loop's."
    )


def main() -> None:
    chosen = options(__doc__, BUDGET_S, tuple(WIDTHS))
    rows: list[list[object]] = []
    verdicts: list[str] = []
    wanted = [(name, columns) for name in chosen.tables for columns in ASKED]
    for table in tables(chosen.tables, quick=chosen.quick):
        wide = widened(table, chosen.quick)
        for columns in ASKED:
            wanted.remove((table.name, columns))
            say(f"{table.name}, {columns}: {wide.matrix.frame.shape}")
            mine = ours(wide, columns == "projected", chosen.budget)
            say(f"  ours: {mine.finished} trials in {mine.seconds:.0f} s; now the plain loop")
            other = loop(wide, columns == "projected", chosen.budget)
            say(f"  loop: {other.finished} trials in {other.seconds:.0f} s")
            some, verdict = rows_of(wide, columns, mine, other)
            rows += some
            verdicts.append(verdict)
            left = ", ".join(f"{name} {kind}" for name, kind in wanted)
            notes = [
                *verdicts,
                f"{chosen.budget:.0f} s of wall time each, two threads. A trial of the loop is "
                "five fits. Our pruned trials count, as they decide as much, and are shown apart. "
                "What the study prepares before its first trial is within its time.",
                "Holdout: the loop's best trial fitted on the rows seen; ours trained by "
                "`virality train` with the best trial's parameters on the same rows.",
                "Both read the same columns, our history columns among them, and nothing of the "
                "captions but their embeddings, latent directions and shape.",
                *([f"Interrupted before: {left}."] if left else []),
            ]
            title = "A study beside a plain Optuna loop"
            write_table(chosen.output or "study", title, HEADER, rows, notes, seed=SEED)


if __name__ == "__main__":
    main()
