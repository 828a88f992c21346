"""When posts go up and how long they are, and how each hour, weekday and length did."""

from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.splits import IntArray
from virality.data.time_zone import find_zone
from virality.modeling.resample import Resampler, judge, shrink
from virality.modeling.trend_values import Slot

Floats = npt.NDArray[np.float64]

STEPS = ((8000, 1), (2000, 2), (400, 4), (0, 6))
"""Posts from which a day is told in slots of so many hours: some 25 posts a weekday and slot."""

DURATIONS_S = (0.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, np.inf)
LEAST_A_SLOT = 20
DAY = 24


def local_clock(posts: pd.DataFrame, zone: str) -> tuple[Floats, Floats, float]:
    """Return hour of the day and weekday by the clock on the wall, and how many have their own.

    Args:
        posts: n posts.
        zone: of posts whose location names no country, as `Asia/Ho_Chi_Minh`.

    Returns:
        float64 (n,) hour with fraction, float64 (n,) 0 on Monday to 6, NaN where there is no
        time, and the share of the dated posts whose location named a country.
    """
    hour, day = np.full(len(posts), np.nan), np.full(len(posts), np.nan)
    times = pd.to_datetime(posts["posted_at"], utc=True)
    dated = times.notna().to_numpy()
    places = posts["location"].astype(object).where(posts["location"].notna(), "")
    own = 0
    for place, rows in pd.Series(np.arange(len(posts))[dated]).groupby(places[dated].to_numpy()):
        known = find_zone(str(place))
        index = rows.to_numpy()
        local = times.iloc[index].dt.tz_convert(known or ZoneInfo(zone)).dt
        hour[index] = local.hour + local.minute / 60
        day[index] = local.day_of_week
        own += len(index) if known else 0
    return hour, day, own / max(1, int(dated.sum()))


def step_of(posts: int) -> int:
    """Return how many hours a slot of the day lasts, given the posts there are to fill them."""
    return next(step for least, step in STEPS if posts >= least)


def find_hours(
    values: Floats, hour: Floats, day: Floats, resampler: Resampler, step: int
) -> tuple[tuple[Slot, ...], tuple[Slot, ...], tuple[Slot, ...]]:
    """Return slots of the day, weekdays, and both crossed (all of them, empty ones too).

    Args:
        values: float64 (n,), outcomes against the yardstick, NaN where there is none.
        hour: float64 (n,), as `local_clock` returns it.
        day: float64 (n,), likewise.
        resampler: of the posts.
        step: hours a slot.
    """
    rows = np.flatnonzero(np.isfinite(hour) & np.isfinite(values))
    slot = (hour[rows] // step).astype(np.int64)
    weekday = day[rows].astype(np.int64)
    slots = DAY // step
    day_slots = [(-1, float(s * step), float((s + 1) * step)) for s in range(slots)]
    weekdays = [(d, -1.0, -1.0) for d in range(7)]
    crossed = [(d, low, high) for d in range(7) for _, low, high in day_slots]
    return (
        _slots(day_slots, rows, slot, values, resampler),
        _slots(weekdays, rows, weekday, values, resampler),
        _slots(crossed, rows, weekday * slots + slot, values, resampler),
    )


def find_durations(
    values: Floats, seconds: Floats, resampler: Resampler
) -> tuple[tuple[Slot, ...], int]:
    """Return ranges of lengths with posts enough, and how many posts have a length.

    A range with few posts is joined to the next one; photo posts (0 s) have none.
    """
    rows = np.flatnonzero(np.isfinite(seconds) & (seconds > 0) & np.isfinite(values))
    edges = _joined(seconds[rows])
    if len(edges) < 3:
        return (), len(rows)
    part = np.searchsorted(edges, seconds[rows], side="right") - 1
    ranges = [(-1, float(a), float(b)) for a, b in pairwise(edges)]
    return _slots(ranges, rows, part.astype(np.int64), values, resampler), len(rows)


def _joined(seconds: Floats) -> list[float]:
    edges = [DURATIONS_S[0]]
    for edge in DURATIONS_S[1:]:
        if ((seconds >= edges[-1]) & (seconds < edge)).sum() >= LEAST_A_SLOT:
            edges.append(edge)
    if len(edges) > 1:
        edges[-1] = np.inf  # what is left over is longer than all others and too little by itself
    return edges


def _slots(
    ranges: list[tuple[int, float, float]],
    rows: IntArray,
    items: IntArray,
    values: Floats,
    resampler: Resampler,
) -> tuple[Slot, ...]:
    spread = resampler.means(rows, items, values, len(ranges))
    posts = np.bincount(items, minlength=len(ranges))
    return tuple(
        Slot(*limits, int(posts[i]), int(spread.clusters[i]), effect, float(pulled))
        for i, (limits, effect, pulled) in enumerate(
            zip(ranges, judge(spread), shrink(spread), strict=True)
        )
    )
