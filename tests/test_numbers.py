import re
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from virality.data.numbers import (
    MULTIPLIERS,
    Refused,
    parse_count,
    parse_duration,
    parse_flag,
    parse_number,
)
from virality.data.spelled_times import ZONE_HOURS
from virality.data.times import FIRST_YEAR, LAST_YEAR, check_unit, parse_time, parse_zoned


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("541.2K", 541_200), ("1.4M", 1_400_000), ("2,3 mil", 2_300), ("1 234", 1_234),
        ("1\u00a0234\u202f567", 1_234_567), ("1'234'567", 1_234_567), ("1,234,567", 1_234_567),
        ("1.234.567", 1_234_567), ("12,345.00", 12_345), ("3 videos", 3), ("1.2K views", 1_200),
        ("44", 44), (" 7 ", 7), ("0", 0), ("1.0", 1), (5, 5), (5.0, 5), ("1,5 тыс.", 1_500),
        ("12.3万", 123_000), ("1,2 Mio", 1_200_000), ("2.1B", 2_100_000_000), ("１２３", 123),
        ("٣٤٥", 345), ("12,3N", 12_300), ("1,1Tr", 1_100_000), ("1e6", 1_000_000),
        (2**53 + 1, 2**53 + 1), ("9007199254740993", 9007199254740993),
    ],
)  # fmt: skip
def test_counts_are_read_where_they_are_certain(written: object, meant: int) -> None:
    assert parse_count(written) == meant


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("1.234", "thousands or as decimals"), ("1,234", "thousands or as decimals"),
        ("999.999K", "thousands or as decimals"), ("12 34", "not grouped"),
        ("1,23,456", "not grouped"), ("1.5", "not a whole number"), ("1.23456K", "not a whole"),
        (1.5, "not a whole number"), ("-5", "negative"), (-1, "negative"), ("abc", "not a number"),
        ("1.4M+", "meaning as a number"), ("~3K", "not a number"), ("12%", "not a number"),
        ("3 apples", "'apples'"), ("12,3 B", "different powers"), ("2.3 mil", "different powers"),
        (True, "not a number"), ([1], "not a number"), ("7.506832745952218e+18", "rounded"),
        (7.506832745952218e18, "rounded"), ("1e99999", "not a finite"), (float("inf"), "finite"),
        (2**63, "too large"), ("9" * 70, "too long"), ("0x10", "not a number"),
        ("1 234.5.6", "group"),
    ],
)  # fmt: skip
def test_counts_are_refused_where_they_are_not(written: object, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        parse_count(written)


def test_a_style_settles_what_is_uncertain() -> None:
    assert parse_count("1.234", "decimal comma") == 1_234
    assert parse_count("1,234", "decimal dot") == 1_234
    assert parse_number("1.234", "decimal comma") == 1_234
    with pytest.raises(Refused, match="not a whole"):
        parse_count("1.234", "decimal dot")


@pytest.mark.parametrize("value", [None, float("nan"), "", " ", "NaN", "None", "n/a", "-", "null"])
def test_what_is_missing_is_none(value: object) -> None:
    assert parse_count(value) is None
    assert parse_number(value) is None
    assert parse_duration(value) is None
    assert parse_time(value) is None
    assert parse_flag(value) is None


@given(st.integers(0, 2**62), st.sampled_from([" ", "\u00a0", "\u202f", "'", "’"]))
def test_grouped_digits_keep_their_value(number: int, mark: str) -> None:
    assert parse_count(f"{number:,}".replace(",", mark)) == number


@given(st.integers(1_000_000, 2**62), st.sampled_from([",", "."]))
def test_repeated_marks_are_thousands(number: int, mark: str) -> None:
    assert parse_count(f"{number:,}".replace(",", mark)) == number


@given(st.integers(1_000, 999_999), st.sampled_from([",", "."]))
def test_one_mark_before_three_digits_is_refused(number: int, mark: str) -> None:
    with pytest.raises(Refused):
        parse_count(f"{number:,}".replace(",", mark))


@given(st.integers(0, 9_999), st.integers(0, 9), st.sampled_from(sorted(MULTIPLIERS)))
def test_words_multiply_exactly(whole: int, tenth: int, word: str) -> None:
    mark = "," if word == "mil" else "."
    meant = (whole * 10 + tenth) * MULTIPLIERS[word] // 10
    assert parse_count(f"{whole}{mark}{tenth} {word}") == meant
    assert parse_count(f"{whole}{mark}{tenth}{word.upper()}") == meant


@given(st.one_of(st.text(max_size=20), st.text("0123456789., 'kKmMeE+-", max_size=14)))
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (parse_count, parse_number, parse_duration, parse_time, parse_flag):
        try:
            value = read(text)
        except Refused:
            continue
        assert value is None or value == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_written_by_programs_come_back(number: float) -> None:
    assert parse_number(repr(number)) == number
    assert parse_number(number) == number


@pytest.mark.parametrize(
    ("written", "unit", "seconds"),
    [
        ("00:31", "", 31), ("01:05", "", 65), ("1:02:03", "", 3723), ("0:05.5", "", 5.5),
        (15, "", 15),
        (0, "", 0), ("12.345", "", 12.345), (15000, "ms", 15), (2, "min", 120), ("PT1M5S", "", 65),
        ("1m 5s", "", 65), ("15s", "", 15), ("90:00", "", 5400),
    ],
)  # fmt: skip
def test_durations(written: object, unit: str, seconds: float) -> None:
    assert parse_duration(written, unit) == seconds


@pytest.mark.parametrize("written", ["00:61", "1:60:00", -3, "soon", 15_000_000, "::", [3]])
def test_durations_refused(written: object) -> None:
    with pytest.raises(Refused):
        parse_duration(written)


@given(st.integers(0, 86_400))
def test_a_clock_reads_as_its_seconds(seconds: int) -> None:
    minutes, rest = divmod(seconds, 60)
    assert parse_duration(f"{minutes // 60}:{minutes % 60:02}:{rest:02}") == seconds


@given(st.integers(10**9, 4 * 10**9 - 1), st.sampled_from([1, 10**3, 10**6, 10**9]))
def test_the_size_of_an_epoch_tells_its_unit(second: int, scale: int) -> None:
    meant = datetime.fromtimestamp(second, UTC)
    assert parse_time(second * scale) == meant
    assert parse_time(str(second * scale)) == meant


@pytest.mark.parametrize(
    ("written", "unit", "meant"),
    [
        ("2025-05-21 09:44:45", "", "2025-05-21T09:44:45+00:00"),
        ("2022-01-01 15:56", "", "2022-01-01T15:56:00+00:00"),
        ("2025-05-21T09:44:45.123456Z", "", "2025-05-21T09:44:45.123000+00:00"),
        ("2025-05-21T09:44:45+07:00", "", "2025-05-21T02:44:45+00:00"),
        ("2025-05-21 09:44:45 UTC", "", "2025-05-21T09:44:45+00:00"),
        ("20250521", "", "2025-05-21T00:00:00+00:00"),
        ("2025/5/1", "", "2025-05-01T00:00:00+00:00"),
        ("Wed, 21 May 2025 09:44:45 +0000", "", "2025-05-21T09:44:45+00:00"),
        ("2025-05-21 09:44", "Asia/Ho_Chi_Minh", "2025-05-21T02:44:00+00:00"),
        ("03/04/2025", "%d/%m/%Y", "2025-04-03T00:00:00+00:00"),
        (datetime(2025, 5, 21, 9), "", "2025-05-21T09:00:00+00:00"),
        (900_000_000, "s", "1998-07-09T16:00:00+00:00"),
        (1_608_214_517.0, "", "2020-12-17T14:15:17+00:00"),
        ("May 21, 2025 10:00 PM", "", "2025-05-21T22:00:00+00:00"),
        ("May 21, 2025 12:30 a.m.", "", "2025-05-21T00:30:00+00:00"),
        ("2025-05-21 12:30 PM", "", "2025-05-21T12:30:00+00:00"),
        ("2025/5/21 9:05:07.25\u202fpm", "", "2025-05-21T21:05:07.250000+00:00"),
        ("21-May-2025 10 PM", "Asia/Ho_Chi_Minh", "2025-05-21T15:00:00+00:00"),
        ("Sept. 1, 2025", "", "2025-09-01T00:00:00+00:00"),
        ("21 May 2025 22:00", "Asia/Tokyo", "2025-05-21T13:00:00+00:00"),
        ("Wed, 21 May 2025 22:00:00 EST", "", "2025-05-22T03:00:00+00:00"),
        ("Wed, 21 May 2025 22:00:00 CST", "", "2025-05-22T04:00:00+00:00"),
        ("Wed, 21 May 2025 22:00:00 -0000", "Asia/Tokyo", "2025-05-21T22:00:00+00:00"),
        ("Mon May 21 22:00:00 +0200 2018", "", "2018-05-21T20:00:00+00:00"),
        ("Thu May  1 22:00:00 2025", "", "2025-05-01T22:00:00+00:00"),
        ("Wed May 21 2025 22:00:00 GMT+0200 (CEST)", "", "2025-05-21T20:00:00+00:00"),
        ("2025-05-21 10:00 PM GMT-3", "", "2025-05-22T01:00:00+00:00"),
        ("2025/05/21 09:00 UTC", "Asia/Tokyo", "2025-05-21T09:00:00+00:00"),
        ("21.05.2025 22:00", "%d.%m.%Y %H:%M in Asia/Tokyo", "2025-05-21T13:00:00+00:00"),
        ("21 May 2025 22:00 JST", "%d %b %Y %H:%M JST in Asia/Tokyo", "2025-05-21T13:00:00+00:00"),
        ("21.05.25 +0200", "%d.%m.%y %z in Asia/Tokyo", "2025-05-20T22:00:00+00:00"),
    ],
)
def test_times(written: object, unit: str, meant: str) -> None:
    moment = parse_time(written, unit)
    assert moment is not None
    assert moment.isoformat() == meant


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("03/04/2025", "day or the month"), (123_456, "not an epoch"), ("yesterday", "ISO 8601"),
        ("2025-13-01", "ISO 8601"), (True, "not a time"), ("0001-01-01", "between"), (-5, "epoch"),
        ("2025-02-30", "ISO 8601"), (10**30, "not an epoch"), (float("inf"), "not an epoch"),
        ("Wed, 21 May 2025 22:00:00 JST", "'JST', whose meaning"),
        ("May 21, 2025 10:00 PM CST", "'CST', whose meaning"),
        ("Wed May 21 22:00:00 CST 2025", "'CST', whose meaning"),
        ("2025-05-21 09:00 IST", "'IST', whose meaning"), ("21 May 2025 9:00 A", "'A', whose"),
        ("May 21, 2025 10:00 AMST", "'AMST', whose"), ("21 May 2025 10:00 (JST)", "JST"),
        ("May 21, 2025 22:00 PM", "12-hour"), ("May 21, 2025 0:30 AM", "12-hour"),
        ("Tue, 21 May 2025 22:00:00 +0000", "another weekday than that of its date, Wednesday"),
        ("21 May 25 10:00", "ISO 8601"), ("May 21, 2025 10", "ISO 8601"),
        ("21 May 2025 24:00", "ISO 8601"), ("21 May 2025 10:00 +0275", "ISO 8601"),
        ("2025-05-21+07:00", "ISO 8601"), ("20250521-0500", "ISO 8601"),
        ("2025-05-21 09:00+07:00 UTC", "ISO 8601"), ("May 21, 2025 10:00 " + "P" * 80, "ISO 8601"),
        ("31 April 2025", "ISO 8601"), ("05/21/2025 10:00 PM", "day or the month.*%m/%d/%Y"),
        ("21/05/2025", "is read only if it is told whether the day or the month.*%d/%m/%Y"),
    ],
)  # fmt: skip
def test_times_refused(written: object, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        parse_time(written)


def test_flags_and_zones() -> None:
    assert [parse_flag(v) for v in (True, "False", 1, "no", "TRUE")] == [
        True,
        False,
        True,
        False,
        True,
    ]
    with pytest.raises(Refused):
        parse_flag("maybe")
    zoned = ["2025-05-21T09:44:45Z", "1608214517", "2025-05-21 09:00 +0700", "2025-05-21 09:00 UTC"]
    assert all(parse_zoned(text)[1] for text in zoned)
    assert not parse_zoned("2025-05-21 09:44:45")[1]
    assert parse_zoned("2025-05-21 09:44:45", "Asia/Ho_Chi_Minh")[1]


@pytest.mark.parametrize(
    ("value", "unit", "zoned"),
    [
        ("Wed, 21 May 2025 22:00:00 EST", "", True), ("Wed, 21 May 2025 22:00:00", "", False),
        ("Mon May 21 22:00:00 +0200 2018", "", True), ("04-03-2025", "%d-%m-%Y", False),
        ("04-03-2025", "%d-%m-%Y in Asia/Tokyo", True), ("1.2.2025 +0200", "%d.%m.%Y %z", True),
        ("2025-05-21 09:44", "ms", False), (1_608_214_517, "s", True),
        (datetime(2025, 5, 21), "", False), (datetime(2025, 5, 21, tzinfo=UTC), "", True),
        (date(2025, 5, 21), "", False), ("", "", False),
    ],
)  # fmt: skip
def test_what_was_read_tells_whether_a_zone_was_named(
    value: object, unit: str, zoned: bool
) -> None:
    assert parse_zoned(value, unit)[1] is zoned


@given(st.datetimes(datetime(1995, 1, 1), datetime(2095, 1, 1)))
def test_however_a_time_is_spelled_it_is_the_same(moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    patterns = (
        "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %I:%M:%S %p", "%Y/%m/%d %I:%M:%S%p", "%B %d, %Y %I:%M:%S %p",
        "%a, %d %b %Y %H:%M:%S", "%a %b %d %H:%M:%S %Y", "%d-%b-%Y %H:%M:%S", "%A, %d %B %Y %X",
    )  # fmt: skip
    for pattern in patterns:
        text = moment.strftime(pattern)
        assert parse_zoned(text) == (moment.replace(tzinfo=UTC), False), text


@given(st.text("abcdefghijklmnopqrstuvwxyzſıK", min_size=1, max_size=5))
def test_a_word_after_the_clock_is_a_known_zone_or_refused(word: str) -> None:
    text = f"Wed, 21 May 2025 10:00:00 {word}"
    if word in ZONE_HOURS or word in ("am", "pm"):
        assert parse_time(text) is not None
    else:
        with pytest.raises(Refused, match=re.escape(word)):
            parse_time(text)


@given(st.text("0123456789 :-/.,+TZAPMampmMaySepWed()", max_size=40))
def test_any_text_like_a_time_is_read_or_refused(text: str) -> None:
    try:
        moment = parse_time(text)
    except Refused:
        return
    assert moment is None or FIRST_YEAR <= moment.year <= LAST_YEAR


@pytest.mark.parametrize(
    ("unit", "reason"),
    [
        ("Mars/Base", "no unit of time"), ("%d/%m/%Y in Mars/Base", "no unit of time"),
        ("%d %b %Y %H:%M %Z", "%Z, which reads only"), ("%d/%q/%Y", "no pattern"),
        ("%d/%d/%Y", "no pattern"), ("100%", "no pattern"),
    ],
)  # fmt: skip
def test_units_of_time_that_cannot_work_are_refused(unit: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        check_unit(unit)
    for known in ("", "s", "Asia/Tokyo", "%d/%m/%Y", "%d/%m/%Y %I:%M %p in Asia/Tokyo", "%Y %z"):
        check_unit(known)


def test_a_number_with_piled_marks_is_refused_before_they_are_ordered():
    """Ordering them takes time with their square: days for a cell of some millions."""
    with pytest.raises(Refused, match="too long for a number"):
        parse_count("1" + "\u0301\u0323" * 10**6)
    assert parse_count(" " * 1000 + "541") == 541


@pytest.mark.parametrize(
    "text",
    ["2025-05-21 22.30", "2025/5/21 22.30", "2025-05-21T22,5", "2025-05-21 22:30.5Z",
     "20250521T2230.5", "2025-05-21 22.30 UTC"],
)  # fmt: skip
def test_a_part_of_an_hour_or_minute_is_not_read_as_one_of_a_second(text):
    with pytest.raises(Refused, match="not a time that can be read for certain"):
        parse_time(text)


def test_parts_of_a_second_are_read():
    expected = datetime(2025, 5, 21, 22, 30, 15, 500_000, tzinfo=UTC)
    for text in ("2025-05-21T22:30:15.5Z", "2025-05-21 22:30:15,500", "20250521T223015.5+00:00"):
        assert parse_time(text) == expected
