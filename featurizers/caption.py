"""The parts of a caption: words, hashtags, mentions, links and emoji."""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import regex

from virality.data.signs import CLUSTER, SPACELESS, drop_unseen, is_emoji
from virality.data.tags import HASHTAG, LINK, MENTION

LONGEST_CAPTION = 5_000
"""Characters that are read: platforms allow 4,000 at most, and hostile input has no end."""

_CJK = r"\p{Han}\p{Hiragana}\p{Katakana}"
_MARKS_OF_KANA = r"\u30FC\uFF70\uFF9E\uFF9F"
"""Signs of length and voice, ー and its half-width kin, which Unicode gives to no one script."""

WORD = regex.compile(
    rf"[{_CJK}][\p{{M}}{_MARKS_OF_KANA}]*"
    rf"|(?:(?![{_CJK}{_MARKS_OF_KANA}])[\p{{L}}\p{{M}}\p{{N}}])+"
    rf"(?:['’‘＇\u200C\u200D](?:(?![{_CJK}{_MARKS_OF_KANA}])[\p{{L}}\p{{M}}\p{{N}}])+)*"
)
"""Chinese and Japanese do not part words by spaces: there a character counts as a word."""

_NOT_ASCII = regex.compile(r"[^\x00-\x7F]")
_ONE_SPELLING = {**dict.fromkeys(map(ord, "’‘‛ʼʻ´`"), "'"), 0x037E: "?"}
"""Phones write ’ unasked; U+037E is the Greek question mark, which would become a semicolon."""


@dataclass(frozen=True)
class Caption:
    """A caption taken apart.

    Attributes:
        text: as written, up to LONGEST_CAPTION, valid Unicode, without what no reader sees.
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

    @property
    def normal(self) -> str:
        """The plain text in one spelling: apostrophes straight, signs made of ASCII as ASCII.

        It makes `don’t` of a phone the `don't` of lexica, and Latin of letters styled by
        mathematical or wide signs. Other scripts stay as they are: full NFKC would take apart
        signs of Thai and Korean that languages are told by.
        """
        plain = self.plain.translate(_ONE_SPELLING)
        return str(_NOT_ASCII.sub(lambda one: _in_ascii(one[0]), plain))


def clean(text: str) -> str:
    """Return text that every encoder takes: valid Unicode, without NUL, of bounded length.

    Halves of a surrogate pair, as careless JSON writers leave them, are joined where they can be.
    """
    short = text[:LONGEST_CAPTION].replace("\0", " ")
    return short.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def take_apart(text: str) -> Caption:
    """Return the parts of a caption."""
    text = drop_unseen(clean(text))
    links = tuple(LINK.findall(text))
    unlinked = LINK.sub(" ", text)
    bare = MENTION.sub(" ", HASHTAG.sub(" ", unlinked))
    plain = "".join(" " if is_emoji(one) else one for one in CLUSTER.findall(bare))
    text = text.replace(SPACELESS, "")
    characters = tuple(CLUSTER.findall(text))
    return Caption(
        text=text,
        plain=plain.replace(SPACELESS, ""),
        characters=characters,
        words=tuple(WORD.findall(plain)),
        hashtags=tuple(HASHTAG.findall(unlinked)),
        mentions=tuple(MENTION.findall(unlinked)),
        links=links,
        emoji=tuple(one for one in characters if is_emoji(one)),
    )


@lru_cache(maxsize=4096)
def _in_ascii(sign: str) -> str:
    spelled = unicodedata.normalize("NFKC", sign)
    return spelled if spelled.isascii() else sign
