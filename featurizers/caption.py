"""The parts of a caption: words, hashtags, mentions, links and emoji.

Letters and emoji are those of Unicode (UAX #29 grapheme clusters, UTS #51 emoji), through the
`regex` package.
"""

from dataclasses import dataclass

import regex

LONGEST_CAPTION = 5_000
"""Characters that are read: platforms allow 4,000 at most, and hostile input has no end."""

HASHTAG = regex.compile(r"(?<![\p{L}\p{N}_&])[#＃]([\p{L}\p{M}\p{N}_]+)")
MENTION = regex.compile(r"(?<![\p{L}\p{N}_.])[@＠]([\p{L}\p{M}\p{N}_.]*[\p{L}\p{M}\p{N}_])")
LINK = regex.compile(r"(?:https?://|www\.)\S+", regex.IGNORECASE)
WORD = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}]|[\p{L}\p{M}\p{N}]+(?:['’][\p{L}\p{M}\p{N}]+)*"
)
"""Chinese and Japanese do not part words by spaces: there a character counts as a word."""

_EMOJI = regex.compile(
    r"\p{Emoji_Presentation}|\p{Extended_Pictographic}\uFE0F|\u20E3"
    r"|[[\u2600-\u27BF]&&\p{Extended_Pictographic}]",
    regex.VERSION1,
)
_CLUSTER = regex.compile(r"\X")


@dataclass(frozen=True)
class Caption:
    """A caption taken apart.

    Attributes:
        text: as written, up to LONGEST_CAPTION, valid Unicode.
        plain: without hashtags, mentions, links and emoji.
        characters: what a reader sees as single signs (grapheme clusters).
        words: of the plain text.
        hashtags, mentions: without their sign.
        links: as written.
        emoji: one a visible sign, a family or a flag being one.
    """

    text: str
    plain: str
    characters: tuple[str, ...]
    words: tuple[str, ...]
    hashtags: tuple[str, ...]
    mentions: tuple[str, ...]
    links: tuple[str, ...]
    emoji: tuple[str, ...]


def clean(text: str) -> str:
    """Return text that every encoder takes: valid Unicode, without NUL, of bounded length.

    Halves of a surrogate pair, as careless JSON writers leave them, are joined where they can be.
    """
    short = text[:LONGEST_CAPTION].replace("\0", " ")
    return short.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def take_apart(text: str) -> Caption:
    """Return the parts of a caption."""
    text = clean(text)
    links = tuple(LINK.findall(text))
    unlinked = LINK.sub(" ", text)
    bare = MENTION.sub(" ", HASHTAG.sub(" ", unlinked))
    characters = tuple(_CLUSTER.findall(text))
    plain = "".join(" " if is_emoji(one) else one for one in _CLUSTER.findall(bare))
    return Caption(
        text=text,
        plain=plain,
        characters=characters,
        words=tuple(WORD.findall(plain)),
        hashtags=tuple(HASHTAG.findall(unlinked)),
        mentions=tuple(MENTION.findall(unlinked)),
        links=links,
        emoji=tuple(one for one in characters if is_emoji(one)),
    )


def is_emoji(character: str) -> bool:
    """Return whether a grapheme cluster is shown as an emoji."""
    return _EMOJI.search(character) is not None
