"""Figures of how well a model did on posts that it had not seen."""

from typing import Any

from virality.reports.drawing import BASELINE, MODEL, Figure, dotted, hover, plain_layout, unit_axis
from virality.reports.report import Fit
from virality.reports.strings import say
from virality.reports.words import amount, factor, percent, significant, spread

FACTORS = (0.001, 0.01, 0.1, 0.5, 1, 2, 10, 100, 1000)


def fit_figures(fit: Fit, unit: str, log: bool) -> tuple[Figure, ...]:
    """Return predicted against true, the errors, and the errors by size of the prediction."""
    return (
        points_figure(fit, unit, log),
        errors_figure(fit, log),
        calibration_figure(fit, unit, log),
    )


def points_figure(fit: Fit, unit: str, log: bool) -> Figure:
    """Return a point a judged post, in the target's own units."""
    ends = [min(*fit.actual, *fit.predicted), max(*fit.actual, *fit.predicted)]
    ends = [max(one, 1.0) for one in ends] if log else ends
    texts = [
        f"{hover(name)}<br>{say('hover.predicted')} {amount(guess, unit, log)}"
        f"<br>{spread(low, high, unit, log)}<br>{say('hover.got')} {amount(true, unit, log)}"
        for name, guess, low, high, true in zip(
            fit.ids, fit.predicted, fit.low, fit.high, fit.actual, strict=True
        )
    ]
    least = 1.0 if log else float("-inf")
    points: dict[str, Any] = {
        "type": "scatter",
        "mode": "markers",
        "x": [max(one, least) for one in fit.predicted],
        "y": [max(one, least) for one in fit.actual],
        "marker": {"size": 6, "opacity": 0.6, "color": MODEL},
        "text": texts,
        "hovertemplate": "%{text}<extra></extra>",
    }
    diagonal = {
        "type": "scatter", "mode": "lines", "x": ends, "y": ends, "hoverinfo": "skip",
        "line": {"color": BASELINE, "width": 1.5, "dash": "dot"},
    }  # fmt: skip
    layout = plain_layout(
        430,
        unit_axis(say("axis.predicted", unit=unit), log, points["x"]),
        unit_axis(say("axis.true", unit=unit), log, points["y"]),
    )
    return Figure(
        key=f"fit-{fit.split}",
        title=say("fig.fit", split=fit.label),
        shows=say("fig.fit.shows"),
        reads=say("fig.fit.read"),
        data=(diagonal, points),
        layout=layout | {"hovermode": "closest"},
    )


def error_words(error: float, log: bool) -> str:
    """Return an error on the learning scale: `× 2`, `÷ 3`, or a difference."""
    if not log:
        return significant(error)
    return f"× {factor(error):.2g}" if error >= 0 else f"÷ {factor(-error):.2g}"


def _error_axis(log: bool) -> dict[str, Any]:
    axis: dict[str, Any] = {"title": {"text": say("axis.error" if log else "axis.error_score")}}
    if log:
        from math import log10

        axis["tickvals"] = [log10(one) for one in FACTORS]
        axis["ticktext"] = [f"× {one:g}" if one >= 1 else f"÷ {1 / one:g}" for one in FACTORS]
    return axis


def errors_figure(fit: Fit, log: bool) -> Figure:
    """Return the histogram of errors."""
    centres = [(a + b) / 2 for a, b in zip(fit.edges, fit.edges[1:], strict=False)]
    names = [
        f"{error_words(a, log)} – {error_words(b, log)}"
        for a, b in zip(fit.edges, fit.edges[1:], strict=False)
    ]
    bars = {
        "type": "bar",
        "x": centres,
        "y": list(fit.errors),
        "marker": {"color": MODEL},
        "text": [f"{name}: {number}" for name, number in zip(names, fit.errors, strict=True)],
        "textposition": "none",
        "hovertemplate": "%{text}<extra></extra>",
    }
    layout = plain_layout(300, _error_axis(log), {"title": {"text": say("axis.posts")}})
    return Figure(
        key=f"errors-{fit.split}",
        title=say("fig.errors", split=fit.label),
        shows=say("fig.errors.shows"),
        reads=say("fig.errors.read"),
        data=(bars,),
        layout=layout | {"bargap": 0.04, "shapes": [dotted(0.0, "x")]},
        head=(say("col.error"), say("col.count")),
        rows=tuple((name, str(number)) for name, number in zip(names, fit.errors, strict=True)),
    )


def calibration_figure(fit: Fit, unit: str, log: bool) -> Figure:
    """Return the middle error and its spread by tenth of the prediction."""
    groups = fit.calibration
    names = [amount(one.predicted, unit, log) for one in groups]
    points: dict[str, Any] = {
        "type": "scatter",
        "mode": "markers",
        "x": [max(one.predicted, 1.0) if log else one.predicted for one in groups],
        "y": [one.median_error for one in groups],
        "marker": {"size": 9, "color": MODEL},
        "error_y": {
            "type": "data", "symmetric": False, "thickness": 2, "width": 4, "color": MODEL,
            "array": [one.high_error - one.median_error for one in groups],
            "arrayminus": [one.median_error - one.low_error for one in groups],
        },
        "text": [
            f"{name}: {error_words(one.median_error, log)}"
            for name, one in zip(names, groups, strict=True)
        ],
        "hovertemplate": "%{text}<extra></extra>",
    }  # fmt: skip
    layout = plain_layout(
        340, unit_axis(say("axis.predicted", unit=unit), log, points["x"]), _error_axis(log)
    )
    return Figure(
        key=f"calibration-{fit.split}",
        title=say("fig.calibration", split=fit.label),
        shows=say("fig.calibration.shows"),
        reads=say("fig.calibration.read"),
        data=(points,),
        layout=layout | {"shapes": [dotted(0.0, "y")]},
        head=(say("col.predicted"), say("col.count"), say("col.median_error"), say("col.covered")),
        rows=tuple(
            (name, str(one.rows), error_words(one.median_error, log), percent(one.covered))
            for name, one in zip(names, groups, strict=True)
        ),
    )
