"""What each part of the stack says by itself, and how much it counts in the mixture."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.matrix import FeatureMatrix
from virality.modeling.history import COLD
from virality.modeling.mixing import of_group
from virality.modeling.oof import readable
from virality.modeling.threads import one_blas_thread
from virality.modeling.train import Model

Floats = npt.NDArray[np.float64]

SLACK = 1e-6
"""How far the voices' mixture may lie from the model's own prediction, relative to it."""


@dataclass(frozen=True)
class Voices:
    """Predictions of b base models for n posts, on the learning scale.

    Attributes:
        names: of the bases: a modality, or the library of a base that reads everything.
        said: float64 (n, b), what each predicts by itself.
        weights: float64 (n, b), weight of each in the post's mixture, none below 0.
        intercept: float64 (n,), what the mixture adds.
        informed: bool (n, b), whether the base had any value of its own part of the post.
    """

    names: tuple[str, ...]
    said: Floats
    weights: Floats
    intercept: Floats
    informed: npt.NDArray[np.bool_]


def hear(model: Model, matrix: FeatureMatrix, posts: pd.DataFrame) -> Voices:
    """Return what every base of a model says of posts.

    Raises:
        BundleError: as `Model.predict`.
        AssertionError: if their mixture is not the model's own prediction.
    """
    rows = model.rows(matrix, posts)
    stack = model.stack
    with one_blas_thread():
        inputs = stack.projector.transform(rows)
        said = stack.voices(rows, inputs)
        mean = stack.predict(rows).mean
    warm = np.asarray(inputs.column(COLD) == 0)
    informed = readable(inputs, stack.bases)
    weights, intercept = of_group(warm, stack.warm, stack.cold, informed)
    mixed = intercept + (said * weights).sum(axis=1)
    worst = float((np.abs(mixed - mean) / np.maximum(np.abs(mean), 1.0)).max(initial=0.0))
    if worst > SLACK:
        raise AssertionError(f"the voices miss the prediction by {worst:.2g} (relative)")
    return Voices(tuple(base.name for base in stack.bases), said, weights, intercept, informed)
