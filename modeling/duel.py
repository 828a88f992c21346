"""Champion against challenger: two fitted models on posts that neither was trained on."""

import numpy as np
import pandas as pd

from virality.data.errors import InputError
from virality.data.matrix import FeatureMatrix
from virality.data.splits import author_codes, few_authors, resampling_units
from virality.modeling.compare import Comparison, is_real, judge_difference
from virality.modeling.metrics import Judged, mean_with_interval, score, score_differences
from virality.modeling.rows import align, measured
from virality.modeling.train import Model, Predictions


def duel(
    champion: Model,
    challenger: Model,
    matrix: FeatureMatrix,
    posts: pd.DataFrame,
    *,
    seed: int = 0,
) -> Comparison:
    """Compare what two models say of the same posts by a bootstrap paired by author.

    Args:
        champion: the model in use.
        challenger: the one that would replace it.
        matrix: features of posts; those without an outcome, and those that either model has
            learned from, are left out.
        posts: table that holds them, and earlier posts where outcomes are measured against these.
        seed: of the bootstrap.

    Raises:
        InputError: if no post has an outcome and is new to both.
    """
    actual = [measured(model.target, matrix, posts) for model in (champion, challenger)]
    ids = [str(name) for name in matrix.frame.index]
    seen = champion.has_learned(ids) | challenger.has_learned(ids)
    known = np.flatnonzero(np.isfinite(actual[0]) & np.isfinite(actual[1]) & ~seen)
    if not known.size:
        raise InputError(
            f"no post to judge by has a known {champion.target.outcome!r} and is new to both models"
        )
    matrix = matrix.rows(matrix.frame.index[known])
    judged = align(matrix, posts)
    said = champion.predict(matrix, judged), challenger.predict(matrix, judged)
    truth = actual[0][known], actual[1][known]
    units = resampling_units(judged)
    first, second = (
        _judged(one, guess, y)
        for one, guess, y in zip((champion, challenger), said, truth, strict=True)
    )
    inside = [
        ((y >= guess.low) & (y <= guess.high)).astype(np.float64)
        for guess, y in zip(said, truth, strict=True)
    ]
    covered = [mean_with_interval(held, units, seed) for held in inside]
    differences = score_differences(first, second, units, seed)
    codes = author_codes(judged)
    names = ("the champion", "the challenger")
    where = f"On the newest {len(judged):,} posts, which neither has seen,"
    few = few_authors(judged)
    return Comparison(
        target=champion.target.name,
        split="newest",
        rows=len(judged),
        authors=len(np.unique(codes[codes >= 0])),
        first=score(first, units, seed),
        second=score(second, units, seed),
        differences=differences,
        coverage=(covered[0], covered[1]),
        real=is_real(differences["mae"]),
        notes=(few,) if few else (),
        verdict=f"{where} {judge_difference(differences['mae'], names)}",
    )


def _judged(model: Model, guess: Predictions, actual: "np.typing.NDArray[np.float64]") -> Judged:
    hit = (actual >= model.stack.hit_threshold).astype(np.float64)
    return Judged(actual, guess.mean, hit, guess.hit_probability, model.target.log)
