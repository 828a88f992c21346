"""How trends look in a terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from virality.reports.scales import effect_words
from virality.reports.strings import say
from virality.reports.trends import contrast_values, length_name, slot_name, topic_name
from virality.reports.words import percent, whole
from virality.workflow.terminal import escaped, print_table, say_line

if TYPE_CHECKING:
    from virality.modeling.resample import Effect
    from virality.modeling.trend_values import Item, Slot
    from virality.workflow.trends import Told

MOST = 12
"""Rows of a table of hashtags or sounds."""


def show_trends(told: "Told") -> None:
    """Print what is clear, then a table a part, then what cannot be told and how to read it."""
    trends = told.trends
    found, log = trends.found, trends.found.log
    say_line(f"[bold]{escaped(say('trends.title'))}[/bold]")
    for sentence in trends.sentences:
        say_line(f"  • {escaped(sentence)}")
    if found.hours:
        _show_slots("trends.h.week", [*found.hours, *found.weekdays], log)
    if found.durations:
        _show_slots("trends.h.durations", found.durations, log)
    for part, items in (("hashtags", found.hashtags), ("sounds", found.sounds)):
        if items:
            _head(f"trends.h.{part}", trends.parts[part])
            _show_items(items, log)
    if found.topics:
        _head("trends.h.topics", trends.parts["topics"])
        named = [(topic_name(topic.words), topic.item) for topic in found.topics.topics]
        _show_rows(named, log)
    if found.contrasts:
        _head("trends.h.contrasts", trends.parts["contrasts"])
        print_table(
            tuple(say(f"col.{one}") for one in ("property", "top_rest", "more", "clear")),
            [
                (say(f"trends.prop.{one.key}"), contrast_values(one),
                 percent(0.5 + one.effect.value), say("yes" if one.effect.clear else "no"))
                for one in found.contrasts
            ],
        )  # fmt: skip
    for sentence in (*trends.cautions, *trends.method):
        say_line(escaped(sentence))
    if told.page:
        say_line(f"Page: {escaped(told.page)}")


def _head(key: str, sentence: str = "") -> None:
    say_line(f"\n[bold]{escaped(say(key))}[/bold]  {escaped(sentence)}".rstrip())


def _effect(effect: "Effect", log: bool) -> str:
    value = effect_words(effect.value, log)
    if effect.low != effect.low:
        return value
    bounds = f"{effect_words(effect.low, log)} to {effect_words(effect.high, log)}"
    return f"{value} ({bounds}){' *' if effect.clear else ''}"


def _show_slots(key: str, slots: Sequence["Slot"], log: bool) -> None:
    _head(key)
    name = length_name if key.endswith("durations") else slot_name
    print_table(
        tuple(say(f"col.{one}") for one in ("slot", "against", "count")),
        [(name(one), _effect(one.effect, log), whole(one.posts)) for one in slots if one.posts],
    )


def _show_items(items: Sequence["Item"], log: bool) -> None:
    order = sorted(
        items, key=lambda one: (not (one.lift.clear or one.momentum.clear), -one.shrunken, one.name)
    )
    _show_rows([(one.name, one) for one in order[:MOST]], log)


def _show_rows(named: Sequence[tuple[str, "Item"]], log: bool) -> None:
    print_table(
        tuple(say(f"col.{one}") for one in ("name", "count", "authors", "against", "change")),
        [
            (name, whole(one.posts), whole(one.authors), _effect(one.lift, log),
             _effect(one.momentum, True))
            for name, one in named
        ],
    )  # fmt: skip
