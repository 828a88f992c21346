"""A small made-up corpus as a feature matrix, and models of it, for the tests of reports."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd
from attack_strings import ATTACKS
from matrices import light

from virality.data.features import Features
from virality.data.matrix import Column, FeatureMatrix
from virality.modeling.evaluate import Evaluation, Split, evaluate
from virality.modeling.train import Model, train
from virality.modeling.tune import TrialRecord, Tuning

COLUMNS = (
    Column("frames_motion__cut_rate", "frames", "1/s", "pre", "", "cuts a second"),
    Column("audio_speech__speech_share", "audio", "share", "pre", "", "time in which one speaks"),
    Column("text_shape__has_question", "text", "0/1", "pre", "", "asks a question"),
    Column("metadata_author__followers_log10", "metadata", "log10", "asof", "", "followers"),
    Column("metadata_time__hour_sin", "metadata", "-1 to 1", "pre", "", "hour of the day, sine"),
    Column("frames_layout__sharpness", "frames", "", "pre", "", "sharpness: low when blurred"),
    *(
        Column(f"text_embedding__e_{i}", "text", "", "pre", "text_embedding__sentence", "")
        for i in range(6)
    ),
)


def make_features(
    rows: int = 240, *, seed: int = 0, authors: bool = True, times: bool = True, log: bool = True
) -> Features:
    """Return features of posts whose outcome follows cuts, speech and followers."""
    draw = np.random.default_rng(seed)
    values = draw.normal(size=(rows, len(COLUMNS))).astype(np.float32)
    values[:, 0] = draw.gamma(2.0, 0.6, rows)
    values[:, 1] = draw.uniform(0, 1, rows)
    values[:, 2] = draw.integers(0, 2, rows)
    values[:, 3] = draw.normal(4, 0.8, rows)
    score = 1 + 0.5 * values[:, 0] + 0.8 * values[:, 1] + 0.5 * values[:, 3]
    score = score + 0.2 * values[:, 6] + draw.normal(0, 0.25, rows)
    values[draw.random(rows) < 0.2, 1] = np.nan
    ids = [f"p{i}" for i in range(rows)]
    frame = pd.DataFrame(values, index=pd.Index(ids, name="id"), columns=[c.name for c in COLUMNS])
    versions = dict.fromkeys((c.name.split("__")[0] for c in COLUMNS), "1")
    captions = [ATTACKS[i % len(ATTACKS)] if i % 2 else f"clip {i}" for i in range(rows)]
    table: dict[str, object] = {"id": ids, "caption": captions}
    if authors:
        table["author_id"] = [f"a{i}" for i in draw.integers(0, rows // 6, rows)]
        table["author_followers"] = (10 ** values[:, 3]).astype(np.int64)
    if times:
        table["posted_at"] = pd.date_range("2025-01-01", periods=rows, freq="7h", tz="UTC")
    if log:
        table["views"] = np.maximum(0, 10**score - 1).astype(np.int64)
    else:
        table["popularity"] = score
    posts = pd.DataFrame(table).astype({"id": "string", "caption": "string"})
    status = pd.DataFrame({"id": ids, "status": "ok", "reason": ""})
    return Features(FeatureMatrix(frame, {c.name: c for c in COLUMNS}, versions), posts, status)


def make_tuning(trials: int = 12) -> Tuning:
    """Return a study that got better now and then."""
    errors = np.random.default_rng(1).uniform(0.4, 0.6, trials)
    records = tuple(
        TrialRecord(i, "pruned", None, {"num_leaves": 7}, 1.0)
        if i % 3 == 2
        else TrialRecord(i, "complete", float(error), {"num_leaves": 7}, 1.0)
        for i, error in enumerate(errors)
    )
    best = min(one.value for one in records if one.value is not None)
    return Tuning(
        "views", {"num_leaves": 7}, best, "mean error", records, 0, 200, nested=best + 0.03
    )


@cache
def case(log: bool = True) -> tuple[Model, Features, tuple[Evaluation, ...]]:
    """Return a trained model, its features and its evaluations on every split."""
    features = make_features(log=log)
    target = "views" if log else "popularity"
    with light():
        model = train(features.matrix, features.posts, target=target)
    splits: Sequence[Split] = ("temporal", "author", "random") if log else ("temporal",)
    judged = tuple(
        evaluate(model, features.matrix, features.posts, split=split) for split in splits
    )
    return model, features, judged
