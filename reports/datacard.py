"""Features and model card -> the data card: how much, from when, what is missing."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.matrix import FeatureMatrix
from virality.data.post import EXTRA_PREFIX, FIELDS
from virality.reports.report_making import DataCard, FeatureCard, FieldCard
from virality.reports.strings import MODALITIES, counted, say
from virality.reports.words import amount, spread, tidy, whole

if TYPE_CHECKING:
    from virality.data.features import Features
    from virality.modeling.targets import Target
    from virality.modeling.train import Model

Floats = npt.NDArray[np.float64]
MODES: tuple[float, ...] = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)


def data_card(model: "Model", features: "Features", outcomes: Floats) -> DataCard:
    """Return what the data hold.

    Args:
        model: for its target and the columns that it reads.
        features: matrix, posts and statuses.
        outcomes: float64 (n,), on the learning scale, NaN where missing.
    """
    posts, known = features.posts, outcomes[np.isfinite(outcomes)]
    times = posts["posted_at"].dropna() if "posted_at" in posts.columns else pd.Series(dtype="O")
    first, last = (day(times.min()), day(times.max())) if len(times) else (None, None)
    counts = _author_counts(posts)
    quantiles = np.asarray(model.target.to_units(np.quantile(known, MODES))) if len(known) else ()
    return DataCard(
        rows=len(posts),
        labelled=len(known),
        authors=len(counts) or None,
        first=first,
        last=last,
        outcome_quantiles={
            f"{100 * mode:g} %": float(value) for mode, value in zip(MODES, quantiles, strict=False)
        },
        fields=_fields(posts),
        features=_features(model, features.matrix),
        statuses=_statuses(features.status),
        sentences=_sentences(model.target, len(posts), known, counts, first, last),
    )


def day(moment: pd.Timestamp) -> str:
    """Return a moment's day as people write it: `3 May 2024`."""
    return f"{moment.day} {moment.strftime('%B %Y')}"


def _author_counts(posts: pd.DataFrame) -> "pd.Series[int]":
    if "author_id" not in posts.columns:
        return pd.Series(dtype="int64")
    return posts["author_id"].dropna().value_counts()


def _fields(posts: pd.DataFrame) -> tuple[FieldCard, ...]:
    """Return the schema's fields that the table has, then its extra ones."""
    cards = [
        FieldCard(one.name, one.meaning, one.unit, one.known, _missing(posts[one.name]))
        for one in FIELDS
        if one.name in posts.columns
    ]
    extra = [str(name) for name in posts.columns if str(name).startswith(EXTRA_PREFIX)]
    cards += [
        FieldCard(tidy(name, 60), "", "", "post", _missing(posts[name])) for name in sorted(extra)
    ]
    return tuple(cards)


def _missing(column: "pd.Series[Any]") -> float:
    return float(column.isna().mean()) if len(column) else 0.0


def _features(model: "Model", matrix: FeatureMatrix) -> tuple[FeatureCard, ...]:
    names: dict[str, list[str]] = {}
    for name, column in matrix.columns.items():
        names.setdefault(column.modality, []).append(name)
    lacking = np.isnan(matrix.frame.to_numpy()).mean(axis=0) if len(matrix) else None
    place = {str(name): i for i, name in enumerate(matrix.frame.columns)}
    return tuple(
        FeatureCard(
            modality=modality,
            label=MODALITIES.get(modality, modality),
            columns=len(group),
            used=sum(name in model.columns for name in group),
            missing=0.0
            if lacking is None
            else float(np.mean([lacking[place[name]] for name in group])),
            versions={
                maker: version
                for maker, version in sorted(matrix.versions.items())
                if any(name.startswith(f"{maker}__") for name in group)
            },
        )
        for modality, group in names.items()
    )


def _statuses(status: pd.DataFrame) -> dict[str, int]:
    if "status" not in status.columns:
        return {}
    counts = status["status"].value_counts()
    return {str(name): int(counts[name]) for name in sorted(counts.index)}


def _sentences(
    target: "Target",
    rows: int,
    known: Floats,
    counts: "pd.Series[int]",
    first: str | None,
    last: str | None,
) -> tuple[str, ...]:
    told = [
        say(
            "data.rows", rows=whole(rows), labelled=whole(len(known)),
            outcome=target.outcome,
        )
    ]  # fmt: skip
    if len(counts):
        most = whole(int(counts.max()))
        told.append(counted("data.authors", len(counts), authors=whole(len(counts)), most=most))
    else:
        told.append(say("data.noauthors"))
    told.append(say("data.period", first=first, last=last) if first else say("data.noperiod"))
    if len(known):
        low, middle, high = (
            float(target.to_units(value)) for value in np.quantile(known, [0.25, 0.5, 0.75])
        )
        told.append(
            say(
                "data.outcome", low=spread(low, high, target.unit, target.counts),
                median=amount(middle, "", target.counts),
            )
        )  # fmt: skip
    return tuple(told)
