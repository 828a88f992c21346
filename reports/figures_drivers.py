"""Figures of what drives the predictions."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from virality.reports.drawing import (
    Bar,
    Dot,
    Figure,
    Mark,
    Panel,
    Row,
    Rows,
    Rule,
    Shape,
    bar_figure,
    polyline,
    ribbon,
)
from virality.reports.explain import Scaled
from virality.reports.report import Control, Dependence, Driver, Explained, Swarm
from virality.reports.scales import (
    Axis,
    Scale,
    around,
    count_values,
    effect_axis,
    effect_values,
    effect_words,
    learned_ticks,
    number_words,
    round_values,
    share_axis,
    unit_words,
    x_axis,
    y_axis,
)
from virality.reports.strings import COUNTS, UNITS, WEEKDAY, counted, is_factor, say
from virality.reports.words import factor, feature_words, percent, significant, times, value_words

SWARM_STRIP = 46
SHADES = 5
TALL, UPPER = 236.0, 170.0
"""Height of a dependence plot, and of its upper part; the density stands below."""


def push_words(effect: float, log: bool) -> str:
    """Return a mean absolute push in words: it has no direction."""
    return f"× ÷ {factor(effect):.2f}" if log else f"± {significant(effect)}"


def _shares(key: str, title: str, names: Sequence[tuple[str, str, str, float]], col: str) -> Figure:
    """Return bars of shares: each a label, what to say of it, its style and its share."""
    scale = Scale(0.0, max((share for *_, share in names), default=1.0) * 1.02 or 1.0)
    return bar_figure(
        key,
        title,
        [label for label, *_ in names],
        [share for *_, share in names],
        [text for _, text, _, _ in names],
        [style for _, _, style, _ in names],
        scale,
        share_axis(scale, say("axis.share")),
        (say(col), say("col.share")),
        key,
    )


def modality_figure(explained: Explained, log: bool) -> Figure:
    """Return importance by modality."""
    return _shares(
        "modalities",
        "fig.modalities",
        [
            (one.label, f"{percent(one.share)}, {push_words(one.effect, log)}", "model", one.share)
            for one in explained.modalities
        ],
        "col.modality",
    )


def feature_figure(drivers: Sequence[Driver], log: bool, most: int = 15) -> Figure:
    """Return importance by feature, coloured by what can be changed."""
    figure = _shares(
        "features",
        "fig.features",
        [
            (one.label, f"{percent(one.share, 1)}, {push_words(one.effect, log)}", one.control,
             one.share)
            for one in drivers[:most]
        ],
        "col.feature",
    )  # fmt: skip
    return figure if log else replace(figure, reads=say("fig.features.read_score"))


def control_figure(shares: Mapping[Control, float]) -> Figure:
    """Return the shares that can be changed, cannot, and context."""
    return _shares(
        "controls",
        "fig.controls",
        [(say(f"control.{one}"), percent(share), one, share) for one, share in shares.items()],
        "col.control",
    )


def swarm_figure(explained: Explained, target: Scaled) -> Figure:
    """Return the beeswarm: a row a feature, a point a post."""
    log = target.log
    effects = [effect for row in explained.swarms for effect in row.effects]
    scale = around(effects, zero=True)
    return Figure(
        key="swarm",
        title=say("fig.swarm"),
        shows=say("fig.swarm.shows"),
        reads=say("fig.swarm.read"),
        plot=Rows(
            tuple(
                Row(row.label, _reach(row, log), _swarm_marks(row, scale, target))
                for row in explained.swarms
            ),
            effect_axis(scale, log),
            SWARM_STRIP,
            (scale.x(0.0),),
        ),
        head=(say("col.feature"), say("col.lowest"), say("col.highest")),
        rows=tuple(
            (row.label, times(min(row.effects), log), times(max(row.effects), log))
            for row in explained.swarms
        ),
        legend=_shade_legend(explained),
        table="swarms",
    )


def _shade_legend(explained: Explained) -> tuple[tuple[str, str], ...]:
    """Return what colours of values mean; that some have no value only where one is drawn."""
    known = (("s0", say("legend.low")), ("s2", say("legend.middle")), ("s4", say("legend.high")))
    bare = any(shade is None for row in explained.swarms for shade in row.shades)
    return (*known, ("none", say("legend.none"))) if bare else known


def _reach(row: Swarm, log: bool) -> str:
    low, high = min(row.effects), max(row.effects)
    return say("bounds", low=effect_words(low, log), high=effect_words(high, log))


def _swarm_marks(row: Swarm, scale: Scale, target: Scaled) -> tuple[Mark, ...]:
    middle, reach = SWARM_STRIP / 2, SWARM_STRIP / 2 - 4
    return tuple(
        Dot(
            scale.x(effect),
            round(middle + reach * offset, 1),
            2.6,
            "none" if shade is None else f"s{min(SHADES - 1, int(shade * SHADES))}",
            _swarm_tip(row, value, effect, target),
        )
        for effect, offset, shade, value in zip(
            row.effects, row.offsets, row.shades, row.values, strict=True
        )
    )


def _swarm_tip(row: Swarm, value: float | None, effect: float, target: Scaled) -> str:
    push = times(effect, target.log)
    if row.block:
        return push
    known = float("nan") if value is None else value
    text = feature_words(row.feature, known, row.unit, target.log, target.unit, target.counts)
    return f"{text}: {push}"


def dependence_figure(place: int, shape: Dependence, target: Scaled) -> Figure:
    """Return mean contribution over a feature's range, with its band and the density below."""
    across, log = _across(shape), target.log
    up = around([*shape.lows, *shape.highs], zero=True)
    xs = [across.x(value) for value in shape.values]
    lows, means, highs = (
        [up.y(one, UPPER) for one in ends] for ends in (shape.lows, shape.effects, shape.highs)
    )
    zero = up.y(0.0, UPPER)
    marks: tuple[Mark, ...] = (
        *_density(shape, across),
        Rule(0.0, zero, 100.0, zero, "guide"),
        Shape(ribbon(xs, lows, highs, TALL), "band", area=True),
        Shape(polyline(xs, means, TALL), "model"),
        *(
            Dot(
                x,
                y,
                4.0,
                "model",
                counted("tip.bin", count, value=name, push=times(effect, log), posts=count),
            )
            for x, y, name, effect, count in zip(
                xs, means, shape.names, shape.effects, shape.counts, strict=True
            )
        ),
    )
    title = say("axis.factor" if log else "axis.score")
    return Figure(
        key=f"dependence-{place}",
        title=shape.label,
        shows=shape.sentence,
        reads="",
        plot=Panel(
            int(TALL),
            value_axis(
                axis_name(shape.label, shape.unit), shape.feature, shape.unit, across, target
            ),
            y_axis(up, title, effect_values(up, log), lambda one: effect_words(one, log), UPPER),
            marks,
        ),
        head=(say("col.value"), say("col.effect"), say("col.interval"), say("col.count")),
        rows=tuple(
            (
                name,
                times(effect, log),
                say("bounds", low=effect_words(low, log), high=effect_words(high, log)),
                str(number),
            )
            for name, effect, low, high, number in zip(
                shape.names, shape.effects, shape.lows, shape.highs, shape.counts, strict=True
            )
        ),
        table="dependences",
    )


