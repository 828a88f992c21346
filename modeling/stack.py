"""The stack: one LightGBM a modality, LightGBM and XGBoost on all, mixed by non-negative weights.

The mixture is linear, so the bases' Shapley values, weighted alike, add up to the prediction.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.matrix import Column
from virality.data.splits import IntArray, author_groups, posting_times
from virality.modeling.augment import Stacked, stack_learned, stack_views
from virality.modeling.booster import Booster, fit_booster
from virality.modeling.history import COLD
from virality.modeling.hits import top_bar
from virality.modeling.inputs import Inputs, Projector, fit_projector, varying
from virality.modeling.intervals import Intervals, calibrate
from virality.modeling.mixing import mix_bases, of_group
from virality.modeling.oof import (
    SIGNALS,
    BasePlan,
    Measure,
    OutOfFold,
    learned_weights,
    on_sample,
    plan_bases,
    plan_folds,
    readable,
    run_folds,
)
from virality.modeling.ratios import Ratio, RatioFolds, Sum, fit_ratios, predict_ratio
from virality.modeling.recipe import Recipe
from virality.modeling.rivals import rival_errors
from virality.modeling.rows import Rows, Singles
from virality.modeling.weights import Weights

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Progress = Callable[[int, int], None]

BAG_STEP = 7919
"""Between the seeds of a base's boosters."""

MOST_FOLDED = 150_000
"""Posts from which weights, rounds and intervals are learned; more say nothing new about them."""


