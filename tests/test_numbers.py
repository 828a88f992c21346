from datetime import UTC, datetime

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
from virality.data.times import has_zone, parse_time


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
    assert all(has_zone(text) for text in zoned)
    assert not has_zone("2025-05-21 09:44:45")
    assert has_zone("2025-05-21 09:44:45", "Asia/Ho_Chi_Minh")
