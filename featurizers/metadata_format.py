"""What a post is made of, as its platform declares it: known without the media file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, log10

from virality.data.clip import FloatArray
from virality.data.matrix import Column, Modality
from virality.data.post import Post
from virality.featurizers.rows import NAN, stack_rows


def _column(name: str, unit: str, meaning: str) -> Column:
    return Column(name, "metadata", unit=unit, meaning=meaning)


COLUMNS: tuple[Column, ...] = (
    _column("duration_s", "s", "declared length; none for a photo post"),
    _column("duration_log10", "log10", "declared length, log10(seconds)"),
    _column("is_photo", "0/1", "photo post: its declared length is 0"),
    _column("width_px", "px", "declared width of the picture"),
    _column("height_px", "px", "declared height of the picture"),
    _column("shape_ratio", "ratio", "width over height: 0.56 is a phone held upright"),
    _column("is_upright", "0/1", "higher than wide"),
    _column("short_side_px", "px", "shorter side of the picture, its definition"),
    _column("has_caption", "0/1", "the author wrote a caption"),
    _column("has_location", "0/1", "a place is given; unknown where the source gives none"),
)


@dataclass(frozen=True)
class MetadataFormat:
    """Declared length and size, and which parts the post has."""

    modality: Modality = "metadata"
    version: str = "1"

    @property
    def columns(self) -> tuple[Column, ...]:
        """What it returns, in order."""
        return COLUMNS

    def extract(self, batch: Sequence[Post]) -> FloatArray:
        """Return shape (len(batch), 10); NaN where a field is unknown."""
        return stack_rows((_measure(post) for post in batch), COLUMNS)


def _measure(post: Post) -> Mapping[str, float]:
    return (
        _measure_length(post.duration_s)
        | _measure_size(post.width, post.height)
        | {
            "has_caption": _has(post.caption),
            "has_location": _has(post.location),
        }
    )


def _measure_length(duration_s: float | None) -> dict[str, float]:
    if duration_s is None or not isfinite(duration_s) or duration_s < 0:
        return {}
    if duration_s == 0:
        return {"is_photo": 1}
    return {"duration_s": duration_s, "duration_log10": log10(duration_s), "is_photo": 0}


def _measure_size(width: int | None, height: int | None) -> dict[str, float]:
    if not width or not height or min(width, height) < 0:
        return {}
    return {
        "width_px": width,
        "height_px": height,
        "shape_ratio": width / height,
        "is_upright": float(height > width),
        "short_side_px": min(width, height),
    }


def _has(text: str | None) -> float:
    return NAN if text is None else float(text.strip() != "")
