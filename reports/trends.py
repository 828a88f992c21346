"""What was found in the posts -> what it says in plain words."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from virality.modeling.trend_values import Contrast, Found, Item, Slot
from virality.reports.report_trends import Trends
from virality.reports.strings import counted, say
from virality.reports.words import count_words, percent, significant, tidy, times, whole

if TYPE_CHECKING:
    from virality.data.features import Features
    from virality.modeling.resample import Effect
    from virality.modeling.targets import Target

NAMED = 3
LONGEST_NAME = 60


def trends_of(features: "Features", target: "Target", *, seed: int = 0) -> Trends | None:
    """Return what is trending among the posts of a report; None if they hold no such outcome.

    Args:
        features: whose posts are looked at; nothing else of them is.
        target: outcome that the report is about.
        seed: of resamples and of the clustering of captions.
    """
    from virality.modeling.targets import is_there
    from virality.modeling.trends import find_trends

    if not is_there(target, features.posts):
        return None
    return tell_trends(find_trends(features.posts, target=target.name, seed=seed))


def tell_trends(found: Found) -> Trends:
    """Return the same in words, with strangers' names made harmless to lines."""
    found = replace(
        found,
        hashtags=tuple(_tidied(item) for item in found.hashtags),
        sounds=tuple(_tidied(item) for item in found.sounds),
    )
    return Trends(
        found=found,
        sentences=_headlines(found),
        cautions=_cautions(found),
        method=_method(found),
        parts={
            "times": _times(found),
            "durations": _best_slot(found, found.durations, "durations"),
            "hashtags": _items(found.hashtags, "hashtags"),
            "sounds": _items(found.sounds, "sounds"),
            "topics": _topics(found),
            "contrasts": _contrasts(found),
        },
    )


def _tidied(item: Item) -> Item:
    return replace(item, name=tidy(item.name, LONGEST_NAME))


def effect_span(effect: "Effect", log: bool, unit: str) -> str:
    """Return an effect in words, with its interval where it has one."""
    value = times(effect.value, log, unit)
    if effect.low != effect.low:
        return say("trends.unsure", value=value)
    low, high = times(effect.low, log), times(effect.high, log)
    return say("trends.effect", value=value, low=low, high=high)


def slot_name(slot: Slot) -> str:
    """Return a part of the week or a range of lengths as people say it."""
    if slot.day >= 0 and slot.low < 0:
        return say(f"day.{slot.day}")
    if slot.day >= 0:
        hours = say("trends.hours", low=f"{slot.low:.0f}", high=f"{slot.high:.0f}")
        return say("trends.slot", day=say(f"day.{slot.day}"), hours=hours)
    return say("trends.hours", low=f"{slot.low:.0f}", high=f"{slot.high:.0f}")


def length_name(slot: Slot) -> str:
    """Return a range of lengths in seconds."""
    if slot.high == float("inf"):
        return say("trends.longer", low=f"{slot.low:.0f}")
    return say("trends.seconds", low=f"{slot.low:.0f}", high=f"{slot.high:.0f}")


def topic_name(words: Sequence[str]) -> str:
    """Return a topic by its words."""
    return tidy(", ".join(words), LONGEST_NAME) or say("trends.nameless")


def _headlines(found: Found) -> tuple[str, ...]:
    """Return the clear findings, strongest kind first; one sentence if there is none."""
    parts = (("week", found.week or ()), ("hour", found.hours), ("duration", found.durations))
    told = [_clear_slot(found, slots, kind, sign) for kind, slots in parts for sign in (1, -1)]
    told += [
        _clear_items(found, items, kind, sign)
        for kind, items in (("hashtag", found.hashtags), ("sound", found.sounds))
        for sign in (1, -1)
    ]
    topics = found.topics.topics if found.topics else ()
    named = [replace(one.item, name=topic_name(one.words)) for one in topics]
    told += [
        _moving(items, kind, sign)
        for kind, items in (("hashtag", found.hashtags), ("sound", found.sounds), ("topic", named))
        for sign in (1, -1)
    ]
    clear = tuple(sentence for sentence in told if sentence)
    return clear or (_nothing(found),)


def _nothing(found: Found) -> str:
    """Return that nothing stands out, of what could be judged; or that nothing could."""
    parts = ("hours", "durations", "hashtags", "sounds", "topics")
    kinds = [say(f"trends.kind.{part}") for part in parts if getattr(found, part)]
    if not kinds:
        return say("trends.head.unjudged")
    if len(kinds) > 1:
        kinds = [say("trends.or", first=", ".join(kinds[:-1]), last=kinds[-1])]
    return say("trends.head.none", kinds=kinds[0])


def _clear_slot(found: Found, slots: Sequence[Slot], kind: str, sign: int) -> str:
    """Return the best part of the week or length, the worst one where `sign` is -1."""
    clear = [one for one in slots if one.effect.clear and sign * one.effect.value > 0]
    if not clear:
        return ""
    first = max(clear, key=lambda one: sign * one.shrunken)
    return say(
        f"trends.head.{kind}{'' if sign > 0 else '.worst'}",
        name=length_name(first) if kind == "duration" else slot_name(first),
        effect=effect_span(first.effect, found.log, found.unit), posts=whole(first.posts),
    )  # fmt: skip


