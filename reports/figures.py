"""Values of a report -> plotly figures as plain dicts. The only module that knows plotly.

Colours are names of the page's style sheet (`var(--up)`), so that light, dark and print share one
figure; the page's script fills them in. Labels of rows stand *above* their bars, so that a figure
is as readable on a phone as on a desk.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from virality.reports.explain import control_shares
from virality.reports.report import (
    Control,
    Dependence,
    Driver,
    Explained,
    PostStory,
    Report,
    SplitScores,
)
from virality.reports.strings import say
from virality.reports.words import amount, count_words, factor, percent, significant, times

ROW = 46
MODEL, BASELINE, UP, DOWN = "var(--model)", "var(--quiet)", "var(--up)", "var(--down)"
INK, GRID = "var(--ink)", "var(--line)"
CONTROL_COLOURS = {"can": "var(--can)", "cannot": "var(--cannot)", "context": "var(--context)"}


@dataclass(frozen=True)
class Figure:
    """One plot: what the page draws, says about it, and shows as a table instead.

    Attributes:
        key: its id in the page, unique and the same every time.
        title, shows, reads: what it is, what it shows, how to read it.
        data, layout: for plotly.
        head, rows: the numbers behind it.
    """

    key: str
    title: str
    shows: str
    reads: str
    data: tuple[dict[str, Any], ...]
    layout: Mapping[str, Any]
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.layout["height"])


def bundle() -> str:
    """Return plotly's own minified script."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def hover(text: str) -> str:
    """Return text of strangers that plotly shows as it is: it reads a little HTML otherwise."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def rows_layout(labels: Sequence[str], axis: Mapping[str, Any], row: int = ROW) -> dict[str, Any]:
    """Return the layout of a figure of labelled rows, the first on top, labels above the marks."""
    return {
        "height": 64 + row * max(1, len(labels)),
        "margin": {"l": 8, "r": 14, "t": 6, "b": 48},
        "xaxis": {"zeroline": True, **axis},
        "yaxis": {"visible": False, "range": [len(labels) - 0.4, -0.75], "fixedrange": True},
        "annotations": [
            {
                "text": hover(label), "x": 0, "xref": "paper", "xanchor": "left", "y": place,
                "yref": "y", "yshift": 17, "showarrow": False, "align": "left",
            }
            for place, label in enumerate(labels)
        ],
        "showlegend": False,
    }  # fmt: skip


def plain_layout(height: int, xaxis: Mapping[str, Any], yaxis: Mapping[str, Any]) -> dict[str, Any]:
    """Return the layout of a figure with two axes."""
    return {
        "height": height,
        "margin": {"l": 58, "r": 14, "t": 10, "b": 50},
        "xaxis": dict(xaxis),
        "yaxis": dict(yaxis),
        "showlegend": False,
    }


def effect_ticks(low: float, high: float, log: bool) -> dict[str, Any]:
    """Return ticks that read as factors where the learning scale is a logarithm."""
    if not log:
        return {}
    steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100]
    if high - low < 0.5:
        steps = [0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.35, 1.5, 1.75, 2]
    if high - low < 0.08:
        steps = [0.9, 0.92, 0.94, 0.96, 0.98, 1, 1.02, 1.04, 1.06, 1.08, 1.1]
    return {
        "tickvals": [_log10(step) for step in steps],
        "ticktext": [f"× {step:g}" if step >= 1 else f"÷ {1 / step:.3g}" for step in steps],
    }


def _log10(value: float) -> float:
    from math import log10

    return round(log10(value), 6)


def unit_axis(title: str, log: bool) -> dict[str, Any]:
    """Return an axis in the target's own units, logarithmic for counts."""
    if not log:
        return {"title": {"text": title}}
    powers = range(10)
    return {
        "title": {"text": title},
        "type": "log",
        "tickvals": [10**power for power in powers],
        "ticktext": [count_words(10**power) for power in powers],
    }


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
            [label for label, _ in shown], {"title": {"text": title}, "automargin": True}, 42
        ),
    )


def bar_figure(
    key: str,
    title: str,
    labels: Sequence[str],
    values: Sequence[float],
    texts: Sequence[str],
    colours: Sequence[str],
    axis: Mapping[str, Any],
    head: tuple[str, ...] = (),
) -> Figure:
    """Return labelled horizontal bars; `title.shows` and `title.read` explain them."""
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": list(values),
        "y": list(range(len(values))),
        "width": 0.36,
        "marker": {"color": list(colours)},
        "text": [hover(text) for text in texts],
        "textposition": "none",
        "customdata": [hover(label) for label in labels],
        "hovertemplate": "%{customdata}<br>%{text}<extra></extra>",
    }
    written = [f"{label} · {text}" for label, text in zip(labels, texts, strict=True)]
    return Figure(
        key=key,
        title=say(title),
        shows=say(f"{title}.shows"),
        reads=say(f"{title}.read"),
        data=(trace,),
        layout=rows_layout(written, axis),
        head=head,
        rows=tuple(zip(labels, texts, strict=True)),
    )


