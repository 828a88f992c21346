"""Columns of text or categories as plain strings."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.str_]


def learn_texts(estimator: Any, X: Any, y: Any) -> tuple[Texts, Floats]:
    """Return X as text (n, p), empty where missing, and y; the estimator learns X's columns.

    Raises:
        ValueError: if there are fewer than two rows, or an outcome is missing.
    """
    from sklearn.utils.validation import validate_data

    values, outcome = validate_data(
        estimator, X, y, dtype=None, ensure_all_finite="allow-nan", y_numeric=True,
        ensure_min_samples=2,
    )  # fmt: skip
    return _as_texts(values), np.asarray(outcome, dtype=np.float64)


def check_texts(estimator: Any, X: Any) -> Texts:
    """Return X as text (n, p), empty where missing.

    Raises:
        ValueError: if X does not have the columns that the estimator learned.
    """
    from sklearn.utils.validation import validate_data

    return _as_texts(
        validate_data(estimator, X, reset=False, dtype=None, ensure_all_finite="allow-nan")
    )


def _as_texts(values: Any) -> Texts:
    """Return text; 1, 1.0 and True are the same category, whatever stands beside them."""
    if values.dtype.kind in "iufb":
        values = values.astype(np.float64)
    else:
        values = np.vectorize(_plain_number, otypes=[object])(values.astype(object))
    return np.where(pd.isna(values), "", values.astype(object)).astype(np.str_)


def _plain_number(value: object) -> object:
    return float(value) if isinstance(value, int | float | np.number | np.bool_) else value
