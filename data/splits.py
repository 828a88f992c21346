"""Splits of a posts table by time, by author and at random.

Rows are positions in the table. A split by time is the honest one (learn on what was, judge on
what came), a split by author tells how strangers fare, random folds flatter and are kept only to
show by how much (https://doi.org/10.1145/3097983.3098149 measured the same for cascades).
"""

import re
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.errors import InputError

IntArray = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

LEAST_AUTHORS = 5
"""Authors below which a bootstrap of authors says nothing of chance: one alone is always drawn."""

LEAST_LEARNED = 0.2
"""Share of the posts that every author fold must learn from, for recipes to be chosen by them."""

LEAST_DATED = 0.5
"""Share of the posts whose time is known, below which a split by time would judge the few."""

LEAST_DATED_POSTS = 25

_DAY_OR_MONTH_FIRST = re.compile(r"\s*\d{1,2}([./-])\d{1,2}\1\d{2,4}\b")
"""`03/04/2025`, which pandas takes for March."""

STRETCHES = 20
"""Stretches in time that the posts of so few authors are cut into."""


@dataclass(frozen=True)
class Split:
    """Rows to learn from and rows to judge on; disjoint, ascending positions.

    Attributes:
        name: what the split is, for example `temporal` or `author 2 of 5`.
        train: int64 positions to learn from.
        test: int64 positions to judge on.
    """

    name: str
    train: IntArray
    test: IntArray


def posting_times(posts: pd.DataFrame) -> Floats:
    """Return seconds since 1970 (UTC) of each post, NaN where unknown; shape (len(posts),).

    Raises:
        InputError: if the times are plain numbers, whose unit nobody knows, texts that begin with a
            day or a month (`03/04/2025`), or no times.
    """
    if "posted_at" not in posts.columns:
        return np.full(len(posts), np.nan)
    if pd.api.types.is_numeric_dtype(posts["posted_at"]) and posts["posted_at"].notna().any():
        raise InputError(
            "`posted_at` holds plain numbers; give times, of seconds for example "
            "pandas.to_datetime(seconds, unit='s', utc=True)"
        )
    _check_order(posts["posted_at"])
    try:
        times = pd.to_datetime(posts["posted_at"], utc=True).dt.tz_localize(None)
    except (ValueError, TypeError, OverflowError) as error:
        why = str(error).splitlines()[0].partition(". You might")[0]  # advice on other arguments
        raise InputError(f"`posted_at` does not hold times ({why}); correct or empty it") from error
    stamps = times.to_numpy(dtype="datetime64[ms]")
    seconds = stamps.astype(np.int64) / 1000.0
    return np.where(np.isnat(stamps), np.nan, seconds)


def _check_order(column: pd.Series) -> None:
    """Refuse texts of which nobody knows whether the day or the month comes first."""
    if column.dtype.kind not in "OU":
        return
    for value in column:
        if isinstance(value, str) and _DAY_OR_MONTH_FIRST.match(value):
            raise InputError(
                f"`posted_at` holds {value[:40]!r}, which can be read with the day or the month "
                "first; give times, as of pandas.to_datetime(column, format='%d/%m/%Y %H:%M')"
            )


def author_codes(posts: pd.DataFrame) -> IntArray:
    """Return a whole number for each author in order of appearance, -1 where unknown."""
    if "author_id" not in posts.columns:
        return np.full(len(posts), -1, dtype=np.int64)
    return np.asarray(pd.factorize(posts["author_id"])[0], dtype=np.int64)


def author_groups(posts: pd.DataFrame) -> IntArray:
    """Return author codes in which every post of an unknown author is a group of its own."""
    codes = author_codes(posts).copy()
    unknown = codes < 0
    codes[unknown] = codes.max(initial=-1) + 1 + np.arange(int(unknown.sum()))
    return codes


def groups_of_both(before: pd.DataFrame, now: pd.DataFrame) -> IntArray:
    """Return author codes of two tables of posts, one after the other; see `author_groups`."""
    named = [posts.reindex(columns=["author_id"]).astype(object) for posts in (before, now)]
    return author_groups(pd.concat(named, ignore_index=True))


