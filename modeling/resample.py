"""Means of many overlapping groups of posts with intervals that know who posted them.

Posts of one author are not independent, so authors are drawn whole (cluster bootstrap, Davison and
Hinkley 1997, section 3.8). Every mean is a ratio of sums over posts, so a resample is a row of
weights over authors and all of them are one matrix product, whatever the number of groups. Above
`MOST_CLUSTERS` authors are gathered at random into as many clusters of whole authors: the variance
of a mean over independent clusters does not depend on how they were gathered, and time and memory
stay bounded. Looking at many groups at once finds some by chance; `judge` therefore controls the
share of false findings (Benjamini and Hochberg 1995).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from virality.data.splits import IntArray

Floats = npt.NDArray[np.float64]

MOST_CLUSTERS = 1000
RESAMPLES = 300
FALSE_SHARE = 0.1
"""Share of false ones that is accepted among all findings called clear."""

LEAST_CLUSTERS = 5
"""Authors below which a group says more about them than about itself."""


@dataclass(frozen=True)
class Effect:
    """A difference on the scale it is measured on, with what chance may do to it.

    Attributes:
        value, low, high: with its 95 % interval; NaN bounds where there are too few authors.
        q: least share of false findings at which it would count as one; NaN as above.
        clear: q is at most `FALSE_SHARE`.
    """

    value: float
    low: float
    high: float
    q: float
    clear: bool


@dataclass(frozen=True)
class Spread:
    """Estimates of k groups: value, standard error, and the clusters behind each."""

    value: Floats
    error: Floats
    clusters: IntArray


class Resampler:
    """Draws clusters of posts; made once for a table, used for every family of groups."""

    def __init__(self, groups: IntArray, seed: int = 0) -> None:
        """Gather the posts.

        Args:
            groups: int64 (n,), author of each post, a number of its own where unknown.
            seed: of the gathering and the draws.
        """
        self.author = np.unique(groups, return_inverse=True)[1].astype(np.int64)
        count = int(self.author.max(initial=-1)) + 1
        generator = np.random.default_rng([seed, 11])
        self.size = min(count, MOST_CLUSTERS)
        self.cluster = (generator.permutation(count) % max(self.size, 1))[self.author]
        drawn = generator.integers(0, max(self.size, 1), (RESAMPLES, self.size))
        flat = drawn + self.size * np.arange(RESAMPLES)[:, None]
        times = np.bincount(flat.ravel(), minlength=RESAMPLES * self.size)
        self.weights = times.reshape(RESAMPLES, self.size).astype(np.float64)

    def sums(self, rows: IntArray, items: IntArray, values: Floats, count: int) -> Floats:
        """Return sums by cluster and item, float64 (clusters, count).

        Args:
            rows: of each entry, the post.
            items: of each entry, the group that the post is in.
            values: of each entry, what is added up.
            count: number of groups.
        """
        place = self.cluster[rows] * count + items
        total = np.bincount(place, weights=values, minlength=self.size * count)
        return np.asarray(total, dtype=np.float64).reshape(self.size, count)

    def authors(self, rows: IntArray, items: IntArray, count: int) -> IntArray:
        """Return how many different authors each group has, int64 (count,)."""
        pairs = np.unique(items * (int(self.author.max(initial=0)) + 1) + self.author[rows])
        group = pairs // (int(self.author.max(initial=0)) + 1)
        return np.bincount(group, minlength=count).astype(np.int64)

    def means(self, rows: IntArray, items: IntArray, values: Floats, count: int) -> Spread:
        """Return the mean of `values[rows]` in each group less that of all posts with a value.

        Args:
            rows: of each entry, the post; a post may be in many groups.
            items: of each entry, the group.
            values: float64 (n,), NaN for posts that do not count.
            count: number of groups.
        """
        there = np.isfinite(values)
        kept = there[rows]
        rows, items = rows[kept], items[kept]
        every = np.flatnonzero(there)
        nothing = np.zeros(len(every), dtype=np.int64)
        one, total = np.ones(len(every)), values[every]
        whole = self.sums(every, nothing, total, 1), self.sums(every, nothing, one, 1)
        part = (
            self.sums(rows, items, values[rows], count),
            self.sums(rows, items, np.ones(len(rows)), count),
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            drawn = (self.weights @ part[0]) / (self.weights @ part[1])
            drawn -= (self.weights @ whole[0]) / (self.weights @ whole[1])
            value = part[0].sum(axis=0) / part[1].sum(axis=0) - whole[0].sum() / whole[1].sum()
        return Spread(value, deviation(drawn), self.authors(rows, items, count))

    def differences(self, rows: IntArray, inside: npt.NDArray[np.bool_], values: Floats) -> Spread:
        """Return the mean of the posts inside one group less that of the others.

        Args:
            rows: int64 (k,), posts that are looked at.
            inside: bool (k,), which of them are in the group.
            values: float64 (k,), all known.
        """
        side = inside.astype(np.int64)
        total = self.sums(rows, side, values, 2)
        count = self.sums(rows, side, np.ones(len(rows)), 2)
        with np.errstate(invalid="ignore", divide="ignore"):
            drawn = (self.weights @ total) / (self.weights @ count)
        means = total.sum(axis=0) / count.sum(axis=0)
        return Spread(
            np.array([means[1] - means[0]]),
            deviation((drawn[:, 1] - drawn[:, 0])[:, None]),
            np.array([min(self.authors(rows, side, 2))]),
        )


def deviation(drawn: Floats) -> Floats:
    """Return the standard deviation of each column of resamples; NaN where most say nothing."""
    finite = np.isfinite(drawn)
    count = finite.sum(axis=0)
    clean = np.where(finite, drawn, 0.0)
    middle = clean.sum(axis=0) / np.maximum(count, 1)
    square = np.where(finite, (drawn - middle) ** 2, 0.0).sum(axis=0)
    enough = count >= 0.5 * len(drawn)
    return np.where(enough, np.sqrt(square / np.maximum(count - 1, 1)), np.nan)


def judge(spread: Spread, least: Floats | None = None) -> tuple[Effect, ...]:
    """Return an effect a group: intervals and chances by Student's t with authors - 1 degrees.

    The normal law would promise too much where a group rests on a handful of authors, and authors
    drawn from n vary by (n - 1) / n of what they would from sample to sample.

    Args:
        spread: of k groups.
        least: float64 (k,), chances that another, exact test gives; the larger one counts.
    """
    from scipy.stats import false_discovery_control, t

    enough = _enough(spread)
    freedom = np.maximum(spread.clusters - 1, 1)
    error = np.where(enough, spread.error * np.sqrt((freedom + 1) / freedom), np.nan)
    chance = 2.0 * t.sf(np.abs(spread.value) / error, freedom)
    if least is not None:
        chance = np.maximum(chance, least)
    q = np.full(len(chance), np.nan)
    if enough.any():
        q[enough] = false_discovery_control(chance[enough])
    reach = t.ppf(0.975, freedom) * error
    return tuple(
        Effect(float(v), float(v - r), float(v + r), float(one), bool(one <= FALSE_SHARE))
        for v, r, one in zip(spread.value, reach, q, strict=True)
    )


def shrink(spread: Spread) -> Floats:
    """Return values pulled towards zero by how little is known of each (empirical Bayes).

    The variance between groups is the moment estimate about a mean of 0 (DerSimonian and Laird
    1986, https://doi.org/10.1016/0197-2456(86)90046-2); groups of too few authors become 0.
    """
    known = _enough(spread)
    out = np.zeros(len(spread.value))
    if known.sum() < 2:
        return out
    value, weight = spread.value[known], 1.0 / spread.error[known] ** 2
    excess = float((weight * value**2).sum()) - int(known.sum())
    between = max(0.0, excess / float(weight.sum()))
    out[known] = value * between / (between + 1.0 / weight)
    return out


def _enough(spread: Spread) -> npt.NDArray[np.bool_]:
    """Say which groups have a value and rest on authors enough to be judged."""
    measured = np.isfinite(spread.value) & np.isfinite(spread.error) & (spread.error > 0)
    return np.asarray((spread.clusters >= LEAST_CLUSTERS) & measured)
