"""What is asked for and what is minimised: the user's metric, and the losses boosters learn by.

The two differ: a metric judges finished predictions (Spearman has no gradient), a loss is what
trees can follow. The study searches over losses for the one whose predictions do best by the
metric. A share of the outcome (MAPE) is the absolute error weighted by one over the outcome, so
every library and the mixing weights learn it from weights of rows (de Myttenaere et al. 2016,
https://doi.org/10.1016/j.neucom.2015.12.114).
"""

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from virality.data.errors import UsageError

Floats = npt.NDArray[np.float64]
Metric = Literal["rmse", "mae", "mape", "spearman"]
Loss = Literal["l2", "l1", "huber", "quantile", "mape"]

METRICS: tuple[Metric, ...] = get_args(Metric)
LOSSES: tuple[Loss, ...] = get_args(Loss)

LEAST_OUTCOME = 1.0
"""Outcomes count at least this much in a share: one post near 0 would outweigh all others."""

SAID = {
    "rmse": "root mean squared error",
    "mae": "mean absolute error",
    "mape": "mean absolute error as a share of the outcome",
    "spearman": "1 less Spearman's rank correlation",
}


def find_metric(name: str) -> Metric:
    """Return the metric of this name.

    Raises:
        UsageError: if there is none, naming those that there are.
    """
    for metric in METRICS:
        if metric == name:
            return metric
    raise UsageError(f"no metric {name!r}; choose one of {', '.join(METRICS)}")


def badness(metric: Metric, y: Floats, predicted: Floats) -> float:
    """Return the metric so that lower is better (1 - rho for Spearman).

    Args:
        metric: which one.
        y: float64 (n,), outcomes.
        predicted: float64 (n,).
    """
    if metric == "spearman":
        return 1.0 - _spearman(y, predicted)
    error = np.abs(y - predicted)
    if metric == "rmse":
        return float(np.sqrt(np.mean(error**2)))
    if metric == "mape":
        there = y > 0
        return float(np.mean(error[there] / y[there])) if there.any() else float("nan")
    return float(np.mean(error))


def _spearman(y: Floats, predicted: Floats) -> float:
    from scipy.stats import rankdata

    if np.ptp(y) == 0 or np.ptp(predicted) == 0:
        return 0.0
    return float(np.corrcoef(rankdata(y), rankdata(predicted))[0, 1])


def loss_of(metric: Metric) -> Loss:
    """Return the loss that comes nearest to a metric: the first guess of a study."""
    nearest: dict[Metric, Loss] = {"rmse": "l2", "mae": "l1", "mape": "mape", "spearman": "l2"}
    return nearest[metric]


def row_weights(loss: str, y: Floats, recency: Floats | None = None) -> Floats | None:
    """Return how much each row counts in a loss, float64 (n,) of mean 1; None where all do alike.

    Args:
        loss: which one; a share of the outcome weighs rows by one over it.
        y: float64 (n,), outcomes.
        recency: float64 (n,), weights by age, if newer rows count more.
    """
    weights = np.ones(len(y)) if recency is None else recency
    if loss == "mape":
        weights = weights / np.maximum(np.abs(y), LEAST_OUTCOME)
    elif recency is None:
        return None
    return np.asarray(weights / weights.mean(), dtype=np.float64)


def fading(times: Floats, half_life: float) -> Floats | None:
    """Return weights that halve with age, float64 (n,), None if nothing fades.

    Args:
        times: float64 (n,), seconds; posts without a time count as the oldest.
        half_life: as a share of the span between the oldest and the newest; 0 for no fading.
    """
    known = np.isfinite(times)
    if half_life <= 0 or not known.any() or np.ptp(times[known]) == 0:
        return None
    newest, span = float(times[known].max()), float(np.ptp(times[known]))
    age = (newest - np.where(known, times, newest - span)) / span
    return np.asarray(0.5 ** (age / half_life), dtype=np.float64)
