"""AutoGluon on train.parquet of a folder -> predictions of test.parquet, within a budget."""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--budget", type=float, required=True)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    from autogluon.tabular import TabularPredictor

    train = pd.read_parquet(chosen.folder / "train.parquet")
    asked = pd.read_parquet(chosen.folder / "test.parquet")
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        predictor = TabularPredictor(
            label="_y", problem_type="regression", eval_metric="mean_absolute_error",
            groups="_fold", path=scratch, verbosity=1,
        )  # fmt: skip
        predictor.fit(
            train, presets="best_quality", time_limit=chosen.budget, dynamic_stacking=False,
            num_cpus=2, num_gpus=0,
            ag_args_ensemble={"fold_fitting_strategy": "sequential_local"},
        )  # fmt: skip
        seconds = time.perf_counter() - begin
        said = predictor.predict(asked).to_numpy(dtype=np.float64)
        best = str(predictor.model_best)
    np.save(chosen.folder / "autogluon.npy", said)
    facts = {"seconds": seconds, "chosen": best}
    (chosen.folder / "autogluon.json").write_text(json.dumps(facts), encoding="utf-8")


if __name__ == "__main__":
    main()
