"""What any model has to beat: a constant, the author's median, and the number of followers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.splits import author_codes

Floats = npt.NDArray[np.float64]
Predictor = Callable[[pd.DataFrame], Floats]


@dataclass(frozen=True)
class Baseline:
    """A baseline fitted on training posts.

    Attributes:
        predict: posts -> float64 (n,), learning scale.
        residuals: ascending residuals on the training posts, behind `hit_probability`.
    """

    predict: Predictor
    residuals: Floats

    def hit_probability(self, predicted: Floats, threshold: float) -> Floats:
        """Return the share of training residuals that would lift each prediction to a hit."""
        below = np.searchsorted(self.residuals, threshold - predicted, side="left")
        return np.asarray(1.0 - below / len(self.residuals), dtype=np.float64)


def fit_baselines(posts: pd.DataFrame, y: Floats) -> Mapping[str, Baseline]:
    """Fit all three on training posts and their outcomes, float64 (n,) on the learning scale."""
    makers = {
        "constant": _constant(y),
        "author_median": _author_median(posts, y),
        "followers": _followers(posts, y),
    }
    return {
        name: Baseline(predict, np.sort(y - predict(posts))) for name, predict in makers.items()
    }


def _constant(y: Floats) -> Predictor:
    median = float(np.median(y))
    return lambda posts: np.full(len(posts), median)


def _author_median(posts: pd.DataFrame, y: Floats) -> Predictor:
    """Return the median of the author's training posts, the overall one for strangers."""
    overall = float(np.median(y))
    codes = author_codes(posts)
    known = codes >= 0
    if not known.any():
        return _constant(y)
    names = posts["author_id"].astype(object)
    medians = pd.Series(y[known]).groupby(names[known].to_numpy()).median()

    def predict(others: pd.DataFrame) -> Floats:
        if "author_id" not in others.columns:
            return np.full(len(others), overall)
        place = medians.index.get_indexer(pd.Index(others["author_id"].astype(object)))
        return np.where(place >= 0, medians.to_numpy()[np.maximum(place, 0)], overall)

    return predict


def _followers(posts: pd.DataFrame, y: Floats) -> Predictor:
    """Return a straight line on log followers; the median where they are unknown."""
    x = _log_followers(posts)
    known = np.isfinite(x)
    median = float(np.median(y))
    if known.sum() < 3 or np.ptp(x[known]) == 0:
        return _constant(y)
    slope, intercept = np.polyfit(x[known], y[known], 1)

    def predict(others: pd.DataFrame) -> Floats:
        z = _log_followers(others)
        return np.where(np.isfinite(z), intercept + slope * np.nan_to_num(z), median)

    return predict


def _log_followers(posts: pd.DataFrame) -> Floats:
    if "author_followers" not in posts.columns:
        return np.full(len(posts), np.nan)
    raw = posts["author_followers"].astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
    return np.log10(1.0 + np.maximum(raw, 0.0))
