"""Contributions -> importance by modality and feature, a beeswarm, and a post's own reasons.

Contributions are additive (SHAP values: Lundberg and Lee, https://arxiv.org/abs/1705.07874): the
average prediction plus a row's contributions is the row's prediction, which modeling asserts.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.matrix import MODALITIES
from virality.reports.control import control
from virality.reports.report import CONTROLS, Control, Driver, ModalityShare, Reason, Swarm
from virality.reports.report_drivers import Kind
from virality.reports.strings import HOUR, WEEKDAY, say
from virality.reports.strings import MODALITIES as MODALITY_NAMES
from virality.reports.words import (
    block_label,
    comparison,
    factor,
    label,
    reason_label,
    reason_words,
    times,
)

Floats = npt.NDArray[np.float64]

LANGUAGE = re.compile(r"(\w+)_language__(?:(\w+)_probability|confidence)")
"""Columns that tell which language something is in, one a language: what it is, and its code."""

SPELLED_OUT = 3
"""Languages that a family is told from another by; the rest are counted."""

MOST_NAMED = 6
"""Members of a family that are named; the rest are counted."""


class Described(Protocol):
    """What is known of one group of contributions: a column, or an embedding block."""

    @property
    def modality(self) -> str:
        """Part of the post."""

    @property
    def unit(self) -> str:
        """Unit of the raw value."""

    @property
    def known(self) -> str:
        """When it is known."""

    @property
    def meaning(self) -> str:
        """One line for people."""


class Contributions(Protocol):
    """Contributions of posts as modeling returns them.

    `frame`: index post id, a column a group (raw column or block), on the learning scale.
    `values`: same shape, raw values, NaN for blocks and missing parts.
    """

    @property
    def frame(self) -> pd.DataFrame:
        """Contributions."""

    @property
    def values(self) -> pd.DataFrame:
        """Raw values."""

    @property
    def baseline(self) -> float:
        """Average prediction."""

    @property
    def columns(self) -> Mapping[str, Described]:
        """What the groups are."""

    @property
    def largest_error(self) -> float:
        """Largest |baseline + row sum - prediction|."""

    @property
    def members(self) -> Mapping[str, tuple[str, ...]]:
        """Columns summed in a group, the one that names it first; only groups of several."""


class Scaled(Protocol):
    """The part of a target that matters to words: its unit, its scale, whether it counts."""

    @property
    def unit(self) -> str:
        """Unit of the outcome."""

    @property
    def log(self) -> bool:
        """Learned on a log10 scale."""

    @property
    def counts(self) -> bool:
        """Whether it counts something: learned as log10(1 + x), a ratio as log10(x)."""


def is_block(contributions: Contributions, feature: str) -> bool:
    """Return whether a group stands for an embedding: it has no raw value in any post."""
    block = getattr(contributions.columns[feature], "block", None)
    if block is not None:
        return bool(block)
    return bool(contributions.values[feature].isna().all())


def feature_label(contributions: Contributions, feature: str) -> str:
    """Return the plain name of a group of contributions."""
    described = contributions.columns[feature]
    if is_block(contributions, feature):
        return block_label(feature, described.modality)
    return label(feature, described.meaning)


def family_label(contributions: Contributions, feature: str) -> str:
    """Return the plain name of a group, and how many columns alike stand in it."""
    words, related = feature_label(contributions, feature), _related(contributions, feature)
    if source := _language_of(contributions.members.get(feature, ())):
        plain = say(f"family.language.{source}")  # the strongest is seldom one of the posts'
        twins = [one for one in contributions.members.values() if _language_of(one) == source]
        if len(twins) < 2:
            return plain
        return say("family.language.some", label=plain, names=_language_names((feature, *related)))
    return say("family", label=words, more=len(related)) if related else words


def _language_of(members: Sequence[str]) -> str:
    """Return what the columns of a family all tell the language of, `""` for any other family."""
    found = [LANGUAGE.fullmatch(name) for name in members]
    sources = {one[1] if one else "" for one in found}
    return sources.pop() if len(found) > 1 and len(sources) == 1 else ""


def _language_names(names: Sequence[str]) -> str:
    """Return the languages that columns tell, the first of them by name."""
    codes = [one[2] for name in names if (one := LANGUAGE.fullmatch(name)) and one[2]]
    words = [say(f"language.{code}") for code in codes]
    more = len(words) - SPELLED_OUT
    if more > 0:
        words = [*words[:SPELLED_OUT], say("family.more", more=more)]
    return ", ".join(words)


def family_sentence(
    contributions: Contributions, feature: str, columns: Mapping[str, Described]
) -> str:
    """Return which columns a feature stands for besides itself.

    Args:
        contributions: of any posts.
        feature: a group of several columns.
        columns: what the matrix columns are; those of the history are named without it.
    """
    names = _related(contributions, feature)
    words = [label(name, columns[name].meaning if name in columns else "") for name in names]
    more = len(words) - MOST_NAMED
    if more > 1:
        words = [*words[:MOST_NAMED], say("family.more", more=more)]
    return say(
        "family.members", label=feature_label(contributions, feature), names="; ".join(words)
    )


def _related(contributions: Contributions, feature: str) -> tuple[str, ...]:
    return contributions.members.get(feature, (feature,))[1:]


def feature_control(contributions: Contributions, feature: str) -> Control:
    """Return whether whoever posts can change a group."""
    described = contributions.columns[feature]
    return control(feature, described.modality, described.known)


def importance(
    contributions: Contributions, log: bool, columns: Mapping[str, int] | None = None
) -> tuple[Driver, ...]:
    """Return every group by its mean absolute contribution, strongest first.

    Args:
        contributions: of n posts.
        log: the learning scale is a logarithm, so that effects are factors.
        columns: how many matrix columns a group stands for; 1 where not given.
    """
    effects = contributions.frame.abs().mean(axis=0)
    total = float(effects.sum()) or 1.0
    order = sorted(effects.index, key=lambda name: (-float(effects[name]), str(name)))
    return tuple(
        Driver(
            feature=name,
            label=family_label(contributions, name),
            modality=contributions.columns[name].modality,
            unit=contributions.columns[name].unit,
            control=feature_control(contributions, name),
            columns=(columns or {}).get(name, 1) + len(_related(contributions, name)),
            related=_related(contributions, name),
            effect=float(effects[name]),
            factor=factor(float(effects[name])) if log else None,
            share=float(effects[name]) / total,
        )
        for name in order
    )


def modality_shares(
    contributions: Contributions, log: bool, columns: Mapping[str, int] | None = None
) -> tuple[ModalityShare, ...]:
    """Return how far each modality moves predictions, largest first.

    A modality's push on a post is the *sum* of its contributions, so features that cancel each
    other inside a modality do not make it look important.
    """
    names: dict[str, list[str]] = {}
    for name in contributions.frame.columns:
        names.setdefault(contributions.columns[name].modality, []).append(name)
    effects = {
        modality: float(contributions.frame[group].sum(axis=1).abs().mean())
        for modality, group in names.items()
    }
    total = sum(effects.values()) or 1.0
    order = sorted(effects, key=lambda one: (-effects[one], _place(one)))
    return tuple(
        ModalityShare(
            modality=one,
            label=MODALITY_NAMES.get(one, one),
            columns=sum(
                (columns or {}).get(name, 1) + len(_related(contributions, name))
                for name in names[one]
            ),
            effect=effects[one],
            factor=factor(effects[one]) if log else None,
            share=effects[one] / total,
        )
        for one in order
    )


def _place(modality: str) -> int:
    return next((i for i, one in enumerate(MODALITIES) if one == modality), len(MODALITIES))


def control_shares(drivers: Sequence[Driver]) -> Mapping[Control, float]:
    """Return the share of the model's movement that can be changed, that cannot, and context."""
    return {
        one: float(sum(driver.share for driver in drivers if driver.control == one))
        for one in CONTROLS
    }


