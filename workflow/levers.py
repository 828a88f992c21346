"""What a creator can change about a clip, how far earlier posts support it, what it would do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from virality.data.errors import UsageError
from virality.data.features import Features

if TYPE_CHECKING:
    from virality.data.matrix import FeatureMatrix
    from virality.modeling.train import Model

MOST = 12
"""Levers at most: the columns that move the most predictions come first."""

SUPPORT = (0.05, 0.95)
"""Quantiles of earlier posts between which a lever may be moved."""

STEPS = 9
"""Values that are tried along a lever."""

SAMPLE = 200
"""Earlier posts whose contributions rank the levers."""

LEAST_GAIN = 0.02
"""Gain on the learning scale under which a change is not worth telling."""


@dataclass(frozen=True)
class Lever:
    """One measured thing that can be made otherwise.

    Attributes:
        column: of the matrix.
        unit: of its values.
        low, high: between which earlier posts lie, SUPPORT of them.
        label: its plain name.
    """

    column: str
    unit: str
    low: float
    high: float
    label: str


@dataclass(frozen=True)
class Gain:
    """What moving one lever, and nothing else, would do to a prediction.

    Attributes:
        lever: which.
        value, best: what it is and where the prediction is highest within its range.
        effect: on the learning scale, above 0.
    """

    lever: Lever
    value: float
    best: float
    effect: float

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "column": self.lever.column, "label": self.lever.label, "unit": self.lever.unit,
            "value": self.value, "best": self.best, "effect": self.effect,
        }  # fmt: skip


def find_levers(model: "Model", matrix: "FeatureMatrix") -> tuple[Lever, ...]:
    """Return what can be changed among the columns that a model reads, strongest first.

    Only what is measured from the clip and has a plain name: the caption and the facts of the post
    are changed themselves, not by their columns. Never what is given, such as followers, or a flag.

    Args:
        model: a trained model.
        matrix: earlier posts, which bound the changes.
    """
    from virality.modeling.provenance import usable_columns
    from virality.reports.control import control
    from virality.reports.words import is_named, label

    usable = set(usable_columns(matrix, False).names)
    levers = []
    for name, column in model.columns.items():
        clip = column.modality in ("audio", "frames", "stream") and not column.block
        if not clip or name not in usable or column.unit in ("", "0/1"):
            continue
        if not is_named(name) or control(name, column.modality, column.known) != "can":
            continue
        values = matrix.frame[name].to_numpy(np.float64)
        values = values[np.isfinite(values)]
        low, high = np.quantile(values, SUPPORT) if len(values) else (0.0, 0.0)
        if low < high:
            words = label(name, column.meaning)
            levers.append(Lever(name, column.unit, float(low), float(high), words))
    return _strongest(model, matrix, levers)


def _strongest(
    model: "Model", matrix: "FeatureMatrix", levers: Sequence[Lever]
) -> tuple[Lever, ...]:
    """Return the levers that lead a family of columns and are used, those first that move most."""
    ids = matrix.frame.index[:: max(1, len(matrix) // SAMPLE)]
    some = matrix.rows(list(ids))
    posts = pd.DataFrame({"id": pd.array(list(ids), dtype="string")})
    moves = model.contributions(some, posts).frame.abs().mean(axis=0)
    named = [one for one in levers if float(moves.get(one.column, 0.0)) > 0]
    named.sort(key=lambda one: (-float(moves[one.column]), one.column))
    return tuple(named[:MOST])


def moved(features: Features, levers: Sequence[Lever], values: Mapping[str, float]) -> Features:
    """Return the features of one post with levers moved.

    Raises:
        UsageError: if a lever is unknown or its value lies beyond its range.
    """
    known = {lever.column: lever for lever in levers}
    frame = features.matrix.frame.copy()
    views = features.matrix.views.copy() if features.matrix.views is not None else None
    for column, value in values.items():
        if column not in known:
            raise UsageError(f"{column!r} is nothing that can be changed here")
        lever = known[column]
        if not lever.low - 1e-6 <= value <= lever.high + 1e-6:
            raise UsageError(
                f"{column}: {value:g} lies beyond what earlier posts support; "
                f"give {lever.low:g} to {lever.high:g}"
            )
        frame[column] = np.float32(value)
        if views is not None:
            views[column] = np.float32(value)
    if not values:
        return features
    return replace(features, matrix=replace(features.matrix, frame=frame, views=views))


def gains(model: "Model", features: Features, levers: Sequence[Lever]) -> tuple[Gain, ...]:
    """Return what moving each lever by itself would add to a prediction, most first.

    Args:
        model: a trained model.
        features: of one post; levers that it lacks are left out.
        levers: what may be moved.
    """
    from virality.data.matrix import FeatureMatrix

    matrix, posts = features.matrix, features.posts
    there = [one for one in levers if np.isfinite(matrix.frame[one.column].iloc[0])]
    tries = [(one, value) for one in there for value in np.linspace(one.low, one.high, STEPS)]
    frame = matrix.frame.iloc[[0] * (1 + len(tries))].copy()
    frame.index = pd.Index([str(number) for number in range(len(frame))], name="id")
    places = {str(name): place for place, name in enumerate(frame.columns)}
    for row, (lever, value) in enumerate(tries, start=1):
        frame.iat[row, places[lever.column]] = np.float32(value)
    many = FeatureMatrix(frame, matrix.columns, matrix.versions)
    copies = posts.iloc[[0] * len(frame)].assign(
        id=pd.array([str(one) for one in frame.index], dtype="string")
    )
    mean = model.predict(many, copies.reset_index(drop=True)).mean
    said = mean[1:].reshape(len(there), STEPS) - mean[0]
    found = []
    for number, lever in enumerate(there):
        best = int(np.argmax(said[number]))
        if said[number, best] > LEAST_GAIN:
            value = float(matrix.frame[lever.column].iloc[0])
            at = float(np.linspace(lever.low, lever.high, STEPS)[best])
            found.append(Gain(lever, value, at, float(said[number, best])))
    return tuple(sorted(found, key=lambda one: (-one.effect, one.lever.column)))
