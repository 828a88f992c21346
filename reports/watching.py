"""A monitored model -> what its page shows: a headline, tiles, sentences and figures."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from virality.modeling.drift import tell
from virality.reports.drawing import STRIP, Dot, Figure, Row, Rows, bar_figure, whisker
from virality.reports.report import Tile
from virality.reports.scales import (
    Scale,
    around,
    number_words,
    plain_axis,
    round_values,
    x_axis,
)
from virality.reports.strings import counted, say
from virality.reports.words import (
    block_label,
    factor,
    fixed,
    label,
    percent,
    value_words,
    whole,
)

if TYPE_CHECKING:
    from virality.data.matrix import Column
    from virality.modeling.drift import Drift
    from virality.modeling.metrics import Metric
    from virality.modeling.watch import Stretch, Watch

SHOWN = 15
"""Features shown; the JSON twin has all of them."""


@dataclass(frozen=True)
class Told:
    """What the page says, ready to be shown.

    Attributes:
        sub: which model and how many predictions.
        advice: what to do: a key of the strings.
        headline: the same as a sentence.
        reasons, notes, drifts: sentences.
        drift: what the drift comes to.
        tiles: numbers in words.
    """

    sub: str
    advice: str
    headline: str
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    drift: str
    drifts: tuple[str, ...]
    tiles: tuple[Tile, ...]


def named_drifts(drifts: Sequence["Drift"], columns: Mapping[str, "Column"]) -> tuple["Drift", ...]:
    """Return drifts that call features as the report does, with medians in their units."""
    blocks = {one.block: one.modality for one in columns.values() if one.block}
    return tuple(_named(one, columns.get(one.name), blocks) for one in drifts)


def _named(drift: "Drift", column: "Column | None", blocks: Mapping[str, str]) -> "Drift":
    if column is None:  # a place along the axis of an embedding has no unit
        return replace(drift, said=_quote(block_label(drift.name, blocks.get(drift.name, ""))))
    now, before = (
        value_words(one, column.unit, column.name)
        for one in (drift.median_now, drift.median_before)
    )
    return replace(drift, said=_quote(label(column.name, column.meaning)), medians=(now, before))


def _quote(name: str) -> str:
    return f"\u201c{name}\u201d"


def tell_watch(watch: "Watch") -> Told:
    """Return what the page of a monitored model says."""
    return Told(
        sub=say(
            "watch.sub", outcomes=whole(watch.outcomes), predictions=whole(watch.predictions),
            target=watch.target, model=watch.model[:12],
        ),
        advice=watch.advice,
        headline=say(f"watch.{watch.advice}"),
        reasons=tuple(_quoted(one) for one in watch.reasons),
        notes=tuple(_quoted(one) for one in watch.notes),
        drift=_drift(watch),
        drifts=_drift_sentences(watch),
        tiles=_tiles(watch) if watch.metrics else (),
    )  # fmt: skip


def _quoted(sentence: str) -> str:
    """Return a sentence of the terminal with the commands in it between quotation marks."""
    return re.sub("`([^`]*)`", "\u201c\\1\u201d", sentence)


def _drift(watch: "Watch") -> str:
    if not watch.drifts:
        return say("watch.drift_unknown")
    if not watch.moved:
        return say("watch.drift_none")
    return say("watch.drift_lead", moved=whole(len(watch.moved)), all=whole(len(watch.drifts)))


def _drift_sentences(watch: "Watch") -> tuple[str, ...]:
    target = () if watch.target_drift is None else (watch.target_drift.sentence,)
    return (*target, *tell(watch.moved, SHOWN))


def _tiles(watch: "Watch") -> tuple[Tile, ...]:
    error, rank = watch.metrics["mae"], watch.metrics["spearman"]
    lean = say(
        "watch.bias_low" if watch.bias.value > 0 else "watch.bias_high",
        bias=_size(abs(watch.bias.value), watch.log),
    )
    return (
        Tile(
            _size(error.value, watch.log), say("watch.error"),
            say("watch.error_note", expected=_size(watch.expected, watch.log)),
        ),
        Tile(lean, say("watch.bias"), _bias_note(watch)),
        Tile(
            percent(watch.coverage.value), say("watch.coverage"),
            say(
                "watch.coverage_note", low=percent(watch.coverage.low),
                high=percent(watch.coverage.high),
            ),
        ),
        Tile(fixed(rank.value), say("watch.rank"), _note("watch.rank_note", rank)),
    )  # fmt: skip


def _size(steps: float, log: bool) -> str:
    """Return a difference on the learning scale: a factor where that is a logarithm."""
    return say("watch.factor", factor=f"{factor(steps):.2f}") if log else fixed(steps)


def _bias_note(watch: "Watch") -> str:
    if not watch.log:
        return _note("watch.bias_note", watch.bias)
    low, high = (fixed(factor(end)) for end in (watch.bias.low, watch.bias.high))
    return say("watch.bias_note_log", low=low, high=high)


def _note(key: str, metric: "Metric") -> str:
    return say(key, low=fixed(metric.low), high=fixed(metric.high))


def figures_of_watch(watch: "Watch") -> tuple[Figure, ...]:
    """Return the figures of the page: three over time, and the drift, where there is any."""
    figures: list[Figure] = []
    if watch.stretches:
        figures += [
            _over_time("error", watch, lambda one: one.error, expected=True),
            _over_time("bias", watch, lambda one: one.bias, line=0.0),
            _over_time("coverage", watch, lambda one: one.coverage, line=0.8),
        ]
    if watch.drifts:
        figures.append(_drift_figure(watch))
    return tuple(figures)


def _over_time(
    key: str,
    watch: "Watch",
    chosen: "Callable[[Stretch], Metric]",
    *,
    line: float | None = None,
    expected: bool = False,
) -> Figure:
    """Return a row a stretch: its number with an interval, and what it is held against."""
    found = [chosen(one) for one in watch.stretches]
    ends = [end for one in found for end in (one.low, one.high)]
    marks = [one.expected for one in watch.stretches] if expected else [line or 0.0]
    scale = Scale(0.0, 1.0) if key == "coverage" else around([*ends, *marks], zero=True)
    words = percent if key == "coverage" else number_words
    axis = x_axis(scale, say(f"axis.watch_{key}"), round_values(scale.low, scale.high), words)
    rows, table = [], []
    for one, metric in zip(watch.stretches, found, strict=True):
        day, value = _day(one.start), words(round(metric.value, 3))
        note = counted("watch.row", one.posts, value=value, posts=whole(one.posts))
        tick = (_expected(scale, one.expected),) if expected else ()
        dot = Dot(scale.x(metric.value), STRIP / 2, 5.0, "model", f"{day}: {value}")
        rows.append(Row(day, note, (*whisker(scale, metric.low, metric.high, STRIP), *tick, dot)))
        span = f"{metric.low:.3f} – {metric.high:.3f}"
        cells = (day, whole(one.posts), f"{metric.value:.3f}", span)
        table.append((*cells, *((f"{one.expected:.3f}",) if expected else ())))
    head = ["from", "posts", "value", "interval", *(["expected"] if expected else [])]
    title = f"fig.watch_{key}"
    guides = () if line is None else (scale.x(line),)
    return Figure(
        key=f"watch-{key}", title=say(title), shows=say(f"{title}.shows"),
        reads=say(f"{title}.read"), plot=Rows(tuple(rows), axis, guides=guides),
        head=tuple(say(f"col.watch_{name}") for name in head), rows=tuple(table),
    )  # fmt: skip


def _expected(scale: Scale, value: float) -> Dot:
    return Dot(scale.x(value), STRIP / 2, 4.0, "up", say("watch.expected", value=f"{value:.3f}"))


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def _drift_figure(watch: "Watch") -> Figure:
    shown = watch.drifts[:SHOWN]
    scale = around([one.psi for one in shown], zero=True)
    return bar_figure(
        "watch-drift",
        "fig.watch_drift",
        [one.said.strip("\u201c\u201d") or label(one.name) for one in shown],
        [one.psi for one in shown],
        [f"{one.psi:.2f}" for one in shown],
        ["up" if one.moved else "quiet" for one in shown],
        scale,
        plain_axis(scale, say("axis.watch_psi")),
        (say("col.watch_feature"), say("axis.watch_psi")),
    )
