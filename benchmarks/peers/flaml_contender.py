"""FLAML on train.parquet of a folder -> predictions of test.parquet, within a budget."""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd

ESTIMATORS = ["lgbm", "xgboost", "xgb_limitdepth", "catboost", "rf", "extra_tree"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--budget", type=float, required=True)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    from flaml import AutoML

    train = pd.read_parquet(chosen.folder / "train.parquet")
    asked = pd.read_parquet(chosen.folder / "test.parquet")
    y, fold = train.pop("_y"), train.pop("_fold")
    begin = time.perf_counter()
    machine = AutoML()
    machine.fit(
        train, y, task="regression", metric="mae", time_budget=chosen.budget, n_jobs=2,
        seed=chosen.seed, eval_method="cv", split_type="group", groups=fold.to_numpy(),
        n_splits=int(fold.nunique()), estimator_list=ESTIMATORS, early_stop=False, verbose=0,
    )  # fmt: skip
    seconds = time.perf_counter() - begin
    said = np.asarray(machine.predict(asked), dtype=np.float64)
    np.save(chosen.folder / "flaml.npy", said)
    facts = {"seconds": seconds, "chosen": str(machine.best_estimator)}
    (chosen.folder / "flaml.json").write_text(json.dumps(facts), encoding="utf-8")


if __name__ == "__main__":
    main()
