"""mljar-supervised on train.parquet of a folder -> predictions of test.parquet, in a budget."""

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
    from supervised.automl import AutoML

    train = pd.read_parquet(chosen.folder / "train.parquet")
    asked = pd.read_parquet(chosen.folder / "test.parquet")
    y, fold = train.pop("_y"), train.pop("_fold").to_numpy()
    folds = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in np.unique(fold)]
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        machine = AutoML(
            results_path=f"{scratch}/results", mode="Compete", ml_task="regression",
            eval_metric="mae", total_time_limit=int(chosen.budget), n_jobs=2, explain_level=0,
            validation_strategy={"validation_type": "custom"}, random_state=chosen.seed, verbose=0,
        )  # fmt: skip
        machine.fit(train, y, cv=folds)
        seconds = time.perf_counter() - begin
        said = np.asarray(machine.predict(asked), dtype=np.float64)
        best = str(machine._best_model.get_name())
    np.save(chosen.folder / "mljar.npy", said)
    facts = {"seconds": seconds, "chosen": best}
    (chosen.folder / "mljar.json").write_text(json.dumps(facts), encoding="utf-8")


if __name__ == "__main__":
    main()
