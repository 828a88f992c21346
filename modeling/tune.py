"""Search for parameters by an Optuna study -> Tuning, a value.

Selection sees only the oldest 80 % of the posts and judges by author-grouped folds and by windows
forward in time, on the metric that the user names. See `study_folds` for what trials share,
`trials` for when one is given up, and `space` for what is varied.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.errors import StorageError, UsageError
from virality.data.matrix import FeatureMatrix
from virality.data.splits import IntArray, dated_enough, oldest, posting_times
from virality.data.validate import FEWEST_TO_TRAIN
from virality.modeling.booster import LIBRARIES, Library
from virality.modeling.categories import category_keys
from virality.modeling.history import author_keys, hashtag_pairs, sound_keys, texts
from virality.modeling.objective import SAID, Metric, find_metric
from virality.modeling.oof import on_sample
from virality.modeling.parameters import Params
from virality.modeling.provenance import usable_columns
from virality.modeling.rows import arrange, labelled
from virality.modeling.space import Room, within_space
from virality.modeling.study import claim_study, in_turn, open_study, queue_again, sweep
from virality.modeling.study_folds import StudyFolds
from virality.modeling.targets import find_target
from virality.modeling.terms import read_documents
from virality.modeling.threads import one_blas_thread
from virality.modeling.trials import Turn, nested_score, run_trial

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

Floats = npt.NDArray[np.float64]
Progress = Callable[[int, int], None]
TrialState = Literal["complete", "pruned", "fail", "running"]

LEAST_POSTS = FEWEST_TO_TRAIN


@dataclass(frozen=True)
class TrialRecord:
    """One trial: its value (mean error over folds, lower is better) is None unless complete."""

    number: int
    state: TrialState
    value: float | None
    params: Mapping[str, float | int | str]
    seconds: float | None


@dataclass(frozen=True)
class Tuning:
    """What a study found.

    Attributes:
        target: name of the outcome.
        params: of the best trial.
        value: its score by the metric, averaged over folds, lower is better.
        metric: what `value` is, in words.
        trials: every trial, in order.
        seed: of the sampler.
        posts: labelled posts that the study saw.
        notes: sentences for the user.
        by_library: library -> parameters of its best trial.
        nested: what choosing among the trials is worth where each fold judges a choice made without
            it (see `trials.nested_score`); None with a single finished trial.
        measure: short name of the metric.
        raw: embeddings were read column by column.
        libraries: those that the study was told to try; empty if left to itself.
    """

    target: str
    params: Mapping[str, float | int | str]
    value: float
    metric: str
    trials: tuple[TrialRecord, ...]
    seed: int
    posts: int
    notes: tuple[str, ...] = ()
    by_library: Mapping[str, Mapping[str, float | int | str]] = field(default_factory=dict)
    nested: float | None = None
    measure: Metric = "rmse"
    raw: bool = False
    libraries: tuple[str, ...] = ()

    @property
    def finished(self) -> tuple[TrialRecord, ...]:
        """Trials that ran to the end or were given up; not those that time or a kill cut short."""
        return tuple(one for one in self.trials if one.state in ("complete", "pruned"))

    @property
    def optimism(self) -> float | None:
        """How much the best trial's score flatters: nested estimate less score."""
        return None if self.nested is None else self.nested - self.value


