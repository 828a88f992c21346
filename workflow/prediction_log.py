"""Predictions into a log, and reports of what became of the posts."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from virality.data.errors import StorageError
from virality.data.features import Features
from virality.data.log_posts import LEFT_OUT
from virality.data.outcomes import Prediction, RowLayout, stamp
from virality.data.prediction_log import PredictionLog
from virality.data.table import POST_COLUMNS, plain_values

if TYPE_CHECKING:
    from virality.modeling.train import Model
    from virality.workflow.predict import Forecast


def open_log(path: Path, *, must_exist: bool = False) -> PredictionLog:
    """Open a prediction log.

    Args:
        path: of the file, made if it is not there.
        must_exist: refuse if it is not there.

    Raises:
        StorageError: if it cannot be used.
    """
    if must_exist and not path.exists():
        raise StorageError(f"{path}: no prediction log there; make one by `virality predict --log`")
    return PredictionLog(path)


def keep_forecasts(
    log: PredictionLog,
    bundle: str,
    model: "Model",
    features: Features,
    forecasts: Sequence["Forecast"],
    *,
    client: str = "",
    names: Sequence[str] | None = None,
    now: datetime | None = None,
) -> tuple[str, ...]:
    """Keep predictions in a log and return their ids, in order.

    Args:
        log: an open log.
        bundle: hash of the model's bundle, see `modeling.bundle.bundle_hash`.
        model: what predicted.
        features: what it predicted from.
        forecasts: what it said, row by row as the features.
        client: who asked; `""` is the owner.
        names: ids of the posts, if those of the table are not to be used.
        now: when they were made; the clock's time by default.

    Raises:
        StorageError: if they cannot be written.
    """
    if not forecasts:
        return ()
    guess = model.predict(features.matrix, features.posts)
    spread = model.expected_error(features.matrix, features.posts)
    facts = _facts(features.posts)
    inputs = _inputs(features, facts)
    values = features.matrix.frame.to_numpy(dtype=np.float32)
    predictions = [
        Prediction(
            post=names[row] if names else forecast.id,
            input=inputs[row],
            model=bundle,
            target=forecast.target,
            prediction=forecast.prediction,
            low=forecast.low,
            high=forecast.high,
            mean=float(guess.mean[row]),
            mean_low=float(guess.low[row]),
            mean_high=float(guess.high[row]),
            expected_error=float(spread[row]),
            row=values[row],
            facts={name: value for name, value in facts[row].items() if name not in LEFT_OUT},
        )
        for row, forecast in enumerate(forecasts)
    ]
    columns = tuple(features.matrix.columns.values())
    layout = RowLayout(columns, dict(features.matrix.versions))
    return log.record(predictions, layout, client=client, now=now)


def _facts(posts: pd.DataFrame) -> list[dict[str, Any]]:
    """Return what each post is, never how it did, as plain values; what is missing is left out."""
    names = [name for name in POST_COLUMNS if name in posts]
    columns = [[_plain(value) for value in plain_values(posts[name])] for name in names]
    rows = (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return stamp(value)
    return list(value) if isinstance(value, tuple) else value


def _inputs(features: Features, facts: Sequence[dict[str, Any]]) -> list[str]:
    """Return the SHA-256 of what each prediction was made from: the clip's and the post's facts."""
    status = features.status
    clips = status["source_sha256"] if "source_sha256" in status else [None] * len(facts)
    texts = (
        json.dumps([clip if isinstance(clip, str) else "", fact], sort_keys=True)
        for clip, fact in zip(clips, facts, strict=True)
    )
    return [hashlib.sha256(text.encode("utf-8", "replace")).hexdigest() for text in texts]
