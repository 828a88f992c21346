"""The stack as a scikit-learn estimator, for matrices that come from elsewhere."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin

from virality.data.errors import InputError
from virality.data.matrix import MODALITIES, Column, Modality
from virality.modeling.alike import PREFIX as ALIKE
from virality.modeling.arguments import (
    block_places,
    check_jobs,
    check_outcomes,
    check_params,
    check_whole,
    seed_of,
)
from virality.modeling.history import COLUMNS as HISTORY
from virality.modeling.own_matrix import read_numbers
from virality.modeling.own_posts import own_posts
from virality.modeling.recipe import sensible_recipe
from virality.modeling.rows import Rows
from virality.modeling.stack import Guess, fit_stack
from virality.modeling.threads import one_blas_thread

Floats = npt.NDArray[np.float64]

LEAST_POSTS = 10


class ViralityRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """LightGBM and XGBoost, mixed by non-negative weights, with calibrated intervals.

    It is what `virality train` fits, without a table of features behind it: the same blocks,
    history, folds, weights and intervals. Outcomes are learned as they come, so give it
    log10(1 + views); `sklearn.compose.TransformedTargetRegressor` does both ways at once.

    Args:
        blocks: name of an embedding -> its columns, by name in a data frame or by position. They
            are compressed out of fold (principal components, ridge, neighbours) and not read one
            by one.
        params: of the boosters, in LightGBM's names, over the sensible ones.
        rounds: most trees of a booster; the recipe's own if None.
        folds: author-grouped folds behind the weights; the recipe's own if None.
        jobs: fits at once, -1 for as many as there are cores; the result does not depend on it.
        random_state: of folds and boosters: a number, a generator that one is drawn from, or None
            for another result each time.

    Attributes:
        stack_: the fitted `modeling.stack.Stack`.
        columns_: what each column of X is taken for, a `data.matrix.Column` each.
        n_features_in_: columns of X.
        feature_names_in_: their names, where X had any.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 5))
        >>> model = ViralityRegressor(rounds=50).fit(X, X[:, 0] + 0.1 * rng.normal(size=200))
        >>> low, high = model.predict_interval(X[:3]).T
        >>> bool((low < high).all())
        True
    """

    def __init__(
        self,
        *,
        blocks: Mapping[str, Sequence[str | int]] | None = None,
        params: Mapping[str, float] | None = None,
        rounds: int | None = None,
        folds: int | None = None,
        jobs: int = 1,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.blocks = blocks
        self.params = params
        self.rounds = rounds
        self.folds = folds
        self.jobs = jobs
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        """Say that missing values are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def fit(self, X: Any, y: Any, posts: pd.DataFrame | None = None) -> Self:
        """Learn.

        Args:
            X: numbers of shape (n, p), NaN where missing; columns of a data frame that are named
                `<modality>_...__...` get a base of their own for each modality.
            y: outcomes on the learning scale, shape (n,).
            posts: n rows in the order of X. `author_id` keeps an author's posts in one fold;
                with `posted_at` earlier outcomes of author, sound (`sound_id`) and hashtags
                (`hashtags`, a list for each post) are read too. Times without a zone are UTC.

        Raises:
            TypeError: if an argument or `posts` is of a kind that cannot be used, or X is sparse.
            ValueError: if there are fewer than 10 rows, an infinite value, a column that holds no
                numbers or has another's name, an outcome that is missing, nothing that tells rows
                apart, an argument that cannot be used, a block without columns or of one that is
                not there, or `posts` has another length or something that cannot be read.
        """
        seed = self._checked()
        values, outcomes = read_numbers(
            self, X, y=y, dtype=np.float32, y_numeric=True, ensure_min_samples=LEAST_POSTS
        )
        outcomes = np.asarray(outcomes, dtype=np.float64)
        check_outcomes(outcomes)
        base = sensible_recipe(len(outcomes), seed)
        recipe = replace(
            base,
            params={**base.params, **(self.params or {})},
            rounds=base.rounds if self.rounds is None else self.rounds,
            folds=base.folds if self.folds is None else self.folds,
        )
        self.columns_ = _describe(self._names(), self._places())
        rows = self._rows(values, posts)
        try:
            with one_blas_thread():
                self.stack_ = fit_stack(rows, outcomes, recipe, jobs=self._jobs())
        except InputError as error:
            raise ValueError(str(error)) from error
        return self

    def predict(self, X: Any, posts: pd.DataFrame | None = None) -> Floats:
        """Return predictions on the learning scale, shape (n,).

        Args:
            X: numbers of shape (n, p) as in `fit`.
            posts: as in `fit`; without it every post is a stranger's.

        Raises:
            NotFittedError: before `fit`.
            TypeError: if X is sparse, or `posts` no data frame.
            ValueError: if X does not have the columns of `fit`, or something in it or in `posts`
                cannot be read.
        """
        return self._guess(X, posts).mean

    def predict_interval(self, X: Any, posts: pd.DataFrame | None = None) -> Floats:
        """Return the calibrated 80 % interval of each post, shape (n, 2): low and high.

        Args:
            X: numbers of shape (n, p) as in `fit`.
            posts: as in `fit`.

        Raises:
            NotFittedError: before `fit`.
            TypeError: as `predict`.
            ValueError: as `predict`.
        """
        guess = self._guess(X, posts)
        return np.column_stack([guess.low, guess.high])

    def score(
        self, X: Any, y: Any, sample_weight: Any = None, posts: pd.DataFrame | None = None
    ) -> float:
        """Return the share of the outcomes' variance that is predicted (R2).

        Args:
            X: numbers of shape (n, p) as in `fit`.
            y: outcomes of shape (n,).
            sample_weight: how much each row counts, shape (n,); None if all count alike.
            posts: as in `predict`.

        Raises:
            NotFittedError: before `fit`.
            TypeError: as `predict`.
            ValueError: as `predict`, or if an outcome is missing.
        """
        from sklearn.metrics import r2_score

        return float(r2_score(y, self.predict(X, posts), sample_weight=sample_weight))

    def _guess(self, X: Any, posts: pd.DataFrame | None) -> Guess:
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self)
        values = read_numbers(self, X, reset=False, dtype=np.float32)
        try:
            with one_blas_thread():
                return self.stack_.predict(self._rows(values, posts))
        except InputError as error:
            raise ValueError(str(error)) from error

    def _checked(self) -> int:
        """Refuse arguments that would change nothing or fail later; return the seed."""
        check_params(self.params)
        check_jobs(self.jobs)
        for name, least in (("rounds", 1), ("folds", 2)):
            if getattr(self, name) is not None:
                check_whole(name, getattr(self, name), least)
        return seed_of(self.random_state)

    def _jobs(self) -> int:
        return (os.cpu_count() or 1) if self.jobs == -1 else self.jobs

    def _names(self) -> list[str]:
        names = getattr(self, "feature_names_in_", None)
        return [f"x{i}" for i in range(self.n_features_in_)] if names is None else list(names)

    def _places(self) -> dict[str, list[int]]:
        return block_places(self._names(), self.blocks)

    def _rows(self, values: npt.NDArray[np.float32], posts: pd.DataFrame | None) -> Rows:
        places = self._places()
        apart = {place for inner in places.values() for place in inner}
        plain = [place for place in range(values.shape[1]) if place not in apart]
        return Rows(
            posts=own_posts(posts, len(values)),
            plain=np.ascontiguousarray(values[:, plain]),
            columns=tuple(self.columns_[place] for place in plain),
            blocks={name: np.ascontiguousarray(values[:, p]) for name, p in places.items()},
            block_columns={
                name: tuple(self.columns_[place] for place in p) for name, p in places.items()
            },
        )


def _describe(names: Sequence[str], blocks: Mapping[str, Sequence[int]]) -> tuple[Column, ...]:
    """Return what each column is, its modality read from its name."""
    of = {place: block for block, places in blocks.items() for place in places}
    described = []
    for place, name in enumerate(names):
        if name in HISTORY or str(name).startswith(ALIKE):
            raise ValueError(
                f"X has a column {name!r}, as the regressor calls what it works out of `posts`; "
                "give it another name"
            )
        stem = name.partition("_")[0]
        modality: Modality = next((one for one in MODALITIES if one == stem), "metadata")
        described.append(Column(str(name), modality, block=of.get(place, "")))
    return tuple(described)
