"""Figures of how a model was made: its study, its stack, and what its data lack."""

from typing import Any

from virality.reports.drawing import BASELINE, MODEL, Figure, bar_figure, plain_layout
from virality.reports.report import Report
from virality.reports.report_making import FieldCard, Study, Weight
from virality.reports.strings import say
from virality.reports.words import percent, significant


def making_figures(report: Report) -> tuple[Figure, ...]:
    """Return those that there is something to show in."""
    figures = []
    lacking = tuple(one for one in report.data.fields if one.missing > 0)
    if lacking:
        figures.append(missing_figure(lacking))
    study = report.making.study
    if study is not None and any(trial.value is not None for trial in study.trials):
        figures.append(study_figure(study))
    if report.making.weights:
        figures.append(weights_figure(report.making.weights))
    return tuple(figures)


def missing_figure(fields: tuple[FieldCard, ...]) -> Figure:
    """Return the share of posts that lack each field, most first."""
    order = sorted(fields, key=lambda one: (-one.missing, one.name))[:20]
    return bar_figure(
        "missing",
        "fig.missing",
        [one.meaning or one.name for one in order],
        [one.missing for one in order],
        [percent(one.missing, 0 if one.missing >= 0.01 else 1) for one in order],
        [BASELINE] * len(order),
        {"title": {"text": say("axis.missing")}, "tickformat": ".0%", "range": [0, 1]},
        (say("col.field"), say("col.missing")),
    )


def study_figure(study: Study) -> Figure:
    """Return every finished trial and the best so far."""
    done = [trial for trial in study.trials if trial.value is not None]
    rising = len(done) > 1 and (done[-1].best or 0.0) > (done[0].best or 0.0)
    points: dict[str, Any] = {
        "type": "scatter", "mode": "markers", "x": [trial.number for trial in done],
        "y": [trial.value for trial in done], "marker": {"size": 6, "color": BASELINE},
        "name": say("legend.trial"),
    }  # fmt: skip
    best: dict[str, Any] = {
        "type": "scatter", "mode": "lines", "x": [trial.number for trial in done],
        "y": [trial.best for trial in done], "line": {"color": MODEL, "width": 2, "shape": "hv"},
        "name": say("legend.best"),
    }  # fmt: skip
    layout = plain_layout(
        300, {"title": {"text": say("axis.trial")}}, {"title": {"text": say("axis.value")}}
    )
    layout |= {"showlegend": True, "legend": {"orientation": "h", "y": 1.12, "x": 0}}
    return Figure(
        key="study",
        title=say("fig.study"),
        shows=say("fig.study.shows"),
        reads=say("fig.study.read_up" if rising else "fig.study.read"),
        data=(points, best),
        layout=layout | {"margin": {"l": 58, "r": 14, "t": 30, "b": 50}},
        head=(say("col.trial"), say("axis.value"), say("col.best")),
        rows=tuple(
            (str(trial.number), significant(trial.value or 0.0, 4), significant(trial.best or 0, 4))
            for trial in done[:200]
        ),
    )


def weights_figure(weights: tuple[Weight, ...]) -> Figure:
    """Return the weights of the stack."""
    return bar_figure(
        "weights",
        "fig.weights",
        [one.label for one in weights],
        [one.weight for one in weights],
        [significant(one.weight) for one in weights],
        [MODEL] * len(weights),
        {"title": {"text": say("axis.weight")}},
        (say("col.name"), say("col.weight")),
    )
