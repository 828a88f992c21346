"""Values of a report about its data and its making."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Trial:
    """One trial of the study."""

    number: int
    state: str
    value: float | None
    best: float | None
    seconds: float | None


@dataclass(frozen=True)
class Study:
    """The search for parameters: every trial (thinned beyond 1,000), and what won.

    `best` is the best trial's score, `nested` what choosing among the trials is worth where other
    folds choose than judge, both by `metric`, lower is better; `optimism` says how they differ.
    """

    trials: tuple[Trial, ...]
    total: int
    best: float | None
    sentence: str
    params: Mapping[str, str]
    metric: str
    nested: float | None
    optimism: str


@dataclass(frozen=True)
class FieldCard:
    """One field of the posts: what it means, when it is known, how much of it is missing."""

    name: str
    meaning: str
    unit: str
    known: str
    missing: float


@dataclass(frozen=True)
class FeatureCard:
    """The features of one modality."""

    modality: str
    label: str
    columns: int
    used: int
    missing: float
    versions: Mapping[str, str]


@dataclass(frozen=True)
class DataCard:
    """The data: how much, from when, what is missing and what is known when.

    `fields` are all that the table has; `filled` are those that some post has, `empty` the others.
    """

    rows: int
    labelled: int
    authors: int | None
    first: str | None
    last: str | None
    outcome_quantiles: Mapping[str, float]
    fields: tuple[FieldCard, ...]
    features: tuple[FeatureCard, ...]
    statuses: Mapping[str, int]
    sentences: tuple[str, ...]

    @property
    def filled(self) -> tuple[FieldCard, ...]:
        """The fields that at least one post has."""
        return tuple(one for one in self.fields if one.missing < 1.0)

    @property
    def empty(self) -> tuple[FieldCard, ...]:
        """The fields that no post has: their names say it all."""
        return tuple(one for one in self.fields if one.missing >= 1.0)


@dataclass(frozen=True)
class Weight:
    """Share of one base model in the stack, for posts of unknown and of known authors."""

    name: str
    label: str
    weight: float
    known: float


@dataclass(frozen=True)
class Making:
    """How it was made: all that someone needs to make it again.

    `importance` is each parameter's share of what the study could gain by it, `hashes` the SHA-256
    of the bundle and of the features that the report was made from, by file.
    """

    study: Study | None
    weights: tuple[Weight, ...]
    facts: Mapping[str, str]
    params: Mapping[str, str]
    versions: Mapping[str, str]
    use: tuple[str, ...]
    limits: tuple[str, ...]
    licences: tuple[str, ...]
    commands: tuple[str, ...]
    importance: Mapping[str, float] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)

    @property
    def apart(self) -> bool:
        """Whether known authors have weights of their own."""
        return any(one.weight != one.known for one in self.weights)
