"""How a caption is written: its length, signs and symbols, whatever it says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import regex

from virality.data.clip import FloatArray
from virality.data.matrix import Column, Modality
from virality.data.signs import CLUSTER
from virality.featurizers.caption import Caption, take_apart
from virality.featurizers.rows import NAN, stack_rows

_LETTER = regex.compile(r"\p{L}")
_LATIN = regex.compile(r"\p{Latin}")
_CASED = regex.compile(r"\p{Lu}|\p{Ll}")
_CAPITAL = regex.compile(r"\p{Lu}")
_DIGIT = regex.compile(r"\p{Nd}")
_PUNCTUATION = regex.compile(r"\p{P}")
_SHOUTED = regex.compile(r"\p{Lu}{2,}")
_STRETCHED = regex.compile(r"(\p{L})\1\1+", regex.IGNORECASE)
_LINE_BREAK = regex.compile(r"\r\n|[\n\r\u2028\u2029]")
_QUESTION = regex.compile(r"[?؟՞፧᥅꘏]|(?<=\p{Greek});")
"""Those of Arabic, Armenian, Ethiopic, Limbu and Vai beside the common one; Greek asks by ;."""

_EXCLAMATION = regex.compile(r"[!՜߹᥄]")
_ELLIPSIS = regex.compile(r"\.{3,}|…")
_AS_EMOJI = "\ufe0f"
"""Some phones write ❤ with it and some without: the same emoji to who looks at it."""


def _column(name: str, unit: str, meaning: str) -> Column:
    return Column(name, "text", unit=unit, meaning=meaning)


COLUMNS: tuple[Column, ...] = (
    _column("length", "characters", "visible characters of the caption"),
    _column(
        "plain_length",
        "characters",
        "length of the caption without hashtags, mentions, links and emoji",
    ),
    _column("words", "words", "words; a Chinese or Japanese character counts as one"),
    _column("word_length", "characters", "mean length of a word"),
    _column("distinct_words_share", "share", "distinct words among all, whatever their case"),
    _column("emoji", "emoji", "emoji; a flag or a family is one"),
    _column("distinct_emoji", "emoji", "different emoji"),
    _column("emoji_share", "share", "emoji among the visible characters"),
    _column("hashtags", "hashtags", "hashtags written in the caption"),
    _column("mentions", "mentions", "accounts named in the caption"),
    _column("links", "links", "web addresses"),
    _column("tags_share", "share", "characters of the caption that are not plain text"),
    _column("capitals_share", "share", "capitals among the letters that have a case, plain text"),
    _column("shouted_words_share", "share", "words in capitals only, of two letters or more"),
    _column("digits_share", "share", "digits among the characters of the plain text"),
    _column("punctuation_share", "share", "punctuation among the characters of the plain text"),
    _column("non_latin_share", "share", "letters of other scripts than Latin, plain text"),
    _column("questions", "marks", "question marks of any script; ⁇ is two, ⁉ one of each"),
    _column("exclamations", "marks", "exclamation marks of any script; ‼ is two"),
    _column("ellipses", "marks", "three dots or more, a cliffhanger"),
    _column("stretched_words", "words", "letters written three times or more: sooo"),
    _column("line_breaks", "lines", "line breaks inside the caption"),
    _column("begins_with_tag", "0/1", "the first visible sign is a hashtag or a mention"),
)


@dataclass(frozen=True)
class TextShape:
    """Counts and shares of a caption's signs; a post whose caption is blank has neither.

    Length, punctuation, capitals and tags are the surface features of popularity studies since
    Suh et al. 2010 and of Khosla et al. 2014. Marks without ink (of direction, spaces of no width)
    count nowhere; letters styled by mathematical or wide signs count as the letters they stand for.
    """

    modality: Modality = "text"
    version: str = "3"

    @property
    def columns(self) -> tuple[Column, ...]:
        """What it returns, in order."""
        return COLUMNS

    def extract(self, batch: Sequence[str]) -> FloatArray:
        """Return shape (len(batch), 23)."""
        return stack_rows((_measure(take_apart(text)) for text in batch), COLUMNS)


def _measure(caption: Caption) -> Mapping[str, float]:
    return _count(caption) | _shares(caption)


def _count(caption: Caption) -> dict[str, float]:
    begins = caption.text.lstrip()[:1] in ("#", "＃", "@", "＠")
    return {
        "length": len(caption.characters),
        "plain_length": _signs(" ".join(caption.plain.split())),
        "words": len(caption.words),
        "emoji": len(caption.emoji),
        "distinct_emoji": len({one.replace(_AS_EMOJI, "") for one in caption.emoji}),
        "hashtags": len(caption.hashtags),
        "mentions": len(caption.mentions),
        "links": len(caption.links),
        "questions": len(_QUESTION.findall(caption.normal)),
        "exclamations": len(_EXCLAMATION.findall(caption.normal)),
        "ellipses": len(_ELLIPSIS.findall(caption.plain)),
        "stretched_words": sum(_STRETCHED.search(word) is not None for word in caption.words),
        "line_breaks": len(_LINE_BREAK.findall(caption.text.strip())),
        "begins_with_tag": float(begins and bool(caption.hashtags or caption.mentions)),
    }


def _shares(caption: Caption) -> dict[str, float]:
    plain = _signs("".join(caption.plain.split()))
    shown = sum(not one.isspace() for one in caption.characters)
    spelled = caption.normal
    letters = _LETTER.findall(spelled)
    words = caption.words
    return {
        "word_length": _share(sum(map(_signs, words)), len(words)),
        "distinct_words_share": _share(len({word.casefold() for word in words}), len(words)),
        "emoji_share": _share(len(caption.emoji), len(caption.characters)),
        "tags_share": _share(shown - plain, shown),
        "capitals_share": _share(len(_CAPITAL.findall(spelled)), len(_CASED.findall(spelled))),
        "shouted_words_share": _share(
            sum(_SHOUTED.fullmatch(word) is not None for word in words), len(words)
        ),
        "digits_share": _share(len(_DIGIT.findall(caption.plain)), plain),
        "punctuation_share": _share(len(_PUNCTUATION.findall(caption.plain)), plain),
        "non_latin_share": _share(sum(_LATIN.match(one) is None for one in letters), len(letters)),
    }


def _signs(text: str) -> int:
    """Return how many signs a reader sees: vowels of Thai and Hindi are marks on one."""
    return len(text) if text.isascii() else len(CLUSTER.findall(text))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else NAN
