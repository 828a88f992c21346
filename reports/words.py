"""Numbers as people read them, and features by names that people know."""

import math
import re

from virality.reports.strings import (
    ADJECTIVES,
    CIRCLES,
    COUNTS,
    HOUR,
    LABELS,
    MODALITY_BLOCKS,
    ONES,
    TAILS,
    UNITS,
    WEEKDAY,
    is_factor,
    say,
)

MINUS = "\u2212"
_STEPS = ((1e9, " bn"), (1e6, " M"), (1e3, " k"))
_SUFFIXES = ("_db", "_hz", "_s", "_ratio", "_share", "_bpm", "_px", "_lufs")
_CONTROLS = re.compile(
    r"(?:[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
    r"|(?<!\S)[\u200c\u200d]|[\u200c\u200d](?!\S))+"
)
"""What has no place in a line; joiners within a word stay, which spell Persian and families."""


def significant(value: float, digits: int = 2) -> str:
    """Return a value with this many significant digits, never in powers of ten.

    >>> significant(0.01234), significant(23.456), significant(1236.5)
    ('0.012', '23', '1236')
    """
    if not math.isfinite(value):
        return say("unknown")
    if value == 0:
        return "0"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    if places > 6:
        return "0"
    text = f"{abs(value):.{max(0, places)}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"{MINUS}{text}" if value < 0 and float(text) else text


def count_words(value: float) -> str:
    """Return a count in few characters.

    >>> count_words(40312), count_words(1_400_000), count_words(980.4), count_words(3.2)
    ('40 k', '1.4 M', '980', '3')
    """
    if not math.isfinite(value):
        return say("unknown")
    size, sign = abs(value), MINUS if value < -0.5 else ""
    for step, name in _STEPS:
        if size >= step * 0.9995:
            return f"{sign}{_short(size / step)}{name}"
    return f"{sign}{size:.0f}"


def whole(value: int) -> str:
    """Return an exact count: `12,345`."""
    return f"{value:,}"


def size_words(size: int) -> str:
    """Return a number of bytes, rounded down so that a limit is never overstated.

    >>> size_words(200_000_000), size_words(1_201_000_000), size_words(300_000), size_words(900)
    ('200 MB', '1.2 GB', '300 kB', '900 bytes')
    """
    for step, name in ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")):
        if size >= step:
            tenths = 10 * size // step
            return f"{tenths // 10 if tenths >= 100 else tenths / 10:g} {name}"
    return f"{size} bytes"


def _short(value: float) -> str:
    """Return 1.4, 40 or 600: one decimal only below ten."""
    text = f"{value:.1f}" if value < 9.95 else f"{value:.0f}"
    return text.removesuffix(".0")


def amount(value: float, unit: str, log: bool = True) -> str:
    """Return a value of the target with its unit: `40 k views`, `1 view`, or `6.3 log score`."""
    return _with_unit(count_words(value) if log else significant(value, 3), unit)


def _with_unit(text: str, unit: str) -> str:
    """Return a number with its unit, in the singular where it reads as exactly one."""
    return f"{text} {ONES.get(unit, unit) if text == '1' else unit}".strip()


def place_words(percentile: float) -> str:
    """Return above how many of a hundred a place is, which is never said to be all of them.

    >>> place_words(26.4), place_words(99.7)
    ('26', '99')
    """
    return f"{min(99.0, max(0.0, percentile)):.0f}"


def spread(low: float, high: float, unit: str, log: bool = True) -> str:
    """Return a range of the target.

    >>> spread(40_000, 600_000, "views")
    '40 k to 600 k views'
    """
    first, last = (
        (count_words(low), count_words(high))
        if log
        else (significant(low, 3), significant(high, 3))
    )
    return say("spread", low=first, high=last, unit=unit).strip()


def percent(share: float, digits: int = 0) -> str:
    """Return a share of one in percent.

    >>> percent(0.256), percent(0.004, 1)
    ('26 %', '0.4 %')
    """
    return f"{100 * share:.{digits}f} %" if math.isfinite(share) else say("unknown")