@dataclass(frozen=True)
class Base:
    """A fitted base: its name, the inputs it reads (positions) and its trees.

    Attributes:
        name: modality, or `all`.
        places: int64, positions of the inputs that it reads.
        boosters: fitted alike but for their seed; the base says their mean.
    """

    name: str
    places: IntArray
    boosters: tuple[Booster, ...]

    @property
    def library(self) -> str:
        """Who made the boosters."""
        return self.boosters[0].library

    def predict(self, x: Singles) -> Floats:
        """Return predictions, float64 (n,), for float32 (n, len(places))."""
        return np.asarray(np.mean([one.predict(x) for one in self.boosters], axis=0))

    def contributions(self, x: Singles) -> Floats:
        """Return float64 (n, len(places) + 1): each input's share, and last the baseline."""
        return np.asarray(np.mean([one.contributions(x) for one in self.boosters], axis=0))


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
    columns: Mapping[str, Column] = field(repr=False)
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
        ratios: responses against views, where those were learned together.
        rivals: baseline -> its mean error on the posts left out that `intervals` is calibrated on;
            none in a model of an earlier release.
    """

    recipe: Recipe
    projector: Projector
    bases: tuple[Base, ...]
    cold: Weights
    warm: Weights
    intervals: Intervals
    outcomes: Floats
    bar: float | None = None
    ratios: tuple[Ratio, ...] = ()
    rivals: Mapping[str, float] = field(default_factory=dict)

    @property
    def hit_threshold(self) -> float:
        """Outcome from which a post counts as a hit."""
        return top_bar(self.outcomes) if self.bar is None else self.bar

    def predict(self, rows: Rows) -> Guess:
        """Return predictions with intervals, each averaged over the post's views."""
        return self._guess(rows, self.projector.transform(rows))[0]

    def predict_all(self, rows: Rows) -> tuple[Guess, dict[str, Sum]]:
        """Return predictions of views, and of every response by name."""
        inputs = self.projector.transform(rows)
        guess, signals = self._guess(rows, inputs)
        seen = stack_views(self.projector, rows, inputs)
        views = Sum(guess.mean, guess.low, guess.high)
        return guess, {
            one.name: predict_ratio(one, seen, rows.posts, views, signals, guess.warm)
            for one in self.ratios
        }

    def _guess(self, rows: Rows, inputs: Inputs) -> tuple[Guess, Singles]:
        """Return predictions, and what their uncertainty depends on."""
        warm = np.asarray(inputs.column(COLD) == 0)
        said = self.voices(rows, inputs)
        there = readable(inputs, self.bases)
        mean = np.where(warm, self.warm.mix(said, there), self.cold.mix(said, there))
        history = np.column_stack([inputs.column(name) for name in SIGNALS])
        signals = _signals(history, said, mean, there)
        scale = self.intervals.scale(signals, posting_times(rows.posts))
        low, high = self.intervals.bounds(mean, scale, warm)
        return Guess(mean, scale, low, high, warm), signals

    def voices(self, rows: Rows, inputs: Inputs | None = None) -> Floats:
        """Return what each base says about each post, float64 (n, b), before they are mixed."""
        inputs = self.projector.transform(rows) if inputs is None else inputs
        seen = stack_views(self.projector, rows, inputs)
        return np.column_stack(
            [seen.average(base.predict(seen.values[:, base.places])) for base in self.bases]
        )

    def hit_probability(self, guess: Guess) -> Floats:
        """Return the calibrated probability of each post to become a hit."""
        return self.intervals.exceeding(self.hit_threshold, guess.mean, guess.scale, guess.warm)

    def percentile(self, mean: Floats) -> Floats:
        """Return where predictions stand among the training posts' outcomes, 0 to 100."""
        below = np.searchsorted(self.outcomes, mean, side="left")
        upto = np.searchsorted(self.outcomes, mean, side="right")
        return np.asarray(50.0 * (below + upto) / len(self.outcomes), dtype=np.float64)

    def contributions(self, rows: Rows, *, of_known: bool = False) -> Contributions:
        """Return exact contributions by group; see `Contributions`.

        Args:
            rows: of posts.
            of_known: whether they start from the average of known authors, not of strangers.

        Raises:
            AssertionError: if they do not add up to the prediction within 1e-6 (relative).
        """
        inputs = self.projector.transform(rows)
        seen = stack_views(self.projector, rows, inputs)
        warm = np.asarray(inputs.column(COLD) == 0)
        there = readable(inputs, self.bases)
        whole, started = of_group(warm, self.warm, self.cold, None)
        weights, mean = of_group(warm, self.warm, self.cold, there)
        shares = np.zeros(inputs.values.shape)
        level, usual, first = mean.copy(), started.copy(), self.warm if of_known else self.cold
        baseline = first.intercept
        for number, base in enumerate(self.bases):
            inner = seen.values[:, base.places]
            part = seen.average(base.contributions(inner))
            shares[:, base.places] += weights[:, number, None] * part[:, :-1]
            level += weights[:, number] * part[:, -1]
            usual += whole[:, number] * part[:, -1]
            mean = mean + weights[:, number] * seen.average(base.predict(inner))
            baseline += float(first.values[number] * (part[0, -1] if len(part) else 0.0))
        # Known authors have weights of their own: what that moves is the effect of being known, or
        # of being a stranger where most authors are known.
        shares[:, _place(inputs, COLD)] += usual - baseline
        _charge_missing(shares, level - usual, there, self.bases)
        return _grouped(rows, inputs, shares, baseline, mean)


def fit_stack(
    rows: Rows,
    y: Floats,
    recipe: Recipe,
    *,
    jobs: int = 2,
    progress: Progress | None = None,
    bar: float | None = None,
    ratios: Mapping[str, Floats] | None = None,
    measure: Measure | None = None,
) -> Stack:
    """Fit bases, weights and intervals.

    Args:
        rows: training rows, n of them.
        y: float64 (n,), outcomes on the learning scale, no NaN.
        recipe: every choice.
        jobs: folds and bases fitted at once; the result does not depend on it.
        progress: called with (done, total).
        bar: outcome from which a post is a hit; the top fifth of the training posts if None.
        ratios: response -> log ratio to views, float64 (n,), NaN where unknown; learned together
            with the views that `y` is then.
        measure: for folds to measure outcomes anew by what they learn from; `y` throughout if None.
    """
    projector, inputs = fit_projector(rows, y, recipe.widest, recipe.seed)
    plans = plan_bases(inputs.columns, varying(inputs.values), recipe)
    sample = _sampled(rows, recipe.seed)
    few, goal = (rows, y) if sample is None else (rows.take(sample), y[sample])
    known = np.asarray(inputs.column(COLD) == 0)
    splits = plan_folds(few, known if sample is None else known[sample], recipe)
    done = [0]

    def tick() -> None:
        done[0] += 1
        if progress is not None:
            progress(done[0], len(splits) + 1)

    asked = ratios or {}
    some = asked if sample is None else {name: ratio[sample] for name, ratio in asked.items()}
    aside = RatioFolds(few, some, recipe) if asked else None
    anew = measure if sample is None or measure is None else on_sample(measure, sample)
    folded = run_folds(few, goal, splits, plans, recipe, jobs, tick, aside, anew)
    times = posting_times(few.posts)
    cold, warm = mix_bases(folded, times, recipe)
    mean, signals = _mixed_signals(folded, cold, warm)
    intervals = calibrate(folded, times, mean, signals, splits, recipe.seed)
    rivals = rival_errors(few.posts, goal, folded, splits, anew)
    learned = stack_learned(projector, rows, inputs)
    bases = _fit_bases(plans, folded.rounds, rows, y, learned, recipe, jobs)
    beside: tuple[Ratio, ...] = ()
    if aside is not None:
        found = aside.finish(folded, folded.asides, splits, mean, goal, signals)
        beside = fit_ratios(rows, learned, asked, found, recipe)
    tick()
    outcomes = np.sort(y)
    return Stack(recipe, projector, bases, cold, warm, intervals, outcomes, bar, beside, rivals)


