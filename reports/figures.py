"""Values of a report -> plotly figures as plain dicts, in the order of the page."""

from collections.abc import Sequence

from virality.reports.drawing import BASELINE, INK, MODEL, Figure, hover, rows_layout
from virality.reports.figures_drivers import (
    control_figure,
    dependence_figure,
    feature_figure,
    modality_figure,
    swarm_figure,
    waterfall_figure,
)
from virality.reports.figures_fit import fit_figures
from virality.reports.figures_making import making_figures
from virality.reports.report import Report, SplitScores
from virality.reports.strings import say
from virality.reports.words import significant


def score_figure(splits: Sequence[SplitScores], metric: str, title: str, log: bool) -> Figure:
    """Return scores with intervals as dots and whiskers: every split, model and baselines."""
    shown = [
        (f"{score.label} · {split.label}", score)
        for split in splits
        for score in split.scores
        if metric in score.metrics
    ]
    points = [score.metrics[metric] for _, score in shown]
    colours = [MODEL if score.name == "model" else BASELINE for _, score in shown]
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": [point.value for point in points],
        "y": list(range(len(points))),
        "marker": {"size": 11, "color": colours},
        "error_x": {
            "type": "data", "symmetric": False, "thickness": 2, "width": 5, "color": INK,
            "array": [max(0.0, point.high - point.value) for point in points],
            "arrayminus": [max(0.0, point.value - point.low) for point in points],
        },
        "text": [hover(label) for label, _ in shown],
        "customdata": [
            f"{significant(point.value, 3)} ({significant(point.low, 3)} "
            f"– {significant(point.high, 3)})"
            for point in points
        ],
        "hovertemplate": "%{text}<br>%{customdata}<extra></extra>",
    }  # fmt: skip
    key = "rank" if metric == "spearman" else "error"
    ending = "_score" if key == "error" and not log else ""
    return Figure(
        key=f"scores-{key}",
        title=say(f"fig.{key}"),
        shows=say(f"fig.{key}.shows{ending}"),
        reads=say(f"fig.{key}.read{ending}"),
        data=(trace,),
        layout=rows_layout(
            [label for label, _ in shown],
            {"title": {"text": title}, "automargin": True, "zeroline": key == "rank"},
            42,
        ),
    )


def figures_of(report: Report) -> tuple[Figure, ...]:
    """Return every figure of a report, in the order of the page."""
    log, unit = report.subject.log, report.subject.unit
    explained = report.explained
    splits = report.belief.splits
    error = "factor" if log else "mae"
    figures = [
        score_figure(splits, "spearman", say("axis.spearman"), log),
        score_figure(splits, error, say("axis.mae_factor" if log else "axis.mae"), log),
    ] if splits else []  # fmt: skip
    if explained.features:
        figures += [modality_figure(explained, log), feature_figure(explained.features, log)]
        figures += [control_figure(explained.controls)]
        figures += [swarm_figure(explained, log)]
    figures += [
        dependence_figure(place, shape, log) for place, shape in enumerate(explained.dependences)
    ]
    figures += [figure for fit in report.fits for figure in fit_figures(fit, unit, log)]
    figures += [waterfall_figure(place, post, unit, log) for place, post in enumerate(report.posts)]
    return (*figures, *making_figures(report))
