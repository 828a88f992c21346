"""What figures are made of: plotly's dicts, axes, rows and colours. The only user of plotly.

Colours are names of the page's style sheet (`var(--up)`), so that light, dark and print share one
figure; the page's script fills them in. Labels of rows stand *above* their bars, so that a figure
is as readable on a phone as on a desk.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from virality.reports.strings import say
from virality.reports.words import count_words

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
    """Return text of strangers that plotly shows as it is: it reads a little HTML and TeX."""
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("$", "&#36;")):
        text = text.replace(sign, entity)
    return text


def rows_layout(
    labels: Sequence[str],
    axis: Mapping[str, Any],
    row: int = ROW,
    suffixes: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Return the layout of a figure of labelled rows, the first on top, labels above the marks.

    Suffixes hold a row's numbers: the page shortens labels where it is narrow, never those.
    """
    suffixes = suffixes or [""] * len(labels)
    return {
        "height": 64 + row * max(1, len(labels)),
        "margin": {"l": 8, "r": 14, "t": 6, "b": 48},
        "xaxis": {"zeroline": True, **axis},
        "yaxis": {"visible": False, "range": [len(labels) - 0.4, -0.75], "fixedrange": True},
        "annotations": [
            {
                "text": hover(label), "name": hover(suffix), "x": 0, "xref": "paper",
                "xanchor": "left", "y": place, "yref": "y", "yshift": 17,
                "showarrow": False, "align": "left",
            }
            for place, (label, suffix) in enumerate(zip(labels, suffixes, strict=True))
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


def count_ticks(low: float, high: float) -> list[float]:
    """Return round counts from `low` to `high`, both in decades: dense where there are few."""
    mantissas: tuple[float, ...] = (1,)
    if high - low < 2.5:
        mantissas = (1, 2, 5)
    if high - low < 0.8:
        mantissas = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)
    if high - low < 0.15:
        mantissas = tuple(round(1 + 0.05 * i, 2) for i in range(180))
    powers = range(int(low) - 1, int(high) + 2)
    ticks = [mantissa * 10.0**power for power in powers for mantissa in mantissas]
    return [tick for tick in ticks if low - 0.3 <= _log10(tick) <= high + 0.3]


def unit_axis(title: str, log: bool, values: Sequence[float]) -> dict[str, Any]:
    """Return an axis in the target's own units, logarithmic for counts (all at least 1)."""
    if not log:
        return {"title": {"text": title}}
    ticks = count_ticks(_log10(min(values)), _log10(max(values)))
    return {
        "title": {"text": title},
        "type": "log",
        "tickvals": ticks,
        "ticktext": [count_words(tick) for tick in ticks],
    }


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
    return Figure(
        key=key,
        title=say(title),
        shows=say(f"{title}.shows"),
        reads=say(f"{title}.read"),
        data=(trace,),
        layout=rows_layout(labels, axis, suffixes=texts),
        head=head,
        rows=tuple(zip(labels, texts, strict=True)),
    )


def dotted(at: float, axis: str) -> dict[str, Any]:
    """Return a dotted line across a plot at one place of the `x` or `y` axis."""
    other = "y" if axis == "x" else "x"
    return {
        "type": "line", f"{axis}0": at, f"{axis}1": at, f"{other}0": 0, f"{other}1": 1,
        f"{other}ref": "paper", "layer": "below",
        "line": {"color": BASELINE, "width": 1.5, "dash": "dot"},
    }  # fmt: skip
