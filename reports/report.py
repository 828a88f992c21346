"""Report: frozen, JSON-able values; all that a template may show."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from virality.reports.inspection import Still
from virality.reports.report_drivers import Direction, Interaction, Kind
from virality.reports.report_fit import Cover, SliceScore
from virality.reports.report_making import DataCard, Making
from virality.reports.report_posts import Also, Similar, WhatIf
from virality.reports.report_scores import SplitScores
from virality.reports.report_trends import Trends

Control = Literal["can", "cannot", "context"]
"""Whether whoever posts can change a feature; context is neither advice nor destiny (age)."""

CONTROLS: tuple[Control, ...] = ("can", "cannot", "context")


@dataclass(frozen=True)
class Subject:
    """What the report is about: the target and the posts that the model has learned from."""

    title: str
    target: str
    outcome: str
    unit: str
    log: bool
    rows: int
    authors: int | None
    first: str | None
    last: str | None
    hit_threshold: float | None
    counts: bool = True
    measured: str = ""


@dataclass(frozen=True)
class Tile:
    """One number in large type, what it is, and the sentence under it."""

    value: str
    label: str
    note: str


@dataclass(frozen=True)
class Belief:
    """Can I believe it? `alarms` fill the red box: non-empty when a baseline is not beaten."""

    headline: str
    sentences: tuple[str, ...]
    tiles: tuple[Tile, ...]
    alarms: tuple[str, ...]
    cautions: tuple[str, ...]
    gap: str
    coverage: str
    splits: tuple[SplitScores, ...]
    covers: tuple[Cover, ...] = ()


@dataclass(frozen=True)
class Planted:
    """One driver that a synthetic corpus was made with, and the rank at which it was found."""

    feature: str
    label: str
    role: Literal["driver", "decoy"]
    rank: int | None


@dataclass(frozen=True)
class Synthetic:
    """The rule that the outcomes of a synthetic corpus were drawn from."""

    rule: str
    planted: tuple[Planted, ...]
    noise: float | None


@dataclass(frozen=True)
class Driver:
    """One feature or one embedding block and how much it moves predictions.

    Attributes:
        effect: mean of the absolute contribution, on the learning scale.
        factor: the same as a factor, 10**effect; None where the target is no logarithm.
        share: effect over the sum of all effects, 0 to 1.
        columns: matrix columns that the entry stands for.
        related: columns that say nearly the same and are summed here, strongest first.
    """

    feature: str
    label: str
    modality: str
    unit: str
    control: Control
    columns: int
    effect: float
    factor: float | None
    share: float
    related: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModalityShare:
    """How much a modality's features move predictions together."""

    modality: str
    label: str
    columns: int
    effect: float
    factor: float | None
    share: float


@dataclass(frozen=True)
class Swarm:
    """Contributions of one feature, a point a post.

    Attributes:
        effects: contribution of each post on the learning scale.
        offsets: -1 to 1 across the row, so that points lie beside each other; no meaning.
        shades: rank of the feature's value among the posts, 0 to 1; None where there is none.
        values: the feature's value in each post, in `unit`; None where there is none.
        block: an embedding, which has no single value.
    """

    feature: str
    label: str
    effects: tuple[float, ...]
    offsets: tuple[float, ...]
    shades: tuple[float | None, ...]
    values: tuple[float | None, ...]
    unit: str
    block: bool


@dataclass(frozen=True)
class Dependence:
    """How the contribution of one feature goes with its value, in bins of about equal counts.

    Attributes:
        values: mean value of each bin, in `unit`.
        effects, lows, highs: mean contribution and its 95 % interval, learning scale.
        counts: posts in each bin.
        edges, density: histogram of the value over its range: len(edges) == len(density) + 1.
    """

    feature: str
    label: str
    unit: str
    control: Control
    values: tuple[float, ...]
    effects: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    counts: tuple[int, ...]
    edges: tuple[float, ...]
    density: tuple[int, ...]
    names: tuple[str, ...]
    sentence: str


