"""One raw value -> the value of a field: typed, in its unit, or refused with a reason."""

import ast
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime

from virality.data.errors import InputError
from virality.data.numbers import (
    EXACT,
    Refused,
    is_missing,
    parse_count,
    parse_duration,
    parse_flag,
    parse_number,
)
from virality.data.post import Field
from virality.data.signs import compose
from virality.data.tags import HASHTAG, MENTION, without_links
from virality.data.times import parse_time

Value = str | tuple[str, ...] | int | float | bool | datetime | None

AUTHOR_SALT = "virality.author.1"
"""Public, so that the same author has the same id in every table: hashing hides names from
readers of a table, it does not stop someone who has a list of names and this constant."""

_HASHED = re.compile(r"(?=.*[a-f])(?=.*\d)[0-9a-f]{12,64}")
_ROUNDED = re.compile(r"\d(\.\d+)?[eE]\+?\d+|\d{16,}\.0+")
_FLOATED = re.compile(r"([1-9]\d{0,14})\.0")
"""A whole number as programs write it that keep a column with a missing value as floats."""
_MARKED = re.compile(r'="(.*)"|\'(.+)')
"""How spreadsheets, and the lists that this package writes, mark that a cell is text."""
_UNSEEN = "\u200b\u200c\u200d\u2060\ufeff"
_QUOTED = r"""(?:'[^']*'|"[^"]*")"""
_SPACED = re.compile(rf"\[\s*{_QUOTED}(?:\s+{_QUOTED})+\s*\]")
"""A list as NumPy writes it, without commas: Python joins the words of such a one to a single."""
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_WORD_KEYS = ("name", "title", "hashtagName", "hashtag_name", "username", "uniqueId", "tag")


def read_cell(field: Field, value: object, unit: str = "") -> Value:
    """Return the value of a field; None where it is missing.

    Args:
        field: whose value it is.
        value: as the source gives it.
        unit: as the layout or the mapping says.

    Raises:
        Refused: if its meaning is not certain; the message is the reason.
    """
    if field.name in ("id", "sound_id"):
        return read_id(value)
    if field.name == "author_id":
        return hash_author(value)
    if field.name == "duration_s":
        return parse_duration(value, unit)
    if field.name in ("width", "height"):
        return parse_count(value, unit) or None  # photo posts declare a picture of 0 by 0
    if field.kind == "integer":
        return parse_count(value, unit)
    if field.kind == "number":
        return parse_number(value, unit)
    if field.kind == "boolean":
        return parse_flag(value)
    if field.kind == "time":
        return parse_time(value, unit)
    if field.name == "readings":
        return read_readings(value)
    if field.kind == "strings":
        return read_words(value)
    text = read_text(value)
    if text and field.name != "media":  # which is found by the very signs of its name
        text = compose(text)
    if field.name == "caption":
        return text
    text = (text or "").strip() or None
    return text.lower() if text and field.name == "platform" else text


def read_id(value: object) -> str | None:
    """Return an identifier as text; `4711.0` is 4711, which no float has rounded.

    Signs that cannot be seen and a spreadsheet's mark of text (`'4711`, `="4711"`) are left out.

    Raises:
        Refused: if a program took it for a float and rounded it, as in `7.506832745952218e+18`.
    """
    if is_missing(value):
        return None
    if isinstance(value, float) and value.is_integer() and 0 <= value <= EXACT:
        return str(int(value))
    if isinstance(value, str):
        value = _unmarked(value)
    if isinstance(value, str) and (floated := _FLOATED.fullmatch(value)):
        return floated[1]
    if isinstance(value, float) or (isinstance(value, str) and _ROUNDED.fullmatch(value)):
        raise Refused("was rounded by a program that took the id for a number; export ids as text")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Refused("is not an identifier")
    return str(value) or None


def _unmarked(text: str) -> str:
    """Return an identifier without what a spreadsheet or a web page has put around it."""
    bare = clean(text).strip().strip(_UNSEEN).strip()
    marked = _MARKED.fullmatch(bare)
    return (marked[1] or marked[2] or "").strip() if marked else bare


