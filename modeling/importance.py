"""How much each parameter mattered to a study: PED-ANOVA on its own trials.

Watanabe and others 2023, https://arxiv.org/abs/2304.10255, as optuna has it: how much the best
trials' values of a parameter differ from all trials' values of it.
"""

import logging
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from virality.modeling.tune import TrialRecord, Tuning

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

LEAST_TRIALS = 10
"""Finished trials below which nothing can be said."""

LOGGED = frozenset({"learning_rate", "num_leaves", "min_data_in_leaf", "lambda_l2"})
"""Parameters that are searched on a logarithmic scale, see `space`."""


def parameter_importance(tuning: Tuning) -> Mapping[str, float]:
    """Return each parameter's share of importance, largest first; empty below ten trials.

    Args:
        tuning: a study; lower values are better.
    """
    import optuna
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    done = [
        one
        for one in tuning.trials
        if one.state == "complete" and one.value is not None and math.isfinite(one.value)
    ]
    spaces = _spaces(done)
    if len(done) < LEAST_TRIALS or not spaces or len({one.value for one in done}) < 2:
        return {}
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(logging.WARNING)
    try:
        study = optuna.create_study(direction="minimize")
    finally:
        optuna.logging.set_verbosity(level)
    for one in done:
        params = {name: one.params[name] for name in spaces}
        study.add_trial(
            optuna.trial.create_trial(params=params, distributions=spaces, value=one.value)
        )
    found = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
    total = sum(found.values())
    if not (math.isfinite(total) and total > 0):
        return {}
    shares = {name: float(value / total) for name, value in found.items()}
    return dict(sorted(shares.items(), key=lambda one: (-one[1], one[0])))


def _spaces(trials: Sequence[TrialRecord]) -> dict[str, "BaseDistribution"]:
    """Return the range that the trials have covered of each parameter that all of them set."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    shared = set.intersection(*(set(one.params) for one in trials)) if trials else set()
    spaces: dict[str, Any] = {}
    for name in sorted(shared):
        values = [one.params[name] for one in trials]
        numbers = [float(one) for one in values if not isinstance(one, str)]
        if len(set(values)) < 2:
            continue
        if len(numbers) < len(values) or name == "dims":
            spaces[name] = CategoricalDistribution(sorted(set(values), key=str))
            continue
        low, high = min(numbers), max(numbers)
        log = name in LOGGED and low > 0
        if all(isinstance(one, int) for one in values):
            spaces[name] = IntDistribution(int(low), int(high), log=log)
        else:
            spaces[name] = FloatDistribution(low, high, log=log)
    return spaces
