"""What every trial of a study shares: folds whose inputs are fitted once and binned once.

A trial costs only its trees. Blocks and history are fitted a single time a fold, at their widest;
trials read a part of those columns, and rows are binned once for each library and part.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from threading import Lock

import numpy as np
import numpy.typing as npt

from virality.data.errors import InputError
from virality.data.matrix import Column
from virality.data.splits import (
    IntArray,
    Split,
    dated_enough,
    forward_splits,
    posting_times,
    selection_folds,
)
from virality.modeling.blocks import BlockSpec
from virality.modeling.booster import (
    Binned,
    Curve,
    Library,
    Watch,
    bin_rows,
    fit_binned,
    reweighted,
)
from virality.modeling.families import spread
from virality.modeling.inputs import NOTHING_VARIES, fit_projector, selected, varying
from virality.modeling.objective import Metric, badness, fading, row_weights
from virality.modeling.oof import Measure, on_sample
from virality.modeling.parameters import MAX_BIN
from virality.modeling.recipe import Recipe, sensible_recipe
from virality.modeling.rows import Rows, Singles
from virality.modeling.space import Room, spec_of

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Values = Mapping[str, float | int | str]
Key = tuple[int, Library, str, float, bool, bytes]

WINDOWS = (0.6, 0.8)
"""Shares of the posts after which windows in time begin; trials are judged there too, since folds
by author alone cannot tell whether newer posts should count more."""

MANY_POSTS = 10_000
FEW_FOLDS = 3
"""Author folds of a study whose fits are dear: of many posts, each of which says more, or of
embeddings column by column. One window in time goes with them instead of two."""

MOST_CELLS = 12_000_000
"""Numbers (posts times columns) that a fold is fitted on; a study of more looks at a sample, spread
evenly over the posts. What it finds is then fitted on all."""


MOST_BINNED = 600_000_000
"""Binned numbers kept between trials, a byte each; the ones not used for longest go first."""


PATIENCE = 1.5
"""Trees times learning rate without a lower error after which a trial's fit stops; forty trees
whatever the rate were a third of what trials cost, and half of it for quick learners."""

LEAST_PATIENCE = 12

RAW_BINS = 31
"""Bins of a column where embeddings are read column by column: half as many as elsewhere took a
third less time, and no dimension of an embedding needs more."""


@dataclass(frozen=True)
class _Part:
    """A fold's inputs: `x` and `held` have the columns `columns`."""

    x: Singles
    y: Floats
    times: Floats
    held: Singles
    outcome: Floats
    columns: tuple[Column, ...]

    @property
    def usable(self) -> Flags:
        """Which columns can tell training rows apart."""
        return varying(self.x)


