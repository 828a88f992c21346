"""Five posts explained one by one: which, why, and what they got."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.reasons import REASONS
from virality.reports.explain import Contributions, Scaled, feature_label, is_block, reasons
from virality.reports.report import PostStory, Step
from virality.reports.report_posts import Also
from virality.reports.strings import say
from virality.reports.words import (
    amount,
    chance_words,
    place_words,
    reason_label,
    reason_words,
    spread,
    tidy,
)

if TYPE_CHECKING:
    from virality.modeling.evaluate import Evaluation
    from virality.modeling.targets import Target
    from virality.modeling.train import Predictions

Floats = npt.NDArray[np.float64]

STEPS = 9
"""Bars of a waterfall before all others are added up in one."""


def choose(ids: Sequence[str], mean: Floats, errors: Floats | None) -> tuple[tuple[str, str], ...]:
    """Return up to five posts (id, why chosen): extremes, the middle, and the largest misses."""
    picks: dict[str, str] = {}
    order = np.argsort(mean, kind="stable")
    missed = np.zeros(len(ids)) if errors is None else np.nan_to_num(errors)
    wanted = []
    for why, sizes in (("under", missed), ("over", -missed)):
        by_size = np.argsort(-sizes, kind="stable")
        wanted.append((why, by_size[sizes[by_size] > 0]))
    middle = np.argsort(np.abs(np.arange(len(ids)) - len(ids) // 2), kind="stable")
    wanted += [("best", order[::-1]), ("middle", order[middle]), ("worst", order)]
    for why, candidates in wanted:
        free = next((ids[i] for i in candidates if ids[i] not in picks), None)
        if free is not None:
            picks[free] = why
    rank = ("best", "middle", "worst", "under", "over")
    return tuple(sorted(picks.items(), key=lambda pick: rank.index(pick[1])))


def story(
    contributions: Contributions,
    row: int,
    why: str,
    target: "Target",
    predictions: "Predictions",
    caption: str,
    *,
    hit_from: float,
    actual: float | None,
    unseen: float | None,
    usual: Mapping[str, float],
    clip: str = "",
) -> PostStory:
    """Return one post explained.

    Args:
        contributions: of the chosen posts.
        row: which of them.
        why: why it was chosen, a key of the strings.
        target: for units.
        predictions: of the same posts, in the same order.
        caption: of the post.
        hit_from: outcome from which a post is a hit for the model, in units.
        actual: what it got, in units.
        unseen: what was predicted before the model had seen it, in units.
        usual: medians of raw columns among the training posts.
        clip: of `clip_words`.
    """
    up, down = reasons(contributions, row, target, most=5, usual=usual)
    low, mean, high = (
        float(target.to_units(values[row]))
        for values in (predictions.low, predictions.mean, predictions.high)
    )
    percentile = float(predictions.percentile[row])
    hit = float(predictions.hit_probability[row])
    threshold = amount(hit_from, target.unit, target.counts)
    told = chance_words(hit, threshold, target.bar is None)
    return PostStory(
        id=tidy(contributions.frame.index[row], 60),
        caption=tidy(caption),
        chosen=say(f"post.{why}"),
        predicted=mean,
        low=low,
        high=high,
        percentile=percentile,
        hit_probability=hit,
        actual=actual,
        unseen=unseen,
        baseline=float(contributions.baseline),
        steps=steps(contributions, row, target),
        up=up,
        down=down,
        sentence=_sentence(target, mean, (low, high), percentile, told, actual, unseen),
        also=_also(target, predictions, row),
        clip=clip,
    )


def _also(target: "Target", predictions: "Predictions", row: int) -> tuple[Also, ...]:
    """Return what is predicted of a post beside views, where that was learned with them."""
    told = []
    for name, one in predictions.together.items():
        low, mean, high = (
            float(target.to_units(values[row])) for values in (one.low, one.mean, one.high)
        )
        label = say(f"serve.outcome.{name}")
        sentence = say("post.also", predicted=amount(mean, label), range=spread(low, high, ""))
        told.append(Also(name, mean, low, high, sentence))
    return tuple(told)


def _sentence(
    target: "Target",
    mean: float,
    bounds: tuple[float, float],
    percentile: float,
    told: str,
    actual: float | None,
    unseen: float | None,
) -> str:
    text = say(
        "post.sentence",
        predicted=amount(mean, target.unit, target.counts),
        range=spread(*bounds, "", target.counts),
        percentile=place_words(percentile),
        hit=told,
    )
    if actual is not None:
        text += say("post.actual", actual=amount(actual, target.unit, target.counts))
    if unseen is not None:
        text += say("post.unseen", unseen=amount(unseen, "", target.counts))
    return text


def clip_words(status: str, reason: str) -> str:
    """Return what a reader must know where a post's clip was not read as a whole, else `""`."""
    if status not in ("failed", "partial"):
        return ""
    return say(f"post.clip_{status}", why=REASONS.get(reason, reason))


def steps(contributions: Contributions, row: int, target: Scaled) -> tuple[Step, ...]:
    """Return the bars of a waterfall: the strongest contributions, the rest as one."""
    effects = contributions.frame.iloc[row]
    order = sorted(effects.index, key=lambda name: (-abs(float(effects[name])), str(name)))
    total, bars = float(contributions.baseline), []
    for name in order[:STEPS]:
        total += float(effects[name])
        text = _value(contributions, row, name, target)
        words = reason_label(name, feature_label(contributions, name))
        bars.append(Step(words, text, float(effects[name]), total))
    rest = float(effects[order[STEPS:]].sum())
    if len(order) > STEPS:
        bars.append(Step(say("rest"), "", rest, total + rest))
    return tuple(bars)


def _value(contributions: Contributions, row: int, name: str, target: Scaled) -> str:
    if is_block(contributions, name):
        return ""
    value = float(contributions.values.iloc[row][name])
    unit = contributions.columns[name].unit
    return reason_words(name, value, unit, target.log, target.unit, target.counts)


def unseen_predictions(one: "Evaluation | None", target: "Target") -> Mapping[str, float]:
    """Return the honest prediction of every judged post, by id, in units."""
    if one is None:
        return {}
    units = np.asarray(target.to_units(np.asarray(one.mean, dtype=np.float64)))
    return {str(name): float(value) for name, value in zip(one.ids, units, strict=True)}


def captions_of(posts: pd.DataFrame) -> Mapping[str, str]:
    """Return captions by post id; empty where there is none."""
    if "caption" not in posts.columns:
        return {}
    texts = posts["caption"].fillna("").astype(str)
    return dict(zip(posts["id"].astype(str), texts, strict=True))
