"""How large and how active the account is, as of the post."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log10

from virality.data.clip import FloatArray
from virality.data.matrix import Column, Modality
from virality.data.post import Post
from virality.featurizers.rows import NAN, stack_rows


def _column(name: str, unit: str, meaning: str) -> Column:
    return Column(name, "metadata", unit=unit, known="asof", meaning=meaning)


COLUMNS: tuple[Column, ...] = (
    _column("followers_log10", "log10", "accounts that follow the author, log10(1 + n)"),
    _column("following_log10", "log10", "accounts that the author follows, log10(1 + n)"),
    _column("posts_log10", "log10", "posts of the author so far, log10(1 + n)"),
    _column(
        "popularity_log10", "log10", "followers over accounts followed, log10 of (1 + n) / (1 + m)"
    ),
    _column("yield_log10", "log10", "followers over posts so far, both with 1 added"),
    _column("is_verified", "0/1", "the platform verified the account"),
)


@dataclass(frozen=True)
class MetadataAuthor:
    """The author's counts on a log scale, and what they are to one another.

    The author's likes are left out: they hold those of the post itself.
    """

    modality: Modality = "metadata"
    version: str = "1"

    @property
    def columns(self) -> tuple[Column, ...]:
        """What it returns, in order."""
        return COLUMNS

    def extract(self, batch: Sequence[Post]) -> FloatArray:
        """Return shape (len(batch), 6); NaN where a count is unknown or negative."""
        return stack_rows((_measure(post) for post in batch), COLUMNS)


def _measure(post: Post) -> Mapping[str, float]:
    followers = log_count(post.author_followers)
    following = log_count(post.author_following)
    posts = log_count(post.author_posts)
    return {
        "followers_log10": followers,
        "following_log10": following,
        "posts_log10": posts,
        "popularity_log10": followers - following,
        "yield_log10": followers - posts,
        "is_verified": NAN if post.author_verified is None else float(post.author_verified),
    }


def log_count(count: int | None) -> float:
    """Return log10(1 + count), NaN for a count that is unknown or negative."""
    return NAN if count is None or count < 0 else log10(1 + count)
