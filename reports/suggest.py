"""Combinations of settings: a joint grid to try by hand, and a small search that stays plausible.

A combination is plausible if reference posts lie as near to it as they lie to one another: its
distance to the fifth nearest of them, in ranks of the levers, is within the 95th percentile of the
same distance among themselves. What similar posts that were made so did is told beside the model's
guess: the one is an average of a few posts, the other no experiment.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.splits import resampling_units
from virality.reports.levers import Lever
from virality.reports.report_posts import Change, Curve, Dial, Joint, Suggestion
from virality.reports.strings import say
from virality.reports.whatif import LIKE, Ground, predict_all, predict_changed, row_of, setting_text
from virality.reports.words import amount, percent, spread, times

if TYPE_CHECKING:
    from virality.data.matrix import FeatureMatrix
    from virality.modeling.resample import Effect
    from virality.modeling.targets import Target
    from virality.modeling.train import Predictions
    from virality.reports.similar import Likeness

Floats = npt.NDArray[np.float64]
Row = Mapping[str, float]

DIALS, STOPS = 3, 5
COMBINED, AT_ONCE, TOLD = 5, 3, 3
SIMILAR = 200
"""Similar posts of which it is told how many were made so, and how these did."""

NEIGHBOURS, ORDINARY = 5, 0.95
LEAST_GAIN = 0.03
CHANCE = 0.05
"""Chance that posts made as suggested are said to do better where they do not."""

LEAST_SEEN, LEAST_DID = 3, 8
"""Similar posts that must have been made so for a suggestion, and for saying how they did."""


class Support:
    """Where reference posts lie, in ranks of all levers: 0 to 1 each, hours and days on circles."""

    def __init__(self, ground: Ground) -> None:
        """Lay the reference posts out, at most 4,000 of them."""
        frame = ground.reference.matrix.frame
        rows = np.unique(np.linspace(0, len(frame) - 1, min(len(frame), 4000)).astype(np.int64))
        self.ground = ground
        self._ordinary: dict[tuple[str, ...], tuple[Floats, float]] = {}
        self.values = {
            lever.key: frame[lever.column].to_numpy(dtype=np.float64)[rows]
            for lever in ground.levers
        }

    def holds(self, wanted: Row) -> bool:
        """Say whether settings are seen together."""
        keys = tuple(sorted(wanted))
        known, ordinary = self._known(keys)
        if len(known) < 4 * NEIGHBOURS:
            return False
        own = np.concatenate([self._place(key, np.array([wanted[key]])) for key in keys], axis=1)
        mine = np.sort(_distances(own, known), axis=1)[0, NEIGHBOURS - 1]
        return bool(mine <= ordinary)

    def _known(self, keys: tuple[str, ...]) -> tuple[Floats, float]:
        """Return where posts lie by these levers, and what distance is ordinary among them."""
        if keys not in self._ordinary:
            points = np.concatenate([self._place(key, self.values[key]) for key in keys], axis=1)
            known = points[np.isfinite(points).all(axis=1)]
            sample = known[:: max(1, len(known) // 300)]
            among = np.sort(_distances(sample, known), axis=1)
            ordinary = 0.0
            if len(known) > NEIGHBOURS:
                ordinary = float(np.quantile(among[:, NEIGHBOURS], ORDINARY))
            self._ordinary[keys] = known, ordinary
        return self._ordinary[keys]

    def _place(self, key: str, values: Floats) -> Floats:
        lever = self.ground.lever(key)
        if lever.kind in ("hour", "day"):
            turn = 2 * np.pi * values / (24 if lever.kind == "hour" else 7)
            return np.column_stack([np.sin(turn), np.cos(turn)]) / 4
        there = self.ground.sorted_values[key]
        low = np.searchsorted(there, values, "left")
        high = np.searchsorted(there, values, "right")
        rank = (low + high) / (2.0 * len(there))
        return np.where(np.isfinite(values), rank, np.nan)[:, None]


def _distances(first: Floats, second: Floats) -> Floats:
    square = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1) - 2 * first @ second.T
    return np.asarray(np.sqrt(np.maximum(square, 0.0)), dtype=np.float64)


def joint_of(
    ground: Ground,
    matrix: "FeatureMatrix",
    posts: pd.DataFrame,
    post: str,
    curves: Sequence[Curve],
    support: Support,
) -> Joint | None:
    """Return every combination of a few settings of the strongest levers, the post's own included.

    Args:
        ground: model and reference.
        matrix: that holds the post.
        posts: table that holds it.
        post: its id.
        curves: of the post, strongest first.
        support: of combinations.
    """
    target = ground.model.target
    dials = tuple(_dial(ground.lever(curve.lever), curve, ground) for curve in curves[:DIALS])
    if not dials:
        return None
    places = list(product(*(range(len(dial.values)) for dial in dials)))
    wanted = [
        {dial.lever: dial.values[at] for dial, at in zip(dials, place, strict=True)
         if at != dial.current}
        for place in places
    ]  # fmt: skip
    said = predict_changed(ground, matrix, posts, post, wanted)
    gains = said.mean - said.mean[places.index(tuple(dial.current for dial in dials))]
    units = [np.asarray(target.to_units(one)) for one in (said.mean, said.low, said.high)]
    supported = tuple(not one or support.holds(one) for one in wanted)
    return Joint(
        dials=dials,
        predictions=_plain(units[0]),
        lows=_plain(units[1]),
        highs=_plain(units[2]),
        gains=_plain(gains),
        says=tuple(
            say(
                "whatif.cell" if any(one) else "whatif.cell_now",
                prediction=amount(float(units[0][i]), target.unit, target.counts),
                range=spread(float(units[1][i]), float(units[2][i]), "", target.counts),
                gain=times(float(gains[i]), target.log, target.unit),
            )
            for i, one in enumerate(wanted)
        ),
        supported=supported,
    )  # fmt: skip


def _dial(lever: Lever, curve: Curve, ground: Ground) -> Dial:
    """Return a few settings of a lever, spread over its range, with the post's own among them."""
    values = [one.value for one in curve.settings]
    kept = np.unique(np.linspace(0, len(values) - 1, min(len(values), STOPS)).astype(int))
    chosen = sorted({*(values[i] for i in kept), values[curve.best], curve.current})
    texts = tuple(setting_text(lever, value, ground.model.target) for value in chosen)
    return Dial(lever.key, curve.label, texts, tuple(chosen), chosen.index(curve.current))


