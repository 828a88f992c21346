"""A posts table that a user gives to the regressor, made one that the stack reads rightly."""

from typing import Any

import numpy as np
import pandas as pd

READ = ("author_id", "posted_at", "sound_id", "sound_title", "hashtags")
"""Columns that say something to the stack."""

EXACT = 2.0**53
"""From here on a floating-point number stands for several whole ones."""


def own_posts(posts: pd.DataFrame | None, rows: int) -> pd.DataFrame:
    """Return a posts table with identifiers of its own.

    Args:
        posts: as given to the regressor, None for strangers.
        rows: of X.

    Raises:
        TypeError: if it is no pandas data frame.
        ValueError: if it has another length, a column twice, none that is read, identifiers whose
            digits are lost or hashtags that are no lists.
    """
    ids = pd.array([f"row{i}" for i in range(rows)], dtype="string")
    if posts is None:
        return pd.DataFrame({"id": ids})
    if not isinstance(posts, pd.DataFrame):
        kind = type(posts)
        raise TypeError(
            f"posts is a {kind.__module__.partition('.')[0]}.{kind.__name__}; give a pandas "
            "DataFrame with columns such as author_id and posted_at"
        )
    if len(posts) != rows:
        raise ValueError(f"posts has {len(posts)} rows and X has {rows}; give one for each")
    twice = posts.columns[posts.columns.duplicated()]
    if len(twice):
        raise ValueError(f"posts has the column {twice[0]!r} twice; leave one out")
    if not posts.columns.isin(READ).any():
        raise ValueError(
            f"posts has none of the columns {', '.join(READ)}, so nothing of it would be read; "
            "rename its own"
        )
    _check_hashtags(posts)
    named = {
        name: _identifiers(posts[name], name)
        for name in ("author_id", "sound_id")
        if name in posts.columns
    }
    own = posts.assign(**named).reset_index(drop=True)
    return own.assign(id=ids)


def _identifiers(column: pd.Series, name: str) -> pd.Series:
    """Return identifiers as text: the 5.0 of a column with gaps is the 5 of one without."""

    def text(value: Any) -> str:
        if not isinstance(value, float | np.floating):
            return str(value)
        number = float(value)
        if abs(number) >= EXACT:
            raise ValueError(
                f"posts: {name} holds {value}, a number that has lost its last digits; read the "
                "column as text"
            )
        return str(int(number)) if number.is_integer() else str(number)

    return column.astype(object).map(text, na_action="ignore")


def _check_hashtags(posts: pd.DataFrame) -> None:
    if "hashtags" not in posts.columns:
        return
    column = posts["hashtags"]
    absent = column.isna().to_numpy()
    for row, tags in enumerate(column.to_numpy(dtype=object)):
        if absent[row] or isinstance(tags, list | tuple | np.ndarray) or tags == "":
            continue
        kind = "text" if isinstance(tags, str) else type(tags).__name__
        raise ValueError(
            f"posts: hashtags of row {row} is the {kind} {str(tags)[:80]!r}; give a list of them, "
            "as in ['cats', 'pets']"
        )
