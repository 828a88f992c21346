"""FeatureMatrix: the table that models see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pandas as pd

from virality.data.errors import InputError

Modality = Literal["text", "audio", "frames", "stream", "metadata", "history"]
Known = Literal["pre", "asof", "post"]

MODALITIES: tuple[Modality, ...] = ("text", "audio", "frames", "stream", "metadata", "history")


@dataclass(frozen=True)
class Column:
    """One feature: what it is called, measured in, and when it is known.

    Attributes:
        name: `<featurizer>__<feature>` in a matrix, `<feature>` inside a featurizer.
        modality: the part of the post it is computed from.
        unit: unit of measure; `""` for a pure number, `"0/1"` for a flag.
        known: `pre` before posting, `asof` only as of the moment of posting, `post` afterwards.
        block: name of the embedding that the column is one dimension of, else `""`.
        meaning: one line for people.
    """

    name: str
    modality: Modality
    unit: str = ""
    known: Known = "pre"
    block: str = ""
    meaning: str = ""

    def under(self, featurizer: str) -> "Column":
        """Return the same column with its name (and block) put under a featurizer's."""
        block = f"{featurizer}__{self.block}" if self.block else ""
        return replace(self, name=f"{featurizer}__{self.name}", block=block)


@dataclass(frozen=True)
class FeatureMatrix:
    """Features of posts, one row a post, one float32 column a feature, NaN where a part is missing.

    Attributes:
        frame: index `id`, columns in the order of `columns`, all float32.
        columns: name -> Column, for every column of `frame`.
        versions: featurizer -> version that made its columns; a model refuses other versions.
        views: variations of some of the posts (see `featurizers.variation`), columns as `frame`,
            index `id` with a row a variation; None if none were asked for. `frame` holds the posts
            as they are, each once, and whoever counts posts looks at nothing else.
    """

    frame: pd.DataFrame
    columns: Mapping[str, Column] = field(repr=False)
    versions: Mapping[str, str]
    views: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        """Check that names agree, ids are unique and values are float32 without infinities.

        Raises:
            InputError: if they do not.
        """
        if list(self.frame.columns) != list(self.columns):
            raise InputError("feature matrix: its columns and their descriptions differ")
        if self.views is not None:
            _check_views(self.views, self.frame)
        if not self.frame.index.is_unique:
            twice = self.frame.index[self.frame.index.duplicated()][0]
            raise InputError(f"feature matrix: post {twice!r} stands in it more than once")
        for name, dtype in self.frame.dtypes.items():
            if dtype != np.float32:
                raise InputError(f"feature matrix: column {name!r} is {dtype}, not float32")
        if np.isinf(self.frame.to_numpy()).any():
            name = self.frame.columns[np.isinf(self.frame.to_numpy()).any(axis=0)][0]
            raise InputError(f"feature matrix: column {name!r} holds an infinite value")

    def __len__(self) -> int:
        return len(self.frame)

    def rows(self, ids: Sequence[str] | pd.Index) -> "FeatureMatrix":
        """Return the matrix of these posts, in this order, with all of their views."""
        views = None if self.views is None else self.views[self.views.index.isin(list(ids))]
        return replace(self, frame=self.frame.loc[list(ids)], views=views)

    def select(self, names: Sequence[str]) -> "FeatureMatrix":
        """Return the matrix of these columns, in this order."""
        chosen = {name: self.columns[name] for name in names}
        views = None if self.views is None else self.views[list(names)]
        return replace(self, frame=self.frame[list(names)], columns=chosen, views=views)


def _check_views(views: pd.DataFrame, frame: pd.DataFrame) -> None:
    if list(views.columns) != list(frame.columns) or not (views.dtypes == np.float32).all():
        raise InputError("feature matrix: the columns of its views are not those of its posts")
    if not views.index.isin(frame.index).all():
        lost = views.index[~views.index.isin(frame.index)][0]
        raise InputError(f"feature matrix: it holds a view of post {lost!r}, but not the post")
    if np.isinf(views.to_numpy()).any():
        raise InputError("feature matrix: a view holds an infinite value")
