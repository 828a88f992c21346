"""Evaluations -> can I believe it? Scores beside baselines, and what follows from them in words."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from virality.reports.report import Belief, Tile
from virality.reports.report_scores import Interval, Lead, Response, Score, SplitScores
from virality.reports.strings import STRINGS, say
from virality.reports.words import miss_words, percent, significant, whole

if TYPE_CHECKING:
    from virality.modeling.evaluate import Evaluation
    from virality.modeling.metrics import Metric
    from virality.modeling.targets import Target

HONEST = ("temporal", "rolling", "author", "random")
"""Splits from the most to the least honest."""

FEW = 100
NOMINAL = 0.8


def ordered(evaluations: Sequence["Evaluation"]) -> list["Evaluation"]:
    """Return evaluations from the most honest split on; the last one of a split counts."""
    latest = {one.split: one for one in evaluations}
    return [latest[split] for split in HONEST if split in latest]


def believe(evaluations: Sequence["Evaluation"], target: "Target") -> Belief:
    """Return what the evaluations say about the model, most honest split first."""
    judged = ordered(evaluations)
    if not judged:
        return Belief(
            headline=say("belief.none"), sentences=(), tiles=(), alarms=(), cautions=(),
            gap=say("belief.gap_unknown"), coverage=say("belief.coverage_unknown"), splits=(),
        )  # fmt: skip
    main, splits = judged[0], tuple(split_scores(one) for one in judged)
    return Belief(
        headline=_headline(splits[0]),
        sentences=_sentences(main, target),
        tiles=_tiles(main, target),
        alarms=_alarms(judged, splits),
        cautions=_cautions(main, splits[0]),
        gap=_gap(judged),
        coverage=_coverage(main),
        splits=splits,
    )


def split_scores(one: "Evaluation") -> SplitScores:
    """Return all scores of one evaluation as plain values."""
    scores = [Score("model", say("who.model"), _intervals(one.metrics))]
    scores += [Score(name, who(name), _intervals(part)) for name, part in one.baselines.items()]
    return SplitScores(
        split=one.split,
        label=say(f"split.{one.split}"),
        meaning=say(f"splitmeaning.{one.split}"),
        rows=int(one.rows),
        authors=None if one.authors is None else int(one.authors),
        scores=tuple(scores),
        leads=tuple(_lead(name, _interval(value)) for name, value in one.differences.items()),
        gap={name: float(value) for name, value in one.optimism_gap.items()},
        coverage=_interval(one.coverage),
        verdict=one.verdict,
        notes=tuple(one.notes),
        also=tuple(
            Response(
                name, say(f"serve.outcome.{name}"),
                tuple(Score(key, who(key), _intervals(part)) for key, part in scored.items()),
            )
            for name, scored in one.together.items()
        ),
    )  # fmt: skip


def who(name: str) -> str:
    """Return a baseline's name in plain words."""
    return STRINGS.get(f"who.{name}", name.replace("_", " "))


def _interval(metric: "Metric") -> Interval:
    return Interval(float(metric.value), float(metric.low), float(metric.high))


def _intervals(metrics: Mapping[str, "Metric"]) -> dict[str, Interval]:
    """Return metrics that have a value: a factor has none where the target is no logarithm."""
    there = {name: _interval(metric) for name, metric in metrics.items()}
    return {name: one for name, one in there.items() if math.isfinite(one.value)}


def _lead(name: str, difference: Interval) -> Lead:
    better = True if difference.low > 0 else False if not difference.value > 0 else None
    key = "lead.better" if better else "lead.unsure" if better is None else "lead.worse"
    low, high, value = difference.low, difference.high, difference.value
    if better is False:
        low, high, value = -high, -low, -value
    sentence = say(
        key, baseline=who(name), value=significant(value),
        low=significant(low), high=significant(high),
    )  # fmt: skip
    return Lead(name, who(name), difference, better, sentence)


def _headline(main: SplitScores) -> str:
    verdicts = [lead.better for lead in main.leads]
    if not verdicts or any(one is False for one in verdicts):
        return say("belief.no", split=main.label) if verdicts else main.verdict
    key = "belief.yes" if all(verdicts) else "belief.partly"
    return say(key, split=main.label)


def doubt_of(judged: Sequence["Evaluation"]) -> str:
    """Return which baseline speaks against any suggestion, on the most honest split, or `""`."""
    for name, difference in judged[0].differences.items() if judged else ():
        if _lead(name, _interval(difference)).better is False:
            split = say(f"split.{judged[0].split}")
            return say("whatif.note.unbeaten", split=split, baseline=who(name))
    return ""


def doubt_of_training(unbeaten: str) -> str:
    """Return why nothing is suggested by a model that is no better than a baseline, or `""`."""
    return say("whatif.note.no_lead", baseline=who(unbeaten)) if unbeaten else ""


def half_width(one: "Evaluation") -> float:
    """Return the median absolute error on the learning scale, over all judged posts."""
    return float(np.median(np.abs(np.asarray(one.actual) - np.asarray(one.mean))))


