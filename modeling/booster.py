"""LightGBM and XGBoost behind one small face: fit, predict, exact contributions.

Both are asked for coarse histograms (`max_bin` 63, as good here and faster than 255) and for the
same bytes on every run. Contributions are the libraries' own TreeSHAP (Lundberg et al.,
https://doi.org/10.1038/s42256-019-0138-9), which for a tree model are Shapley values and add up.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from virality.data.errors import BundleError
from virality.modeling.objective import LEAST_OUTCOME, Metric
from virality.modeling.parameters import (
    MAX_BIN,
    OWN_SHARE,
    WATCHED,
    Params,
    lightgbm_params,
    xgboost_params,
)

if TYPE_CHECKING:
    from lightgbm.callback import CallbackEnv

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Library = Literal["lightgbm", "xgboost"]
LIBRARIES: tuple[Library, ...] = ("lightgbm", "xgboost")
Watch = Callable[[int, float], bool]
"""Told a round's number and the lowest error so far; says whether to go on."""

ROUNDS = 600
PATIENCE = 40

_AVERAGES = "\naverage_output\n"
"""A line of LightGBM's own, above the trees of a forest."""

_LEAVES = re.compile(r"^num_leaves=(\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Booster:
    """A fitted tree model, kept as the library's own text.

    Attributes:
        library: who made it.
        text: LightGBM's model text or XGBoost's JSON.
        width: number of input columns.
    """

    library: Library
    text: str = field(repr=False)  # some megabytes in all of a model's
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
        that rows of both libraries sum to `predict`. LightGBM adds up the shares of a forest's
        trees, whose predictions it averages: the sum is divided here.
        """
        if not len(x):  # LightGBM refuses to explain nothing
            return np.zeros((0, self.width + 1))
        model = self._model()
        if self.library == "lightgbm":
            shares = model.predict(x, pred_contrib=True, num_threads=1)
            exact = np.asarray(shares, dtype=np.float64).reshape(len(x), self.width + 1)
            return exact / model.num_trees() if self.averages else exact
        import xgboost

        shares = model.predict(xgboost.DMatrix(x, nthread=1), pred_contribs=True)
        exact = np.asarray(shares, dtype=np.float64).reshape(len(x), self.width + 1)
        rounding = self.predict(x) - exact.sum(axis=1)
        size = np.abs(exact).sum(axis=1, keepdims=True)
        spread = rounding[:, None] * np.abs(exact) / np.maximum(size, 1e-300)
        return np.asarray(exact + spread, dtype=np.float64)

    @property
    def averages(self) -> bool:
        """Whether it is a forest, whose trees are averaged."""
        return self.library == "lightgbm" and _AVERAGES in self.text.partition("\nTree=")[0]

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
        errors: float64 (rounds,), by the metric that was watched.
        model: the live model, to predict after any number of rounds.
        library: who made it.
        whole: False if whoever watched gave up before the error had stopped falling.
    """

    errors: Floats
    model: Any
    library: Library
    whole: bool = True

    def predict(self, x: Singles, rounds: int) -> Floats:
        """Return predictions of the first `rounds` trees; float64 (n,)."""
        rounds = min(rounds, len(self.errors))
        if self.library == "lightgbm":
            values = self.model.predict(x, num_iteration=rounds, num_threads=1)
        else:
            values = self.model.inplace_predict(x, iteration_range=(0, rounds))
        return np.asarray(values, dtype=np.float64)


@dataclass(frozen=True)
class Binned:
    """Rows that are binned once, for any number of fits.

    Attributes:
        library: whose.
        data: the library's own.
        spread: standard deviation of the outcomes.
        centre: their median.
        bins: most of a column.
    """

    library: Library
    data: Any
    spread: float
    centre: float
    bins: int = MAX_BIN


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
    metric: Metric = "rmse",
) -> Curve:
    """Fit until the error on `valid` has not fallen for `patience` rounds."""
    train = bin_rows(x, y, library, weights=weights)
    held = bin_rows(*valid, library, like=train)
    return fit_binned(train, held, params, seed, rounds, patience, threads, metric)


def bin_rows(
    x: Singles,
    y: Floats,
    library: Library = "lightgbm",
    like: Binned | None = None,
    weights: Floats | None = None,
    bins: int = MAX_BIN,
) -> Binned:
    """Return rows binned for a library, by the bins of `like` if there is one."""
    spread, centre = float(y.std()), float(np.median(y))
    if library == "xgboost":
        import xgboost

        reference = None if like is None else like.data
        matrix = xgboost.QuantileDMatrix(
            x, y, weight=weights, max_bin=bins, nthread=1, ref=reference
        )
        return Binned(library, matrix, spread, centre, bins)
    import lightgbm

    options = {
        "max_bin": bins,
        "verbosity": -1,
        "feature_pre_filter": False,
        "deterministic": True,
        "force_col_wise": True,
        "num_threads": 1,
        "min_data_in_bin": 3,
    }
    data = lightgbm.Dataset(
        x, label=y, weight=weights, params=options, free_raw_data=True,
        reference=None if like is None else like.data,
    )  # fmt: skip
    return Binned(library, data.construct(), spread, centre, bins)