def tune(
    matrix: FeatureMatrix,
    posts: pd.DataFrame,
    *,
    target: str = "views",
    trials: int = 30,
    timeout_s: float | None = None,
    study: Path | str,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress | None = None,
    allow_post: bool = False,
    metric: str = "",
    libraries: Sequence[Library] | None = None,
    raw: bool = False,
    warm: Sequence[Params] = (),
) -> Tuning:
    """Run trials until the study has `trials` finished ones, or time is up.

    Args:
        matrix: features.
        posts: table that holds the posts of the matrix and their outcomes.
        target: name of the outcome.
        trials: finished trials that the study shall have, those of earlier runs included.
        timeout_s: seconds after which trials are cut short; the first always runs to its end.
        study: journal file, resumed if it is there; several processes may share it.
        seed: of folds, boosters and sampler.
        jobs: trials at once in threads; the result is the same on every run for 1.
        progress: called with (done, total).
        allow_post: use columns known only after posting too.
        metric: `rmse`, `mae`, `mape` or `spearman`; that of the study if it is there, else `rmse`.
        libraries: boosters tried; where None both, and LightGBM alone if `raw`: XGBoost builds
            histograms of all columns, however few a tree may use, and took five times as long.
        raw: read embeddings as they are, column by column, instead of as blocks; slow.
        warm: parameters of earlier studies, which a new study tries first.

    Raises:
        UsageError: if the study is of another target, metric or seed, of other features or posts,
            or there is no such metric or library.
        InputError: if there is too little to learn from.
        StorageError: if the study's file cannot be used.
    """
    known = labelled(matrix, posts, find_target(target), LEAST_POSTS)
    usable = usable_columns(known.matrix, allow_post)
    study = Path(study)
    opened = open_study(study)
    wanted = find_metric(metric or str(opened.user_attrs.get("metric", "rmse")))
    seen = oldest(known.posts)
    y = known.outcomes(seen)[seen]
    facts = {
        "target": known.target.name,
        "features": _digest(matrix, usable.names, raw),
        "rows": _digest_rows(known.posts["id"].iloc[seen], y),
        "values": _digest_values(known.matrix, usable.names, known.posts, seen),
        "metric": wanted,
        "raw": raw,
        "seed": seed,
    }
    with in_turn(study):
        claim_study(opened, study, facts)
        opened.set_user_attr("posts", len(seen))
        if libraries is not None:
            opened.set_user_attr("libraries", list(check_libraries(libraries)))
        opened.set_user_attr("notes", [*filter(None, (usable.sentence, _undated(known.posts)))])
        sweep(opened)
    if _finished(opened) < trials:
        rows = arrange(known.matrix, known.posts, usable.names).take(seen)
        room = Room(
            len(seen), wanted, _libraries(libraries, raw), bool((y >= 0).all()),
            dated_enough(rows.posts), raw, bool(rows.blocks), *_made_of_posts(rows.posts),
        )  # fmt: skip
        with one_blas_thread():
            anew = None if known.measure is None else on_sample(known.measure, seen)
            folds = StudyFolds(rows, y, room, seed, anew)
            turn = partial(in_turn, study)
            with turn():
                _queue(opened, room, warm)
            _search(opened, folds, trials, timeout_s, seed, jobs, progress, turn)
    elif progress is not None:
        progress(trials, trials)
    return _tuning(opened)


def read_tuning(study: Path) -> Tuning:
    """Return what the study of this file found.

    Raises:
        StorageError: if there is none, it cannot be read or no trial has finished.
    """
    return _tuning(open_study(study, must_exist=True))


def _queue(study: "Study", room: Room, warm: Sequence[Params]) -> None:
    """Queue what a new study tries first: what did well before, then the sensible values.

    Of these none is lost where a kill or the end of the time cut it short.
    """
    queue_again(study)
    if not study.get_trials(deepcopy=False):
        for guess in (*(within_space(one, room) for one in warm), *room.first_guesses()):
            study.enqueue_trial(dict(guess), skip_if_exists=True)


