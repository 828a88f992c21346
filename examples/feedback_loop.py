"""Predict, hear what happened, watch the model, train again.

Run it anywhere: `python examples/feedback_loop.py`. The rule of its made-up posts changes after
training, so the model must notice, and a challenger must take its place.
"""

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from virality.data.features import Features, write_features
from virality.data.matrix import Column, FeatureMatrix
from virality.data.outcomes import Outcome
from virality.data.table import conform
from virality.modeling.bundle import bundle_hash, save_model
from virality.modeling.train import train
from virality.workflow.monitor import judge_log
from virality.workflow.predict import forecast
from virality.workflow.prediction_log import keep_forecasts, open_log
from virality.workflow.retrain import retrain

COLUMNS = {
    name: Column(name, "text") for name in ("text_shape__length", "text_shape__words", "text_x__y")
}


def make_posts(first: int, count: int, slope: float) -> Features:
    """Draw posts whose log views rise by `slope` with the length of the caption."""
    rng = np.random.default_rng(first)
    values = rng.normal(size=(count, len(COLUMNS))).astype(np.float32)
    y = 3 + slope * values[:, 0] + 0.2 * values[:, 1] + rng.normal(0, 0.15, count)
    ids = [f"post-{first + number}" for number in range(count)]
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    posts = pd.DataFrame(
        {
            "id": ids,
            "author_id": [f"a{number % 20}" for number in range(count)],
            "posted_at": [begin + timedelta(hours=first + number) for number in range(count)],
            "views": (10**y).astype(np.int64),
        }
    )
    frame = pd.DataFrame(values, index=pd.Index(ids, name="id"), columns=list(COLUMNS))
    status = pd.DataFrame({"id": ids, "status": "ok", "reason": "", "detail": "", "seconds": 0.0})
    return Features(FeatureMatrix(frame, COLUMNS, {"text_shape": "1"}), conform(posts), status)


def main() -> None:
    """Do one round in a temporary folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        known, later = make_posts(0, 150, slope=0.6), make_posts(150, 120, slope=-0.6)
        write_features(folder / "features", known)
        model = train(known.matrix, known.posts, target="views")
        save_model(model, folder / "model")
        mark = bundle_hash(folder / "model")
        with open_log(folder / "predictions.db") as log:
            names = keep_forecasts(log, mark, model, later, forecast(model, later))
            views = later.posts["views"].astype(int)
            log.feedback_table(
                [Outcome(prediction=one, views=v) for one, v in zip(names, views, strict=True)]
            )
            impossible = log.feedback(Outcome(prediction=names[0], views=10, likes=900))
            print(f"900 likes of 10 views: {impossible.state}, {impossible.reasons[0]}")
            watch = judge_log(log, model, mark, known)
            print(f"advice: {watch.advice}: {watch.reasons[0]}")
        result = retrain(
            folder / "predictions.db", folder / "registry", folder / "features",
            model=folder / "model", trials=2,
        )  # fmt: skip
        print(f"{result.action}: {result.verdict}")


if __name__ == "__main__":
    main()
