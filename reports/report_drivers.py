"""Values of a report about how features work together, and what stands behind an embedding."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Interaction:
    """Two features of which the push of one depends on the other.

    Attributes:
        effect: how far the other feature shifts the push, on the learning scale, both ways summed.
        chance: what shuffled values reach in one case of twenty, same scale.
        values, names: middle of each bin of `feature`, as a number and as it is read.
        low, high: mean contribution of `feature` there, where `other` is in its lowest and its
            highest third; learning scale.
        low_name, high_name: what those thirds are.
    """

    feature: str
    label: str
    unit: str
    other: str
    other_label: str
    effect: float
    chance: float
    values: tuple[float, ...]
    names: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    low_name: str
    high_name: str
    sentence: str


@dataclass(frozen=True)
class Direction:
    """One main direction of an embedding, named by the posts at either end.

    Attributes:
        share: of the variance of the embedding, 0 to 1.
        effect: mean contribution at the high end less that at the low end, learning scale.
        low_posts, high_posts: captions at either end, the furthest first.
    """

    feature: str
    label: str
    number: int
    share: float
    effect: float
    low_posts: tuple[str, ...]
    high_posts: tuple[str, ...]
    sentence: str


@dataclass(frozen=True)
class Kind:
    """Features of one kind: those that can be changed, those that cannot, and context."""

    kind: str
    label: str
    meaning: str
    share: float
    features: tuple[str, ...]
