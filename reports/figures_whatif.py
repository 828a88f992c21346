"""Figures of the what-if: a curve a lever."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from virality.reports.drawing import Dot, Figure, Mark, Panel, Rule, Shape, polyline, ribbon
from virality.reports.report import PostStory
from virality.reports.report_posts import Curve, Joint
from virality.reports.scales import (
    Scale,
    around,
    unit_scale,
    unit_values,
    unit_words,
    x_axis,
    y_axis,
)
from virality.reports.strings import say
from virality.reports.words import amount, spread, times

TALL = 190.0
SHOWN = 6
"""Curves of a post that are drawn; all are in the JSON twin."""


def what_if_figures(
    place: int, post: PostStory, unit: str, log: bool, counts: bool
) -> tuple[Figure, ...]:
    """Return the curves of one post, the lever that moves it most first."""
    if post.what_if is None:
        return ()
    chosen = post.what_if.curves[:SHOWN]
    ends = [end for one in chosen for s in one.settings for end in (s.low, s.high, s.prediction)]
    up = unit_scale([*ends, post.predicted], counts)
    return tuple(
        _curve(f"whatif-{place}-{number}", one, post, up, unit, log)
        for number, one in enumerate(chosen)
    )


def _curve(key: str, one: Curve, post: PostStory, up: Scale, unit: str, log: bool) -> Figure:
    values = [setting.value for setting in one.settings]
    across = around([*values, *([one.current] if isfinite(one.current) else [])], air=0.03)
    xs = [across.x(value) for value in values]
    lows, middles, highs = (
        [up.y(getattr(setting, name), TALL) for setting in one.settings]
        for name in ("low", "prediction", "high")
    )
    marks: list[Mark] = [
        Shape(ribbon(xs, lows, highs, TALL), "band", area=True),
        Shape(polyline(xs, middles, TALL), "model"),
    ]
    marks += [
        Dot(x, y, 4.0, "model", say(
            "tip.setting", value=setting.text, prediction=amount(setting.prediction, unit, up.log),
            range=spread(setting.low, setting.high, "", up.log),
            gain=times(setting.gain, log, unit), posts=setting.posts,
        ))
        for x, y, setting in zip(xs, middles, one.settings, strict=True)
    ]  # fmt: skip
    if isfinite(one.current):
        at = across.x(one.current)
        marks.append(Rule(at, 0.0, at, TALL, "guide"))
        marks.append(Dot(at, up.y(post.predicted, TALL), 6.0, "up", say(
            "tip.setting_now", value=one.current_text,
            prediction=amount(post.predicted, unit, up.log),
        )))  # fmt: skip
    words = {setting.value: setting.text for setting in one.settings}
    axis = x_axis(across, "", values[:: max(1, len(values) // 5)], lambda v: words[v])
    return Figure(
        key=key,
        title=one.label,
        shows=one.sentence,
        reads="",
        plot=Panel(
            int(TALL), axis,
            y_axis(up, say("axis.predicted", unit=unit), unit_values(up),
                   lambda v: unit_words(v, up.log), TALL),
            tuple(marks),
        ),
        head=tuple(say(f"col.{name}") for name in
                   ("setting", "predicted", "range", "gain", "gain_range", "near")),
        rows=tuple(
            (
                s.text, amount(s.prediction, unit, up.log), spread(s.low, s.high, "", up.log),
                times(s.gain, log, unit),
                say("bounds", low=times(s.gain_low, log), high=times(s.gain_high, log)),
                str(s.posts),
            )
            for s in one.settings
        ),
    )  # fmt: skip


def dials_of(posts: Sequence[PostStory]) -> Mapping[str, Any]:
    """Return what the page's script reads: every combination of every post, in words."""
    return {
        str(place): _dials(post.what_if.joint)
        for place, post in enumerate(posts)
        if post.what_if is not None and post.what_if.joint is not None
    }


def _dials(joint: Joint) -> dict[str, Any]:
    return {
        "dials": [{"texts": list(dial.texts), "current": dial.current} for dial in joint.dials],
        "says": list(joint.says),
        "supported": [int(one) for one in joint.supported],
        "places": [round(value, 2) for value in _places(joint)],
        "unsupported": say("whatif.unsupported"),
        "supports": say("whatif.supported"),
    }


def _places(joint: Joint) -> list[float]:
    """Return where each prediction lies in the bar of all of them, in percent."""
    low, high = min(joint.gains), max(joint.gains)
    scale = Scale(low, high if high > low else low + 1.0)
    return [scale.x(gain) for gain in joint.gains]
