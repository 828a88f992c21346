"""What a reader sees of a text: single signs, emoji among them, and none of the marks without ink.

Letters and emoji are those of Unicode (UAX #29 grapheme clusters, UTS #51 emoji), through the
`regex` package.
"""

import unicodedata

import regex

CLUSTER = regex.compile(r"\X")

SPACELESS = "\u200b"
"""Parts words, in Khmer for one, and takes no room."""

EMOJI = (
    r"(?:\p{Emoji_Presentation}|\p{Extended_Pictographic}\uFE0F"
    r"|[[\u2600-\u27BF]&&\p{Extended_Pictographic}])"
)
"""Pattern of what an emoji begins with, a keycap's digit apart."""

_SHOWN_AS_EMOJI = regex.compile(rf"{EMOJI}|\u20E3", regex.VERSION1)
_IGNORABLE = regex.compile(r"\p{Default_Ignorable_Code_Point}")
_UNSEEN = regex.compile(r"[\p{Default_Ignorable_Code_Point}--[\u200B\u200C\u200D]]", regex.VERSION1)
_JOINERS = regex.compile(r"([\u200C\u200D])[\u200C\u200D]+")
_STRAY_JOINER = regex.compile(
    r"(?!(?<=[[\p{L}\p{M}\p{N}]--[\uFE0F]])[\u200C\u200D](?=[\p{L}\p{M}\p{N}]))"
    r"(?!(?<=[\p{Extended_Pictographic}\p{Emoji_Modifier}\uFE0F])\u200D"
    r"(?=\p{Extended_Pictographic}))[\u200C\u200D]",
    regex.VERSION1,
)
"""Joiners shape Persian and Indic words and make one emoji of several, and else do nothing."""

_BLANKS = dict.fromkeys(map(ord, "\u2800\u3164\uffa0"), " ")
"""Letters without ink, which people put where a platform takes no space."""


_PILED = regex.compile(r"\p{M}{32}")
"""More marks on one letter than any language has; ordering n of them takes n squared steps."""


def compose(text: str) -> str:
    """Return a text with its letters and their marks in one spelling (NFC).

    Computers of Apple, and keyboards for Vietnamese and Korean, spell `ế` or `한` in parts: it
    looks the same and would be another word, hashtag and length.
    """
    if text.isascii() or _PILED.search(text):
        return text
    return unicodedata.normalize("NFC", text)


def is_emoji(character: str) -> bool:
    """Return whether a grapheme cluster is shown as an emoji."""
    return _SHOWN_AS_EMOJI.search(character) is not None


def drop_unseen(text: str) -> str:
    """Return a text without marks of direction and the like, blank letters as spaces, composed.

    What parts or shapes words or emoji stays: SPACELESS, and joiners where they join.
    """
    text = text.translate(_BLANKS)
    if not _IGNORABLE.search(text):
        return compose(text)
    clusters = CLUSTER.findall(text)
    seen = "".join(one if is_emoji(one) else _UNSEEN.sub("", one) for one in clusters)
    return compose(_STRAY_JOINER.sub("", _JOINERS.sub(r"\1", seen)))