def _clear_items(found: Found, items: Sequence[Item], kind: str, sign: int) -> str:
    """Return what does better than usual, worse where `sign` is -1."""
    clear = [one for one in items if one.lift.clear and sign * one.lift.value > 0]
    if not clear:
        return ""
    clear.sort(key=lambda one: (-sign * one.shrunken, one.name))
    names = ", ".join(
        say("trends.named", name=one.name, effect=times(one.shrunken, found.log, found.unit))
        for one in clear[:NAMED]
    )
    key = f"trends.head.{kind}{'' if sign > 0 else '.worst'}"
    return say(key, names=names, count=len(clear))


def _moving(items: Sequence[Item], kind: str, sign: int) -> str:
    """Return what is on the rise, on the decline where `sign` is -1."""
    clear = [one for one in items if one.momentum.clear and sign * one.momentum.value > 0]
    if not clear:
        return ""
    clear.sort(key=lambda one: (-(one.momentum.low if sign > 0 else -one.momentum.high), one.name))
    names = ", ".join(
        say("trends.moved", name=one.name, recent=percent(one.recent, 1),
            earlier=percent(one.earlier, 1))
        for one in clear[:NAMED]
    )  # fmt: skip
    key = f"trends.head.{kind}_{'rising' if sign > 0 else 'falling'}"
    return say(key, names=names, count=len(clear))


def _cautions(found: Found) -> tuple[str, ...]:
    told = []
    if found.yardstick != "author":
        told.append(say(f"trends.caution.{found.yardstick}", authors=whole(found.all_authors)))
    if found.step and found.local < 0.5:
        told.append(say("trends.caution.clock", share=percent(found.local), zone=found.zone))
    if found.window is None:
        told.append(say("trends.caution.notimes"))
    for part, (there, least) in found.too_few.items():
        alike = "_alike" if part == "topics" and there >= least else ""
        told.append(say(f"trends.lacking.{part}{alike}", there=whole(there), least=whole(least)))
    return tuple(told)


def _method(found: Found) -> tuple[str, ...]:
    told = [
        counted(
            f"trends.method.{found.yardstick}", found.authors, rows=whole(found.compared),
            authors=whole(found.authors), all=whole(found.rows),
        )
    ]  # fmt: skip
    if found.window:
        window = found.window
        told.append(
            say(
                "trends.method.window", recent=whole(window.recent), start=window.start,
                end=window.end, earlier=whole(window.earlier), first=window.first,
            )
        )  # fmt: skip
    return (*told, say("trends.method.chance"), say("trends.method.cause"))


def _times(found: Found) -> str:
    if not found.hours:
        return ""
    sentence = _best_slot(found, found.hours, "times")
    days = [one for one in found.weekdays if one.effect.clear]
    if not days:
        return f"{sentence} {say('trends.days.none')}"
    best = max(days, key=lambda one: abs(one.effect.value))
    effect = effect_span(best.effect, found.log, found.unit)
    return f"{sentence} {say('trends.days.clear', name=slot_name(best), effect=effect)}"


def _best_slot(found: Found, slots: Sequence[Slot], part: str) -> str:
    if not slots:
        return ""
    clear = [one for one in slots if one.effect.clear]
    if not clear:
        return say(f"trends.{part}.none")
    best = max(clear, key=lambda one: abs(one.shrunken))
    name = length_name(best) if part == "durations" else slot_name(best)
    effect = effect_span(best.effect, found.log, found.unit)
    return say(f"trends.{part}.clear", name=name, effect=effect, count=len(clear))


def _items(items: Sequence[Item], part: str) -> str:
    if not items:
        return ""
    clear = sum(one.lift.clear for one in items)
    moving = sum(one.momentum.clear for one in items)
    return say(f"trends.{part}.count", items=len(items), clear=clear, moving=moving)


def _topics(found: Found) -> str:
    if found.topics is None:
        return ""
    topics = found.topics
    sampled = say("trends.topics.sampled", rows=whole(topics.sampled)) if topics.sampled else ""
    return say(
        "trends.topics.count", topics=len(topics.topics), captions=whole(topics.captions),
        tried=say("bounds", low=min(topics.tried), high=max(topics.tried)),
        silhouette=significant(topics.silhouette),
    ) + sampled  # fmt: skip


def contrast_values(one: Contrast) -> str:
    """Return what the top tenth has against the others, in the property's unit."""
    if one.flag:
        return say("trends.against", top=percent(one.top), rest=percent(one.rest))
    unit = say(f"trends.unit.{one.key}")
    top, rest = (_middle(value) for value in (one.top, one.rest))
    return say("trends.against", top=top, rest=f"{rest} {unit}".strip())


def _middle(median: float) -> str:
    """Return a median of counts or seconds, with its half where that tells small ones apart."""
    return significant(median) if abs(median) < 10 else count_words(median)


def _contrasts(found: Found) -> str:
    if not found.contrasts:
        return ""
    clear = [one for one in found.contrasts if one.effect.clear]
    if not clear:
        return say("trends.contrasts.none", posts=whole(found.top_posts))
    names = "; ".join(
        say("trends.contrasts.one", name=say(f"trends.prop.{one.key}"), values=contrast_values(one))
        for one in clear[:NAMED]
    )
    return say("trends.contrasts.clear", names=names, posts=whole(found.top_posts))