def reweighted(rows: Binned, weights: Floats) -> Binned:
    """Return LightGBM's binned rows under other weights, a copy that costs less than binning.

    LightGBM's bins do not depend on weights; XGBoost's do, so that its rows are binned anew.
    """
    data = rows.data.subset(np.arange(rows.data.num_data())).construct()
    return replace(rows, data=data.set_weight(weights))


def fit_binned(
    train: Binned,
    valid: Binned,
    params: Params,
    seed: int,
    rounds: int = ROUNDS,
    patience: int = PATIENCE,
    threads: int = 1,
    metric: Metric = "rmse",
    watch: Watch | None = None,
) -> Curve:
    """Fit on rows that are binned already, with early stopping on others.

    Args:
        train: rows to learn from.
        valid: rows to judge on.
        params: see `parameters.DEFAULTS`.
        seed: of bagging and of the choice of columns.
        rounds: most trees.
        patience: trees without a lower error after which it stops.
        threads: of the library.
        metric: what is judged.
        watch: asked after every tree whether to go on.
    """
    run = _lightgbm_curve if train.library == "lightgbm" else _xgboost_curve
    return run(train, valid, params, seed, rounds, patience, threads, metric, watch)


def _lightgbm_curve(
    train: Binned, valid: Binned, params: Params, seed: int, rounds: int, patience: int,
    threads: int, metric: Metric, watch: Watch | None,
) -> Curve:  # fmt: skip
    import lightgbm
    from lightgbm.callback import EarlyStopException

    errors: list[float] = []
    given_up = [False]

    def record(env: "CallbackEnv") -> None:
        found: Any = env.evaluation_result_list
        errors.append(float(found[0][2]))
        best = int(np.argmin(errors))
        given_up[0] = watch is not None and not watch(len(errors), errors[best])
        if given_up[0] or len(errors) - 1 - best >= patience:
            raise EarlyStopException(env.iteration, found)

    model = lightgbm.train(
        lightgbm_params(params, seed, threads, metric, train.spread) | {"max_bin": train.bins},
        train.data,
        rounds,
        valid_sets=[valid.data],
        callbacks=[record],
    )
    if params.get("forest"):
        _heal(model, train.data)
    return Curve(np.array(errors), model, "lightgbm", not given_up[0])


def _xgboost_curve(
    train: Binned, valid: Binned, params: Params, seed: int, rounds: int, patience: int,
    threads: int, metric: Metric, watch: Watch | None,
) -> Curve:  # fmt: skip
    import xgboost

    given_up = [False]
    name = WATCHED[metric][1]

    class _Recorder(xgboost.callback.TrainingCallback):
        def after_iteration(self, _model: Any, epoch: int, evals_log: Any) -> bool:
            errors = evals_log["valid"][name]
            best = int(np.argmin(errors))
            given_up[0] = watch is not None and not watch(epoch + 1, float(errors[best]))
            return bool(given_up[0] or len(errors) - 1 - best >= patience)

    history: dict[str, dict[str, list[float]]] = {}
    told = xgboost_params(params, seed, threads, metric, train.spread, train.centre)
    model = xgboost.train(
        told | {"max_bin": train.bins},
        train.data,
        rounds,
        evals=[(valid.data, "valid")],
        custom_metric=_missed_share if name == OWN_SHARE else None,
        evals_result=history,
        verbose_eval=False,
        callbacks=[_Recorder()],
    )
    return Curve(np.array(history["valid"][name]), model, "xgboost", not given_up[0])


def _missed_share(predicted: Any, held: Any) -> tuple[str, float]:
    """Return the mean error as a share, as LightGBM counts it: XGBoost's own divides by 0."""
    y = np.asarray(held.get_label(), dtype=np.float64)
    share = np.abs(y - predicted) / np.maximum(np.abs(y), LEAST_OUTCOME)
    return OWN_SHARE, float(share.mean())


def _heal(forest: Any, data: Any) -> None:
    """Let trees without any split say the mean: LightGBM has them say nearly 0, and averages it."""
    mean = float(np.average(data.get_label(), weights=data.get_weight()))
    for number, leaves in enumerate(_LEAVES.findall(forest.model_to_string())):
        if leaves == "1":
            forest.set_leaf_output(number, 0, mean)


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
    rows = bin_rows(x, y, library, weights=weights)
    if library == "lightgbm":
        import lightgbm

        told = lightgbm_params(params, seed, threads, spread=rows.spread)
        model = lightgbm.train(told, rows.data, rounds)
        if params.get("forest"):
            _heal(model, rows.data)
        return Booster(library, model.model_to_string(), x.shape[1])
    import xgboost

    told = xgboost_params(params, seed, threads, spread=rows.spread, centre=rows.centre)
    trees = xgboost.train(told, rows.data, rounds)
    return Booster(library, trees.save_raw("json").decode("utf-8"), x.shape[1])
