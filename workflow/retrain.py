"""Train again on what has been heard since, and put the new model into use only if it is better."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.errors import InputError, StorageError, UsageError
from virality.data.features import Features, read_features
from virality.data.log_posts import latest_predictions, table_of
from virality.data.matrix import FeatureMatrix
from virality.data.prediction_log import PredictionLog
from virality.data.readings import join_collections
from virality.data.splits import posting_times
from virality.data.table import conform
from virality.workflow.console import Progress
from virality.workflow.monitor import stored_frame
from virality.workflow.prediction_log import open_log

if TYPE_CHECKING:
    from virality.modeling.compare import Comparison
    from virality.modeling.registry import Entry, Registry
    from virality.modeling.train import Model

IntArray = npt.NDArray[np.int64]

LEAST_FRESH = 30
"""New outcomes without which nothing is trained."""

TEST_SHARE, LEAST_TEST = 0.3, 20
"""Share of the new posts, the newest of them, that champion and challenger are judged on."""

WINDOWS = (1.0, 0.5, 0.25)
"""Shares of the posts, the newest ones, that a challenger may learn from, whichever does best."""

LEAST_WINDOW = 100
VALID_SHARE = 0.2


@dataclass(frozen=True)
class Retraining:
    """What became of a retraining.

    Attributes:
        action: `promoted`, `kept` (the challenger was not better) or `waiting` (too few outcomes).
        champion, challenger: hashes of the bundles, None where there is none.
        fresh: posts with an outcome that the champion was not trained on.
        learned: posts that the challenger learned from; judged: those that decided.
        window: share of the posts, the newest, that it learned from.
        comparison: of both, None while waiting.
        verdict: one plain sentence.
        notes: what was left out.
    """

    action: str
    champion: str
    challenger: str | None
    fresh: int
    learned: int
    judged: int
    window: float | None
    comparison: "Comparison | None"
    verdict: str
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return what `retrain --json` prints."""
        compared = None if self.comparison is None else self.comparison.as_json()
        return {**self.__dict__, "comparison": compared, "notes": list(self.notes)}


def retrain(
    log: Path,
    registry: Path,
    features: Path,
    *,
    model: Path | None = None,
    study: Path | None = None,
    trials: int = 8,
    seed: int = 0,
    progress: Progress | None = None,
) -> Retraining:
    """Join feedback to stored features, train a challenger, and promote it if it is better.

    Args:
        log: prediction log.
        registry: folder of bundles, made if it is not there.
        features: posts that the first champion was trained on.
        model: the first champion, for a registry that has none.
        study: study to start the search from, beside the champion's own parameters.
        trials: trials of the search.
        seed: of everything random.
        progress: told `(done, total)`.

    Raises:
        UsageError: if there is no champion and no model was given.
        InputError: if the features are not those of the champion.
        StorageError, BundleError: if something cannot be read or written.
    """
    from virality.modeling.registry import Registry

    held = Registry(registry)
    with held.locked(), open_log(log, must_exist=True) as opened:
        known = read_features(features)
        champion = _champion(held, model, known)
        return retrain_on(
            opened, held, champion, known, warm=_warm(champion, study), trials=trials, seed=seed,
            now=datetime.now(UTC), progress=progress,
        )  # fmt: skip


def roll_back(registry: Path) -> "Entry":
    """Put the bundle into use again that was replaced last.

    Raises:
        InputError: if none was replaced.
        StorageError: if the registry is damaged or cannot be written.
    """
    from virality.modeling.registry import Registry

    if not (registry / "bundles").is_dir():
        raise InputError(f"{registry}: no registry there; `virality retrain` makes one")
    held = Registry(registry)
    with held.locked():
        return held.roll_back(now=datetime.now(UTC))


def _champion(registry: "Registry", model: Path | None, known: Features) -> "Entry":
    """Return the bundle in use; the first one is a copy of the model that is given."""
    entry = registry.in_use()
    if entry is not None:
        return entry
    if model is None:
        raise UsageError(f"{registry.folder}: holds no model yet; give the first one by --model")
    now = datetime.now(UTC)
    entry = registry.adopt(model, known.posts["id"].astype(str), now=now)
    registry.promote(entry.hash, "the first one", now=now)
    return entry