def read_readings(value: object) -> tuple[str, ...] | None:
    """Return readings of the outcomes as they were written, see `data.readings`.

    Raises:
        Refused: if they are no list, or one of them is no reading.
    """
    from virality.data.readings import read_reading

    if is_missing(value):
        return None
    if not isinstance(value, tuple | list):
        raise Refused("is not a list of readings")
    try:
        for text in value:
            read_reading(str(text))
    except InputError as error:
        raise Refused(str(error)) from error
    return tuple(map(str, value)) or None


def looks_rounded(identifier: str) -> bool:
    """Tell whether a long numeric id is one that a float64 can hold, as one in 256 is by chance.

    Such an id is either a multiple of 256 or was cut to 16 or 17 digits and filled with zeros.
    """
    if not identifier.isdecimal() or len(identifier) < 18:
        return False
    return int(identifier) % 256 == 0 or identifier.endswith("00")


def hash_author(value: object) -> str | None:
    """Return an account as 16 hexadecimal digits of a salted SHA-256; a hash stays as it is.

    Raises:
        Refused: if it was rounded, or is not a name or an identifier.
    """
    account = read_id(value)
    if account is None:
        return None
    account = account.removeprefix("@")
    if _HASHED.fullmatch(account):
        return account
    return hashlib.sha256(f"{AUTHOR_SALT}\0{account}".encode()).hexdigest()[:16]


def read_text(value: object) -> str | None:
    """Return a text that can be stored; a list of texts becomes one with commas.

    Raises:
        Refused: if it is an object or a list of objects.
    """
    if value is None or (isinstance(value, float) and value != value):
        return None
    if isinstance(value, list | tuple) and all(isinstance(v, str) for v in value):
        return clean(", ".join(value)) or None
    if isinstance(value, Mapping | list | tuple):
        raise Refused("is not a text")
    return clean(str(value))


def clean(text: str) -> str:
    """Return the text without lone surrogates and NUL, which files and terminals refuse."""
    return _SURROGATE.sub("\ufffd", text).replace("\0", "")


def read_words(value: object) -> tuple[str, ...] | None:
    """Return hashtags or mentions without their signs, in order.

    A list may hold texts or objects with a name; a text may be a list in JSON or Python spelling,
    words with signs, or words between commas.

    Raises:
        Refused: if it is anything else.
    """
    if is_missing(value):
        return None
    if isinstance(value, str):
        value = _listed(value.strip())
    if not isinstance(value, list | tuple):
        raise Refused("is not a list of words")
    words = (_word(one) for one in value)
    return tuple(word for word in words if word)


def _listed(text: str) -> list[object]:
    """Return the words of a text as a list."""
    if _SPACED.fullmatch(text):
        return [word[1:-1] for word in re.findall(_QUOTED, text)]
    if text.startswith("["):
        for read in (json.loads, ast.literal_eval):
            try:
                parsed = read(text)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
            if isinstance(parsed, list):
                return parsed
        raise Refused("is not a list of words")
    if "#" in text or "＃" in text:
        return list(hashtags_in(text))
    return list(re.split(r"[,;|]", text) if re.search(r"[,;|]", text) else text.split())


def _word(value: object) -> str:
    """Return one hashtag or account name without its sign, `""` if there is none."""
    if isinstance(value, Mapping):
        value = next((value[key] for key in _WORD_KEYS if value.get(key)), "")
    if not isinstance(value, str | int):
        raise Refused("is not a list of words")
    return compose(clean(str(value))).strip().lstrip("#＃@").strip()


def hashtags_in(caption: str) -> tuple[str, ...]:
    """Return the hashtags that a caption spells, in order."""
    return tuple(HASHTAG.findall(without_links(caption)))


def mentions_in(caption: str) -> tuple[str, ...]:
    """Return the accounts that a caption names, in order; mail addresses and links are none."""
    return tuple(MENTION.findall(without_links(caption)))


def derive_id(author: Value, posted_at: Value, caption: Value) -> str | None:
    """Return a stable id for a post without one, from its author, time and caption.

    None where fewer than two of the three are known: such an id would not tell posts apart.
    """
    known = [part for part in (author, posted_at, caption) if part is not None]
    if len(known) < 2:
        return None
    when = posted_at.isoformat() if isinstance(posted_at, datetime) else ""
    spelled = json.dumps([author, when, caption], ensure_ascii=False)
    return "d" + hashlib.sha256(spelled.encode()).hexdigest()[:19]
