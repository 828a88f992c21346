"""The report's levers as the page turns them: one post, any value that earlier posts support.

What a lever is and what moves along with it is said in `reports.levers`; the page only asks for
another value of one, so a slider there and a curve in the report tell the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from virality.data.errors import UsageError
from virality.data.features import Features

if TYPE_CHECKING:
    from virality.modeling.train import Model

MEASURED = ("audio", "frames", "stream")
"""Modalities of a clip: the caption and the facts of a post are changed themselves."""

LEAST_GAIN = 0.02
"""Gain on the learning scale under which a change is not worth telling."""


@dataclass(frozen=True)
class Slider:
    """One lever of a clip, with its range.

    Attributes:
        key: of the lever, see `reports.levers`.
        column: that it sets, of the matrix.
        unit: of its values.
        low, high: between which earlier posts lie.
        label: its plain name.
    """

    key: str
    column: str
    unit: str
    low: float
    high: float
    label: str


@dataclass(frozen=True)
class Gain:
    """What moving one lever, with what goes along, would do to a prediction.

    Attributes:
        slider: which.
        value, best: what it is and where the prediction is highest within its range.
        effect: on the learning scale, above 0.
    """

    slider: Slider
    value: float
    best: float
    effect: float

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "column": self.slider.column, "label": self.slider.label, "unit": self.slider.unit,
            "value": self.value, "best": self.best, "effect": self.effect,
        }  # fmt: skip


class Panel:
    """What can be changed about a clip, how far, and what it would do.

    Args:
        model: a trained model.
        reference: earlier posts, which bound the changes.

    Attributes:
        sliders: in the order of the report's levers.
    """

    def __init__(self, model: "Model", reference: Features) -> None:
        from virality.reports.strings import say
        from virality.reports.whatif import Ground

        self._ground = ground = Ground(model, reference)
        # Worked out here, once: the threads that share this only read.
        _ = ground.companions, ground.limits
        self.sliders: tuple[Slider, ...] = tuple(
            Slider(
                one.key, one.column, one.unit, min(ground.settings[one.key]),
                max(ground.settings[one.key]), say(f"lever.{one.key}"),
            )
            for one in ground.levers
            if model.columns[one.column].modality in MEASURED
        )  # fmt: skip

    def turned(self, features: Features, values: Mapping[str, float]) -> Features:
        """Return the features of one post with levers set.

        Args:
            features: of one post.
            values: column of a lever -> value.

        Raises:
            UsageError: if a lever is unknown or its value lies beyond its range.
        """
        from virality.reports.levers import changed_rows
        from virality.reports.whatif import row_of

        if not values:
            return features
        wanted = {self._within(column, value): value for column, value in values.items()}
        matrix = features.matrix
        (post,) = matrix.frame.index
        changes = self._ground.columns(row_of(matrix, post), wanted)
        made = changed_rows(matrix, post, [changes])
        made.frame.index = matrix.frame.index
        if made.views is not None and matrix.views is not None:
            made.views.index = matrix.views.index
        return replace(features, matrix=made)

    def _within(self, column: str, value: float) -> str:
        known = {one.column: one for one in self.sliders}
        if column not in known:
            raise UsageError(f"{column!r} is nothing that can be changed here")
        one = known[column]
        slack = 1e-5 * max(abs(one.low), abs(one.high))  # the ends as they are told are rounded
        if not one.low - slack <= value <= one.high + slack:
            raise UsageError(
                f"{column}: {value:g} lies beyond what earlier posts support; "
                f"give {one.low:g} to {one.high:g}"
            )
        return one.key

    def gains(self, features: Features) -> tuple[Gain, ...]:
        """Return what moving each lever by itself would add to a prediction, most first.

        None where the model says no more than a baseline does: its likings are luck then.

        Args:
            features: of one post; levers that it lacks are left out.
        """
        from virality.modeling.lead import unbeaten
        from virality.reports.whatif import predict_changed

        matrix, ground = features.matrix, self._ground
        (post,) = matrix.frame.index
        now = {one.column: float(matrix.frame[one.column].iloc[0]) for one in self.sliders}
        tries = [
            (one, value)
            for one in self.sliders
            if np.isfinite(now[one.column])
            for value in ground.settings[one.key]
        ]
        if not tries or unbeaten(ground.model.stack):
            return ()
        wanted = [{}, *({one.key: value} for one, value in tries)]
        mean = predict_changed(ground, matrix, features.posts, post, wanted).mean
        best: dict[str, Gain] = {}
        for (one, value), effect in zip(tries, mean[1:] - mean[0], strict=True):
            if effect > max(LEAST_GAIN, best[one.key].effect if one.key in best else 0.0):
                best[one.key] = Gain(one, now[one.column], value, float(effect))
        return tuple(sorted(best.values(), key=lambda gain: (-gain.effect, gain.slider.column)))