def _warm(champion: "Entry", study: Path | None) -> tuple[dict[str, Any], ...]:
    from virality.modeling.tune import read_tuning

    if study is None:
        return (champion.params,)
    tuning = read_tuning(study)
    complete = [one for one in tuning.trials if one.value is not None]
    best = sorted(complete, key=lambda one: (one.value or 0.0, one.number))[:2]
    return (champion.params, *(dict(one.params) for one in best))


def retrain_on(
    log: PredictionLog,
    registry: "Registry",
    champion: "Entry",
    known: Features,
    *,
    warm: Sequence[dict[str, Any]] = (),
    trials: int = 8,
    seed: int = 0,
    now: datetime,
    progress: Progress | None = None,
) -> Retraining:
    """Do one round of retraining; see `retrain`."""
    from virality.modeling.bundle import load_marked
    from virality.modeling.duel import duel

    registry.check_room()
    model, mark = load_marked(registry.bundle(champion.hash))
    if mark != champion.hash:
        raise StorageError(f"{registry.bundle(champion.hash)}: holds another bundle; restore it")
    data = join(log, known, model)
    fresh = _fresh(data, champion)
    if len(fresh) < LEAST_FRESH:
        return _waiting(champion, len(fresh), data.notes)
    learn, test = _divide(data, fresh)
    window = _window(data, learn, model, seed)
    chosen = _newest(data, learn, window)
    round_ = _Round(data, model.target.name, registry, tuple(warm), trials, seed, progress)
    params, challenger = round_.train(chosen)
    matrix, posts = data.take(test)
    result = duel(model, challenger, matrix, posts, seed=seed)
    better = result.real and result.differences["mae"].value < 0
    if better:  # the newest posts teach most: what goes into use has learned from them too
        everything = np.arange(len(data.posts), dtype=np.int64)
        challenger = round_.refit(_newest(data, everything, window))
    ids = data.posts["id"].astype(str)
    entry = registry.add(challenger, ids, now=now, params=params)
    if better:
        registry.promote(entry.hash, result.verdict, now=now)
    ending = "The challenger is in use now." if better else "The champion stays in use."
    return Retraining(
        "promoted" if better else "kept", champion.hash, entry.hash, len(fresh), len(chosen),
        len(test), window, result, f"{result.verdict} {ending}", data.notes,
    )  # fmt: skip


def _waiting(champion: "Entry", fresh: int, notes: tuple[str, ...]) -> Retraining:
    verdict = (
        f"{fresh} outcome(s) are new, {LEAST_FRESH} are needed to train again; "
        "report what became of predicted posts with `virality feedback`."
    )
    return Retraining("waiting", champion.hash, None, fresh, 0, 0, None, None, verdict, notes)


@dataclass(frozen=True)
class Joined:
    """Labelled posts of the training and of the log, n of them, with their features."""

    matrix: FeatureMatrix
    posts: pd.DataFrame
    notes: tuple[str, ...]

    def take(self, index: IntArray) -> tuple[FeatureMatrix, pd.DataFrame]:
        """Return the features of the posts at these places, and all posts.

        What a post is measured against may stand outside the part that it is in.
        """
        return self.matrix.rows(list(self.posts["id"].iloc[index].astype(str))), self.posts


def join(log: PredictionLog, known: Features, model: "Model") -> Joined:
    """Return all posts with an outcome: those of the training, and those reported to a log.

    Posts that stand in both have the training's features and the newest counts.

    Raises:
        BundleError: if the training's features are not what the model reads.
    """
    model.check_matrix(known.matrix)
    kept = list(latest_predictions(log.predictions()).values())
    reported = table_of(kept, log.reports("accepted")) if kept else known.posts.iloc[:0]
    names = list(model.columns)
    stored = stored_frame(log, kept, names, model.matrix_versions)
    notes = []
    if len(stored) < len(kept):
        lost = len(kept) - len(stored)
        notes.append(f"{lost} predicted post(s) have features of other versions and are left out.")
    ours = set(known.posts["id"].astype(str))
    new = reported[reported["id"].isin(stored.index) & ~reported["id"].isin(ours)]
    old = join_collections(known.posts, reported) if len(reported) else known.posts
    posts = conform(pd.concat([old, new], ignore_index=True)) if len(new) else conform(old)
    before = known.matrix.select(names)
    frame = pd.concat([before.frame, stored.loc[list(new["id"].astype(str))]])
    matrix = replace(before, frame=frame)
    values = model.target.settle(posts).fit(posts).values(posts)
    there = np.flatnonzero(np.isfinite(values)).astype(np.int64)
    labelled = posts.iloc[there].reset_index(drop=True)
    chosen = matrix.rows(list(labelled["id"].astype(str)))
    return Joined(chosen, labelled, tuple(notes))