def _rival(one: "Evaluation") -> tuple[str, float] | None:
    """Return the baseline to compare ranks with: the author's median, else followers."""
    for name in ("author_median", "followers"):
        share = one.pairs.get(name, math.nan)
        if math.isfinite(share):
            return who(name), share
    return None


def _pairs(share: float) -> str:
    return f"{100 * share:.0f}"


def _rank(one: "Evaluation") -> float | None:
    share = one.pairs.get("model", math.nan)
    return share if math.isfinite(share) else None


def _sentences(one: "Evaluation", target: "Target") -> tuple[str, ...]:
    width, told = half_width(one), []
    if target.log:
        told.append(say("belief.half", factor=miss_words(width)))
    else:
        told.append(say("belief.half_score", error=significant(width), unit=target.unit))
    rank, rival = _rank(one), _rival(one)
    if rank is not None and rival is not None:
        told.append(
            say("belief.rank", pairs=_pairs(rank), baseline=rival[0], theirs=_pairs(rival[1]))
        )
    elif rank is not None:
        told.append(say("belief.rank_alone", pairs=_pairs(rank)))
    return (*told, _coverage(one))


def _coverage(one: "Evaluation") -> str:
    """Return how often the intervals held; a sentence more where they clearly did not."""
    cover = one.coverage
    if not math.isfinite(cover.value):
        return say("belief.coverage_unknown")
    text = say(
        "belief.covered", covered=_of_hundred(cover.value),
        low=_of_hundred(cover.low), high=_of_hundred(cover.high),
    )  # fmt: skip
    if cover.high < NOMINAL - 0.02:
        text += " " + say("belief.covered_badly", width=say("belief.narrow"))
    elif cover.low > NOMINAL + 0.1:
        text += " " + say("belief.covered_badly", width=say("belief.wide"))
    return text


def _of_hundred(share: float) -> str:
    return f"{100 * share:.0f}" if math.isfinite(share) else say("unknown")


def _tiles(one: "Evaluation", target: "Target") -> tuple[Tile, ...]:
    width, rank, rival = half_width(one), _rank(one), _rival(one)
    miss = (
        say("tile.factor_value", factor=miss_words(width))
        if target.log
        else say("tile.error_value", error=significant(width))
    )
    tiles = [Tile(miss, say("tile.factor"), say("tile.factor_note"))]
    if rank is not None:
        note = (
            say("tile.rank_note", baseline=rival[0], theirs=_pairs(rival[1]))
            if rival
            else say("tile.rank_coin")
        )
        tiles.append(Tile(say("tile.rank_value", pairs=_pairs(rank)), say("tile.rank"), note))
    cover = one.coverage
    if math.isfinite(cover.value):
        note = say("tile.coverage_note", low=percent(cover.low), high=percent(cover.high))
        tiles.append(Tile(percent(cover.value), say("tile.coverage"), note))
    rows = say("tile.rows_note", split=say(f"split.{one.split}"))
    return (*tiles, Tile(whole(one.rows), say("tile.rows"), rows))


def _alarms(judged: Sequence["Evaluation"], splits: Sequence[SplitScores]) -> tuple[str, ...]:
    """Return a sentence for each baseline that is not beaten, on any split."""
    return tuple(
        say("belief.alarm", split=split.label, baseline=lead.label, change=_change(one, lead.name))
        for one, split in zip(judged, splits, strict=True)
        for lead in split.leads
        if lead.better is False
    )


def _change(one: "Evaluation", name: str) -> str:
    ours, theirs = one.metrics.get("mae"), one.baselines.get(name, {}).get("mae")
    if ours is None or theirs is None or not theirs.value > 0:
        return say("belief.same")
    share = ours.value / theirs.value - 1
    return say("belief.worse", percent=percent(share, 1)) if share >= 5e-4 else say("belief.same")


def _cautions(main: "Evaluation", split: SplitScores) -> tuple[str, ...]:
    told = [
        say(
            "belief.alarm_unsure", split=split.label, baseline=lead.label,
            low=significant(lead.difference.low),
        )
        for lead in split.leads
        if lead.better is None
    ]  # fmt: skip
    if main.rows < FEW:
        told.append(say("belief.small", rows=main.rows))
    if main.split == "random":
        told.append(say("belief.random_only"))
    return (*told, *main.notes)


def _correlation(one: "Evaluation") -> float | None:
    metric = one.metrics.get("spearman")
    return metric.value if metric is not None and math.isfinite(metric.value) else None


def _gap(judged: Sequence["Evaluation"]) -> str:
    """Return how much random posts flatter, from the two evaluations."""
    ranks = {one.split: _correlation(one) for one in judged}
    random, main = ranks.get("random"), judged[0]
    honest = ranks[main.split]
    known = main.optimism_gap.get("spearman")
    if random is None and honest is not None and known is not None and math.isfinite(known):
        random = honest + known
    if random is None or honest is None or main.split == "random":
        return say("belief.gap_unknown")
    gap = random - honest
    return say(
        "belief.gap" if gap > 0.01 else "belief.nogap",
        random=f"{random:.2f}", honest=f"{honest:.2f}", gap=f"{gap:.2f}",
        split=say(f"split.{main.split}"),
    )  # fmt: skip