def chance(probability: float) -> str:
    """Return a probability in percent, which no model is sure of.

    >>> chance(0.256), chance(0.999), chance(0.0)
    ('26 %', 'over 99 %', 'under 1 %')
    """
    if probability > 0.995:
        return say("nearly_sure")
    return say("hardly") if probability < 0.005 else percent(probability)


def chance_words(probability: float, threshold: str, top: bool) -> str:
    """Return the chance of a post in words, and of what: a target may count hits of its own.

    Args:
        probability: from 0 to 1.
        threshold: outcome from which it holds, in words.
        top: whether that is where the top fifth of the training posts begins.

    >>> chance_words(0.06, "40 k views", True)
    'chance to be in the top fifth (40 k views or more): 6 %'
    """
    key = "chance.top" if top else "chance.own"
    return say(key, threshold=threshold, chance=chance(probability))


def times(effect: float, log: bool, unit: str = "") -> str:
    """Return what a contribution does to the prediction.

    >>> times(0.2, True), times(-0.2, True), times(0.31, False, "log score")
    ('times 1.6', 'divided by 1.6', '+0.31 log score')
    """
    if not log:
        sign = "+" if effect >= 0 else ""
        return f"{sign}{significant(effect)} {unit}".strip()
    text = f"{factor(abs(effect)):.2f}" if abs(effect) < 0.04 else _short(factor(abs(effect)))
    if text == "1.00":
        return say("no_change")
    return say("times" if effect > 0 else "divided", factor=text)


def factor(effect: float) -> float:
    """Return 10**effect, bounded so that no input can overflow."""
    return float(10.0 ** min(max(effect, -300.0), 300.0))


def miss_words(effect: float) -> str:
    """Return the factor of an error, with two decimals where one would make it none.

    >>> miss_words(0.2), miss_words(0.01), miss_words(3.0)
    ('1.6', '1.02', '1000')
    """
    size = factor(abs(effect))
    return f"{size:.0f}" if size >= 99.5 else f"{size:.1f}" if size >= 1.095 else f"{size:.2f}"


def clock_words(hour: float) -> str:
    """Return a time of day in hours as a clock shows it.

    >>> clock_words(23.999), clock_words(18.5)
    ('0:00', '18:30')
    """
    minutes = round(hour * 60) % (24 * 60)
    return say("lever.clock", hour=f"{minutes // 60}", minute=f"{minutes % 60:02}")


def value_words(value: float, unit: str, name: str = "") -> str:
    """Return a feature's value with its unit in words: `2.1 a second`, `yes`, `12 s`.

    Args:
        value: as in a matrix.
        unit: of its column.
        name: of the column: counts, days and hours are said as people say them.

    >>> value_words(math.log10(1 + 10), "log10", "metadata_author__followers_log10")
    '10'
    >>> value_words(4.0, "d", "metadata_time__weekday")
    'Friday'
    >>> value_words(1.09, "h", "metadata_time__hour")
    '1:05'
    """
    if not math.isfinite(value):
        return say("missing")
    if name in COUNTS:
        return count_words(max(factor(value) - 1.0, 0.0))
    if name == HOUR:
        return clock_words(value)
    if name == WEEKDAY:
        return say(f"day.{min(6, max(0, round(value)))}")
    if unit == "0/1":
        return say("yes" if value >= 0.5 else "no") if value in (0.0, 1.0) else percent(value)
    if unit == "log10":
        return count_words(factor(value)) if value >= 1 else significant(factor(value))
    if unit in ("share", "probability"):
        return percent(value, 1 if 0.0005 <= abs(value) < 0.1 else 0)
    text = count_words(value) if abs(value) >= 10_000 else significant(value, 3)
    return _with_unit(text, UNITS.get(unit, unit))


def label(name: str, meaning: str = "") -> str:
    """Return a feature's name in plain words: ours, else its meaning, else the name itself."""
    short = name.partition("__")[2] or name
    known = LABELS.get(name) or LABELS.get(short)
    if known:
        return known
    return _shorten(meaning) or _spoken(short)


