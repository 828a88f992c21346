"""The learning curve: how good the same recipe is with half the posts, and with half of those."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from virality.data.matrix import FeatureMatrix
from virality.data.splits import IntArray
from virality.modeling.ground import Split, lay_ground
from virality.modeling.holdout import Ticks
from virality.modeling.metrics import NOTHING, Metric, score, score_differences
from virality.modeling.stack import Progress
from virality.modeling.train import Model

SHARES = (0.125, 0.25, 0.5, 1.0)
LEAST_TO_LEARN = 30


@dataclass(frozen=True)
class Point:
    """Scores after learning from a share of the posts: `rows` of them, the mean over the split."""

    share: float
    rows: int
    metrics: Mapping[str, Metric]

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        scores = {name: metric.as_json() for name, metric in self.metrics.items()}
        return {"share": self.share, "rows": self.rows, "metrics": scores}


@dataclass(frozen=True)
class LearningCurve:
    """Scores by number of posts learned from, all on the same posts.

    Attributes:
        split: how posts are held out.
        points: from few posts to all.
        last_doubling: metric -> score with all posts less that with half of them, paired.
        verdict: one plain sentence.
    """

    split: str
    points: tuple[Point, ...]
    last_doubling: Mapping[str, Metric]
    verdict: str

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "split": self.split,
            "points": [point.as_json() for point in self.points],
            "last_doubling": {name: one.as_json() for name, one in self.last_doubling.items()},
            "verdict": self.verdict,
        }


def learning_curve(
    model: Model,
    matrix: FeatureMatrix,
    posts: pd.DataFrame,
    *,
    split: Split = "temporal",
    seed: int = 0,
    jobs: int = 2,
    progress: Progress | None = None,
) -> LearningCurve:
    """Fit the model's recipe on growing random parts of what a split learns from.

    Each part holds the smaller ones. Shares that leave fewer than 30 posts are left out.

    Args:
        model: whose recipe, target and columns are judged.
        matrix: features.
        posts: table that holds the posts of the matrix and their outcomes.
        split: how posts are held out.
        seed: of folds, of the parts and of the bootstrap.
        jobs: fits at once; the result does not depend on it.
        progress: called with (done, total).

    Raises:
        InputError: if too few posts are labelled, or no split is possible.
        BundleError: if the matrix is not what the model reads.
    """
    ground = lay_ground(model, matrix, posts, split=split, seed=seed, jobs=jobs)
    smallest = min(len(part.train) for part in ground.plan)
    shares = [share for share in SHARES if share == 1.0 or share * smallest >= LEAST_TO_LEARN]
    ticks = Ticks(len(shares) * len(ground.plan), progress)
    points, judged = [], []
    for share in shares:
        part = ground if share == 1.0 else ground.fewer(_chooser(share, seed))
        outcome = part.hold_out(model, ticks, mark="" if share == 1.0 else f" {share}")
        judged.append(ground.judged(outcome))
        units = ground.units(outcome)
        rows = round(float(np.mean([len(one.train) for one in part.plan])))
        points.append(Point(share, rows, score(judged[-1], units, seed)))
    last = score_differences(judged[-2], judged[-1], units, seed) if len(shares) > 1 else {}
    return LearningCurve(ground.split, tuple(points), last, _judge(points, last))


def _chooser(share: float, seed: int) -> Callable[[IntArray], IntArray]:
    def choose(train: IntArray) -> IntArray:
        order = np.random.default_rng(seed).permutation(len(train))
        return np.sort(train[order[: round(share * len(train))]])

    return choose


def _judge(points: list[Point], last: Mapping[str, Metric]) -> str:
    if not last:
        return f"{points[-1].rows:,} posts to learn from are too few for a learning curve."
    gain = last["mae"]
    step = f"From {points[-2].rows:,} to {points[-1].rows:,} posts the mean error"
    low, high = sorted((abs(gain.low), abs(gain.high)))
    if np.isnan(high):
        return f"{step} changed by {gain.value:+.3f}, and one judged post says nothing of chance."
    if high < NOTHING:
        return f"{step} did not change."
    size = f"{abs(gain.value):.3f} ({low:.3f} to {high:.3f})"
    if gain.high < 0:
        return f"{step} fell by {size}: more posts may help further."
    if gain.low > 0:
        return f"{step} rose by {size}: older or other posts do not help."
    interval = f"({gain.low:+.3f} to {gain.high:+.3f})"
    return f"{step} changed by {gain.value:+.3f} {interval}, no more than chance allows."
