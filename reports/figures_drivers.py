"""Figures of what drives the predictions, and of single posts."""

from collections.abc import Mapping, Sequence
from math import log10
from typing import Any

from virality.reports.drawing import (
    BASELINE,
    CONTROL_COLOURS,
    DOWN,
    GRID,
    MODEL,
    UP,
    Figure,
    bar_figure,
    count_ticks,
    dotted,
    effect_ticks,
    hover,
    plain_layout,
    rows_layout,
)
from virality.reports.report import Control, Dependence, Driver, Explained, PostStory
from virality.reports.strings import FACTORS, UNITS, say
from virality.reports.words import (
    amount,
    count_words,
    factor,
    percent,
    significant,
    times,
    value_words,
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
    xaxis = {"title": {"text": _axis_name(shape)}, "anchor": "y2", **_value_ticks(shape, log)}
    layout = plain_layout(330, xaxis, yaxis)
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
    """Return what the axis shows; few enough letters for a phone."""
    unit = UNITS.get(shape.unit, shape.unit)
    unit = f" ({unit})" if unit and shape.unit not in ("0/1", "share", "log10", "score") else ""
    room = 42 - len(unit)
    label = shape.label if len(shape.label) < room else f"{shape.label[: room - 1]}…"
    return hover(f"{label}{unit}")


def _value_ticks(shape: Dependence, log: bool) -> dict[str, Any]:
    """Return ticks in real units: counts for a logarithm, no and yes for a flag, percent."""
    if shape.unit == "0/1":
        return {"tickvals": [0, 1], "ticktext": [say("no"), say("yes")], "range": [-0.5, 1.5]}
    if shape.unit == "share":
        return {"tickformat": ".0%"}
    if shape.unit != "log10" and not (shape.unit == "score" and log):
        return {}
    if shape.feature in FACTORS:
        return effect_ticks(shape.edges[0], shape.edges[-1], log)
    return {
        "tickvals": list(range(-3, 13)),
        "ticktext": [value_words(float(power), "log10") for power in range(-3, 13)],
    }


def waterfall_figure(place: int, post: PostStory, unit: str, log: bool) -> Figure:
    """Return how reasons add up to one prediction."""
    labels = [
        f"{step.label} ({step.value_text})" if step.value_text else step.label
        for step in post.steps
    ]
    pushes = [times(step.effect, log) for step in post.steps]
    data = {
        "type": "bar",
        "orientation": "h",
        "width": 0.36,
        "y": list(range(len(post.steps))),
        "base": [step.total - step.effect for step in post.steps],
        "x": [step.effect for step in post.steps],
        "marker": {"color": [UP if step.effect >= 0 else DOWN for step in post.steps]},
        "text": [hover(label) for label in labels],
        "customdata": pushes,
        "textposition": "none",
        "hovertemplate": "%{text}: %{customdata}<extra></extra>",
    }
    axis: dict[str, Any] = {"title": {"text": say("axis.predicted", unit=unit)}, "zeroline": False}
    if log:
        totals = [total for step in post.steps for total in (step.total, step.total - step.effect)]
        ticks = count_ticks(min(totals), max(totals))
        axis |= {
            "tickvals": [log10(tick) for tick in ticks],
            "ticktext": [count_words(tick) for tick in ticks],
        }
    return Figure(
        key=f"post-{place}",
        title=say("fig.waterfall"),
        shows=say("fig.waterfall.shows"),
        reads=say("fig.waterfall.read"),
        data=(data,),
        layout=rows_layout(labels, axis, 42, pushes)
        | {"shapes": [dotted(post.baseline, "x"), dotted(post.steps[-1].total, "x")]},
        head=(say("col.step"), say("col.effect"), say("col.total")),
        rows=tuple(
            (label, times(step.effect, log), _units(step.total, unit, log))
            for label, step in zip(labels, post.steps, strict=True)
        ),
    )


def _units(total: float, unit: str, log: bool) -> str:
    return amount(max(0.0, factor(total) - 1.0) if log else total, unit, log)
