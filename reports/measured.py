"""What a target measures, in words: the bar of a hit, the age of a count, the weights of a sum."""

from typing import TYPE_CHECKING

from virality.data.derived import RESPONSES
from virality.reports.strings import say
from virality.reports.words import percent, significant

if TYPE_CHECKING:
    from virality.modeling.targets import Target


def measured_words(target: "Target") -> str:
    """Return what a target measures, empty where its name says it: `views`, `popularity`.

    >>> from virality.modeling.targets import find_target
    >>> measured_words(find_target("hit:times=5"))
    'views over the bar of a hit, 5 times what was usual for the author before the post'
    >>> measured_words(find_target("likes_3d")), measured_words(find_target("views"))
    ('likes 3 days after posting', '')
    """
    from virality.modeling.measures import (
        SEED_KINDS,
        AtAge,
        Engagement,
        Growth,
        Reach,
        SeedVirality,
    )
    from virality.modeling.yardsticks import Lift, TopShare

    measure = target.measure
    if isinstance(measure, AtAge):
        return say("measured.age", unit=target.unit, days=f"{measure.days:g}")
    if isinstance(measure, Growth):
        return say("measured.growth", start=f"{measure.start:g}", end=f"{measure.end:g}")
    if isinstance(measure, Reach):
        return say("measured.reach")
    if isinstance(measure, Lift):
        key = "measured.lift" if measure.times == 1 else "measured.hit"
        return say(key, times=f"{measure.times:g}")
    if isinstance(measure, TopShare):
        return say(f"measured.top.{measure.within}", share=percent(measure.share))
    if isinstance(measure, Engagement):
        return _sum(target, RESPONSES)
    return _sum(target, SEED_KINDS) if isinstance(measure, SeedVirality) else ""


def _sum(target: "Target", names: tuple[str, ...]) -> str:
    """Return what is summed with which weights, as far as these are learned."""
    if not target.state:
        return ""
    weights = zip(names, map(float, target.state["weights"]), strict=True)
    parts = [
        say("measured.part", name=say(f"serve.outcome.{name}"), weight=significant(weight))
        for name, weight in weights
        if weight > 0
    ]
    return say("measured.sum", parts=", ".join(parts))
