"""How the size of residuals changes over time: bands of new posts follow the newer ones.

Split conformal prediction takes posts to be exchangeable. They are not: a platform or a model with
more history behind it grows calmer, or noisier. Recent residuals deserve more weight then (Barber
et al. 2023, https://doi.org/10.1214/23-AOS2276). Here they decide the *size* of the scores, which
needs far fewer posts than their quantiles do; the shape comes from all posts.

How fast older posts lose their say is chosen by what would have foretold the newer half best, block
by block from the posts before it. "Not at all" is among the choices and stands unless clearly
beaten.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

HALF_LIVES = (np.inf, 0.4, 0.2, 0.1, 0.05)
"""Share of the posts after which a post counts half."""

LEAST_DATED = 200
DOUBT_POSTS = 100.0
"""Posts' worth of doubt: a change seen in n posts is shrunk by n / (n + this)."""

NEAR_ZERO = 1e-3
"""Least size as a share of the mean one: sizes that vanish for a while have no logarithm."""

LEAST_GAIN = 2.0
"""Log likelihood by which following time has to foretell better: a parameter more, chosen among a
few, must earn its place (after Akaike 1974, https://doi.org/10.1109/TAC.1974.1100705, doubled for
the choice). Under it the bands of the newest posts would follow chance."""

LEAST_GAIN_A_POST = 0.005
"""The same for each post foretold: what sizes a tenth off cost, under exponential sizes half the
square of a tenth. Smaller changes come and go. In 20,000 posts they are seen all the same, and
bands that followed them held 78.7 % on later posts, those of all times alike 79.9 %."""

BLOCKS = 10
"""Parts of the posts in time, of which the newer half is foretold."""

KNOTS = 11
"""Times at which the size is kept."""


@dataclass(frozen=True)
class Eras:
    """Size of residuals at a time against that on the whole.

    Attributes:
        times: ascending seconds since 1970, float64 (k,).
        factors: positive, float64 (k,).
    """

    times: Floats
    factors: Floats

    def at(self, times: Floats) -> Floats:
        """Return each post's factor, float64 (n,); what has no time yet is as the newest."""
        known = np.where(np.isfinite(times), times, np.inf)
        return np.asarray(np.interp(known, self.times, self.factors), dtype=np.float64)


STEADY = Eras(np.zeros(1), np.ones(1))


def fit_eras(times: Floats, size: Floats) -> Eras:
    """Return how sizes changed over time.

    Args:
        times: float64 (n,), seconds since 1970, NaN where unknown.
        size: float64 (n,), absolute scores of posts left out.
    """
    dated = np.flatnonzero(np.isfinite(times))
    dated = dated[np.argsort(times[dated], kind="stable")]
    n = len(dated)
    if n < LEAST_DATED or times[dated[0]] == times[dated[-1]] or not size[dated].any():
        return STEADY
    when, sizes = times[dated], np.maximum(size[dated], NEAR_ZERO * size[dated].mean())
    half_life = _half_life(sizes)
    if not np.isfinite(half_life):
        return STEADY
    places = np.linspace(0.0, 1.0, KNOTS)
    rank = (np.arange(n) + 0.5) / n
    factors = [_change(sizes, np.abs(rank - place) / half_life) for place in places]
    knots, first = np.unique(np.quantile(when, places), return_index=True)
    return Eras(knots, np.exp(factors)[first])


def _half_life(sizes: Floats) -> float:
    """Return the half-life under which earlier sizes foretell each block of the newer half best.

    Sizes are taken as exponential, residuals as Laplace: the loss is a negative log likelihood.
    None at all unless one of them is better by LEAST_GAIN and by LEAST_GAIN_A_POST.
    """
    edges = np.linspace(0, len(sizes), BLOCKS + 1).astype(np.int64)
    least = max(LEAST_GAIN, LEAST_GAIN_A_POST * (len(sizes) - edges[BLOCKS // 2]))
    loss = np.where(np.isfinite(HALF_LIVES), least, 0.0)
    for start, end in zip(edges[BLOCKS // 2 : -1], edges[BLOCKS // 2 + 1 :], strict=True):
        age = np.arange(start, 0, -1) / len(sizes)
        usual = sizes[:start].mean()
        for number, half_life in enumerate(HALF_LIVES):
            expected = usual * np.exp(_change(sizes[:start], age / half_life))
            loss[number] += (end - start) * np.log(expected) + sizes[start:end].sum() / expected
    return HALF_LIVES[int(np.argmin(loss))]


def _change(sizes: Floats, lives: Floats) -> float:
    """Return the logarithm of the size near a time against the usual one, shrunk.

    Args:
        sizes: float64 (n,).
        lives: float64 (n,), how many half-lives away each is.
    """
    weight = 0.5**lives
    worth = weight.sum() ** 2 / (weight**2).sum()
    change = np.log((weight @ sizes) / weight.sum() / sizes.mean())
    return float(change * worth / (worth + DOUBT_POSTS))
