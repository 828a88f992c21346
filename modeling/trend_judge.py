"""Which findings stay clear when all kinds of comparisons are counted together.

Each family of comparisons (hours, weekdays, lengths, hashtags, ...) holds its own share of false
findings. There are a dozen families, though, so where nothing is to be found some family or other
finds something in every second table. Families are therefore judged like findings: the least q of a
family is Simes' chance of the whole of it, those chances are held to the same share of false ones,
and in the families that stand the share is multiplied by the part of all that they are (Benjamini
and Bogomolov 2014, https://doi.org/10.1111/rssb.12028). Where all have something clear, nothing
changes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from virality.modeling.resample import FALSE_SHARE, Effect
from virality.modeling.trend_values import Found, Item, Slot, Topics


def judge_together(found: Found) -> Found:
    """Return the same with `clear` only where it holds among all families at once.

    Args:
        found: with every effect judged within its family.
    """
    most = _share(tuple(_families(found)))

    def again(effect: Effect) -> Effect:
        return replace(effect, clear=bool(effect.q <= most))

    def slots(values: Sequence[Slot]) -> tuple[Slot, ...]:
        return tuple(replace(one, effect=again(one.effect)) for one in values)

    def item(one: Item) -> Item:
        return replace(one, lift=again(one.lift), momentum=again(one.momentum))

    def topics(told: Topics) -> Topics:
        return replace(told, topics=tuple(replace(t, item=item(t.item)) for t in told.topics))

    contrasts = [replace(one, effect=again(one.effect)) for one in found.contrasts]
    return replace(
        found,
        hours=slots(found.hours),
        weekdays=slots(found.weekdays),
        week=slots(found.week),
        durations=slots(found.durations),
        hashtags=tuple(item(one) for one in found.hashtags),
        sounds=tuple(item(one) for one in found.sounds),
        topics=topics(found.topics) if found.topics else None,
        contrasts=tuple(sorted(contrasts, key=lambda one: not one.effect.clear)),
    )


def _families(found: Found) -> Iterator[list[Effect]]:
    for slots in (found.hours, found.weekdays, found.week, found.durations):
        yield [one.effect for one in slots]
    topics = [one.item for one in found.topics.topics] if found.topics else []
    for items in (found.hashtags, found.sounds, topics):
        yield [one.lift for one in items]
        yield [one.momentum for one in items]
    yield [one.effect for one in found.contrasts]


def _share(families: Sequence[Sequence[Effect]]) -> float:
    """Return the q up to which a finding is clear, `FALSE_SHARE` where every family has one."""
    least = [
        min(known)
        for family in families
        if (known := [one.q for one in family if np.isfinite(one.q)])
    ]
    stand = 0
    for rank, q in enumerate(sorted(least), start=1):
        if q <= FALSE_SHARE * rank / len(least):
            stand = rank
    return FALSE_SHARE * stand / max(1, len(least))
