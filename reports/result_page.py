"""Answers -> ResultPage: every word, number and position that the page of a prediction shows.

Positions are texts such as `12.5%`, so that the page draws without a script, at any width.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Context
from typing import Any

from virality.reports.belief import doubt_of_training
from virality.reports.explain import Scaled
from virality.reports.result_axis import Axis, apart_words, lay_axis, log_of
from virality.reports.result_side import SideRow, side_rows, side_words
from virality.reports.strings import BASES, MODALITIES, STRINGS, by_clock, say
from virality.reports.words import (
    amount,
    chance,
    place_words,
    spread,
    tidy,
    times,
    value_words,
)

OUTCOMES = ("views", "likes", "comments", "shares", "saves")
MOST_CAPTION = 180
STEPS = 40
"""Steps of a slider from one end to the other."""

STEP = Context(prec=6, rounding=ROUND_FLOOR)
"""How a step is written: never too long, else the last one would not fit and the end be missed."""


@dataclass(frozen=True)
class Tile:
    """A number at a glance."""

    label: str
    value: str
    note: str


@dataclass(frozen=True)
class Scale:
    """A prediction on an axis: places of range, middle and ticks."""

    low: str
    width: str
    at: str
    ticks: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class PartRow:
    """One part of the post: what it predicts alone and how much it counts."""

    label: str
    value: str
    at: str
    weight: str
    width: str
    informed: bool


@dataclass(frozen=True)
class GainRow:
    """A change that would help."""

    words: str
    effect: str


@dataclass(frozen=True)
class LeverRow:
    """Something to move: its range and where it stands."""

    column: str
    label: str
    low: str
    high: str
    step: str
    value: str
    words: str
    support: str


@dataclass(frozen=True)
class AlikeRow:
    """An earlier post like this one."""

    caption: str
    outcome: str
    when: str
    similarity: str


@dataclass(frozen=True)
class ResultPage:
    """All that the template may show of one candidate."""

    name: str
    trouble: tuple[str, ...]
    sentence: str
    tiles: tuple[Tile, ...]
    scale: Scale
    up: tuple[str, ...]
    down: tuple[str, ...]
    clock: str
    parts: tuple[PartRow, ...]
    apart: str
    stacked: str
    beside: str
    gains: tuple[GainRow, ...]
    no_gain: str
    levers: tuple[LeverRow, ...]
    alike: tuple[AlikeRow, ...]
    alike_lead: str
    side: tuple[SideRow, ...]
    side_words: str
    side_hit: str


def told(forecast: Mapping[str, Any], target: Scaled) -> str:
    """Return a forecast in one sentence."""
    return say(
        "serve.result.sentence",
        predicted=amount(forecast["prediction"], target.unit, target.counts),
        range=spread(forecast["low"], forecast["high"], target.unit, target.counts),
    )


def changed_words(before: Mapping[str, Any], after: Mapping[str, Any], target: Scaled) -> str:
    """Return what a change does to a prediction: `times 1.4`."""
    if before["prediction"] == after["prediction"]:
        return say("serve.change.same")
    if not target.log:
        return times(after["prediction"] - before["prediction"], False, target.unit)
    first, last = (log_of(float(one["prediction"]), target.counts) for one in (before, after))
    return times(last - first, True)


def lay_out_result(
    answers: Sequence[Mapping[str, Any]],
    shown: int,
    target: Scaled,
    *,
    hit_threshold: float,
    top_fifth: bool,
    unbeaten: str = "",
    gains: Sequence[Mapping[str, Any]] = (),
    levers: Sequence[Mapping[str, Any]] = (),
) -> ResultPage:
    """Return the page of a result.

    Args:
        answers: one a candidate, plain values.
        shown: which of them the page is about.
        target: what is predicted.
        hit_threshold: outcome from which a post is a hit, in units.
        top_fifth: whether that is the top fifth of the training posts.
        unbeaten: baseline than which the model says no more, so that nothing is suggested.
        gains: changes that would help: label, unit, value, best and effect of each.
        levers: column, label, unit, low, high and value of each.
    """
    one = answers[shown]
    forecast = one["forecast"]
    place = lay_axis(forecast, one["parts"], target)
    return ResultPage(
        name=tidy(one["name"]),
        trouble=_trouble(one),
        sentence=told(forecast, target),
        tiles=_tiles(one, target, hit_threshold, top_fifth),
        scale=_scale(forecast, place),
        up=tuple(reason["sentence"] for reason in forecast["reasons_up"]),
        down=tuple(reason["sentence"] for reason in forecast["reasons_down"]),
        clock=say("clock.utc") if by_clock(_reasons(forecast)) else "",
        parts=_parts(one["parts"], place, target),
        apart=apart_words(forecast, one["parts"]),
        stacked=amount(forecast["prediction"], target.unit, target.counts),
        beside=outcome_words(forecast, target),
        gains=tuple(_gain(gain, target) for gain in gains),
        no_gain=doubt_of_training(unbeaten) or say("serve.change.none"),
        levers=_levers(levers),
        alike=_alike(one["niche"], target),
        alike_lead=_alike_lead(one["niche"], target),
        side=side_rows(answers, shown, target) if len(answers) > 1 else (),
        side_words=side_words(answers, target) if len(answers) > 1 else "",
        side_hit=say("serve.side.top" if top_fifth else "serve.side.hit"),
    )


def _reasons(forecast: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(one["feature"] for key in ("up", "down") for one in forecast[f"reasons_{key}"])


def _trouble(one: Mapping[str, Any]) -> tuple[str, ...]:
    if one["status"] not in ("failed", "partial"):
        return ()
    failed = one["status"] == "failed"
    return (
        say("serve.result.nothing" if failed else "serve.result.partial"),
        say("serve.result.why", why=one["explanation"] or one["reason"]),
        say("serve.result.rest" if failed else "serve.result.partly"),
    )


def _tiles(
    one: Mapping[str, Any], target: Scaled, hit_threshold: float, top_fifth: bool
) -> tuple[Tile, ...]:
    forecast, niche = one["forecast"], one["niche"]
    tiles = list(_outcome_tiles(forecast, target))
    tiles.append(_place_tile("percentile", forecast["percentile"]))
    if niche:
        tiles.append(_place_tile("niche", niche["percentile"], posts=niche["posts"]))
    key = "serve.tile.top" if top_fifth else "serve.tile.hit"
    note = say(f"{key}.note", threshold=amount(hit_threshold, target.unit, target.counts))
    return (*tiles, Tile(say(key), chance(forecast["hit_probability"]), note))


def _place_tile(key: str, percentile: float, **more: Any) -> Tile:
    return Tile(
        say(f"serve.tile.{key}"),
        say(f"serve.tile.{key}.value", percentile=place_words(percentile)),
        say(f"serve.tile.{key}.note", **more),
    )


def _outcome_tiles(forecast: Mapping[str, Any], target: Scaled) -> tuple[Tile, ...]:
    """Return a tile for every further outcome that the model predicts."""
    return tuple(
        Tile(
            label,
            amount(value["prediction"], ""),
            say("serve.tile.range", range=spread(value["low"], value["high"], label)),
        )
        for label, value in _outcomes(forecast, target)
    )


def outcome_words(forecast: Mapping[str, Any], target: Scaled) -> str:
    """Return the further outcomes of a forecast: `3.2 k likes · 41 comments`, `""` without any."""
    found = _outcomes(forecast, target)
    return " · ".join(amount(value["prediction"], label) for label, value in found)


def _outcomes(forecast: Mapping[str, Any], target: Scaled) -> list[tuple[str, Mapping[str, float]]]:
    outcomes = forecast.get("outcomes") or {}
    names = [name for name in OUTCOMES if name in outcomes and name != target.unit]
    return [(say(f"serve.outcome.{name}"), outcomes[name]) for name in names]


def _scale(forecast: Mapping[str, Any], axis: Axis) -> Scale:
    low, high = (float(axis.at(forecast[key])[:-1]) for key in ("low", "high"))
    return Scale(
        low=f"{low:.2f}%",
        width=f"{max(high - low, 0.5):.2f}%",
        at=axis.at(forecast["prediction"]),
        ticks=tuple(axis.ticks()),
    )


def _parts(parts: Sequence[Any], axis: Axis, target: Scaled) -> tuple[PartRow, ...]:
    most = max((part["weight"] for part in parts), default=1.0) or 1.0
    return tuple(
        PartRow(
            label=BASES.get(part["name"], MODALITIES.get(part["name"], part["name"])),
            value=amount(part["prediction"], target.unit, target.counts),
            at=axis.at(part["prediction"]),
            weight=f"{part['weight']:.2f}",
            width=f"{100 * part['weight'] / most:.1f}%",
            informed=part["informed"],
        )
        for part in parts
    )


def _gain(gain: Mapping[str, Any], target: Scaled) -> GainRow:
    value, best = (_said(gain, key) for key in ("value", "best"))
    words = say("serve.change.gain", label=gain["label"], value=value, best=best)
    return GainRow(words, times(gain["effect"], target.log, target.unit))


def _said(lever: Mapping[str, Any], key: str) -> str:
    return value_words(lever[key], lever["unit"], lever["column"])


def _levers(levers: Sequence[Mapping[str, Any]]) -> tuple[LeverRow, ...]:
    """Return what can be moved, without what says the same at both ends of its range."""
    return tuple(row for row in map(_lever, levers) if row is not None)


def _lever(lever: Mapping[str, Any]) -> LeverRow | None:
    words = {key: _said(lever, key) for key in ("low", "high", "value")}
    if words["low"] == words["high"]:
        return None
    low, high, value = (float(lever[key]) for key in ("low", "high", "value"))
    return LeverRow(
        column=lever["column"],
        label=lever["label"],
        low=repr(low),  # rounded, an end of the slider would lie beyond what is answered
        high=repr(high),
        step=str(STEP.create_decimal(repr((high - low) / STEPS))),
        value=repr(min(max(value, low), high)),
        words=words["value"],
        support=say("serve.change.range", low=words["low"], high=words["high"]),
    )


def _alike(niche: Mapping[str, Any] | None, target: Scaled) -> tuple[AlikeRow, ...]:
    return tuple(
        AlikeRow(
            caption=tidy(one["caption"], MOST_CAPTION) or say("serve.like.none"),
            outcome=amount(one["outcome"], target.unit, target.counts),
            when=one["posted_at"][:10],
            similarity=say("serve.like.similarity", similarity=f"{one['similarity']:.2f}"),
        )
        for one in (niche or {}).get("similar", ())
    )


def _alike_lead(niche: Mapping[str, Any] | None, target: Scaled) -> str:
    if not niche:
        return ""
    median = amount(niche["median"], target.unit, target.counts)
    return say("serve.like.lead", posts=niche["posts"], median=median)


def heading_of(status: int) -> str:
    """Return what a page says first about a request that was not served."""
    return STRINGS.get(f"serve.error.{status}", STRINGS["serve.error.400"])
