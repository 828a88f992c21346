"""From which outcome on a post counts as a hit."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

HITS = 0.2
"""Share of the training posts that count as hits."""

TIED = 0.05
"""Share by which ties may add to them before another bar is looked for."""


def top_bar(outcomes: Floats) -> float:
    """Return the outcome from which a post is among the top fifth, `HITS` of the posts.

    It is an outcome that a post had: a quantile between zeros and fives would be read as 0.
    Where so many outcomes are tied that the quantile would make hits of many more, it is the
    outcome reached by the share that comes nearest.

    Args:
        outcomes: ascending, float64 (n,).
    """
    bar = float(outcomes[np.searchsorted(outcomes, np.quantile(outcomes, 1.0 - HITS))])
    if np.mean(outcomes >= bar) <= HITS + TIED:
        return bar
    different, first = np.unique(outcomes, return_index=True)
    share = 1.0 - first / len(outcomes)
    return float(different[int(np.argmin(np.abs(share - HITS)))])
