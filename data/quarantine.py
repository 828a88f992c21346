"""Reports that cannot be true, or that one client sends in a flood: held back, with reasons.

A report is doubted by what every platform guarantees, never by how surprising it is: a post that
takes off is just what a model should learn from.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from virality.data.outcomes import COUNTS, Report, stamp

MOST: Mapping[str, int] = {
    "views": 20_000_000_000,
    "likes": 1_000_000_000,
    "comments": 1_000_000_000,
    "shares": 1_000_000_000,
    "saves": 1_000_000_000,
}
"""Beyond any post of any platform so far: the most viewed video has some 16 billion views."""

FALL_SHARE = 0.05
"""Platforms correct counts downwards a little; by more than this share they do not fall."""

FALL_COUNT = 10
"""Falls up to here are corrections whatever their share."""

FLOOD = 60
"""Reports of one client within `FLOOD_SPAN` from which on they are held."""

FLOOD_SPAN = timedelta(hours=1)

SKEW = timedelta(minutes=10)
"""By how much clocks may differ."""


def doubts(
    counts: Mapping[str, int],
    observed_at: datetime,
    *,
    now: datetime,
    posted_at: datetime | None,
    made_at: datetime,
    accepted: Sequence[Report],
) -> tuple[str, ...]:
    """Return why a report cannot be true, as sentences; none if it can.

    Args:
        counts: what it says.
        observed_at: when that was read.
        now: the time by our clock.
        posted_at: when the post was posted, if that is known.
        made_at: when it was first predicted.
        accepted: accepted reports of the same post.
    """
    return (
        *_impossible(counts),
        *_untimely(observed_at, now, posted_at, made_at),
        *_falls(counts, observed_at, accepted),
    )


def _impossible(counts: Mapping[str, int]) -> Iterator[str]:
    views = counts.get("views")
    for name in COUNTS:
        value = counts.get(name)
        if value is None:
            continue
        if value < 0:
            yield f"{name} is negative ({value})"
        elif value > MOST[name]:
            yield f"{name} is beyond what any post ever had ({value:,} over {MOST[name]:,})"
        elif name != "views" and views is not None and value > views >= 0:
            yield f"more {name} ({value:,}) than views ({views:,})"


def _untimely(
    observed_at: datetime, now: datetime, posted_at: datetime | None, made_at: datetime
) -> Iterator[str]:
    if observed_at > now + SKEW:
        yield f"read in the future ({stamp(observed_at)})"
    if posted_at is not None:
        if observed_at < posted_at - SKEW:
            yield f"read before the post was posted ({stamp(posted_at)})"
    elif observed_at < made_at - SKEW:  # true if the post was up already: somebody must look
        yield f"read before the prediction ({stamp(made_at)}) of a post whose own time is unknown"


def _falls(
    counts: Mapping[str, int], observed_at: datetime, accepted: Sequence[Report]
) -> Iterator[str]:
    """Yield counts that would fall, in whichever order the reports came, or be two at once."""
    for name, value in counts.items():
        for other in accepted:
            theirs = other.counts.get(name)
            if theirs is None:
                continue
            earlier, later = (theirs, value) if other.observed_at < observed_at else (value, theirs)
            said = f"{name} would fall from {earlier:,} to {later:,}"
            if other.observed_at == observed_at:
                earlier, later = max(value, theirs), min(value, theirs)
                said = f"{name} would be {theirs:,} and {value:,} at the same moment"
            if earlier - later > max(FALL_COUNT, FALL_SHARE * earlier):
                yield f"{said} (against report {other.number})"
                break


def floods(earlier: int, client: str) -> tuple[str, ...]:
    """Return why a client's next report is held after so many within `FLOOD_SPAN`.

    The owner, whose client is `""`, may give as many as there are.
    """
    if not client or earlier < FLOOD:
        return ()
    return (f"one client gave more than {FLOOD} reports within an hour",)
