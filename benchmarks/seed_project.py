"""The original student project's target and models on its own scale, with ours beside them.

Not a benchmark itself. Its formula is a post's views and the responses that they do not explain,
correlations and min-max scale taken over all posts; its models are boosted trees as they come, on a
random split of 80 to 20. The scale is what it was, so that its errors can be read beside ours; see
https://github.com/juanls1/TikTok-Virality-Predictor.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from ours import learn
from tables import SEED, Table, shown

from virality.data.splits import IntArray
from virality.modeling.metrics import mean_with_interval
from virality.modeling.targets import find_target

Floats = npt.NDArray[np.float64]

TITLE = "squared error on the original's min-max scale, all times 1e6"


def original_scale(table: Table) -> tuple[Floats, float, float]:
    """Return the formula of all posts, scaled to 0 to 1 over all of them, and its extremes."""
    target = find_target("seed_virality").settle(table.posts).fit(table.posts)
    points = target.to_units(target.values(table.posts))
    low, high = float(points.min()), float(points.max())
    return (points - low) / (high - low), low, high


def original_errors(table: Table, budget_s: float, width: int) -> list[list[object]]:
    """Return a row for each model: its mean squared error, and against a constant's.

    Args:
        table: of the target `seed_virality`.
        budget_s: of ours.
        width: cells of a row.
    """
    import lightgbm
    import xgboost

    scaled, low, high = original_scale(table)
    order = np.random.default_rng(SEED).permutation(len(scaled))
    cut = round(0.8 * len(order))
    train, test = np.sort(order[:cut]), np.sort(order[cut:])
    values = table.matrix.frame.to_numpy()
    models: dict[str, Any] = {
        "the original's kind: LightGBM": lightgbm.LGBMRegressor(
            random_state=SEED, n_jobs=2, verbose=-1
        ),
        "the original's kind: XGBoost": xgboost.XGBRegressor(random_state=SEED, n_jobs=2),
    }
    said = {
        "virality": _ours(table, train, test, budget_s, low, high),
        "constant": np.full(len(test), scaled[train].mean()),
        "constant, the median": np.full(len(test), float(np.median(scaled[train]))),
    }
    for name, model in models.items():
        said[name] = np.asarray(model.fit(values[train], scaled[train]).predict(values[test]))
    worst = (scaled[test] - said["constant"]) ** 2
    rows: list[list[object]] = []
    for name, guess in said.items():
        square = (scaled[test] - guess) ** 2
        error = mean_with_interval(1e6 * square, table.groups[test], SEED)
        away = mean_with_interval(1e6 * (square - worst), table.groups[test], SEED)
        cells = [f"MSE {shown(error, 1)}", f"less the constant's: {shown(away, 1)}"]
        row: list[object] = [table.title, f"random 20 %, {TITLE}", name, *cells]
        rows.append([*row, *["-"] * (width - len(row))])
    return rows


def _ours(
    table: Table, train: IntArray, test: IntArray, budget_s: float, low: float, high: float
) -> Floats:
    """Return our prediction, learned on the log scale, in the original's."""
    matrix, posts = table.part(train)
    model = learn(matrix, posts, "seed_virality", budget_s=budget_s).model
    points = model.target.to_units(model.predict(*table.part(test)).mean)
    return np.asarray((points - low) / (high - low), dtype=np.float64)
