"""Outcomes measured against what is usual for the author or the period: lift and hits.

An author's usual is the median of log views over posts *strictly earlier* than the post, shrunken
towards the median of everybody's earlier posts (Efron and Morris 1975). An author without earlier
posts is measured against that overall median.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from virality.data.derived import LEAST_EARLIER
from virality.data.errors import InputError
from virality.data.splits import posting_times
from virality.modeling.history import Ledger, author_keys
from virality.modeling.measures import Array, Floats, Plain, State, read_counts

STRENGTH = 2.0
"""Weight of the overall median, in posts."""

BAR_STRENGTH = 5.0
"""Weight of the overall bar against an author's or a month's own, in posts."""

Within = Literal["author", "month"]


def _log_views(posts: pd.DataFrame) -> Floats:
    return np.log10(1.0 + read_counts(posts, "views"))


def _months(posts: pd.DataFrame) -> Array:
    """Return the month of posting as text (n,), empty where unknown."""
    times = pd.to_datetime(pd.Series(posting_times(posts)), unit="s")
    return np.asarray(times.dt.strftime("%Y-%m").fillna("").to_numpy().astype(np.str_))


@dataclass(frozen=True)
class Lift(Plain):
    """Log views less the author's usual, less log10(`times`).

    Nothing is frozen: what was usual before a post is a fact of the posts before it, whichever of
    them a model learned from. So it needs the whole table, not a part of it.
    """

    times: float = 1.0

    def usual(self, posts: pd.DataFrame) -> Floats:
        """Return what was usual for each post's author, log10(1 + views), NaN where unknown."""
        y, times, names = _log_views(posts), posting_times(posts), author_keys(posts)
        kept = np.flatnonzero(np.isfinite(y) & np.isfinite(times))
        kept = kept[np.argsort(times[kept], kind="stable")]
        clock, first = np.unique(times[kept], return_index=True)
        running = pd.Series(y[kept]).expanding(LEAST_EARLIER).median().to_numpy()
        ends = np.append(first, len(kept)).astype(np.int64)
        before = np.where(ends > 0, np.append(running, np.nan)[ends - 1], np.nan)
        known = kept[names[kept] != ""]
        ledger = Ledger.fit(names[known], times[known], y[known], clock)
        author = pd.Series(ledger.place // (len(clock) + 1))
        medians = pd.Series(ledger.value).groupby(author).expanding().median().to_numpy()
        when = np.where(np.isfinite(times), times, -np.inf)
        start, end = ledger.before(names, when, clock)
        count = (end - start).astype(np.float64)
        own = np.zeros(len(posts))
        has = count > 0
        own[has] = medians[end[has] - 1]
        overall = before[np.searchsorted(clock, when, side="left")]
        return np.asarray((count * own + STRENGTH * overall) / (count + STRENGTH))

    def score(self, posts: pd.DataFrame, _state: State, /) -> Floats:
        """Return the log of how many times the usual."""
        return np.asarray(_log_views(posts) - self.usual(posts) - np.log10(self.times))


@dataclass(frozen=True)
class TopShare(Plain):
    """Log views less the bar that the top `share` of the author's or month's training posts pass.

    Bars of few posts are shrunken towards the overall one. A month after training has the bar of
    the latest month before it, an unknown author or time the overall one.
    """

    share: float = 0.2
    within: Within = "author"

    def _groups(self, posts: pd.DataFrame) -> Array:
        return author_keys(posts) if self.within == "author" else _months(posts)

    def fit(self, posts: pd.DataFrame, /) -> dict[str, Array]:
        """Return the groups, ascending, their bars, and the overall bar."""
        y, names = _log_views(posts), self._groups(posts)
        seen = np.isfinite(y)
        overall = float(np.quantile(y[seen], 1.0 - self.share)) if seen.any() else np.nan
        named = seen & (names != "")
        groups = pd.Series(y[named]).groupby(names[named])
        count, own = groups.size(), groups.quantile(1.0 - self.share)
        bars = (count * own + BAR_STRENGTH * overall) / (count + BAR_STRENGTH)
        return {
            "keys": count.index.to_numpy().astype(np.str_),
            "bars": bars.to_numpy(dtype=np.float64),
            "overall": np.array([overall]),
        }

    def score(self, posts: pd.DataFrame, state: State, /) -> Floats:
        """Return the log of how many times the bar."""
        keys, names = state["keys"], self._groups(posts)
        place = np.searchsorted(keys, names, side="right") - 1
        known = (place >= 0) & (names != "")
        if self.within == "author" and len(keys):
            known &= keys[np.maximum(place, 0)] == names
        bars = np.append(state["bars"], state["overall"])
        return np.asarray(_log_views(posts) - bars[np.where(known, place, len(bars) - 1)])


def ask_for_earlier(posts: pd.DataFrame, target: str, trained: int, last: str) -> None:
    """Refuse a table of later posts only: what was usual before them is not in it.

    Args:
        posts: the table.
        target: name of what is measured against earlier posts.
        trained: posts that a model of it was trained on.
        last: when the latest of these was posted, ISO 8601; empty if unknown.

    Raises:
        InputError: if fewer posts are as old as those.
    """
    border = pd.Timestamp(last or "NaT").timestamp()
    early = int((~(posting_times(posts) > border)).sum())
    if early < trained:
        raise InputError(
            f"{target!r} is measured against each author's earlier posts: give all posts, those of "
            f"the training too; it had {trained:,}, and {early:,} here are as old"
        )
