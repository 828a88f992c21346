"""Report -> its tables as CSV, with exact numbers: in the page to download, or in a folder."""

import base64
import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from virality.reports.report import Fit, Report
from virality.reports.words import tidy

Record = dict[str, object]

LARGEST = 64_000
"""Bytes of a table that the page carries; larger ones are in the folder and in the JSON twin."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell must not begin with: a spreadsheet would take it for a formula and run it."""


def tables_of(report: Report) -> dict[str, list[Record]]:
    """Return every table of a report by name, a mapping of column to value a row; none is empty."""
    tables: dict[str, list[Record]] = {
        **_belief(report),
        **_drivers(report),
        "steps": [{"post": post.id, **flat(step)} for post in report.posts for step in post.steps],
        "posts": [flat(post) for post in report.posts],
        "also": [{"post": post.id, **flat(one)} for post in report.posts for one in post.also],
        **_making(report),
    }
    for fit in report.fits:
        tables |= _fit(fit)
    return {name: rows for name, rows in tables.items() if rows}


def csv_of(rows: Sequence[Mapping[str, object]]) -> str:
    """Return a table as CSV: a head, CRLF, a dot for decimals, nothing for a missing value."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows([_cell(row.get(name)) for name in names] for row in rows)
    return text.getvalue()


def downloads(report: Report) -> dict[str, str]:
    """Return the tables small enough for the page as addresses that hold their own contents."""
    return addresses(tables_of(report))


def addresses(tables: Mapping[str, Sequence[Mapping[str, object]]]) -> dict[str, str]:
    """Return tables as CSV in addresses that hold their own contents; large ones are left out."""
    texts = {name: csv_of(rows).encode("utf-8") for name, rows in tables.items() if rows}
    return {
        name: f"data:text/csv;charset=utf-8;base64,{base64.b64encode(text).decode('ascii')}"
        for name, text in texts.items()
        if len(text) <= LARGEST
    }


def flat(value: Any, *, but: Sequence[str] = ()) -> Record:
    """Return the fields of a dataclass that are single values."""
    there = {one.name: getattr(value, one.name) for one in fields(value) if one.name not in but}
    return {name: one for name, one in there.items() if _single(one)}


def columns(value: Any, *names: str, **also: object) -> list[Record]:
    """Return fields of a dataclass that are tuples of one length as the columns of a table."""
    parts = zip(*(getattr(value, name) for name in names), strict=True)
    return [{**also, **dict(zip(names, row, strict=True))} for row in parts]


def _single(value: object) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, int):
        return str(value)
    text = tidy(value, 1000)
    return f"'{text}" if text.startswith(FORMULA) else text


def _belief(report: Report) -> dict[str, list[Record]]:
    splits = report.belief.splits
    return {
        "scores": [
            {"split": split.split, "who": score.name, "metric": name, **flat(metric)}
            for split in splits
            for score in split.scores
            for name, metric in score.metrics.items()
        ],
        "responses": [
            {
                "split": split.split,
                "response": one.name,
                "who": score.name,
                "metric": name,
                **flat(metric),
            }
            for split in splits
            for one in split.also
            for score in one.scores
            for name, metric in score.metrics.items()
        ],
        "leads": [
            {"split": split.split, "baseline": lead.name, **flat(lead.difference)}
            for split in splits
            for lead in split.leads
        ],
        "covers": [flat(one) for one in report.belief.covers],
    }


def _drivers(report: Report) -> dict[str, list[Record]]:
    explained = report.explained
    swarms: Iterable[Record] = (
        row
        for swarm in explained.swarms
        for row in columns(swarm, "effects", "values", feature=swarm.feature)
    )
    return {
        "modalities": [flat(one) for one in explained.modalities],
        "features": [flat(one) for one in explained.features],
        "controls": [{"kind": name, "share": one} for name, one in explained.controls.items()],
        "swarms": list(swarms),
        "interactions": [
            row
            for one in explained.interactions
            for row in columns(one, "values", "low", "high", feature=one.feature, other=one.other)
        ],
        "directions": [
            {
                **flat(one),
                "low_posts": " | ".join(one.low_posts),
                "high_posts": " | ".join(one.high_posts),
            }
            for one in explained.directions
        ],
        "dependences": [
            row
            for one in explained.dependences
            for row in columns(
                one, "values", "effects", "lows", "highs", "counts", feature=one.feature
            )
        ],
    }


def _fit(fit: Fit) -> dict[str, list[Record]]:
    bins = zip(fit.edges, fit.edges[1:], fit.errors, strict=False)
    return {
        f"fit_{fit.split}": columns(fit, "ids", "actual", "predicted", "low", "high"),
        f"errors_{fit.split}": [{"from": a, "to": b, "posts": count} for a, b, count in bins],
        f"calibration_{fit.split}": [flat(one) for one in fit.calibration],
        f"misses_{fit.split}": [flat(one) for one in fit.misses],
        f"slices_{fit.split}": [flat(one) for one in fit.slices],
    }


def _making(report: Report) -> dict[str, list[Record]]:
    making, data = report.making, report.data
    pairs = {
        "facts": making.facts, "params": making.params, "versions": making.versions,
        "hashes": making.hashes,
    }  # fmt: skip
    return {
        "fields": [flat(one) for one in data.fields],
        "parts": [flat(one) for one in data.features],
        "weights": [flat(one) for one in making.weights],
        "importance": [
            {"parameter": name, "share": share} for name, share in making.importance.items()
        ],
        "trials": [flat(one) for one in making.study.trials] if making.study else [],
        **{
            name: [{"name": key, "value": value} for key, value in values.items()]
            for name, values in pairs.items()
        },
    }
