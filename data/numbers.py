"""Numbers as people write them: parsed where they are certain, refused where they are not."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation

EXACT = 2**53
"""Whole numbers up to here survive a float64; larger ones may have been rounded."""

STYLES = ("decimal dot", "decimal comma")
"""What a mapping may say of a column of numbers, to settle `1.234` and `1,234`."""

MULTIPLIERS: Mapping[str, int] = {
    **dict.fromkeys(("k", "tsd", "mil", "тыс", "тис", "rb", "ribu", "n", "nghìn", "ngàn"), 10**3),
    **dict.fromkeys(("tis", "tys", "千", "천"), 10**3),
    **dict.fromkeys(("w", "万", "萬", "만"), 10**4),
    **dict.fromkeys(("lakh",), 10**5),
    **dict.fromkeys(("m", "mi", "mio", "mln", "mn", "млн", "tr", "triệu", "jt", "juta"), 10**6),
    **dict.fromkeys(("crore",), 10**7),
    **dict.fromkeys(("億", "亿", "억"), 10**8),
    **dict.fromkeys(("b", "bn", "bi", "mrd", "mld", "млрд", "tỷ"), 10**9),
}
"""Short words for powers of ten, in the languages that platforms show them in."""

_NOUNS = frozenset(
    f"{noun}{plural}"
    for noun in ("video", "view", "play", "like", "comment", "share", "save", "follower", "post")
    for plural in ("", "s")
)
_ABSENT = frozenset(("", "null", "none", "nan", "na", "n/a", "<na>", "-", "–", "—"))
_SCIENTIFIC = re.compile(r"-?\d+(\.\d+)?[eE][+-]?\d+")
_MACHINE = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_WRITTEN = re.compile(r"(?P<sign>-?)(?P<body>\d(?:[\d .,']*\d)?) ?(?P<words>[^\W\d_][^\d]*)?")
_GROUPED = re.compile(r"\d{1,3}(?:[ ']\d{3})+(?P<rest>[.,]\d+)?")
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{2})(\.\d+)?")
_ISO_SPAN = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?", re.IGNORECASE)
_WORD_SPAN = re.compile(r"(?:(\d+) ?h)? ?(?:(\d+) ?m(?:in)?)? ?(?:(\d+(?:\.\d+)?) ?s(?:ec)?)?")
PER_SECOND: Mapping[str, int | Decimal] = {"": 1, "s": 1, "ms": 1_000, "min": Decimal(1) / 60}
"""Units that a mapping may give to plain numbers of a duration."""
_DAY_S = 86_400


_YES = frozenset(
    ("true", "yes", "y", "t", "1", "1.0", "wahr", "vrai", "verdadero", "verdadeiro", "vero")
)
_NO = frozenset(("false", "no", "n", "f", "0", "0.0", "falsch", "faux", "falso"))
"""English, and what spreadsheets write in German, French, Spanish, Portuguese and Italian."""

LONGEST = 600
"""Characters of a number, ten times what its digits and words may take."""


class Refused(ValueError):  # noqa: N818 - the row is refused; nothing failed
    """A value whose meaning is not certain; the message is the reason, without the value."""


def is_missing(value: object) -> bool:
    """Tell whether a raw value says nothing: None, NaN, an empty text or a word for missing."""
    if value is None or (isinstance(value, float) and value != value):
        return True
    return isinstance(value, str) and value.strip().casefold() in _ABSENT


def parse_count(value: object, style: str = "") -> int | None:
    """Return a count (`541.2K`, `2,3 mil`, `1 234`, `44 videos`) as a whole number.

    Args:
        value: as the source gives it; a missing one gives None.
        style: `decimal dot` or `decimal comma` where the writer is known.

    Raises:
        Refused: if it is no number, not whole, negative, or could be read in two ways.
    """
    number = _exact(value, style)
    if number is None:
        return None
    if number != number.to_integral_value():
        raise Refused("is not a whole number")
    if number < 0:
        raise Refused("is negative")
    if number >= 2**63:
        raise Refused("is too large for a count")
    if number > EXACT and (isinstance(value, float) or "e" in str(value).casefold()):
        raise Refused("was rounded by a program that took it for a float")
    return int(number)


def parse_number(value: object, style: str = "") -> float | None:
    """Return a measure as a float; a plain `12.345` is taken as programs write it.

    Raises:
        Refused: if it is no number, not finite, or could be read in two ways.
    """
    if isinstance(value, str) and style != "decimal comma" and _MACHINE.fullmatch(value.strip()):
        number = float(value)
    else:
        exact = _exact(value, style)
        if exact is None:
            return None
        number = float(exact)
    if abs(number) == float("inf"):
        raise Refused("is not a finite number")
    return number


def parse_duration(value: object, unit: str = "") -> float | None:
    """Return a length of time in seconds: a number, `mm:ss`, `h:mm:ss`, `PT1M5S` or `1m 5s`.

    Args:
        value: as the source gives it; a missing one gives None.
        unit: of plain numbers: `s` (the default), `ms` or `min`.

    Raises:
        Refused: if it is none of these, negative, or longer than a day.
    """
    if is_missing(value):
        return None
    if isinstance(value, timedelta):  # of Parquet, which knows the unit
        value, unit = value / timedelta(seconds=1), "s"
    spelled = _spelled_seconds(value.strip()) if isinstance(value, str) else None
    if spelled is None:
        spelled = Decimal(str(parse_number(value))) / Decimal(PER_SECOND[unit])
    if spelled < 0:
        raise Refused("is negative")
    if spelled > _DAY_S:
        raise Refused('is longer than a day; if it is in milliseconds, say "ms" under [units]')
    return float(spelled)


def parse_flag(value: object) -> bool | None:
    """Return yes or no.

    Raises:
        Refused: if it is another word or number.
    """
    if is_missing(value):
        return None
    word = str(value).strip().casefold()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise Refused("is neither yes nor no")


def _exact(value: object, style: str) -> Decimal | None:
    """Return a number without the errors of floats; None where it is missing."""
    if is_missing(value):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise Refused("is not a number")
    if not isinstance(value, str):
        number = Decimal(str(value))
        if not number.is_finite():
            raise Refused("is not a finite number")
        return number
    return _written(_plain(value), style)


def _plain(text: str) -> str:
    """Return the text with one kind of digit, space, minus sign and apostrophe."""
    text = text.strip()
    if len(text) > LONGEST:  # folding takes time with the square of the marks on one letter
        raise Refused("is too long for a number")
    folded = unicodedata.normalize("NFKC", text).strip()
    folded = folded.translate({0x2212: "-", 0x2019: "'", 0x066B: ".", 0x066C: "'"})
    return re.sub(r"\s+", " ", "".join(str(unicodedata.decimal(c, c)) for c in folded))


def _written(text: str, style: str) -> Decimal:
    """Return the number that a text spells."""
    if len(text) > 60:
        raise Refused("is too long for a number")
    if _SCIENTIFIC.fullmatch(text):
        return _limited(text)
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise Refused("is not a number")
    factor = _factor(match["words"] or "", match["body"])
    number = Decimal(_digits(match["body"], style)) * factor
    return -number if match["sign"] else number


def _limited(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise Refused("is not a number") from error
    if number.adjusted() > 400 or number.adjusted() < -400:
        raise Refused("is not a finite number")
    return number


def _factor(words: str, body: str) -> int:
    """Return the power of ten that the words after the digits stand for."""
    factor = 1
    for place, word in enumerate(words.replace(".", " ").casefold().split()):
        if place == 0 and word in MULTIPLIERS:
            factor = MULTIPLIERS[word]
            # Turkish writes 12,3 B for thousands; English speech says 2.3 mil for millions.
            if (word == "b" and "," in body) or (word == "mil" and "." in body):
                raise Refused(f"uses {word!r}, which means different powers of ten")
        elif word not in _NOUNS:
            raise Refused(f"has the word {word!r}, whose meaning as a number is not known")
    return factor


def _digits(body: str, style: str) -> str:
    """Return the digits of a number with a dot for decimals and without thousands marks."""
    if " " in body or "'" in body:
        match = _GROUPED.fullmatch(body)
        if match is None or len(set(body) & {" ", "'"}) > 1:
            raise Refused("is not grouped in thousands")
        return body.replace(" ", "").replace("'", "").replace(",", ".")
    marks = [c for c in body if c in ".,"]
    if not marks:
        return body
    decimal = _decimal_mark(body, marks, style)
    thousands = "," if decimal == "." else "."
    whole, _, fraction = body.rpartition(decimal) if decimal in body else (body, "", "")
    if thousands in fraction or decimal in whole:
        raise Refused("is not grouped in thousands")
    first, *groups = whole.split(thousands)
    if groups and (not 1 <= len(first) <= 3 or any(len(g) != 3 for g in groups)):
        raise Refused("is not grouped in thousands")
    return whole.replace(thousands, "") + (f".{fraction}" if fraction else "")


def _decimal_mark(body: str, marks: list[str], style: str) -> str:
    """Return which of `.` and `,` separates decimals; refuse where both could be."""
    if style:
        return "." if style == "decimal dot" else ","
    last = marks[-1]
    other = "," if last == "." else "."
    if other in marks:
        return last
    if len(marks) > 1:
        return other
    whole, fraction = body.split(last)
    if len(fraction) == 3 and len(whole) <= 3 and whole.strip("0"):
        raise Refused(
            'can be read as thousands or as decimals; say "decimal dot" or "decimal comma" '
            "under [units] of a mapping"
        )
    return last


def _spelled_seconds(text: str) -> Decimal | None:
    """Return the seconds of `mm:ss` and its like, None for any other text."""
    clock = _CLOCK.fullmatch(text)
    if clock:
        hours, minutes, seconds, rest = clock.groups()
        if int(seconds) > 59 or (hours and int(minutes) > 59):
            raise Refused("has more than 59 seconds or minutes")
        spelled = Decimal(int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds))
        return spelled + Decimal(rest or 0)
    span = _ISO_SPAN.fullmatch(text) or _WORD_SPAN.fullmatch(text)
    if span is None or not any(span.groups()):
        return None
    hours, minutes, seconds = span.groups()
    return Decimal(hours or 0) * 3600 + Decimal(minutes or 0) * 60 + Decimal(seconds or 0)
