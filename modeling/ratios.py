"""Likes, comments, shares and saves beside views: what a view is worth, learned together with it.

A response is views times a ratio, and on the log scale a sum. The views come from the stack; each
log ratio from one LightGBM that reads what the stack reads and the author's, the sound's and the
hashtags' earlier *ratios* besides. It is fitted in the very folds of the stack, so the error of
the sum is known post by post: errors of views and of the ratio go together (a post that spreads
beyond its followers is liked less often), and only the sum's own residuals calibrate its interval.

So the numbers of a post agree: a response's prediction is that of views times its ratio, and one
that never outnumbered views in training (likes do not) outnumbers them in no prediction and no
bound.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.derived import has_values
from virality.data.splits import Split, posting_times
from virality.modeling.augment import Stacked
from virality.modeling.booster import Booster, Curve, fit_booster, fit_curve
from virality.modeling.history import History
from virality.modeling.intervals import Intervals, fit_intervals, judged_lines
from virality.modeling.oof import OutOfFold, best_rounds
from virality.modeling.recipe import Recipe
from virality.modeling.rows import Rows, Singles

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

LEAST_KNOWN = 60
"""Posts with both counts without which a ratio is not learned."""

LEAST_JUDGED = 10
"""Posts left out without which nobody can tell how far off a ratio is: fewer have no tenths."""


@dataclass(frozen=True)
class Ratio:
    """How often a view becomes a response.

    Attributes:
        name: column of the posts table.
        booster: log10((1 + response) / (1 + views)) from the stack's inputs and the ratio's own
            history.
        history: earlier log ratios.
        intervals: calibrated uncertainty of the response itself.
        bounded: no training post had more responses than views.
        line: intercept and slope (0 to 1) by which the booster's word is taken: what predicted
            posts left out best, so that few posts lean on the usual ratio.
    """

    name: str
    booster: Booster
    history: History
    intervals: Intervals
    bounded: bool
    line: tuple[float, float]

    def predict(self, seen: Stacked, posts: pd.DataFrame) -> Floats:
        """Return log ratios of posts, float64 (n,), averaged over their views."""
        said = seen.average(self.booster.predict(self.inputs(seen, posts)))
        ratio = self.line[0] + self.line[1] * said
        return np.minimum(ratio, 0.0) if self.bounded else ratio

    def inputs(self, seen: Stacked, posts: pd.DataFrame) -> Singles:
        """Return what the booster reads of posts and their views, float32 (n + k, width)."""
        return _beside(seen, self.history, posts)


@dataclass(frozen=True)
class Sum:
    """Predictions of a response, float64 (n,), as log10(1 + response)."""

    mean: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Found:
    """What posts left out say of a ratio: its number of trees, its line and its intervals."""

    rounds: int
    line: tuple[float, float]
    intervals: Intervals


@dataclass(frozen=True)
class Side:
    """A ratio in one fold: its learning curve, and what it reads of the posts left out."""

    curve: Curve
    inputs: Singles
    seen: Stacked


def log_ratios(
    posts: pd.DataFrame, names: Sequence[str], least: int = LEAST_KNOWN
) -> dict[str, Floats]:
    """Return log10((1 + response) / (1 + views)) of every post, NaN where either is unknown.

    Args:
        posts: n posts.
        names: of the responses.
        least: posts that must know a ratio; one that fewer know, or that is the same in all, is
            left out.

    Returns:
        name -> float64 (n,).
    """
    found = {}
    for name in names:
        if not (has_values(posts, name) and has_values(posts, "views")):
            continue
        ratio = log_counts(posts, name) - log_counts(posts, "views")
        known = np.isfinite(ratio)
        if known.sum() >= max(least, 1) and (least == 1 or np.ptp(ratio[known]) > 0):
            found[name] = ratio
    return found


def lacking_ratios(
    names: Sequence[str], known: Collection[str], learned: Sequence[Ratio]
) -> tuple[str, ...]:
    """Say which responses could not be learned together with views, nothing if all could.

    Args:
        names: of the responses.
        known: those that enough posts know; see `log_ratios`.
        learned: those that were learned.
    """
    lost = [name for name in names if name not in {one.name for one in learned}]
    few = [name for name in lost if name not in known]
    apart = [name for name in lost if name in known]
    said = []
    if few:
        said.append(
            f"too few posts know {' or '.join(few)}: not predicted ({LEAST_KNOWN} are needed)"
        )
    if apart:
        said.append(
            f"hardly any but one author's posts know {' or '.join(apart)}: not predicted (those of "
            "others are needed to tell how far off it would be)"
        )
    return tuple(said)


def log_counts(posts: pd.DataFrame, name: str) -> Floats:
    """Return log10(1 + count) of every post, float64 (n,), NaN where unknown or below 0."""
    counts = posts[name].astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
    return np.asarray(np.log10(1.0 + np.where(counts >= 0, counts, np.nan)), dtype=np.float64)


class RatioFolds:
    """Fits ratios in the folds of a stack; see `oof.run_folds`.

    Args:
        rows: the n training posts.
        ratios: name -> float64 (n,), NaN where unknown.
        recipe: of the stack.
    """

    def __init__(self, rows: Rows, ratios: Mapping[str, Floats], recipe: Recipe) -> None:
        self.rows, self.ratios, self.recipe = rows, ratios, recipe

    def fit(self, split: Split, learned: Stacked, seen: Stacked) -> dict[str, Side]:
        """Fit every ratio in a fold.

        Args:
            split: the fold.
            learned: inputs of its training posts and their views.
            seen: inputs of the posts left out and their views.
        """
        posts = self.rows.posts
        sides = {}
        for name, ratio in self.ratios.items():
            inner, outer = ratio[split.train], ratio[split.test]
            known, judged = np.isfinite(inner), np.isfinite(outer)
            if known.sum() < LEAST_KNOWN // 2 or not judged.any():
                continue
            train = posts.iloc[split.train].reset_index(drop=True)
            test = posts.iloc[split.test].reset_index(drop=True)
            history = History.fit(train, inner)
            x, asked = _beside(learned, history, train), _beside(seen, history, test)
            use = known[learned.owner]
            first = np.flatnonzero(judged)  # posts stand before their views
            curve = fit_curve(
                "lightgbm", x[use], inner[learned.owner][use], (asked[first], outer[first]),
                _params(learned, self.recipe), seed=self.recipe.seed, rounds=self.recipe.rounds,
                patience=self.recipe.patience, weights=_weights(learned, use),
            )  # fmt: skip
            sides[name] = Side(curve, asked, seen)
        return sides

    def finish(
        self,
        folded: OutOfFold,
        sides: Sequence[Mapping[str, Side]],
        splits: Sequence[Split],
        level: Floats,
        views: Floats,
        signals: Singles,
    ) -> dict[str, Found]:
        """Return what the folds tell of each ratio; nothing of one that too few posts judge.

        Args:
            folded: what the stack's bases said of posts left out, k lines.
            sides: of each fold, in order.
            splits: the folds.
            level: float64 (k,), predicted log views of each line.
            views: float64 (n,), log views that happened.
            signals: float32 (k, s), what uncertainty may depend on, the prediction first.
        """
        times = posting_times(self.rows.posts)[folded.row]
        done: dict[str, Found] = {}
        for name, ratio in self.ratios.items():
            there = [number for number, side in enumerate(sides) if name in side]
            if not there:
                continue
            rounds = best_rounds([sides[number][name].curve.errors for number in there])
            said = np.full(len(folded.row), np.nan)
            for number in there:
                side, lines = sides[number][name], np.flatnonzero(folded.fold == number)
                place = np.full(len(views), -1, dtype=np.int64)
                place[splits[number].test] = np.arange(len(splits[number].test))
                values = side.seen.average(side.curve.predict(side.inputs, rounds))
                said[lines] = values[place[folded.row[lines]]]
            happened = views[folded.row] + ratio[folded.row]
            kept = np.flatnonzero(np.isfinite(said) & np.isfinite(happened))
            if len(kept) < LEAST_JUDGED:
                continue
            line = _line(said[kept], happened[kept] - level[kept])
            judged = judged_lines(folded, splits, kept)
            mean = level[judged] + line[0] + line[1] * said[judged]
            told = np.column_stack([mean, signals[judged, 1:]]).astype(np.float32)
            folds = [np.flatnonzero(folded.fold[judged] == number) for number in there]
            intervals = fit_intervals(
                told, happened[judged] - mean, folded.warm[judged],
                [fold for fold in folds if fold.size], self.recipe.seed, times[judged],
            )  # fmt: skip
            done[name] = Found(rounds, line, intervals)
        return done


def fit_ratios(
    rows: Rows,
    learned: Stacked,
    ratios: Mapping[str, Floats],
    found: Mapping[str, Found],
    recipe: Recipe,
) -> tuple[Ratio, ...]:
    """Fit every ratio on all training posts.

    Args:
        rows: the n training posts.
        learned: their inputs and their views'.
        ratios: name -> float64 (n,), NaN where unknown.
        found: name -> what the folds told.
        recipe: of the stack.
    """
    fitted = []
    for name, told in found.items():
        ratio = ratios[name]
        history = History.fit(rows.posts, ratio)
        use = np.isfinite(ratio)[learned.owner]
        booster = fit_booster(
            "lightgbm", _beside(learned, history, rows.posts)[use], ratio[learned.owner][use],
            _params(learned, recipe), told.rounds, seed=recipe.seed,
            weights=_weights(learned, use),
        )  # fmt: skip
        bounded = bool(np.nanmax(ratio) <= 0)
        fitted.append(Ratio(name, booster, history, told.intervals, bounded, told.line))
    return tuple(fitted)


def predict_ratio(
    ratio: Ratio, seen: Stacked, posts: pd.DataFrame, views: Sum, signals: Singles, warm: Flags
) -> Sum:
    """Predict a response.

    Args:
        ratio: fitted.
        seen: the stack's inputs of n posts and their views.
        posts: those posts.
        views: their predicted log views.
        signals: float32 (n, s), what uncertainty may depend on, the predicted views first.
        warm: bool (n,), whether the author had earlier posts.
    """
    mean = np.maximum(views.mean + ratio.predict(seen, posts), 0.0)
    told = np.column_stack([mean, signals[:, 1:]]).astype(np.float32)
    scale = ratio.intervals.scale(told, posting_times(posts))
    low, high = ratio.intervals.bounds(mean, scale, warm)
    if ratio.bounded:
        low, high = np.minimum(low, views.low), np.minimum(high, views.high)
    return Sum(mean, np.clip(low, 0.0, mean), np.maximum(high, mean))


def _beside(stacked: Stacked, history: History, posts: pd.DataFrame) -> Singles:
    """Return the stack's inputs with a ratio's history beside them, float32."""
    earlier = history.transform(posts).to_numpy(dtype=np.float32)
    return np.ascontiguousarray(np.hstack([stacked.values, earlier[stacked.owner]]))


def _line(said: Floats, rest: Floats) -> tuple[float, float]:
    """Return intercept and slope, 0 to 1, of the least-squares line through posts left out."""
    spread = float(np.var(said))
    slope = float(np.mean((said - said.mean()) * (rest - rest.mean()))) / max(spread, 1e-12)
    slope = min(max(slope, 0.0), 1.0)
    return float(rest.mean() - slope * said.mean()), slope


def _params(learned: Stacked, recipe: Recipe) -> dict[str, float | int | str]:
    """Return the stack's parameters, of squared errors: a ratio has no loss of its own."""
    params = {**recipe.params, "loss": "l2"}
    return dict(learned.params("lightgbm", params))


def _weights(learned: Stacked, use: Flags) -> Floats | None:
    return None if learned.weights is None else learned.weights[use]