def resampling_units(posts: pd.DataFrame) -> IntArray:
    """Return which posts a bootstrap draws together: those of an author.

    Below `LEAST_AUTHORS` authors it is stretches of an author's posts in time, `STRETCHES` in all
    or a few more (block bootstrap, Künsch 1989, https://doi.org/10.1214/aos/1176347265). What is
    found then holds for these authors; see `few_authors`.
    """
    groups = author_groups(posts)
    if len(np.unique(groups)) >= LEAST_AUTHORS or not len(posts):
        return groups
    order = np.lexsort((posting_times(posts), groups))
    author = groups[order]
    place = np.arange(len(order)) - np.searchsorted(author, author, side="left")
    length = -(-len(order) // STRETCHES)
    stretch = np.unique(np.column_stack([author, place // length]), axis=0, return_inverse=True)[1]
    units = np.empty(len(order), dtype=np.int64)
    units[order] = stretch.ravel()
    return units


def few_authors(posts: pd.DataFrame) -> str:
    """Return a sentence on what intervals of so few authors mean, empty where there are enough."""
    count = len(np.unique(author_groups(posts)))
    if not 0 < count < LEAST_AUTHORS or len(posts) < 2:  # one post has no interval at all
        return ""
    whose = "one author" if count == 1 else f"only {count} authors"
    return (
        f"All posts judged are by {whose}: intervals come from stretches of them in time and say "
        "nothing about other authors."
    )


def knows_times(posts: pd.DataFrame) -> bool:
    """Say whether a split by time is possible: at least two different known times."""
    times = posting_times(posts)
    known = times[np.isfinite(times)]
    return bool(known.size and known.min() < known.max())


def dated_enough(posts: pd.DataFrame) -> bool:
    """Say whether a split by time says something of these posts: at least half of them are dated.

    Of fewer than `LEAST_DATED_POSTS` all have to be. Studies and evaluations go by the same answer,
    so that what a study saw is never what a split by time judges.
    """
    known = int(np.isfinite(posting_times(posts)).sum())
    enough = max(LEAST_DATED * len(posts), min(len(posts), LEAST_DATED_POSTS))
    return knows_times(posts) and known >= enough


def knows_authors(posts: pd.DataFrame) -> bool:
    """Say whether a split by author is possible: at least two known authors."""
    return int(author_codes(posts).max(initial=-1)) >= 1


def temporal_split(posts: pd.DataFrame, share: float = 0.2) -> Split:
    """Hold out the newest `share` of the posts whose time is known.

    Posts of one instant stay together in the test part, so training is strictly earlier. Posts
    without a time stand in neither part: they might be later than the test.

    Raises:
        InputError: if there are not two different posting times.
    """
    times = posting_times(posts)
    known = np.flatnonzero(np.isfinite(times))
    if not knows_times(posts):
        raise InputError("no split by time: `posted_at` needs at least two different known times")
    ordered = np.sort(times[known])
    first = min(int(np.floor(len(ordered) * (1.0 - share))), len(ordered) - 1)
    border = ordered[first]
    if border == ordered[0]:
        border = ordered[np.searchsorted(ordered, border, side="right")]
    test = known[times[known] >= border]
    train = known[times[known] < border]
    return Split("temporal", train.astype(np.int64), test.astype(np.int64))


def forward_splits(posts: pd.DataFrame, shares: tuple[float, ...] = (0.4, 0.6, 0.8)) -> list[Split]:
    """Return expanding windows: learn on the oldest share, judge on the posts up to the next.

    Windows that would have an empty side are left out.
    """
    times = posting_times(posts)
    known = np.isfinite(times)
    if not knows_times(posts):
        return []
    borders = [*np.quantile(times[known], shares), np.inf]
    splits = []
    for number, (start, end) in enumerate(pairwise(borders), start=1):
        train = np.flatnonzero(known & (times < start))
        test = np.flatnonzero(known & (times >= start) & (times < end))
        if train.size and test.size:
            splits.append(Split(f"forward {number} of {len(shares)}", train, test))
    return splits


def rolling_splits(posts: pd.DataFrame, windows: int = 5, first: float = 0.5) -> list[Split]:
    """Return expanding windows: learn on all before, judge on the next (rolling origin).

    The newest `1 - first` of the posts is judged, each post once, in `windows` parts of about equal
    size (Tashman 2000, https://doi.org/10.1016/S0169-2070(00)00065-0).

    Raises:
        InputError: if there are not two different posting times.
    """
    if not knows_times(posts):
        raise InputError("no split by time: `posted_at` needs at least two different known times")
    shares = tuple(first + (1.0 - first) * np.arange(windows) / windows)
    splits = forward_splits(posts, shares)
    if not splits:
        return [temporal_split(posts)]
    return [
        Split(f"rolling {number} of {len(splits)}", split.train, split.test)
        for number, split in enumerate(splits, start=1)
    ]


def folds_of_groups(groups: IntArray, n: int = 5, seed: int = 0) -> list[Split]:
    """Return folds that keep each group whole and are nearly equal in rows.

    Groups are shuffled, then dealt out from the largest to the smallest, each to the fold with
    the fewest rows so far.

    Raises:
        InputError: if there are fewer than two groups.
    """
    codes, sizes = np.unique(groups, return_counts=True)
    n = min(n, len(codes))
    if n < 2:
        raise InputError("no folds: at least two groups of posts are needed")
    order = np.random.default_rng(seed).permutation(len(codes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    fold_of_code = np.empty(len(codes), dtype=np.int64)
    loads = np.zeros(n, dtype=np.int64)
    several = int((sizes > 1).sum())
    for place in order[:several]:
        fold = int(np.argmin(loads))
        fold_of_code[place] = fold
        loads[fold] += sizes[place]
    fold_of_code[order[several:]] = _deal(loads, len(order) - several)
    fold_of_row = fold_of_code[np.searchsorted(codes, groups)]
    return [
        Split(f"{k + 1} of {n}", np.flatnonzero(fold_of_row != k), np.flatnonzero(fold_of_row == k))
        for k in range(n)
    ]


def _deal(loads: IntArray, count: int) -> IntArray:
    """Deal `count` single rows so that the folds' loads end as equal as they can."""
    slots = np.arange(count + 1)[:, None] + loads[None, :]
    if slots.size > 1_000_000:  # too many to rank: rows of one are many, any round robin is even
        return np.asarray(np.arange(count) % len(loads), dtype=np.int64)
    folds = np.tile(np.arange(len(loads)), count + 1)
    ranked = folds[np.lexsort((folds, slots.ravel()))]
    return np.asarray(ranked[:count], dtype=np.int64)


def author_folds(posts: pd.DataFrame, n: int = 5, seed: int = 0) -> list[Split]:
    """Return folds in which no author stands on both sides.

    Raises:
        InputError: if fewer than two authors are known.
    """
    if not knows_authors(posts):
        raise InputError("no split by author: `author_id` needs at least two known authors")
    return _renamed("author", folds_of_groups(author_groups(posts), n, seed))


def random_folds(posts: pd.DataFrame, n: int = 5, seed: int = 0) -> list[Split]:
    """Return folds at random; they flatter, see the module's text.

    Raises:
        InputError: if there are fewer than two posts.
    """
    rows = np.arange(len(posts), dtype=np.int64)
    return _renamed("random", folds_of_groups(rows, n, seed))


def selection_folds(posts: pd.DataFrame, n: int = 5, seed: int = 0) -> list[Split]:
    """Return author folds where authors are known, else random ones.

    Random ones too where one author has nearly all posts: the fold without them would learn from
    next to nothing.
    """
    if knows_authors(posts):
        folds = author_folds(posts, n, seed)
        if min(len(fold.train) for fold in folds) >= LEAST_LEARNED * len(posts):
            return folds
    return random_folds(posts, n, seed)


def oldest(posts: pd.DataFrame, share: float = 0.8) -> IntArray:
    """Return the rows of the oldest `share` of those dated: what tuning may see.

    Where too few are dated, the first part of a seeded shuffle of all.
    """
    if dated_enough(posts):
        return temporal_split(posts, 1.0 - share).train
    order = np.random.default_rng(0).permutation(len(posts))
    return np.sort(order[: max(1, round(len(posts) * share))]).astype(np.int64)


def _renamed(kind: str, splits: list[Split]) -> list[Split]:
    return [Split(f"{kind} {split.name}", split.train, split.test) for split in splits]
