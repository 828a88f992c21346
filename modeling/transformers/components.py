"""`PrincipalComponents`: many columns -> few, without outcomes."""

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin

from virality.modeling.arguments import check_whole
from virality.modeling.directions import centred, decompose, leading
from virality.modeling.own_matrix import read_numbers
from virality.modeling.threads import one_blas_thread


class PrincipalComponents(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Leading principal components at unit variance, as the stack makes them.

    Unlike scikit-learn's PCA it takes rows with missing values, which come back as NaN, and always
    returns the columns asked for: those that the data do not have are NaN.

    Args:
        dims: components kept.

    Attributes:
        directions_: the fitted `modeling.directions.Directions`.
        n_features_in_: columns of X.
        feature_names_in_: their names, where X had any.

    Example:
        >>> import numpy as np
        >>> X = np.random.default_rng(0).normal(size=(50, 8))
        >>> PrincipalComponents(dims=2).fit_transform(X).shape
        (50, 2)
    """

    def __init__(self, *, dims: int = 16) -> None:
        self.dims = dims

    def __sklearn_tags__(self) -> Any:
        """Say that missing values are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002
        """Learn directions.

        Args:
            X: numbers of shape (n, p), NaN where missing.
            y: not used.

        Raises:
            TypeError: if `dims` is no whole number, or X is sparse.
            ValueError: if `dims` is below 0, fewer than two rows are complete, or something is no
                number.
        """
        check_whole("dims", self.dims, 0)
        values = read_numbers(self, X, dtype=np.float64, ensure_min_samples=2)
        whole = ~np.isnan(values).any(axis=1)
        if whole.sum() < 2:
            raise ValueError(f"{whole.sum()} row(s) without a missing value; at least 2 are needed")
        centre, rows = centred(values[whole])
        with one_blas_thread():
            self.directions_ = leading(centre, decompose(rows), self.dims)
        return self

    def transform(self, X: Any) -> Any:
        """Return float64 (n, dims).

        Args:
            X: numbers of shape (n, p).

        Raises:
            NotFittedError: before `fit`.
            TypeError: if X is sparse.
            ValueError: if X does not have the columns of `fit`, or something is no number.
        """
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self)
        values = read_numbers(self, X, reset=False, dtype=np.float64)
        with one_blas_thread():
            return self.directions_.standard(self.directions_.scores(values), self.dims)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return `principalcomponents_pc1` and so on.

        Args:
            input_features: the names of X's columns, checked against those of `fit`.

        Raises:
            NotFittedError: before `fit`.
            ValueError: if they are others.
        """
        from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

        check_is_fitted(self)
        _check_feature_names_in(self, input_features)
        return np.array([f"principalcomponents_pc{i + 1}" for i in range(self.dims)], dtype=object)
