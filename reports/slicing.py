"""Evaluation + posts -> how well each kind of post is predicted."""

from typing import TYPE_CHECKING

from virality.data.errors import InputError
from virality.reports.report_fit import SliceScore
from virality.reports.strings import STRINGS
from virality.reports.words import tidy

if TYPE_CHECKING:
    from virality.data.features import Features
    from virality.modeling.evaluate import Evaluation
    from virality.modeling.slices import Slice
    from virality.modeling.train import Model


def slices_of(
    one: "Evaluation", model: "Model", features: "Features", seed: int
) -> tuple[SliceScore, ...]:
    """Return the scores of each kind of judged post; none if the features are of other posts.

    Args:
        one: an evaluation.
        model: whose recipe it judged.
        features: the posts that it was made on.
        seed: of the split and of the bootstrap.
    """
    from virality.modeling.ground import lay_ground
    from virality.modeling.slices import slice_up

    if not set(one.ids) <= {str(name) for name in features.matrix.frame.index}:
        return ()
    try:
        ground = lay_ground(model, features.matrix, features.posts, split=one.split, seed=seed)  # type: ignore[arg-type]
    except InputError:  # the posts were judged elsewhere, and these are too few to split
        return ()
    return tuple(_score(part) for part in slice_up(one, ground, seed))


def _score(part: "Slice") -> SliceScore:
    metrics = part.metrics
    bias, error = metrics["bias"], metrics["mae"]
    return SliceScore(
        kind=STRINGS.get(f"slice.{part.kind}", part.kind),
        label=STRINGS.get(f"slicename.{part.name.replace(' ', '_')}", tidy(part.name, 60)),
        rows=part.rows,
        bias=float(bias.value),
        bias_low=float(bias.low),
        bias_high=float(bias.high),
        error=float(error.value),
        error_low=float(error.low),
        error_high=float(error.high),
        rank=float(metrics["spearman"].value),
        covered=float(metrics["coverage"].value),
    )
