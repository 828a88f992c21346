"""Which kind of sound a post uses, by its label."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from virality.data.clip import FloatArray
from virality.data.matrix import Column, Modality
from virality.data.post import Post
from virality.featurizers.caption import clean
from virality.featurizers.metadata_author import log_count
from virality.featurizers.rows import NAN, stack_rows

REMIX_WORDS: tuple[str, ...] = ("remix", "sped up", "speed up", "slowed", "mashup", "nightcore")

COLUMNS: tuple[Column, ...] = (
    Column("is_original", "metadata", unit="0/1", meaning="the sound was made for this post"),
    Column(
        "uses_log10",
        "metadata",
        unit="log10",
        known="asof",
        meaning="posts that use the sound, log10(1 + n)",
    ),
    Column("has_title", "metadata", unit="0/1", meaning="the sound has a title"),
    Column("title_length", "metadata", unit="characters", meaning="length of the sound's title"),
    Column("title_words", "metadata", unit="words", meaning="words of the sound's title"),
    Column("is_remix", "metadata", unit="0/1", meaning=f"title holds {', '.join(REMIX_WORDS)}"),
    Column("is_own", "metadata", unit="0/1", meaning="the author of the post made the sound"),
)


@dataclass(frozen=True)
class MetadataSound:
    """The sound's label: original or not, its uses, its title."""

    modality: Modality = "metadata"
    version: str = "1"

    @property
    def columns(self) -> tuple[Column, ...]:
        """What it returns, in order."""
        return COLUMNS

    def extract(self, batch: Sequence[Post]) -> FloatArray:
        """Return shape (len(batch), 7); NaN where a field is unknown."""
        return stack_rows((_measure(post) for post in batch), COLUMNS)


def _measure(post: Post) -> Mapping[str, float]:
    own = post.sound_author is not None and post.author_id is not None
    return {
        "is_original": NAN if post.sound_original is None else float(post.sound_original),
        "uses_log10": log_count(post.sound_uses),
        "is_own": float(post.sound_author == post.author_id) if own else NAN,
    } | _measure_title(post.sound_title)


def _measure_title(title: str | None) -> dict[str, float]:
    if title is None:
        return {}
    bare = clean(title).strip()
    return {
        "has_title": float(bare != ""),
        "title_length": len(bare),
        "title_words": len(bare.split()),
        "is_remix": float(any(word in bare.casefold() for word in REMIX_WORDS)),
    }
