"""Outcomes that are worked out of others: which fields each needs, and which posts have them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.readings import at_age
from virality.data.splits import posting_times

COUNTS = ("views",)
"""Fields of `Needs.every` that vary with how a post does."""

RESPONSES = ("likes", "comments", "shares", "saves")
"""Counts of what viewers did beyond watching."""


@dataclass(frozen=True)
class Needs:
    """Fields that a derived outcome is worked out of.

    Attributes:
        every: a post needs all of these.
        some: the table needs values of at least two of these (one beside those of `every`).
    """

    every: tuple[str, ...] = ()
    some: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """The counts that it is worked out of."""
        return (*(name for name in self.every if name in COUNTS), *self.some)


DERIVED: Mapping[str, Needs] = {
    "engagement": Needs(some=RESPONSES),
    "seed_virality": Needs(("views",), RESPONSES[:3]),
    "reach": Needs(("views", "author_followers")),
    "lift": Needs(("views", "author_id", "posted_at")),
    "hit": Needs(("views", "author_id", "posted_at")),
    "views_7d": Needs(("views", "posted_at", "collected_at", "readings")),
    "growth": Needs(("views", "posted_at", "collected_at", "readings")),
}
"""Name of a derived outcome -> what it needs."""


HELD_AGAINST_EARLIER = ("lift", "hit")
"""Those that a post has only beside earlier posts, of anyone."""

LEAST_EARLIER = 10
"""Earlier posts of anyone without which nothing is usual yet."""

DATED = re.compile(r"(views|likes|comments|shares|saves)_([1-9]\d{0,2})d")
"""Outcomes at a fixed age: `views_7d` is views after seven days."""


def dated(name: str) -> tuple[str, int] | None:
    """Return the count and the age in days that a name speaks of, None if it speaks of none.

    >>> dated("views_7d")
    ('views', 7)
    """
    found = DATED.fullmatch(name)
    return (found.group(1), int(found.group(2))) if found else None


def has_values(posts: pd.DataFrame, name: str) -> bool:
    """Say whether any post has a value of this field."""
    return name in posts.columns and bool(posts[name].notna().any())


def spoken(posts: pd.DataFrame, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of these fields that at least half as many posts have as the commonest one."""
    counts = {name: int(posts[name].notna().sum()) for name in names if name in posts.columns}
    most = max(counts.values(), default=0)
    return tuple(name for name, count in counts.items() if count and 2 * count >= most)


def derivable(posts: pd.DataFrame, name: str) -> npt.NDArray[np.bool_]:
    """Return which posts have all that a derived outcome needs, bool (n,)."""
    if name == "growth":
        return np.isfinite(at_age(posts, "views", 1) + at_age(posts, "views", 7))
    if (age := dated(name)) is not None:
        return np.isfinite(at_age(posts, *age))
    needs = DERIVED[name]
    some = spoken(posts, needs.some)
    if not all(has_values(posts, one) for one in needs.every):
        return np.zeros(len(posts), dtype=np.bool_)
    if needs.some and len(some) + bool(needs.every) < 2:
        return np.zeros(len(posts), dtype=np.bool_)
    there = posts[[*needs.every, *some]].notna().all(axis=1)
    return np.asarray(there, dtype=np.bool_)


def labelled_with(posts: pd.DataFrame, name: str) -> npt.NDArray[np.bool_]:
    """Return which posts have a value of a derived outcome, bool (n,).

    That is what `derivable` returns, but for those held against earlier posts: the first posts of
    a table have none to be held against, and an unknown author is held against everybody.
    """
    if name not in HELD_AGAINST_EARLIER or not derivable(posts, name).any():
        return derivable(posts, name)
    times = posting_times(posts)
    usable = posts["views"].notna().to_numpy(dtype=np.bool_) & np.isfinite(times)
    earlier = np.searchsorted(np.sort(times[usable]), times, side="left")
    return np.asarray(usable & (earlier >= LEAST_EARLIER), dtype=np.bool_)
