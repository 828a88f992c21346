"""Several collections of one post: how counts stood at other times, and at a fixed age.

Views after a week can be compared between posts; views "when somebody happened to look" cannot. A
posts table has one row a post, so counts of other collections stand in its field `readings`, each
as a time and counts: `2026-05-01T18:00:00Z views=1200 likes=30`.

A collection may lack a count that an earlier one had, and the row then keeps the earlier one. So
that nobody takes it for read at `collected_at`, that collection stands in `readings` too: what was
read at a time is what its reading says, and the row's own counts only where there is none.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.errors import InputError
from virality.data.outcomes import COUNTS
from virality.data.table import conform, empty_column

Floats = npt.NDArray[np.float64]

READINGS = "readings"
DAY_S = 86_400.0

WIDEST = 8.0
"""Two collections bracket an age if the later one is at most so many times as old as the earlier
one: between an hour and a year the curve is anybody's guess."""

MOST = 2**63 - 1
"""Largest count that a table holds."""

_READING = re.compile(r"(\S+)((?: [a-z]+=\d{1,19})+)")


def write_reading(at: datetime, counts: Mapping[str, int]) -> str:
    """Return a reading as text.

    >>> write_reading(datetime(2026, 5, 1, 18, tzinfo=UTC), {"views": 1200})
    '2026-05-01T18:00:00Z views=1200'
    """
    when = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return " ".join([when, *(f"{name}={counts[name]}" for name in COUNTS if name in counts)])


def read_reading(text: str) -> tuple[datetime, dict[str, int]]:
    """Return the time and counts of a reading.

    Raises:
        InputError: if it is none.
    """
    found = _READING.fullmatch(text)
    try:
        when = datetime.fromisoformat(found.group(1)) if found else None
    except ValueError:
        when = None
    if found is None or when is None or when.tzinfo is None:
        raise InputError(
            f"field {READINGS!r}: {text[:80]!r} is no reading such as "
            "'2026-05-01T18:00:00Z views=1200'"
        )
    pairs = (part.split("=") for part in found.group(2).split())
    counts = {name: int(value) for name, value in pairs}
    if max(counts.values()) > MOST:
        raise InputError(f"field {READINGS!r}: {text[:80]!r} has a count above {MOST}; correct it")
    return when.astimezone(UTC), counts


def join_collections(older: pd.DataFrame, newer: pd.DataFrame) -> pd.DataFrame:
    """Return the posts of `older` with newer counts, the other collections kept as readings.

    Args:
        older: a posts table.
        newer: another collection of some of its posts; other posts in it are left out.

    Returns:
        the table, with the counts of whichever collection is the latest of each post.
    """
    result = older.copy().reset_index(drop=True)
    for name in (*COUNTS, "collected_at", READINGS):
        if name not in result:
            result[name] = empty_column(name, len(result))
    rows = {str(row["id"]): row for _, row in newer.iterrows()}
    kept: dict[str, list[object]] = {name: [] for name in (*COUNTS, "collected_at", READINGS)}
    for _, row in result.iterrows():
        readings = _readings(row)
        if str(row["id"]) in rows:
            for at, counts in _readings(rows[str(row["id"])]).items():
                readings[at] = {**readings.get(at, {}), **counts}
        _put(kept, row, readings)
    for name, values in kept.items():
        result[name] = pd.Series(values, dtype=result[name].dtype)
    return conform(result)


def _readings(row: pd.Series) -> dict[datetime, dict[str, int]]:
    """Return all dated collections of a row, its own among them."""
    there = row.get(READINGS)
    texts = there if isinstance(there, tuple | list | np.ndarray) else ()
    found: dict[datetime, dict[str, int]] = {}
    for at, counts in map(read_reading, map(str, texts)):
        found.setdefault(at, {}).update(counts)
    when = row.get("collected_at")
    if when is not None and not pd.isna(when):
        found.setdefault(when.to_pydatetime().replace(microsecond=0), _counts(row))
    return {at: counts for at, counts in found.items() if counts}


def _counts(row: pd.Series) -> dict[str, int]:
    return {name: int(row[name]) for name in COUNTS if name in row and not pd.isna(row[name])}


def _put(
    kept: dict[str, list[object]], row: pd.Series, readings: Mapping[datetime, Mapping[str, int]]
) -> None:
    """Add the newest of each of a row's counts and its other readings; one without dates stays."""
    if not readings:
        for name in kept:
            kept[name].append(row[name])
        return
    latest = max(readings)
    newest = _counts(row)
    for at in sorted(readings):
        newest |= readings[at]
    for name in COUNTS:
        kept[name].append(newest.get(name, row[name]))
    kept["collected_at"].append(pd.Timestamp(latest))
    apart = sorted(at for at in readings if at != latest or readings[at] != newest)
    kept[READINGS].append(tuple(write_reading(at, readings[at]) for at in apart) or None)


def at_age(posts: pd.DataFrame, field: str, days: float) -> Floats:
    """Return how a count stood at an age, float64 (n,); NaN where no two collections bracket it.

    Between the two nearest collections log10(1 + count) is interpolated linearly in the logarithm
    of the age: log counts of early and late times are about proportional (Szabo and Huberman 2010,
    https://doi.org/10.1145/1787234.1787254). Nothing is extrapolated.

    Args:
        posts: a posts table with `posted_at`, `collected_at`, `readings` and the count.
        field: the count.
        days: the age, in days after posting.
    """
    needed = ("posted_at", "collected_at", READINGS, field)
    if any(name not in posts for name in needed):
        return np.full(len(posts), np.nan)
    columns = ["posted_at", "collected_at", READINGS, *(n for n in COUNTS if n in posts)]
    read = pd.to_datetime(posts["collected_at"], utc=True).dt.floor("s")
    ages = (read - pd.to_datetime(posts["posted_at"], utc=True)).dt.total_seconds()
    # Most tables have one collection, which says something of its own age only.
    some = (posts[READINGS].notna() | (ages == days * DAY_S)).to_numpy(dtype=bool)
    values = np.full(len(posts), np.nan)
    values[some] = [_at(row, field, days * DAY_S) for _, row in posts.loc[some, columns].iterrows()]
    return values


def _at(row: pd.Series, field: str, age_s: float) -> float:
    if pd.isna(row["posted_at"]):
        return float("nan")
    posted = row["posted_at"].to_pydatetime()
    points = sorted(
        ((at - posted).total_seconds(), counts[field])
        for at, counts in _readings(row).items()
        if field in counts
    )
    before = [point for point in points if 0 < point[0] <= age_s]
    after = [point for point in points if point[0] >= age_s]
    if not before or not after or after[0][0] > WIDEST * before[-1][0]:
        return float("nan")
    (start, low), (end, high) = before[-1], after[0]
    if start == end:
        return float(low)
    share = np.log(age_s / start) / np.log(end / start)
    first, last = np.log1p(max(low, 0)), np.log1p(max(high, 0))
    return float(np.expm1(first + share * (last - first)))
