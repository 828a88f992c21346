"""Figures of single posts: how reasons add up to a prediction."""

from virality.reports.drawing import STRIP, Figure, Row, Rows, span_bar
from virality.reports.report import PostStory
from virality.reports.scales import (
    Axis,
    Scale,
    around,
    learned_ticks,
    plain_axis,
    unit_words,
    x_axis,
)
from virality.reports.strings import say
from virality.reports.words import amount, factor, times


def waterfall_figure(place: int, post: PostStory, unit: str, log: bool, counts: bool) -> Figure:
    """Return how reasons add up to one prediction."""
    labels = [
        say("step", label=step.label, value=step.value_text) if step.value_text else step.label
        for step in post.steps
    ]
    pushes = [times(step.effect, log) for step in post.steps]
    totals = [_units(step.total, unit, log, counts) for step in post.steps]
    scale = around([end for step in post.steps for end in (step.total, step.total - step.effect)])
    axis = _axis(scale, say("axis.predicted", unit=unit), log, counts)
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
        head=(say("col.step"), say("col.push"), say("col.total")),
        rows=tuple(zip(labels, pushes, totals, strict=True)),
        table="steps",
    )  # fmt: skip


def _units(total: float, unit: str, log: bool, counts: bool) -> str:
    if not log:
        return amount(total, unit, False)
    return amount(max(0.0, factor(total) - counts), unit, counts)


def _axis(scale: Scale, title: str, log: bool, counts: bool) -> Axis:
    """Return the axis along the bottom: sums are of what is learned, labels are in units."""
    if not log:
        return plain_axis(scale, title)
    values = dict(learned_ticks(scale, counts))
    return x_axis(scale, title, values, lambda at: unit_words(values[at], counts))
