"""The years of posts: bounds of every time that is told of a single post, not read from a table."""

from datetime import UTC, datetime

FIRST, LAST = 2000, 2100
"""Years in UTC. A bare year read as seconds since 1970 lies before them."""


def is_of_posts(moment: datetime) -> bool:
    """Tell whether a moment lies in the years of posts; one without a zone is taken as UTC.

    >>> is_of_posts(datetime.fromisoformat("2026-05-01T18:00:00+07:00"))
    True
    >>> is_of_posts(datetime.fromisoformat("9999-12-31T23:59:59-14:00"))
    False
    """
    try:
        utc = moment.astimezone(UTC) if moment.tzinfo is not None else moment
    except OverflowError:  # the calendar ends before that zone's day does
        return False
    return FIRST <= utc.year <= LAST


def bounds() -> str:
    """Return the bounds as words.

    >>> bounds()
    'between the years 2000 and 2100'
    """
    return f"between the years {FIRST} and {LAST}"
