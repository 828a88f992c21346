"""Which features change each other's push, from contributions alone.

A contribution of a feature varies between posts with the same value of it only because of other
features (Lundberg and others, https://arxiv.org/abs/1802.03888, share each interaction between the
two contributions). What another feature says about that rest is the interaction; shuffled values of
the other feature say how much of it chance would give.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from virality.reports.dependence import bins_of
from virality.reports.explain import Contributions, Scaled, feature_label, is_block
from virality.reports.report import Driver
from virality.reports.report_drivers import Interaction
from virality.reports.strings import say
from virality.reports.words import factor, feature_words, significant

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

MOST_FEATURES, MOST_SHOWN = 10, 4
SHUFFLES = 40
CHANCE = 0.05
"""Chance that a report tells an interaction where there is none."""

LEAST = 8
"""Posts in a third without which nothing is compared."""

LINE_BINS = 6
NOTABLE = 0.004
"""Effects below a hundredth of the prediction are not worth a plot."""


def interactions(
    contributions: Contributions, drivers: Sequence[Driver], target: Scaled, seed: int = 0
) -> tuple[Interaction, ...]:
    """Return the strongest interactions beyond chance, strongest first.

    Args:
        contributions: of n posts.
        drivers: strongest first; the first ten that are no embeddings are looked at.
        target: for words.
        seed: of the shuffles.
    """
    names = [one.feature for one in drivers if not is_block(contributions, one.feature)]
    names = names[:MOST_FEATURES]
    found = []
    pairs = len(names) * (len(names) - 1) // 2
    for place, first in enumerate(names):
        for second in names[:place]:
            pair = _pair(contributions, first, second, seed, pairs)
            if pair is not None:
                found.append(pair)
    found.sort(key=lambda one: (-one[0], one[2:]))
    shown = (_told(contributions, *one, target) for one in found)
    return tuple(one for one in shown if one is not None)[:MOST_SHOWN]


def _pair(
    contributions: Contributions, first: str, second: str, seed: int, pairs: int
) -> tuple[float, float, str, str] | None:
    """Return effect, chance, and which feature's push depends on which; None within chance."""
    ways = []
    for feature, other in ((first, second), (second, first)):
        effect, chance = _shift(contributions, feature, other, seed, pairs)
        ways.append((effect, chance, feature, other))
    effect, chance = sum(one[0] for one in ways), sum(one[1] for one in ways)
    strongest = max(ways, key=lambda one: one[0])
    if not effect > max(chance, NOTABLE) or strongest[0] <= strongest[1]:
        return None
    return effect, chance, strongest[2], strongest[3]


def _columns(contributions: Contributions, feature: str, other: str) -> tuple[Floats, ...]:
    values = contributions.values[feature].to_numpy(dtype=np.float64)
    others = contributions.values[other].to_numpy(dtype=np.float64)
    effects = contributions.frame[feature].to_numpy(dtype=np.float64)
    there = np.isfinite(values) & np.isfinite(others)
    return values[there], others[there], effects[there]


def _shift(
    contributions: Contributions, feature: str, other: str, seed: int, pairs: int
) -> tuple[float, float]:
    """Return how far `other` shifts the push of `feature`, and what chance reaches.

    Nothing where the feature speaks for a family: its push then differs at one value of it by the
    family's other members too.
    """
    if feature in contributions.members:
        return 0.0, 0.0
    values, others, effects = _columns(contributions, feature, other)
    if len(np.unique(values)) < 2 or len(np.unique(others)) < 2:
        return 0.0, 0.0
    rest = effects.copy()
    for group in bins_of(values):
        rest[group] -= _local(values[group], effects[group])
    upper = values > np.median(values)
    if upper.all() or not upper.any():
        upper = values == values.max()
    draw = np.random.default_rng(seed)
    shuffled = np.array([_apart(rest, draw.permutation(others), upper) for _ in range(SHUFFLES)])
    return _apart(rest, others, upper), _reached(shuffled, pairs)


def _local(values: Floats, effects: Floats) -> Floats:
    """Return the line through a bin: within it the feature itself still varies."""
    away = values - values.mean()
    square = float(away @ away)
    slope = float(away @ effects) / square if square > 0 else 0.0
    return np.asarray(effects.mean() + slope * away, dtype=np.float64)


def _reached(shuffled: Floats, pairs: int) -> float:
    """Return what one of so many pairs in twenty reports reaches by chance (Bonferroni)."""
    from scipy.stats import norm

    return float(shuffled.mean() + norm.isf(CHANCE / (2 * max(pairs, 1))) * shuffled.std(ddof=1))


def _apart(rest: Floats, others: Floats, upper: Flags) -> float:
    """Return how far the rest differs between thirds of the other, mean over both sides."""
    low, high = thirds(others)
    gaps = []
    for side in (upper, ~upper):
        if min(int((side & low).sum()), int((side & high).sum())) >= LEAST:
            gaps.append(abs(float(rest[side & high].mean() - rest[side & low].mean())))
    return float(np.mean(gaps)) if gaps else 0.0


def thirds(values: Floats) -> tuple[Flags, Flags]:
    """Return which values are in the lowest and in the highest third, never both."""
    low_end, high_end = np.quantile(values, [1 / 3, 2 / 3])
    if high_end > low_end:
        return values <= low_end, values >= high_end
    middle = (values.min() + values.max()) / 2
    return values < middle, values > middle


def _told(
    contributions: Contributions,
    effect: float,
    chance: float,
    feature: str,
    other: str,
    target: Scaled,
) -> Interaction | None:
    values, others, effects = _columns(contributions, feature, other)
    low, high = thirds(others)
    groups = [
        group for group in bins_of(values, LINE_BINS)
        if min(int(low[group].sum()), int(high[group].sum())) >= 3
    ]  # fmt: skip
    if len(groups) < 2:
        return None
    labels = feature_label(contributions, feature), feature_label(contributions, other)
    units = contributions.columns[feature].unit, contributions.columns[other].unit
    centres = [float(values[group].mean()) for group in groups]
    lows, highs = (
        [float(effects[group[part[group]]].mean()) for group in groups] for part in (low, high)
    )
    ends = [
        feature_words(
            other, float(np.median(others[part])), units[1], target.log, target.unit, target.counts
        )
        for part in (low, high)
    ]
    apart = [high_ - low_ for high_, low_ in zip(highs, lows, strict=True)]
    where = int(np.argmax(np.abs(apart)))
    names = tuple(
        feature_words(feature, one, units[0], target.log, target.unit, target.counts)
        for one in centres
    )
    size = f"{factor(abs(apart[where])):.2f}" if target.log else significant(abs(apart[where]))
    key = "interaction.more" if apart[where] > 0 else "interaction.less"
    return Interaction(
        feature=feature, label=labels[0], unit=units[0], other=other, other_label=labels[1],
        effect=effect, chance=chance, values=tuple(centres), names=names,
        low=tuple(lows), high=tuple(highs),
        low_name=say("interaction.low", label=labels[1], value=ends[0]),
        high_name=say("interaction.high", label=labels[1], value=ends[1]),
        sentence=say(
            key if target.log else f"{key}_score", label=labels[0], at=names[where],
            other=labels[1], high=ends[1], low=ends[0], size=size,
        ),
    )  # fmt: skip
