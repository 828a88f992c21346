"""Figures of how a model was made: its study, its stack, and what its data lack."""

from virality.reports.drawing import Dot, Figure, Mark, Panel, Shape, bar_figure, polyline
from virality.reports.figures_more import importance_figure
from virality.reports.report import Report
from virality.reports.report_making import FieldCard, Making, Study, Trial
from virality.reports.scales import (
    Scale,
    around,
    number_words,
    plain_axis,
    round_values,
    share_axis,
    x_axis,
    y_axis,
)
from virality.reports.strings import say
from virality.reports.words import chance, fixed, percent, significant

LOW = 220.0


def making_figures(report: Report) -> tuple[Figure, ...]:
    """Return those that there is something to show in."""
    figures = []
    lacking = tuple(one for one in report.data.filled if one.missing > 0)
    if lacking:
        figures.append(missing_figure(lacking))
    study = report.making.study
    if study is not None and sum(trial.value is not None for trial in study.trials) > 1:
        figures.append(study_figure(study))
    if report.making.importance:
        figures.append(importance_figure(report.making.importance))
    if report.making.weights:
        figures += weights_figures(report.making)
    return tuple(figures)


def missing_figure(fields: tuple[FieldCard, ...]) -> Figure:
    """Return the share of posts that lack each field, most first."""
    order = sorted(fields, key=lambda one: (-one.missing, one.name))[:20]
    scale = Scale(0.0, 1.0)
    return bar_figure(
        "missing",
        "fig.missing",
        [one.meaning or one.name for one in order],
        [one.missing for one in order],
        [_missing(one.missing) for one in order],
        ["quiet"] * len(order),
        scale,
        share_axis(scale, say("axis.missing")),
        (say("col.field"), say("col.missing")),
        "fields",
    )


def _missing(share: float) -> str:
    """Return a share of posts in percent; one post is not none, and all but one are not all.

    >>> _missing(0.0), _missing(1 / 60_000), _missing(1 / 600), _missing(599 / 600)
    ('0 %', 'under 1 %', '0.2 %', 'over 99 %')
    """
    if share in (0.0, 1.0):
        return percent(share)
    if 0.0005 <= share < 0.01:
        return percent(share, 1)
    return chance(share)


def study_figure(study: Study) -> Figure:
    """Return every finished trial and the best so far."""
    done = [trial for trial in study.trials if trial.value is not None]
    across = around([float(trial.number) for trial in done])
    up = around([trial.value or 0.0 for trial in done])
    dots: tuple[Mark, ...] = tuple(
        Dot(
            across.x(trial.number), up.y(trial.value or 0.0, LOW), 3.5, "quiet",
            say("tip.trial", number=trial.number, value=significant(trial.value or 0.0, 4)),
        )
        for trial in done
    )  # fmt: skip
    return Figure(
        key="study",
        title=say("fig.study"),
        shows=say("fig.study.shows"),
        reads=say("fig.study.read"),
        plot=Panel(
            int(LOW),
            x_axis(
                across,
                say("axis.trial"),
                [one for one in round_values(across.low, across.high) if one == round(one)],
                number_words,
            ),
            y_axis(up, say("axis.value"), round_values(up.low, up.high, 5), number_words, LOW),
            (Shape(_steps(done, across, up), "model"), *dots),
        ),
        head=(say("col.trial"), say("axis.value"), say("col.best")),
        rows=tuple(
            (str(trial.number), significant(trial.value or 0.0, 4), significant(trial.best or 0, 4))
            for trial in done[:200]
        ),
        legend=(("model", say("legend.best")), ("quiet", say("legend.trial"))),
        table="trials",
    )


def _steps(done: list[Trial], across: Scale, up: Scale) -> str:
    """Return the best so far as stairs."""
    xs: list[float] = []
    ys: list[float] = []
    for trial in done:
        x, y = across.x(trial.number), up.y(trial.best or 0.0, LOW)
        xs += [x, x] if ys else [x]
        ys += [ys[-1], y] if ys else [y]
    return polyline(xs, ys, LOW)


def weights_figures(making: Making) -> tuple[Figure, ...]:
    """Return the weights of the stack, of known and of unknown authors apart where they differ."""
    labels = [one.label for one in making.weights]
    new, known = [one.weight for one in making.weights], [one.known for one in making.weights]
    if not making.apart:
        return (_weights("weights", labels, new, max(new)),)
    most = max(*new, *known)
    return _weights("weights_new", labels, new, most), _weights(
        "weights_known", labels, known, most
    )


def _weights(key: str, labels: list[str], values: list[float], most: float) -> Figure:
    scale = Scale(0.0, most * 1.02 or 1.0)
    return bar_figure(
        key,
        f"fig.{key}",
        labels,
        values,
        [fixed(value) for value in values],
        ["model"] * len(values),
        scale,
        plain_axis(scale, say("axis.weight")),
        (say("col.name"), say("col.weight")),
        "weights",
    )
