"""How far off the baselines are on the very posts that the stack was calibrated on.

They are fitted in each fold on what the bases learned from there, so the model's mean error and
theirs are of the same posts, left out alike.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.splits import Split
from virality.modeling.baselines import fit_baselines
from virality.modeling.intervals import judged_lines
from virality.modeling.oof import Measure, OutOfFold

Floats = npt.NDArray[np.float64]


def rival_errors(
    posts: pd.DataFrame,
    y: Floats,
    folded: OutOfFold,
    splits: Sequence[Split],
    measure: Measure | None = None,
) -> Mapping[str, float]:
    """Return baseline -> its mean absolute error on posts left out, on the learning scale.

    Args:
        posts: the n training posts.
        y: float64 (n,), their outcomes.
        folded: k lines about posts left out, as the bases were judged.
        splits: what posts were left out by.
        measure: for folds to measure outcomes anew by what they learn from.
    """
    lines = judged_lines(folded, splits)
    sizes: dict[str, list[Floats]] = {}
    for number in np.unique(folded.fold[lines]):
        split, mine = splits[number], lines[folded.fold[lines] == number]
        own = y if measure is None else measure(split.train)
        left_out = posts.iloc[folded.row[mine]]
        fitted = fit_baselines(posts.iloc[split.train], own[split.train])
        for name, baseline in fitted.items():
            errors = np.abs(folded.actual[mine] - baseline.predict(left_out))
            sizes.setdefault(name, []).append(errors)
    return {name: float(np.concatenate(parts).mean()) for name, parts in sizes.items()}
