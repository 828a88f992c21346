"""Figures of the what-if: a curve a lever."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from virality.reports.drawing import Dot, Figure, Mark, Panel, Rule, Shape, polyline, ribbon
from virality.reports.report import PostStory
from virality.reports.report_posts import Curve, Joint
from virality.reports.scales import (
    PAIR,
    Axis,
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
SIGNS = frozenset({"%", "k", "M", "bn"})
"""What belongs to a number and not to its unit."""

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
    return Figure(
        key=key,
        title=one.label,
        shows=one.sentence,
        reads="",
        plot=Panel(
            int(TALL), _settings_axis(one, across),
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


def _settings_axis(one: Curve, across: Scale) -> Axis:
    """Return the settings along the bottom; a unit that all of them name is named once, below.

    Labels such as `0.0449 picture lengths a second` would lie over each other and leave the page.
    """
    texts = [setting.text for setting in one.settings]
    unit = _shared_end(texts)
    words = {
        setting.value: text.removesuffix(unit)
        for setting, text in zip(one.settings, texts, strict=True)
    }
    title = say("axis.unit", label=one.label, unit=unit.strip()) if unit else ""
    return x_axis(across, title, words, words.__getitem__, PAIR)


def _shared_end(texts: Sequence[str]) -> str:
    """Return the words after a blank with which all texts end, `""` without any.

    >>> _shared_end(["0 a second", "0.32 a second"]), _shared_end(["9:00", "13:00"])
    (' a second', '')
    >>> _shared_end(["12 k bits", "1.2 k bits"]), _shared_end(["4 %", "16 %"])
    (' bits', '')
    """
    shared: list[str] = []
    behind = (reversed(text.split(" ")[1:]) for text in texts)  # what stands first is the value
    for words in zip(*behind, strict=False):
        if len(set(words)) > 1 or words[0] in SIGNS:
            break
        shared.insert(0, words[0])
    return f" {' '.join(shared)}" if shared else ""


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
