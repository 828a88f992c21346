"""How the author's own earlier posts like this one did, against what was usual for the author.

A series, a guest or a dish that works for one creator shows in that creator's posts alone: what
the posts of all others say about it, `neighbours` knows. This is a kernel regression (Nadaraya
1964, https://doi.org/10.1137/1109020) on the author's surprises, which are outcomes less the
author's fading mean before them, so that neither success in general nor growth is told again.

As in `history`, only training posts that are strictly earlier count.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.matrix import Column, Known
from virality.data.splits import posting_times
from virality.modeling.directions import Reals
from virality.modeling.history import Ledger, author_keys
from virality.modeling.neighbours import TEMPERATURE, unit

Floats = npt.NDArray[np.float64]

PREFIX = "history__alike__"
"""Begins the name of the column that is made of an embedding."""

LEVEL = "history__author_lately"
"""What was usual for the author before a post."""

LATEST = 200
"""Earlier posts of the author that are looked at, the latest."""

LEAST = 10
"""Earlier posts of the author without which nothing is said: among few, none is much alike."""

LEAST_TOLD = 300
"""Training posts that something is said of without which nothing is: fewer teach no booster what
to make of it, and with few posts each column more costs."""

STRENGTH = 0.1
"""How many posts the same as this one it takes to believe half of their surprise."""

MOST_KEPT = 20_000
"""Training posts that a model keeps, the newest."""

CHUNK = 64
"""Posts asked about at a time: what they are compared with then stays in the processor's cache."""


@dataclass(frozen=True)
class Alike:
    """Training posts of known authors as places in a space, by author and time.

    Attributes:
        spots: (m, q), unit vectors.
        posts: their authors, times and surprises, in the same order.
        clock: float64, the different instants among them, ascending.
    """

    spots: Reals
    posts: Ledger
    clock: Floats

    def seek(self, scores: Reals, posts: pd.DataFrame) -> Floats:
        """Return the shrunken surprise of the author's earlier posts, weighted by similarity.

        Args:
            scores: (n, >= q), NaN rows where the part is missing; see `neighbours.unit`.
            posts: the n posts, of which author and time are read.

        Returns:
            float64 (n,), in steps of the learning scale; NaN where the part, the author, the time
            or enough earlier posts are missing.
        """
        times = posting_times(posts)
        start, end = self.posts.before(
            author_keys(posts), np.where(np.isfinite(times), times, -np.inf), self.clock
        )
        out = np.full(len(scores), np.nan)
        asked = np.flatnonzero((end - start >= LEAST) & np.isfinite(scores).all(axis=1))
        back = np.arange(1, LATEST + 1)
        for begin in range(0, len(asked), CHUNK):
            rows = asked[begin : begin + CHUNK]
            entry = end[rows, None] - back
            there = entry >= start[rows, None]
            entry = np.maximum(entry, 0)
            own = unit(scores[rows]).astype(np.float64)  # see `Directions.scores`
            cosine = np.einsum("nq,nkq->nk", own, self.spots[entry])
            weight = np.where(there, np.exp((cosine - 1.0) / TEMPERATURE), 0.0)
            moved = (weight * self.posts.value[entry]).sum(axis=1)
            out[rows] = moved / (weight.sum(axis=1) + STRENGTH)
        return out

    def newest(self, most: int = MOST_KEPT) -> "Alike":
        """Return what is left when only so many posts, the newest, are kept."""
        if len(self.spots) <= most:
            return self
        kept = np.sort(np.argsort(-self.posts.time, kind="stable")[:most])
        numbers = self.posts.place[kept] // (len(self.clock) + 1)
        return _sorted(
            self.spots[kept], self.posts.keys[numbers], self.posts.time[kept],
            self.posts.value[kept],
        )  # fmt: skip


def column_of(block: str, first: Column) -> Column:
    """Return the column that is made of an embedding, whose first column is given."""
    meaning = f"how the author's earlier posts of similar {block} did against the author's usual"
    known: Known = "post" if first.known == "post" else "asof"
    return Column(f"{PREFIX}{block}", "history", "score", known, "", meaning)


def fit_alike(scores: Reals, posts: pd.DataFrame, y: Floats, usual: Floats) -> Alike:
    """Learn from training posts.

    Args:
        scores: (n, q), NaN rows where the part is missing.
        posts: the n posts.
        y: float64 (n,), outcomes on the learning scale.
        usual: float64 (n,), what was usual for the author before each; the history's `LEVEL`.
    """
    times, keys = posting_times(posts), author_keys(posts)
    surprise = y - usual
    told = (keys != "") & np.isfinite(times) & np.isfinite(surprise)
    rows = np.flatnonzero(told & np.isfinite(scores).all(axis=1))
    rows = rows[np.lexsort((times[rows], keys[rows]))]
    return _sorted(unit(scores[rows]), keys[rows], times[rows], surprise[rows])


def _sorted(spots: Reals, keys: npt.NDArray[np.str_], times: Floats, surprise: Floats) -> Alike:
    """Return entries that are sorted by key and time already, which `Ledger.fit` leaves so."""
    clock = np.unique(times)
    return Alike(spots, Ledger.fit(keys, times, surprise, clock), clock)
