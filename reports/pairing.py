"""Two reports -> what differs between them, as plain values, from their JSON twins."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from virality.data.errors import InputError
from virality.reports.report import plain
from virality.reports.report_scores import Interval
from virality.reports.strings import STRINGS, say
from virality.reports.words import percent, significant, tidy

MOST = 15
LOWER_IS_BETTER = frozenset({"mae", "factor", "mape", "brier", "rmse"})


@dataclass(frozen=True)
class Side:
    """One of two reports: its name, what it learned from, and what it says first."""

    name: str
    headline: str
    rows: int
    span: str


@dataclass(frozen=True)
class Duel:
    """One metric of both models on one split, each with its 95 % interval.

    `better` is 0 or 1 where the intervals do not overlap, None where chance may explain it.
    """

    split: str
    metric: str
    label: str
    first: Interval
    second: Interval
    better: int | None


@dataclass(frozen=True)
class Shift:
    """How much one feature moves predictions in either model: shares of all movement, 0 to 1."""

    feature: str
    label: str
    first: float
    second: float


@dataclass(frozen=True)
class Fact:
    """One fact of how either was made that differs."""

    name: str
    first: str
    second: str


@dataclass(frozen=True)
class Pair:
    """All that a page lays side by side."""

    first: Side
    second: Side
    sentences: tuple[str, ...]
    duels: tuple[Duel, ...]
    shifts: tuple[Shift, ...]
    facts: tuple[Fact, ...]

    def as_json(self) -> dict[str, Any]:
        """Return plain values, without NaN."""
        return {name: plain(value) for name, value in asdict(self).items()}


def pair_of(first: Mapping[str, Any], second: Mapping[str, Any], *, names: tuple[str, str]) -> Pair:
    """Return what differs between two reports.

    Args:
        first: JSON twin of a report.
        second: the same of another.
        names: what to call them.

    Raises:
        InputError: if they are of different targets or one is no twin.
    """
    try:
        targets = [str(one["subject"]["target"]) for one in (first, second)]
        if targets[0] != targets[1]:
            raise InputError(
                f"report --compare: one predicts {targets[0]!r}, the other {targets[1]!r}; only "
                "reports of one target can be compared"
            )
        sides = [_side(one, name) for one, name in zip((first, second), names, strict=True)]
        duels = _duels(first, second)
        return Pair(
            sides[0], sides[1], _sentences(duels, names), duels, _shifts(first, second),
            _facts(first, second),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError("report --compare: one of the two is not the twin of a report") from error


def pair_tables(pair: Pair) -> dict[str, list[dict[str, object]]]:
    """Return the tables of a comparison by name."""
    return {
        "scores": [
            {
                "split": one.split, "metric": one.metric,
                "first": one.first.value, "first_low": one.first.low, "first_high": one.first.high,
                "second": one.second.value, "second_low": one.second.low,
                "second_high": one.second.high,
            }
            for one in pair.duels
        ],
        "features": [asdict(one) for one in pair.shifts],
        "facts": [asdict(one) for one in pair.facts],
    }  # fmt: skip


def _side(twin: Mapping[str, Any], name: str) -> Side:
    subject = twin["subject"]
    first, last = subject["first"], subject["last"]
    return Side(
        name=tidy(name, 60),
        headline=str(twin["belief"]["headline"]),
        rows=int(subject["rows"]),
        span=say("bounds", low=first, high=last) if first else "",
    )


def _scores(twin: Mapping[str, Any]) -> dict[tuple[str, str], tuple[str, Interval]]:
    """Return the model's own score by split and metric, and what the split is called."""
    found = {}
    for split in twin["belief"]["splits"]:
        model = next(one for one in split["scores"] if one["name"] == "model")
        for metric, value in model["metrics"].items():
            ends = (value["value"], value["low"], value["high"])
            found[str(split["split"]), str(metric)] = (
                str(split["label"]),
                Interval(*(math.nan if end is None else float(end) for end in ends)),
            )
    return found


def _duels(first: Mapping[str, Any], second: Mapping[str, Any]) -> tuple[Duel, ...]:
    ours, theirs = _scores(first), _scores(second)
    return tuple(
        Duel(split, metric, label, one, theirs[split, metric][1],
             _better(metric, one, theirs[split, metric][1]))
        for (split, metric), (label, one) in ours.items()
        if (split, metric) in theirs
    )  # fmt: skip


def _better(metric: str, first: Interval, second: Interval) -> int | None:
    lower = metric in LOWER_IS_BETTER
    if first.high < second.low:
        return 0 if lower else 1
    if second.high < first.low:
        return 1 if lower else 0
    return None


def _sentences(duels: Sequence[Duel], names: tuple[str, str]) -> tuple[str, ...]:
    told = []
    for one in duels:
        if one.metric != "spearman":
            continue
        values = {
            "split": one.label, "first": names[0], "second": names[1],
            "a": significant(one.first.value, 3), "b": significant(one.second.value, 3),
        }  # fmt: skip
        if one.better is None:
            told.append(say("pair.unsure", **values))
        else:
            told.append(say("pair.better", **values, better=names[one.better]))
    return tuple(told) or (say("pair.nothing"),)


def _shifts(first: Mapping[str, Any], second: Mapping[str, Any]) -> tuple[Shift, ...]:
    sides = [
        {str(one["feature"]): one for one in twin["explained"]["features"]}
        for twin in (first, second)
    ]
    shifts = []
    for name in dict.fromkeys([*sides[0], *sides[1]]):
        there = sides[0].get(name) or sides[1][name]
        shares = [float(side[name]["share"]) if name in side else 0.0 for side in sides]
        shifts.append(Shift(name, str(there["label"]), shares[0], shares[1]))
    shifts.sort(key=lambda one: (-max(one.first, one.second), one.feature))
    return tuple(shifts[:MOST])


def _facts(first: Mapping[str, Any], second: Mapping[str, Any]) -> tuple[Fact, ...]:
    facts = []
    for part in ("facts", "params", "versions", "hashes"):
        ours, theirs = (side["making"].get(part, {}) for side in (first, second))
        for name in dict.fromkeys([*ours, *theirs]):
            one, other = str(ours.get(name, "–")), str(theirs.get(name, "–"))
            if one != other:
                facts.append(Fact(str(name), one, other))
    return tuple(facts)


def metric_words(name: str) -> str:
    """Return a metric in plain words."""
    return STRINGS.get(f"metric.{name}", name)


def share_words(share: float) -> str:
    """Return a share of movement, or that there is none."""
    return percent(share, 1) if share > 0 else "–"