def kinds(drivers: Sequence[Driver], most: int = 6) -> tuple[Kind, ...]:
    """Return features by what whoever posts can do about them, the strongest of each kind named."""
    shares = control_shares(drivers)
    return tuple(
        Kind(
            kind=one,
            label=say(f"control.{one}"),
            meaning=say(f"controlmeaning.{one}"),
            share=shares[one],
            features=tuple(driver.label for driver in drivers if driver.control == one)[:most],
        )
        for one in CONTROLS
    )


def swarm(contributions: Contributions, feature: str) -> Swarm:
    """Return the points of one row of a beeswarm, a point a post."""
    effects = contributions.frame[feature].to_numpy(dtype=np.float64)
    values = contributions.values[feature].to_numpy(dtype=np.float64)
    return Swarm(
        feature=feature,
        label=family_label(contributions, feature),
        effects=tuple(float(round(one, 5)) for one in effects),
        offsets=tuple(float(round(one, 3)) for one in _offsets(effects)),
        shades=tuple(None if np.isnan(one) else round(float(one), 3) for one in _ranks(values)),
        values=tuple(None if np.isnan(one) else float(f"{one:.6g}") for one in values),
        unit=contributions.columns[feature].unit,
        block=is_block(contributions, feature),
    )


def _offsets(effects: Floats, bins: int = 60) -> Floats:
    """Return where points lie across a row: stacked to both sides within bins of the effect."""
    low, high = float(effects.min()), float(effects.max())
    if high <= low:
        return np.linspace(-1.0, 1.0, len(effects)) if len(effects) > 1 else np.zeros(len(effects))
    place = np.minimum(((effects - low) / (high - low) * bins).astype(np.int64), bins - 1)
    offsets = np.zeros(len(effects))
    for one in np.unique(place):
        members = np.flatnonzero(place == one)
        level = (np.arange(len(members)) + 1) // 2
        offsets[members] = np.where(np.arange(len(members)) % 2 == 0, level, -level)
    return offsets / max(float(np.abs(offsets).max()), 4.0)


