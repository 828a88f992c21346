"""Predict what a split holds out: the recipe is fitted on one side and asked about the other."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from virality.data import splits
from virality.data.errors import InputError
from virality.modeling.baselines import fit_baselines
from virality.modeling.ratios import Sum, log_counts, log_ratios
from virality.modeling.recipe import Recipe
from virality.modeling.rows import Rows, measured_anew
from virality.modeling.stack import Progress, fit_stack
from virality.modeling.targets import Target

Floats = npt.NDArray[np.float64]

OF_RESPONSES = ("constant", "author_median")

_KEPT = 6
_memory: dict[str, "Outcome"] = {}
"""Judged splits of this process: every evaluation needs the random folds, once is enough."""


@dataclass(frozen=True)
class Response:
    """Held-out predictions of a response, of the posts whose count is known.

    Attributes:
        row: int64 (k,), positions among the labelled posts, ascending.
        actual, mean, low, high: float64 (k,), as log10(1 + response).
        baselines: `constant` and `author_median` of the response, and `constant_ratio` to the
            predicted views.
    """

    row: splits.IntArray
    actual: Floats
    mean: Floats
    low: Floats
    high: Floats
    baselines: Mapping[str, Floats]


@dataclass(frozen=True)
class Outcome:
    """Held-out predictions of a split, row by row.

    Attributes:
        row: int64 (n,), positions among the labelled posts, ascending.
        actual: float64 (n,), outcomes on the learning scale.
        mean, low, high, probability, hit: float64 (n,), of the model.
        baselines: name -> (prediction, hit probability), each float64 (n,).
        together: response -> what was said of it, where those are learned with views.
    """

    row: splits.IntArray
    actual: Floats
    mean: Floats
    low: Floats
    high: Floats
    probability: Floats
    hit: Floats
    baselines: Mapping[str, tuple[Floats, Floats]]
    together: Mapping[str, Response] = field(default_factory=dict)


class Ticks:
    """Counts finished fits for a progress bar."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self.done, self.total, self.progress = 0, total, progress

    def add(self, count: int) -> None:
        """Count finished fits and tell the callback."""
        self.done += count
        if self.progress is not None:
            self.progress(self.done, self.total)


def hold_out(
    rows: Rows,
    outcomes: Sequence[Floats],
    recipe: Recipe,
    plan: Sequence[splits.Split],
    key: tuple[str, int],
    jobs: int,
    ticks: Ticks,
    bar: float | None = None,
    together: Sequence[str] = (),
    target: Target | None = None,
) -> Outcome:
    """Return held-out predictions, from memory where the same was judged before.

    Args:
        rows: inputs of the n labelled posts.
        outcomes: for each part of the plan, float64 (n,) on the learning scale.
        recipe: what is fitted.
        plan: what is learned from and judged, part by part.
        key: tells plans apart.
        jobs: fits at once.
        ticks: counts fits.
        bar: outcome from which a post is a hit; the top fifth of the training posts if None.
        together: responses that are learned with it.
        target: fitted anew by folds within a part, where these are to measure outcomes themselves.
    """
    name = "" if target is None else target.name
    mark = _fingerprint(rows, outcomes, recipe, (*key, bar, *together, name))
    if mark in _memory:
        ticks.add(len(plan))
        return _memory[mark]
    parts = []
    for split, y in zip(plan, outcomes, strict=True):
        parts.append(_held_out(rows, y, recipe, split, jobs, bar, together, target))
        ticks.add(1)
    while len(_memory) >= _KEPT:
        _memory.pop(next(iter(_memory)))
    _memory[mark] = _joined(parts)
    return _memory[mark]


def _fingerprint(
    rows: Rows,
    outcomes: Sequence[Floats],
    recipe: Recipe,
    key: tuple[str | int | float | None, ...],
) -> str:
    digest = hashlib.sha256(repr((recipe, key)).encode())
    views = () if rows.views is None else (rows.views.owner, rows.views.plain)
    different = {id(y): y for y in outcomes}.values()
    seen = () if rows.views is None else rows.views.blocks.values()
    for values in (rows.plain, *rows.blocks.values(), *views, *seen, *different):
        digest.update(np.ascontiguousarray(values).data)
    # Every field: history, terms, categories, baselines and responses each read some of them.
    digest.update(rows.posts.astype(str).to_csv().encode())
    return digest.hexdigest()


