"""How the columns of a caption hang together: what one more hashtag, emoji, mark or word changes.

A caption is measured as a whole: five more hashtags make it longer and leave less of it to plain
text, longer text leaves less of it to hashtags. So these are worked out, as a caption changed
likewise would be measured, and do not merely go along as they do on average.
"""

from collections.abc import Callable, Mapping

Row = Mapping[str, float]
Follow = Callable[[float, Row], float]
"""(new value of the lever, the row as it was) -> what a following column becomes."""

TEXT, TAG = "text_shape__", "metadata_hashtag__"
LENGTH, PLAIN, WORDS = f"{TEXT}length", f"{TEXT}plain_length", f"{TEXT}words"
TAGS, EMOJI, QUESTIONS = f"{TAG}count", f"{TEXT}emoji", f"{TEXT}questions"
PUNCTUATION, EMOJI_SHARE = f"{TEXT}punctuation_share", f"{TEXT}emoji_share"
TAGS_SHARE = f"{TEXT}tags_share"
TAG_LENGTH, LONGEST_TAG = f"{TAG}length_mean", f"{TAG}length_longest"
DISCOVERY = f"{TAG}discovery"

AROUND_TAG = 2.0
"""Characters that a hashtag takes besides its name: its sign and a space."""

USUAL_TAG = 8.0
"""Characters of a hashtag's name where the post has none to go by."""

UNKNOWN = float("nan")

TAGS_ONLY = frozenset(
    f"{TAG}{name}" for name in ("discovery_share", "length_mean", "length_longest")
)
"""Columns that a post without hashtags lacks and gets with the first one."""


def shifted(own: str, other: str) -> Follow:
    """Return a column that changes by as much as the lever, such as different hashtags."""

    def follow(value: float, row: Row) -> float:
        return max(0.0, row.get(other, UNKNOWN) + value - row.get(own, UNKNOWN))

    return follow


def tagged_length(count: float, row: Row) -> float:
    """Return the length of a caption with so many hashtags; its plain text stays."""
    name = row.get(TAG_LENGTH, UNKNOWN)
    each = AROUND_TAG + (name if name == name else USUAL_TAG)
    more = (count - row.get(TAGS, UNKNOWN)) * each
    return max(row.get(LENGTH, UNKNOWN) + more, min(row.get(PLAIN, 0.0), row.get(LENGTH, 0.0)))


def tag_length(own: str) -> Follow:
    """Return the mean or the longest length of hashtags: as it was, nothing without any."""

    def follow(count: float, row: Row) -> float:
        had = row.get(own, UNKNOWN)
        return UNKNOWN if count <= 0 else had if had == had else USUAL_TAG

    return follow


def discovery(count: float, row: Row) -> float:
    """Return how many of so many hashtags only ask for reach: new ones name a topic."""
    return min(row.get(DISCOVERY, UNKNOWN), count)


def discovery_share(count: float, row: Row) -> float:
    """Return the share of these hashtags, nothing without any."""
    return discovery(count, row) / count if count > 0 else UNKNOWN


def tags_share(length: Follow, plain: Follow) -> Follow:
    """Return the share of a caption that is no plain text, its length and its plain text changed.

    It is measured without spaces, lengths with them: so it changes by as much as it does with them.
    """

    def follow(value: float, row: Row) -> float:
        had, now = row.get(TAGS_SHARE, UNKNOWN), length(value, row)
        before = _beside(row.get(LENGTH, UNKNOWN), row.get(PLAIN, UNKNOWN))
        after = _beside(now, plain(value, row))
        return min(1.0, max(0.0, had + after - before)) if after == after else had

    return follow


def _beside(length: float, plain: float) -> float:
    """Return the share of a caption's characters beside its plain text."""
    return 1.0 - min(plain, length) / length if length > 0 else UNKNOWN


def plain_kept(_value: float, row: Row) -> float:
    """Return the length of plain text that stays as it is."""
    return row.get(PLAIN, UNKNOWN)


def plain_of_length(length: float, row: Row) -> float:
    """Return the length of the plain text of a longer or shorter caption: hashtags stay."""
    return max(0.0, row.get(PLAIN, UNKNOWN) + length - row.get(LENGTH, UNKNOWN))


def words_of_length(length: float, row: Row) -> float:
    """Return the words of a longer or shorter caption: as many to its plain text as before."""
    had, plain = row.get(WORDS, UNKNOWN), row.get(PLAIN, UNKNOWN)
    return had * plain_of_length(length, row) / plain if plain > 0 else had


def emoji_share(emoji: float, row: Row) -> float:
    """Return the share of so many emoji in a caption that grows by them."""
    length = shifted(EMOJI, LENGTH)(emoji, row)
    return emoji / length if length > 0 else row.get(EMOJI_SHARE, UNKNOWN)


def punctuation_share(marks: float, row: Row) -> float:
    """Return the share of punctuation in plain text with so many question marks."""
    had, more = row.get(PUNCTUATION, UNKNOWN), marks - row.get(QUESTIONS, UNKNOWN)
    letters = row.get(WORDS, UNKNOWN) * row.get(f"{TEXT}word_length", UNKNOWN)
    signs = letters / (1.0 - had) if letters > 0 and had < 1 else row.get(PLAIN, UNKNOWN)
    if not signs + more > 0:
        return had
    return min(1.0, max(0.0, (had * signs + more) / (signs + more)))
