"""How the bases are mixed: weights for known and for unknown authors, by metric and by age."""

import numpy as np
import numpy.typing as npt

from virality.modeling.objective import badness, fading, loss_of, row_weights
from virality.modeling.oof import LEAST_WARM_ROWS, OutOfFold
from virality.modeling.recipe import Recipe
from virality.modeling.weights import Weights, fit_weights

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

LEAST_NEW, LEAST_OLDER = 30, 60
"""Predictions out of fold, of the newest fifth and of those before it, from which on half-lives are
compared; below, the span itself is taken."""

ADAPTING = (1.0, 0.5, 0.25, 0.125)
"""Half-lives tried when the weights of the bases shall follow the newest posts, as shares of the
posts' span."""


def mix_bases(folded: OutOfFold, times: Floats, recipe: Recipe) -> tuple[Weights, Weights]:
    """Return weights for unknown and for known authors; few of either have those of all posts.

    Of a table of one author only the first posts have none before them: fitted on these alone, the
    weights of strangers would have their level from the one or two outcomes of that day.

    Posts that lack what some base reads say nothing about that base's weight: they are left out
    where enough others have everything.
    """
    outcome = folded.actual
    complete = folded.there.all(axis=1)
    recency = _adapting(folded, outcome, times[folded.row], recipe) if recipe.adapt else None

    def fit(mask: Flags) -> Weights:
        # A handful of complete posts would set the level of all the others.
        chosen = mask & complete if (mask & complete).sum() >= LEAST_WARM_ROWS else mask
        fade = None if recency is None else recency[chosen]
        return mixed(folded.predictions[chosen], outcome[chosen], recipe, fade)

    everyone = np.ones(len(outcome), dtype=np.bool_)
    if folded.warm.sum() < LEAST_WARM_ROWS:
        both = fit(everyone)
        return both, both
    strange = ~folded.warm
    return fit(strange if strange.sum() >= LEAST_WARM_ROWS else everyone), fit(folded.warm)


def mixed(said: Floats, y: Floats, recipe: Recipe, recency: Floats | None = None) -> Weights:
    """Return weights of the bases that suit the recipe's metric.

    Args:
        said: float64 (n, b), out of fold.
        y: float64 (n,).
        recipe: its metric, and how far weights are pulled towards equal ones.
        recency: float64 (n,), how much each post counts by its age.
    """
    loss = loss_of(recipe.metric)
    weights = row_weights(loss, y, recency)
    return fit_weights(said, y, recipe.equal_posts, absolute=loss != "l2", weights=weights)


def _adapting(folded: OutOfFold, y: Floats, times: Floats, recipe: Recipe) -> Floats | None:
    """Return weights by age under which older posts mix the newest fifth best, float64 (k,)."""
    border = np.nanquantile(times, 0.8) if np.isfinite(times).any() else np.inf
    new = times >= border
    if new.sum() < LEAST_NEW or (~new).sum() < LEAST_OLDER:
        return fading(times, ADAPTING[0])

    def error(half_life: float) -> float:
        weights = mixed(folded.predictions[~new], y[~new], recipe, fading(times[~new], half_life))
        return badness(recipe.metric, y[new], weights.mix(folded.predictions[new]))

    return fading(times, min(ADAPTING, key=error))


def of_group(
    warm: Flags, known: Weights, strange: Weights, there: Flags | None
) -> tuple[Floats, Floats]:
    """Return each post's weights, float64 (n, b), and intercept, float64 (n,)."""
    a, b = known.shares(len(warm), there), strange.shares(len(warm), there)
    return np.where(warm[:, None], a[0], b[0]), np.where(warm, a[1], b[1])
