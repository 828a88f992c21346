"""How outcomes are measured: each way learns from training posts only what it must freeze.

A measure turns posts into outcomes on the learning scale. What it learns (weights, an author's
earlier posts, a bar to jump) is a few plain arrays, so a bundle can keep it, and a split fits it
anew on its training rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.derived import RESPONSES, spoken
from virality.data.errors import InputError
from virality.data.readings import at_age

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
State = Mapping[str, Array]


class Measure(Protocol):
    """A way to measure posts."""

    def settle(self, posts: pd.DataFrame, /) -> "Measure":
        """Return the same way with every choice made that depends on what the table holds."""

    def fit(self, posts: pd.DataFrame, /) -> dict[str, Array]:
        """Return what is frozen, learned from training posts."""

    def score(self, posts: pd.DataFrame, state: State, /) -> Floats:
        """Return outcomes on the learning scale, float64 (n,), NaN where missing."""


class Plain:
    """What measures share that choose nothing and learn nothing."""

    def settle(self, _posts: pd.DataFrame, /) -> Self:
        """Return itself: nothing is chosen."""
        return self

    def fit(self, _posts: pd.DataFrame, /) -> dict[str, Array]:
        """Return nothing: nothing is learned."""
        return {}


def read_numbers(posts: pd.DataFrame, name: str) -> Floats:
    """Return a field as float64 (n,), NaN where missing or absent."""
    if name not in posts.columns:
        return np.full(len(posts), np.nan)
    raw = posts[name].astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(raw), raw, np.nan)


def read_counts(posts: pd.DataFrame, name: str) -> Floats:
    """Return a count as float64 (n,), NaN where missing.

    Raises:
        InputError: naming the row and the value, if one is below 0.
    """
    raw = read_numbers(posts, name)
    if (raw < 0).any():
        row = int(np.flatnonzero(raw < 0)[0])
        raise InputError(
            f"row {row} has {name} = {raw[row]:g}; counts cannot be negative, correct or remove "
            "that post"
        )
    return raw


@dataclass(frozen=True)
class Score(Plain):
    """A ready-made score, learned as it is."""

    outcome: str

    def score(self, posts: pd.DataFrame, _state: State, /) -> Floats:
        """Return the score."""
        return read_numbers(posts, self.outcome)


@dataclass(frozen=True)
class Count(Plain):
    """One count, learned as log10(1 + x)."""

    outcome: str

    def score(self, posts: pd.DataFrame, _state: State, /) -> Floats:
        """Return log10(1 + count)."""
        return np.log10(1.0 + read_counts(posts, self.outcome))


@dataclass(frozen=True)
class AtAge(Plain):
    """One count so many days after posting, learned as log10(1 + x); see `data.readings`."""

    outcome: str
    days: float

    def score(self, posts: pd.DataFrame, _state: State, /) -> Floats:
        """Return log10(1 + count at that age), NaN where no two collections bracket it."""
        return np.log10(1.0 + at_age(posts, self.outcome, self.days))


@dataclass(frozen=True)
class Growth(Plain):
    """How many times the views of one age those of a later age are, learned as log10 of that."""

    start: float = 1.0
    end: float = 7.0

    def score(self, posts: pd.DataFrame, _state: State, /) -> Floats:
        """Return log10((1 + later) / (1 + earlier)), NaN where either is not bracketed."""
        later, earlier = at_age(posts, "views", self.end), at_age(posts, "views", self.start)
        return np.log10((1.0 + later) / (1.0 + earlier))


@dataclass(frozen=True)
class Reach(Plain):
    """Views per follower: log10((1 + views) / (1 + followers))."""

    def score(self, posts: pd.DataFrame, _state: State, /) -> Floats:
        """Return the log ratio."""
        views = read_counts(posts, "views")
        return np.log10((1.0 + views) / (1.0 + read_counts(posts, "author_followers")))


@dataclass(frozen=True)
class Engagement:
    """A weighted sum of likes, comments, shares and saves, learned as log10(1 + sum).

    Attributes:
        weights: given weights; learned when there are none. A learned weight says how much rarer
            than likes a response is: the ratio of their geometric means over the training posts,
            so that each kind has about the same say. Kinds that few posts have count nothing.
        kinds: which are summed, as `settle` found.
    """

    weights: tuple[tuple[str, float], ...] = ()
    kinds: tuple[str, ...] = ()

    def settle(self, posts: pd.DataFrame, /) -> Self:
        """Choose what is summed: what has a weight, or what most posts have."""
        given = tuple(name for name, weight in self.weights if weight > 0)
        return replace(self, kinds=given or spoken(posts, RESPONSES))

    def fit(self, posts: pd.DataFrame, /) -> dict[str, Array]:
        """Return `weights`, float64 (4,), in the order of `RESPONSES`."""
        if self.weights:
            given = dict(self.weights)
            return {"weights": np.array([given.get(name, 0.0) for name in RESPONSES])}
        usual = {
            name: float(np.nanmean(np.log10(1.0 + read_counts(posts, name)))) for name in self.kinds
        }
        top = usual.get("likes", max(usual.values(), default=0.0))
        learned = [10.0 ** (top - usual[name]) if name in usual else 0.0 for name in RESPONSES]
        return {"weights": np.array(learned)}

    def score(self, posts: pd.DataFrame, state: State, /) -> Floats:
        """Return log10(1 + weighted sum); NaN where a kind that counts is missing."""
        return np.log10(1.0 + _weighted(posts, RESPONSES, state["weights"]))


SEED_KINDS = ("views", "likes", "comments", "shares")


@dataclass(frozen=True)
class SeedVirality:
    """The formula of the student project that this one began from, learned as log10(1 + x).

    views + (1 - r_likes) likes + (1 - r_comments) comments + (1 - r_shares) shares, each r being
    the correlation with views; there over all posts, here over the training posts. See
    https://github.com/juanls1/TikTok-Virality-Predictor.

    Attributes:
        kinds: which responses count, as `settle` found.
    """

    kinds: tuple[str, ...] = ()

    def settle(self, posts: pd.DataFrame, /) -> Self:
        """Choose the responses that most posts have."""
        return replace(self, kinds=spoken(posts, SEED_KINDS[1:]))

    def fit(self, posts: pd.DataFrame, /) -> dict[str, Array]:
        """Return `weights`, float64 (4,), in the order of `SEED_KINDS`."""
        views = read_counts(posts, "views")
        weights = [1.0]
        for name in SEED_KINDS[1:]:
            together = _correlation(views, read_counts(posts, name))
            weights.append(1.0 - together if name in self.kinds else 0.0)
        return {"weights": np.array(weights)}

    def score(self, posts: pd.DataFrame, state: State, /) -> Floats:
        """Return log10(1 + virality); NaN where a kind that counts is missing."""
        return np.log10(1.0 + _weighted(posts, SEED_KINDS, state["weights"]))


def _weighted(posts: pd.DataFrame, names: tuple[str, ...], weights: Array) -> Floats:
    total = np.zeros(len(posts))
    for name, weight in zip(names, weights, strict=True):
        if weight > 0:
            total = total + weight * read_counts(posts, name)
    return total


def _correlation(a: Floats, b: Floats) -> float:
    """Return Pearson's correlation over the posts that have both, 0 where there is none."""
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < 2 or np.ptp(a[both]) == 0 or np.ptp(b[both]) == 0:
        return 0.0
    return float(np.corrcoef(a[both], b[both])[0, 1])
