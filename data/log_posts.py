"""Posts of a prediction log as a posts table: what was known of them, and what was reported."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from virality.data.outcomes import COUNTS, Kept, Report
from virality.data.post import SCHEMA, Kind
from virality.data.readings import READINGS, write_reading
from virality.data.table import DTYPES, conform

TIME = "posted_at"

LEFT_OUT = frozenset({"mentions", "media"})
"""Fields of a post that a log does not keep: accounts of others, and where files lie.

The caption is kept: the terms that a model learns from captions need its words.
"""


def first_predictions(kept: Iterable[Kept]) -> dict[str, Kept]:
    """Return the first prediction of each post: the one made knowing least of what came."""
    first: dict[str, Kept] = {}
    for one in kept:
        first.setdefault(one.post, one)
    return first


def with_posting_times(kept: Iterable[Kept], log: Iterable[Kept]) -> list[Kept]:
    """Return predictions with the time of posting where another prediction of the post knows it.

    A clip that was predicted before it was posted may be predicted again when it is up.

    Args:
        kept: predictions.
        log: all predictions of the log, in order of recording.
    """
    posted = {one.post: one.facts[TIME] for one in log if one.facts.get(TIME)}
    return [
        replace(one, facts={**one.facts, TIME: posted[one.post]})
        if one.post in posted and not one.facts.get(TIME)
        else one
        for one in kept
    ]


def table_of(kept: Sequence[Kept], reports: Iterable[Report]) -> pd.DataFrame:
    """Return a posts table of predictions, one a post, with the accepted outcomes of the posts.

    The latest report of each count gives it. Where there are several reports each becomes a reading
    of what it says and no more, so that outcomes at a fixed age can be worked out of them. Posts
    without a report have no outcomes.
    """
    accepted: dict[str, list[Report]] = {}
    for report in reports:
        if report.state == "accepted":
            accepted.setdefault(report.post, []).append(report)
    rows = [{**_facts(one), **_outcomes(accepted.get(one.post, []))} for one in kept]
    columns: dict[str, Any] = {}
    for name, field in SCHEMA.items():
        values = [row.get(name) for row in rows]
        if name == "id" or any(value is not None for value in values):
            columns[name] = _column(values, field.kind)
    return conform(pd.DataFrame(columns))


def _column(values: list[Any], kind: Kind) -> pd.Series:
    raw: Any = pd.Series(values, dtype=object)
    if kind == "time":
        raw = pd.to_datetime(raw, utc=True, format="ISO8601")
    column: pd.Series = raw.astype(DTYPES[kind])
    return column


def _facts(one: Kept) -> dict[str, Any]:
    facts = {name: value for name, value in one.facts.items() if name in SCHEMA}
    for name, value in facts.items():
        if isinstance(value, list):
            facts[name] = tuple(value)
    return {**facts, "id": one.post}


def _outcomes(reports: Sequence[Report]) -> dict[str, Any]:
    """Return the newest of each count, when the last was read, and the readings of several."""
    if not reports:
        return {}
    ordered = sorted(reports, key=lambda one: (one.observed_at, one.number))
    counts: dict[str, int] = {}
    for report in ordered:
        counts |= report.counts
    readings = tuple(dict.fromkeys(write_reading(one.observed_at, one.counts) for one in ordered))
    return {
        **{name: counts[name] for name in COUNTS if name in counts},
        "collected_at": ordered[-1].observed_at.isoformat(),
        READINGS: readings if len(readings) > 1 else None,
    }