def _push(effect: float, log: bool) -> str:
    """Return a mean absolute push in words: it has no direction."""
    return f"× ÷ {factor(effect):.2f}" if log else f"± {significant(effect)}"


def modality_figure(explained: Explained, log: bool) -> Figure:
    """Return importance by modality."""
    shares = explained.modalities
    return bar_figure(
        "modalities",
        "fig.modalities",
        [one.label for one in shares],
        [one.share for one in shares],
        [f"{percent(one.share)}, {_push(one.effect, log)}" for one in shares],
        [MODEL] * len(shares),
        {"title": {"text": say("axis.share")}, "tickformat": ".0%"},
        (say("col.modality"), say("col.share")),
    )


def feature_figure(drivers: Sequence[Driver], log: bool, most: int = 15) -> Figure:
    """Return importance by feature, coloured by what can be changed."""
    top = drivers[:most]
    return bar_figure(
        "features",
        "fig.features",
        [one.label for one in top],
        [one.share for one in top],
        [f"{percent(one.share, 1)}, {_push(one.effect, log)}" for one in top],
        [CONTROL_COLOURS[one.control] for one in top],
        {"title": {"text": say("axis.share")}, "tickformat": ".0%"},
        (say("col.feature"), say("col.share")),
    )


def control_figure(shares: Mapping[Control, float]) -> Figure:
    """Return the shares that can be changed, cannot, and context."""
    return bar_figure(
        "controls",
        "fig.controls",
        [say(f"control.{one}") for one in shares],
        list(shares.values()),
        [percent(share) for share in shares.values()],
        [CONTROL_COLOURS[one] for one in shares],
        {"title": {"text": say("axis.share")}, "tickformat": ".0%"},
        (say("col.control"), say("col.share")),
    )


def swarm_figure(explained: Explained, log: bool) -> Figure:
    """Return the beeswarm: a row a feature, a point a post."""
    data = []
    for place, row in enumerate(explained.swarms):
        known = any(shade is not None for shade in row.shades)
        shades = [0.5 if shade is None else shade for shade in row.shades]
        marker: dict[str, Any] = {"size": 4, "opacity": 0.75, "color": BASELINE}
        if known:
            scale = [[0, DOWN], [0.5, BASELINE], [1, UP]]
            marker |= {"color": shades, "colorscale": scale, "cmin": 0, "cmax": 1}
        data.append(
            {
                "type": "scatter", "mode": "markers", "marker": marker,
                "x": list(row.effects),
                "y": [round(place + 0.16 + 0.26 * offset, 3) for offset in row.offsets],
                "name": hover(row.label), "hoverinfo": "name+x",
            }
        )  # fmt: skip
    effects = [one for row in explained.swarms for one in row.effects] or [0.0]
    low, high = min(effects), max(effects)
    axis = {
        "title": {"text": say("axis.factor" if log else "axis.score")},
        **effect_ticks(low, high, log),
    }
    return Figure(
        key="swarm",
        title=say("fig.swarm"),
        shows=say("fig.swarm.shows"),
        reads=say("fig.swarm.read"),
        data=tuple(data),
        layout=rows_layout([row.label for row in explained.swarms], axis, 58)
        | {"hovermode": "closest"},
    )


