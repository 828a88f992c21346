"""A small world of posts without clips whose rule can change, for the loop's tests."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from virality.data.features import Features
from virality.data.matrix import Column, FeatureMatrix
from virality.data.outcomes import Outcome
from virality.data.prediction_log import PredictionLog
from virality.data.table import conform
from virality.modeling.train import Model
from virality.workflow.predict import forecast
from virality.workflow.prediction_log import keep_forecasts

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
COLUMNS = {
    name: Column(name, name.split("_")[0], "", "pre")
    for name in ("metadata_author__followers_log10", "text_shape__length", "frames_motion__pace",
                 "audio_loudness__start_db")
}  # fmt: skip


def make_week(week: int, posts: int, *, seed: int = 0, drifted: bool = False) -> Features:
    """Posts of one week, with their features and outcomes.

    After the drift views depend on length the other way round and on loudness no longer.
    """
    rng = np.random.default_rng(1000 * seed + week)
    values = rng.normal(size=(posts, 4)).astype(np.float32)
    followers, length, pace, loud = values.T
    y = 3.5 + 0.4 * followers + (-0.6 if drifted else 0.6) * length + 0.2 * pace
    y = y + (0.0 if drifted else 0.5) * loud + rng.normal(0, 0.15, posts)
    ids = [f"w{week:02d}-{number:03d}" for number in range(posts)]
    times = [BEGIN + timedelta(weeks=week, minutes=10 * number) for number in range(posts)]
    table = {
        "id": ids,
        "author_id": [f"a{number % 20}" for number in range(posts)],
        "posted_at": times,
        "collected_at": [time + timedelta(days=7) for time in times],
        "views": np.maximum(10**y - 1, 0).astype(np.int64),
    }
    frame = pd.DataFrame(values, index=pd.Index(ids, name="id"), columns=list(COLUMNS))
    status = pd.DataFrame({"id": ids, "status": "ok", "reason": "", "detail": "", "seconds": 0.0})
    matrix = FeatureMatrix(frame, COLUMNS, {"text_shape": "1"})
    return Features(matrix, conform(pd.DataFrame(table)), status)


def join_weeks(weeks: list[Features]) -> Features:
    """Several weeks as one."""
    frame = pd.concat([one.matrix.frame for one in weeks])
    frame.index.name = "id"
    matrix = FeatureMatrix(frame, COLUMNS, weeks[0].matrix.versions)
    posts = conform(pd.concat([one.posts for one in weeks], ignore_index=True))
    return Features(matrix, posts, pd.concat([one.status for one in weeks], ignore_index=True))


def predict_week(log: PredictionLog, mark: str, model: Model, week: Features) -> None:
    """Predict a week's posts as they are posted, and report their views seven days later."""
    made = week.posts["posted_at"].max().to_pydatetime()
    names = keep_forecasts(log, mark, model, week, forecast(model, week), now=made)
    views = week.posts["views"].astype(int).tolist()
    later = made + timedelta(days=8)
    outcomes = [
        Outcome(prediction=name, views=count, observed_at=later - timedelta(days=1))
        for name, count in zip(names, views, strict=True)
    ]
    log.feedback_table(outcomes, now=later)
