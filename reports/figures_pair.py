"""Figures of two reports side by side."""

from virality.reports.drawing import Dot, Figure, Mark, Row, Rows, span_bar, whisker
from virality.reports.figures_belief import bounds_words, interval_words
from virality.reports.pairing import Duel, Pair, metric_words, share_words
from virality.reports.scales import Scale, around, plain_axis, share_axis
from virality.reports.strings import say
from virality.reports.words import significant

STRIP = 34


def pair_figures(pair: Pair) -> tuple[Figure, ...]:
    """Return the figures of a comparison that there is something to show in."""
    names = pair.first.name, pair.second.name
    figures = []
    for metric in dict.fromkeys(one.metric for one in pair.duels):
        duels = [one for one in pair.duels if one.metric == metric]
        figures.append(_duel_figure(metric, duels, names))
    if pair.shifts:
        figures.append(_shift_figure(pair, names))
    return tuple(figures)


def _legend(names: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    return ("s0", names[0]), ("s4", names[1])


def _duel_figure(metric: str, duels: list[Duel], names: tuple[str, str]) -> Figure:
    both = [side for one in duels for side in (one.first, one.second)]
    scale = around([end for side in both for end in (side.low, side.value, side.high)])
    rows = []
    for one in duels:
        marks: list[Mark] = []
        for side, style, height, name in (
            (one.first, "s0", STRIP / 2, names[0]),
            (one.second, "s4", STRIP * 1.5, names[1]),
        ):
            marks += [*whisker(scale, side.low, side.high, int(height))]
            tip = say("tip.side", name=name, value=interval_words(side))
            marks.append(Dot(scale.x(side.value), int(height) / 2, 5.0, style, tip))
        note = say("pair.note", first=significant(one.first.value, 3),
                   second=significant(one.second.value, 3))  # fmt: skip
        rows.append(Row(one.label, note, tuple(marks)))
    return Figure(
        key=f"duel-{metric}",
        title=metric_words(metric),
        shows=say("fig.duel.shows"),
        reads=say("fig.duel.read"),
        plot=Rows(tuple(rows), plain_axis(scale, metric_words(metric)), STRIP),
        head=(say("col.split"), names[0], say("col.interval"), names[1], say("col.interval")),
        rows=tuple(
            (one.label, significant(one.first.value, 3), bounds_words(one.first),
             significant(one.second.value, 3), bounds_words(one.second))
            for one in duels
        ),
        legend=_legend(names),
        table="scores",
    )  # fmt: skip


def _shift_figure(pair: Pair, names: tuple[str, str]) -> Figure:
    most = max(max(one.first, one.second) for one in pair.shifts)
    scale = Scale(0.0, most * 1.02 or 1.0)
    rows = []
    for one in pair.shifts:
        words = share_words(one.first), share_words(one.second)
        bars = (
            span_bar(scale, 0.0, one.first, "s0", say("tip.side", name=names[0], value=words[0]),
                     int(STRIP / 2)),
            span_bar(scale, 0.0, one.second, "s4", say("tip.side", name=names[1], value=words[1]),
                     int(STRIP / 2), STRIP / 2 - 2),
        )  # fmt: skip
        rows.append(Row(one.label, say("pair.note", first=words[0], second=words[1]), bars))
    return Figure(
        key="shifts",
        title=say("fig.shifts"),
        shows=say("fig.shifts.shows"),
        reads=say("fig.shifts.read"),
        plot=Rows(tuple(rows), share_axis(scale, say("axis.share")), STRIP),
        head=(say("col.feature"), *names),
        rows=tuple((one.label, share_words(one.first), share_words(one.second))
                   for one in pair.shifts),
        legend=_legend(names),
        table="features",
    )  # fmt: skip
