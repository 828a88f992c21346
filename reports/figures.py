"""Values of a report -> its figures, in the order of the page."""

from virality.reports.drawing import Figure
from virality.reports.figures_belief import score_figure
from virality.reports.figures_drivers import (
    control_figure,
    dependence_figure,
    feature_figure,
    modality_figure,
    swarm_figure,
)
from virality.reports.figures_fit import fit_figures
from virality.reports.figures_making import making_figures
from virality.reports.figures_more import cover_figure, interaction_figure, slice_figure
from virality.reports.figures_posts import waterfall_figure
from virality.reports.figures_trends import trend_figures
from virality.reports.figures_whatif import what_if_figures
from virality.reports.report import Report


def figures_of(report: Report) -> tuple[Figure, ...]:
    """Return every figure of a report, in the order of the page."""
    log, unit, counts = report.subject.log, report.subject.unit, report.subject.counts
    figures = [*_belief(report), *_drivers(report)]
    for fit in report.fits:
        figures += fit_figures(fit, unit, log, counts)
        figures += [slice_figure(fit, log)] if fit.slices else []
    for place, post in enumerate(report.posts):
        figures.append(waterfall_figure(place, post, unit, log, counts))
    for place, post in enumerate(report.posts):
        figures += what_if_figures(place, post, unit, log, counts)
    if report.trends is not None:
        figures += trend_figures(report.trends)
    return (*figures, *making_figures(report))


def _belief(report: Report) -> tuple[Figure, ...]:
    splits, log = report.belief.splits, report.subject.log
    if not splits:
        return ()
    metrics = ("spearman", "factor" if log else "mae")
    scores = tuple(score_figure(splits, metric, log) for metric in metrics)
    covers = report.belief.covers
    return (*scores, cover_figure(covers)) if covers else scores


def _drivers(report: Report) -> tuple[Figure, ...]:
    explained, log = report.explained, report.subject.log
    if not explained.features:
        return ()
    return (
        modality_figure(explained, log),
        feature_figure(explained.features, log),
        control_figure(explained.controls),
        swarm_figure(explained, report.subject),
        *(
            dependence_figure(place, shape, report.subject)
            for place, shape in enumerate(explained.dependences)
        ),
        *(
            interaction_figure(place, one, report.subject)
            for place, one in enumerate(explained.interactions)
        ),
    )
