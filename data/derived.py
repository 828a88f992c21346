"""Outcomes that are worked out of others: which fields each needs, and which posts have them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

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
}
"""Name of a derived outcome -> what it needs."""


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
    needs = DERIVED[name]
    some = spoken(posts, needs.some)
    if not all(has_values(posts, one) for one in needs.every):
        return np.zeros(len(posts), dtype=np.bool_)
    if needs.some and len(some) + bool(needs.every) < 2:
        return np.zeros(len(posts), dtype=np.bool_)
    there = posts[[*needs.every, *some]].notna().all(axis=1)
    return np.asarray(there, dtype=np.bool_)
