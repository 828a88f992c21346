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


def _bounds(posts: int) -> dict[str, tuple[float, float]]:
    """Return the lowest and highest value of each number; few posts get shallower trees."""
    small = posts < SMALL
    slowest = 0.05 if small or posts > MANY else 0.02
    return {
        "learning_rate": (slowest, 0.2 if small else 0.15),
        "num_leaves": (3, 10 if small else 63),
        "min_data_in_leaf": (4 if small else 5, 25 if small else 120),
        "feature_fraction": (0.1, 0.9),
        "bagging_fraction": (0.5, 1.0),
        "lambda_l1": (0.0, 5.0),
        "lambda_l2": (0.1, 100.0),
        "path_smooth": (0.0, 20.0),
    }


WHOLE = frozenset({"num_leaves", "min_data_in_leaf"})
LOGARITHMIC = frozenset({"learning_rate", "num_leaves", "min_data_in_leaf", "lambda_l2"})


def suggest(trial: "Trial", posts: int) -> Params:
    """Return a trial's parameters; few posts get shallower trees and stronger shrinkage."""
    params: dict[str, float | int | str] = {}
    for name, (low, high) in _bounds(posts).items():
        log = name in LOGARITHMIC
        if name in WHOLE:
            params[name] = trial.suggest_int(name, int(low), int(high), log=log)
        else:
            params[name] = trial.suggest_float(name, low, high, log=log)
    params["dims"] = trial.suggest_categorical("dims", SMALL_DIMS if posts < SMALL else DIMS)
    return params


def within_space(params: Params, posts: int) -> Params:
    """Return another study's parameters as a trial of this space could have them.

    Numbers beyond a bound are moved to it; a width of the blocks that is no choice here, and
    whatever the space does not know, is left out.
    """
    kept: dict[str, float | int | str] = {}
    for name, (low, high) in _bounds(posts).items():
        if name in params:
            value = min(max(float(params[name]), low), high)
            kept[name] = round(value) if name in WHOLE else value
    if params.get("dims") in (SMALL_DIMS if posts < SMALL else DIMS):
        kept["dims"] = params["dims"]
    return kept
