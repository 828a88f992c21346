"""How much less two samples of posts say about a difference, because posts share authors.

A test of two samples takes posts as independent. Ten posts of an author are not ten draws: what is
alike within authors counts hardly more than once. The design effect (Kish 1965, *Survey Sampling*,
section 5.4) is the factor by which the variance of the difference grows; dividing the sample sizes
by it makes the test hold (Rao and Scott 1981, https://doi.org/10.1080/01621459.1981.10477633).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Sides:
    """Two samples stacked, the earlier posts first.

    Attributes:
        authors: int64 (n,), a code for each author.
        later: bool (n,), which posts are of the later sample.
    """

    authors: IntArray
    later: Bools

    def take(self, there: Bools) -> "Sides":
        """Return the posts that are there."""
        return Sides(self.authors[there], self.later[there])


def design_effect(values: Floats, sides: Sides) -> float:
    """Return by what factor the variance of the difference between two samples grows, 1 or more.

    Of a post's rank let a share rho of the variance be its author's (one-way analysis of variance,
    each sample about its own mean). The difference then has (1 - rho) of its variance from posts,
    and rho times the sum of (an author's share of the one sample less that of the other)^2 from
    authors. Authors with the same share of both cancel out, so that one creator's posts are
    compared as they are; authors of one sample alone add the most.

    Args:
        values: float64 (n,), finite.
        sides: whose they are and of which sample.
    """
    from scipy.stats import rankdata

    later = sides.later
    count, now = len(values), int(later.sum())
    if not 0 < now < count:
        return 1.0
    _, code = np.unique(sides.authors, return_inverse=True)
    share = np.bincount(code, weights=np.where(later, 1.0 / now, -1.0 / (count - now)))
    apart = float(np.sum(share**2)) / (1.0 / now + 1.0 / (count - now))
    rho = _within_authors(rankdata(values), code, later)
    return max(1.0, 1.0 - rho + rho * apart)


def _within_authors(ranks: Floats, code: IntArray, later: Bools) -> float:
    """Return the share of the variance that is the authors', 0 to 1 (intraclass correlation)."""
    centred = ranks - np.where(later, ranks[later].mean(), ranks[~later].mean())
    sizes = np.bincount(code).astype(np.float64)
    count, groups = len(ranks), len(sizes)
    if groups < 2 or groups == count:
        return 0.0
    means = np.bincount(code, weights=centred) / sizes
    between = float(np.sum(sizes * means**2)) / (groups - 1)
    within = float(np.sum((centred - means[code]) ** 2)) / (count - groups)
    typical = (count - float(np.sum(sizes**2)) / count) / (groups - 1)
    spread = between + (typical - 1.0) * within
    return max(0.0, (between - within) / spread) if spread > 0 else 0.0
