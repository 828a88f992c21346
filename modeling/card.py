"""What a person should know about a model, as plain values that travel in its bundle."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from virality.modeling.families import Families

TRIED = "tried_libraries"
"""What cards of earlier versions do not tell, nor those of studies that were left to themselves."""


@dataclass(frozen=True)
class ModelCard:
    """What a person should know about a model; plain values only.

    `medians` holds the usual value of every column among the training posts, those of history among
    them (bundles of earlier versions lack these), `families` the columns that say nearly the same
    (see `modeling.families`), under the name of the strongest. `views` is how many variations of a
    clip it was trained with. `tried_libraries` are those that its study was told to try, none if it
    was left to itself (or the bundle is of an earlier version).
    """

    target: str
    unit: str
    scale: str
    rows: int
    unlabelled: int
    authors: int
    first_posted_at: str
    last_posted_at: str
    features: tuple[str, ...]
    features_by_modality: Mapping[str, int]
    weights: Mapping[str, float]
    weights_known_authors: Mapping[str, float]
    params: Mapping[str, Any]
    libraries: Mapping[str, str]
    featurizers: Mapping[str, str]
    seed: int
    hit_threshold: float
    training_median: float
    tuned: bool
    trials: int
    small_recipe: bool
    notes: tuple[str, ...]
    licences: tuple[str, ...]
    medians: Mapping[str, float]
    families: Families
    views: int = 0
    tried_libraries: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return plain values; those of before stay, to the byte, what they were."""
        values = {n: list(v) if isinstance(v, tuple) else v for n, v in asdict(self).items()}
        return values if self.tried_libraries else {k: values[k] for k in values if k != TRIED}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "ModelCard":
        """Return the card that `as_json` wrote."""
        read: dict[str, Any] = {
            n: tuple(v) if isinstance(v, list) else v for n, v in values.items()
        }
        read["families"] = {n: tuple(members) for n, members in values["families"].items()}
        return cls(**read)
