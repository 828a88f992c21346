"""CPU seconds of LightGBM's trees with histograms by column, beside the same trees by row.

Both ways add up the same numbers in the same order on one thread, so the trees must be the same to
the last digit; a digest of the model says whether they are. Writes `results/histograms.md`.
"""

import hashlib
import time
from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt
from results_table import write_table

from virality.modeling.parameters import lightgbm_params

SHAPES = ((160, 361, 0.3), (800, 361, 0.3), (3_200, 700, 0.3), (20_000, 300, 0.3),
          (200_000, 100, 0.3), (200_000, 100, 1.0))  # fmt: skip
"""Rows, columns, and the share of columns that a tree is shown."""

LEAVES, TREES, REPEATS, SEED = 31, 40, 3, 0


def fit(
    x: npt.NDArray[np.float32], y: npt.NDArray[np.float64], share: float, by_column: bool
) -> Any:
    """Return CPU seconds for all trees, rows binned before, and a digest of them."""
    ours = lightgbm_params({"num_leaves": LEAVES, "feature_fraction": share}, SEED, 1)
    ours |= {"force_col_wise": by_column, "force_row_wise": not by_column}
    data = lightgbm.Dataset(x, y, params=ours).construct()
    begin = time.process_time()
    model = lightgbm.train(ours, data, TREES)
    took = time.process_time() - begin
    trees = model.model_to_string().partition("\nparameters:")[0]
    return took, hashlib.sha256(trees.encode()).hexdigest()


def main() -> None:
    rows = []
    for posts, columns, share in SHAPES:
        draw = np.random.default_rng(SEED)
        x = draw.normal(size=(posts, columns)).astype(np.float32)
        y = x[:, :5].sum(axis=1) + draw.normal(size=posts)
        # In turn, so that what else the machine does falls on both.
        runs = [(fit(x, y, share, True), fit(x, y, share, False)) for _ in range(REPEATS)]
        (column, row), digests = (
            [min(run[way][0] for run in runs) for way in (0, 1)],
            {one[1] for run in runs for one in run},
        )
        same = "yes" if len(digests) == 1 else "NO"
        rows.append([f"{posts:,}", columns, share, column, row, column / row, same])
        print(*rows[-1])
    header = ("rows", "columns", "share a tree is shown", "by column, CPU s", "by row, CPU s",
              "column / row", "same trees")  # fmt: skip
    notes = [
        f"{TREES} trees of {LEAVES} leaves, one thread, least of {REPEATS} runs; binning apart."
    ]
    print(write_table("histograms", "Histograms by column and by row", header, rows, notes))


if __name__ == "__main__":
    main()
