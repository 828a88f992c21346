"""What the transformers share: complete rows, groups, and honest columns for training rows."""

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from virality.data.splits import IntArray
from virality.modeling.own_matrix import read_numbers
from virality.modeling.threads import one_blas_thread

Floats = npt.NDArray[np.float64]


class Supervised(TransformerMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """A transformer that learns from outcomes and is honest about its training rows.

    A child fits itself in `_learn`, which returns the honest columns, and applies itself in
    `_apply`. Rows with a missing value are left out of fitting and come back as NaN.

    Attributes:
        groups_: the different groups of the training rows, None if none were given.
        n_features_in_: columns of X.
        feature_names_in_: their names, where X had any.
    """

    def __sklearn_tags__(self) -> Any:
        """Say that outcomes are needed and missing values are welcome."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.allow_nan = True
        return tags

    def fit(self, X: Any, y: Any, groups: Any = None) -> Self:
        """Learn.

        Args:
            X: rows of shape (n, p), NaN where missing.
            y: outcomes of shape (n,).
            groups: labels of shape (n,), such as authors; None makes each row its own group.

        Raises:
            TypeError: if an argument is of a kind that cannot be used, or X is sparse.
            ValueError: if fewer than two rows are complete, an outcome is missing, something in X
                cannot be read, `groups` has another length, or an argument cannot be used.
        """
        self.fit_transform(X, y, groups)
        return self

    def fit_transform(self, X: Any, y: Any, groups: Any = None) -> Any:
        """Learn, and return honest columns of the training rows, shape (n, columns).

        Args:
            X: as in `fit`.
            y: as in `fit`.
            groups: as in `fit`; rows of a group say nothing about each other.

        Raises:
            TypeError: as `fit`.
            ValueError: as `fit`.
        """
        values, outcome = self._validated(X, y)
        group = self._learn_groups(groups, len(outcome))
        whole = self._complete(values)
        if len(whole) < 2:
            raise ValueError(f"{len(whole)} row(s) without a missing value; at least 2 are needed")
        with one_blas_thread():
            honest = self._learn(values[whole], outcome[whole], group[whole])
        return _spread(honest, whole, len(values))

    def transform(self, X: Any, groups: Any = None) -> Any:
        """Return columns of new rows, shape (n, columns).

        Args:
            X: rows of shape (n, p).
            groups: labels of shape (n,); rows of a group of the training rows are not told about
                those. None makes all rows strangers.

        Raises:
            NotFittedError: before `fit`.
            TypeError: if X is sparse.
            ValueError: if X does not have the columns of `fit`, something in it cannot be read, or
                `groups` has another length.
        """
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self)
        values = self._checked(X)
        whole = self._complete(values)
        group = self._find_groups(groups, len(values))
        if not len(whole):
            return np.full((len(values), len(self.get_feature_names_out())), np.nan)
        with one_blas_thread():
            return _spread(self._apply(values[whole], group[whole]), whole, len(values))

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return the names of the columns: the class in lower case, then what each is.

        Args:
            input_features: the names of X's columns, checked against those of `fit`.

        Raises:
            NotFittedError: before `fit`.
            ValueError: if they are others.
        """
        from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

        check_is_fitted(self)
        _check_feature_names_in(self, input_features)
        prefix = type(self).__name__.lower()
        return np.array([f"{prefix}_{name}" for name in self._names()], dtype=object)

    @abstractmethod
    def _names(self) -> tuple[str, ...]:
        """Return what each column is, in order."""

    @abstractmethod
    def _learn(self, values: Any, y: Floats, group: IntArray) -> Floats:
        """Learn from complete rows and return their honest columns."""

    @abstractmethod
    def _apply(self, values: Any, group: IntArray) -> Floats:
        """Return the columns of complete new rows."""

    def _validated(self, X: Any, y: Any) -> tuple[Any, Floats]:
        values, outcome = read_numbers(
            self, X, y=y, dtype=np.float64, y_numeric=True, ensure_min_samples=2
        )
        return values, np.asarray(outcome, dtype=np.float64)

    def _checked(self, X: Any) -> Any:
        return read_numbers(self, X, reset=False, dtype=np.float64)

    def _complete(self, values: Any) -> IntArray:
        return np.flatnonzero(~np.isnan(values).any(axis=1))

    def _learn_groups(self, groups: Any, rows: int) -> IntArray:
        self.groups_ = None
        if groups is None:
            return np.arange(rows, dtype=np.int64)
        codes, self.groups_ = pd.factorize(_as_long_as(groups, rows))
        unknown = np.flatnonzero(codes < 0)
        codes[unknown] = len(self.groups_) + np.arange(len(unknown))
        return np.asarray(codes, dtype=np.int64)

    def _find_groups(self, groups: Any, rows: int) -> IntArray:
        if groups is None or self.groups_ is None:
            return np.full(rows, -1, dtype=np.int64)
        labels = _as_long_as(groups, rows)
        return np.asarray(pd.Index(self.groups_).get_indexer(pd.Index(labels)), dtype=np.int64)


def _as_long_as(groups: Any, rows: int) -> npt.NDArray[np.object_]:
    """Return labels as objects.

    Raises:
        ValueError: if there are more or fewer than rows.
    """
    labels = np.asarray(groups, dtype=object)
    if labels.shape != (rows,):
        raise ValueError(
            f"groups has shape {labels.shape} and X has {rows} rows; give one for each"
        )
    return labels


def _spread(columns: Floats, rows: IntArray, total: int) -> Floats:
    out = np.full((total, columns.shape[1]), np.nan)
    out[rows] = columns
    return out
