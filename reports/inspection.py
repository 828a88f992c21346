"""Inspection: all that is known of one clip, as plain values. What a page or a terminal may show.

Whoever gathers it (`workflow.inspect`) decodes and measures; nothing here does.
"""

from dataclasses import asdict, dataclass, replace
from math import isfinite, nan
from typing import Any

OPENING_S = 3.0
"""The hook: what is seen and heard before most viewers have decided to stay."""


@dataclass(frozen=True)
class Curve:
    """One quantity over time: `values[i]` at `times_s[i]` seconds."""

    times_s: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Timeline:
    """What happens in a clip, on one clock; a part that it lacks is None.

    Attributes:
        end_s: where picture and sound have ended.
        level: power of the sound in dB of full scale.
        motion: mean speed of the picture's parts, in long sides a second; cuts left out.
        speech: how likely somebody speaks, 0 to 1.
        spans_s: (start, end) of the stretches of speech.
        cuts_s: when cuts come.
    """

    end_s: float
    level: Curve | None = None
    motion: Curve | None = None
    speech: Curve | None = None
    spans_s: tuple[tuple[float, float], ...] = ()
    cuts_s: tuple[float, ...] = ()


@dataclass(frozen=True)
class Still:
    """A picture of the clip, shown from `at_s` seconds on.

    Attributes:
        at_s: when it is shown.
        width, height: pixels.
        picture, thumb: JPEG as data URIs, the thumb a fraction of the size.
    """

    at_s: float
    width: int
    height: int
    picture: str
    thumb: str = ""


@dataclass(frozen=True)
class Opposed:
    """One quantity in the opening and in the rest.

    Attributes:
        key: `level` (dB), `motion` (long sides/s), `cuts` (1/s) or `speech` (share).
        opening, rest: NaN where there is none.
        column: the feature that says the same of the opening, `""` if there is none.
    """

    key: str
    opening: float
    rest: float
    column: str = ""


@dataclass(frozen=True)
class Facts:
    """What the container says."""

    duration_s: float
    size_bytes: int
    width: int
    height: int
    rotation_deg: int
    fps: float
    video_codec: str
    audio_codec: str
    audio_rate_hz: int
    audio_channels: int


@dataclass(frozen=True)
class Measured:
    """A feature of the clip, or all dimensions of an embedding in one entry.

    Attributes:
        column: its name in a matrix; for an embedding that of its block.
        featurizer, modality, unit, known, meaning: as in `virality list`.
        dimensions: how many columns it stands for.
        present: whether there is a value at all.
        value: NaN if missing, and for an embedding.
        usual: median of the other posts, NaN without any.
        below, above: shares of their values that are lower and higher than this one, in percent.
        percentile: `below`, and half of what is equal.
        posts: how many of them have a value.
        nearest: for an embedding, the post whose embedding is closest, `""` without posts.
        similarity: cosine of the two.
    """

    column: str
    featurizer: str
    modality: str
    unit: str
    known: str
    meaning: str
    dimensions: int
    present: bool
    value: float
    usual: float = nan
    below: float = nan
    above: float = nan
    percentile: float = nan
    posts: int = 0
    nearest: str = ""
    similarity: float = nan

    @property
    def compared(self) -> bool:
        """Whether its place among other posts is known."""
        return isfinite(self.percentile)


@dataclass(frozen=True)
class Inspection:
    """One clip.

    Attributes:
        name: its file's name.
        status, reason: as in the status table of an extraction.
        explanation: the reason in one sentence, `""` if all is well.
        detail: which featurizer failed and how.
        caption: what the user said its caption is.
        facts: None if the container could not be read.
        film: pictures spread evenly over the clip.
        opening: small grey pictures of the first seconds, as motion is measured on.
        timeline: None if nothing could be decoded.
        hook: the opening against the rest.
        features: every feature, embeddings in one entry each.
        others: posts that it is compared with, 0 if none are given.
        notes: what could not be compared, and why.
    """

    name: str
    status: str
    reason: str
    explanation: str
    detail: str
    caption: str
    facts: Facts | None
    film: tuple[Still, ...]
    opening: tuple[Still, ...]
    timeline: Timeline | None
    hook: tuple[Opposed, ...]
    features: tuple[Measured, ...]
    others: int = 0
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return plain values without the pictures, whose times stay."""
        bare = replace(self, film=(), opening=())
        return {
            **asdict(bare),
            "film": self._times(self.film),
            "opening": self._times(self.opening),
        }

    @staticmethod
    def _times(stills: tuple[Still, ...]) -> list[float]:
        return [still.at_s for still in stills]

    def find(self, column: str) -> Measured | None:
        """Return a feature by its name in a matrix, None if it is not there."""
        return next((one for one in self.features if one.column == column), None)