class StudyFolds:
    """Inputs of every fold and their binned rows.

    Args:
        rows: posts that the study may see.
        y: float64 (n,), outcomes on the learning scale.
        room: what trials may vary.
        seed: of folds and boosters.
        measure: for folds to measure outcomes anew by what they learn from; `y` throughout if None.

    Raises:
        InputError: if the metric is a share of outcomes that are all 0, or of any below 0.
    """

    def __init__(
        self, rows: Rows, y: Floats, room: Room, seed: int, measure: Measure | None = None
    ) -> None:
        width = rows.plain.shape[1] + (sum(b.shape[1] for b in rows.blocks.values()) * room.raw)
        most = max(1_000, MOST_CELLS // max(width, 1))
        if len(rows) > most:
            kept = spread(len(rows), most)
            rows, y = rows.take(kept), y[kept]
            measure = None if measure is None else on_sample(measure, kept)
        self.room, self.seed, self.posts = room, seed, len(rows)
        self.recipe: Recipe = sensible_recipe(len(rows), seed)
        self.widest = room.widest(self.recipe.neighbours)
        dear = room.raw or len(rows) > MANY_POSTS
        self.splits = _judging(plan(rows, self.recipe.folds, seed, dear), y, room.metric)
        self._parts: list[_Part | None] = [None] * len(self.splits)
        self._derived: list[_Part | None] = [None] * len(self.splits)
        self._usable: dict[tuple[int, bool], Flags] = {}
        self._rows, self._y, self._measure = rows, y, measure
        self._binned: OrderedDict[Key, tuple[Binned, Binned]] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self.splits)

    def fit(self, number: int, params: Values, watch: Watch | None = None) -> Curve:
        """Return a fold's learning curve under a trial's parameters."""
        train, held = self._datasets(number, params)
        recipe, metric = self.recipe, self.room.metric
        return fit_binned(
            train, held, params, self.seed, recipe.rounds, patience(params, recipe.patience),
            metric=metric, watch=watch,
        )  # fmt: skip

    def badness(self, number: int, params: Values, curve: Curve, rounds: int) -> float:
        """Return the metric of a fold after so many trees, lower is better."""
        metric = self.room.metric
        if metric in ("rmse", "mae"):  # what was watched is what is asked for
            return float(curve.errors[min(rounds, len(curve.errors)) - 1])
        with self._lock:
            held, outcome = self._held(number, params)
        return badness(metric, outcome, curve.predict(held, rounds))

    def _held(self, number: int, params: Values) -> tuple[Singles, Floats]:
        part = self._part(number, _reads_posts(params))
        held = part.held[:, self._places(number, params)]
        return np.ascontiguousarray(held), part.outcome

    def _part(self, number: int, derived: bool) -> _Part:
        """Return a fold's inputs; `derived` with what is made of captions and categories.

        Counting words costs more than all embeddings, so it waits for a trial that reads them.
        """
        found = self._parts[number]
        if found is None:
            spec = replace(self.widest, terms=False, categories=False)
            found = self._parts[number] = self._fitted(number, self._rows, spec)
        if not derived:
            return found
        more = self._derived[number]
        if more is None:
            bare = replace(
                self._rows, plain=self._rows.plain[:, :0], columns=(), blocks={}, block_columns={}
            )
            made = self._fitted(number, replace(bare, views=None), replace(self.widest, dims=0))
            new = [i for i, column in enumerate(made.columns) if column.modality != "history"]
            more = self._derived[number] = replace(
                found,
                x=np.hstack([found.x, made.x[:, new]]),
                held=np.hstack([found.held, made.held[:, new]]),
                columns=(*found.columns, *(made.columns[i] for i in new)),
            )
        return more

    def _fitted(self, number: int, rows: Rows, spec: BlockSpec) -> _Part:
        split = self.splits[number]
        y = self._y if self._measure is None else self._measure(split.train)
        train = rows.take(split.train)
        projector, inputs = fit_projector(train, y[split.train], spec, self.seed)
        left_out = projector.transform(rows.take(split.test))
        return _Part(
            inputs.values,
            y[split.train],
            posting_times(train.posts),
            left_out.values,
            y[split.test],
            inputs.columns,
        )

    def _places(self, number: int, params: Values) -> IntArray:
        derived = _reads_posts(params)
        part = self._part(number, derived)
        if (number, derived) not in self._usable:
            self._usable[number, derived] = part.usable
        usable = self._usable[number, derived]
        if not usable.any():
            raise InputError(NOTHING_VARIES)
        wanted = selected(part.columns, spec_of(params, self.widest))
        return np.flatnonzero(usable & wanted if (usable & wanted).any() else usable)

    def _datasets(self, number: int, params: Values) -> tuple[Binned, Binned]:
        with self._lock:  # trials in threads read the same folds
            return self._bin(number, params)

    def _bin(self, number: int, params: Values) -> tuple[Binned, Binned]:
        places = self._places(number, params)
        library: Library = "xgboost" if params["library"] == "xgboost" else "lightgbm"
        half_life = float(params.get("half_life", 0.0))
        loss = "mape" if params["loss"] == "mape" else ""
        derived = _reads_posts(params)
        part = self._part(number, derived)
        bins = RAW_BINS if self.room.raw else MAX_BIN

        def bare(weights: Floats | None = None) -> tuple[Binned, Binned]:
            train = bin_rows(part.x[:, places], part.y, library, weights=weights, bins=bins)
            held = bin_rows(part.held[:, places], part.outcome, library, like=train, bins=bins)
            return train, held

        def weighted() -> tuple[Binned, Binned]:
            weights = row_weights(loss, part.y, fading(part.times, half_life))
            if weights is None or library == "xgboost":
                return bare(weights)
            train, held = self._kept((number, library, "", 0.0, derived, places.tobytes()), bare)
            return reweighted(train, weights), held

        return self._kept((number, library, loss, half_life, derived, places.tobytes()), weighted)

    def _kept(self, key: Key, make: Callable[[], tuple[Binned, Binned]]) -> tuple[Binned, Binned]:
        """Return what is kept under a key, made if it is not there."""
        if key not in self._binned:
            made = make()
            self._binned[key] = made
            kept = max(1, MOST_BINNED // max(self.posts * (len(key[-1]) // 8), 1))
            while len(self._binned) > kept:
                self._binned.popitem(last=False)
            return made
        self._binned.move_to_end(key)
        return self._binned[key]


def patience(params: Values, most: int) -> int:
    """Return after how many trees without a lower error a fit stops: fewer for quick learners."""
    return min(most, max(LEAST_PATIENCE, round(PATIENCE / float(params["learning_rate"]))))


def _reads_posts(params: Values) -> bool:
    """Say whether a trial reads what is made of the posts' captions and categories."""
    return bool(params.get("terms", False)) or bool(params.get("categories", False))


def _judging(splits: list[Split], y: Floats, metric: Metric) -> list[Split]:
    """Return the splits that can be judged by: no share can be taken of outcomes of 0 or less."""
    if metric == "mape" and (y < 0).any():
        raise InputError(
            f"{int((y < 0).sum())} of the study's {len(y)} outcomes are below 0, as ratios are on "
            "their log scale: a share of such a number says nothing; give another --metric"
        )
    able = [one for one in splits if metric != "mape" or (y[one.test] > 0).any()]
    if not able:
        raise InputError(
            "all outcomes of the study's posts are 0, so no error is a share of them; give another "
            "--metric"
        )
    return able


def plan(rows: Rows, folds: int, seed: int, dear: bool) -> list[Split]:
    """Return what trials are judged by: folds by author, and windows in time between them.

    They take turns, so that a trial that is stopped after a few has seen both kinds.

    Args:
        rows: posts that the study sees.
        folds: by author.
        seed: of folds.
        dear: whether a fit costs so much that fewer folds have to do.
    """
    by_author = selection_folds(rows.posts, min(folds, FEW_FOLDS) if dear else folds, seed)
    dated = dated_enough(rows.posts)
    in_time = forward_splits(rows.posts, WINDOWS[-1:] if dear else WINDOWS) if dated else []
    newest_first = in_time[::-1]
    order: list[Split] = []
    for place, split in enumerate(by_author):
        order += [split, *newest_first[place : place + 1]]
    return [split for split in order if len(split.train) and len(split.test)]
