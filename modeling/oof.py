"""The out-of-fold loop: what each base says about posts it has not learned from.

It is our own because folds need not partition the rows. Author-grouped folds show how the bases do
on strangers ("cold" rows). Where authors recur, expanding windows in time are added: posts whose
author had earlier ones ("warm" rows) are then predicted as they will be in use, history included.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from virality.data.errors import InputError
from virality.data.matrix import MODALITIES, Column
from virality.data.splits import (
    IntArray,
    Split,
    forward_splits,
    posting_times,
    selection_folds,
)
from virality.modeling.augment import Stacked, stack_learned, stack_views
from virality.modeling.booster import Curve, Library, fit_curve
from virality.modeling.history import COLD
from virality.modeling.inputs import NOTHING_VARIES, Inputs, fit_projector, selected
from virality.modeling.objective import fading, row_weights
from virality.modeling.recipe import FOREST, UNTUNED, Recipe
from virality.modeling.rows import Rows, Singles

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Measure = Callable[[IntArray], Floats]
"""Training rows of a fold -> outcomes of all n rows as those alone tell them."""

WARM_SHARE = 0.3
"""Share of posts with a known author from which expanding windows are worth their time."""

LEAST_WARM_ROWS = 100
"""Posts from which on there are windows, and known or unknown authors have weights of their own."""

SIGNALS = ("history__author_count", "history__author_spread", "history__author_gap_days")
"""History that says how sure one can be about a post."""


class Reader(Protocol):
    """What reads some of the inputs: a base, or the plan of one."""

    @property
    def places(self) -> IntArray:
        """Positions of the inputs that it reads."""


class Aside(Protocol):
    """Fits something of its own in every fold, on the inputs of the bases."""

    def fit(self, split: Split, learned: Stacked, seen: Stacked) -> Any:
        """Return what is kept of a fold; see `ratios.RatioFolds`."""


@dataclass(frozen=True)
class BasePlan:
    """A base before it is fitted: its name, library and the inputs that it reads."""

    name: str
    library: Library
    places: IntArray


def plan_bases(columns: Sequence[Column], varied: Flags, recipe: Recipe) -> tuple[BasePlan, ...]:
    """Return one LightGBM a modality present, then those on all inputs.

    On all there are a LightGBM and an XGBoost, a LightGBM more where a study is hedged, and a
    forest where the recipe has one.

    Args:
        columns: of the inputs, those of `recipe.widest`.
        varied: bool (len(columns),), which inputs can tell posts apart.
        recipe: which of them a base reads.

    Raises:
        InputError: if none of them can.
    """
    usable = varied & selected(columns, recipe.blocks)
    if not usable.any():
        raise InputError(NOTHING_VARIES)
    plans = []
    for modality in MODALITIES:
        mask = np.array([column.modality == modality for column in columns]) & usable
        if mask.any():
            plans.append(BasePlan(modality, "lightgbm", np.flatnonzero(mask)))
    everything = np.flatnonzero(usable)
    if len(plans) == 1:
        plans = []  # one modality: its base would be the base on all, twice
    plans.append(BasePlan("all", "lightgbm", everything))
    plans.append(BasePlan("all_xgboost", "xgboost", everything))
    for name in [UNTUNED] * recipe.hedged + [FOREST] * bool(recipe.forest):
        blocks = recipe.of_base(name, "lightgbm").blocks
        read = np.flatnonzero(varied & selected(columns, blocks))
        plans.append(BasePlan(name, "lightgbm", read))
    return tuple(plans)


@dataclass(frozen=True)
class OutOfFold:
    """Predictions of every base for rows left out; a row may appear in both kinds of fold.

    Attributes:
        row: int64 (k,), which training row each line is about.
        actual: float64 (k,), its outcome, measured by what that fold's training part tells.
        fold: int64 (k,), the fold that it was left out of.
        warm: bool (k,), its author had earlier posts in that fold's training part.
        predictions: float64 (k, b).
        there: bool (k, b), whether a base had anything to read.
        signals: float32 (k, len(SIGNALS)), history that a post's uncertainty may depend on.
        rounds: number of trees of each base with the lowest mean error over folds.
        asides: what was fitted aside in each fold.
    """

    row: IntArray
    actual: Floats
    fold: IntArray
    warm: Flags
    predictions: Floats
    there: Flags
    signals: Singles
    rounds: tuple[int, ...]
    asides: tuple[Any, ...] = ()


def plan_folds(rows: Rows, warm: Flags, recipe: Recipe) -> list[Split]:
    """Return author-grouped folds and, where authors recur, expanding windows in time."""
    splits = selection_folds(rows.posts, recipe.folds, recipe.seed)
    if recipe.adapt or (len(rows) >= LEAST_WARM_ROWS and warm.mean() >= WARM_SHARE):
        splits += forward_splits(rows.posts)
    return splits


@dataclass(frozen=True)
class _Fitted:
    """What is kept of a fold until the number of trees is known."""

    split: Split
    actual: Floats
    curves: tuple[Curve, ...]
    seen: Stacked
    warm: Flags
    there: Flags
    signals: Singles
    aside: Any


def run_folds(
    rows: Rows,
    y: Floats,
    splits: Sequence[Split],
    plans: Sequence[BasePlan],
    recipe: Recipe,
    jobs: int,
    tick: Callable[[], None],
    aside: Aside | None = None,
    measure: Measure | None = None,
) -> OutOfFold:
    """Fit every base in every fold and predict what was left out."""

    def fit(split: Split) -> _Fitted:
        own = y if measure is None else measure(split.train)
        fitted = _fit_fold(rows, own, split, plans, recipe, aside)
        tick()
        return fitted

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        done = list(pool.map(fit, splits))
    rounds = tuple(
        recipe.forest if plan.name == FOREST else best_rounds([f.curves[b].errors for f in done])
        for b, plan in enumerate(plans)
    )
    asides = tuple(fitted.aside for fitted in done)
    return replace(_collect(done, plans, rounds), asides=asides)


def _fit_fold(
    rows: Rows,
    y: Floats,
    split: Split,
    plans: Sequence[BasePlan],
    recipe: Recipe,
    aside: Aside | None,
) -> _Fitted:
    train, test = rows.take(split.train), rows.take(split.test)
    projector, inputs = fit_projector(train, y[split.train], recipe.widest, recipe.seed)
    learned = stack_learned(projector, train, inputs)
    outcome = y[split.train][learned.owner]
    left_out = projector.transform(test)

    def curve(plan: BasePlan) -> Curve:
        own = recipe.of_base(plan.name, plan.library)
        return fit_curve(
            plan.library,
            learned.values[:, plan.places],
            outcome,
            (left_out.values[:, plan.places], y[split.test]),
            learned.params(plan.library, own.params),
            weights=learned_weights(train, outcome, learned, own),
            seed=recipe.seed,
            rounds=own.rounds,
            patience=own.patience,
            metric=recipe.metric,
        )

    curves = tuple(map(curve, plans))
    warm = np.asarray(left_out.column(COLD) == 0)
    signals = np.column_stack([left_out.column(name) for name in SIGNALS])
    seen = stack_views(projector, test, left_out)
    more = None if aside is None else aside.fit(split, learned, seen)
    there = readable(left_out, plans)
    return _Fitted(split, y[split.test], curves, seen, warm, there, signals, more)


def on_sample(measure: Measure, sample: IntArray) -> Measure:
    """Return what measures the rows at `sample` alone."""
    return lambda train: measure(sample[train])[sample]


def learned_weights(rows: Rows, outcome: Floats, learned: Stacked, recipe: Recipe) -> Floats | None:
    """Return how much each learned row counts, None where all do alike.

    Args:
        rows: the n training posts.
        outcome: float64 (n + k,), of the posts and their k views.
        learned: inputs of posts and views.
        recipe: its loss and how fast posts fade.
    """
    fade = fading(posting_times(rows.posts), recipe.half_life) if recipe.half_life else None
    recency = None if fade is None else fade[learned.owner]
    weights = row_weights(str(recipe.params.get("loss", "l2")), outcome, recency)
    shares = learned.weights
    if weights is None or shares is None:
        return shares if weights is None else weights
    return weights * shares


def readable(inputs: Inputs, plans: Sequence[Reader]) -> Flags:
    """Say of which posts each base has anything to read, bool (n, b)."""
    missing = np.isnan(inputs.values)
    return np.column_stack([~missing[:, plan.places].all(axis=1) for plan in plans])


def best_rounds(curves: Sequence[Floats]) -> int:
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
    parts = []
    for number, fitted in enumerate(done):
        in_time = fitted.split.name.startswith("forward")
        keep = np.flatnonzero(fitted.warm if in_time else np.ones(len(fitted.warm), bool))
        if not keep.size:
            continue
        seen = fitted.seen
        columns = [
            seen.average(curve.predict(seen.values[:, plan.places], count))[keep]
            for curve, plan, count in zip(fitted.curves, plans, rounds, strict=True)
        ]
        parts.append(
            (
                fitted.split.test[keep],
                fitted.actual[keep],
                np.full(keep.size, number),
                fitted.warm[keep],
                np.column_stack(columns),
                fitted.there[keep],
                fitted.signals[keep],
            )
        )
    row, actual, fold, warm, predictions, there, signals = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    return OutOfFold(row, actual, fold, warm, predictions, there, signals, rounds)