def _density(shape: Dependence, across: Scale) -> tuple[Mark, ...]:
    """Return the histogram of the feature's values along the bottom of the plot."""
    most = max(shape.density) or 1
    room = TALL - UPPER - 14
    return tuple(
        Bar(
            across.x(left), round(max(across.x(right) - across.x(left) - 0.3, 0.2), 2),
            round(TALL - room * count / most, 1), round(room * count / most, 1),
            "grid", counted("tip.count", count, count=count),
        )
        for left, right, count in zip(shape.edges, shape.edges[1:], shape.density, strict=False)
        if count
    )  # fmt: skip


def _across(shape: Dependence) -> Scale:
    if shape.unit == "0/1":
        return Scale(-0.3, 1.3)
    return around([*shape.edges, *shape.values], air=0.02)


def value_axis(title: str, feature: str, unit: str, scale: Scale, target: Scaled) -> Axis:
    """Return ticks in real units: counts for a logarithm, no and yes for a flag, percent.

    Earlier outcomes are on the target's own logarithm: of 1 + x where it counts something.
    """
    if unit == "0/1":
        return x_axis(scale, title, (0.0, 1.0), lambda one: say("yes" if one > 0.5 else "no"))
    if unit in ("share", "probability"):
        return share_axis(scale, title)
    if feature == WEEKDAY:
        days = tuple(float(day) for day in range(7))
        return x_axis(scale, title, days, lambda one: say(f"day.{one:.0f}.short"))
    if feature in COUNTS:
        ends = (factor(end) for end in (scale.low, scale.high))
        counts = (math.log10(1.0 + count) for count in (0.0, *count_values(*ends)))
        return x_axis(scale, title, counts, lambda one: value_words(one, unit, feature))
    if unit != "log10" and not (unit == "score" and target.log):
        return x_axis(scale, title, round_values(scale.low, scale.high), number_words)
    if is_factor(feature):
        return x_axis(scale, title, effect_values(scale, True), lambda one: effect_words(one, True))
    if unit == "score":
        said = dict(learned_ticks(scale, target.counts))
        return x_axis(scale, title, said, lambda one: unit_words(said[one], target.counts))
    if scale.high - scale.low > 2:
        powers: tuple[float, ...] = tuple(float(power) for power in range(-3, 13))
    else:
        powers = round_values(scale.low, scale.high, 5)
    return x_axis(scale, title, powers, lambda one: value_words(one, "log10"))


def axis_name(label: str, unit: str) -> str:
    """Return what an axis shows with its unit, if that says anything."""
    words = UNITS.get(unit, unit)
    silent = not words or unit in ("0/1", "share", "probability", "log10", "score", "d")
    return label if silent else say("axis.unit", label=label, unit=words)
