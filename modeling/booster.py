"""LightGBM and XGBoost behind one small face: fit, predict, exact contributions.

Both are asked for coarse histograms (`max_bin` 63, as good here and faster than 255) and for the
same bytes on every run. Contributions are the libraries' own TreeSHAP (Lundberg et al.,
https://doi.org/10.1038/s42256-019-0138-9), which for a tree model are Shapley values and add up.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from virality.data.errors import BundleError

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Library = Literal["lightgbm", "xgboost"]
Params = Mapping[str, float | int | str]

MAX_BIN = 63
ROUNDS = 600
PATIENCE = 40

DEFAULTS: Params = {
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.8,
    "lambda_l1": 0.0,
    "lambda_l2": 5.0,
    "path_smooth": 0.0,
}
"""What a booster is when nothing was tuned."""


@dataclass(frozen=True)
class Booster:
    """A fitted tree model, kept as the library's own text.

    Attributes:
        library: who made it.
        text: LightGBM's model text or XGBoost's JSON.
        width: number of input columns.
    """

    library: Library
    text: str
    width: int
    _live: list[Any] = field(default_factory=list, repr=False, compare=False)

    def predict(self, x: Singles) -> Floats:
        """Return predictions, float64 (n,), for float32 (n, width)."""
        model = self._model()
        if self.library == "lightgbm":
            return np.asarray(model.predict(x, num_threads=1), dtype=np.float64)
        return np.asarray(model.inplace_predict(x), dtype=np.float64)

    def contributions(self, x: Singles) -> Floats:
        """Return float64 (n, width + 1): each column's share, and last the baseline.

        XGBoost adds single-precision numbers in two different orders; the rounding between its
        prediction and its contributions (about 1e-6) is spread over the row in proportion, so
        that rows of both libraries sum to `predict`.
        """
        model = self._model()
        if self.library == "lightgbm":
            shares = model.predict(x, pred_contrib=True, num_threads=1)
            return np.asarray(shares, dtype=np.float64).reshape(len(x), self.width + 1)
        import xgboost

        shares = model.predict(xgboost.DMatrix(x, nthread=1), pred_contribs=True)
        exact = np.asarray(shares, dtype=np.float64).reshape(len(x), self.width + 1)
        rounding = self.predict(x) - exact.sum(axis=1)
        size = np.abs(exact).sum(axis=1, keepdims=True)
        spread = rounding[:, None] * np.abs(exact) / np.maximum(size, 1e-300)
        return np.asarray(exact + spread, dtype=np.float64)

    def _model(self) -> Any:
        if not self._live:
            self._live.append(_load(self.library, self.text))
        return self._live[0]


def _load(library: Library, text: str) -> Any:
    """Return the library's live model.

    Raises:
        BundleError: if the library refuses the text.
    """
    try:
        if library == "lightgbm":
            import lightgbm

            return lightgbm.Booster(model_str=text)
        import xgboost

        model = xgboost.Booster({"nthread": 1})
        model.load_model(bytearray(text, "utf-8"))
    except (ValueError, TypeError) as error:  # both libraries' own errors are ValueErrors
        raise BundleError(f"a {library} model cannot be read: {error}; train it again") from error
    return model


@dataclass(frozen=True)
class Curve:
    """Validation error after each round.

    Attributes:
        errors: float64 (rounds,), root mean squared error.
        model: the live model, to predict after any number of rounds.
        library: who made it.
    """

    errors: Floats
    model: Any
    library: Library

    def predict(self, x: Singles, rounds: int) -> Floats:
        """Return predictions of the first `rounds` trees; float64 (n,)."""
        rounds = min(rounds, len(self.errors))
        if self.library == "lightgbm":
            values = self.model.predict(x, num_iteration=rounds, num_threads=1)
        else:
            values = self.model.inplace_predict(x, iteration_range=(0, rounds))
        return np.asarray(values, dtype=np.float64)


def fit_curve(
    library: Library,
    x: Singles,
    y: Floats,
    valid: tuple[Singles, Floats],
    params: Params,
    *,
    seed: int = 0,
    rounds: int = ROUNDS,
    patience: int = PATIENCE,
    threads: int = 1,
    weights: Floats | None = None,
) -> Curve:
    """Fit until the error on `valid` has not fallen for `patience` rounds."""
    if library == "lightgbm":
        train = bin_rows(x, y, weights=weights)
        return fit_binned(
            train, bin_rows(*valid, like=train), params, seed, rounds, patience, threads
        )
    import xgboost

    history: dict[str, dict[str, list[float]]] = {}
    train = xgboost.QuantileDMatrix(x, y, weight=weights, max_bin=MAX_BIN, nthread=threads)
    held = xgboost.QuantileDMatrix(*valid, ref=train, max_bin=MAX_BIN, nthread=threads)
    model = xgboost.train(
        _xgboost_params(params, seed, threads),
        train,
        rounds,
        evals=[(held, "valid")],
        early_stopping_rounds=patience,
        evals_result=history,
        verbose_eval=False,
    )
    return Curve(np.array(history["valid"]["rmse"]), model, "xgboost")


def bin_rows(x: Singles, y: Floats, like: Any = None, weights: Floats | None = None) -> Any:
    """Return a LightGBM dataset, binned once, for any number of fits."""
    import lightgbm

    options = {
        "max_bin": MAX_BIN,
        "verbosity": -1,
        "feature_pre_filter": False,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "min_data_in_bin": 3,
    }
    data = lightgbm.Dataset(
        x, label=y, weight=weights, params=options, reference=like, free_raw_data=True
    )
    return data.construct()


def fit_binned(
    train: Any,
    valid: Any,
    params: Params,
    seed: int,
    rounds: int = ROUNDS,
    patience: int = PATIENCE,
    threads: int = 1,
) -> Curve:
    """Fit LightGBM on a dataset that is binned already, with early stopping on another."""
    import lightgbm

    history: dict[str, dict[str, list[float]]] = {}
    model = lightgbm.train(
        _lightgbm_params(params, seed, threads),
        train,
        rounds,
        valid_sets=[valid],
        callbacks=[
            lightgbm.early_stopping(patience, verbose=False),
            lightgbm.record_evaluation(history),
        ],
    )
    return Curve(np.array(history["valid_0"]["rmse"]), model, "lightgbm")


def fit_booster(
    library: Library,
    x: Singles,
    y: Floats,
    params: Params,
    rounds: int,
    *,
    seed: int = 0,
    threads: int = 1,
    weights: Floats | None = None,
) -> Booster:
    """Fit exactly `rounds` trees on float32 (n, width) and float64 (n,), all rows alike or not."""
    if library == "lightgbm":
        import lightgbm

        rows = bin_rows(x, y, weights=weights)
        model = lightgbm.train(_lightgbm_params(params, seed, threads), rows, rounds)
        return Booster(library, model.model_to_string(), x.shape[1])
    import xgboost

    data = xgboost.QuantileDMatrix(x, y, weight=weights, max_bin=MAX_BIN, nthread=threads)
    trees = xgboost.train(_xgboost_params(params, seed, threads), data, rounds)
    return Booster(library, trees.save_raw("json").decode("utf-8"), x.shape[1])


def _lightgbm_params(params: Params, seed: int, threads: int) -> dict[str, Any]:
    return {
        **DEFAULTS,
        **params,
        "objective": "l2",
        "metric": "rmse",
        "bagging_freq": 1,
        "max_bin": MAX_BIN,
        "min_data_in_bin": 3,
        "feature_pre_filter": False,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": threads,
        "seed": seed,
        "verbosity": -1,
    }


def _xgboost_params(params: Params, seed: int, threads: int) -> dict[str, Any]:
    """Return XGBoost's words for the same model: leaf-wise growth by histograms."""
    merged = {**DEFAULTS, **params}
    return {
        "objective": "reg:squarederror",
        "eval_metric": "rmse",
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
