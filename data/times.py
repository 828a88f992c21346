"""Times as sources write them: epochs in s, ms, us or ns, ISO 8601 and a few others."""

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from virality.data.numbers import Refused, is_missing

EPOCH_UNITS = {"s": 10**9, "ms": 10**12, "us": 10**15, "ns": 10**18}
"""Unit -> the smallest epoch that is taken to be in it; four times that is the largest.

From September 2001 to October 2096 the four ranges do not overlap, so the size decides.
"""

FIRST_YEAR, LAST_YEAR = 1990, 2100

_DAY = re.compile(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})(?:[ T](.+))?")
_SLASHED = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}\b.*")
_ZONED = re.compile(r"(?:[zZ]|UTC|GMT|[+-]\d{2}:?\d{2})$|^$")
_EPOCH = re.compile(r"\d{9,20}(\.\d+)?")


def parse_time(value: object, unit: str = "") -> datetime | None:
    """Return a moment in UTC, to the millisecond; a missing value gives None.

    Args:
        value: an epoch, a text or a datetime. A text without a zone is taken as UTC.
        unit: `s`, `ms`, `us` or `ns` for epochs, a zone such as `Asia/Ho_Chi_Minh` for times
            without one, or a pattern such as `%d/%m/%Y %H:%M` for texts; `""` if unknown.

    Raises:
        Refused: if it is none of these, or could be read in two ways (`03/04/2025`).
    """
    if is_missing(value):
        return None
    moment = _moment(value, unit)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=_zone(unit))
    try:
        moment = moment.astimezone(UTC)
    except OverflowError as error:
        raise Refused("is out of the range of times") from error
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise Refused(f"is not between {FIRST_YEAR} and {LAST_YEAR}")
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def has_zone(text: str, unit: str = "") -> bool:
    """Tell whether a text, or the unit it is read with, says which zone its time is in."""
    if _EPOCH.fullmatch(text.strip()) or "%z" in unit or (unit and "%" not in unit):
        return True
    return _ZONED.search(text.strip()) is not None


def check_unit(unit: str) -> None:
    """Refuse a unit of time that `parse_time` does not know.

    Raises:
        Refused: naming what is allowed.
    """
    if unit and unit not in EPOCH_UNITS and "%" not in unit:
        _zone(unit)


def _zone(unit: str) -> tzinfo:
    if not unit or unit in EPOCH_UNITS or "%" in unit:
        return UTC
    try:
        return ZoneInfo(unit)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Refused(
            f"{unit!r} is no unit of time: use s, ms, us, ns, a zone or a % pattern"
        ) from error


def _moment(value: object, unit: str) -> datetime:
    """Return the moment, with a zone where the value has one."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _of_epoch(value, unit)
    if not isinstance(value, str):
        raise Refused("is not a time")
    text = value.strip()
    if "%" in unit:
        return _of_pattern(text, unit)
    if _EPOCH.fullmatch(text):
        whole, _, _ = text.partition(".")
        return _of_epoch(int(whole), unit)
    return _of_text(text)


def _of_pattern(text: str, pattern: str) -> datetime:
    try:
        return datetime.strptime(text, pattern)
    except ValueError as error:
        raise Refused(f"is not written as {pattern!r}") from error


def _of_epoch(number: float, unit: str) -> datetime:
    """Return the moment of an epoch, its unit taken from its size where it is not given."""
    if unit in EPOCH_UNITS:
        scale = EPOCH_UNITS[unit]
    else:
        fits = [low for low in EPOCH_UNITS.values() if low <= number < 4 * low]
        if not fits:
            raise Refused("is not an epoch in seconds, milliseconds, microseconds or nanoseconds")
        scale = fits[0]
    try:
        milliseconds = int(number) * 1000 // (scale // 10**9)
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    except (OverflowError, ValueError) as error:
        raise Refused("is out of the range of times") from error


def _of_text(text: str) -> datetime:
    """Return the moment of an ISO 8601 text, one with slashes led by the year, or a mail date."""
    day = _DAY.fullmatch(text)
    if day:
        year, month, of_month, clock = day.groups()
        text = f"{year}-{int(month):02}-{int(of_month):02}" + (f" {clock}" if clock else "")
    if text.upper().endswith(" UTC"):
        text = text[:-4] + "+00:00"
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    if _SLASHED.fullmatch(text):
        raise Refused(
            "can be read with the day or the month first; give its pattern under [units] of a "
            'mapping, as in "%d/%m/%Y"'
        )
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError) as error:
        raise Refused("is not a time that can be read for certain; use ISO 8601") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
