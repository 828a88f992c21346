"""What is said about one candidate: its forecast, every part's own, its niche, posts like it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from virality.data.features import Features
from virality.workflow.known import Known
from virality.workflow.levers import Gain, Panel
from virality.workflow.predict import Forecast, forecast

if TYPE_CHECKING:
    from virality.modeling.niche import Near, Niche
    from virality.modeling.train import Model

SHOWN = 5
"""Similar posts that are shown."""


@dataclass(frozen=True)
class Part:
    """What one base of the stack predicts by itself, in the target's units.

    Attributes:
        name: of the base, such as `audio` or `all_lightgbm`.
        prediction: its own.
        percentile: of that among the training posts, 0 to 100.
        weight: how much it counts in the stacked prediction, never below 0.
        informed: whether it had anything to go by; the others predict for an unknown part.
    """

    name: str
    prediction: float
    percentile: float
    weight: float
    informed: bool


@dataclass(frozen=True)
class Alike:
    """An earlier post like this one: what it was and how it did."""

    id: str
    caption: str
    posted_at: str
    similarity: float
    outcome: float


@dataclass(frozen=True)
class Standing:
    """Where a prediction stands in its niche, the posts that are most like it.

    Attributes:
        percentile: among them, 0 to 100.
        posts: how many they are.
        low, median, high: their outcomes' 10th, 50th and 90th percentile, in the target's units.
        similar: the most similar, most similar first.
    """

    percentile: float
    posts: int
    low: float
    median: float
    high: float
    similar: tuple[Alike, ...]


@dataclass(frozen=True)
class Answer:
    """All that is said about one candidate.

    Attributes:
        name: what the user called it.
        known: what they knew of it.
        status, reason: of the extraction.
        forecast: as `virality predict` makes it.
        parts: every base's own prediction.
        niche: its standing among posts like it, None without such posts.
        gains: changes to the clip that would raise the prediction most, most first.
        features: what the forecast was made from, one post.
    """

    name: str
    known: Known
    status: str
    reason: str
    forecast: Forecast
    parts: tuple[Part, ...]
    niche: Standing | None
    gains: tuple[Gain, ...]
    features: Features

    def as_json(self) -> dict[str, Any]:
        """Return plain values, without the features."""
        return {
            "name": self.name,
            "status": self.status,
            "reason": self.reason,
            "explanation": self.forecast.explanation,
            "forecast": self.forecast.as_json(),
            "parts": [asdict(part) for part in self.parts],
            "niche": asdict(self.niche) if self.niche else None,
            "gains": [gain.as_json() for gain in self.gains],
        }


def answer(
    model: "Model",
    features: Features,
    name: str,
    known: Known,
    niche: "Niche | None",
    panel: Panel | None,
) -> Answer:
    """Return all that is said about the one post that the features hold."""
    (made,) = forecast(model, features)
    return Answer(
        name=name,
        known=known,
        status=made.status,
        reason=made.reason,
        forecast=made,
        parts=parts_of(model, features),
        niche=standing(model, features, niche),
        gains=panel.gains(features) if panel is not None else (),
        features=features,
    )


def one_post(features: Features, row: int) -> Features:
    """Return the features of one post alone."""
    name = features.matrix.frame.index[row]
    return Features(
        features.matrix.rows([name]),
        features.posts.iloc[[row]].reset_index(drop=True),
        features.status.iloc[[row]].reset_index(drop=True),
    )


def parts_of(model: "Model", features: Features) -> tuple[Part, ...]:
    """Return every base's own prediction for the one post of the features."""
    from virality.modeling.voices import hear

    voices = hear(model, features.matrix, features.posts)
    units = np.asarray(model.target.to_units(voices.said[0]))
    places = model.stack.percentile(voices.said[0])
    return tuple(
        Part(name, float(units[i]), float(places[i]), float(voices.weights[0, i]),
             bool(voices.informed[0, i]))
        for i, name in enumerate(voices.names)
    )  # fmt: skip


def standing(model: "Model", features: Features, niche: "Niche | None") -> Standing | None:
    """Return where the one post of the features is predicted to stand among posts like it."""
    if niche is None:
        return None
    near = niche.near(features.matrix, features.posts)
    if near is None:
        return None
    mean = float(model.predict(features.matrix, features.posts).mean[0])
    low, median, high = (
        float(model.target.to_units(float(np.quantile(near.outcomes, share))))
        for share in (0.1, 0.5, 0.9)
    )
    alike = tuple(_alike(niche, near, i, model) for i in range(min(SHOWN, len(near.places))))
    return Standing(near.percentile(mean), len(near.places), low, median, high, alike)


def _alike(niche: "Niche", near: "Near", rank: int, model: "Model") -> Alike:
    row = niche.posts.iloc[int(near.places[rank])].to_dict()
    post: Mapping[str, Any] = {str(name): value for name, value in row.items()}
    caption, posted = post.get("caption"), post.get("posted_at")
    return Alike(
        id=str(post["id"]),
        caption=caption if isinstance(caption, str) else "",
        posted_at=posted.isoformat() if posted is not None and posted == posted else "",
        similarity=float(near.similarity[rank]),
        outcome=float(model.target.to_units(float(near.outcomes[rank]))),
    )