@dataclass(frozen=True)
class Explained:
    """What drives the predictions, from exact contributions of `posts` posts.

    `families` says which features stand for others that say nearly the same.
    `controls` are shares of all movement, that of the `rest` features left out included.
    """

    posts: int
    baseline: float
    largest_error: float
    modalities: tuple[ModalityShare, ...]
    controls: Mapping[Control, float]
    features: tuple[Driver, ...]
    rest: int
    swarms: tuple[Swarm, ...]
    dependences: tuple[Dependence, ...]
    sentences: tuple[str, ...]
    families: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()
    interactions: tuple[Interaction, ...] = ()
    directions: tuple[Direction, ...] = ()


@dataclass(frozen=True)
class Calibration:
    """One tenth of the judged posts by predicted value."""

    rows: int
    predicted: float
    median_error: float
    low_error: float
    high_error: float
    covered: float


@dataclass(frozen=True)
class Miss:
    """One judged post far from its prediction; `up` and `down` are what the model saw in it."""

    id: str
    caption: str
    actual: float
    predicted: float
    low: float
    high: float
    sentence: str
    up: tuple[str, ...] = ()
    down: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fit:
    """Predicted against true on one split; points are a sample, errors are of all posts.

    Errors are actual less predicted on the learning scale; the rest is in the target's units.
    """

    split: str
    label: str
    rows: int
    ids: tuple[str, ...]
    actual: tuple[float, ...]
    predicted: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    edges: tuple[float, ...]
    errors: tuple[int, ...]
    calibration: tuple[Calibration, ...]
    misses: tuple[Miss, ...]
    sentences: tuple[str, ...]
    slices: tuple[SliceScore, ...] = ()


@dataclass(frozen=True)
class Reason:
    """Why one prediction is higher or lower than the average one.

    Attributes:
        value: the post's own value in `unit`; None for a missing part or an embedding.
        effect: contribution on the learning scale (log10 for most targets).
        factor: 10**effect; None where the target is no logarithm.
        sentence: the whole reason in words.
    """

    feature: str
    label: str
    value: float | None
    unit: str
    value_text: str
    effect: float
    factor: float | None
    sentence: str

    def as_json(self) -> dict[str, Any]:
        """Return the reason as plain values, without NaN."""
        return {name: plain(value) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Step:
    """One bar of a waterfall: a contribution and the sum after it, on the learning scale."""

    label: str
    value_text: str
    effect: float
    total: float


@dataclass(frozen=True)
class PostStory:
    """One post explained. Values in the target's units, steps on the learning scale.

    `clip` says where the clip could not be read, or not all of it.
    """

    id: str
    caption: str
    chosen: str
    predicted: float
    low: float
    high: float
    percentile: float
    hit_probability: float
    actual: float | None
    unseen: float | None
    baseline: float
    steps: tuple[Step, ...]
    up: tuple[Reason, ...]
    down: tuple[Reason, ...]
    sentence: str
    similar: Similar | None = None
    what_if: WhatIf | None = None
    film: tuple[Still, ...] = ()
    also: tuple[Also, ...] = ()
    clip: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return plain values without NaN; pictures are for the page alone."""
        return {name: plain(one) for name, one in asdict(self).items() if name != "film"}


@dataclass(frozen=True)
class Report:
    """All numbers and words of a report; rendering adds nothing to them."""

    subject: Subject
    belief: Belief
    synthetic: Synthetic | None
    explained: Explained
    fits: tuple[Fit, ...]
    posts: tuple[PostStory, ...]
    data: DataCard
    making: Making
    seed: int
    trends: Trends | None = None

    @property
    def drivers(self) -> tuple[Driver, ...]:
        """Return features and embedding blocks, strongest first."""
        return self.explained.features

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON-able values: NaN becomes None, tuples become lists."""
        return {name: plain(value) for name, value in asdict(self).items()}

    def to_json(self) -> str:
        """Return the report as JSON text, pure ASCII, the same bytes for the same report."""
        return json.dumps(self.as_json(), allow_nan=False, indent=1) + "\n"

    def _repr_html_(self) -> str:
        """Return the report as a notebook shows it: its whole page in a frame of its own."""
        from virality.reports.render import render_frame

        return render_frame(self)


def plain(value: Any) -> Any:
    """Return nested values with NaN and infinities as None and tuples as lists."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value