def _held_out(
    rows: Rows,
    y: Floats,
    recipe: Recipe,
    split: splits.Split,
    jobs: int,
    bar: float | None,
    together: Sequence[str],
    target: Target | None,
) -> Outcome:
    """Fit the recipe and the baselines on one side and predict the other."""
    if len(split.train) < 10 or not len(split.test):
        raise InputError(
            f"split {split.name!r}: {len(split.train)} post(s) to learn from, at least 10 needed"
        )
    train, test = rows.take(split.train), rows.take(split.test)
    ratios = log_ratios(train.posts, together)
    measure = None if target is None else measured_anew(target, train.posts)
    stack = fit_stack(
        train, y[split.train], recipe, jobs=jobs, bar=bar, ratios=ratios, measure=measure
    )
    guess, said_of = stack.predict_all(test)
    threshold = stack.hit_threshold
    baselines = {}
    for name, baseline in fit_baselines(train.posts, y[split.train]).items():
        said = baseline.predict(test.posts)
        baselines[name] = said, baseline.hit_probability(said, threshold)
    return Outcome(
        row=split.test,
        actual=y[split.test],
        mean=guess.mean,
        low=guess.low,
        high=guess.high,
        probability=stack.hit_probability(guess),
        hit=(y[split.test] >= threshold).astype(np.float64),
        baselines=baselines,
        together={
            name: _response(name, ratios[name], one, train, test, split.test, guess.mean)
            for name, one in said_of.items()
        },
    )


def _response(
    name: str,
    ratio: Floats,
    said: Sum,
    train: Rows,
    test: Rows,
    row: splits.IntArray,
    views: Floats,
) -> Response:
    """Return what was said of a response and what its baselines say, where it is known."""
    actual = log_counts(test.posts, name)
    known = np.flatnonzero(np.isfinite(actual))
    counts = log_counts(train.posts, name)
    seen = np.flatnonzero(np.isfinite(counts))
    fitted = fit_baselines(train.posts.iloc[seen], counts[seen])
    baselines = {
        **{name: fitted[name].predict(test.posts.iloc[known]) for name in OF_RESPONSES},
        "constant_ratio": np.maximum(views[known] + float(np.nanmedian(ratio)), 0.0),
    }
    return Response(
        row[known], actual[known], said.mean[known], said.low[known], said.high[known], baselines
    )


def _joined(parts: Sequence[Outcome]) -> Outcome:
    """Put folds together, rows ascending."""
    row = np.concatenate([part.row for part in parts])
    order = np.argsort(row, kind="stable")

    def gather(name: str) -> Floats:
        return np.concatenate([getattr(part, name) for part in parts])[order]

    baselines = {
        name: (
            np.concatenate([part.baselines[name][0] for part in parts])[order],
            np.concatenate([part.baselines[name][1] for part in parts])[order],
        )
        for name in parts[0].baselines
    }
    return Outcome(
        row[order],
        gather("actual"),
        gather("mean"),
        gather("low"),
        gather("high"),
        gather("probability"),
        gather("hit"),
        baselines,
        {name: _joined_responses(parts, name) for name in _in_all(parts)},
    )


def _in_all(parts: Sequence[Outcome]) -> list[str]:
    """Return the responses that every part could learn."""
    return [name for name in parts[0].together if all(name in part.together for part in parts)]


def _joined_responses(parts: Sequence[Outcome], name: str) -> Response:
    some = [part.together[name] for part in parts]
    row = np.concatenate([one.row for one in some])
    order = np.argsort(row, kind="stable")

    def gather(field: str) -> Floats:
        return np.concatenate([getattr(one, field) for one in some])[order]

    baselines = {
        kind: np.concatenate([one.baselines[kind] for one in some])[order]
        for kind in some[0].baselines
    }
    return Response(
        row[order], gather("actual"), gather("mean"), gather("low"), gather("high"), baselines
    )
