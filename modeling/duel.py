"""Two models as they were trained, on posts that neither has learned from."""

from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.errors import InputError, UsageError
from virality.data.matrix import FeatureMatrix
from virality.data.splits import author_codes, few_authors, resampling_units
from virality.data.words import counted
from virality.modeling.compare import (
    Comparison,
    check_same_target,
    is_real,
    judge_difference,
)
from virality.modeling.metrics import Judged, mean_with_interval, score, score_differences
from virality.modeling.rows import align, measured
from virality.modeling.train import Model, Predictions

Floats = npt.NDArray[np.float64]


LEAST = 30
"""Posts new to both without which two models are not compared."""


def compare_as_trained(
    first: Model,
    second: Model,
    matrix: FeatureMatrix,
    posts: pd.DataFrame,
    *,
    names: tuple[str, str] = ("the first model", "the second model"),
    seed: int = 0,
) -> Comparison:
    """Compare what two models learned, where `compare` fits both their recipes anew.

    Args:
        first: a model.
        second: another model of the same target.
        matrix: features, with the columns of both; see `duel`.
        posts: table that holds the posts of the matrix and their outcomes.
        names: of the models, for the sentences.
        seed: of the bootstrap.

    Raises:
        UsageError: if they predict different outcomes, or a bundle does not tell what its model
            learned from.
        InputError: if fewer than 30 labelled posts are new to both.
        BundleError: if the matrix is not what both models read.
    """
    check_same_target(first, second)
    for name, model in zip(names, (first, second), strict=True):
        if not len(model.learned):
            raise UsageError(
                f"{name} does not tell which posts it has learned from; train it again, or compare "
                "the recipes"
            )
        model.check_matrix(matrix)
    fresh = int(_new_to_both(first, second, matrix, posts).sum())
    if fresh < LEAST:
        raise InputError(
            f"{fresh} labelled posts of {len(matrix)} are new to both models, {LEAST} are needed; "
            "give features of later posts, or compare the recipes"
        )
    return duel(first, second, matrix, posts, names=names, kind="unseen", seed=seed)


def duel(
    champion: Model,
    challenger: Model,
    matrix: FeatureMatrix,
    posts: pd.DataFrame,
    *,
    names: tuple[str, str] = ("the champion", "the challenger"),
    kind: Literal["newest", "unseen"] = "newest",
    seed: int = 0,
) -> Comparison:
    """Compare what two models say of the same posts by a bootstrap paired by author.

    Args:
        champion: the model in use.
        challenger: the one that would replace it.
        matrix: features of posts; those without an outcome, and those that either model has
            learned from, are left out.
        posts: table that holds them, and earlier posts where outcomes are measured against these.
        names: of the two, for the verdict.
        kind: which posts these are.
        seed: of the bootstrap.

    Raises:
        InputError: if no post has an outcome and is new to both.
    """
    actual = _outcomes(champion, challenger, matrix, posts)
    known = np.flatnonzero(_new_to_both(champion, challenger, matrix, posts))
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
    newest = "the newest " if kind == "newest" else ""
    where = f"On {newest}{counted(len(judged), 'post')}, which neither has seen,"
    few = few_authors(judged)
    return Comparison(
        target=champion.target.name,
        split=kind,
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


def _outcomes(
    first: Model, second: Model, matrix: FeatureMatrix, posts: pd.DataFrame
) -> tuple[Floats, Floats]:
    """Return what happened as either model measures it, float64 (n,)."""
    return measured(first.target, matrix, posts), measured(second.target, matrix, posts)


def _new_to_both(
    first: Model, second: Model, matrix: FeatureMatrix, posts: pd.DataFrame
) -> npt.NDArray[np.bool_]:
    """Say which posts have an outcome and were learned from by neither, bool (n,)."""
    ids = [str(name) for name in matrix.frame.index]
    seen = first.has_learned(ids) | second.has_learned(ids)
    one, other = _outcomes(first, second, matrix, posts)
    return np.isfinite(one) & np.isfinite(other) & ~seen


def _judged(model: Model, guess: Predictions, actual: Floats) -> Judged:
    hit = (actual >= model.stack.hit_threshold).astype(np.float64)
    target = model.target
    return Judged(actual, guess.mean, hit, guess.hit_probability, target.log, target.ratio)
