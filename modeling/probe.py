"""What the child process does: load a bundle, predict and explain two posts.

Run as `python -m virality.modeling.probe FOLDER [HASH]`; it ends with status 0 if all went well.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from virality.data.matrix import FeatureMatrix
from virality.modeling.bundle import assemble, read_pieces
from virality.modeling.history import DAY_S
from virality.modeling.train import Model, Predictions

NAMES = ("probe", "probe of a known author")


def try_model(model: Model) -> None:
    """Predict and explain a post of which nothing is known, and a new one of a known author.

    Raises:
        ValueError: if a prediction or its interval is not a number.
    """
    names = list(model.columns)
    values = np.full((2, len(names)), np.nan, dtype=np.float32)
    values[1] = 0.0
    index = pd.Index(NAMES, name="id", dtype=object)
    frame = pd.DataFrame(values, index=index, columns=names)
    matrix, posts = FeatureMatrix(frame, model.columns, model.matrix_versions), _posts(model)
    _check(model.predict(matrix, posts))
    error = model.expected_error(matrix, posts)
    if not (np.isfinite(error).all() and (error > 0).all()):
        raise ValueError("the expected error is not a positive number")
    model.contributions(matrix, posts)


def _posts(model: Model) -> pd.DataFrame:
    history = model.stack.projector.history
    newest = float(history.clock[-1]) + DAY_S if len(history.clock) else 0.0
    known = [
        str(ledger.keys[0]) if len(ledger.keys) else "probe"
        for ledger in (history.authors, history.sounds, history.hashtags)
    ]
    return pd.DataFrame(
        {
            "id": list(NAMES),
            "author_id": [None, known[0]],
            "sound_id": [None, known[1]],
            "hashtags": [(), (known[2],)],
            "posted_at": pd.to_datetime(np.array([np.nan, newest]), unit="s", utc=True),
        }
    )


def _check(made: Predictions) -> None:
    told = [made.mean, made.low, made.high, made.percentile, made.hit_probability]
    told += [values for one in made.together.values() for values in (one.mean, one.low, one.high)]
    if not all(np.isfinite(values).all() for values in told):
        raise ValueError("the prediction is not a number")
    if not ((made.low <= made.mean).all() and (made.mean <= made.high).all()):
        raise ValueError("the prediction is not within its interval")


def main(arguments: list[str]) -> int:
    """Try the bundle named by the first argument, if its hash is the second."""
    path = Path(arguments[0])
    try_model(assemble(read_pieces(path, *arguments[1:2]), path))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
