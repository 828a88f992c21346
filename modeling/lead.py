"""Whether a model says more than a constant, an author's median and followers alone.

Where the features say nothing of the outcome, a model still prefers some hour or some length, for
luck; and one that leads by followers alone still likes some clips. What it said of posts left out,
which its intervals are calibrated on, shows that: its mean error is then that of the baseline.

Suggestions of the report, of `explain` and of the server all ask here.
"""

import numpy as np

from virality.modeling.stack import Stack

LUCK = 0.35
"""Share of the constant's error by which models of noise alone were better at most, times the root
of the posts: 2 % with 300 posts, 1 % with 1,200."""


def unbeaten(stack: Stack) -> str:
    """Return the baseline that the model is no better than by more than luck, `""` if none is.

    Of models that were trained before baselines were left out alike, only the constant is known.
    """
    outcomes = stack.outcomes
    alone = float(np.abs(outcomes - np.median(outcomes)).mean())
    ahead = 1.0 - LUCK / len(outcomes) ** 0.5
    rivals = {"constant": alone, **{n: e for n, e in stack.rivals.items() if n != "constant"}}
    return next((n for n, error in rivals.items() if stack.intervals.constant >= error * ahead), "")
