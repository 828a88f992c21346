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
        ValueError: if something in it is no number or too large, or it has not the columns that
            the estimator knows.
    """
    from sklearn.utils.validation import validate_data

    try:
        read = validate_data(estimator, X, ensure_all_finite="allow-nan", **how)
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
