"""What a run is to do and what it came to: values, without the work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from virality.data.limits import Limits

SPLITS = ("temporal", "author", "random")


@dataclass(frozen=True)
class Plan:
    """What `run` is to do; the fields are the options of the command."""

    posts: Path
    out: Path
    media: Path | None = None
    layout: str = "auto"
    mapping: Path | None = None
    target: str = "views"
    trials: int = 50
    timeout_s: float | None = None
    metric: str = ""
    only: Sequence[str] = ()
    without: Sequence[str] = ()
    extras: Sequence[str] = ()
    encoder: str = ""
    views: int = 0
    jobs: int = 2
    seed: int = 0
    truth: Path | None = None
    splits: Sequence[str] = SPLITS
    limits: Limits = field(default_factory=Limits)

    def at(self, name: str) -> Path:
        """Return the path of something that the run writes."""
        return self.out / name

    @property
    def written(self) -> list[Path]:
        """The files that the run writes right into its folder."""
        kept = (f"evaluation-{split}.json" for split in dict.fromkeys(self.splits))
        names = ("posts.parquet", "rejects.csv", "study.log", *kept, "report.html", "report.json")
        return [self.at(name) for name in (*names, "stages.json")]


@dataclass(frozen=True)
class Run:
    """What a run came to.

    Attributes:
        posts: posts read; failed: posts whose extraction failed.
        features: columns of the matrix.
        best_trial: score of the study's best trial.
        metric: what that score is, in words.
        trials: trials of the study, those of earlier runs among them.
        scores: split -> metrics and baselines as plain numbers.
        verdict: one sentence a split.
        drivers: strongest features, strongest first.
        report: where the report is.
        seconds: stage -> seconds spent; absent when it was skipped.
    """

    posts: int
    failed: int
    features: int
    best_trial: float
    metric: str
    trials: int
    scores: Mapping[str, Any]
    verdict: Sequence[str]
    drivers: Sequence[str]
    report: str
    seconds: Mapping[str, float] = field(default_factory=dict)