def is_named(name: str) -> bool:
    """Tell whether a feature has a plain name or adjective that people know.

    >>> is_named("frames_motion__cut_rate"), is_named("stream_packets__quantile_50_ratio")
    (True, False)
    """
    short = name.partition("__")[2] or name
    return any(one in names for one in (name, short) for names in (LABELS, ADJECTIVES))


def _shorten(meaning: str) -> str:
    """Return a meaning without its explanation: `peaks: high for hits, mean` is `peaks, mean`."""
    text = re.sub(r",? log10\b.*$", "", meaning.strip().rstrip("."))
    text = re.sub(r" \([^)]*\)", "", text)
    head, mark, explanation = text.partition(": ")
    if not mark:
        return text.partition("; ")[0]
    tail = explanation.rpartition(", ")[2]
    return f"{head}, {tail}" if tail in TAILS else head


def _spoken(name: str) -> str:
    """Return `first_speech_s` as `first speech`."""
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return name.replace("__", " ").replace("_", " ").replace(".", " ").strip()


def block_label(block: str, modality: str) -> str:
    """Return an embedding block in plain words, such as `what the pictures show: change`."""
    known = LABELS.get(block)
    if known:
        return known
    detail = _spoken(block.partition("__")[2])
    if detail in ("", "mean", "embedding", "sentence", "e"):
        detail = _spoken(block.partition("__")[0].removeprefix(f"{modality}_"))
    detail = "" if detail in ("embedding", "mean") else detail
    base = MODALITY_BLOCKS.get(modality, say("block"))
    return say("block_detail", base=base, detail=detail) if detail else base


def feature_words(
    name: str, value: float, unit: str, log: bool, outcome: str = "", counts: bool = True
) -> str:
    """Return a feature's value in words; earlier outcomes read like the outcome itself.

    Args:
        name: of the feature.
        value: as in a matrix.
        unit: of its column.
        log: whether the outcome is learned on a logarithm.
        outcome: unit of the outcome.
        counts: whether it counts something: learned as log10(1 + x), a ratio as log10(x).

    >>> feature_words("history__author_mean", 4.0, "score", True, "views")
    '10 k views'
    >>> feature_words("history__author_mean", -0.3, "score", True, "times the usual", False)
    '0.501 times the usual'
    """
    if unit != "score" or not log or not math.isfinite(value):
        return value_words(value, unit, name)
    if is_factor(name):
        return times(value, True) if value else say("no_change")
    return amount(factor(value) - counts, outcome, counts)


def reason_words(
    name: str, value: float, unit: str, log: bool, outcome: str = "", counts: bool = True
) -> str:
    """Return a value as a reason names it: as `feature_words`, but a place on a circle as a time.

    >>> reason_words("metadata_time__season_sin", 0.02, "", True)
    'January to June'
    """
    if name in CIRCLES and math.isfinite(value):
        return say(f"circle.{name.partition('__')[2]}.{'above' if value >= 0 else 'below'}")
    return feature_words(name, value, unit, log, outcome, counts)


def reason_label(name: str, words: str) -> str:
    """Return a feature's plain name as a reason begins: a circle's without how to read its numbers.

    >>> reason_label("metadata_time__season_sin", "season (1 in early April)")
    'season'
    """
    return words.partition(" (")[0] if name in CIRCLES else words


def comparison(name: str, above: bool) -> str | None:
    """Return what a value above or below the usual one is called: `fast cuts`, if it has a name."""
    short = name.partition("__")[2] or name
    pair = ADJECTIVES.get(name) or ADJECTIVES.get(short)
    return (pair[0] if above else pair[1]) if pair else None


def fixed(value: float) -> str:
    """Return a score with two decimals, as columns of a table need.

    >>> fixed(0.3), fixed(-0.004)
    ('0.30', '0.00')
    """
    if not math.isfinite(value):
        return say("unknown")
    text = f"{abs(value):.2f}"
    return f"{MINUS}{text}" if value < 0 and float(text) else text


def tidy(text: object, limit: int = 240) -> str:
    """Return text of strangers on one line: no control or direction marks, and not too long."""
    line = " ".join(_CONTROLS.sub(" ", str(text)).split())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"
