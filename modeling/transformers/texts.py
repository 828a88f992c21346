"""Columns of text or categories as plain strings."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.modeling.own_matrix import check_known, check_names

Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.str_]


def learn_texts(estimator: Any, X: Any, y: Any) -> tuple[Texts, Floats]:
    """Return X as text (n, p), empty where missing, and y; the estimator learns X's columns.

    Raises:
        ValueError: if there are fewer than two rows, an outcome is missing, a column has another's
            name, or a cell holds several values.
    """
    from sklearn.utils.validation import validate_data

    check_names(X)
    check_known(y)
    values, outcome = validate_data(
        estimator, _apart(X), y, dtype=None, ensure_all_finite="allow-nan", y_numeric=True,
        ensure_min_samples=2,
    )  # fmt: skip
    return _as_texts(values), np.asarray(outcome, dtype=np.float64)


def check_texts(estimator: Any, X: Any) -> Texts:
    """Return X as text (n, p), empty where missing.

    Raises:
        ValueError: if X does not have the columns that the estimator learned, a column has
            another's name, or a cell holds several values.
    """
    from sklearn.utils.validation import validate_data

    check_names(X)
    return _as_texts(
        validate_data(estimator, _apart(X), reset=False, dtype=None, ensure_all_finite="allow-nan")
    )


def _apart(X: Any) -> Any:
    """Return a data frame whose whole numbers do not become floating ones beside other columns.

    A floating-point number holds 15 digits, an identifier of a sound or an author often 19.
    """
    if not isinstance(X, pd.DataFrame):
        return X
    kinds = [pd.api.types.is_integer_dtype(dtype) for dtype in X.dtypes]
    return X.astype(object) if any(kinds) else X


def _as_texts(values: Any) -> Texts:
    """Return text; 1, 1.0 and True are the same category, whatever stands beside them."""
    values = values.astype(object)
    for cell in values.flat:
        if isinstance(cell, list | tuple | set | np.ndarray):
            raise ValueError(
                f"X has a cell with several values ({str(cell)[:80]}); give one text, as of "
                "' '.join(values)"
            )
    plain = np.vectorize(_plain, otypes=[object])(values)
    return np.where(pd.isna(values), "", plain).astype(np.str_)


def _plain(value: object) -> object:
    """Return a number without a fraction as it is counted."""
    if isinstance(value, float | np.floating):
        return int(value) if np.isfinite(value) and value == int(value) else float(value)
    return int(value) if isinstance(value, int | np.integer | np.bool_) else value
