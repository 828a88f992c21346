"""One set of names for both libraries: LightGBM's, and three of our own."""

from collections.abc import Mapping
from typing import Any

from virality.modeling.objective import Metric

Params = Mapping[str, float | int | str]

MAX_BIN = 63

DEFAULTS: Params = {
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.8,
    "lambda_l1": 0.0,
    "lambda_l2": 5.0,
    "path_smooth": 0.0,
    "loss": "l2",
    "alpha": 0.5,
    "forest": 0,
}
"""What a booster is when nothing was tuned. `alpha` is the quantile of that loss; `forest` is 1 for
LightGBM trees that are averaged instead of added up."""

FOREST_DEFAULTS: Params = {
    "forest": 1,
    "num_leaves": 32,
    "min_data_in_leaf": 5,
    "feature_fraction": 1.0,
    "lambda_l2": 0.0,
}
"""Over `DEFAULTS` for extremely randomised trees (Geurts et al. 2006,
https://doi.org/10.1007/s10994-006-6226-1), each on its own share of the rows. Leaves
say means whatever the metric: medians of so few posts are worse by the mean error too."""

_AVERAGED = {"boosting": "rf", "extra_trees": True, "min_sum_hessian_in_leaf": 0.0}

LIGHTGBM_LOSSES: Mapping[str, str] = {
    "l2": "regression",
    "l1": "regression_l1",
    "huber": "huber",
    "quantile": "quantile",
    "mape": "regression_l1",
}
XGBOOST_LOSSES: Mapping[str, str] = {
    "l2": "reg:squarederror",
    "l1": "reg:absoluteerror",
    "huber": "reg:pseudohubererror",
    "quantile": "reg:quantileerror",
    "mape": "reg:absoluteerror",
}
"""A share of the outcome is an absolute error under weights of rows: `objective.row_weights`."""

OWN_SHARE = "share"
"""Watched in XGBoost in place of its `mape`, which divides by the outcome and so, at times, by 0;
LightGBM's divides by at least 1."""

WATCHED: Mapping[Metric, tuple[str, str]] = {
    "rmse": ("rmse", "rmse"),
    "mae": ("l1", "mae"),
    "mape": ("mape", OWN_SHARE),
    "spearman": ("rmse", "rmse"),
}
"""Metric -> what LightGBM and XGBoost stop early by; ranks change too little from tree to tree."""

HUBER = 0.75
"""Where Huber's loss turns linear, in standard deviations of the outcome."""


def lightgbm_params(
    params: Params, seed: int, threads: int, metric: Metric = "rmse", spread: float = 1.0
) -> dict[str, Any]:
    """Return everything that LightGBM is told.

    Args:
        params: over `DEFAULTS`; names of other libraries and of blocks are not passed on.
        seed: of bagging and of the choice of columns.
        threads: OpenMP threads.
        metric: what early stopping watches.
        spread: standard deviation of the outcome.
    """
    merged = {**DEFAULTS, **{name: v for name, v in params.items() if name in DEFAULTS}}
    loss, alpha = str(merged.pop("loss")), float(merged.pop("alpha"))
    return {
        **(_AVERAGED if merged.pop("forest") else {}),
        **merged,
        "objective": LIGHTGBM_LOSSES[loss],
        "alpha": max(HUBER * spread, 1e-6) if loss == "huber" else alpha,
        "metric": WATCHED[metric][0],
        "bagging_freq": 1,
        "max_bin": MAX_BIN,
        "min_data_in_bin": 3,
        "feature_pre_filter": False,
        "deterministic": True,
        # The same trees to the last bit as row by row, in less time: not all columns are asked.
        "force_col_wise": True,
        "num_threads": threads,
        "seed": seed,
        "verbosity": -1,
    }


def xgboost_params(
    params: Params,
    seed: int,
    threads: int,
    metric: Metric = "rmse",
    spread: float = 1.0,
    centre: float = 0.0,
) -> dict[str, Any]:
    """Return XGBoost's words for the same model: leaf-wise growth by histograms.

    Args:
        params: as in `lightgbm_params`.
        seed: of bagging and of the choice of columns.
        threads: OpenMP threads.
        metric: what early stopping watches.
        spread: standard deviation of the outcome.
        centre: median of the outcome, from which Huber's loss must start: far from all outcomes
            its second derivative is near 0, and no leaf would be heavy enough to split.
    """
    merged = {**DEFAULTS, **params}
    loss = str(merged["loss"])
    own: dict[str, Any] = {
        "huber": {"huber_slope": max(HUBER * spread, 1e-6), "base_score": centre},
        "quantile": {"quantile_alpha": float(merged["alpha"])},
    }.get(loss, {})
    watched = WATCHED[metric][1]
    unknown = {"disable_default_eval_metric": True}
    return {
        **own,
        **(unknown if watched == OWN_SHARE else {"eval_metric": watched}),
        "objective": XGBOOST_LOSSES[loss],
        "tree_method": "hist",
        "grow_policy": "lossguide",
        "max_depth": 0,
        "max_leaves": int(merged["num_leaves"]),
        "max_bin": MAX_BIN,
        "eta": float(merged["learning_rate"]),
        "min_child_weight": float(merged["min_data_in_leaf"]),
        "colsample_bytree": float(merged["feature_fraction"]),
        "subsample": float(merged["bagging_fraction"]),
        "reg_lambda": float(merged["lambda_l2"]),
        "reg_alpha": float(merged["lambda_l1"]),
        "nthread": threads,
        "seed": seed,
        "verbosity": 0,
    }
