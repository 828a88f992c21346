"""The stack: one LightGBM a modality, LightGBM and XGBoost on all, mixed by non-negative weights.

The mixture is linear, so the bases' Shapley values, weighted alike, add up to the prediction.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.matrix import Column
from virality.data.splits import IntArray
from virality.modeling.augment import stack_learned, stack_views
from virality.modeling.booster import Booster, fit_booster
from virality.modeling.history import COLD
from virality.modeling.inputs import Inputs, Projector, fit_projector, varying
from virality.modeling.intervals import Intervals, fit_intervals
from virality.modeling.oof import LEAST_WARM_ROWS, OutOfFold, plan_bases, plan_folds, run_folds
from virality.modeling.recipe import Recipe
from virality.modeling.rows import Rows
from virality.modeling.weights import Weights, fit_weights

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Progress = Callable[[int, int], None]

SIGNAL_NAMES = ("history__author_count", "history__author_spread", "history__author_gap_days")


@dataclass(frozen=True)
class Base:
    """A fitted base: its name, the inputs it reads (positions) and its trees."""

    name: str
    places: IntArray
    booster: Booster


@dataclass(frozen=True)
class Guess:
    """Predictions of n rows on the learning scale.

    Attributes:
        mean, scale: float64 (n,), prediction and expected absolute error.
        low, high: float64 (n,), 80 % interval.
        warm: bool (n,), earlier posts of the author are known.
    """

    mean: Floats
    scale: Floats
    low: Floats
    high: Floats
    warm: Flags


@dataclass(frozen=True)
class Contributions:
    """Why each post got its prediction, on the learning scale.

    Attributes:
        frame: index id, one column a group: a plain column, or an embedding as a whole.
        baseline: prediction before anything is known about a post.
        columns: group -> what it is.
        values: the group's own value for each post; NaN for embeddings.
        largest_error: largest |baseline + row sum - prediction| over the rows, absolute.
        members: group -> the columns summed in it, strongest first; only groups of several.
    """

    frame: pd.DataFrame
    baseline: float
    columns: Mapping[str, Column]
    values: pd.DataFrame
    largest_error: float
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Stack:
    """A fitted stack.

    Attributes:
        recipe: how it was fitted.
        projector: from rows to inputs.
        bases: in the order of the weights.
        cold: weights for posts of unknown authors.
        warm: weights for posts whose author had earlier posts.
        intervals: calibrated uncertainty.
        outcomes: ascending outcomes of the training posts.
        bar: outcome from which a post is a hit; the top fifth of the training posts if None.
    """

    recipe: Recipe
    projector: Projector
    bases: tuple[Base, ...]
    cold: Weights
    warm: Weights
    intervals: Intervals
    outcomes: Floats
    bar: float | None = None

    @property
    def hit_threshold(self) -> float:
        """Outcome from which a post counts as a hit."""
        return float(np.quantile(self.outcomes, 0.8)) if self.bar is None else self.bar

    def predict(self, rows: Rows) -> Guess:
        """Return predictions with intervals, each averaged over the post's views."""
        inputs = self.projector.transform(rows)
        warm = np.asarray(inputs.column(COLD) == 0)
        seen = stack_views(self.projector, rows, inputs)
        said = np.column_stack(
            [seen.average(base.booster.predict(seen.values[:, base.places])) for base in self.bases]
        )
        mean = np.where(warm, self.warm.mix(said), self.cold.mix(said))
        scale = self.intervals.scale(_signals(inputs, said, mean))
        low, high = self.intervals.bounds(mean, scale, warm)
        return Guess(mean, scale, low, high, warm)

    def hit_probability(self, guess: Guess) -> Floats:
        """Return the calibrated probability of each post to become a hit."""
        return self.intervals.exceeding(self.hit_threshold, guess.mean, guess.scale, guess.warm)

    def percentile(self, mean: Floats) -> Floats:
        """Return where predictions stand among the training posts' outcomes, 0 to 100."""
        below = np.searchsorted(self.outcomes, mean, side="left")
        upto = np.searchsorted(self.outcomes, mean, side="right")
        return np.asarray(50.0 * (below + upto) / len(self.outcomes), dtype=np.float64)

    def contributions(self, rows: Rows) -> Contributions:
        """Return exact contributions by group; see `Contributions`.

        Raises:
            AssertionError: if they do not add up to the prediction within 1e-6 (relative).
        """
        inputs = self.projector.transform(rows)
        seen = stack_views(self.projector, rows, inputs)
        warm = np.asarray(inputs.column(COLD) == 0)
        shares = np.zeros(inputs.values.shape)
        level = np.where(warm, self.warm.intercept, self.cold.intercept)
        mean = level.copy()
        baseline = self.cold.intercept
        for number, base in enumerate(self.bases):
            weight = np.where(warm, self.warm.values[number], self.cold.values[number])
            inner = seen.values[:, base.places]
            part = seen.average(base.booster.contributions(inner))
            shares[:, base.places] += weight[:, None] * part[:, :-1]
            level += weight * part[:, -1]
            mean += weight * seen.average(base.booster.predict(inner))
            baseline += float(self.cold.values[number] * (part[0, -1] if len(part) else 0.0))
        # Known authors have weights of their own: what that moves is the effect of being known.
        shares[:, _place(inputs, COLD)] += level - baseline
        return _grouped(rows, inputs, shares, baseline, mean)


