"""Model + features + evaluations + study -> Report."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.errors import InputError
from virality.reports.belief import believe, doubt_of, ordered
from virality.reports.covers import covers
from virality.reports.datacard import data_card, day
from virality.reports.dependence import dependence
from virality.reports.directions import directions
from virality.reports.explain import (
    Contributions,
    control_shares,
    family_sentence,
    importance,
    is_block,
    kinds,
    modality_shares,
    swarm,
)
from virality.reports.explain_posts import Explainer
from virality.reports.fits import fit_of, sample
from virality.reports.interactions import interactions
from virality.reports.making import making_of
from virality.reports.measured import measured_words
from virality.reports.misses import with_reasons
from virality.reports.report import (
    Dependence,
    Driver,
    Explained,
    Planted,
    PostStory,
    Report,
    Subject,
    Synthetic,
)
from virality.reports.slicing import slices_of
from virality.reports.stories import captions_of, choose, clip_words, story, unseen_predictions
from virality.reports.strings import by_clock, say
from virality.reports.trends import trends_of
from virality.reports.words import label, percent, tidy

if TYPE_CHECKING:
    from virality.data.features import Features
    from virality.modeling.evaluate import Evaluation
    from virality.modeling.targets import Target
    from virality.modeling.train import Model
    from virality.modeling.tune import Tuning

Floats = npt.NDArray[np.float64]

EXPLAINED = 500
"""Posts whose contributions are shown: ranks the features like all of them, and draws fast."""

POOL = 2000
"""Posts among which the five that are told one by one are looked for."""

SWARMS, SHAPES, FEATURES, NAMED = 12, 6, 40, 15


def summarize(
    model: "Model",
    features: "Features",
    evaluations: Sequence["Evaluation"],
    tuning: "Tuning | None",
    *,
    synthetic: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> Report:
    """Return all that a report shows about a model, as plain values.

    Args:
        model: a trained model.
        features: posts that it is explained on, with or without outcomes.
        evaluations: of any splits, or none; then the report says that nothing was judged.
        tuning: the study behind it, if there was one.
        synthetic: rule, planted features, decoy and noise of a made-up corpus (`truth.json`).
        seed: of the samples of posts that are explained and drawn.

    Raises:
        InputError: if there is no post to explain.
        BundleError: if the features are of other versions than the model's.
    """
    if not len(features.matrix):
        raise InputError("report: the features hold no posts; extract some first")
    judged, target = ordered(evaluations), model.target
    outcomes, captions = outcomes_of(features.posts, target), captions_of(features.posts)
    chosen = sample(len(features.matrix), EXPLAINED, seed)
    matrix, posts = rows_of(features, chosen)
    contributions = model.contributions(matrix, posts)
    explained = explain_all(contributions, model, len(chosen), seed)
    told = directions(contributions, explained.features, model, matrix, captions)
    usual = {**usual_values(contributions), **model.card.medians}
    data = data_card(model, features, outcomes)
    fits = tuple(fit_of(one, target, captions, seed=seed) for one in judged[:2])
    belief = believe(judged, target)
    return Report(
        subject=_subject(model),
        belief=replace(belief, covers=covers(belief.splits, fits, target.unit, target.counts)),
        synthetic=_synthetic(synthetic, explained.features) if synthetic else None,
        explained=replace(_shortened(explained), directions=told),
        fits=tuple(
            replace(
                with_reasons(fit, model, features, usual),
                slices=slices_of(one, model, features, seed),
            )
            for fit, one in zip(fits, judged, strict=False)
        ),
        posts=_posts(model, features, outcomes, judged, usual, seed),
        data=data,
        making=making_of(model, judged, tuning, contributions.largest_error, seed, features.hashes),
        seed=seed,
        trends=trends_of(features, target, seed=seed),
    )


def rows_of(features: "Features", places: npt.NDArray[np.int64]) -> tuple[Any, pd.DataFrame]:
    """Return matrix and posts of these rows."""
    ids = [str(features.matrix.frame.index[place]) for place in places]
    return features.matrix.rows(ids), features.posts.iloc[places].reset_index(drop=True)


def outcomes_of(posts: pd.DataFrame, target: "Target") -> Floats:
    """Return outcomes on the learning scale, all NaN where the table has none."""
    from virality.modeling.targets import is_there

    return target.values(posts) if is_there(target, posts) else np.full(len(posts), np.nan)


def usual_values(contributions: Contributions) -> dict[str, float]:
    """Return the median of each raw value among the explained posts; none where all lack it."""
    there = contributions.values.dropna(axis=1, how="all")
    return {str(name): float(value) for name, value in there.median().items()}


def explain_all(
    contributions: Contributions, model: "Model", posts: int, seed: int = 0
) -> Explained:
    """Return importance, beeswarm, dependence and interactions of the strongest features."""
    log = model.target.log
    columns = _columns_by_group(model)
    drivers = importance(contributions, log, columns)
    moving = tuple(one for one in drivers if one.effect > 0)
    return Explained(
        posts=posts,
        baseline=float(contributions.baseline),
        largest_error=float(contributions.largest_error),
        modalities=modality_shares(contributions, log, columns),
        controls=control_shares(moving),
        features=moving,
        rest=0,
        swarms=tuple(swarm(contributions, one.feature) for one in moving[:SWARMS]),
        dependences=_shapes(contributions, moving, model.target),
        sentences=_driver_sentences(contributions, moving, model.target),
        families=tuple(
            family_sentence(contributions, one.feature, model.columns)
            for one in moving[:NAMED]
            if one.related
        ),
        kinds=kinds(moving),
        interactions=interactions(contributions, moving, model.target, seed),
    )


def _shortened(explained: Explained) -> Explained:
    """Return the same with the strongest features only, and how many are left out."""
    left_out = max(0, len(explained.features) - FEATURES)
    return replace(explained, features=explained.features[:FEATURES], rest=left_out)


def _columns_by_group(model: "Model") -> dict[str, int]:
    counts: dict[str, int] = {}
    for name, column in model.columns.items():
        group = column.block or name
        counts[group] = counts.get(group, 0) + 1
    return counts


def _shapes(
    contributions: Contributions, drivers: Sequence[Driver], target: "Target"
) -> tuple[Dependence, ...]:
    plain = [one.feature for one in drivers if not is_block(contributions, one.feature)]
    shapes = (dependence(contributions, name, target) for name in plain[: 2 * SHAPES])
    return tuple(shape for shape in shapes if shape is not None)[:SHAPES]


def _driver_sentences(
    contributions: Contributions, drivers: Sequence[Driver], target: "Target"
) -> tuple[str, ...]:
    if not drivers:
        return ()
    shares = control_shares(drivers)
    largest = modality_shares(contributions, target.log)[0]
    clock = (say("clock.mixed"),) if by_clock(one.feature for one in drivers) else ()
    return (
        say("drivers.strongest", names=", ".join(one.label for one in drivers[:3])),
        say("drivers.modality", modality=largest.label, share=percent(largest.share)),
        say("drivers.control", **{name: percent(share) for name, share in shares.items()}),
        say("drivers.cause"),
        *clock,
    )


def _subject(model: "Model") -> Subject:
    target, card = model.target, model.card
    span = (card.first_posted_at, card.last_posted_at)
    first, last = (day(pd.Timestamp(one)) if one else None for one in span)
    kind = "title" if target.log and not target.ratio else "title_score"
    title = say(kind, unit=target.unit, outcome=target.outcome)
    return Subject(
        title=title,
        target=target.name,
        outcome=target.outcome,
        unit=target.unit,
        log=target.log,
        rows=card.rows,
        authors=card.authors or None,
        first=first,
        last=last,
        hit_threshold=float(card.hit_threshold),
        counts=target.counts,
        measured=measured_words(target),
    )


def _synthetic(truth: Mapping[str, Any], drivers: Sequence[Driver]) -> Synthetic:
    """Return the stated rule and at which rank each planted driver was found."""
    noise = truth.get("noise_sd")
    return Synthetic(
        rule=tidy(truth.get("rule", ""), 1000),
        planted=(
            *_planted(truth.get("planted"), "driver", drivers),
            *_planted(truth.get("decoy"), "decoy", drivers),
        ),
        noise=float(noise) if isinstance(noise, int | float) else None,
    )


def _planted(
    named: Any, role: Literal["driver", "decoy"], drivers: Sequence[Driver]
) -> tuple[Planted, ...]:
    """Return drivers named by a mapping to the columns that measure them, a list, or a name."""
    names = [named] if isinstance(named, str) else named or ()
    columns = names if isinstance(names, Mapping) else {str(name): (name,) for name in names}
    ranks = {
        name: rank
        for rank, one in enumerate(drivers, start=1)
        for name in (one.feature, *one.related)
    }
    return tuple(
        Planted(
            feature=str(name),
            label=label(str(name)),
            role=role,
            rank=min((ranks[one] for one in measures if one in ranks), default=None),
        )
        for name, measures in columns.items()
    )


def _posts(
    model: "Model",
    features: "Features",
    outcomes: Floats,
    judged: Sequence["Evaluation"],
    usual: Mapping[str, float],
    seed: int,
) -> tuple[PostStory, ...]:
    """Return five posts told one by one, judged ones where there are any."""
    place = {str(name): row for row, name in enumerate(features.matrix.frame.index)}
    unseen = unseen_predictions(judged[0] if judged else None, model.target)
    pool = np.array([place[name] for name in unseen if name in place], dtype=np.int64)
    if not len(pool):
        pool = np.arange(len(place))
    pool = pool[sample(len(pool), POOL, seed)]
    ids = [str(features.matrix.frame.index[row]) for row in pool]
    mean = model.predict(*rows_of(features, pool)).mean
    errors = _errors(judged, ids) if unseen else outcomes[pool] - mean
    chosen = choose(ids, mean, errors)
    rows = np.array([place[name] for name, _ in chosen], dtype=np.int64)
    matrix, posts = rows_of(features, rows)
    contributions, predictions = model.contributions(matrix, posts), model.predict(matrix, posts)
    captions, units = captions_of(posts), model.target.to_units(outcomes[rows])
    explainer = Explainer(model, features, doubt=doubt_of(judged))
    read = features.verdicts()
    return tuple(
        explainer.enrich(
            story(
                contributions, row, why, model.target, predictions, captions.get(name, ""),
                hit_from=model.card.hit_threshold,
                actual=float(units[row]) if np.isfinite(units[row]) else None,
                unseen=unseen.get(name), usual=usual, clip=clip_words(*read[place[name]]),
            ),
            matrix, posts, name,
        )
        for row, (name, why) in enumerate(chosen)
    )  # fmt: skip


def _errors(judged: Sequence["Evaluation"], ids: Sequence[str]) -> Floats:
    one = judged[0]
    errors = np.asarray(one.actual, dtype=np.float64) - np.asarray(one.mean, dtype=np.float64)
    known = {str(name): float(error) for name, error in zip(one.ids, errors, strict=True)}
    return np.array([known.get(name, np.nan) for name in ids])
