"""Figures of how well a model did on posts that it had not seen."""

from math import log10

from virality.reports.drawing import Bar, Dot, Figure, Mark, Panel, Rule, Shape, polyline
from virality.reports.report import Fit
from virality.reports.scales import (
    Axis,
    Scale,
    around,
    effect_values,
    effect_words,
    number_words,
    round_values,
    unit_axis,
    unit_scale,
    unit_values,
    unit_words,
    x_axis,
    y_axis,
)
from virality.reports.strings import counted, say
from virality.reports.words import amount, percent, significant, spread, whole

FACTORS = (0.001, 0.01, 0.1, 0.5, 1, 2, 10, 100, 1000)
SQUARE, LOW = 340.0, 220.0


def fit_figures(fit: Fit, unit: str, log: bool, counts: bool) -> tuple[Figure, ...]:
    """Return predicted against true, the errors, and the errors by size of the prediction."""
    return (
        points_figure(fit, unit, log, counts),
        calibration_figure(fit, unit, log, counts),
        errors_figure(fit, log),
    )


def points_figure(fit: Fit, unit: str, log: bool, counts: bool) -> Figure:
    """Return a point a judged post, in the target's own units."""
    scale = unit_scale([*fit.actual, *fit.predicted], log, counts)
    dots: tuple[Mark, ...] = tuple(
        Dot(
            scale.x(guess), scale.y(true, SQUARE), 3.0, "model see-through",
            say(
                "tip.fit", post=name, predicted=amount(guess, unit, counts),
                range=spread(low, high, unit, counts), got=amount(true, unit, counts),
            ),
        )
        for name, guess, low, high, true in zip(
            fit.ids, fit.predicted, fit.low, fit.high, fit.actual, strict=True
        )
    )  # fmt: skip
    diagonal = Shape(polyline((0.0, 100.0), (SQUARE, 0.0), SQUARE), "guide")
    return Figure(
        key=f"fit-{fit.split}",
        title=say("fig.fit", split=fit.label),
        shows=say("fig.fit.shows"),
        reads=say("fig.fit.read"),
        plot=Panel(
            int(SQUARE),
            unit_axis(scale, say("axis.predicted", unit=unit), counts),
            y_axis(
                scale, say("axis.true", unit=unit), unit_values(scale, counts),
                lambda one: unit_words(one, counts), SQUARE,
            ),
            (diagonal, *dots),
        ),
        table=f"fit_{fit.split}",
    )  # fmt: skip


def error_words(error: float, log: bool) -> str:
    """Return an error on the learning scale: `× 2`, `÷ 3`, or a difference."""
    if not log:
        return significant(error)
    return effect_words(error, log, 2)


def error_values(scale: Scale, log: bool) -> tuple[float, ...]:
    """Return ticks of errors."""
    if not log or scale.high - scale.low < 1:
        return effect_values(scale, log)
    return tuple(log10(one) for one in FACTORS)


def error_title(log: bool) -> str:
    """Return what an axis of errors shows."""
    return say("axis.error" if log else "axis.error_score")


def error_axis(scale: Scale, log: bool) -> Axis:
    """Return the axis of errors along the bottom."""
    return x_axis(
        scale, error_title(log), error_values(scale, log), lambda one: effect_words(one, log)
    )


def errors_figure(fit: Fit, log: bool) -> Figure:
    """Return the histogram of errors."""
    across, up = around(fit.edges, air=0.01), Scale(0.0, max(fit.errors) * 1.05 or 1.0)
    names = [
        say("bounds", low=error_words(a, log), high=error_words(b, log))
        for a, b in zip(fit.edges, fit.edges[1:], strict=False)
    ]
    bars: tuple[Mark, ...] = tuple(
        Bar(
            across.x(left), round(max(0.2, across.x(right) - across.x(left) - 0.25), 2),
            up.y(count, LOW), round(LOW - up.y(count, LOW), 1), "model",
            counted("tip.bar", count, name=name, count=count),
        )
        for left, right, count, name in zip(
            fit.edges, fit.edges[1:], fit.errors, names, strict=False
        )
        if count
    )  # fmt: skip
    return Figure(
        key=f"errors-{fit.split}",
        title=say("fig.errors", split=fit.label),
        shows=say("fig.errors.shows"),
        reads=say("fig.errors.read"),
        plot=Panel(
            int(LOW),
            error_axis(across, log),
            y_axis(up, say("axis.posts"), round_values(0, up.high, 5), number_words, LOW),
            (*bars, Rule(across.x(0.0), 0.0, across.x(0.0), LOW, "guide")),
        ),
        head=(say("col.error"), say("col.count")),
        rows=tuple((name, whole(number)) for name, number in zip(names, fit.errors, strict=True)),
        table=f"errors_{fit.split}",
    )


def calibration_figure(fit: Fit, unit: str, log: bool, counts: bool) -> Figure:
    """Return the middle error and its spread by tenth of the prediction."""
    groups = fit.calibration
    across = unit_scale([one.predicted for one in groups], log, counts)
    up = around([end for one in groups for end in (one.low_error, one.high_error)], zero=True)
    names = [amount(one.predicted, unit, counts) for one in groups]
    marks: list[Mark] = [Rule(0.0, up.y(0.0, SQUARE), 100.0, up.y(0.0, SQUARE), "guide")]
    for name, one in zip(names, groups, strict=True):
        x = across.x(one.predicted)
        marks.append(Rule(x, up.y(one.low_error, SQUARE), x, up.y(one.high_error, SQUARE), "thick"))
        tip = say(
            "tip.calibration", predicted=name, error=error_words(one.median_error, log),
            covered=percent(one.covered), posts=whole(one.rows),
        )  # fmt: skip
        marks.append(Dot(x, up.y(one.median_error, SQUARE), 5.0, "model", tip))
    return Figure(
        key=f"calibration-{fit.split}",
        title=say("fig.calibration", split=fit.label),
        shows=say("fig.calibration.shows"),
        reads=say("fig.calibration.read"),
        plot=Panel(
            int(SQUARE),
            unit_axis(across, say("axis.predicted", unit=unit), counts),
            y_axis(
                up, error_title(log), error_values(up, log), lambda one: effect_words(one, log),
                SQUARE,
            ),
            tuple(marks),
        ),
        head=(say("col.predicted"), say("col.count"), say("col.median_error"), say("col.covered")),
        rows=tuple(
            (name, whole(one.rows), error_words(one.median_error, log), percent(one.covered))
            for name, one in zip(names, groups, strict=True)
        ),
        table=f"calibration_{fit.split}",
    )  # fmt: skip
