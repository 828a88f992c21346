"""The registry of outcomes: what is predicted, on which scale, and back.

Counts of views and the like are heavy-tailed over five orders of magnitude, so they are learned as
log10(1 + x) (Szabo and Huberman, https://doi.org/10.1145/1787234.1787254, showed that log counts
are what grows linearly). SMP's `popularity` is a log score already and is learned as it is.

Some targets have options, which are a part of their name: `engagement:likes=1,comments=3`,
`hit:times=5`, `hit:top=0.1,within=month`. What a target must learn (weights, bars) `fit` learns
from training posts and freezes; every fold of an evaluation learns it anew from its own.

A `hit` is learned as the *log of how many times the bar* a post reached, not as 0/1: near misses
and giants then teach too, and the chance of a hit is read from the same calibrated distribution
that gives the intervals, as the probability that this number is at least 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.derived import DERIVED, dated, derivable, has_values
from virality.data.errors import InputError, UsageError
from virality.modeling.measures import (
    Array,
    AtAge,
    Count,
    Engagement,
    Growth,
    Measure,
    Reach,
    Score,
    SeedVirality,
    State,
)
from virality.modeling.target_options import read_options
from virality.modeling.yardsticks import Lift, TopShare

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Target:
    """One outcome that can be learned.

    Attributes:
        name: what the user calls it, its options included.
        outcome: the column of the posts table it is read from, or the name of what is worked out.
        unit: unit of measure, in plural.
        log: learned on a log10 scale when true, as it is when false.
        meaning: one line for people.
        measure: how posts are measured.
        ratio: learned as log10(x), which may be below 0, not as log10(1 + x).
        bar: value of the learning scale from which a post is a hit; the top fifth if None.
        state: what was learned, plain arrays; None before `fit`, empty where there is nothing.
        together: responses that are learned with it, as ratios to views; see `ratios`.
    """

    name: str
    outcome: str
    unit: str
    log: bool
    meaning: str
    measure: Measure
    ratio: bool = False
    bar: float | None = None
    state: State | None = field(default=None, compare=False)
    together: tuple[str, ...] = ()

    @property
    def scale(self) -> str:
        """Name of the learning scale, for axes and tables."""
        if self.ratio:
            return f"log10({self.unit})"
        return f"log10(1 + {self.unit})" if self.log else self.unit

    @property
    def counts(self) -> bool:
        """Whether it counts something, so that fractions say nothing."""
        return self.log and not self.ratio

    @property
    def floor(self) -> float:
        """Lowest value that the learning scale can have."""
        return 0.0 if self.counts else -np.inf

    @property
    def relative(self) -> bool:
        """Whether a post is measured against earlier ones, so that it takes the whole table."""
        return isinstance(self.measure, Lift)

    @property
    def by_author(self) -> bool:
        """Whether a post is measured by a bar of its author's that is learned from training posts.

        A stranger is measured by everybody's bar, so folds that leave authors out must do so too.
        """
        return isinstance(self.measure, TopShare) and self.measure.within == "author"

    def settle(self, posts: pd.DataFrame) -> "Target":
        """Return the target with every choice made that depends on what the table holds.

        Raises:
            InputError: if the table lacks the outcome.
        """
        if not is_there(self, posts):
            there = ", ".join(available_targets(posts)) or "none"
            raise InputError(
                f"target {self.name!r}: the table holds no {_lacking(self, posts)}; "
                f"targets there: {there}"
            )
        return replace(self, measure=self.measure.settle(posts))

    def fit(self, posts: pd.DataFrame) -> "Target":
        """Return the settled target with all that it must learn frozen on these training posts.

        Raises:
            InputError: if a count is negative.
        """
        try:
            return replace(self, state=self.measure.fit(posts))
        except InputError as error:
            raise InputError(f"target {self.name!r}: {error}") from error

    def values(self, posts: pd.DataFrame) -> Floats:
        """Return the outcome on the learning scale, shape (len(posts),), NaN where missing.

        A target that is not fitted yet is fitted on these very posts.

        Raises:
            InputError: if the table lacks the outcome, or a count is negative.
        """
        if self.state is None:
            return self.settle(posts).fit(posts).values(posts)
        try:
            return self.measure.score(posts, self.state)
        except InputError as error:
            raise InputError(f"target {self.name!r}: {error}") from error

    def to_units(self, y: Floats | float) -> Floats:
        """Return values of the learning scale in the target's own unit, counts never below 0."""
        scale = np.asarray(y, dtype=np.float64)
        if not self.log:
            return scale
        if self.ratio:
            return np.asarray(np.power(10.0, scale), dtype=np.float64)
        return np.asarray(np.maximum(np.power(10.0, scale) - 1.0, 0.0), dtype=np.float64)