def dependence_figure(place: int, shape: Dependence, log: bool) -> Figure:
    """Return mean contribution over a feature's range, with its band and the density below."""
    axis = {"title": {"text": say("axis.factor" if log else "axis.score")}}
    ends = [*shape.lows, *shape.highs]
    band = {"type": "scatter", "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    centres = [(a + b) / 2 for a, b in zip(shape.edges, shape.edges[1:], strict=False)]
    data: tuple[dict[str, Any], ...] = (
        {"type": "bar", "x": centres, "y": list(shape.density), "yaxis": "y2",
         "marker": {"color": GRID}, "hovertemplate": "%{y}<extra></extra>"},
        {**band, "x": list(shape.values), "y": list(shape.lows)},
        {**band, "x": list(shape.values), "y": list(shape.highs), "fill": "tonexty",
         "fillcolor": "var(--band)"},
        {"type": "scatter", "mode": "lines+markers", "x": list(shape.values),
         "y": list(shape.effects), "line": {"color": MODEL, "width": 2},
         "marker": {"size": 7, "color": MODEL},
         "text": [f"{name}: {times(effect, log)}"
                  for name, effect in zip(shape.names, shape.effects, strict=True)],
         "hovertemplate": "%{text}<extra></extra>"},
    )  # fmt: skip
    yaxis = {**axis, **effect_ticks(min(ends), max(ends), log), "domain": [0.26, 1], "anchor": "x"}
    layout = plain_layout(330, {"title": {"text": _axis_name(shape)}, "anchor": "y2"}, yaxis)
    layout["yaxis2"] = {"domain": [0, 0.2], "title": {"text": say("axis.posts")}, "nticks": 3}
    layout["bargap"] = 0.05
    return Figure(
        key=f"dependence-{place}",
        title=shape.label,
        shows=shape.sentence,
        reads="",
        data=data,
        layout=layout,
        head=(say("col.value"), say("col.effect"), say("col.count")),
        rows=tuple(
            (name, times(effect, log), str(number))
            for name, effect, number in zip(shape.names, shape.effects, shape.counts, strict=True)
        ),
    )


def _axis_name(shape: Dependence) -> str:
    unit = "" if shape.unit in ("", "0/1") else f" ({shape.unit})"
    label = shape.label if len(shape.label) < 48 else f"{shape.label[:47]}…"
    return hover(f"{label}{unit}")


def waterfall_figure(place: int, post: PostStory, unit: str, log: bool) -> Figure:
    """Return how reasons add up to one prediction."""
    labels = [
        f"{step.label}{' (' + step.value_text + ')' if step.value_text else ''} · "
        f"{times(step.effect, log)}"
        for step in post.steps
    ]
    data = {
        "type": "bar",
        "orientation": "h",
        "width": 0.36,
        "y": list(range(len(post.steps))),
        "base": [step.total - step.effect for step in post.steps],
        "x": [step.effect for step in post.steps],
        "marker": {"color": [UP if step.effect >= 0 else DOWN for step in post.steps]},
        "text": [hover(label) for label in labels],
        "textposition": "none",
        "hovertemplate": "%{text}<extra></extra>",
    }
    axis: dict[str, Any] = {"title": {"text": say("axis.predicted", unit=unit)}, "zeroline": False}
    if log:
        ticks = [(power, base) for power in range(10) for base in (1, 2, 5)]
        axis["tickvals"] = [power + _log10(base) for power, base in ticks]
        axis["ticktext"] = [count_words(base * 10**power) for power, base in ticks]
    return Figure(
        key=f"post-{place}",
        title=post.chosen,
        shows=say("fig.waterfall.shows"),
        reads=say("fig.waterfall.read"),
        data=(data,),
        layout=rows_layout(labels, axis, 42)
        | {"shapes": [dotted(post.baseline, "x"), dotted(post.steps[-1].total, "x")]},
        head=(say("col.step"), say("col.effect"), say("col.total")),
        rows=tuple(
            (label, times(step.effect, log), _units(step.total, unit, log))
            for label, step in zip(labels, post.steps, strict=True)
        ),
    )


def _units(total: float, unit: str, log: bool) -> str:
    return amount(max(0.0, factor(total) - 1.0) if log else total, unit, log)


def dotted(at: float, axis: str) -> dict[str, Any]:
    """Return a dotted line across a plot at one place of the `x` or `y` axis."""
    other = "y" if axis == "x" else "x"
    return {
        "type": "line", f"{axis}0": at, f"{axis}1": at, f"{other}0": 0, f"{other}1": 1,
        f"{other}ref": "paper", "layer": "below",
        "line": {"color": BASELINE, "width": 1.5, "dash": "dot"},
    }  # fmt: skip


def figures_of(report: Report) -> tuple[Figure, ...]:
    """Return every figure of a report, in the order of the page."""
    from virality.reports.figures_fit import fit_figures
    from virality.reports.figures_making import making_figures

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
        figures += [control_figure(control_shares(explained.features))]
        figures += [swarm_figure(explained, log)]
    figures += [
        dependence_figure(place, shape, log) for place, shape in enumerate(explained.dependences)
    ]
    figures += [figure for fit in report.fits for figure in fit_figures(fit, unit, log)]
    figures += [waterfall_figure(place, post, unit, log) for place, post in enumerate(report.posts)]
    return (*figures, *making_figures(report))
