"""The registry of outcomes: what is predicted, on which scale, and back.

Counts of views and the like are heavy-tailed over five orders of magnitude, so they are learned as
log10(1 + x) (Szabo and Huberman, https://doi.org/10.1145/1787234.1787254, showed that log counts
are what grows linearly). SMP's `popularity` is a log score already and is learned as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.errors import InputError, UsageError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Target:
    """One outcome that can be learned.

    Attributes:
        name: what the user calls it.
        outcome: the column of the posts table it is read from.
        unit: unit of measure, in plural.
        log: learned as log10(1 + x) when true, as it is when false.
        meaning: one line for people.
    """

    name: str
    outcome: str
    unit: str
    log: bool
    meaning: str

    @property
    def scale(self) -> str:
        """Name of the learning scale, for axes and tables."""
        return f"log10(1 + {self.unit})" if self.log else self.unit

    def values(self, posts: pd.DataFrame) -> Floats:
        """Return the outcome on the learning scale, shape (len(posts),), NaN where missing.

        Raises:
            InputError: if the table lacks the outcome, or a count is negative.
        """
        if self.outcome not in posts.columns or posts[self.outcome].isna().all():
            there = ", ".join(available_targets(posts)) or "none"
            raise InputError(
                f"target {self.name!r}: the table holds no {self.outcome!r}; targets there: {there}"
            )
        raw = posts[self.outcome].astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
        if not self.log:
            return np.where(np.isfinite(raw), raw, np.nan)
        if (raw < 0).any():
            row = int(np.flatnonzero(raw < 0)[0])
            raise InputError(
                f"target {self.name!r}: row {row} has {self.outcome} = {raw[row]:g}; "
                "counts cannot be negative, correct or remove that post"
            )
        return np.where(np.isfinite(raw), np.log10(1.0 + raw), np.nan)

    def to_units(self, y: Floats | float) -> Floats:
        """Return values of the learning scale in the target's own unit, counts never below 0."""
        scale = np.asarray(y, dtype=np.float64)
        if not self.log:
            return scale
        return np.asarray(np.maximum(np.power(10.0, scale) - 1.0, 0.0), dtype=np.float64)


TARGETS: Mapping[str, Target] = {
    target.name: target
    for target in (
        Target("views", "views", "views", True, "times played"),
        Target("likes", "likes", "likes", True, "likes"),
        Target("comments", "comments", "comments", True, "comments"),
        Target("shares", "shares", "shares", True, "shares"),
        Target("saves", "saves", "saves", True, "saves to favourites"),
        Target("popularity", "popularity", "log score", False, "a ready-made log score (SMP)"),
    )
}


def find_target(name: str) -> Target:
    """Return the target of this name.

    Raises:
        UsageError: if there is none, naming those that there are.
    """
    if name not in TARGETS:
        raise UsageError(f"no target {name!r}; choose one of {', '.join(TARGETS)}")
    return TARGETS[name]


def available_targets(posts: pd.DataFrame) -> tuple[str, ...]:
    """Return the names of the targets for which the table holds at least one value."""
    return tuple(
        name
        for name, target in TARGETS.items()
        if target.outcome in posts.columns and bool(posts[target.outcome].notna().any())
    )
