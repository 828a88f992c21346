"""Named numbers of single media -> the array that `Featurizer.extract` returns."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from virality.data.clip import FloatArray
from virality.data.matrix import Column

NAN = float("nan")


def stack_rows(rows: Iterable[Mapping[str, float]], columns: Sequence[Column]) -> FloatArray:
    """Return one row a mapping, in the order of the columns.

    Args:
        rows: column name -> value; a name that is left out has no meaning there and gives NaN.
        columns: of the featurizer.

    Returns:
        float32, shape (number of rows, number of columns).

    Raises:
        KeyError: if a row names a column that is not declared.
    """
    place = {column.name: number for number, column in enumerate(columns)}
    listed = list(rows)
    stacked = np.full((len(listed), len(place)), np.nan, dtype=np.float32)
    for number, row in enumerate(listed):
        stacked[number, [place[name] for name in row]] = list(row.values())
    return stacked
