"""Champion against challenger: two fitted models on posts that neither was trained on."""

import numpy as np
import pandas as pd

from virality.data.matrix import FeatureMatrix
from virality.data.splits import author_codes, author_groups
from virality.modeling.compare import Comparison, is_real, judge_difference
from virality.modeling.metrics import Judged, mean_with_interval, score, score_differences
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
        matrix: features of posts that neither has seen, all with outcomes.
        posts: those posts.
        seed: of the bootstrap.
    """
    said = champion.predict(matrix, posts), challenger.predict(matrix, posts)
    actual = champion.target.values(posts), challenger.target.values(posts)
    groups = author_groups(posts)
    first, second = (
        _judged(one, guess, y)
        for one, guess, y in zip((champion, challenger), said, actual, strict=True)
    )
    inside = [
        ((y >= guess.low) & (y <= guess.high)).astype(np.float64)
        for guess, y in zip(said, actual, strict=True)
    ]
    covered = [mean_with_interval(held, groups, seed) for held in inside]
    differences = score_differences(first, second, groups, seed)
    codes = author_codes(posts)
    names = ("the champion", "the challenger")
    where = f"On the newest {len(posts):,} posts, which neither has seen,"
    return Comparison(
        target=champion.target.name,
        split="newest",
        rows=len(posts),
        authors=len(np.unique(codes[codes >= 0])),
        first=score(first, groups, seed),
        second=score(second, groups, seed),
        differences=differences,
        coverage=(covered[0], covered[1]),
        real=is_real(differences["mae"]),
        notes=(),
        verdict=f"{where} {judge_difference(differences['mae'], names)}",
    )


def _judged(model: Model, guess: Predictions, actual: "np.typing.NDArray[np.float64]") -> Judged:
    hit = (actual >= model.stack.hit_threshold).astype(np.float64)
    return Judged(actual, guess.mean, hit, guess.hit_probability, model.target.log)
