"""When a post went up, by the clock of where it was posted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import cos, pi, sin

from virality.data.clip import FloatArray
from virality.data.matrix import Column, Modality
from virality.data.post import Post
from virality.data.time_zone import find_zone
from virality.featurizers.rows import stack_rows

DAYS_A_YEAR = 365.2425


def _column(name: str, unit: str, meaning: str) -> Column:
    return Column(name, "metadata", unit=unit, meaning=meaning)


COLUMNS: tuple[Column, ...] = (
    _column("hour", "h", "hour of the day, 0 to 24, local where the location allows it, else UTC"),
    _column("hour_sin", "", "hour on a circle: 1 at 6:00, -1 at 18:00"),
    _column("hour_cos", "", "hour on a circle: 1 at midnight, -1 at noon"),
    _column("weekday", "d", "day of the week, 0 on Monday to 6 on Sunday"),
    _column("weekday_sin", "", "moment of the week on a circle, which begins on Monday"),
    _column("weekday_cos", "", "moment of the week on a circle: 1 as Monday begins"),
    _column("season_sin", "", "day of the year on a circle: 1 in early April"),
    _column("season_cos", "", "day of the year on a circle: 1 at new year, -1 in early July"),
    _column("is_weekend", "0/1", "posted on a Saturday or Sunday"),
    _column("is_local", "0/1", "the location named a country, so that its clock could be used"),
)


@dataclass(frozen=True)
class MetadataTime:
    """Hour, weekday and season, plain and on circles, where 23:59 and 0:00 are neighbours.

    A country with several time zones has the clock of its main one. A time without a zone is taken
    for UTC. The year is left out: it cannot come again.
    """

    modality: Modality = "metadata"
    version: str = "2"

    @property
    def columns(self) -> tuple[Column, ...]:
        """What it returns, in order."""
        return COLUMNS

    def extract(self, batch: Sequence[Post]) -> FloatArray:
        """Return shape (len(batch), 10); NaN for a post without a time."""
        return stack_rows((_measure(post) for post in batch), COLUMNS)


def _measure(post: Post) -> Mapping[str, float]:
    if post.posted_at is None:
        return {}
    zone = find_zone(post.location)
    local = _to_utc(post.posted_at).astimezone(zone or UTC)
    hour = local.hour + local.minute / 60 + local.second / 3600
    week = (local.weekday() + hour / 24) / 7
    year = (local.timetuple().tm_yday - 1 + hour / 24) / DAYS_A_YEAR
    return {
        "hour": hour,
        "hour_sin": sin(2 * pi * hour / 24),
        "hour_cos": cos(2 * pi * hour / 24),
        "weekday": local.weekday(),
        "weekday_sin": sin(2 * pi * week),
        "weekday_cos": cos(2 * pi * week),
        "season_sin": sin(2 * pi * year),
        "season_cos": cos(2 * pi * year),
        "is_weekend": float(local.weekday() >= 5),
        "is_local": float(zone is not None),
    }


def _to_utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
