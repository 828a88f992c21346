"""Whether a model says more than one constant for all, as far as its training can tell.

Where the features say nothing of the outcome, a model still prefers some hour or some length, for
luck. What it said of posts left out, which its intervals are calibrated on, shows that: its mean
error is then that of the median.
"""

import numpy as np

from virality.modeling.stack import Stack

LUCK = 0.35
"""Share of the constant's error by which models of noise alone were better at most, times the root
of the posts: 2 % with 300 posts, 1 % with 1,200."""


def leads_constant(stack: Stack) -> bool:
    """Say whether the mean error on posts left out is below the median's by more than luck.

    It compares with no author's median and no followers: an evaluation does.
    """
    outcomes = stack.outcomes
    alone = float(np.abs(outcomes - np.median(outcomes)).mean())
    return bool(stack.intervals.constant < alone * (1.0 - LUCK / len(outcomes) ** 0.5))