def _count(name: str, meaning: str) -> Target:
    return Target(name, name, name, True, meaning, Count(name))


def _ratio(name: str, unit: str, meaning: str, measure: Measure, bar: float | None) -> Target:
    return Target(name, name, unit, True, meaning, measure, ratio=True, bar=bar)


def _dated(name: str, count: str, days: int) -> Target:
    meaning = f"{count} {days} days after posting"
    return Target(name, name, count, True, meaning, AtAge(count, days))


TARGETS: Mapping[str, Target] = {
    target.name: target
    for target in (
        _count("views", "times played"),
        _count("likes", "likes"),
        _count("comments", "comments"),
        _count("shares", "shares"),
        _count("saves", "saves to favourites"),
        Target(
            "popularity", "popularity", "log score", False, "a ready-made log score (SMP)",
            Score("popularity"),
        ),
        Target(
            "engagement", "engagement", "weighted responses", True,
            "weighted sum of likes, comments, shares and saves", Engagement(),
        ),
        Target(
            "seed_virality", "seed_virality", "points", True,
            "views and the responses that they do not explain", SeedVirality(),
        ),
        _ratio("reach", "views per follower", "views per follower", Reach(), None),
        _ratio("lift", "times the usual", "views against the author's usual", Lift(), None),
        _dated("views_7d", "views", 7),
        _ratio(
            "growth", "times the first day's views", "views after a week against those after a day",
            Growth(), None,
        ),
        _ratio("hit", "times the bar", "chance of at least so many times the usual", Lift(3.0), 0),
        Target(
            "counts", "views", "views", True,
            "views, and with them likes, comments, shares and saves as far as they are known",
            Count("views"), together=("likes", "comments", "shares", "saves"),
        ),
    )
}  # fmt: skip


def find_target(name: str) -> Target:
    """Return the target of this name, options applied.

    Raises:
        UsageError: if there is none, naming those that there are, or an option is unknown.
    """
    if name not in TARGETS and (age := dated(name)) is not None:
        return _dated(name, *age)
    stem, _, options = name.partition(":")
    if stem not in TARGETS:
        raise UsageError(f"no target {stem!r}; choose one of {', '.join(TARGETS)}")
    target = TARGETS[stem]
    if not options:
        return target
    measure, canonical = read_options(stem, options)
    return replace(target, name=f"{stem}:{canonical}", measure=measure)


def restore_target(name: str, state: Mapping[str, Array]) -> Target:
    """Return the target of this name with what it had learned.

    Raises:
        UsageError: if there is none.
    """
    return replace(find_target(name), state=dict(state))


def is_there(target: Target, posts: pd.DataFrame) -> bool:
    """Say whether any post of the table has what the target is read from."""
    if isinstance(target.measure, Engagement) and target.measure.weights:
        return all(has_values(posts, name) for name, weight in target.measure.weights if weight)
    if target.outcome in DERIVED or dated(target.outcome):
        return bool(derivable(posts, target.outcome).any())
    if target.together and not any(has_values(posts, name) for name in target.together):
        return False
    return has_values(posts, target.outcome)


def _lacking(target: Target, posts: pd.DataFrame) -> str:
    """Return what the table holds nothing of, in words."""
    if isinstance(target.measure, Engagement) and target.measure.weights:
        wanted = [name for name, weight in target.measure.weights if weight]
        return " and no ".join(repr(name) for name in wanted if not has_values(posts, name))
    if target.together and has_values(posts, target.outcome):
        return "likes, comments, shares or saves"
    aged = _ages(target.measure)
    return repr(target.outcome) + (
        f", for which counts have to be collected before and after {aged} of a post, as by "
        "`virality recrawl`"
        if aged
        else ""
    )


def _ages(measure: Measure) -> str:
    """Return the days whose counts are read, in words, empty if those of no certain age are."""
    if isinstance(measure, AtAge):
        return f"day {measure.days:g}"
    return f"days {measure.start:g} and {measure.end:g}" if isinstance(measure, Growth) else ""


def available_targets(posts: pd.DataFrame) -> tuple[str, ...]:
    """Return the names of the targets for which the table holds at least one value."""
    return tuple(name for name, target in TARGETS.items() if is_there(target, posts))
