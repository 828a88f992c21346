"""Values of a single post that go beyond its prediction: similar posts, and what if."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Also:
    """What is predicted of a post beside views, in counts, with the 80 % interval."""

    name: str
    prediction: float
    low: float
    high: float
    sentence: str


@dataclass(frozen=True)
class SimilarPost:
    """One earlier post that is like the one explained, and how it did.

    Attributes:
        posted: ISO date, empty if unknown.
        similarity: -1 to 1, 1 for the same content.
        outcome: in the target's units.
        own: of the same author.
    """

    id: str
    caption: str
    posted: str
    similarity: float
    outcome: float
    own: bool
    sentence: str


@dataclass(frozen=True)
class Similar:
    """Earlier posts that are like one post.

    Attributes:
        basis: what is compared, in words.
        compared: posts that were earlier and have an outcome.
        posts: the most similar ones, most similar first.
        near: how many `median`, `low` and `high` (quartiles) are taken over, in units.
    """

    basis: tuple[str, ...]
    compared: int
    posts: tuple[SimilarPost, ...]
    near: int
    median: float
    low: float
    high: float
    sentence: str


@dataclass(frozen=True)
class Setting:
    """One setting of a lever and what the model says of the post with it.

    Attributes:
        value, text: the setting, as a number and in words.
        prediction, low, high: in the target's units, with the 80 % interval.
        gain: change of the prediction on the learning scale.
        gain_low, gain_high: from the 10th to the 90th percentile of that change among this post
            and the ones most similar to it.
        posts: reference posts that are about there.
    """

    value: float
    text: str
    prediction: float
    low: float
    high: float
    gain: float
    gain_low: float
    gain_high: float
    posts: int


@dataclass(frozen=True)
class Curve:
    """What the model says of one post as one lever is turned and all else stays.

    `current` is the post's own value, NaN where it has none; `best` is the place of the setting
    with the highest prediction.
    """

    lever: str
    label: str
    column: str
    follows: tuple[str, ...]
    current: float
    current_text: str
    settings: tuple[Setting, ...]
    best: int
    sentence: str


@dataclass(frozen=True)
class Dial:
    """One lever of a joint grid: its settings in words, and the one that the post has."""

    lever: str
    label: str
    texts: tuple[str, ...]
    values: tuple[float, ...]
    current: int


@dataclass(frozen=True)
class Joint:
    """Exact predictions for every combination of a few levers' settings.

    `predictions`, `lows`, `highs` and `gains` run through the last dial fastest; `says` is each
    combination in words.
    """

    dials: tuple[Dial, ...]
    predictions: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    gains: tuple[float, ...]
    says: tuple[str, ...]
    supported: tuple[bool, ...]


@dataclass(frozen=True)
class Change:
    """One lever of a suggestion: from what to what."""

    lever: str
    label: str
    value: float
    before: str
    after: str


@dataclass(frozen=True)
class Suggestion:
    """A combination of settings that the model likes better and that posts like this one have had.

    Attributes:
        changes: what would be different.
        prediction, low, high: in the target's units.
        gain, gain_low, gain_high: as of a `Setting`.
        did, similar: of so many similar posts, so many were made like this.
        seen, seen_low, seen_high: how these did against the other similar ones, learning scale,
            with a 95 % interval that draws authors as a whole; NaN where too few did.
        sentences: all of it in words.
    """

    changes: tuple[Change, ...]
    prediction: float
    low: float
    high: float
    gain: float
    gain_low: float
    gain_high: float
    did: int
    similar: int
    seen: float
    seen_low: float
    seen_high: float
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class WhatIf:
    """What the model says would be different if the post were made otherwise.

    `notes` say what it rests on; `joint` is None where no lever can be turned.
    """

    curves: tuple[Curve, ...]
    joint: Joint | None
    suggestions: tuple[Suggestion, ...]
    notes: tuple[str, ...]