def _search(
    study: "Study",
    folds: StudyFolds,
    trials: int,
    timeout_s: float | None,
    seed: int,
    jobs: int,
    progress: Progress | None,
    turn: Turn,
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    end = None if timeout_s is None else time.monotonic() + timeout_s

    def late() -> bool:
        return end is not None and time.monotonic() > end and _complete(study)

    def work(_: int) -> None:
        while _finished(study) < trials:
            if late():
                return
            run_trial(study, folds, seed, late, turn)
            if progress is not None:
                progress(min(_finished(study), trials), trials)

    if jobs == 1:
        return work(0)
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        list(pool.map(work, range(jobs)))
    return None


def _made_of_posts(posts: pd.DataFrame) -> tuple[bool, bool]:
    """Say whether posts have any caption, and any category (sound, place, hashtag)."""
    captions = any(one is not None for one in read_documents(posts))
    return captions, any((keys != "").any() for keys in category_keys(posts).values())


def _undated(posts: pd.DataFrame) -> str:
    """Return a sentence on posts that no study by time can see, empty where there are none."""
    count = int((~np.isfinite(posting_times(posts))).sum())
    if not count or not dated_enough(posts):
        return ""
    return f"{count:,} post(s) without a posting time are left out of the study"


def _finished(study: "Study") -> int:
    return sum(t.state.name in ("COMPLETE", "PRUNED") for t in study.get_trials(deepcopy=False))


def _complete(study: "Study") -> bool:
    return any(t.state.name == "COMPLETE" for t in study.get_trials(deepcopy=False))


def _libraries(asked: Sequence[Library] | None, raw: bool) -> tuple[Library, ...]:
    if asked is None:
        return ("lightgbm",) if raw else LIBRARIES
    return check_libraries(asked)


def check_libraries(names: Sequence[str]) -> tuple[Library, ...]:
    """Return the libraries of these names.

    Raises:
        UsageError: if there is none of that name, or none at all.
    """
    wrong = [name for name in names if name not in LIBRARIES]
    if wrong or not names:
        shown = repr(wrong[0]) if wrong else "given"
        raise UsageError(f"no booster {shown}; choose among {', '.join(LIBRARIES)}")
    return tuple(one for one in LIBRARIES if one in names)


def _digest(matrix: FeatureMatrix, names: tuple[str, ...], raw: bool) -> str:
    content = json.dumps([list(names), sorted(matrix.versions.items()), *(["raw"] if raw else [])])
    return hashlib.sha256(content.encode()).hexdigest()


def _digest_rows(ids: pd.Series, y: npt.NDArray[np.float64]) -> str:
    """Return what stands for the posts and outcomes that a study learns from."""
    digest = hashlib.sha256("\n".join(ids.astype(str)).encode("utf-8", "replace"))
    digest.update(np.round(y, 9).tobytes())
    return digest.hexdigest()


def _digest_values(
    matrix: FeatureMatrix, names: tuple[str, ...], posts: pd.DataFrame, seen: IntArray
) -> str:
    """Return what stands for all that a study reads of its posts beside their outcomes.

    Of the same posts and columns: a table without clips has the columns of picture and sound too.
    """
    values = matrix.frame[list(names)].to_numpy(np.float32)[seen]
    digest = hashlib.sha256(np.ascontiguousarray(values).data)
    read = posts.iloc[seen]
    digest.update(posting_times(read).tobytes())
    tagged, tags = hashtag_pairs(read)
    digest.update(tagged.tobytes())
    for keys in (author_keys(read), sound_keys(read), texts(read, "location"), tags):
        digest.update("\n".join(keys.tolist()).encode("utf-8", "replace"))
    digest.update(repr(read_documents(read)).encode("utf-8", "replace"))
    return digest.hexdigest()


def _tuning(study: "Study") -> Tuning:
    trials = [one for one in study.get_trials(deepcopy=False) if one.state.name != "WAITING"]
    complete = [trial for trial in trials if trial.state.name == "COMPLETE"]
    if not complete:
        raise StorageError("the study holds no finished trial; give `virality tune` more time")
    ranked = sorted(complete, key=lambda trial: (trial.value, trial.number))
    best_of = {str(t.params.get("library", "lightgbm")): dict(t.params) for t in reversed(ranked)}
    facts = study.user_attrs
    measure = find_metric(str(facts.get("metric", "rmse")))
    return Tuning(
        target=str(facts["target"]),
        params=dict(ranked[0].params),
        value=float(ranked[0].value or 0.0),
        metric=f"{SAID[measure]} on author-grouped folds and windows forward in time",
        trials=tuple(_record(trial) for trial in trials),
        seed=int(facts.get("seed", 0)),
        posts=int(facts.get("posts", 0)),
        notes=tuple(facts.get("notes", ())),
        by_library={name: best_of[name] for name in LIBRARIES if name in best_of},
        nested=nested_score([trial.user_attrs for trial in complete]),
        measure=measure,
        raw=bool(facts.get("raw", False)),
        libraries=tuple(facts.get("libraries", ())),
    )


def _record(trial: "FrozenTrial") -> TrialRecord:
    duration = trial.duration
    value = trial.value if trial.state.name == "COMPLETE" else None
    seconds = duration.total_seconds() if duration is not None else None
    state = cast(TrialState, trial.state.name.lower())
    return TrialRecord(trial.number, state, value, dict(trial.params), seconds)
