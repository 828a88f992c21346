"""What figures are made of: rows or panels of marks at places already worked out.

Places along x are percent of the plot's width and places along y are pixels, so that one drawing
fits a phone, a desk and paper, and needs no script. Colours are names of the style sheet: light,
dark and print share one figure. Templates write the elements; nothing here knows about them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from virality.reports.scales import Axis, Scale
from virality.reports.strings import say

STRIP = 22
"""Height in pixels of the drawing of a row, unless it says otherwise."""


@dataclass(frozen=True)
class Bar:
    """A rectangle: x and width in percent, y and height in pixels."""

    kind: ClassVar[str] = "bar"
    x: float
    width: float
    y: float
    height: float
    style: str
    tip: str = ""


@dataclass(frozen=True)
class Dot:
    """A point: x in percent, y and radius in pixels; `tip` is what pointing at it says."""

    kind: ClassVar[str] = "dot"
    x: float
    y: float
    radius: float
    style: str
    tip: str = ""


@dataclass(frozen=True)
class Rule:
    """A straight line."""

    kind: ClassVar[str] = "rule"
    x1: float
    y1: float
    x2: float
    y2: float
    style: str


@dataclass(frozen=True)
class Shape:
    """A line through points, or the area that they enclose.

    Attributes:
        points: in a box of 1,000 by 1,000 over the whole plot: `0,500 1000,20`.
        style: colour; with `area` it is filled and has no outline.
    """

    kind: ClassVar[str] = "shape"
    points: str
    style: str
    area: bool = False


@dataclass(frozen=True)
class Note:
    """A few words in a plot; `anchor` says which end of them stands at x."""

    kind: ClassVar[str] = "note"
    x: float
    y: float
    text: str
    style: str = "soft"
    anchor: str = "middle"


Mark = Bar | Dot | Rule | Shape | Note


@dataclass(frozen=True)
class Row:
    """One row: words and a number above a strip of marks; `style` colours the words' key."""

    label: str
    note: str
    marks: tuple[Mark, ...]
    style: str = ""


@dataclass(frozen=True)
class Rows:
    """Labelled rows over one axis: bars, dots with whiskers, beeswarms, waterfalls.

    Labels stand *above* their marks, so that they are as readable on a phone as on a desk.
    `guides` are places of dotted lines through all rows, in percent.
    """

    kind: ClassVar[str] = "rows"
    rows: tuple[Row, ...]
    axis: Axis
    strip: int = STRIP
    guides: tuple[float, ...] = ()


@dataclass(frozen=True)
class Panel:
    """Marks over two axes; `names` are labels of y that need more room than numbers."""

    kind: ClassVar[str] = "panel"
    height: int
    x: Axis
    y: Axis
    marks: tuple[Mark, ...]
    names: bool = False


@dataclass(frozen=True)
class Figure:
    """One plot: what the page draws, says about it, and shows as a table instead.

    Attributes:
        key: its id in the page, unique and the same every time.
        title, shows, reads: what it is, what it shows, how to read it.
        plot: what is drawn.
        head, rows: the numbers behind it, as they are read.
        legend: style and words of what colours mean.
        table: the CSV table with the exact numbers, if there is one.
    """

    key: str
    title: str
    shows: str
    reads: str
    plot: Rows | Panel
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    legend: tuple[tuple[str, str], ...] = field(default=())
    table: str = ""


def polyline(xs: Sequence[float], ys: Sequence[float], height: float) -> str:
    """Return points given in percent and pixels as a `Shape` takes them.

    >>> polyline([0.0, 50.0], [0.0, 100.0], 200.0)
    '0,0 500,500'
    """
    return " ".join(f"{10 * x:.6g},{1000 * y / height:.6g}" for x, y in zip(xs, ys, strict=True))


def ribbon(
    xs: Sequence[float], lows: Sequence[float], highs: Sequence[float], height: float
) -> str:
    """Return the outline of a band between two lines, in percent and pixels."""
    ends = (*highs, *reversed(list(lows)))
    return polyline((*xs, *reversed(list(xs))), ends, height)


def span_bar(
    scale: Scale, start: float, end: float, style: str, tip: str, strip: int, top: float = 0.0
) -> Bar:
    """Return a bar of a row between two values, `top` pixels below the row's own."""
    left, right = sorted((scale.x(start), scale.x(end)))
    place, height = round(top + strip * 0.2, 1), round(strip * 0.6, 1)
    return Bar(left, round(max(right - left, 0.2), 2), place, height, style, tip)


def whisker(scale: Scale, low: float, high: float, strip: int) -> tuple[Mark, ...]:
    """Return an interval in the middle of a row: a line with two ends; nothing without bounds."""
    if not (low == low and high == high):
        return ()
    middle, left, right = strip / 2, scale.x(low), scale.x(high)
    return (
        Rule(left, middle, right, middle, "whisker"),
        Rule(left, middle - 4, left, middle + 4, "whisker"),
        Rule(right, middle - 4, right, middle + 4, "whisker"),
    )


def bar_figure(
    key: str,
    title: str,
    labels: Sequence[str],
    values: Sequence[float],
    texts: Sequence[str],
    styles: Sequence[str],
    scale: Scale,
    axis: Axis,
    head: tuple[str, ...] = (),
    table: str = "",
) -> Figure:
    """Return labelled horizontal bars; `title.shows` and `title.read` explain them."""
    rows = tuple(
        Row(label, text, (span_bar(scale, 0.0, value, style, f"{label}: {text}", STRIP),))
        for label, value, text, style in zip(labels, values, texts, styles, strict=True)
    )
    return Figure(
        key=key,
        title=say(title),
        shows=say(f"{title}.shows"),
        reads=say(f"{title}.read"),
        plot=Rows(rows, axis),
        head=head,
        rows=tuple(zip(labels, texts, strict=True)),
        table=table,
    )