def suggest(
    ground: Ground,
    matrix: "FeatureMatrix",
    posts: pd.DataFrame,
    post: str,
    curves: Sequence[Curve],
    support: Support,
    likeness: "Likeness",
    order: npt.NDArray[np.intp],
) -> tuple[Suggestion, ...]:
    """Return the few best plausible combinations of the levers that help most, best first.

    Args:
        ground: model and reference.
        matrix: that holds the post.
        posts: table that holds it.
        post: its id.
        curves: of the post.
        support: of combinations.
        likeness: the reference posts with outcomes.
        order: rows of `likeness`, most similar to the post first.
    """
    helpful = [one for one in curves if one.settings[one.best].gain > LEAST_GAIN]
    helpful = sorted(helpful, key=lambda one: -one.settings[one.best].gain)[:COMBINED]
    sets = [group for size in range(1, AT_ONCE + 1) for group in combinations(helpful, size)]
    wanted = [{one.lever: one.settings[one.best].value for one in group} for group in sets]
    frame = ground.reference.matrix.frame.iloc[likeness.places[order[:SIMILAR]]]
    held = [
        place
        for place, one in enumerate(wanted)
        if support.holds(one) and made_so(ground, one, frame).sum() >= LEAST_SEEN
    ]
    if not held:
        return ()
    said = predict_changed(ground, matrix, posts, post, [{}, *(wanted[i] for i in held)])
    gains = said.mean[1:] - said.mean[0]
    chosen = _different([(float(gains[n]), frozenset(wanted[i])) for n, i in enumerate(held)])
    looked = len(sets) + sum(len(one.settings) for one in curves)
    return tuple(
        _told(
            ground, matrix, post, sets[held[n]], wanted[held[n]], said, n + 1, likeness, order,
            looked,
        )
        for n in chosen
    )  # fmt: skip


def _plain(values: Floats) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _different(found: Sequence[tuple[float, frozenset[str]]]) -> list[int]:
    """Return the best few; one that only adds a lever for next to nothing is left out."""
    kept: list[int] = []
    for place in sorted(range(len(found)), key=lambda i: (-found[i][0], len(found[i][1]))):
        gain, keys = found[place]
        if gain <= LEAST_GAIN:
            break
        smaller = [g for g, other in found if other < keys]
        if smaller and gain - max(smaller) < LEAST_GAIN / 2:
            continue
        kept.append(place)
    return kept[:TOLD]


