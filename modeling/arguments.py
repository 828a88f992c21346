"""Arguments of the estimators, refused in words where a library would fail far away from them."""

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from numbers import Integral, Real
from typing import Any

import numpy as np
import numpy.typing as npt

from virality.modeling.parameters import DEFAULTS, LIGHTGBM_LOSSES

Floats = npt.NDArray[np.float64]

MOST_SEED = 2**32 - 1
"""As in scikit-learn."""

LARGEST_OUTCOME = 1e30
"""Boosters count in single precision, and square."""

STEP = 2.0**-24
"""Of a number in single precision, the share below which it does not change."""

_SHARE = (lambda value: 0 < value <= 1, "more than 0 and at most 1")
_PENALTY = (lambda value: value >= 0 and isfinite(value), "a number of 0 or more")
TAKEN: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "learning_rate": _SHARE,
    "num_leaves": (lambda value: 2 <= value <= 131_072, "a whole number from 2 to 131072"),
    "min_data_in_leaf": (lambda value: 0 <= value < 2**31, "a whole number of 0 or more"),
    "feature_fraction": _SHARE,
    "bagging_fraction": _SHARE,
    "lambda_l1": _PENALTY,
    "lambda_l2": _PENALTY,
    "path_smooth": _PENALTY,
    "alpha": (lambda value: 0 < value < 1, "more than 0 and less than 1"),
    "forest": (lambda value: value in (0, 1), "0 or 1"),
}
"""Parameter of a booster -> what it may be, and that in words."""


def check_whole(name: str, value: object, least: int) -> None:
    """Refuse what is no whole number of at least `least`.

    Raises:
        TypeError: if it is no whole number.
        ValueError: if it is too small.
    """
    if int(check_kind(name, value, least)) < least:
        raise ValueError(f"{name} is {value}; give at least {least}")


def check_kind(name: str, value: object, least: int) -> Integral:
    """Return a whole number as it is.

    Raises:
        TypeError: if it is none.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} is {value!r}; give a whole number of at least {least}")
    return value


def check_jobs(jobs: object) -> None:
    """Refuse what is no number of fits at once.

    Raises:
        TypeError: if it is no whole number.
        ValueError: if it is neither 1 or more nor -1.
    """
    wanted = f"jobs is {jobs!r}; give 1 or more, or -1 for all cores"
    if isinstance(jobs, bool) or not isinstance(jobs, Integral):
        raise TypeError(wanted)
    if int(jobs) < 1 and int(jobs) != -1:
        raise ValueError(wanted)


def seed_of(random_state: Any) -> int:
    """Return the seed that a `random_state` in scikit-learn's manner means.

    Raises:
        ValueError: if it means none.
    """
    from sklearn.utils import check_random_state

    if not isinstance(random_state, Integral):
        return int(check_random_state(random_state).randint(2**31 - 1))
    if not 0 <= int(random_state) <= MOST_SEED:
        raise ValueError(f"random_state is {random_state}; give a number from 0 to {MOST_SEED}")
    return int(random_state)


def check_params(params: object) -> None:
    """Refuse parameters of boosters that do not exist or that no booster takes.

    Raises:
        TypeError: if they are no mapping.
        ValueError: if one is unknown or has a value that it cannot have.
    """
    if params is None:
        return
    if not isinstance(params, Mapping):
        raise TypeError(f"params is {params!r}; give a mapping, as in {{'num_leaves': 8}}")
    for name, value in params.items():
        if name not in DEFAULTS:
            raise ValueError(f"params has no {name!r}; choose of {', '.join(DEFAULTS)}")
        if name == "loss":
            if value not in LIGHTGBM_LOSSES:
                raise ValueError(f"params: loss is {value!r}; give {', '.join(LIGHTGBM_LOSSES)}")
            continue
        fits, words = TAKEN[name]
        whole = isinstance(DEFAULTS[name], int)
        kind = Integral if whole else Real
        truth = isinstance(value, bool) and name != "forest"
        if truth or not isinstance(value, kind) or not fits(value):
            raise ValueError(f"params: {name} is {value!r}; give {words}")
    merged = {**DEFAULTS, **params}
    if merged["forest"] and merged["bagging_fraction"] == merged["feature_fraction"] == 1:
        raise ValueError(
            "params: the trees of a forest would all be the same; give a bagging_fraction or "
            "feature_fraction below 1"
        )


def block_places(names: Sequence[str], blocks: object) -> dict[str, list[int]]:
    """Return the positions of each block's columns.

    Args:
        names: of X's columns, in order.
        blocks: name of a block -> its columns, by name or position; None for no blocks.

    Raises:
        TypeError: if it is no mapping, or a block is not made of names and positions.
        ValueError: if a block names no column, one that is not there, or one twice.
    """
    if blocks is None:
        return {}
    if not isinstance(blocks, Mapping):
        raise TypeError(f"blocks is {blocks!r}; give a mapping, as in {{'caption': [0, 1, 2]}}")
    known = {name: place for place, name in enumerate(names)}
    return {block: _places(str(block), members, known) for block, members in blocks.items()}


def _places(block: str, members: object, known: Mapping[str, int]) -> list[int]:
    if isinstance(members, str) or not isinstance(members, Sequence | np.ndarray):
        raise TypeError(f"block {block!r} is {members!r}; give a list of names or positions")
    if not len(members):
        raise ValueError(f"block {block!r} names no column")
    found: list[int] = []
    for one in members:
        if isinstance(one, bool | np.bool_) or not isinstance(one, str | Integral):
            raise TypeError(
                f"block {block!r} has {one!r} for a column; give names or positions, those of a "
                "mask by numpy.flatnonzero(mask)"
            )
        place = known.get(one, -1) if isinstance(one, str) else int(one)
        if not 0 <= place < len(known):
            raise ValueError(f"block {block!r}: X has no column {one!r}")
        if place in found:
            raise ValueError(f"block {block!r} names column {one!r} twice")
        found.append(place)
    return found


def check_outcomes(outcomes: Floats) -> None:
    """Refuse outcomes that boosters, which count in single precision, cannot tell apart.

    Raises:
        ValueError: if one is too large, or all are too near to each other for their size.
    """
    largest = float(np.abs(outcomes).max())
    if largest > LARGEST_OUTCOME:
        raise ValueError(
            f"y holds {largest:g}; give outcomes of at most {LARGEST_OUTCOME:g}, such as "
            "log10(1 + views)"
        )
    if 0 < float(outcomes.std()) < STEP * largest and len(np.unique(outcomes)) > 1:
        raise ValueError(
            f"y lies so far from 0 ({largest:g}) that its outcomes cannot be told apart in single "
            "precision; take their mean from them before, and add it to what is predicted"
        )
