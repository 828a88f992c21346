"""Which language a caption is in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import regex

from virality.data.clip import FloatArray
from virality.data.matrix import Column, Modality
from virality.featurizers.caption import Caption, take_apart
from virality.featurizers.encoder import LANGUAGE
from virality.featurizers.rows import stack_rows

LANGUAGES: Mapping[str, str] = {
    "en": "English",
    "es": "Spanish",
    "pt": "Portuguese",
    "fr": "French",
    "de": "German",
    "it": "Italian",
    "nl": "Dutch",
    "pl": "Polish",
    "ru": "Russian",
    "tr": "Turkish",
    "ar": "Arabic",
    "fa": "Persian",
    "hi": "Hindi",
    "bn": "Bengali",
    "ur": "Urdu",
    "id": "Indonesian",
    "ms": "Malay",
    "tl": "Filipino",
    "vi": "Vietnamese",
    "th": "Thai",
    "ja": "Japanese",
    "ko": "Korean",
    "zh": "Chinese",
}
"""Languages with a column of their own: those most written on short-video platforms."""

OTHERS: tuple[str, ...] = (
    *("af", "am", "az", "bg", "ca", "cs", "da", "el", "et", "fi", "gu", "ha", "he", "hr", "hu"),
    *("hy", "ka", "kk", "km", "kn", "lo", "lt", "lv", "mk", "ml", "mn", "mr", "my", "ne", "no"),
    *("pa", "ro", "si", "sk", "sl", "so", "sq", "sr", "sv", "sw", "ta", "te", "uk", "uz", "zu"),
)
"""Further national languages that may be found and are summed as `other`. The identifier's 70
remaining labels (dialects, creoles, ancient languages) only draw short captions off: asked for all,
it takes `Wait for it` for Nigerian Pidgin."""

_LETTER = regex.compile(r"\p{L}")


def _columns() -> tuple[Column, ...]:
    named = tuple(
        Column(f"{code}_probability", "text", unit="probability", meaning=f"probability of {name}")
        for code, name in LANGUAGES.items()
    )
    return (
        *named,
        Column(
            "other_probability",
            "text",
            unit="probability",
            meaning="probability of another language",
        ),
        Column("confidence", "text", unit="probability", meaning="certainty of the language"),
    )


COLUMNS: tuple[Column, ...] = _columns()


@dataclass(frozen=True)
class TextLanguage:
    """Probabilities by py3langid (a naive Bayes over byte n-grams, after Lui and Baldwin 2012).

    Hashtags, mentions, links and emoji are left out, unless the caption has nothing else; without
    any letter there is no language. Short captions get soft probabilities, and close languages
    (Malay and Indonesian, Spanish and Portuguese) share theirs.
    """

    modality: Modality = "text"
    version: str = "2+py3langid0.4.0"

    @property
    def columns(self) -> tuple[Column, ...]:
        """What it returns, in order."""
        return COLUMNS

    def extract(self, batch: Sequence[str]) -> FloatArray:
        """Return shape (len(batch), 25); NaN for a caption without letters."""
        return stack_rows((_measure(take_apart(text)) for text in batch), COLUMNS)


def identify(caption: Caption) -> Mapping[str, float]:
    """Return language code -> probability, likeliest first; empty for a caption without letters."""
    plain = caption.normal  # ’ and ' must not make two languages of one caption
    text = plain if _LETTER.search(plain) else " ".join(caption.hashtags)
    if not _LETTER.search(text):
        return {}
    return dict(_load_identifier().rank(" ".join(text.split())))


def _measure(caption: Caption) -> Mapping[str, float]:
    found = identify(caption)
    if not found:
        return {}
    row = {f"{code}_probability": found[code] for code in LANGUAGES}
    other = sum(found[code] for code in OTHERS)
    return row | {"other_probability": other, "confidence": max(found.values())}


@cache
def _load_identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    LANGUAGE.read()
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages([*LANGUAGES, *OTHERS])
    return identifier
