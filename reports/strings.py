"""Every string of reports and pages, from one catalogue a language: `languages/en.toml`.

Another language is a file like that one. Whatever is said while `speaking` it is said in it; a key
that it lacks is said in English, so that an unfinished translation shows no hole.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from virality.data.errors import InputError

Said = TypeVar("Said", str, tuple[str, str])

ENGLISH = "en"
TABLES = (
    "say",
    "labels",
    "adjectives",
    "units",
    "ones",
    "modalities",
    "blocks",
    "bases",
    "licences",
)
_language: ContextVar[str] = ContextVar("language", default=ENGLISH)

FACTORS = frozenset(
    f"history__{name}" for name in ("author_trend", "author_spread", "sound_trend", "hashtag_trend")
)
"""Features in steps of the learning scale: factors where that is a logarithm; see `is_factor`."""

ALIKE = "history__alike__"
"""Begins the names of features that say how the author's posts alike in an embedding did."""

COUNTS = frozenset(
    (
        *(f"metadata_author__{name}_log10" for name in ("followers", "following", "posts")),
        "metadata_sound__uses_log10",
    )
)
"""Features that are log10(1 + a count): people read the count."""

HOUR = "metadata_time__hour"
"""Feature that is a time of day, in hours."""

WEEKDAY = "metadata_time__weekday"
"""Feature that is the number of a day, 0 on Monday."""

WEEKEND = "metadata_time__is_weekend"

CIRCLES = frozenset(
    f"metadata_time__{name}_{side}"
    for name in ("hour", "weekday", "season")
    for side in ("sin", "cos")
)
"""Features that are one coordinate on a circle of time: above 0 in one half of it."""

TAILS = frozenset({"mean", "deviation over time", "over the clip", "first frame", "median"})
"""Ends of a column's meaning that tell it from its neighbours."""


class Table(Mapping[str, Said], Generic[Said]):
    """One table of the catalogue of the language that is being spoken, English where it lacks."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getitem__(self, key: str) -> Said:
        own = catalogue(_language.get())[self._name]
        said = own[key] if key in own else catalogue(ENGLISH)[self._name][key]
        return cast(Said, said)

    def __iter__(self) -> Iterator[str]:
        return iter(catalogue(ENGLISH)[self._name] | catalogue(_language.get())[self._name])

    def __len__(self) -> int:
        return sum(1 for _ in self)


STRINGS: Table[str] = Table("say")
LABELS: Table[str] = Table("labels")
ADJECTIVES: Table[tuple[str, str]] = Table("adjectives")
UNITS: Table[str] = Table("units")
ONES: Table[str] = Table("ones")
MODALITIES: Table[str] = Table("modalities")
MODALITY_BLOCKS: Table[str] = Table("blocks")
BASES: Table[str] = Table("bases")
LICENCES: Table[str] = Table("licences")


def say(key: str, **values: object) -> str:
    """Return a string of the report, filled in.

    >>> say("spread", low="40 k", high="600 k", unit="views")
    '40 k to 600 k views'
    """
    return STRINGS[key].format(**values)


def counted(key: str, number: int, /, **values: object) -> str:
    """Return a string that counts something, in the singular where that is exactly one.

    >>> counted("tip.count", 1, count="1"), counted("tip.count", 2, count="2")
    ('1 post', '2 posts')
    """
    single = f"{key}.one"
    return say(single if number == 1 and single in STRINGS else key, **values)


def by_clock(features: Iterable[str]) -> bool:
    """Say whether any feature is an hour or a day, so that it must be said by which clock.

    >>> by_clock(["metadata_time__hour_sin"]), by_clock(["metadata_time__season_sin"])
    (True, False)
    """
    return any(name.startswith((HOUR, WEEKDAY, WEEKEND)) for name in features)


def is_factor(feature: str) -> bool:
    """Say whether a feature is in steps of the learning scale, a factor where that is a logarithm.

    >>> is_factor("history__author_trend"), is_factor("history__author_mean")
    (True, False)
    """
    return feature in FACTORS or feature.startswith(ALIKE)


def languages() -> tuple[str, ...]:
    """Return the languages that come with the program."""
    folder = files("virality.reports").joinpath("languages")
    return tuple(sorted(one.name.removesuffix(".toml") for one in folder.iterdir()))


def tongue() -> str:
    """Return the language that is being spoken, as a page states it: `en`."""
    return Path(_language.get()).name.removesuffix(".toml")


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Say everything in a language while the context lasts.

    Args:
        language: one that comes with the program, or the path of a catalogue.

    Raises:
        InputError: if there is no such catalogue, or it does not fit.
    """
    catalogue(language)
    token = _language.set(language)
    try:
        yield
    finally:
        _language.reset(token)


@cache
def catalogue(language: str) -> Mapping[str, dict[str, Any]]:
    """Return the tables of a language, the strings of each by key.

    Raises:
        InputError: if there is no such catalogue, or it does not fit.
    """
    name = f"{language}.toml"
    if language in languages():
        text = files("virality.reports").joinpath("languages", name).read_text("utf-8")
        return _tables(text, name)
    try:
        text = Path(language).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        known = ", ".join(languages())
        raise InputError(
            f"language {language!r}: neither one that comes with virality ({known}) nor a readable "
            "file of strings; copy reports/languages/en.toml and translate it"
        ) from error
    return _tables(text, language)


def _tables(text: str, name: str) -> Mapping[str, dict[str, Any]]:
    try:
        read = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{name}: not TOML: {error}") from error
    unknown = sorted(set(read) - set(TABLES))
    if unknown:
        raise InputError(f"{name}: unknown table [{unknown[0]}]; known are {', '.join(TABLES)}")
    tables = {table: dict(read.get(table, {})) for table in TABLES}
    for table, strings in tables.items():
        for key, value in strings.items():
            tables[table][key] = _fitting(value, name, table, key)
    return tables


def _fitting(value: object, name: str, table: str, key: str) -> object:
    """Return a string, or for adjectives a pair, that fills in no more than English does."""
    if table == "adjectives" and isinstance(value, list) and len(value) == 2:
        return (str(value[0]), str(value[1]))
    if table == "adjectives" or not isinstance(value, str):
        raise InputError(f"{name}: [{table}] {key!r}: must be a string, or two for an adjective")
    if name != f"{ENGLISH}.toml" and table == "say":
        wanted = _fields(catalogue(ENGLISH)["say"].get(key, value))
        if not _fields(value, f"{name}: {key!r}") <= wanted:
            raise InputError(
                f"{name}: {key!r}: fills in more than {', '.join(sorted(wanted)) or 'nothing'}"
            )
    return value


def _fields(text: str, where: str = "") -> set[str]:
    from string import Formatter

    try:
        return {field for _, field, _, _ in Formatter().parse(text) if field is not None}
    except ValueError as error:
        raise InputError(f"{where}: braces do not fit: {error}") from error
