"""The out-of-fold loop: what each base says about posts it has not learned from.

It is our own because folds need not partition the rows. Author-grouped folds show how the bases do
on strangers ("cold" rows). Where authors recur, expanding windows in time are added: posts whose
author had earlier ones ("warm" rows) are then predicted as they will be in use, history included.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from virality.data.matrix import MODALITIES, Column
from virality.data.splits import IntArray, Split, forward_splits, selection_folds
from virality.modeling.augment import Stacked, stack_learned, stack_views
from virality.modeling.booster import Curve, Library, fit_curve
from virality.modeling.history import COLD
from virality.modeling.inputs import Inputs, fit_projector
from virality.modeling.recipe import Recipe
from virality.modeling.rows import Rows

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

WARM_SHARE = 0.3
"""Share of posts with a known author from which expanding windows are worth their time."""

LEAST_WARM_ROWS = 100


@dataclass(frozen=True)
class BasePlan:
    """A base before it is fitted: its name, library and the inputs that it reads."""

    name: str
    library: Library
    places: IntArray


def plan_bases(columns: Sequence[Column], usable: Flags) -> tuple[BasePlan, ...]:
    """Return one LightGBM a modality present, then LightGBM and XGBoost on all inputs."""
    plans = []
    for modality in MODALITIES:
        mask = np.array([column.modality == modality for column in columns]) & usable
        if mask.any():
            plans.append(BasePlan(modality, "lightgbm", np.flatnonzero(mask)))
    everything = np.flatnonzero(usable)
    if len(plans) == 1:
        plans = []  # one modality: its base would be the base on all, twice
    return (
        *plans,
        BasePlan("all", "lightgbm", everything),
        BasePlan("all_xgboost", "xgboost", everything),
    )


@dataclass(frozen=True)
class OutOfFold:
    """Predictions of every base for rows left out; a row may appear in both kinds of fold.

    Attributes:
        row: int64 (k,), which training row each line is about.
        fold: int64 (k,), the fold that it was left out of.
        warm: bool (k,), its author had earlier posts in that fold's training part.
        predictions: float64 (k, b).
        inputs: float32 (k, m), what the bases read.
        rounds: number of trees of each base with the lowest mean error over folds.
    """

    row: IntArray
    fold: IntArray
    warm: Flags
    predictions: Floats
    inputs: npt.NDArray[np.float32]
    rounds: tuple[int, ...]


def plan_folds(rows: Rows, warm: Flags, recipe: Recipe) -> list[Split]:
    """Return author-grouped folds and, where authors recur, expanding windows in time."""
    splits = selection_folds(rows.posts, recipe.folds, recipe.seed)
    if len(rows) >= LEAST_WARM_ROWS and warm.mean() >= WARM_SHARE:
        splits += forward_splits(rows.posts)
    return splits


@dataclass(frozen=True)
class _Fitted:
    split: Split
    curves: tuple[Curve, ...]
    left_out: Inputs
    seen: Stacked


def run_folds(
    rows: Rows,
    y: Floats,
    splits: Sequence[Split],
    plans: Sequence[BasePlan],
    recipe: Recipe,
    jobs: int,
    tick: Callable[[], None],
) -> OutOfFold:
    """Fit every base in every fold and predict what was left out."""

    def fit(split: Split) -> _Fitted:
        fitted = _fit_fold(rows, y, split, plans, recipe)
        tick()
        return fitted

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        done = list(pool.map(fit, splits))
    rounds = tuple(_best_rounds([f.curves[b].errors for f in done]) for b in range(len(plans)))
    return _collect(done, plans, rounds)


def _fit_fold(
    rows: Rows, y: Floats, split: Split, plans: Sequence[BasePlan], recipe: Recipe
) -> _Fitted:
    train = rows.take(split.train)
    projector, inputs = fit_projector(train, y[split.train], recipe.blocks, recipe.seed)
    learned = stack_learned(projector, train, inputs)
    test = rows.take(split.test)
    left_out = projector.transform(test)
    curves = tuple(
        fit_curve(
            plan.library,
            learned.values[:, plan.places],
            y[split.train][learned.owner],
            (left_out.values[:, plan.places], y[split.test]),
            learned.params(plan.library, recipe.params),
            weights=learned.weights,
            seed=recipe.seed,
            rounds=recipe.rounds,
            patience=recipe.patience,
        )
        for plan in plans
    )
    return _Fitted(split, curves, left_out, stack_views(projector, test, left_out))


def _best_rounds(curves: Sequence[Floats]) -> int:
    """Return the number of trees with the lowest error averaged over folds.

    One number for all folds: the best of each fold would be chosen on the rows it is judged on.
    A fold that stopped early counts with its last error from there on.
    """
    longest = max(len(curve) for curve in curves)
    padded = [np.pad(curve, (0, longest - len(curve)), mode="edge") for curve in curves]
    return int(np.argmin(np.mean(padded, axis=0))) + 1


def _collect(
    done: Sequence[_Fitted], plans: Sequence[BasePlan], rounds: tuple[int, ...]
) -> OutOfFold:
    row, fold, warm, predictions, inputs = [], [], [], [], []
    for number, fitted in enumerate(done):
        values = fitted.left_out.values
        known = fitted.left_out.column(COLD) == 0
        keep = known if fitted.split.name.startswith("forward") else np.ones(len(values), bool)
        if not keep.any():
            continue
        inner = values[keep]
        seen = fitted.seen
        columns = [
            seen.average(curve.predict(seen.values[:, plan.places], count))[keep]
            for curve, plan, count in zip(fitted.curves, plans, rounds, strict=True)
        ]
        row.append(fitted.split.test[keep])
        fold.append(np.full(len(inner), number))
        warm.append(known[keep])
        predictions.append(np.column_stack(columns))
        inputs.append(inner)
    return OutOfFold(
        np.concatenate(row),
        np.concatenate(fold),
        np.concatenate(warm),
        np.vstack(predictions),
        np.vstack(inputs),
        rounds,
    )
