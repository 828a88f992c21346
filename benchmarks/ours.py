"""Tune and train within a budget of wall time, as the benchmarks of modelling call it.

Not a benchmark itself.
"""

import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from tables import Table

from virality.data.matrix import FeatureMatrix
from virality.data.splits import IntArray
from virality.modeling.objective import Metric, loss_of
from virality.modeling.recipe import Recipe, sensible_recipe
from virality.modeling.train import Model, train
from virality.modeling.tune import Tuning, tune

Floats = npt.NDArray[np.float64]

TUNING_SHARE = 0.5
"""Share of the budget after which no trial is started; what is left has to do for training."""

MOST_TRIALS = 100_000


@dataclass(frozen=True)
class Learned:
    """A model, the study behind it, and the wall seconds of both."""

    model: Model
    tuning: Tuning
    tune_s: float
    train_s: float


def learn(
    matrix: FeatureMatrix,
    posts: pd.DataFrame,
    target: str,
    *,
    budget_s: float,
    seed: int = 0,
    metric: str = "",
    allow_post: bool = False,
) -> Learned:
    """Tune, then train with what was found.

    Args:
        matrix: features of the posts to learn from.
        posts: those posts.
        target: name of the outcome.
        budget_s: wall seconds for both.
        seed: of everything.
        metric: what the study selects by; its own choice if empty.
        allow_post: use columns known only after posting too.
    """
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        tuning = tune(
            matrix, posts, target=target, trials=MOST_TRIALS, timeout_s=TUNING_SHARE * budget_s,
            study=Path(folder) / "study.log", seed=seed, jobs=2, allow_post=allow_post,
            metric=metric,
        )  # fmt: skip
    middle = time.perf_counter()
    model = train(
        matrix, posts, tuning=tuning, target=target, seed=seed, jobs=2, allow_post=allow_post
    )
    return Learned(model, tuning, middle - begin, time.perf_counter() - middle)


def predict(
    table: Table,
    learn_on: IntArray,
    asked: IntArray,
    *,
    budget_s: float,
    metric: str = "",
    allow_post: bool = False,
) -> tuple[Floats, Learned]:
    """Learn on some rows of a table and predict others, float64 (len(asked),)."""
    matrix, posts = table.part(learn_on)
    learned = learn(
        matrix, posts, table.target, budget_s=budget_s, metric=metric, allow_post=allow_post
    )
    return learned.model.predict(*table.part(asked)).mean, learned


def untuned_recipe(posts: int, seed: int, metric: Metric) -> Recipe:
    """Return the recipe for so many posts that nothing was tuned for, looking for a metric."""
    plain = sensible_recipe(posts, seed)
    return replace(plain, metric=metric, params={**plain.params, "loss": loss_of(metric)})
