"""Values of a report about where a model holds and where it does not."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cover:
    """How often the 80 % ranges held for some posts, with a 95 % interval."""

    group: str
    label: str
    rows: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class SliceScore:
    """How well some of the judged posts are predicted, each value with a 95 % interval.

    Attributes:
        kind, label: what the posts are told apart by, and which of them these are.
        bias, bias_low, bias_high: mean of actual less predicted, learning scale.
        error, error_low, error_high: mean absolute error, learning scale.
        rank: rank correlation; NaN where it is not defined.
        covered: share of posts inside their 80 % range.
    """

    kind: str
    label: str
    rows: int
    bias: float
    bias_low: float
    bias_high: float
    error: float
    error_low: float
    error_high: float
    rank: float
    covered: float
