"""What if: exact predictions of a post made otherwise, within what the data supports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.errors import UsageError
from virality.reports.levers import (
    HOUR,
    LOCAL,
    Companion,
    Lever,
    changed_rows,
    companion_of,
    levers_of,
    moved,
    near,
    settings_of,
)
from virality.reports.report_posts import Curve, Setting
from virality.reports.strings import say
from virality.reports.words import clock_words, feature_words, times

if TYPE_CHECKING:
    from virality.data.features import Features
    from virality.data.matrix import FeatureMatrix
    from virality.modeling.targets import Target
    from virality.modeling.train import Model, Predictions

Floats = npt.NDArray[np.float64]

LIKE = 12
"""Similar posts that are changed likewise, to see whether the model says the same of them."""

BAND = (0.1, 0.9)
SMALL = 0.02
"""A change of the prediction below a twentieth is called none."""


@dataclass(frozen=True)
class Ground:
    """What a what-if rests on: the model, and posts like those that it has learned from.

    Attributes:
        model: that predicts.
        reference: posts that say which settings are seen and what goes with what.
    """

    model: "Model"
    reference: "Features"

    @cached_property
    def levers(self) -> tuple[Lever, ...]:
        """The levers that the model reads and that enough reference posts have."""
        found = levers_of(self.model, self.reference.matrix)
        return tuple(lever for lever in found if len(self.settings[lever.key]) > 1)

    @cached_property
    def settings(self) -> Mapping[str, tuple[float, ...]]:
        """Settings of every lever within the range that the reference posts support."""
        levers = levers_of(self.model, self.reference.matrix)
        return {lever.key: settings_of(lever, self.reference.matrix.frame) for lever in levers}

    @cached_property
    def companions(self) -> Mapping[str, Companion | None]:
        """What goes along with each lever."""
        frame = self.reference.matrix.frame
        return {lever.key: companion_of(lever, frame) for lever in self.levers}

    @cached_property
    def sorted_values(self) -> Mapping[str, Floats]:
        """Values of every lever among the reference posts, ascending."""
        frame = self.reference.matrix.frame
        values = {
            lever.key: frame[lever.column].to_numpy(dtype=np.float64) for lever in self.levers
        }
        return {key: np.sort(one[np.isfinite(one)]) for key, one in values.items()}

    @cached_property
    def limits(self) -> Mapping[str, tuple[float, float]]:
        """Lowest and highest value of every column that goes along with a lever."""
        frame = self.reference.matrix.frame
        names = {name for lever in self.levers for name in lever.along if name in frame.columns}
        return {
            name: (float(frame[name].min()), float(frame[name].max())) for name in sorted(names)
        }

    def lever(self, key: str) -> Lever:
        """Return the lever of this key.

        Raises:
            KeyError: if the model has none of this name.
        """
        return next(lever for lever in self.levers if lever.key == key)

    def columns(self, row: Mapping[str, float], wanted: Mapping[str, float]) -> dict[str, float]:
        """Return every column that changes when levers are set together, in order of the levers.

        Args:
            row: raw values of the post.
            wanted: lever key -> setting.

        Raises:
            UsageError: if the model has no such lever.
        """
        there = [lever.key for lever in self.levers]
        for key in wanted:
            if key not in there:
                raise UsageError(
                    f"{key!r} is nothing that can be changed with this model and these posts; "
                    f"there are {', '.join(there) or 'none'}"
                )
        now = dict(row)
        changed: dict[str, float] = {}
        for lever in self.levers:
            if lever.key in wanted:
                one = moved(now, lever, wanted[lever.key], self.companions[lever.key], self.limits)
                now |= one
                changed |= one
        return changed


def row_of(matrix: "FeatureMatrix", post: str) -> dict[str, float]:
    """Return the raw values of one post by column."""
    values = matrix.frame.loc[[post]].to_numpy(dtype=np.float64)[0]
    return {str(name): float(value) for name, value in zip(matrix.frame, values, strict=True)}


def predict_changed(
    ground: Ground,
    matrix: "FeatureMatrix",
    posts: pd.DataFrame,
    post: str,
    wanted: Sequence[Mapping[str, float]],
) -> "Predictions":
    """Return exact predictions of one post with levers set, a row a mapping of lever to setting.

    What an author, a sound or a hashtag did before stays what it was, save that a post without
    hashtags has none that did anything; another hour of posting is nearer to the author's usual
    hour, or farther from it.

    Args:
        ground: model and reference.
        matrix: that holds the post.
        posts: table that holds it.
        post: its id.
        wanted: settings; an empty mapping is the post as it is.

    Raises:
        UsageError: if the model has no such lever.
    """
    return predict_all(ground, matrix, posts, [(post, wanted)])


def predict_all(
    ground: Ground,
    matrix: "FeatureMatrix",
    posts: pd.DataFrame,
    asked: Sequence[tuple[str, Sequence[Mapping[str, float]]]],
) -> "Predictions":
    """Return the same for several posts of one matrix at once, one after the other.

    Args:
        ground: model and reference.
        matrix: that holds the posts.
        posts: table that holds them.
        asked: id of a post and its settings, a pair a post.

    Raises:
        UsageError: if the model has no such lever.
    """
    from virality.modeling.history import MOVED

    narrow = matrix.select([name for name in matrix.columns if name in ground.model.columns])
    parts, tables, later, untagged = [], [], [], []
    place = {str(name): row for row, name in enumerate(posts["id"])}
    for post, wanted in asked:
        row = row_of(matrix, post)
        parts.append(changed_rows(narrow, post, [ground.columns(row, one) for one in wanted]))
        tables.append(np.full(len(wanted), place[post]))
        later += [one["hour"] - row[HOUR] if "hour" in one else 0.0 for one in wanted]
        untagged += [one.get("hashtags") == 0 for one in wanted]
    frames = pd.concat([part.frame for part in parts])
    varied = [part.views for part in parts if part.views is not None]
    edited = replace(narrow, frame=frames, views=pd.concat(varied) if varied else None)
    table = posts.iloc[np.concatenate(tables)].reset_index(drop=True)
    table["id"] = list(frames.index)
    if any(untagged) and "hashtags" in table:
        kept = zip(table["hashtags"], untagged, strict=True)
        table["hashtags"] = pd.Series([() if bare else tags for tags, bare in kept], dtype=object)
    return ground.model.predict(edited, table.assign(**{MOVED: np.nan_to_num(later)}))


def setting_text(lever: Lever, value: float, target: "Target") -> str:
    """Return a setting as people say it: `18:00`, `Tuesday`, `120 characters`."""
    if not np.isfinite(value):
        return say("missing")
    if lever.kind == "hour":
        return clock_words(value)
    if lever.kind == "day":
        return say(f"day.{int(value)}")
    shown = float(round(value)) if lever.unit in ("characters", "BPM", "0 to 298") else value
    return feature_words(lever.column, shown, lever.unit, target.log, target.unit, target.counts)


def is_local(row: Mapping[str, float]) -> bool:
    """Say whether hour and day of a post are by the clock where it was posted, not UTC."""
    return row.get(LOCAL, 0.0) == 1.0


def lever_label(lever: Lever, local: bool) -> str:
    """Return what a lever is called; hours and days say by which clock."""
    utc = lever.kind in ("hour", "day") and not local
    return say(f"lever.{lever.key}{'_utc' if utc else ''}")


def draw_curves(
    ground: Ground,
    matrix: "FeatureMatrix",
    posts: pd.DataFrame,
    post: str,
    alike: Sequence[str],
) -> tuple[Curve, ...]:
    """Return a curve a lever, the one that moves the prediction most first.

    Args:
        ground: model and reference.
        matrix: that holds the post.
        posts: table that holds it.
        post: its id.
        alike: ids of reference posts that are similar to it.
    """
    row = row_of(matrix, post)
    turned = [lever for lever in ground.levers if np.isfinite(row.get(lever.column, np.nan))]
    wanted: list[dict[str, float]] = [{}]
    wanted += [{one.key: value} for one in turned for value in ground.settings[one.key]]
    own = predict_changed(ground, matrix, posts, post, wanted)
    reference = ground.reference
    start: list[dict[str, float]] = [{one.key: row[one.column]} for one in turned]
    each = [*start, *wanted[1:]]
    asked = [(name, each) for name in alike[:LIKE]]
    others = np.zeros((0, len(each)))
    if asked and turned:
        said = predict_all(ground, reference.matrix, reference.posts, asked)
        others = said.mean.reshape(len(asked), len(each))
    curves, at = [], 1
    for number, lever in enumerate(turned):
        count = len(ground.settings[lever.key])
        span = slice(at, at + count)
        gains = own.mean[span] - own.mean[0]
        shift = len(turned) - 1
        like = [one[at + shift : at + shift + count] - one[number] for one in others]
        spread = np.vstack([gains, *like])
        now, local = row[lever.column], is_local(row)
        curves.append(_curve(ground, lever, now, own, span, gains, spread, local))
        at += count
    return tuple(sorted(curves, key=lambda one: (-_reach(one), one.lever)))


def _reach(curve: Curve) -> float:
    gains = [one.gain for one in curve.settings]
    return max(gains) - min(gains)


def _curve(
    ground: Ground,
    lever: Lever,
    current: float,
    said: "Predictions",
    span: slice,
    gains: Floats,
    spread: Floats,
    local: bool,
) -> Curve:
    target = ground.model.target
    values = ground.settings[lever.key]
    lows, highs = np.quantile(spread, BAND, axis=0)
    units = [np.asarray(target.to_units(one[span])) for one in (said.mean, said.low, said.high)]
    there = ground.sorted_values[lever.key]
    settings = tuple(
        Setting(
            value, setting_text(lever, value, target), float(units[0][i]), float(units[1][i]),
            float(units[2][i]), float(gains[i]), float(lows[i]), float(highs[i]),
            near(there, value, lever.kind),
        )
        for i, value in enumerate(values)
    )  # fmt: skip
    best = int(np.argmax(gains))
    text = setting_text(lever, current, target)
    return Curve(
        lever.key, lever_label(lever, local), lever.column,
        (*lever.follows, *(name for name in lever.along)), current, text, settings, best,
        _sentence(settings, best, text, target),
    )  # fmt: skip


def _sentence(settings: Sequence[Setting], best: int, now: str, target: "Target") -> str:
    """Return what turning one lever would do, in words: nothing where no setting does."""
    ends = settings[0].text, settings[-1].text
    gains = [one.gain for one in settings]
    least = SMALL if target.log else 0.02 * max(1.0, *(abs(one) for one in gains))
    if max(abs(one) for one in gains) < least:
        return say("whatif.flat", now=now, first=ends[0], last=ends[1])
    worst = settings[int(np.argmin(gains))]
    if settings[best].gain < least:
        return say(
            "whatif.best_already", now=now, worst=worst.text,
            loss=times(worst.gain, target.log, target.unit),
        )  # fmt: skip
    return say(
        "whatif.better", now=now, best=settings[best].text,
        gain=times(settings[best].gain, target.log, target.unit),
        low=times(settings[best].gain_low, target.log), posts=settings[best].posts,
        high=times(settings[best].gain_high, target.log),
    )  # fmt: skip
