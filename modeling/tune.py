"""Search for parameters by an Optuna study -> Tuning, a value.

Selection sees only the oldest 80 % of the posts and judges by author-grouped folds. Blocks and
history are fitted once a fold and every trial reads them, so that a trial costs only its trees;
a fold's binned data is shared by all trials of one block width.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.matrix import FeatureMatrix
from virality.data.splits import oldest, selection_folds
from virality.modeling.blocks import BlockSpec
from virality.modeling.booster import bin_rows, fit_binned
from virality.modeling.inputs import fit_projector, varying
from virality.modeling.provenance import usable_columns
from virality.modeling.recipe import sensible_recipe
from virality.modeling.rows import Rows, arrange, labelled
from virality.modeling.space import first_guess, most_dims, suggest, within_space
from virality.modeling.study import claim_study, open_study, sign, sweep
from virality.modeling.targets import find_target
from virality.modeling.threads import one_blas_thread

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

Floats = npt.NDArray[np.float64]
Progress = Callable[[int, int], None]

LEAST_POSTS = 30
STARTUP = 8
"""Trials drawn at random before the sampler models the space."""


@dataclass(frozen=True)
class TrialRecord:
    """One trial: its value (mean error over folds, lower is better) is None unless complete."""

    number: int
    state: str
    value: float | None
    params: Mapping[str, float | int | str]
    seconds: float | None


@dataclass(frozen=True)
class Tuning:
    """What a study found.

    Attributes:
        target: name of the outcome.
        params: of the best trial.
        value: its root mean squared error on the learning scale, averaged over folds.
        metric: what `value` is.
        trials: every trial, in order.
        seed: of the sampler.
        posts: labelled posts that the study saw.
        notes: sentences for the user.
    """

    target: str
    params: Mapping[str, float | int | str]
    value: float
    metric: str
    trials: tuple[TrialRecord, ...]
    seed: int
    posts: int
    notes: tuple[str, ...] = ()


def tune(
    matrix: FeatureMatrix,
    posts: pd.DataFrame,
    *,
    target: str = "views",
    trials: int = 30,
    timeout_s: float | None = None,
    study: Path,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress | None = None,
    allow_post: bool = False,
    warm: Sequence[Mapping[str, float | int | str]] = (),
) -> Tuning:
    """Run trials until the study has `trials` finished ones, or time is up.

    Args:
        matrix: features.
        posts: table that holds the posts of the matrix and their outcomes.
        target: name of the outcome.
        trials: finished trials that the study shall have, those of earlier runs included.
        timeout_s: seconds after which no trial is started; the first always runs.
        study: journal file, resumed if it is there; several processes may share it.
        seed: of folds, boosters and sampler.
        jobs: trials at once in threads; the result is the same on every run for 1.
        progress: called with (done, total).
        allow_post: use columns known only after posting too.
        warm: parameters of earlier studies, which a new study tries first.

    Raises:
        UsageError: if the study is of another target or other features.
        InputError: if there is too little to learn from.
        StorageError: if the study's file cannot be used.
    """
    known = labelled(matrix, posts, find_target(target), LEAST_POSTS)
    usable = usable_columns(known.matrix, allow_post)
    opened = open_study(study)
    facts = {"target": known.target.name, "features": _digest(matrix, usable.names), "seed": seed}
    claim_study(opened, study, facts)
    seen = oldest(known.posts)
    opened.set_user_attr("posts", len(seen))
    opened.set_user_attr("notes", [usable.sentence] if usable.sentence else [])
    sweep(opened)
    if _finished(opened) < trials:
        rows = arrange(known.matrix, known.posts, usable.names).take(seen)
        y = known.outcomes(seen)
        with one_blas_thread():
            folds = _Folds(rows, y[seen], seed)
            _start(opened, folds.posts, warm)
            _search(opened, folds, trials, timeout_s, seed, jobs, progress)
    elif progress is not None:
        progress(trials, trials)
    return _tuning(opened)


def read_tuning(study: Path) -> Tuning:
    """Return what the study of this file found.

    Raises:
        StorageError: if there is none, it cannot be read or no trial has finished.
    """
    return _tuning(open_study(study, must_exist=True))


class _Folds:
    """Inputs of every fold, fitted once, and their binned datasets by block width."""

    def __init__(self, rows: Rows, y: Floats, seed: int) -> None:
        self.posts = len(rows)
        self.seed = seed
        recipe = self.recipe = sensible_recipe(len(rows), seed)
        spec = BlockSpec(most_dims(len(rows)), recipe.neighbours)
        self._parts = []
        for split in selection_folds(rows.posts, recipe.folds, seed):
            projector, inputs = fit_projector(rows.take(split.train), y[split.train], spec, seed)
            left_out = projector.transform(rows.take(split.test))
            use = varying(inputs.values)
            names = [c.name if c.block else "" for c in inputs.columns]
            self._parts.append((inputs.values, y[split.train], left_out.values, y[split.test], use))
        self._component = np.array([_component(name) for name in names])
        self._binned: dict[tuple[int, int], tuple[Any, Any]] = {}

    def __len__(self) -> int:
        return len(self._parts)

    def error(self, number: int, params: Mapping[str, float | int | str]) -> tuple[float, int]:
        """Return a fold's lowest error and the number of trees it took."""
        train, valid = self._datasets(number, int(params["dims"]))
        inner = {name: value for name, value in params.items() if name != "dims"}
        recipe = self.recipe
        curve = fit_binned(train, valid, inner, self.seed, recipe.rounds, recipe.patience)
        return float(curve.errors.min()), int(curve.errors.argmin()) + 1

    def _datasets(self, number: int, dims: int) -> tuple[Any, Any]:
        key = number, dims
        if key not in self._binned:
            x, y, held, outcome, use = self._parts[number]
            places = np.flatnonzero(use & (self._component <= dims))
            train = bin_rows(np.ascontiguousarray(x[:, places]), y)
            valid = bin_rows(np.ascontiguousarray(held[:, places]), outcome, like=train)
            self._binned[key] = train, valid
        return self._binned[key]


