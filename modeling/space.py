"""The search space: a trial -> parameters of boosters and the width of the blocks."""

from typing import TYPE_CHECKING

from virality.modeling.booster import DEFAULTS, Params
from virality.modeling.recipe import SMALL, SMALL_DEFAULTS

if TYPE_CHECKING:
    from optuna.trial import Trial

DIMS = (0, 4, 16, 32)
SMALL_DIMS = (0, 2, 4, 8)

MANY = 10_000
"""Labelled posts above which learning is not allowed to be slow: a rate of .02 costs twice
the trees of .05, each of them dearer, in every fold of every base."""


def most_dims(posts: int) -> int:
    """Return the widest block that the space holds: computed once, trials read a part of it."""
    return max(SMALL_DIMS if posts < SMALL else DIMS)


def first_guess(posts: int) -> Params:
    """Return the sensible parameters, tried before any other."""
    return dict(SMALL_DEFAULTS) | {"dims": 4} if posts < SMALL else dict(DEFAULTS) | {"dims": 16}


def suggest(trial: "Trial", posts: int) -> Params:
    """Return a trial's parameters; few posts get shallower trees and stronger shrinkage."""
    small = posts < SMALL
    slowest = 0.05 if small or posts > MANY else 0.02
    return {
        "learning_rate": trial.suggest_float(
            "learning_rate", slowest, 0.2 if small else 0.15, log=True
        ),
        "num_leaves": trial.suggest_int("num_leaves", 3, 10 if small else 63, log=True),
        "min_data_in_leaf": trial.suggest_int(
            "min_data_in_leaf", 4 if small else 5, 25 if small else 120, log=True
        ),
        "feature_fraction": trial.suggest_float("feature_fraction", 0.1, 0.9),
        "bagging_fraction": trial.suggest_float("bagging_fraction", 0.5, 1.0),
        "lambda_l1": trial.suggest_float("lambda_l1", 0.0, 5.0),
        "lambda_l2": trial.suggest_float("lambda_l2", 0.1, 100.0, log=True),
        "path_smooth": trial.suggest_float("path_smooth", 0.0, 20.0),
        "dims": trial.suggest_categorical("dims", SMALL_DIMS if small else DIMS),
    }