def fit_stack(
    rows: Rows,
    y: Floats,
    recipe: Recipe,
    *,
    jobs: int = 2,
    progress: Progress | None = None,
    bar: float | None = None,
) -> Stack:
    """Fit bases, weights and intervals.

    Args:
        rows: training rows, n of them.
        y: float64 (n,), outcomes on the learning scale, no NaN.
        recipe: every choice.
        jobs: folds and bases fitted at once; the result does not depend on it.
        progress: called with (done, total).
        bar: outcome from which a post is a hit; the top fifth of the training posts if None.
    """
    projector, inputs = fit_projector(rows, y, recipe.blocks, recipe.seed)
    plans = plan_bases(inputs.columns, varying(inputs.values))
    splits = plan_folds(rows, np.asarray(inputs.column(COLD) == 0), recipe)
    done = [0]

    def tick() -> None:
        done[0] += 1
        if progress is not None:
            progress(done[0], len(splits) + 1)

    learned = stack_learned(projector, rows, inputs)
    folded = run_folds(rows, y, splits, plans, recipe, jobs, tick)
    cold, warm = _mixtures(folded, y, recipe)
    bases = tuple(
        Base(
            plan.name,
            plan.places,
            fit_booster(
                plan.library,
                learned.values[:, plan.places],
                y[learned.owner],
                learned.params(plan.library, recipe.params),
                rounds,
                seed=recipe.seed,
                weights=learned.weights,
            ),
        )
        for plan, rounds in zip(plans, folded.rounds, strict=True)
    )
    intervals = _calibrated(folded, inputs, y, cold, warm, recipe)
    tick()
    return Stack(recipe, projector, bases, cold, warm, intervals, np.sort(y), bar)


def _mixtures(folded: OutOfFold, y: Floats, recipe: Recipe) -> tuple[Weights, Weights]:
    """Return weights for unknown and for known authors; one and the same where few are known."""
    outcome = y[folded.row]
    if folded.warm.sum() < LEAST_WARM_ROWS:
        both = fit_weights(folded.predictions, outcome, recipe.equal_posts)
        return both, both
    cold, warm = (
        fit_weights(folded.predictions[mask], outcome[mask], recipe.equal_posts)
        if mask.any()
        else fit_weights(folded.predictions, outcome, recipe.equal_posts)
        for mask in (~folded.warm, folded.warm)
    )
    return cold, warm


def _calibrated(
    folded: OutOfFold, inputs: Inputs, y: Floats, cold: Weights, warm: Weights, recipe: Recipe
) -> Intervals:
    mean = np.where(folded.warm, warm.mix(folded.predictions), cold.mix(folded.predictions))
    signals = _signals(replace(inputs, values=folded.inputs), folded.predictions, mean)
    folds = [np.flatnonzero(folded.fold == number) for number in np.unique(folded.fold)]
    residuals = y[folded.row] - mean
    return fit_intervals(signals, residuals, folded.warm, folds, recipe.seed)


def _signals(inputs: Inputs, said: Floats, mean: Floats) -> npt.NDArray[np.float32]:
    """Return what a post's uncertainty may depend on, float32 (n, 5)."""
    history = [inputs.column(name) for name in SIGNAL_NAMES]
    return np.column_stack([mean, said.std(axis=1), *history]).astype(np.float32)


def _place(inputs: Inputs, name: str) -> int:
    return [column.name for column in inputs.columns].index(name)


def _grouped(
    rows: Rows, inputs: Inputs, shares: Floats, baseline: float, mean: Floats
) -> Contributions:
    """Add the shares of each embedding up, and check that all add up to the prediction."""
    names = [column.block or column.name for column in inputs.columns]
    groups = list(dict.fromkeys(names))
    number = {group: i for i, group in enumerate(groups)}
    place = np.array([number[name] for name in names])
    summed = np.zeros((len(shares), len(groups)))
    np.add.at(summed.T, place, shares.T)
    error = np.abs(baseline + summed.sum(axis=1) - mean)
    worst = float((error / np.maximum(np.abs(mean), 1.0)).max(initial=0.0))
    if worst > 1e-6:
        raise AssertionError(f"contributions miss the prediction by {worst:.2g} (relative)")
    index = pd.Index(rows.posts["id"].astype(object), name="id")
    columns: dict[str, Column] = {}
    raw: dict[str, Floats] = {}
    for i, column in enumerate(inputs.columns):
        group = column.block or column.name
        columns.setdefault(group, replace(column, name=group))
        if not column.block:
            raw[group] = inputs.values[:, i].astype(np.float64)
    empty = np.full(len(rows), np.nan)
    return Contributions(
        frame=pd.DataFrame(summed, index=index, columns=groups),
        baseline=baseline,
        columns=columns,
        values=pd.DataFrame({group: raw.get(group, empty) for group in groups}, index=index),
        largest_error=float(error.max(initial=0.0)),
    )
