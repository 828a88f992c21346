"""Candidates side by side: which is the best, and whether it may be called that."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from virality.reports.explain import Scaled
from virality.reports.result_axis import LEAST
from virality.reports.strings import say
from virality.reports.words import amount, chance, place_words, significant, spread, tidy

CLOSE = 0.041
"""Step of log10 under which two predictions are called too close: a tenth."""


@dataclass(frozen=True)
class SideRow:
    """One of several candidates."""

    place: int
    name: str
    prediction: str
    range: str
    percentile: str
    hit: str
    best: bool
    shown: bool


def _ranked(answers: Sequence[Mapping[str, Any]]) -> list[int]:
    order = range(len(answers))
    return sorted(
        order, key=lambda i: (_unread(answers[i]), -answers[i]["forecast"]["prediction"], i)
    )


def _unread(answer: Mapping[str, Any]) -> bool:
    return bool(answer["status"] == "failed")


def side_rows(
    answers: Sequence[Mapping[str, Any]], shown: int, target: Scaled
) -> tuple[SideRow, ...]:
    """Return a row for each candidate, the best first, those that could not be read last.

    Args:
        answers: of the candidates.
        shown: place of the one whose page it is.
        target: what is predicted.
    """
    rows = []
    best = _best(answers, target)
    for place in _ranked(answers):
        one, forecast = answers[place], answers[place]["forecast"]
        unread = say("serve.side.unread") if _unread(one) else ""
        known = "" if unread else spread(forecast["low"], forecast["high"], "", target.counts)
        rows.append(
            SideRow(
                place=place,
                name=tidy(one["name"]),
                prediction=unread or amount(forecast["prediction"], target.unit, target.counts),
                range=known,
                percentile="" if unread else f"{place_words(forecast['percentile'])} %",
                hit="" if unread else chance(forecast["hit_probability"]),
                best=place == best,
                shown=place == shown,
            )
        )
    return tuple(rows)


def _best(answers: Sequence[Mapping[str, Any]], target: Scaled) -> int | None:
    """Return which candidate may be called the best; none, if the next is too close to call."""
    order = [i for i in _ranked(answers) if not _unread(answers[i])]
    if len(order) > 1 and _close(answers[order[0]], answers[order[1]], target):
        return None
    return order[0] if order else None


def _close(first: Mapping[str, Any], second: Mapping[str, Any], target: Scaled) -> bool:
    best, following = (one["forecast"]["prediction"] for one in (first, second))
    return _step(best, following, target) < CLOSE if target.log else bool(best == following)


def _step(best: float, following: float, target: Scaled) -> float:
    """Return powers of ten; counts below 1 are none: three likes beside one are three times."""
    least = 1.0 if target.counts else LEAST
    return math.log10(max(best, least) / max(following, least))


def side_words(answers: Sequence[Mapping[str, Any]], target: Scaled) -> str:
    """Say which candidate is the best and how far ahead of the next; nothing of fewer than two."""
    order = [i for i in _ranked(answers) if not _unread(answers[i])]
    if len(order) < 2:
        return ""
    first, second = answers[order[0]], answers[order[1]]
    best, following = (one["forecast"]["prediction"] for one in (first, second))
    names = {"best": tidy(first["name"]), "next": tidy(second["name"])}
    if _close(first, second, target):
        return say("serve.side.close", **names)
    if not target.log:
        more = amount(best - following, target.unit, target.counts)
        return say("serve.side.clear.score", best=names["best"], more=more)
    ratio = significant(10 ** _step(best, following, target), 2)
    return say("serve.side.clear", best=names["best"], times=f"{ratio} times")
