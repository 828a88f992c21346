"""What a prediction log keeps: predictions as made, and what was reported of the posts later."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from virality.data.errors import InputError
from virality.data.matrix import Column
from virality.data.post_years import bounds, is_of_posts

COUNTS = ("views", "likes", "comments", "shares", "saves")
"""What can be reported of a post."""

State = Literal["accepted", "quarantined", "rejected"]

LARGEST = 2**63 - 1
"""Largest number of SQLite's."""


@dataclass(frozen=True)
class Prediction:
    """One prediction, as it is put into a log.

    Attributes:
        post: id of the post.
        input: SHA-256 of what was given: clip, caption and facts.
        model: SHA-256 of the bundle's manifest.
        target: what was predicted.
        prediction, low, high: in the target's own unit.
        mean, mean_low, mean_high: the same on the learning scale.
        expected_error: absolute error that the model expects here, on the learning scale.
        row: float32 (p,), the features.
        facts: fields of the post that training reads, plain values.
    """

    post: str
    input: str
    model: str
    target: str
    prediction: float
    low: float
    high: float
    mean: float
    mean_low: float
    mean_high: float
    expected_error: float
    row: npt.NDArray[np.float32]
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Kept:
    """One prediction of a log, without its features.

    Attributes:
        number: in order of recording, from 1.
        id: 32 hexadecimal digits that nobody can guess.
        made_at: when it was recorded, UTC.
        client: who asked; `""` is the owner.
        features: hash of the stored features.

    The others are those of `Prediction`.
    """

    number: int
    id: str
    made_at: datetime
    client: str
    post: str
    input: str
    features: str
    model: str
    target: str
    prediction: float
    low: float
    high: float
    mean: float
    mean_low: float
    mean_high: float
    expected_error: float
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class RowLayout:
    """What stored rows of features mean: their columns and the featurizers' versions."""

    columns: tuple[Column, ...]
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Outcome:
    """What became of a post, named by the id of the post or of a prediction.

    Attributes:
        prediction, post: one of both.
        views, likes, comments, shares, saves: counts, None where unknown.
        observed_at: when they were read, UTC; now if None.
    """

    prediction: str = ""
    post: str = ""
    views: int | None = None
    likes: int | None = None
    comments: int | None = None
    shares: int | None = None
    saves: int | None = None
    observed_at: datetime | None = None

    @property
    def counts(self) -> dict[str, int]:
        """The counts that are known."""
        values = {name: getattr(self, name) for name in COUNTS}
        return {name: value for name, value in values.items() if value is not None}

    def check(self) -> None:
        """Refuse what is no report at all; whether it can be true is another question.

        Raises:
            InputError: if it names not exactly one thing, holds no count or none that can be kept,
                or was read in a year without posts.
        """
        if bool(self.prediction) == bool(self.post):
            raise InputError("feedback: name a prediction or a post, one of both")
        if not self.counts:
            raise InputError(f"feedback: no count is given; give one of {', '.join(COUNTS)}")
        for name, value in self.counts.items():
            if isinstance(value, bool) or not isinstance(value, int):
                raise InputError(f"feedback: {name} is {value!r}; give a whole number")
            if abs(value) > LARGEST:
                raise InputError(f"feedback: {name} is {value}; that is too large for a count")
        if self.observed_at is not None and not is_of_posts(self.observed_at):
            raise InputError(
                f"feedback: observed_at is {self.observed_at.isoformat()}; give a time {bounds()}"
            )


@dataclass(frozen=True)
class Report:
    """One report of a log. Reports are never changed; rulings on them are added.

    Attributes:
        number: in order of recording, from 1.
        post: id of the post.
        prediction: id of the prediction that it was given for, `""` if for the post.
        recorded_at, observed_at: when it came, when its counts were read; UTC.
        client: who gave it; `""` is the owner.
        counts: name -> count, those that were given.
        state: `accepted`, `quarantined` or `rejected`.
        reasons: why, as sentences.
    """

    number: int
    post: str
    prediction: str
    recorded_at: datetime
    observed_at: datetime
    client: str
    counts: Mapping[str, int]
    state: State
    reasons: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "number": self.number,
            "post": self.post,
            "prediction_id": self.prediction or None,
            "recorded_at": stamp(self.recorded_at),
            "observed_at": stamp(self.observed_at),
            "client": self.client,
            **{name: self.counts.get(name) for name in COUNTS},
            "state": self.state,
            "reasons": list(self.reasons),
        }


@dataclass(frozen=True)
class Receipt:
    """What became of a report that was given.

    Attributes:
        id: its number.
        state: `accepted`, `quarantined`, or `known` if the very same one was there already.
        reasons: why it is held, as sentences.
    """

    id: int
    state: Literal["accepted", "quarantined", "known"]
    reasons: tuple[str, ...] = ()


def stamp(moment: datetime) -> str:
    """Return a moment as text that sorts by time: UTC, milliseconds.

    >>> stamp(datetime(2026, 5, 1, 18, tzinfo=UTC))
    '2026-05-01T18:00:00.000Z'

    Raises:
        InputError: if it names no zone, or lies beyond the calendar in UTC.
    """
    if moment.tzinfo is None:
        raise InputError(f"time {moment} names no zone; give it in UTC")
    try:
        utc = moment.astimezone(UTC)
    except OverflowError as error:
        raise InputError(f"time {moment} is out of the range of times") from error
    # Not strftime: it writes the years before 1000 with fewer digits, which sort wrongly.
    return utc.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def moment(text: str) -> datetime:
    """Return the moment that `stamp` wrote."""
    return datetime.fromisoformat(text)
