"""What the child process does: load a bundle, predict and explain one empty post.

Run as `python -m virality.modeling.probe FOLDER`; it ends with status 0 if all went well.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from virality.data.matrix import FeatureMatrix
from virality.modeling.bundle import assemble, read_pieces
from virality.modeling.train import Model


def try_model(model: Model) -> None:
    """Predict and explain a post of which nothing is known.

    Raises:
        ValueError: if the prediction is not a number.
    """
    names = list(model.columns)
    empty = np.full((1, len(names)), np.nan, dtype=np.float32)
    index = pd.Index(["probe"], name="id", dtype=object)
    frame = pd.DataFrame(empty, index=index, columns=names)
    matrix = FeatureMatrix(frame, model.columns, model.matrix_versions)
    posts = pd.DataFrame({"id": ["probe"]})
    if not np.isfinite(model.predict(matrix, posts).mean).all():
        raise ValueError("the prediction is not a number")
    model.contributions(matrix, posts)


def main(arguments: list[str]) -> int:
    """Try the bundle named by the first argument."""
    path = Path(arguments[0])
    try_model(assemble(read_pieces(path), path))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
