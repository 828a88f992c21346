"""Train again on what has been heard since, and put the new model into use only if it is better."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from virality.data.errors import InputError, StorageError, UsageError
from virality.data.features import Features, read_features
from virality.data.prediction_log import PredictionLog
from virality.data.words import agreeing, counted
from virality.workflow.console import Progress
from virality.workflow.joining import (
    IntArray,
    Joined,
    differing,
    divide,
    fresh_posts,
    join,
    untried,
)
from virality.workflow.monitor import telling
from virality.workflow.prediction_log import open_log

if TYPE_CHECKING:
    from virality.modeling.compare import Comparison
    from virality.modeling.registry import Entry, Registry
    from virality.modeling.train import Model

LEAST_FRESH = 30
"""New outcomes without which nothing is trained."""

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
    again: bool = False,
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
        again: search although a challenger was tried with these outcomes and was not better.
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
            again=again, now=datetime.now(UTC), progress=progress,
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
    from virality.modeling.bundle import load_model

    entry = registry.in_use()
    if entry is not None:
        return entry
    if model is None:
        raise UsageError(f"{registry.folder}: holds no model yet; give the first one by --model")
    now = datetime.now(UTC)
    fitted, ids = load_model(model), known.posts["id"].astype(str)
    learned = ids[fitted.has_learned(ids)] if len(fitted.learned) else ids
    entry = registry.adopt(model, learned, now=now)
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
    again: bool = False,
    now: datetime,
    progress: Progress | None = None,
) -> Retraining:
    """Do one round of retraining; see `retrain`."""
    from virality.modeling.bundle import load_marked
    from virality.modeling.duel import duel
    from virality.modeling.learned import known_marks
    from virality.modeling.train import LEAST_POSTS

    registry.check_room()
    model, mark = load_marked(registry.bundle(champion.hash))
    if mark != champion.hash:
        raise StorageError(f"{registry.bundle(champion.hash)}: holds another bundle; restore it")
    data = join(log, known, model)
    fresh = fresh_posts(data, champion, model)
    notes = (*data.notes, *differing(data, fresh, known, model))
    if len(fresh) < LEAST_FRESH:
        return _waiting(champion, len(fresh), notes, _too_few(len(fresh), log.path))
    since = untried(data, fresh, registry.tried(champion.hash))
    if since < LEAST_FRESH and not again:
        return _waiting(champion, len(fresh), notes, _tried(len(fresh), since))
    learn, test = divide(data, fresh)
    if len(learn) < LEAST_POSTS:
        return _waiting(champion, len(fresh), notes, _nothing_before(len(learn), LEAST_POSTS))
    options = Options.of(model)
    window = _window(data, learn, options, seed)
    chosen = data.newest(learn, window)
    round_ = _Round(data, options, registry, tuple(warm), trials, seed, progress)
    params, challenger = round_.train(chosen)
    matrix, posts = data.take(test)
    result = duel(model, challenger, matrix, posts, seed=seed)
    better = result.real and result.differences["mae"].value < 0
    ids = data.posts["id"].astype(str)
    if better:  # the newest posts teach most: what goes into use has learned from them too
        everything = np.arange(len(ids), dtype=np.int64)
        challenger = round_.refit(data.newest(everything, window))
        # What it left for newer posts is not new to it either: nobody should train again for that.
        challenger = replace(challenger, learned=known_marks(ids))
    entry = registry.add(
        challenger, ids if better else ids.iloc[chosen], now=now, params=params,
        against="" if better else champion.hash, tried_with=() if better else ids.iloc[fresh],
    )  # fmt: skip
    if better:
        registry.promote(entry.hash, result.verdict, now=now)
    ending = "The challenger is in use now." if better else "The champion stays in use."
    return Retraining(
        "promoted" if better else "kept", champion.hash, entry.hash, len(fresh), len(chosen),
        len(test), window, result, f"{result.verdict} {ending}", notes,
    )  # fmt: skip


def _waiting(champion: "Entry", fresh: int, notes: tuple[str, ...], why: str) -> Retraining:
    return Retraining("waiting", champion.hash, None, fresh, 0, 0, None, None, why, notes)


def _too_few(fresh: int, log: Path) -> str:
    are = agreeing(fresh, "is", "are")
    return (
        f"{counted(fresh, 'outcome')} {are} new, {LEAST_FRESH} are needed to train again; "
        f"report what became of predicted posts with `{telling(log)}`."
    )


def _tried(fresh: int, since: int) -> str:
    """Say why nothing is searched for: asked often enough, chance would call something better."""
    have = agreeing(since, "has", "have")
    return (
        f"a challenger was tried with {fresh - since:,} of the {counted(fresh, 'new outcome')} and "
        f"was not better; {since:,} {have} come since, {LEAST_FRESH} are needed to try another. "
        "`--again` tries now."
    )


def _nothing_before(learn: int, least: int) -> str:
    are = agreeing(learn, "is", "are")
    return (
        f"{counted(learn, 'post')} with an outcome {are} known to have been posted before those to "
        f"judge by, {least} are needed to learn from; give the training posts' `posted_at`."
    )


@dataclass(frozen=True)
class Options:
    """What a challenger takes over from the champion.

    Attributes:
        target: name of the outcome.
        metric, raw: of the study, see `modeling.tune.tune`.
        allow_post: whether columns known only after posting are used.
        adapt: whether the newest posts have more say in the weights of the bases.
        libraries: those that the study was told to try, none if it was left to itself.
    """

    target: str
    metric: str
    raw: bool
    allow_post: bool
    adapt: bool
    libraries: tuple[str, ...] = ()

    @classmethod
    def of(cls, model: "Model") -> "Options":
        """Return those of a model."""
        recipe = model.recipe
        late = any(column.known == "post" for column in model.columns.values())
        tried = model.card.tried_libraries
        return cls(model.target.name, recipe.metric, recipe.raw, late, recipe.adapt, tried)


def _window(data: Joined, learn: IntArray, options: Options, seed: int) -> float:
    """Return how far back to learn: what errs least on the newest posts of those learned from."""
    from virality.modeling.rows import measured
    from virality.modeling.train import train

    order = data.in_order(learn)
    valid = np.sort(order[len(order) - round(VALID_SHARE * len(order)) :])
    before = np.sort(order[: len(order) - len(valid)])
    shares = [share for share in WINDOWS if share * len(before) >= LEAST_WINDOW]
    if len(shares) < 2:
        return 1.0
    matrix, posts = data.take(valid)
    errors = []
    for share in shares:
        fitted = train(
            *data.take(data.newest(before, share)), target=options.target, seed=seed,
            allow_post=options.allow_post, adapt=options.adapt,
        )  # fmt: skip
        said = fitted.predict(matrix, posts).mean
        errors.append(float(np.nanmean(np.abs(said - measured(fitted.target, matrix, posts)))))
    return shares[int(np.argmin(errors))]


@dataclass(frozen=True)
class _Round:
    """One search and what is fitted by its result."""

    data: Joined
    options: Options
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
        from virality.modeling.tune import check_libraries, tune

        matrix, posts = self.data.take(index)
        path = self.study
        path.unlink(missing_ok=True)  # of a round that was killed, perhaps of other posts
        wanted = self.options
        tuning = tune(
            matrix, posts, target=wanted.target, trials=self.trials, study=path, seed=self.seed,
            warm=self.warm, progress=self.progress, allow_post=wanted.allow_post,
            metric=wanted.metric, raw=wanted.raw,
            libraries=check_libraries(wanted.libraries) if wanted.libraries else None,
        )  # fmt: skip
        return dict(tuning.params), self.refit(index)

    def refit(self, index: IntArray) -> "Model":
        """Fit on the posts at these places by what the search of this round found."""
        from virality.modeling.train import train
        from virality.modeling.tune import read_tuning

        matrix, posts = self.data.take(index)
        tuning = read_tuning(self.study)
        wanted = self.options
        return train(
            matrix, posts, tuning=tuning, target=wanted.target, seed=self.seed,
            allow_post=wanted.allow_post, adapt=wanted.adapt,
        )  # fmt: skip
