"""What a post got against what was to be expected of whoever posted it.

Big accounts use other hashtags, hours and lengths than small ones, so a plain mean by hashtag says
mostly who uses it. Where authors recur, a post is therefore held against the *other posts of its
own author* (a fixed effect, Wooldridge 2010, chapter 10, with medians because outcomes are heavy-
tailed even as logarithms), as it is where all are by one; else against accounts of the same size;
else against all posts. Younger posts have had less time, so what all posts of a period share is
taken off too.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.splits import IntArray, author_codes, posting_times

Floats = npt.NDArray[np.float64]
Yardstick = Literal["author", "followers", "all"]

LEAST_OTHERS = 2
"""Other posts of an author without which nothing is known of what is usual for them."""

LEAST_AUTHORS = 10
ENOUGH_SHARE, ENOUGH_POSTS = 0.5, 1000
"""Posts of recurring authors stand for all where they are half of them, or this many."""

PERIODS, LEAST_A_PERIOD = 10, 40
SIZES, LEAST_A_SIZE = 20, 20


@dataclass(frozen=True)
class Adjusted:
    """Outcomes against a yardstick, n posts.

    Attributes:
        yardstick: what posts are held against.
        values: float64 (n,), learning scale; NaN for posts that cannot be compared.
        rows, authors: posts that can be compared, and known authors among them.
    """

    yardstick: Yardstick
    values: Floats
    rows: int
    authors: int


def adjust(posts: pd.DataFrame, y: Floats) -> Adjusted:
    """Hold every outcome against what is usual.

    Args:
        posts: n posts.
        y: float64 (n,), outcomes on the learning scale, NaN where unknown.
    """
    codes = author_codes(posts)
    yardstick, level = _level(posts, codes, y)
    values = y - level
    values = values - _period_medians(values, posting_times(posts))
    there = np.isfinite(values)
    authors = len(np.unique(codes[there & (codes >= 0)]))
    return Adjusted(yardstick, values, int(there.sum()), authors)


def _level(posts: pd.DataFrame, codes: IntArray, y: Floats) -> tuple[Yardstick, Floats]:
    others = medians_of_others(codes, y)
    recurring = np.isfinite(others)
    enough = max(1, min(ENOUGH_POSTS, int(np.ceil(ENOUGH_SHARE * np.isfinite(y).sum()))))
    alone = len(codes) > 0 and codes[0] >= 0 and bool((codes == codes[0]).all())
    if recurring.sum() >= enough and (alone or len(np.unique(codes[recurring])) >= LEAST_AUTHORS):
        return "author", others
    sizes = _size_medians(posts, y)
    if sizes is not None:
        return "followers", sizes
    known = y[np.isfinite(y)]
    return "all", np.full(len(y), float(np.median(known)) if len(known) else np.nan)


def medians_of_others(codes: IntArray, y: Floats) -> Floats:
    """Return the median of the other posts of each post's author; NaN where there are too few.

    A post's own outcome is left out: it would pull its own yardstick towards itself.

    Args:
        codes: int64 (n,), author of each post, negative where unknown.
        y: float64 (n,), outcomes, NaN where unknown.
    """
    out = np.full(len(y), np.nan)
    use = np.flatnonzero((codes >= 0) & np.isfinite(y))
    if not len(use):
        return out
    order = use[np.lexsort((y[use], codes[use]))]
    sorted_codes, values = codes[order], y[order]
    start = np.flatnonzero(np.r_[True, np.diff(sorted_codes) != 0])
    size = np.diff(np.r_[start, len(order)])
    first, count = np.repeat(start, size), np.repeat(size, size)
    rank = np.arange(len(order)) - first
    middle = np.zeros(len(order))
    for place in ((count - 2) // 2, (count - 1) // 2):
        shifted = np.maximum(place, 0) + (np.maximum(place, 0) >= rank)
        middle += values[first + np.minimum(shifted, count - 1)] / 2.0
    out[order] = np.where(count > LEAST_OTHERS, middle, np.nan)
    return out


def _size_medians(posts: pd.DataFrame, y: Floats) -> Floats | None:
    """Return the median outcome of accounts of about the same size; None if sizes are unknown."""
    if "author_followers" not in posts.columns:
        return None
    size = posts["author_followers"].astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
    known = np.isfinite(size) & np.isfinite(y)
    if known.sum() < max(2 * LEAST_A_SIZE, ENOUGH_SHARE * np.isfinite(y).sum()):
        return None
    parts = min(SIZES, int(known.sum()) // LEAST_A_SIZE)
    return _medians(np.where(known, size, np.nan), y, parts)


def _period_medians(values: Floats, times: Floats) -> Floats:
    """Return the median of each post's stretch of time; that of undated posts for those."""
    dated = np.isfinite(values) & np.isfinite(times)
    parts = min(PERIODS, int(dated.sum()) // LEAST_A_PERIOD)
    there = values[np.isfinite(values)]
    flat = np.full(len(values), float(np.median(there)) if len(there) else 0.0)
    if parts < 2:
        return flat
    found = _medians(np.where(dated, times, np.nan), values, parts)
    return np.where(np.isfinite(found), found, flat)


def _medians(by: Floats, values: Floats, parts: int) -> Floats:
    """Return the median of `values` in the equal-count part of `by` that each row is in."""
    known = np.isfinite(by)
    edges = np.unique(np.quantile(by[known], np.arange(1, parts) / parts))
    part = np.searchsorted(edges, by, side="right")
    grouped = pd.Series(values[known]).groupby(part[known]).median()
    out = np.full(len(values), np.nan)
    out[known] = grouped.reindex(part[known]).to_numpy()
    return out