def _fresh(data: Joined, champion: "Entry") -> IntArray:
    """Return the posts that the champion was not trained on, those with a time of posting."""
    from virality.modeling.registry import mark_post

    seen = set(champion.trained_on)
    new = np.array([mark_post(str(post)) not in seen for post in data.posts["id"]], dtype=bool)
    dated = np.isfinite(posting_times(data.posts))
    return np.flatnonzero(new & dated).astype(np.int64)


def _divide(data: Joined, fresh: IntArray) -> tuple[IntArray, IntArray]:
    """Return what may be learned from, all of it posted before what is judged, and that."""
    times = posting_times(data.posts)
    order = fresh[np.argsort(times[fresh], kind="stable")]
    count = min(max(LEAST_TEST, round(TEST_SHARE * len(fresh))), len(fresh) - 1)
    border = times[order[-count]]
    test = order[times[order] >= border]
    undated = ~np.isfinite(times)
    learn = np.flatnonzero(undated | (times < border))
    return learn.astype(np.int64), np.sort(test).astype(np.int64)


def _newest(data: Joined, index: IntArray, share: float) -> IntArray:
    """Return the newest share of the posts at these places, in order of the table."""
    times = np.nan_to_num(posting_times(data.posts)[index], nan=-np.inf)
    order = index[np.argsort(times, kind="stable")]
    return np.sort(order[len(order) - round(share * len(order)) :])


def _window(data: Joined, learn: IntArray, model: "Model", seed: int) -> float:
    """Return how far back to learn: what errs least on the newest posts of those learned from."""
    from virality.modeling.rows import measured
    from virality.modeling.train import train

    times = np.nan_to_num(posting_times(data.posts)[learn], nan=-np.inf)
    order = learn[np.argsort(times, kind="stable")]
    valid = np.sort(order[len(order) - round(VALID_SHARE * len(order)) :])
    before = np.sort(order[: len(order) - len(valid)])
    shares = [share for share in WINDOWS if share * len(before) >= LEAST_WINDOW]
    if len(shares) < 2:
        return 1.0
    matrix, posts = data.take(valid)
    errors = []
    for share in shares:
        fitted = train(
            *data.take(_newest(data, before, share)), target=model.target.name, seed=seed
        )
        said = fitted.predict(matrix, posts).mean
        errors.append(float(np.nanmean(np.abs(said - measured(fitted.target, matrix, posts)))))
    return shares[int(np.argmin(errors))]


@dataclass(frozen=True)
class _Round:
    """One search and what is fitted by its result."""

    data: Joined
    target: str
    registry: "Registry"
    warm: tuple[dict[str, Any], ...]
    trials: int
    seed: int
    progress: Progress | None

    @property
    def study(self) -> Path:
        """The study of this round."""
        number = len(list((self.registry.folder / "facts").glob("*.json")))
        return self.registry.folder / "studies" / f"{number:04d}.log"

    def train(self, index: IntArray) -> tuple[dict[str, Any], "Model"]:
        """Search, warm-started, and fit on the posts at these places."""
        from virality.modeling.tune import tune

        matrix, posts = self.data.take(index)
        path = self.study
        path.unlink(missing_ok=True)  # of a round that was killed, perhaps of other posts
        tuning = tune(
            matrix, posts, target=self.target, trials=self.trials, study=path, seed=self.seed,
            warm=self.warm, progress=self.progress,
        )  # fmt: skip
        return dict(tuning.params), self.refit(index)

    def refit(self, index: IntArray) -> "Model":
        """Fit on the posts at these places by what the search of this round found."""
        from virality.modeling.train import train
        from virality.modeling.tune import read_tuning

        matrix, posts = self.data.take(index)
        tuning = read_tuning(self.study)
        return train(matrix, posts, tuning=tuning, target=self.target, seed=self.seed)