def _ranks(values: Floats) -> Floats:
    """Return ranks from 0 to 1 (ties share theirs), NaN where the value is missing."""
    ranks = pd.Series(values).rank().to_numpy(dtype=np.float64)
    there = int(np.isfinite(values).sum())
    if there == 0 or np.nanmax(ranks) == np.nanmin(ranks):
        return np.where(np.isfinite(values), 0.5, np.nan)
    lowest = float(np.nanmin(ranks))
    return np.asarray((ranks - lowest) / (float(np.nanmax(ranks)) - lowest), dtype=np.float64)


def reasons(
    contributions: Contributions,
    row: int,
    target: Scaled,
    *,
    most: int = 5,
    usual: Mapping[str, float] | None = None,
) -> tuple[tuple[Reason, ...], tuple[Reason, ...]]:
    """Return why a post is predicted higher and why lower than the average, strongest first.

    Args:
        contributions: of some posts.
        row: which of them.
        target: what is predicted; effects are factors where it is a logarithm.
        most: reasons at most in each direction.
        usual: median of each raw column among the training posts, to compare with.
    """
    effects = contributions.frame.iloc[row]
    order = sorted(effects.index, key=lambda name: (-abs(float(effects[name])), str(name)))
    told = [_reason(contributions, row, name, target, usual or {}) for name in order]
    smallest = 0.01 if target.log else 1e-9
    up = tuple(one for one in told if one.effect > smallest)[:most]
    down = tuple(one for one in told if one.effect < -smallest)[:most]
    return up, down


def _reason(
    contributions: Contributions, row: int, name: str, target: Scaled, usual: Mapping[str, float]
) -> Reason:
    effect = float(contributions.frame.iloc[row][name])
    value = float(contributions.values.iloc[row][name])
    block = is_block(contributions, name)
    unit = "" if block else contributions.columns[name].unit
    words = reason_label(name, feature_label(contributions, name))
    # The middle of hours or of days is none: half at 23:00 and half at 1:00 make it noon.
    common = float("nan") if name in (HOUR, WEEKDAY) else usual.get(name, float("nan"))
    push = times(effect, target.log, target.unit)
    there = bool(np.isfinite(value))
    return Reason(
        feature=name,
        label=words,
        value=value if there and not block else None,
        unit=unit,
        value_text="" if block else _text(name, value, unit, target),
        effect=effect,
        factor=factor(effect) if target.log else None,
        sentence=say("reason_block", label=words, times=push)
        if block
        else _sentence(name, words, (value, common), unit, target, push),
    )


def _text(name: str, value: float, unit: str, target: Scaled) -> str:
    return reason_words(name, value, unit, target.log, target.unit, target.counts)


def _compared(name: str, value: float, usual: float, unit: str) -> str | None:
    """Return the word for a value clearly off the usual one: by a tenth, in real units."""
    least = 0.04 if unit in ("log10", "score") else 0.1 * max(abs(value), abs(usual))
    return comparison(name, value > usual) if abs(value - usual) > least else None


def _sentence(
    name: str, words: str, values: tuple[float, float], unit: str, target: Scaled, push: str
) -> str:
    """Return a reason in words: `fast cuts (2.1 a second, usual 0.8 a second): times 1.6`."""
    value, usual = values
    if not np.isfinite(value):
        return say("reason_missing", label=words, times=push)
    text, common = (_text(name, one, unit, target) for one in values)
    if not np.isfinite(usual):
        return say("reason_alone", label=words, value=text, times=push)
    if unit == "0/1":
        key = "reason_flag_as_usual" if text == common else "reason_flag"
        return say(key, label=words, value=text, usual=common, times=push)
    if text == common:
        return say("reason_as_usual", label=words, value=text, times=push)
    return say(
        "reason", label=_compared(name, value, usual, unit) or words, value=text, usual=common,
        times=push,
    )  # fmt: skip
