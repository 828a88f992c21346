"""Times as sources write them: epochs in s, ms, us or ns, ISO 8601 and a few others."""

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from virality.data.numbers import Refused, is_missing
from virality.data.spelled_times import UNCERTAIN, read_spelled

EPOCH_UNITS = {"s": 10**9, "ms": 10**12, "us": 10**15, "ns": 10**18}
"""Unit -> the smallest epoch that is taken to be in it; four times that is the largest.

From September 2001 to October 2096 the four ranges do not overlap, so the size decides.
"""

FIRST_YEAR, LAST_YEAR = 1990, 2100

_DAY = re.compile(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})(?:[ T](.+))?")
_DAY_AND_SIGN = re.compile(r"(?:\d{4}-\d{2}-\d{2}|\d{8})[+-]\d{2}(?::?\d{2})?")
"""`2025-05-21+07:00`: what follows the day may be its zone, or a clock after a sign for a space."""

_PART_OF_MORE = re.compile(r".*[^\d:]\d{2}(?::?\d{2})?[.,]\d.*")
"""`22.30` is half past ten to many, and 22 hours and .3 of one to ISO 8601. Python takes the part
for one of a second, whatever it follows."""

_EPOCH = re.compile(r"\d{9,20}(\.\d+)?")
_SHEET_DAY = re.compile(r"[345]\d{4}([.,]\d+)?")
SHEET_DAY = (
    "is no time but looks like the day number of a spreadsheet; show the column as date and time, "
    "as in 2025-05-21 22:00, and export it again"
)


def parse_time(value: object, unit: str = "") -> datetime | None:
    """Return a moment in UTC, to the millisecond; a missing value gives None.

    Args:
        value: an epoch, a text or a datetime. One without a zone is taken as UTC.
        unit: `s`, `ms`, `us` or `ns` for epochs, a zone such as `Asia/Ho_Chi_Minh` for times
            without one, a pattern such as `%d/%m/%Y %H:%M` for texts, or a pattern and a zone:
            `%d/%m/%Y %H:%M in Asia/Ho_Chi_Minh`; `""` if unknown.

    Raises:
        Refused: if it is none of these, or could be read in two ways (`03/04/2025`).
    """
    return parse_zoned(value, unit)[0]


def parse_zoned(value: object, unit: str = "") -> tuple[datetime | None, bool]:
    """Return what `parse_time` does, and whether the value or the unit says in which zone it is.

    Raises:
        Refused: as `parse_time` does.
    """
    if is_missing(value):
        return None, False
    moment = _moment(value, unit)
    zone = _zone(unit) if moment.tzinfo is None else moment.tzinfo
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone or UTC)
    try:
        moment = moment.astimezone(UTC)
    except OverflowError as error:
        raise Refused("is out of the range of times") from error
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise Refused(f"is not between {FIRST_YEAR} and {LAST_YEAR}")
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000), zone is not None


def read_iso(text: str) -> datetime:
    """Return the moment of an ISO 8601 text, with a zone where it names one.

    Raises:
        Refused: if a part of an hour or a minute is written where many write minutes and seconds.
        ValueError: if it is none.
    """
    moment = datetime.fromisoformat(text)
    if _PART_OF_MORE.fullmatch(text):
        raise Refused(UNCERTAIN)
    return moment


def check_unit(unit: str) -> None:
    """Refuse a unit of time that `parse_time` does not know.

    Raises:
        Refused: naming what is allowed.
    """
    _zone(unit)
    pattern, _ = _split(unit)
    if "%Z" in pattern:
        raise Refused(
            f"{unit!r} has %Z, which reads only UTC, GMT and the zone of this machine; write the "
            'zone as it stands and name it, as in "%d %b %Y %H:%M JST in Asia/Tokyo"'
        )
    try:
        datetime.strptime(datetime(2001, 2, 3, tzinfo=UTC).strftime(pattern), pattern)
    except (ValueError, re.error) as error:
        raise Refused(f"{unit!r} is no pattern that times can be read with ({error})") from error


def _split(unit: str) -> tuple[str, str]:
    """Return the pattern and the zone that a unit holds, `""` for what it does not."""
    if "%" not in unit:
        return "", "" if unit in EPOCH_UNITS else unit
    pattern, _, zone = unit.partition(" in ")
    return pattern, zone


def _zone(unit: str) -> tzinfo | None:
    """Return the zone that a unit names, None if it names none."""
    _, name = _split(unit)
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Refused(
            f"{name!r} is no unit of time: use s, ms, us, ns, a zone, a % pattern, or a pattern "
            'and a zone as in "%d/%m/%Y %H:%M in Asia/Tokyo"'
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
        return _of_pattern(text, _split(unit)[0])
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
        if not fits and 30_000 <= number < 60_000:
            raise Refused(SHEET_DAY)
        if not fits:
            raise Refused("is not an epoch in seconds, milliseconds, microseconds or nanoseconds")
        scale = fits[0]
    try:
        milliseconds = int(number) * 1000 // (scale // 10**9)
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    except (OverflowError, ValueError) as error:
        raise Refused("is out of the range of times") from error


def _of_text(text: str) -> datetime:
    """Return the moment of an ISO 8601 text, one with slashes led by the year, or a spelled one."""
    if _SHEET_DAY.fullmatch(text):
        raise Refused(SHEET_DAY)
    try:
        moment = read_iso(text)
    except Refused:
        raise
    except ValueError:
        pass
    else:
        if len(text) <= 16 and _DAY_AND_SIGN.fullmatch(text):
            raise Refused(UNCERTAIN)
        return moment
    day = _DAY.fullmatch(text)
    if day:
        year, month, of_month, clock = day.groups()
        text = f"{year}-{int(month):02}-{int(of_month):02}" + (f" {clock}" if clock else "")
    in_utc = text.upper().endswith(" UTC")
    try:
        moment = read_iso(text[:-4] if in_utc else text)
    except Refused:
        raise
    except ValueError:
        return read_spelled(text)
    if not in_utc:
        return moment
    if moment.tzinfo is not None:
        raise Refused(UNCERTAIN)
    return moment.replace(tzinfo=UTC)
