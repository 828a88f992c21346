"""How contributions go with a feature's value: binned means with intervals, and the density."""

import numpy as np
import numpy.typing as npt

from virality.reports.explain import Contributions, Scaled, feature_control, feature_label
from virality.reports.report import Dependence
from virality.reports.strings import say
from virality.reports.words import feature_words, times

Floats = npt.NDArray[np.float64]

BINS = 12
"""Bins of about equal counts: wide enough to average noise away, narrow enough to show a bend."""


def dependence(contributions: Contributions, feature: str, target: Scaled) -> Dependence | None:
    """Return how a feature's contribution goes with its value; None without two known values.

    The interval of a bin's mean is normal, 1.96 standard errors to both sides.
    """
    values = contributions.values[feature].to_numpy(dtype=np.float64)
    effects = contributions.frame[feature].to_numpy(dtype=np.float64)
    there = np.isfinite(values)
    values, effects = values[there], effects[there]
    if len(np.unique(values)) < 2:
        return None
    groups = bins_of(values)
    described = contributions.columns[feature]
    means = [float(effects[group].mean()) for group in groups]
    errors = [_error(effects[group]) for group in groups]
    centres = [float(values[group].mean()) for group in groups]
    names = [
        feature_words(feature, centre, described.unit, target.log, target.unit, target.counts)
        for centre in centres
    ]
    density, edges = np.histogram(values, bins=24)
    return Dependence(
        feature=feature,
        label=feature_label(contributions, feature),
        unit=described.unit,
        control=feature_control(contributions, feature),
        values=tuple(centres),
        effects=tuple(means),
        lows=tuple(mean - error for mean, error in zip(means, errors, strict=True)),
        highs=tuple(mean + error for mean, error in zip(means, errors, strict=True)),
        counts=tuple(len(group) for group in groups),
        edges=tuple(float(edge) for edge in edges),
        density=tuple(int(count) for count in density),
        names=tuple(names),
        sentence=_sentence(names, means, target),
    )


def bins_of(values: Floats, most: int = BINS) -> list[npt.NDArray[np.intp]]:
    """Return the members of each bin; few different values are a bin each."""
    different = np.unique(values)
    if len(different) <= most:
        return [np.flatnonzero(values == one) for one in different]
    edges = np.unique(np.quantile(values, np.linspace(0, 1, most + 1)))
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    return [np.flatnonzero(place == one) for one in np.unique(place)]


def _error(effects: Floats) -> float:
    """Return 1.96 standard errors of the mean; a lone post has none and gets 0."""
    if len(effects) < 2:
        return 0.0
    return float(1.96 * effects.std(ddof=1) / np.sqrt(len(effects)))


def _sentence(names: list[str], means: list[float], target: Scaled) -> str:
    """Return the shape in words: rises, falls, or bends."""
    best, worst = int(np.argmax(means)), int(np.argmin(means))
    span = means[best] - means[worst]
    if len(means) < 2 or span <= 1e-9:
        return say("dependence.thin")
    if names[best] == names[worst]:
        return say("dependence.crowded", value=names[best])
    ends = means[-1] - means[0]
    if abs(ends) >= 0.75 * span:
        return say(
            "dependence.rises" if ends > 0 else "dependence.falls",
            low=times(means[0], target.log, target.unit), first=names[0],
            high=times(means[-1], target.log, target.unit), last=names[-1],
        )  # fmt: skip
    return say(
        "dependence.bends",
        best=names[best], high=times(means[best], target.log, target.unit),
        worst=names[worst], low=times(means[worst], target.log, target.unit),
    )  # fmt: skip
