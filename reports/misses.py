"""What the model saw in the posts that it missed by most."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from virality.reports.explain import reasons
from virality.reports.report import Fit

if TYPE_CHECKING:
    from virality.data.features import Features
    from virality.modeling.train import Model

MOST = 3


def with_reasons(fit: Fit, model: "Model", features: "Features", usual: Mapping[str, float]) -> Fit:
    """Return the fit with the reasons of each large miss, where the post is among the features.

    The reasons are of the finished model, which has learned from the post: they say what pulls its
    prediction up and down, not what the model of the split thought.
    """
    place = {str(name): row for row, name in enumerate(features.matrix.frame.index)}
    there = [miss.id for miss in fit.misses if miss.id in place]
    if not there:
        return fit
    posts = features.posts.iloc[[place[name] for name in there]].reset_index(drop=True)
    contributions = model.contributions(features.matrix.rows(there), posts)
    told = {}
    for row, name in enumerate(there):
        up, down = reasons(contributions, row, model.target, most=MOST, usual=usual)
        told[name] = tuple(one.sentence for one in up), tuple(one.sentence for one in down)
    return replace(
        fit,
        misses=tuple(
            replace(miss, up=told[miss.id][0], down=told[miss.id][1]) if miss.id in told else miss
            for miss in fit.misses
        ),
    )
