"""A small log of predictions, for the tests of the loop."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from virality.data.matrix import Column
from virality.data.outcomes import Prediction, RowLayout
from virality.data.prediction_log import PredictionLog

START = datetime(2026, 5, 1, 12, tzinfo=UTC)
LAYOUT = RowLayout((Column("text_shape__length", "text"), Column("text_shape__words", "text")), {})


def one(post: str = "p0", mean: float = 3.0, **changes: object) -> Prediction:
    """A prediction of a post that was posted at START."""
    facts = {"id": post, "posted_at": "2026-05-01T12:00:00.000Z", "author_id": "a"}
    values: dict[str, object] = {
        "post": post, "input": "i" * 64, "model": "m" * 64, "target": "views",
        "prediction": 10**mean - 1, "low": 10.0, "high": 1e5, "mean": mean, "mean_low": 2.0,
        "mean_high": 4.0, "expected_error": 0.3, "row": np.array([1.5, np.nan], np.float32),
        "facts": facts, **changes,
    }  # fmt: skip
    return Prediction(**values)  # type: ignore[arg-type]


def make_log(path: Path, posts: tuple[str, ...] = ("p0", "p1")) -> PredictionLog:
    """A log with a prediction of each of these posts, made an hour after posting."""
    log = PredictionLog(path)
    log.record([one(post) for post in posts], LAYOUT, now=START + timedelta(hours=1))
    return log
