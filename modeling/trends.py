"""What is trending in a table of posts: found in the data itself, without a model."""

from collections.abc import Callable
from dataclasses import replace
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.derived import has_values
from virality.data.errors import InputError, UsageError
from virality.data.post import OUTCOMES, SCHEMA
from virality.data.splits import author_codes, author_groups, posting_times
from virality.data.table import empty_column
from virality.modeling.adjust import Adjusted, adjust
from virality.modeling.resample import LEAST_CLUSTERS, Resampler
from virality.modeling.targets import Target, find_target
from virality.modeling.trend_items import LEAST_POSTS, find_items, hashtag_entries, sound_entries
from virality.modeling.trend_judge import judge_together
from virality.modeling.trend_times import find_durations, find_hours, local_clock, step_of
from virality.modeling.trend_topics import LEAST_CAPTIONS, find_topics
from virality.modeling.trend_tops import LEAST_TOP, TOP, find_contrasts, properties
from virality.modeling.trend_values import Found, Item, Part, Window

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Progress = Callable[[int, int], None]

LEAST_COMPARED = 100
"""Posts with an outcome below which hours and lengths are not told."""

RECENT = 0.25
"""Share of the dated posts, the newest ones, that are called recent."""

STAGES = 5


def find_trends(
    posts: pd.DataFrame,
    *,
    target: str = "",
    zone: str = "UTC",
    seed: int = 0,
    progress: Progress | None = None,
) -> Found:
    """Return which hours, lengths, hashtags, sounds and topics do better, and which come and go.

    Every outcome is held against a yardstick first (`adjust`), every group of posts has counts and
    an interval that treats an author's posts as one draw (`Resampler`), and findings are called
    clear only as far as few of them can be chance (`judge`, `judge_together`).

    Args:
        posts: a posts table.
        target: outcome; the first that the table holds if empty.
        zone: clock of posts whose location names no country.
        seed: of resamples and of the clustering.
        progress: called with (done, total) stages.

    Raises:
        InputError: if the table holds no outcome.
        UsageError: if the target or the zone is unknown.
    """
    _check_zone(zone)
    posts = _whole(posts)
    outcome = _target(posts, target)
    y = outcome.values(posts)
    tick = _ticker(progress)
    adjusted = adjust(posts, y)
    resampler = Resampler(author_groups(posts), seed)
    times = posting_times(posts)
    recent, window = _window(times)
    hour, day, local = local_clock(posts, zone)
    tick()
    found = Found(
        target=outcome.name, unit=outcome.unit, log=outcome.log, counts=outcome.counts,
        rows=len(posts), labelled=int(np.isfinite(y).sum()), yardstick=adjusted.yardstick,
        compared=adjusted.rows, authors=adjusted.authors,
        all_authors=int(author_codes(posts).max(initial=-1)) + 1, window=window, zone=zone,
        local=local, step=0, seed=seed,
    )  # fmt: skip
    found = _by_time(found, posts, adjusted, hour, day, resampler)
    tick()
    found = _by_item(found, posts, adjusted.values, recent, np.isfinite(times), resampler)
    tick()
    topics, captions = find_topics(posts, adjusted.values, times, recent, resampler, seed)
    if topics is None:
        found = _lacking(found, "topics", captions, LEAST_CAPTIONS)
    tick()
    measured = properties(posts, hour, day)
    if adjusted.yardstick != "all":
        measured = {name: values for name, values in measured.items() if name != "followers"}
    contrasts, top = find_contrasts(adjusted.values, measured, resampler)
    if not contrasts:
        found = _lacking(found, "contrasts", adjusted.rows, int(LEAST_TOP / TOP))
    tick()
    return judge_together(replace(found, topics=topics, contrasts=contrasts, top_posts=top))


def _by_time(
    found: Found,
    posts: pd.DataFrame,
    adjusted: Adjusted,
    hour: Floats,
    day: Floats,
    resampler: Resampler,
) -> Found:
    """Add hours, weekdays and lengths."""
    timed = int((np.isfinite(hour) & np.isfinite(adjusted.values)).sum())
    if timed < LEAST_COMPARED:
        found = _lacking(found, "times", timed, LEAST_COMPARED)
    else:
        step = step_of(timed)
        hours, weekdays, week = find_hours(adjusted.values, hour, day, resampler, step)
        found = replace(found, step=step, hours=hours, weekdays=weekdays, week=week)
    seconds = posts["duration_s"].to_numpy(dtype=np.float64)
    durations, lengths = find_durations(adjusted.values, seconds, resampler)
    if not durations:
        return _lacking(found, "durations", lengths, LEAST_COMPARED)
    return replace(found, durations=durations)


def _by_item(
    found: Found,
    posts: pd.DataFrame,
    values: Floats,
    recent: Flags,
    dated: Flags,
    resampler: Resampler,
) -> Found:
    """Add hashtags and sounds."""
    rows, names = hashtag_entries(posts)
    hashtags = find_items(rows, names, values, recent, dated, resampler)
    if not hashtags:
        found = _lacking(found, "hashtags", len(np.unique(rows)), LEAST_POSTS)
    rows, keys, titles = sound_entries(posts)
    sounds: tuple[Item, ...] = tuple(
        replace(item, name=titles.get(item.name, item.name))
        for item in find_items(rows, keys, values, recent, dated, resampler)
    )
    if not sounds:
        found = _lacking(found, "sounds", len(rows), LEAST_POSTS)
    return replace(found, hashtags=hashtags, sounds=sounds)


def _lacking(found: Found, part: Part, there: int, least: int) -> Found:
    return replace(found, too_few={**found.too_few, part: (there, least)})


def _whole(posts: pd.DataFrame) -> pd.DataFrame:
    """Return the posts with every column of the schema, rows numbered from 0."""
    missing = [name for name in SCHEMA if name not in posts.columns]
    posts = posts.reset_index(drop=True)
    return posts.assign(**{name: empty_column(name, len(posts)) for name in missing})


def _target(posts: pd.DataFrame, name: str) -> Target:
    there = [one for one in OUTCOMES if has_values(posts, one)]
    if name:
        return find_target(name).settle(posts).fit(posts)
    if not there:
        raise InputError(
            "the posts hold no outcome (views, likes, ...), so nothing can be said of what does "
            "well; name its column in a mapping"
        )
    return find_target(there[0]).settle(posts).fit(posts)


def _check_zone(zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(
            f"--zone {zone!r} is no time zone; use a name such as Asia/Ho_Chi_Minh or UTC"
        ) from error


def _window(times: Floats) -> tuple[Flags, Window | None]:
    """Return which posts are recent, and the borders; posts of one instant stay together."""
    dated = np.isfinite(times)
    nothing = np.zeros(len(times), dtype=np.bool_)
    known = np.sort(times[dated])
    if len(known) < 2 or known[0] == known[-1]:
        return nothing, None
    border = known[min(int((1.0 - RECENT) * len(known)), len(known) - 1)]
    recent = dated & (times >= border)
    if recent.sum() == dated.sum():
        recent = dated & (times > border)
    first, start, end = (
        pd.Timestamp(moment, unit="s").date().isoformat()
        for moment in (known[0], times[recent].min(), known[-1])
    )
    count = int(recent.sum())
    return recent, Window(first, start, end, len(known) - count, count)


def _ticker(progress: Progress | None) -> Callable[[], None]:
    done = [0]

    def tick() -> None:
        done[0] += 1
        if progress is not None:
            progress(done[0], STAGES)

    return tick


__all__ = ["LEAST_CLUSTERS", "LEAST_COMPARED", "RECENT", "find_trends"]
