"""Posts to train on again: those of the training and those of a log, with their outcomes."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.features import Features
from virality.data.log_posts import first_predictions, table_of, with_posting_times
from virality.data.matrix import FeatureMatrix
from virality.data.outcomes import Kept
from virality.data.prediction_log import PredictionLog
from virality.data.readings import join_collections
from virality.data.splits import posting_times
from virality.data.table import conform
from virality.data.words import agreeing, counted
from virality.workflow.monitor import fitting

if TYPE_CHECKING:
    from virality.modeling.registry import Entry
    from virality.modeling.train import Model

IntArray = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

TEST_SHARE, LEAST_TEST = 0.3, 20
"""Share of the new posts, the newest of them, that champion and challenger are judged on."""


@dataclass(frozen=True)
class Joined:
    """Labelled posts of the training and of the log, n of them, with their features.

    Attributes:
        matrix, posts: row by row.
        times: float64 (n,), seconds since 1970, by which they are put in order: when they were
            posted; where nobody knows, when they were first predicted or their counts read.
        notes: what was left out, and what was taken for what.
    """

    matrix: FeatureMatrix
    posts: pd.DataFrame
    times: Floats
    notes: tuple[str, ...]

    def take(self, index: IntArray) -> tuple[FeatureMatrix, pd.DataFrame]:
        """Return the features of the posts at these places, and all posts.

        What a post is measured against may stand outside the part that it is in.
        """
        return self.matrix.rows(list(self.posts["id"].iloc[index].astype(str))), self.posts

    def newest(self, index: IntArray, share: float) -> IntArray:
        """Return the newest share of the posts at these places, in order of the table."""
        order = self.in_order(index)
        return np.sort(order[len(order) - round(share * len(order)) :])

    def in_order(self, index: IntArray) -> IntArray:
        """Return these places by time, posts without any first."""
        times = np.nan_to_num(self.times[index], nan=-np.inf)
        return index[np.argsort(times, kind="stable")]


def join(log: PredictionLog, known: Features, model: "Model") -> Joined:
    """Return all posts with an outcome: those of the training, and those reported to a log.

    Of the predictions of a post the first counts whose features are what the model reads: a later
    one may know more of the post, and so of its outcome, than can be known of a new one. Posts that
    stand in both have the training's features and the newest counts.

    Raises:
        BundleError: if the training's features are not what the model reads.
    """
    model.check_matrix(known.matrix)
    names = list(model.columns)
    said = list(log.predictions())
    stored: dict[str, npt.NDArray[np.float32]] = {}
    chosen: dict[str, Kept] = {}
    for one, row in fitting(log, said, names, model.matrix_versions):
        if one.post not in stored:
            stored[one.post], chosen[one.post] = row, one
    first = first_predictions(said)
    kept = with_posting_times([chosen.get(post, one) for post, one in first.items()], said)
    reported = table_of(kept, log.reports("accepted")) if kept else known.posts.iloc[:0]
    ours = known.posts["id"].astype(str)
    new = reported[reported["id"].isin(list(stored)) & ~reported["id"].isin(set(ours))]
    old = join_collections(known.posts, reported) if len(reported) else known.posts
    posts = conform(pd.concat([old, new], ignore_index=True)) if len(new) else conform(old)
    more = _frame(list(new["id"].astype(str)), stored, names)
    before = known.matrix.select(names)
    matrix = replace(before, frame=pd.concat([before.frame, more]))
    values = model.target.settle(posts).fit(posts).values(posts)
    there = np.flatnonzero(np.isfinite(values)).astype(np.int64)
    labelled = posts.iloc[there].reset_index(drop=True)
    times = _times(labelled, first)
    notes = (*_lost(set(first) - set(stored) - set(ours)), *_undated(labelled, times))
    return Joined(matrix.rows(list(labelled["id"].astype(str))), labelled, times, notes)


def _frame(
    ids: list[str], stored: dict[str, npt.NDArray[np.float32]], names: list[str]
) -> pd.DataFrame:
    """Return the stored rows of these posts, float32, index id."""
    values = np.array([stored[post] for post in ids], dtype=np.float32)
    index = pd.Index(ids, name="id", dtype=object)
    return pd.DataFrame(values.reshape(len(ids), len(names)), index=index, columns=names)


def _times(posts: pd.DataFrame, first: dict[str, Kept]) -> Floats:
    """Return by which time each post counts, see `Joined`."""
    times = posting_times(posts)
    read = posting_times(posts.reindex(columns=["collected_at"]).set_axis(["posted_at"], axis=1))
    made = [
        first[post].made_at.timestamp() if post in first else np.nan
        for post in posts["id"].astype(str)
    ]
    return np.where(np.isfinite(times), times, np.fmin(made, read))


def _lost(posts: set[str]) -> Iterator[str]:
    if posts:
        have, are = agreeing(len(posts), "has", "have"), agreeing(len(posts), "is", "are")
        predicted = counted(len(posts), "predicted post")
        yield f"{predicted} {have} features of other versions and {are} left out."


def _undated(posts: pd.DataFrame, times: Floats) -> Iterator[str]:
    """Yield what posts of an unknown posting time count by."""
    unknown = ~np.isfinite(posting_times(posts))
    placed = int((unknown & np.isfinite(times)).sum())
    if placed:
        yield (
            f"When {counted(placed, 'post')} went up is not known: the time of the first "
            "prediction or of the counts stands for it."
        )
    nowhere = int((unknown & ~np.isfinite(times)).sum())
    if nowhere:
        they = agreeing(nowhere, "it is", "they are")
        yield (
            f"{counted(nowhere, 'post')} without any time may be later than those that are judged: "
            f"{they} learned from only by what goes into use."
        )


def fresh_posts(data: Joined, champion: "Entry", model: "Model") -> IntArray:
    """Return the posts that the champion was not trained on.

    Posts without any time are not among them: nobody can tell whether they are the newest.
    """
    from virality.modeling.learned import marks_of

    before = np.array([int(mark, 16) for mark in champion.trained_on], dtype=np.uint64)
    ids = data.posts["id"].astype(str)
    seen = model.has_learned(ids) | np.isin(marks_of(ids), before)
    return np.flatnonzero(~seen & np.isfinite(data.times)).astype(np.int64)


def untried(data: Joined, fresh: IntArray, tried: Collection[str]) -> int:
    """Return how many of these posts no challenger was tried with; `tried` holds marks."""
    from virality.modeling.learned import mark_post

    ids = data.posts["id"].iloc[fresh].astype(str)
    return sum(mark_post(post) not in tried for post in ids)


def differing(data: Joined, fresh: IntArray, known: Features, model: "Model") -> tuple[str, ...]:
    """Return sentences on where the training's posts are not those that the champion learned."""
    from virality.modeling.learned import marks_of

    notes = []
    learned = len(model.learned)
    lost = learned - int(np.isin(model.learned, marks_of(data.posts["id"].astype(str))).sum())
    if lost:
        are = agreeing(lost, "is", "are")
        notes.append(
            f"{lost:,} of the {counted(learned, 'post')} that the champion learned from {are} "
            "neither in the features nor in the log: the challenger cannot learn from them."
        )
    more = int(data.posts["id"].iloc[fresh].isin(known.posts["id"]).sum())
    if more:
        are = agreeing(more, "is", "are")
        notes.append(
            f"{counted(more, 'post')} of the features {are} new to the champion: it has not "
            "learned from what these became."
        )
    return tuple(notes)


def divide(data: Joined, fresh: IntArray) -> tuple[IntArray, IntArray]:
    """Return what may be learned from, all of it posted before what is judged, and that.

    Posts without any time stand in neither part: they might be later than what is judged.
    """
    order = data.in_order(fresh)
    count = min(max(LEAST_TEST, round(TEST_SHARE * len(fresh))), len(fresh) - 1)
    border = data.times[order[-count]]
    test = order[data.times[order] >= border]
    learn = np.flatnonzero(data.times < border)
    return learn.astype(np.int64), np.sort(test).astype(np.int64)
