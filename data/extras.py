"""Columns that the schema does not know: kept, with one type each."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from virality.data.cells import clean

_PLAIN_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d+)?([eE]-\d{1,3})?")
"""With `1.2e-05`, as pandas writes small numbers; a large exponent is that of a rounded id."""

_ABSENT = ("", "nan", "NaN", "None", "null")


def extra_column(values: Sequence[object]) -> pd.Series:
    """Return raw values as one column: flags, whole numbers, numbers, times, words or text.

    Text counts as a number only where every value is a plain one of at most 15 digits, so that
    ids stay text. Objects, mixed lists and mixed columns become JSON text.
    """
    present = [value for value in values if not _absent(value)]
    for holds, dtype, read in _KINDS:
        if present and all(holds(value) for value in present):
            read_all = [None if _absent(value) else read(value) for value in values]
            return pd.Series(read_all, dtype=dtype)
    return pd.Series([None if _absent(v) else _spelled(v) for v in values], dtype="string")


def _absent(value: object) -> bool:
    if value is None or (isinstance(value, float) and value != value):
        return True
    return isinstance(value, str) and value.strip() in _ABSENT


def _is_flag(value: object) -> bool:
    return isinstance(value, bool) or value in ("True", "False", "true", "false")


def _flag(value: Any) -> bool:
    return value if isinstance(value, bool) else str(value).lower() == "true"


def _is_whole(value: object) -> bool:
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) < 2**63
    return isinstance(value, str) and value.strip().lstrip("-").isdigit() and _is_plain(value)


def _is_number(value: object) -> bool:
    if isinstance(value, float):
        return abs(value) != float("inf")
    return _is_whole(value) or (isinstance(value, str) and _is_plain(value))


def _is_plain(text: str) -> bool:
    return _PLAIN_NUMBER.fullmatch(text.strip()) is not None


def _is_words(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(word, str) for word in value)


def _is_time(value: object) -> bool:
    return isinstance(value, datetime)


def _utc(value: Any) -> pd.Timestamp:
    moment = pd.Timestamp(value)
    return moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")


def _spelled(value: object) -> str:
    """Return any value as text."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping | list | tuple):
        return clean(json.dumps(value, ensure_ascii=False, sort_keys=True, default=str))
    return clean(str(value))


_KINDS: tuple[tuple[Callable[[Any], bool], Any, Callable[[Any], Any]], ...] = (
    (_is_flag, "boolean", _flag),
    (_is_whole, "Int64", int),
    (_is_number, "float64", float),
    (_is_time, "datetime64[ms, UTC]", _utc),
    (_is_words, object, lambda words: tuple(clean(word) for word in words)),
)
