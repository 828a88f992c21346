"""Figures of single posts: how reasons add up to a prediction."""

from virality.reports.drawing import STRIP, Figure, Row, Rows, span_bar
from virality.reports.report import PostStory
from virality.reports.scales import around, count_values, plain_axis, x_axis
from virality.reports.strings import say
from virality.reports.words import amount, count_words, factor, times


def waterfall_figure(place: int, post: PostStory, unit: str, log: bool) -> Figure:
    """Return how reasons add up to one prediction."""
    labels = [
        say("step", label=step.label, value=step.value_text) if step.value_text else step.label
        for step in post.steps
    ]
    pushes = [times(step.effect, log) for step in post.steps]
    totals = [_units(step.total, unit, log) for step in post.steps]
    scale = around([end for step in post.steps for end in (step.total, step.total - step.effect)])
    title = say("axis.predicted", unit=unit)
    if log:
        from math import log10

        ends = (max(1.0, factor(scale.low)), max(1.0, factor(scale.high)))
        values = tuple(log10(one) for one in count_values(*ends))
        axis = x_axis(scale, title, values, lambda one: count_words(factor(one)))
    else:
        axis = plain_axis(scale, title)
    return Figure(
        key=f"post-{place}",
        title=say("fig.waterfall"),
        shows=say("fig.waterfall.shows"),
        reads=say("fig.waterfall.read"),
        plot=Rows(
            tuple(
                Row(
                    label,
                    push,
                    (span_bar(
                        scale, step.total - step.effect, step.total,
                        "up" if step.effect >= 0 else "down",
                        say("tip.step", label=label, push=push, total=total),
                        STRIP,
                    ),),
                )
                for label, push, total, step in zip(labels, pushes, totals, post.steps, strict=True)
            ),
            axis,
            guides=(scale.x(post.baseline), scale.x(post.steps[-1].total)),
        ),
        head=(say("col.step"), say("col.effect"), say("col.total")),
        rows=tuple(zip(labels, pushes, totals, strict=True)),
        table="steps",
    )  # fmt: skip


def _units(total: float, unit: str, log: bool) -> str:
    return amount(max(0.0, factor(total) - 1.0) if log else total, unit, log)
