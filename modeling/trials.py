"""One trial of a study: fold by fold, given up where earlier trials were clearly ahead.

Trials are compared on the same folds, so a difference is a difference of parameters. Where a trial
stands is asked at a few rungs, most of them within the first fold, and it goes on only if it is
among the better part of the latest trials that came that far (asynchronous successive halving, Li
et al. 2020, https://arxiv.org/abs/1810.05934). Within a fold, trials are compared at the same
rounds *times* learning rate, since slow learners are behind at the same number of rounds.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from virality.modeling.booster import Curve
from virality.modeling.space import suggest
from virality.modeling.study import sign
from virality.modeling.study_folds import StudyFolds, Values

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import Trial

Floats = npt.NDArray[np.float64]
Turn = Callable[[], AbstractContextManager[None]]

STARTUP = 8
"""Trials drawn at random before the sampler models the space."""

WITHIN = ((0.5, 0.7), (1.0, 0.6), (2.5, 0.6), (5.0, 0.6))
"""Rungs within the first fold: rounds times learning rate, and the share of trials that go on."""

AFTER = {1: 0.5, 3: 0.5}
"""Rungs between folds: how many are done, and the share of trials that go on."""

LEAST_COMPARED = 4

RECENT = 24
"""Trials that one is compared with, the latest that came as far: the sampler gets better, and held
against its first guesses all that it proposes would go on to the end."""

FOLDS_HELD, FOLDS_APART = "folds", "folds_apart"
"""What a finished trial remembers: each fold's score after the common number of rounds, and after
the number that the other folds would have chosen."""


@dataclass(frozen=True)
class Scored:
    """Scores of a trial, lower is better.

    Attributes:
        rounds: trees with the lowest mean error over the folds.
        folds: score of each fold after them.
        apart: score of each fold after as many trees as the *other* folds would choose.
    """

    rounds: int
    folds: tuple[float, ...]
    apart: tuple[float, ...]


def run_trial(
    study: "Study",
    folds: StudyFolds,
    seed: int,
    late: Callable[[], bool] = lambda: False,
    turn: Turn = nullcontext,
) -> None:
    """Run one trial fold by fold.

    The sampler is seeded by how many trials came before, those not counted that a kill or the end
    of the time cut short: a study that was interrupted goes on as it would have without. The number
    is the trial's own, so that no two processes draw alike.

    Args:
        study: opened.
        folds: what trials share.
        seed: of the study.
        late: asked after every tree whether time is up; a trial that it cuts short says nothing
            of its parameters, so it counts as failed and not as given up.
        turn: held until a trial bears the name of its process, see `study.in_turn`.
    """
    import optuna
    from optuna.trial import TrialState

    with turn():
        trial = study.ask()
        sign(trial)
    earlier = [one for one in study.get_trials(deepcopy=False) if one.number < trial.number]
    number = sum(one.state != TrialState.FAIL for one in earlier)
    study.sampler = optuna.samplers.TPESampler(
        seed=seed * 100_003 + number, n_startup_trials=STARTUP, multivariate=False
    )
    params = suggest(trial, folds.room)
    curves = _climb(study, trial, folds, params, late)
    if curves is None:
        study.tell(trial, state=TrialState.FAIL if late() else TrialState.PRUNED)
        return
    scored = score_curves(folds, params, curves)
    trial.set_user_attr(FOLDS_HELD, scored.folds)
    trial.set_user_attr(FOLDS_APART, scored.apart)
    study.tell(trial, float(np.mean(scored.folds)))


def _climb(
    study: "Study", trial: "Trial", folds: StudyFolds, params: Values, late: Callable[[], bool]
) -> list[Curve] | None:
    """Return the curves of all folds, None if the trial was given up on the way."""
    curves: list[Curve] = []
    rate = float(params["learning_rate"])
    rungs = {max(1, round(effort / rate)): rung for rung, (effort, _) in enumerate(WITHIN)}

    def watch(rounds: int, best: float) -> bool:
        if late():
            return False
        if curves or rounds not in rungs:
            return True
        rung = rungs[rounds]
        return _goes_on(study, trial, rung, best, WITHIN[rung][1])

    for number in range(len(folds)):
        curve = folds.fit(number, params, watch)
        curves.append(curve)
        if not curve.whole:
            return None
        done = len(curves)
        if done in AFTER and done < len(folds):
            reached = float(np.mean([one.errors.min() for one in curves]))
            rung = len(WITHIN) - 1 + done
            if not _goes_on(study, trial, rung, reached, AFTER[done]):
                return None
    return curves


def _goes_on(study: "Study", trial: "Trial", rung: int, value: float, share: float) -> bool:
    """Say whether a trial is among the better ones of the latest that came to a rung."""
    from optuna.trial import TrialState

    others = [
        one.intermediate_values[rung]
        for one in study.get_trials(deepcopy=False)
        if rung in one.intermediate_values
        and one.number != trial.number
        and one.state != TrialState.FAIL
    ][-RECENT:]
    trial.report(value, rung)
    if len(others) < LEAST_COMPARED:
        return True
    return value <= float(np.quantile(others, share))


def score_curves(folds: StudyFolds, params: Values, curves: Sequence[Curve]) -> Scored:
    """Return the scores of a trial from its learning curves.

    One number of rounds serves all folds: the best of each fold would be chosen on the very rows
    that it is judged on.
    """
    longest = max(len(curve.errors) for curve in curves)
    padded = np.array(
        [np.pad(curve.errors, (0, longest - len(curve.errors)), mode="edge") for curve in curves]
    )
    rounds = int(padded.mean(axis=0).argmin()) + 1
    held, apart = [], []
    for number, curve in enumerate(curves):
        others = np.delete(padded, number, axis=0)
        chosen = int(others.mean(axis=0).argmin()) + 1 if len(others) else rounds
        held.append(folds.badness(number, params, curve, rounds))
        apart.append(folds.badness(number, params, curve, chosen))
    return Scored(rounds, tuple(held), tuple(apart))


def nested_score(trials: Sequence[Mapping[str, Any]]) -> float | None:
    """Return what choosing the best trial is worth: each fold judges a choice made without it.

    For every fold the trial that is best on the *other* folds is taken, and its score on that fold
    counts: the study's own best score is the minimum over many trials and flatters (Cawley and
    Talbot 2010, https://www.jmlr.org/papers/v11/cawley10a.html). Parameters are still proposed with
    all folds in sight, so an untouched holdout remains the last word.

    Args:
        trials: what finished trials remember (their user attributes).

    Returns:
        The mean over the folds, None with fewer than two trials or folds.
    """
    kept = [one for one in trials if FOLDS_HELD in one and FOLDS_APART in one]
    folds = len(kept[-1][FOLDS_HELD]) if kept else 0
    kept = [one for one in kept if len(one[FOLDS_HELD]) == folds]
    if len(kept) < 2 or folds < 2:
        return None
    held = np.array([one[FOLDS_HELD] for one in kept], dtype=np.float64)
    apart = np.array([one[FOLDS_APART] for one in kept], dtype=np.float64)
    total = held.sum(axis=1, keepdims=True)
    chosen = ((total - held) / (folds - 1)).argmin(axis=0)
    return float(apart[chosen, np.arange(folds)].mean())
