"""Figures of interactions, of how often ranges held, of kinds of posts, and of parameters."""

from collections.abc import Mapping, Sequence

from virality.reports.drawing import (
    STRIP,
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
    whisker,
)
from virality.reports.explain import Scaled
from virality.reports.figures_drivers import axis_name, value_axis
from virality.reports.figures_fit import error_axis, error_words
from virality.reports.report import Fit
from virality.reports.report_drivers import Interaction
from virality.reports.report_fit import Cover, SliceScore
from virality.reports.scales import (
    Scale,
    around,
    effect_values,
    effect_words,
    share_axis,
    y_axis,
)
from virality.reports.strings import say
from virality.reports.words import percent, times, whole

LOW = 200.0
NOMINAL = 0.8


def interaction_figure(place: int, one: Interaction, target: Scaled) -> Figure:
    """Return the push of a feature over its range, for low and for high values of another."""
    log = target.log
    across = Scale(-0.3, 1.3) if one.unit == "0/1" else around(one.values)
    up = around([*one.low, *one.high], zero=True)
    xs = [across.x(value) for value in one.values]
    zero = up.y(0.0, LOW)
    marks: list[Mark] = [Rule(0.0, zero, 100.0, zero, "guide")]
    for effects, style, name in ((one.low, "s0", one.low_name), (one.high, "s4", one.high_name)):
        ys = [up.y(effect, LOW) for effect in effects]
        marks.append(Shape(polyline(xs, ys, LOW), style))
        marks += [
            Dot(x, y, 4.0, style, say("tip.interaction", other=name, value=value, push=push))
            for x, y, value, push in zip(
                xs, ys, one.names, (times(effect, log) for effect in effects), strict=True
            )
        ]
    title = say("axis.factor" if log else "axis.score")
    return Figure(
        key=f"interaction-{place}",
        title=say("interaction.title", label=one.label, other=one.other_label),
        shows=one.sentence,
        reads="",
        plot=Panel(
            int(LOW),
            value_axis(axis_name(one.label, one.unit), one.feature, one.unit, across, target),
            y_axis(up, title, effect_values(up, log), lambda at: effect_words(at, log), LOW),
            tuple(marks),
        ),
        head=(say("col.value"), one.low_name, one.high_name),
        rows=tuple(
            (name, times(low, log), times(high, log))
            for name, low, high in zip(one.names, one.low, one.high, strict=True)
        ),
        legend=(("s0", one.low_name), ("s4", one.high_name)),
        table="interactions",
    )


def cover_figure(covers: Sequence[Cover]) -> Figure:
    """Return the share of ranges that held, with intervals, against the 80 % that should."""
    least = min(one.low for one in covers)
    scale = Scale(max(0.0, min(0.5, least - 0.05)), 1.0)
    return Figure(
        key="covers",
        title=say("fig.covers"),
        shows=say("fig.covers.shows"),
        reads=say("fig.covers.read"),
        plot=Rows(
            tuple(
                Row(
                    one.label,
                    say("cover.note", share=percent(one.value), posts=whole(one.rows)),
                    (
                        *whisker(scale, one.low, one.high, STRIP),
                        Dot(scale.x(one.value), STRIP / 2, 5.0, _held(one),
                            say("bounds", low=percent(one.low), high=percent(one.high))),
                    ),
                )
                for one in covers
            ),
            share_axis(scale, say("axis.covers")),
            guides=(scale.x(NOMINAL),),
        ),
        head=(say("col.which"), say("col.count"), say("col.covered"), say("col.interval")),
        rows=tuple(
            (one.label, whole(one.rows), percent(one.value),
             say("bounds", low=percent(one.low), high=percent(one.high)))
            for one in covers
        ),
        table="covers",
    )  # fmt: skip


def _held(one: Cover) -> str:
    return "model" if one.low <= NOMINAL <= one.high else "up"


def slice_figure(fit: Fit, log: bool) -> Figure:
    """Return the mean error of each kind of post, with its interval and which way it leans."""
    scale = around([end for one in fit.slices for end in (one.bias_low, one.bias_high)], zero=True)
    return Figure(
        key=f"slices-{fit.split}",
        title=say("fig.slices", split=fit.label),
        shows=say("fig.slices.shows"),
        reads=say("fig.slices.read"),
        plot=Rows(
            tuple(
                Row(
                    say("slice.name", kind=one.kind, name=one.label),
                    say("slice.note", posts=whole(one.rows), error=_size(one.error, log)),
                    (
                        *whisker(scale, one.bias_low, one.bias_high, STRIP),
                        Dot(scale.x(one.bias), STRIP / 2, 5.0, _leaning(one),
                            say("tip.slice", bias=error_words(one.bias, log),
                                covered=percent(one.covered))),
                    ),
                )
                for one in fit.slices
            ),
            error_axis(scale, log),
            guides=(scale.x(0.0),),
        ),
        head=(say("col.which"), say("col.count"), say("col.bias"), say("col.interval"),
              say("col.typical"), say("col.covered")),
        rows=tuple(
            (say("slice.name", kind=one.kind, name=one.label), whole(one.rows),
             error_words(one.bias, log), _bounds(one, log), _size(one.error, log),
             percent(one.covered))
            for one in fit.slices
        ),
        table=f"slices_{fit.split}",
    )  # fmt: skip


def _leaning(one: SliceScore) -> str:
    return "quiet" if one.bias_low <= 0 <= one.bias_high else "up"


def _bounds(one: SliceScore, log: bool) -> str:
    low, high = error_words(one.bias_low, log), error_words(one.bias_high, log)
    return say("bounds", low=low, high=high)


def _size(error: float, log: bool) -> str:
    return effect_words(error, log) if log else error_words(error, log)


def importance_figure(shares: Mapping[str, float]) -> Figure:
    """Return the importance of each parameter of the study."""
    scale = Scale(0.0, max(shares.values()) * 1.02 or 1.0)
    return bar_figure(
        "importance",
        "fig.importance",
        [name.replace("_", " ") for name in shares],
        list(shares.values()),
        [percent(one) for one in shares.values()],
        ["model"] * len(shares),
        scale,
        share_axis(scale, say("axis.share")),
        (say("col.name"), say("col.share")),
        "importance",
    )
