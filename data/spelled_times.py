"""Times as people and mails spell them: months by name, AM and PM, zones after the clock.

What could be read in two ways is refused: most names of zones have several meanings, so only those
that RFC 2822 defines for mails are read. Source: https://www.rfc-editor.org/rfc/rfc2822#section-3.3
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from virality.data.numbers import Refused

ZONE_HOURS: Mapping[str, int] = {
    **dict.fromkeys(("z", "ut", "utc", "gmt"), 0),
    "est": -5,
    "edt": -4,
    "cst": -6,
    "cdt": -5,
    "mst": -7,
    "mdt": -6,
    "pst": -8,
    "pdt": -7,
}
"""Names of zones that RFC 2822 defines -> hours ahead of UTC."""

UNCERTAIN = (
    "is not a time that can be read for certain; use ISO 8601, or give its pattern under [units] "
    'of a mapping, as in "%d %b %Y %H:%M"'
)
DAY_OR_MONTH = (
    "is read only if it is told whether the day or the month comes first; give its pattern under "
    '[units] of a mapping, as in "{}"'
)
"""Said also of a date that leaves no choice: the row above it, `04/05/2025`, may leave one."""

_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_LONGEST = 80
"""Characters of a time that a browser spells out, with some to spare; the rest is other text."""


def _any_of(names: tuple[str, ...]) -> str:
    """Return a pattern of names in full or cut to three letters."""
    return "|".join(f"{name[:3]}(?:{name[3:]})?" for name in names)


_WEEKDAY = rf"(?:(?P<weekday>{_any_of(_WEEKDAYS)})\.?,?\s+)?"
_MONTH = rf"(?P<month>{_any_of(_MONTHS)}|sept)\.?"
_REST = r"(?:,?\s+(?P<rest>\S.*))?"
_MAIL = re.compile(
    rf"{_WEEKDAY}(?P<day>\d{{1,2}})[\s-]+{_MONTH}[\s-]+(?P<year>\d{{4}}){_REST}", re.IGNORECASE
)
_FORMS = (
    re.compile(
        r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})"
        r"(?:(?:t|,?\s+)(?P<rest>\S.*))?",
        re.IGNORECASE,
    ),
    _MAIL,
    re.compile(
        rf"{_WEEKDAY}{_MONTH}\s+(?P<day>\d{{1,2}}),?\s+(?P<year>\d{{4}}){_REST}", re.IGNORECASE
    ),
    re.compile(
        rf"{_WEEKDAY}{_MONTH}\s+(?P<day>\d{{1,2}})\s+(?P<rest>\d{{1,2}}:.+?)\s+(?P<year>\d{{4}})",
        re.IGNORECASE,
    ),
)
"""Year first; mails; as Americans write; as C, Java and Twitter do, with the year at the end."""

_SLASHED = re.compile(r"\d{1,2}[/.-](\d{1,2})[/.-]\d{2,4}\b.*")
_CLOCK = re.compile(
    r"(?:(?P<hour>\d{1,2})(?::(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<part>\d+))?)?)?"
    r"(?:\s*(?P<half>[ap])\.?m\b\.?)?)?\s*(?P<zone>.*)",
    re.IGNORECASE,
)
_OFFSET = re.compile(
    r"(?:UTC|GMT)?\s?(?P<sign>[+-])(?:(\d{1,2}):(\d{2})|(\d{2})(\d{2})|(\d{1,2}))", re.IGNORECASE
)
_COMMENT = re.compile(r"(.*\S)\s*\([^()]*\)")


def read_spelled(text: str) -> datetime:
    """Return the moment that a text spells, with a zone where it names one.

    >>> read_spelled("May 21, 2025 10:00 PM").isoformat()
    '2025-05-21T22:00:00'
    >>> read_spelled("Wed, 21 May 2025 22:00:00 EST").isoformat()
    '2025-05-21T22:00:00-05:00'

    Raises:
        Refused: if it is none, or could be read in two ways.
    """
    forms = _FORMS if len(text) <= _LONGEST else ()
    found = next((match for form in forms if (match := form.fullmatch(text))), None)
    if found is None:
        if (slashed := _SLASHED.fullmatch(text)) is None:
            raise Refused(UNCERTAIN)
        order = "%m/%d/%Y" if int(slashed[1]) > 12 else "%d/%m/%Y"
        raise Refused(DAY_OR_MONTH.format(order))
    try:
        day = datetime(int(found["year"]), _month(found["month"]), int(found["day"]))
        moment = _with_clock(day, found["rest"] or "", in_mail=found.re is _MAIL)
    except Refused:
        raise
    except ValueError as error:
        raise Refused(UNCERTAIN) from error
    weekday = found.groupdict().get("weekday")
    if weekday and not _WEEKDAYS[day.weekday()].startswith(weekday[:3].casefold()):
        right = _WEEKDAYS[day.weekday()].capitalize()
        raise Refused(f"names another weekday than that of its date, {right}; correct one of them")
    return moment


def _month(written: str) -> int:
    if written.isdecimal():
        return int(written)
    return next(n for n, name in enumerate(_MONTHS, 1) if name.startswith(written[:3].casefold()))


def _with_clock(day: datetime, rest: str, *, in_mail: bool) -> datetime:
    """Return the moment of a day at the clock and in the zone that are written after it."""
    clock = _CLOCK.fullmatch(rest)
    if clock is None or (clock["hour"] and not clock["minute"] and not clock["half"]):
        raise Refused(UNCERTAIN)
    part = (clock["part"] or "")[:6].ljust(6, "0")
    return day.replace(
        hour=_hour(int(clock["hour"] or 0), clock["half"]),
        minute=int(clock["minute"] or 0),
        second=int(clock["second"] or 0),
        microsecond=int(part),
        tzinfo=_zone(clock["zone"], in_mail=in_mail) if clock["zone"] else None,
    )


def _hour(written: int, half: str | None) -> int:
    """Return the hour of the day; `half` is `a` or `p` where AM or PM is written."""
    if half is None:
        return written
    if not 1 <= written <= 12:
        raise Refused(
            f"has AM or PM after the hour {written}, which a 12-hour clock does not have; correct "
            "one of them"
        )
    return written % 12 + 12 * (half.lower() == "p")


def _zone(written: str, *, in_mail: bool) -> tzinfo:
    """Return the zone that is named after a clock."""
    comment = _COMMENT.fullmatch(written)  # what browsers add: GMT+0200 (CEST)
    name = comment[1] if comment else written
    # Java writes CST for China Standard Time too, so it is certain only where RFC 2822 holds.
    if name.lower() in ZONE_HOURS and (in_mail or name.lower() != "cst"):
        hours = ZONE_HOURS[name.lower()]
        return timezone(timedelta(hours=hours)) if hours else UTC
    offset = _OFFSET.fullmatch(name)
    if offset is None:
        raise Refused(
            f"ends in {written!r}, whose meaning is not certain; write an offset such as +09:00 or "
            "give pattern and zone under [units] of a mapping, as in "
            '"%d %b %Y %H:%M JST in Asia/Tokyo"'
        )
    sign, *numbers = offset.groups()
    hours, minutes = (*(int(number) for number in numbers if number), 0)[:2]
    if minutes > 59:
        raise Refused(UNCERTAIN)
    ahead = timedelta(hours=hours, minutes=minutes)
    return timezone(-ahead if sign == "-" else ahead)
