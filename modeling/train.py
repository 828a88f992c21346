"""Train on all labelled posts -> Model, the value that a bundle holds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.errors import BundleError, InputError
from virality.data.matrix import Column, FeatureMatrix
from virality.data.sentence_versions import say_difference
from virality.data.splits import author_codes, posting_times
from virality.data.validate import FEWEST_TO_TRAIN
from virality.modeling.card import ModelCard
from virality.modeling.families import (
    MOST_ROWS,
    Families,
    find_families,
    gather,
    lead_families,
    spread,
)
from virality.modeling.history import COLD
from virality.modeling.inputs import Inputs
from virality.modeling.learned import NOBODY, Marks, known_marks, marks_of
from virality.modeling.objective import find_metric
from virality.modeling.provenance import usable_columns
from virality.modeling.ratios import Sum, lacking_ratios, log_ratios
from virality.modeling.recipe import Recipe, sensible_recipe, tuned_recipe
from virality.modeling.rows import Rows, arrange, labelled
from virality.modeling.stack import Contributions, Progress, Stack, fit_stack
from virality.modeling.targets import Target, find_target, is_there
from virality.modeling.threads import one_blas_thread
from virality.modeling.tune import Tuning
from virality.modeling.yardsticks import ask_for_earlier

Floats = npt.NDArray[np.float64]

LEAST_POSTS = FEWEST_TO_TRAIN
"""Labelled posts without which nothing can be learned and checked."""

LED_BY = 200
"""Training posts whose contributions decide which member of a family speaks for it."""

LIBRARIES = ("lightgbm", "xgboost", "numpy", "scipy", "optuna")

LICENCES: Mapping[str, str] = {
    "audio_voice": "eGeMAPS features come from openSMILE, which is free for research only",
}
"""Featurizer -> what the user of a model that reads it must know."""


@dataclass(frozen=True)
class Predictions:
    """Predictions of n posts, means and bounds on the learning scale.

    Attributes:
        ids: of the posts, in order.
        mean, low, high: float64 (n,), prediction and its 80 % interval.
        percentile: float64 (n,), standing among the training posts, 0 to 100.
        hit_probability: float64 (n,), chance to be among the top fifth of the training posts.
        together: response -> its prediction and bounds, where those were learned with views.
    """

    ids: tuple[str, ...] = field(repr=False)
    mean: Floats
    low: Floats
    high: Floats
    percentile: Floats
    hit_probability: Floats
    together: Mapping[str, Sum] = field(default_factory=dict)


@dataclass(frozen=True)
class Model:
    """A trained model.

    Attributes:
        target: what it predicts.
        stack: the fitted stack.
        columns: the matrix columns that it reads.
        matrix_versions: featurizer -> version that made those columns.
        card: what a person should know.
        learned: marks of the posts that it learned from or that were there to learn from when it
            was trained, see `modeling.learned`; none where an older bundle does not tell.
    """

    target: Target
    stack: Stack
    columns: Mapping[str, Column]
    matrix_versions: Mapping[str, str]
    card: ModelCard
    learned: Marks = field(default_factory=lambda: NOBODY)

    def __repr__(self) -> str:
        """Say what it is: a cell of a notebook that ends with a model shows one line."""
        bases = ", ".join(base.name for base in self.stack.bases)
        return (
            f"<Model of {self.target.name!r} by {len(self.columns):,} columns of "
            f"{self.card.rows:,} posts; bases: {bases}>"
        )

    @property
    def recipe(self) -> Recipe:
        """How it was fitted."""
        return self.stack.recipe

    def has_learned(self, posts: Iterable[object]) -> npt.NDArray[np.bool_]:
        """Return which posts, named by their ids, it has learned from, bool (n,)."""
        return np.isin(marks_of(posts), self.learned)

    def predict(self, matrix: FeatureMatrix, posts: pd.DataFrame) -> Predictions:
        """Predict posts.

        Raises:
            BundleError: if the matrix was made by other versions of the featurizers.
            InputError: if a row of the matrix has no post.
        """
        rows = self.rows(matrix, posts)
        with one_blas_thread():
            guess, together = self.stack.predict_all(rows)
        floor = self.target.floor
        return Predictions(
            ids=tuple(str(name) for name in matrix.frame.index),
            mean=guess.mean,
            low=np.minimum(np.maximum(guess.low, floor), guess.mean),
            high=guess.high,
            percentile=self.stack.percentile(guess.mean),
            hit_probability=self.stack.hit_probability(guess),
            together=together,
        )

    def expected_error(self, matrix: FeatureMatrix, posts: pd.DataFrame) -> Floats:
        """Return the absolute error expected of each prediction, float64 (n,), learning scale.

        It comes from posts that the model had not seen when it was trained, so that what happens
        later can be held against it.

        Raises:
            BundleError: as `predict`.
        """
        rows = self.rows(matrix, posts)
        with one_blas_thread():
            return self.stack.predict(rows).scale

    def contributions(self, matrix: FeatureMatrix, posts: pd.DataFrame) -> Contributions:
        """Return why: baseline plus row sums are the means of `predict`, asserted.

        Columns that say nearly the same stand together: see `ModelCard.families`. Baseline is the
        average of known authors where most training posts are of such (bundles of earlier versions
        do not tell), else that of strangers.

        Raises:
            BundleError: as `predict`.
        """
        rows = self.rows(matrix, posts)
        with one_blas_thread():
            told = self.stack.contributions(rows, of_known=_mostly_known(self.card.medians))
            return gather(told, self.card.families)

    def informed(self, posts: pd.DataFrame) -> "Model":
        """Return the model with what happened since it was trained in its history.

        Trees and weights stay. Earlier outcomes of authors, sounds and hashtags count these posts
        too, each for posts strictly later than itself.

        Args:
            posts: with posting times and outcomes; those not posted after every training post are
                left out, as they may be among them.

        Raises:
            InputError: if no post has the outcome, or it is measured against earlier posts and
                those of the training are not there.
        """
        if not is_there(self.target, posts):
            raise InputError(
                f"what happened since is asked for, but no post has {self.target.outcome!r}"
            )
        if self.target.relative:
            ask_for_earlier(posts, self.target.name, self.card.rows, self.card.last_posted_at)
        stack, old = self.stack, self.stack.projector
        projector = replace(old, history=old.history.extended(posts, self.target.values(posts)))
        found = log_ratios(posts, [one.name for one in stack.ratios], least=1)
        ratios = tuple(
            one if one.name not in found
            else replace(one, history=one.history.extended(posts, found[one.name]))
            for one in stack.ratios
        )  # fmt: skip
        return replace(self, stack=replace(stack, projector=projector, ratios=ratios))

    def rows(self, matrix: FeatureMatrix, posts: pd.DataFrame) -> Rows:
        """Check that the matrix fits and return what the stack reads."""
        self.check_matrix(matrix)
        return arrange(matrix, posts, tuple(self.columns))

    def check_matrix(self, matrix: FeatureMatrix) -> None:
        """Refuse a matrix of other featurizers or other versions.

        Raises:
            BundleError: naming the featurizer and both versions, or the missing column.
        """
        for featurizer, version in self.matrix_versions.items():
            there = matrix.versions.get(featurizer)
            if there is not None and there != version:
                raise BundleError(say_difference(featurizer, version, there))
        lost = [name for name in self.columns if name not in matrix.columns]
        if lost:
            raise BundleError(
                f"the model reads {len(lost)} column(s) that the features lack, {lost[0]!r} first; "
                "extract with the same featurizers or train again"
            )


def train(
    matrix: FeatureMatrix,
    posts: pd.DataFrame,
    *,
    tuning: Tuning | None = None,
    target: str = "views",
    seed: int = 0,
    allow_post: bool = False,
    adapt: bool = False,
    jobs: int = 2,
    progress: Progress | None = None,
) -> Model:
    """Fit the stack on every labelled post.

    Args:
        matrix: features.
        posts: table that holds the posts of the matrix and their outcomes.
        tuning: a study's result; sensible values for the number of posts if None.
        target: name of the outcome.
        seed: of folds and boosters.
        allow_post: use columns known only after posting too.
        adapt: let the newest posts decide more about the weights of the bases.
        jobs: fits at once; the model does not depend on it.
        progress: called with (done, total).

    Raises:
        InputError: if fewer than 30 posts are labelled, all outcomes are the same, or the target
            is not in the table.
    """
    known = labelled(matrix, posts, find_target(target), LEAST_POSTS)
    chosen, together, y, outcome = known.matrix, known.posts, known.y, known.target
    usable = usable_columns(chosen, allow_post)
    names = usable.names
    rows = arrange(chosen, together, names)
    recipe = choose_recipe(len(y), tuning, seed, adapt)
    ratios = log_ratios(together, outcome.together)
    with one_blas_thread():
        stack = fit_stack(
            rows, y, recipe, jobs=jobs, progress=progress, bar=outcome.bar, ratios=ratios,
            measure=known.measure,
        )  # fmt: skip
    used = {name: matrix.columns[name] for name in names}
    versions = _versions(used, matrix)
    said = (
        usable.sentence,
        _unlabelled(len(matrix) - len(y), outcome),
        *lacking_ratios(outcome.together, ratios, stack.ratios),
    )
    notes = tuple(filter(None, said))
    lacking = len(matrix) - len(y)
    with one_blas_thread():
        inputs = stack.projector.transform(rows.take(spread(len(rows), MOST_ROWS)))
        usual = {**_medians(rows), **_usual_history(inputs)}
        told = usual, _families(stack, rows, inputs, _mostly_known(usual))
    card = _card(
        outcome, stack, together, y, used, versions, tuning, notes, lacking, told, _views(rows)
    )
    return Model(outcome, stack, used, versions, card, known_marks(together["id"]))


def choose_recipe(posts: int, tuning: Tuning | None, seed: int, adapt: bool = False) -> Recipe:
    """Return the recipe of a study, or what is sensible for so many posts without one."""
    if tuning is None:
        return replace(sensible_recipe(posts, seed), adapt=adapt)
    recipe = tuned_recipe(
        posts, tuning.params, seed, by_library=tuning.by_library,
        metric=find_metric(tuning.measure), raw=tuning.raw,
    )  # fmt: skip
    return replace(recipe, adapt=adapt)


def _versions(used: Mapping[str, Column], matrix: FeatureMatrix) -> dict[str, str]:
    """Return the versions of the featurizers that made these columns."""
    makers = {name.split("__")[0] for name in used}
    return {name: version for name, version in matrix.versions.items() if name in makers}


def _unlabelled(count: int, target: Target) -> str:
    return f"{count} post(s) without {target.outcome!r} were left out of training" if count else ""


def _card(
    target: Target,
    stack: Stack,
    posts: pd.DataFrame,
    y: Floats,
    used: Mapping[str, Column],
    versions: Mapping[str, str],
    tuning: Tuning | None,
    notes: tuple[str, ...],
    unlabelled: int,
    told: tuple[Mapping[str, float], Families],
    views: int,
) -> ModelCard:
    from importlib.metadata import version

    times = posting_times(posts)
    modalities = [column.modality for column in used.values()]
    names = [base.name for base in stack.bases]
    return ModelCard(
        medians=told[0],
        families=told[1],
        views=views,
        target=target.name,
        unit=target.unit,
        scale=target.scale,
        rows=len(y),
        unlabelled=unlabelled,
        authors=int(author_codes(posts).max(initial=-1)) + 1,
        first_posted_at=_iso(np.fmin.reduce(times)),
        last_posted_at=_iso(np.fmax.reduce(times)),
        features=tuple(used),
        features_by_modality={m: modalities.count(m) for m in dict.fromkeys(modalities)},
        weights=dict(zip(names, stack.cold.values.tolist(), strict=True)),
        weights_known_authors=dict(zip(names, stack.warm.values.tolist(), strict=True)),
        params=stack.recipe.as_json(),
        libraries={name: version(_distribution(name)) for name in LIBRARIES},
        featurizers=dict(versions),
        seed=stack.recipe.seed,
        hit_threshold=float(target.to_units(stack.hit_threshold)),
        training_median=float(target.to_units(float(np.median(y)))),
        tuned=tuning is not None,
        trials=len(tuning.finished) if tuning else 0,
        tried_libraries=tuning.libraries if tuning else (),
        small_recipe=stack.recipe.small,
        notes=notes,
        licences=tuple(text for name, text in LICENCES.items() if name in versions),
    )


def _views(rows: Rows) -> int:
    """Return how many views a post has; posts without a clip have none."""
    if rows.views is None or not len(rows.views.owner):
        return 0
    return int(np.bincount(rows.views.owner).max())


def _medians(rows: Rows) -> dict[str, float]:
    """Return the usual value of every column that any training post has."""
    present: npt.NDArray[np.bool_] = np.asarray(np.isfinite(rows.plain).any(axis=0))
    middles = np.nanmedian(rows.plain[:, present], axis=0)
    names = [column.name for column, there in zip(rows.columns, present, strict=True) if there]
    return dict(zip(names, map(float, middles), strict=True))


def _usual_history(inputs: Inputs) -> dict[str, float]:
    """Return the usual value of every column of history that any post of a sample has."""
    names = [column.name for column in inputs.columns if column.modality == "history"]
    there = [name for name in names if np.isfinite(inputs.column(name)).any()]
    return {name: float(np.nanmedian(inputs.column(name))) for name in there}


def _mostly_known(usual: Mapping[str, float]) -> bool:
    """Tell whether the usual post is of an author who has earlier ones."""
    return usual.get(COLD, 1.0) < 0.5


def _families(stack: Stack, rows: Rows, inputs: Inputs, of_known: bool) -> Families:
    """Return columns that say nearly the same, led by the one that moves most posts of a sample."""
    columns = {column.name: column for column in inputs.columns if not column.block}
    plain = [number for number, column in enumerate(inputs.columns) if not column.block]
    families = find_families(pd.DataFrame(inputs.values[:, plain], columns=list(columns)), columns)
    told = stack.contributions(rows.take(spread(len(rows), LED_BY)), of_known=of_known)
    return lead_families(told, families)


def _distribution(library: str) -> str:
    return {"xgboost": "xgboost-cpu"}.get(library, library)


def _iso(seconds: float) -> str:
    return pd.Timestamp(seconds, unit="s", tz="UTC").isoformat() if np.isfinite(seconds) else ""
