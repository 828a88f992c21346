"""A post's location -> the clock on the wall there.

Rules and names of the zones come from the `tzdata` package and not from the machine, so that the
same post has the same hour everywhere.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

MAIN_ZONES: Mapping[str, str] = {
    "AR": "America/Argentina/Buenos_Aires",
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
    "CA": "America/Toronto",
    "CD": "Africa/Kinshasa",
    "CL": "America/Santiago",
    "CN": "Asia/Shanghai",
    "CY": "Asia/Nicosia",
    "DE": "Europe/Berlin",
    "EC": "America/Guayaquil",
    "ES": "Europe/Madrid",
    "FM": "Pacific/Pohnpei",
    "GL": "America/Nuuk",
    "ID": "Asia/Jakarta",
    "KI": "Pacific/Tarawa",
    "KZ": "Asia/Almaty",
    "MH": "Pacific/Majuro",
    "MN": "Asia/Ulaanbaatar",
    "MX": "America/Mexico_City",
    "MY": "Asia/Kuala_Lumpur",
    "NZ": "Pacific/Auckland",
    "PF": "Pacific/Tahiti",
    "PG": "Pacific/Port_Moresby",
    "PS": "Asia/Gaza",
    "PT": "Europe/Lisbon",
    "RU": "Europe/Moscow",
    "UA": "Europe/Kyiv",
    "US": "America/New_York",
    "UZ": "Asia/Tashkent",
}
"""Where most people of a country with several zones live; the others have one. In the United States
nearly half live on Eastern time, so an American hour may be up to three hours early."""

OTHER_NAMES: Mapping[str, str] = {
    "UK": "GB",
    "UNITED KINGDOM": "GB",
    "GREAT BRITAIN": "GB",
    "ENGLAND": "GB",
    "SCOTLAND": "GB",
    "WALES": "GB",
    "NORTHERN IRELAND": "GB",
    "USA": "US",
    "U.S.A.": "US",
    "UNITED STATES OF AMERICA": "US",
    "VIET NAM": "VN",
    "SOUTH KOREA": "KR",
    "REPUBLIC OF KOREA": "KR",
    "NORTH KOREA": "KP",
    "RUSSIAN FEDERATION": "RU",
    "CZECHIA": "CZ",
    "TURKIYE": "TR",
    "UAE": "AE",
    "MACAO": "MO",
    "BURMA": "MM",
    "IVORY COAST": "CI",
    "CABO VERDE": "CV",
    "TIMOR-LESTE": "TL",
    "CENTRAL AFRICAN REPUBLIC": "CF",
    "DR CONGO": "CD",
    "DEMOCRATIC REPUBLIC OF THE CONGO": "CD",
    "REPUBLIC OF THE CONGO": "CG",
    "SAMOA": "WS",
    "AMERICAN SAMOA": "AS",
    "SWAZILAND": "SZ",
    "SAINT VINCENT AND THE GRENADINES": "VC",
}
"""Common ways to write a country beside its code and its name in `tzdata`, without accents."""

_SPELLINGS = {0x2019: "'", 0x26: "AND"}
_REMARK = re.compile(r"\s*\([^()]*\)")


LONGEST_NAME = 80
"""Characters of a country's name that are read."""


def find_zone(location: str | None) -> ZoneInfo | None:
    """Return the main time zone of a country, or None if the location does not name one.

    Args:
        location: ISO 3166 code or English name of a country; letter case, accents and whether it
            is `&` or `and` do not matter.
    """
    return _find_zone(_plain(location or ""))


def _plain(place: str) -> str:
    """Return a name in capitals, without accents, `St` and `&` written out."""
    apart = unicodedata.normalize(
        "NFKD", place.strip()[:LONGEST_NAME].upper().translate(_SPELLINGS)
    )
    bare = "".join(sign for sign in apart if not unicodedata.combining(sign))
    return re.sub(r"^ST\.? ", "SAINT ", bare)


@cache
def _find_zone(place: str) -> ZoneInfo | None:
    code = OTHER_NAMES.get(place) or _read_names().get(place, place)
    name = MAIN_ZONES.get(code) or _read_zones().get(code)
    if name is None:
        return None
    with files("tzdata.zoneinfo").joinpath(*name.split("/")).open("rb") as rules:
        return ZoneInfo.from_file(rules, key=name)


@cache
def _read_zones() -> Mapping[str, str]:
    """Return country code -> its first zone in `zone.tab`."""
    found: dict[str, str] = {}
    for code, _, zone, *_ in _read_table("zone.tab"):
        found.setdefault(code, zone)
    return found


@cache
def _read_names() -> Mapping[str, str]:
    """Return English name of a country, as `_plain` writes it -> its code.

    `Myanmar (Burma)` is found without its remark; `Korea`, of which there are two, is not.
    """
    named = [(_plain(name), code) for code, name in _read_table("iso3166.tab")]
    bare = [(_REMARK.sub("", name), code) for name, code in named]
    often = Counter(name for name, _ in bare)
    return {name: code for name, code in bare if often[name] == 1} | dict(named)


def _read_table(name: str) -> list[list[str]]:
    text = files("tzdata.zoneinfo").joinpath(name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
