"""A matrix that a user gives to an estimator, read as numbers, with words for what is none."""

from typing import Any

import numpy as np
import pandas as pd

LARGEST = 1e100
"""Its square is a number still, and so is a sum of many."""


def read_numbers(estimator: Any, X: Any, **how: Any) -> Any:
    """Return X, and y if there is one, as scikit-learn's `validate_data` does.

    Args:
        estimator: the estimator, which learns X's columns or knows them.
        X: rows of shape (n, p).
        **how: of `validate_data`; missing values are let through.

    Raises:
        TypeError: if X is sparse or its columns are called by numbers and words.
        ValueError: if something in it is no number or too large, a column has another's name, it
            has not the columns that the estimator knows, or an outcome is missing.
    """
    from sklearn.utils.validation import validate_data

    check_names(X)
    if "y" in how:
        check_known(how["y"])
    try:
        read = validate_data(estimator, _without_na(X), ensure_all_finite="allow-nan", **how)
    except (TypeError, ValueError) as error:
        reason = _no_number(X)
        if reason:
            raise ValueError(reason) from error
        raise
    values = read[0] if isinstance(read, tuple) else read
    largest = max(
        float(np.fmax.reduce(values, axis=None, initial=0.0)),
        -float(np.fmin.reduce(values, axis=None, initial=0.0)),
    )
    if largest > LARGEST:
        raise ValueError(f"X holds a number of the size {largest:g}; give it in another unit")
    return read


def check_names(X: Any) -> None:
    """Refuse a data frame in which two columns have one name.

    Raises:
        ValueError: naming it.
    """
    if isinstance(X, pd.DataFrame) and not X.columns.is_unique:
        twice = X.columns[X.columns.duplicated()][0]
        raise ValueError(f"X has the column {twice!r} twice; give each a name of its own")


def check_known(y: Any) -> None:
    """Refuse times, and what is missing or infinite among objects: scikit-learn lets that through.

    Raises:
        ValueError: if there is such an outcome.
    """
    if y is None:
        return
    dtype = getattr(y, "dtype", np.dtype(object))
    if dtype.kind in "mM":
        raise ValueError("y holds times; give outcomes, such as log10(1 + views)")
    if dtype.kind == "O":
        for row, value in enumerate(np.asarray(y, dtype=object).flat):
            if pd.api.types.is_scalar(value) and (pd.isna(value) or value in (np.inf, -np.inf)):
                raise ValueError(f"y holds {value} in row {row}; leave out rows without an outcome")


def _without_na(X: Any) -> Any:
    """Return X with NaN for pandas.NA among objects and texts, of which no float can be made."""
    if isinstance(X, np.ndarray) and X.dtype.kind == "O":
        return np.where(pd.isna(X), np.nan, X)
    if not isinstance(X, pd.DataFrame):
        return X
    odd = {
        name: X[name].astype(object).where(X[name].notna(), np.nan)
        for name, dtype in X.dtypes.items()
        if dtype.kind in "OU" and not isinstance(dtype, pd.CategoricalDtype)
    }
    if not odd:
        return X
    filled = X.copy(deep=False)
    for name, column in odd.items():
        filled[name] = column
    return filled


def _no_number(X: Any) -> str:
    """Return which column of a data frame holds what is no number, empty if none does."""
    if not isinstance(X, pd.DataFrame):
        return ""
    for place, name in enumerate(X.columns):
        column = X.iloc[:, place]
        if column.dtype.kind in "mM" or isinstance(column.dtype, pd.PeriodDtype):
            return (
                f"X: column {name!r} holds times; give numbers, such as the hour of the day or "
                "days since a day"
            )
        for value in column.dropna().astype(object):
            try:
                float(value)
            except (TypeError, ValueError):
                return (
                    f"X: column {name!r} holds {str(value)[:80]!r}, which is no number; leave it "
                    "out, or make numbers of it as ShrunkenTargetEncoder and CaptionTerms do"
                )
    return ""