def _told(
    ground: Ground,
    matrix: "FeatureMatrix",
    post: str,
    group: Sequence[Curve],
    wanted: Row,
    said: "Predictions",
    place: int,
    likeness: "Likeness",
    order: npt.NDArray[np.intp],
    looked: int,
) -> Suggestion:
    target = ground.model.target
    gain = float(said.mean[place] - said.mean[0])
    alike = [likeness.ids[i] for i in order[:LIKE]]
    low, high = _gain_band(ground, row_of(matrix, post), wanted, alike)
    did, similar, against, effect = _seen(ground, wanted, likeness, order[:SIMILAR])
    units = [float(target.to_units(one[place])) for one in (said.mean, said.low, said.high)]
    changes = tuple(
        Change(
            one.lever, one.label, wanted[one.lever], one.current_text, one.settings[one.best].text
        )
        for one in group
    )
    words = [
        say(
            "whatif.suggestion", gain=times(gain, target.log, target.unit),
            low=times(low, target.log), high=times(high, target.log),
            prediction=amount(units[0], target.unit, target.counts),
            range=spread(units[1], units[2], "", target.counts),
        ),
        say("whatif.did", did=did, similar=similar, share=percent(did / max(1, similar))),
    ]  # fmt: skip
    words.append(_seen_words(effect, against, looked, target) or say(_why_unseen(did, similar)))
    return Suggestion(
        changes, units[0], units[1], units[2], gain, low, high, did, similar,
        effect.value, effect.low, effect.high, tuple(words),
    )  # fmt: skip


def _seen_words(effect: "Effect", against: str, looked: int, target: "Target") -> str:
    """Return how posts that were made so did, `""` where that is not known.

    The model has learned from the outcomes of these very posts and picked the setting among many:
    where nothing matters it picks one with which they happened to do well. So a difference for it
    has to be surer by as many settings as were looked at (Bonferroni).
    """
    if not np.isfinite(effect.low):
        return ""
    key = "whatif.seen" if effect.high < 0 else "whatif.seen_unsure"
    if effect.low > 0:
        key = "whatif.seen" if effect.q * looked < CHANCE else "whatif.seen_picked"
    return say(
        key, against=say(f"whatif.against.{against}"), looked=looked,
        value=times(effect.value, target.log, target.unit), low=times(effect.low, target.log),
        high=times(effect.high, target.log),
    )  # fmt: skip


def _gain_band(ground: Ground, row: Row, wanted: Row, alike: Sequence[str]) -> tuple[float, float]:
    """Return the 10th and 90th percentile of what the same change does to similar posts."""
    reference = ground.reference
    before = {key: row[ground.lever(key).column] for key in wanted}
    if not alike:
        return float("nan"), float("nan")
    asked = [(name, (before, wanted)) for name in alike]
    said = predict_all(ground, reference.matrix, reference.posts, asked).mean.reshape(-1, 2)
    gains = said[:, 1] - said[:, 0]
    low, high = np.quantile(gains, [0.1, 0.9])
    return float(low), float(high)


def _why_unseen(did: int, similar: int) -> str:
    """Return the key of the sentence on why it is not told how posts made so did."""
    if did < LEAST_DID:
        return "whatif.unseen"
    return "whatif.unseen_all" if similar - did < LEAST_DID else "whatif.unseen_alone"


def _seen(
    ground: Ground, wanted: Row, likeness: "Likeness", rows: npt.NDArray[np.intp]
) -> tuple[int, int, str, "Effect"]:
    """Return how many similar posts were made so, of how many, and how they did against others.

    Both are held against the same yardstick, whose name is third. NaN says that too few tell.
    """
    from virality.modeling.resample import Effect, Resampler, judge

    frame = ground.reference.matrix.frame.iloc[likeness.places[rows]]
    made = made_so(ground, wanted, frame)
    did = int(made.sum())
    nothing = Effect(*(float("nan"),) * 4, clear=False)
    adjusted = likeness.adjusted
    values = adjusted.values[rows]
    kept = np.flatnonzero(np.isfinite(values))
    if did < LEAST_DID or min(made[kept].sum(), (~made[kept]).sum()) < LEAST_DID:
        return did, len(rows), adjusted.yardstick, nothing
    some = likeness.posts.iloc[rows[kept]].reset_index(drop=True)
    resampler = Resampler(resampling_units(some), 0)
    every = np.arange(len(kept), dtype=np.int64)
    effect = judge(resampler.differences(every, made[kept], values[kept]))[0]
    return did, len(rows), adjusted.yardstick, effect


def made_so(ground: Ground, wanted: Row, frame: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Say which posts have about all of these settings."""
    made = np.ones(len(frame), dtype=bool)
    for key, value in wanted.items():
        made &= about(ground.lever(key), frame, value, ground.sorted_values[key])
    return made


def about(lever: Lever, frame: pd.DataFrame, value: float, there: Floats) -> npt.NDArray[np.bool_]:
    """Say which posts have about this setting: within a tenth of the posts to either side."""
    values = frame[lever.column].to_numpy(dtype=np.float64)
    if lever.kind in ("flag", "count", "day"):
        return np.asarray(np.abs(values - value) < 0.5)
    if lever.kind == "hour":
        away = np.abs(values - value) % 24
        return np.asarray(np.minimum(away, 24 - away) <= 2.0)
    at = np.searchsorted(there, value) / len(there)
    low, high = np.quantile(there, [max(0.0, at - 0.1), min(1.0, at + 0.1)])
    return np.asarray((values >= low) & (values <= high))