def _sampled(rows: Rows, seed: int) -> IntArray | None:
    """Return the rows of as many whole authors as `MOST_FOLDED` allows, None if all fit."""
    if len(rows) <= MOST_FOLDED:
        return None
    groups = author_groups(rows.posts)
    order = np.random.default_rng(seed).permutation(int(groups.max()) + 1)
    kept = np.cumsum(np.bincount(groups)[order]) <= MOST_FOLDED
    kept[0] = True
    chosen = np.zeros(len(order), dtype=np.bool_)
    chosen[order[kept]] = True
    return np.flatnonzero(chosen[groups])


def _fit_bases(
    plans: Sequence[BasePlan],
    rounds: Sequence[int],
    rows: Rows,
    y: Floats,
    learned: Stacked,
    recipe: Recipe,
    jobs: int,
) -> tuple[Base, ...]:
    """Fit every base on all rows, several times over with other seeds."""
    outcome = y[learned.owner]
    recipes = {plan.name: recipe.of_base(plan.name, plan.library) for plan in plans}
    weights = {n: learned_weights(rows, outcome, learned, own) for n, own in recipes.items()}

    def fit(task: tuple[BasePlan, int, int]) -> Booster:
        plan, count, bag = task
        return fit_booster(
            plan.library,
            learned.values[:, plan.places],
            outcome,
            learned.params(plan.library, recipes[plan.name].params),
            count,
            seed=recipe.seed + BAG_STEP * bag,
            weights=weights[plan.name],
        )

    tasks = [
        (plan, count, bag)
        for plan, count in zip(plans, rounds, strict=True)
        for bag in range(recipes[plan.name].bags)
    ]
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        fitted = list(zip(tasks, pool.map(fit, tasks), strict=True))
    return tuple(
        Base(plan.name, plan.places, tuple(one for (own, _, _), one in fitted if own is plan))
        for plan in plans
    )


def _mixed_signals(folded: OutOfFold, cold: Weights, warm: Weights) -> tuple[Floats, Singles]:
    """Return the mixture of posts left out, and what their uncertainty may depend on."""
    said, there = folded.predictions, folded.there
    mean = np.where(folded.warm, warm.mix(said, there), cold.mix(said, there))
    return mean, _signals(folded.signals, said, mean, there)


def _signals(history: Singles, said: Floats, mean: Floats, there: Flags) -> Singles:
    """Return what a post's uncertainty may depend on, float32 (n, 6)."""
    parts = there.sum(axis=1)
    return np.column_stack([mean, said.std(axis=1), history, parts]).astype(np.float32)


def _charge_missing(shares: Floats, moved: Floats, there: Flags, bases: tuple[Base, ...]) -> None:
    """Book what is moved by the lack of a modality on that modality's first column, in place."""
    lacking = (~there).sum(axis=1)
    each = np.where(lacking > 0, moved / np.maximum(lacking, 1), 0.0)
    for number, base in enumerate(bases):
        shares[:, base.places[0]] += np.where(there[:, number], 0.0, each)


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
