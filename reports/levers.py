"""What whoever posts can turn: levers, the columns behind each, and what moves along with it.

A column never moves alone. What is worked out of it follows exactly (an hour's place on its circle,
the logarithm of a length); what merely goes with it in the data (its family, see
`modeling.families`) follows as it does on average among the reference posts. Age, followers,
the author and whatever is known only afterwards are no levers: `control` must say that a column can
be changed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import cos, log10, pi, sin
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.reports import caption_levers as text
from virality.reports.caption_levers import Follow, Row, shifted
from virality.reports.control import control

if TYPE_CHECKING:
    from virality.data.matrix import FeatureMatrix
    from virality.modeling.train import Model

Floats = npt.NDArray[np.float64]
LEAST_POSTS = 20
"""Reference posts that must have a value of the lever."""

REACH = (0.05, 0.95)
"""Percentiles of the reference posts that a lever stays within."""

MOST_VALUES = 12
"""Settings of a lever: as many as a slider has stops."""

NEAR_SHARE, LEAST_NEAR = 0.05, 5
"""A setting needs as many reference posts within this share of the lever's reach around it."""

BINS = 10


@dataclass(frozen=True)
class Lever:
    """One thing that whoever posts can change.

    Attributes:
        key: its name here, and of its words in the catalogue.
        column: the column that it sets.
        unit: of that column.
        kind: how its settings are chosen: `range`, `count`, `flag`, `hour` or `day`.
        follows: column -> how it is worked out of the setting.
        along: columns that go with it in the data.
    """

    key: str
    column: str
    unit: str
    kind: str
    follows: Mapping[str, Follow]
    along: tuple[str, ...]


_TIME, _TEXT, _TAG = "metadata_time__", text.TEXT, text.TAG
_FORM, _FILE, _CUT = "metadata_format__", "stream_container__", "frames_motion__"
HOUR, _DAY = f"{_TIME}hour", f"{_TIME}weekday"
LOCAL = f"{_TIME}is_local"
"""1 where the hour is by the clock of the country that the post names, 0 where it is UTC."""


def _hour_sin(hour: float, _row: Row) -> float:
    return sin(2 * pi * hour / 24)


def _hour_cos(hour: float, _row: Row) -> float:
    return cos(2 * pi * hour / 24)


def _week(turn: Callable[[float], float], day: str | None, hour: str | None) -> Follow:
    """Return the moment of the week on its circle, the day or the hour being the lever."""

    def follow(value: float, row: Row) -> float:
        of_day = row.get(day, 0.0) if day else value
        of_hour = row.get(hour, 12.0) if hour else value
        return turn(2 * pi * (of_day + of_hour / 24) / 7)

    return follow


def _same(value: float, _row: Row) -> float:
    return value


def _log(value: float, _row: Row) -> float:
    return log10(max(value, 0.01))


def _weekend(day: float, _row: Row) -> float:
    return float(day >= 5)


def _scaled(own: str, other: str, *, log: bool = False) -> Follow:
    """Return a column that grows in proportion with the lever, such as words with characters."""

    def follow(value: float, row: Row) -> float:
        was, had = row.get(own, float("nan")), row.get(other, float("nan"))
        if not was > 0:
            return had
        return had + log10(max(value, 1e-6) / was) if log else had * value / was

    return follow


def _counted(rate: float, row: Row) -> float:
    """Return the number of cuts of so many a second, also where there were none."""
    was, had = row.get(f"{_CUT}cut_rate", float("nan")), row.get(f"{_CUT}cuts", float("nan"))
    length = row.get(f"{_FILE}duration_s", float("nan"))
    return had * rate / was if was > 0 else max(had, rate * length)


