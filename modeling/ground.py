"""The ground that models are judged on: which posts are held out, by which split."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data import splits
from virality.data.errors import UsageError
from virality.data.matrix import FeatureMatrix
from virality.data.splits import IntArray
from virality.modeling.holdout import Outcome, Ticks, hold_out
from virality.modeling.metrics import Judged
from virality.modeling.rows import Labelled, Rows, labelled
from virality.modeling.targets import Target
from virality.modeling.threads import one_blas_thread
from virality.modeling.train import Model

Floats = npt.NDArray[np.float64]
Split = Literal["temporal", "rolling", "author", "random"]

LEAST_POSTS = 20
LEAST_TO_LEARN = 10
FOLDS = 5


@dataclass(frozen=True)
class Ground:
    """Labelled posts and how they are held out.

    Attributes:
        known: the n labelled posts.
        split: the split in use, which need not be the one asked for.
        plan: what is learned from and judged, part by part.
        outcomes: part by part, float64 (n,) on the learning scale. They differ between parts where
            the target has weights or bars, which are learned from the training posts of a part.
        notes: what to say about the split.
        seed: of folds.
        jobs: fits at once.
    """

    known: Labelled
    split: Split
    plan: tuple[splits.Split, ...]
    outcomes: tuple[Floats, ...]
    notes: tuple[str, ...]
    seed: int
    jobs: int

    @property
    def target(self) -> Target:
        """What is predicted."""
        return self.known.target

    @property
    def matrix(self) -> FeatureMatrix:
        """Features of the n labelled posts."""
        return self.known.matrix

    @property
    def posts(self) -> pd.DataFrame:
        """Those posts, in the order of the matrix."""
        return self.known.posts

    def hold_out(
        self, model: Model, ticks: Ticks, *, rows: Rows | None = None, mark: str = ""
    ) -> Outcome:
        """Fit the recipe of a model inside the split and predict what is held out.

        Args:
            model: whose recipe and columns are judged.
            ticks: counts fits.
            rows: other inputs for the same posts; the model's own by default.
            mark: tells plans of one split apart.
        """
        inputs = model.rows(self.matrix, self.posts) if rows is None else rows
        key = (f"{self.split}{mark}", self.seed)
        with one_blas_thread():
            return hold_out(
                inputs, self.outcomes, model.recipe, self.plan, key, self.jobs, ticks,
                self.target.bar, self.target.together,
                self.target if self.target.by_author else None,
            )  # fmt: skip

    def judged(self, outcome: Outcome) -> Judged:
        """Return what is scored."""
        target = self.target
        return Judged(
            outcome.actual, outcome.mean, outcome.hit, outcome.probability, target.log, target.ratio
        )

    def units(self, outcome: Outcome) -> IntArray:
        """Return which judged posts a bootstrap draws together; see `splits.resampling_units`."""
        return splits.resampling_units(self.posts.iloc[outcome.row])

    def warnings(self, outcome: Outcome) -> tuple[str, ...]:
        """Return what to say about the posts that were judged."""
        few = splits.few_authors(self.posts.iloc[outcome.row])
        lacking = [name for name, one in outcome.together.items() if not len(one.row)]
        nobody = f"No judged post tells its {', '.join(lacking)}, so these are not judged."
        return (*([few] if few else []), *([nobody] if lacking else []))

    def authors(self, outcome: Outcome) -> int:
        """Return how many known authors the judged posts have."""
        codes = splits.author_codes(self.posts)[outcome.row]
        return len(np.unique(codes[codes >= 0]))

    def on(self, split: Split) -> "Ground":
        """Return the same posts under another split, which must be possible."""
        plan = tuple(make_plan(split, self.posts, self.seed))
        return replace(self, split=split, plan=plan, outcomes=_outcomes(self.known, plan))

    def fewer(self, choose: Callable[[IntArray], IntArray]) -> "Ground":
        """Return the same ground with fewer posts to learn from, and the same outcomes."""
        plan = tuple(splits.Split(one.name, choose(one.train), one.test) for one in self.plan)
        return replace(self, plan=plan)


def lay_ground(
    model: Model,
    matrix: FeatureMatrix,
    posts: pd.DataFrame,
    *,
    split: Split = "temporal",
    seed: int = 0,
    jobs: int = 2,
) -> Ground:
    """Return the labelled posts and how they are held out.

    Raises:
        InputError: if too few posts are labelled, or neither the split asked for nor a weaker one
            is possible.
        BundleError: if the matrix is not what the model reads.
    """
    model.check_matrix(matrix)
    known = labelled(matrix, posts, model.target, LEAST_POSTS)
    possible, notes = possible_split(split, known.posts)
    plan = tuple(make_plan(possible, known.posts, seed))
    return Ground(known, possible, plan, _outcomes(known, plan), notes, seed, jobs)


def _outcomes(known: Labelled, plan: tuple[splits.Split, ...]) -> tuple[Floats, ...]:
    """Return the outcomes of each part, measured by what its own training posts teach."""
    return tuple(known.outcomes(part.train) for part in plan)


def possible_split(split: Split, posts: pd.DataFrame) -> tuple[Split, tuple[str, ...]]:
    """Return the split that these posts allow, and what to say about it.

    Raises:
        UsageError: if there is no such split.
    """
    if split not in get_args(Split):
        raise UsageError(f"no split {split!r}; choose one of {', '.join(get_args(Split))}")
    times, authors = splits.dated_enough(posts), _enough_authors(posts)
    undated = int((~np.isfinite(splits.posting_times(posts))).sum())
    if split in ("temporal", "rolling") and not times:
        raised = "author" if authors else "random"
        known = len(posts) - undated
        few = f"known of {known:,} of {len(posts):,} posts only" if known else "unknown"
        warning = f"Posting times are {few}, so the split is {raised}, not by time."
        return cast(Split, raised), (*_flattery(raised), warning)
    if split == "author" and not authors:
        raised = "temporal" if times else "random"
        warning = f"{_lacking_authors(posts)}, so the split is {raised}, not by author."
        return cast(Split, raised), (*_flattery(raised), warning)
    if split in ("temporal", "rolling") and undated:
        return split, (
            f"{undated:,} of {len(posts):,} posts have no posting time: they are neither learned "
            "from nor judged.",
        )
    return split, _flattery(split)


def _lacking_authors(posts: pd.DataFrame) -> str:
    """Return why authors cannot be held out, as the beginning of a sentence."""
    known = int(splits.author_codes(posts).max(initial=-1)) + 1
    if known > 1:
        return "One author has nearly all posts"
    return "Only one author is known" if known else "Authors are unknown"


def _enough_authors(posts: pd.DataFrame) -> bool:
    """Say whether every author-grouped fold has something to learn from."""
    if not splits.knows_authors(posts):
        return False
    folds = splits.author_folds(posts, FOLDS)
    return min(len(fold.train) for fold in folds) >= LEAST_TO_LEARN


def _flattery(split: str) -> tuple[str, ...]:
    if split != "random":
        return ()
    return ("Random folds flatter: authors and times stand on both sides of each fold.",)


def make_plan(kind: Split, posts: pd.DataFrame, seed: int) -> list[splits.Split]:
    """Return what is learned from and judged; windows with too little to learn from are left out.

    Raises:
        InputError: if the split is impossible.
    """
    if kind == "temporal":
        return [splits.temporal_split(posts)]
    if kind == "rolling":
        windows = splits.rolling_splits(posts)
        enough = [one for one in windows if len(one.train) >= LEAST_TO_LEARN]
        return enough or [splits.temporal_split(posts)]
    if kind == "author":
        return splits.author_folds(posts, FOLDS, seed)
    return splits.random_folds(posts, FOLDS, seed)
