"""Scores of a report: of the model and its baselines, split by split, and what follows."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """A value with the bounds of its 95 % bootstrap interval; NaN bounds where there is none."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Score:
    """Metrics of the model or of one baseline on one split."""

    name: str
    label: str
    metrics: Mapping[str, Interval]


@dataclass(frozen=True)
class Response:
    """Scores of likes, comments, shares or saves where they are learned together with views."""

    name: str
    label: str
    scores: tuple[Score, ...]


@dataclass(frozen=True)
class Lead:
    """How far the model is ahead of a baseline: its MAE less the model's, on the learning scale."""

    name: str
    label: str
    difference: Interval
    better: bool | None
    sentence: str


@dataclass(frozen=True)
class SplitScores:
    """One way to judge: how the posts were split, every score on it, and what follows."""

    split: str
    label: str
    meaning: str
    rows: int
    authors: int | None
    scores: tuple[Score, ...]
    leads: tuple[Lead, ...]
    gap: Mapping[str, float]
    coverage: Interval
    verdict: str
    notes: tuple[str, ...]
    also: tuple[Response, ...] = ()