def _component(name: str) -> int:
    """Return which principal component an input is, 0 for everything else."""
    short = name.rpartition("#")[2] if "#" in name else ""
    return int(short[2:]) if short.startswith("pc") else 0


def _start(study: "Study", posts: int, warm: Sequence[Mapping[str, float | int | str]]) -> None:
    """Queue what a new study tries first: what did well before, then the sensible values."""
    if not study.get_trials(deepcopy=False):
        for params in (*(within_space(one, posts) for one in warm), first_guess(posts)):
            study.enqueue_trial(dict(params), skip_if_exists=True)


def _search(
    study: "Study",
    folds: _Folds,
    trials: int,
    timeout_s: float | None,
    seed: int,
    jobs: int,
    progress: Progress | None,
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    end = None if timeout_s is None else time.monotonic() + timeout_s

    def work(_: int) -> None:
        while _finished(study) < trials:
            if end is not None and time.monotonic() > end and _finished(study):
                return
            _run_trial(study, folds, seed)
            if progress is not None:
                progress(min(_finished(study), trials), trials)

    if jobs == 1:
        return work(0)
    for number in range(folds.posts and len(folds)):  # bin before threads share the datasets
        folds.error(number, {**first_guess(folds.posts), "num_leaves": 2, "learning_rate": 1.0})
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        list(pool.map(work, range(jobs)))
    return None


def _run_trial(study: "Study", folds: _Folds, seed: int) -> None:
    """Run one trial fold by fold, stopping where it is worse than the median of earlier ones.

    The sampler is seeded by the trial's number: a study that was interrupted goes on as it would
    have without.
    """
    import optuna
    from optuna.trial import TrialState

    number = len(study.get_trials(deepcopy=False))
    study.sampler = optuna.samplers.TPESampler(
        seed=seed * 100_003 + number, n_startup_trials=STARTUP, multivariate=False
    )
    study.pruner = optuna.pruners.MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=0)
    trial = study.ask()
    sign(trial)
    params = suggest(trial, folds.posts)
    errors: list[float] = []
    for fold in range(len(folds)):
        errors.append(folds.error(fold, params)[0])
        trial.report(float(np.mean(errors)), fold)
        if fold + 1 < len(folds) and trial.should_prune():
            study.tell(trial, state=TrialState.PRUNED)
            return
    study.tell(trial, float(np.mean(errors)))


def _finished(study: "Study") -> int:
    return sum(t.state.name in ("COMPLETE", "PRUNED") for t in study.get_trials(deepcopy=False))


def _digest(matrix: FeatureMatrix, names: tuple[str, ...]) -> str:
    content = json.dumps([list(names), sorted(matrix.versions.items())])
    return hashlib.sha256(content.encode()).hexdigest()


def _tuning(study: "Study") -> Tuning:
    from virality.data.errors import StorageError

    complete = [t for t in study.get_trials(deepcopy=False) if t.state.name == "COMPLETE"]
    if not complete:
        raise StorageError("the study holds no finished trial; give `virality tune` more time")
    best = min(complete, key=lambda trial: (trial.value, trial.number))
    facts = study.user_attrs
    return Tuning(
        target=str(facts["target"]),
        params=dict(best.params),
        value=float(best.value or 0.0),
        metric="root mean squared error on author-grouped folds",
        trials=tuple(_record(trial) for trial in study.get_trials(deepcopy=False)),
        seed=int(facts.get("seed", 0)),
        posts=int(facts.get("posts", 0)),
        notes=tuple(facts.get("notes", ())),
    )


def _record(trial: "FrozenTrial") -> TrialRecord:
    duration = trial.duration
    value = trial.value if trial.state.name == "COMPLETE" else None
    seconds = duration.total_seconds() if duration is not None else None
    return TrialRecord(trial.number, trial.state.name.lower(), value, dict(trial.params), seconds)