LEVERS: tuple[Lever, ...] = (
    Lever("hour", HOUR, "h", "hour", {
        f"{_TIME}hour_sin": _hour_sin, f"{_TIME}hour_cos": _hour_cos,
        f"{_TIME}weekday_sin": _week(sin, _DAY, None),
        f"{_TIME}weekday_cos": _week(cos, _DAY, None),
    }, ()),
    Lever("weekday", _DAY, "d", "day", {
        f"{_TIME}weekday_sin": _week(sin, None, HOUR),
        f"{_TIME}weekday_cos": _week(cos, None, HOUR), f"{_TIME}is_weekend": _weekend,
    }, ()),
    Lever("duration", f"{_FILE}duration_s", "s", "range", {
        f"{_FORM}duration_s": _same, f"{_FORM}duration_log10": _log,
        f"{_FILE}size_log10": _scaled(f"{_FILE}duration_s", f"{_FILE}size_log10", log=True),
        f"{_CUT}cuts": _scaled(f"{_FILE}duration_s", f"{_CUT}cuts"),
    }, ()),
    Lever("declared_duration", f"{_FORM}duration_s", "s", "range", {
        f"{_FORM}duration_log10": _log,
    }, ()),
    Lever("cuts", f"{_CUT}cut_rate", "1/s", "range", {
        f"{_CUT}cuts": _counted,
    }, tuple(f"{_CUT}{name}" for name in (
        "start_cut_rate", "rest_cut_rate", "mean_shot_s", "longest_shot_s", "shortest_shot_s",
        "first_cut_s", "activity", "start_activity",
    ))),
    Lever("pace", f"{_CUT}speed", "long sides/s", "range", {}, tuple(
        f"{_CUT}{name}" for name in ("speed_high", "start_speed", "speed_sd", "still_share")
    )),
    Lever("loudness", "audio_loudness__integrated_lufs", "LUFS", "range", {},
          ("audio_loudness__rms_db", "audio_loudness__peak_db")),
    Lever("start_loudness", "audio_loudness__start_db", "dB", "range", {},
          ("audio_loudness__trend_db", "audio_loudness__loudest_share")),
    Lever("speech", "audio_speech__speech_share", "share", "range", {}, tuple(
        f"audio_speech__{name}" for name in (
            "mean_probability", "longest_segment_s", "start_speech_share", "first_speech_s",
            "segments", "segment_rate",
        ))),
    Lever("tempo", "audio_rhythm__tempo_bpm", "BPM", "range", {}, ()),
    Lever("brightness", "frames_colour__brightness", "0 to 1", "range", {},
          ("frames_colour__first_brightness", "frames_colour__dark_share")),
    Lever("colour", "frames_colour__colourfulness", "0 to 298", "range", {},
          ("frames_colour__first_colourfulness", "frames_colour__saturation")),
    Lever("own_sound", "metadata_sound__is_original", "0/1", "flag", {}, ()),
    Lever("hashtags", text.TAGS, "hashtags", "count", {
        f"{_TAG}distinct": shifted(text.TAGS, f"{_TAG}distinct"),
        f"{_TAG}topics": shifted(text.TAGS, f"{_TAG}topics"),
        text.DISCOVERY: text.discovery, f"{_TAG}discovery_share": text.discovery_share,
        text.TAG_LENGTH: text.tag_length(text.TAG_LENGTH),
        text.LONGEST_TAG: text.tag_length(text.LONGEST_TAG),
        f"{_TEXT}hashtags": shifted(text.TAGS, f"{_TEXT}hashtags"),
        text.LENGTH: text.tagged_length,
        text.TAGS_SHARE: text.tags_share(text.tagged_length, text.plain_kept),
    }, ()),
    Lever("emoji", text.EMOJI, "emoji", "count", {
        f"{_TEXT}distinct_emoji": shifted(text.EMOJI, f"{_TEXT}distinct_emoji"),
        text.LENGTH: shifted(text.EMOJI, text.LENGTH), text.EMOJI_SHARE: text.emoji_share,
        text.TAGS_SHARE: text.tags_share(shifted(text.EMOJI, text.LENGTH), text.plain_kept),
    }, ()),
    Lever("questions", text.QUESTIONS, "marks", "count", {
        text.LENGTH: shifted(text.QUESTIONS, text.LENGTH),
        text.PLAIN: shifted(text.QUESTIONS, text.PLAIN),
        text.TAGS_SHARE: text.tags_share(
            shifted(text.QUESTIONS, text.LENGTH), shifted(text.QUESTIONS, text.PLAIN)
        ),
        text.PUNCTUATION: text.punctuation_share,
    }, ()),
    Lever("caption", text.LENGTH, "characters", "range", {
        text.PLAIN: text.plain_of_length, text.WORDS: text.words_of_length,
        text.TAGS_SHARE: text.tags_share(_same, text.plain_of_length),
    }, ()),
)  # fmt: skip
"""Every lever there is; a model has those whose column it reads.

Levers that are set together are set in this order: the length of the caption is that of all of it,
whatever hashtags, emoji and marks have added.
"""


def levers_of(model: "Model", matrix: "FeatureMatrix") -> tuple[Lever, ...]:
    """Return the levers whose column the model reads and the posts have.

    Args:
        model: a trained model.
        matrix: of the posts.
    """
    found = []
    for lever in LEVERS:
        column = model.columns.get(lever.column)
        if column is None or lever.column not in matrix.columns:
            continue
        if control(lever.column, column.modality, column.known) == "can":
            found.append(lever)
    taken = {lever.key for lever in found}
    return tuple(
        lever for lever in found if not (lever.key == "declared_duration" and "duration" in taken)
    )


def settings_of(lever: Lever, reference: pd.DataFrame) -> tuple[float, ...]:
    """Return the settings that the reference posts support, ascending; none if there are too few.

    Args:
        lever: what is set.
        reference: raw values of posts, a column a feature.
    """
    if lever.column not in reference.columns:
        return ()
    values = reference[lever.column].to_numpy(dtype=np.float64)
    values = np.sort(values[np.isfinite(values)])
    if len(values) < LEAST_POSTS or values[0] == values[-1]:
        return ()
    low, high = np.quantile(values, REACH)
    wanted: Floats = {
        "hour": np.arange(1.0, 24.0, 2.0),
        "day": np.arange(0.0, 7.0),
        "flag": np.array([0.0, 1.0]),
        "count": _whole(float(low), float(high)),
        "range": np.linspace(low, high, MOST_VALUES),
    }[lever.kind]
    return tuple(float(one) for one in wanted if near(values, float(one), lever.kind) >= LEAST_NEAR)


