"""CatBoost on the inputs of every fold in a folder -> predictions of what each left out."""

import argparse
import json
import time
from pathlib import Path

import numpy as np


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--params", type=json.loads, required=True)
    chosen = parser.parse_args()
    from catboost import CatBoostRegressor, Pool

    begin = time.process_time()
    for path in sorted(chosen.folder.glob("*.inputs.npz")):
        part = np.load(path)
        model = CatBoostRegressor(**chosen.params, verbose=False, allow_writing_files=False)
        model.fit(
            Pool(part["train_x"], part["train_y"]),
            eval_set=Pool(part["valid_x"], part["valid_y"]),
            use_best_model=True,
        )
        said = np.asarray(model.predict(part["asked_x"]), dtype=np.float64)
        np.save(path.with_name(path.name.replace(".inputs.npz", ".said.npy")), said)
    facts = {"seconds": time.process_time() - begin}
    (chosen.folder / "catboost.json").write_text(json.dumps(facts), encoding="utf-8")


if __name__ == "__main__":
    main()
