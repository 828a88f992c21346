"""What the trials of a study say together: the middle of all that cannot be told from the best.

The best of many trials is partly the luckiest, the more so the fewer posts judge it: on tables of
800 posts its parameters did worse on newer posts than no tuning at all. How far a trial is behind
the best one is known with an error, as both were judged on the same folds; those within that error
say what matters by what they share, and chance cancels out between them. With more posts the error
shrinks and the middle comes to the best trial. The idea is the one-standard-error rule (Breiman et
al. 1984, Classification and Regression Trees), with a mean in place of the simplest model.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Value = float | int | str
Values = Mapping[str, Value]

ERRORS = 2.0
"""Standard errors of the mean difference over the folds within which a trial is not told apart."""

CHOICES = ("library", "loss", "dims", "ridge", "near", "terms", "categories", "half_life")
"""Parameters of which one value is chosen; all others are numbers with a middle."""

RATIOS = ("learning_rate", "num_leaves", "min_data_in_leaf", "lambda_l2", "feature_fraction")
"""Numbers whose middle is the geometric one, as the space is searched by their logarithm."""


def undecided(folds: Sequence[Sequence[float]]) -> list[int]:
    """Return the places of the trials that cannot be told from the first.

    Args:
        folds: score of each trial on each fold, lower is better, the best trial first.

    Returns:
        Places in ascending order, 0 always among them; with a single fold no other.
    """
    scores: list[Floats] = [np.asarray(one, dtype=np.float64) for one in folds]
    best, kept = scores[0], [0]
    for place, one in enumerate(scores[1:], start=1):
        if len(one) != len(best) or len(best) < 2:
            continue
        behind = one - best
        error = float(behind.std(ddof=1)) / np.sqrt(len(behind))
        if float(behind.mean()) <= ERRORS * error:
            kept.append(place)
    return kept


def middle(trials: Sequence[Values]) -> dict[str, Value]:
    """Return the middle of several trials' parameters: the commonest choice, the mean number.

    Args:
        trials: parameters, the best trial's first; where choices are equally common the better
            trial's counts. What the best trial does not have is left out, but for the quantile
            that a chosen loss needs.
    """
    found = {name: _middle(name, trials) for name in trials[0] if name != "alpha"}
    if found.get("loss") == "quantile":
        found["alpha"] = _middle("alpha", trials)
    return found


def _middle(name: str, trials: Sequence[Values]) -> Value:
    values = [one[name] for one in trials if name in one]
    if name in CHOICES:
        return Counter(values).most_common(1)[0][0]
    numbers = np.array(values, dtype=np.float64)
    if name in RATIOS and (numbers > 0).all():
        mean = float(np.exp(np.log(numbers).mean()))
    else:
        mean = float(numbers.mean())
    return round(mean) if all(isinstance(one, int) for one in values) else mean