def _whole(low: float, high: float) -> Floats:
    step = max(1, int(np.ceil((high - low + 1) / MOST_VALUES)))
    return np.arange(np.ceil(low), np.floor(high) + 1, step)


def near(values: Floats, setting: float, kind: str) -> int:
    """Return how many of these ascending values are about the same as a setting."""
    if kind in ("flag", "count", "day"):
        return int((np.abs(values - setting) < 0.5).sum())
    if kind == "hour":
        away = np.abs(values - setting) % 24
        return int((np.minimum(away, 24 - away) <= 1.5).sum())
    low, high = np.quantile(values, REACH)  # not of all: one clip of an hour would be far from none
    reach = max(NEAR_SHARE * float(high - low), 1e-9)
    return int((np.abs(values - setting) <= reach).sum())


@dataclass(frozen=True)
class Companion:
    """How columns go with a lever among the reference posts: medians by equal-count bin."""

    centres: Floats
    medians: Mapping[str, Floats]

    def shift(self, column: str, was: float, now: float) -> float:
        """Return by how much a column changes on average as the lever goes from `was` to `now`."""
        at = np.interp([was, now], self.centres, self.medians[column])
        return float(at[1] - at[0])


def companion_of(lever: Lever, reference: pd.DataFrame) -> Companion | None:
    """Return how the columns that go along move; None where too few posts tell."""
    names = [name for name in lever.along if name in reference.columns]
    values = reference[lever.column].to_numpy(dtype=np.float64)
    known = np.isfinite(values)
    if not names or known.sum() < 2 * BINS:
        return None
    edges = np.unique(np.quantile(values[known], np.arange(1, BINS) / BINS))
    part = np.searchsorted(edges, values[known], side="right")
    grouped = reference.loc[known, [lever.column, *names]].astype(np.float64).groupby(part)
    table = grouped.median().interpolate(limit_direction="both")
    if table[lever.column].nunique() < 2:
        return None
    told = {name: table[name].to_numpy() for name in names if table[name].notna().all()}
    return Companion(table[lever.column].to_numpy(), told)


def moved(
    row: Row,
    lever: Lever,
    value: float,
    companion: Companion | None,
    limits: Mapping[str, tuple[float, float]],
) -> dict[str, float]:
    """Return every column that changes when a lever of a row is set, and to what.

    Args:
        row: raw values of the post.
        lever: what is set.
        value: to what.
        companion: what goes along, if known.
        limits: lowest and highest value of a column among the reference posts: nothing that goes
            along goes beyond.
    """
    changed = {lever.column: value}
    for name, follow in lever.follows.items():
        if name in row and (np.isfinite(row[name]) or name in text.TAGS_ONLY):
            changed[name] = follow(value, row)
    was = row.get(lever.column, float("nan"))
    if companion is None or not np.isfinite(was):
        return changed
    for name in companion.medians:
        if name in row and np.isfinite(row[name]) and name not in changed:
            after = row[name] + companion.shift(name, was, value)
            low, high = limits.get(name, (after, after))
            changed[name] = min(max(after, min(low, row[name])), max(high, row[name]))
    return changed


def changed_rows(
    matrix: "FeatureMatrix", post: str, changes: Sequence[Mapping[str, float]]
) -> "FeatureMatrix":
    """Return a matrix with one row a change of one post, its views changed alike.

    Args:
        matrix: that holds the post.
        post: its id.
        changes: column -> new value, a mapping a row; the rows are called `<post>#0` and so on.
    """
    from dataclasses import replace

    names = [f"{post}#{place}" for place in range(len(changes))]
    frame = pd.concat([matrix.frame.loc[[post]]] * len(changes))
    frame.index = pd.Index(names, name="id", dtype=object)
    views = None
    if matrix.views is not None:
        own = matrix.views.loc[matrix.views.index == post]
        views = pd.concat([own] * len(changes))
        views.index = pd.Index(np.repeat(names, len(own)), name="id", dtype=object)
    place = {str(name): i for i, name in enumerate(matrix.frame.columns)}
    tables = [frame] if views is None else [frame, views]
    edited = []
    for table in tables:
        values = table.to_numpy(copy=True)
        each = len(values) // len(changes)
        for row, change in enumerate(changes):
            for name, value in change.items():
                if name in place:
                    values[row * each : (row + 1) * each, place[name]] = value
        edited.append(pd.DataFrame(values, index=table.index, columns=table.columns))
    return replace(matrix, frame=edited[0], views=edited[1] if views is not None else None)
