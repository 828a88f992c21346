"""Views of posts as inputs: more rows to learn from, and more to average a prediction over.

Views are known to boosters alone. Folds, blocks, wording, history, weights, intervals and scores
see posts, each once, and views travel with their post (`Rows.take`), so no fold can part them.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from virality.data.splits import IntArray, author_groups
from virality.modeling.booster import Library
from virality.modeling.inputs import Inputs, Projector
from virality.modeling.parameters import DEFAULTS, Params
from virality.modeling.rows import Rows, Singles

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Stacked:
    """Inputs of n posts and, below them, of their views.

    Attributes:
        values: float32 (n + k, m), the posts' inputs first.
        owner: int64 (n + k,), which post each row is.
        posts: n.
    """

    values: Singles
    owner: IntArray
    posts: int

    @property
    def weights(self) -> Floats | None:
        """Weights that make a post count once however many views it has; None without views."""
        if len(self.owner) == self.posts:
            return None
        share: Floats = 1.0 / np.bincount(self.owner, minlength=self.posts)
        return share[self.owner]

    def average(self, values: Floats) -> Floats:
        """Return the mean over each post and its views: (n + k, ...) -> (n, ...)."""
        if len(self.owner) == self.posts:
            return values
        total = np.zeros((self.posts, *values.shape[1:]))
        np.add.at(total, self.owner, values)
        count = np.bincount(self.owner, minlength=self.posts)
        return np.asarray(total / count.reshape(-1, *[1] * (values.ndim - 1)), dtype=np.float64)

    def params(self, library: Library, params: Params) -> Params:
        """Return parameters that ask for as many posts in a leaf as they would without views.

        LightGBM counts rows there; XGBoost adds weights up, so that nothing is to be done.
        """
        if len(self.owner) == self.posts or library != "lightgbm":
            return params
        least = float({**DEFAULTS, **params}["min_data_in_leaf"])
        return {**params, "min_data_in_leaf": round(least * len(self.owner) / self.posts)}


def stack_views(projector: Projector, rows: Rows, inputs: Inputs) -> Stacked:
    """Return inputs of posts outside training and of their views.

    Args:
        projector: fitted on other rows.
        rows: n posts with their views.
        inputs: what the projector makes of the posts.
    """
    return _stacked(projector, rows, inputs, projector.groups(rows.posts), learned=False)


def stack_learned(projector: Projector, rows: Rows, inputs: Inputs) -> Stacked:
    """Return inputs of training posts and of their views.

    A view nearly is its post, so it must not learn what the post may not: its neighbours are other
    authors' posts, and its ridge column is the one that the post got from folds without it.

    Args:
        projector: fitted on these rows.
        rows: n training posts with their views.
        inputs: the honest inputs that `fit_projector` returned.
    """
    return _stacked(projector, rows, inputs, author_groups(rows.posts), learned=True)


def _stacked(
    projector: Projector, rows: Rows, inputs: Inputs, group: IntArray, learned: bool
) -> Stacked:
    rows = rows.flat() if projector.spec.raw else rows
    own = np.arange(len(rows), dtype=np.int64)
    if rows.views is None or not len(rows.views.owner):
        return Stacked(inputs.values, own, len(rows))
    views = rows.views
    values = inputs.values[views.owner]
    values[:, : views.plain.shape[1]] = views.plain
    place = {column.name: number for number, column in enumerate(inputs.columns)}
    for name, block in projector.blocks.items():
        if block is None or name not in views.blocks:  # a view has its post's caption
            continue
        made = block.transform(views.blocks[name], group[views.owner])
        for number, short in enumerate(projector.spec.names):
            missing = np.isnan(made[:, number])
            if short != "ridge" or not learned:
                values[:, place[f"{name}#{short}"]] = made[:, number]
            else:
                values[missing, place[f"{name}#{short}"]] = np.nan
    return Stacked(
        np.vstack([inputs.values, values]), np.concatenate([own, views.owner]), len(rows)
    )
