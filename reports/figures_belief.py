"""Figures of whether the model is worth believing: scores beside the baselines, with intervals."""

from collections.abc import Sequence

from virality.reports.drawing import STRIP, Dot, Figure, Row, Rows, whisker
from virality.reports.report_scores import Interval, Score, SplitScores
from virality.reports.scales import around, plain_axis
from virality.reports.strings import say
from virality.reports.words import significant


def score_figure(splits: Sequence[SplitScores], metric: str, log: bool) -> Figure:
    """Return scores with intervals as dots and whiskers: every split, model and baselines."""
    shown = [
        (say("who.on", who=score.label, split=split.label), score)
        for split in splits
        for score in split.scores
        if metric in score.metrics
    ]
    points = [score.metrics[metric] for _, score in shown]
    rank = metric == "spearman"
    ends = [end for point in points for end in (point.low, point.high, point.value)]
    scale = around(ends, zero=rank)
    key = "rank" if rank else "error"
    ending = "_score" if not rank and not log else ""
    title = say("axis.spearman" if rank else "axis.mae_factor" if log else "axis.mae")
    return Figure(
        key=f"scores-{key}",
        title=say(f"fig.{key}"),
        shows=say(f"fig.{key}.shows{ending}"),
        reads=say(f"fig.{key}.read{ending}"),
        plot=Rows(
            tuple(
                Row(
                    label,
                    significant(point.value, 3),
                    (*whisker(scale, point.low, point.high, STRIP),
                     Dot(scale.x(point.value), STRIP / 2, 5.5, _style(score),
                         f"{label}: {interval_words(point)}")),
                    _style(score),
                )
                for (label, score), point in zip(shown, points, strict=True)
            ),
            plain_axis(scale, title),
            guides=(scale.x(0.0),) if rank else (),
        ),
        head=(say("col.who"), title, say("col.interval")),
        rows=tuple(
            (label, significant(one.value, 3), bounds_words(one))
            for (label, _), one in zip(shown, points, strict=True)
        ),
        table="scores",
    )  # fmt: skip


def _style(score: Score) -> str:
    return "model" if score.name == "model" else "quiet"


def bounds_words(one: Interval) -> str:
    """Return the bounds of an interval: `0.61 to 0.72`."""
    return say("bounds", low=significant(one.low, 3), high=significant(one.high, 3))


def interval_words(one: Interval) -> str:
    """Return a value with the bounds of its interval: `0.66 (0.61 to 0.72)`."""
    return say("interval", value=significant(one.value, 3), bounds=bounds_words(one))
