"""Single posts explained: prediction, reasons, similar posts, what if."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from virality.data.splits import posting_times
from virality.reports.belief import doubt_of_training
from virality.reports.report import PostStory
from virality.reports.report_posts import WhatIf
from virality.reports.similar import Likeness, similar_posts
from virality.reports.stories import captions_of, story
from virality.reports.strings import say
from virality.reports.suggest import Support, joint_of, suggest
from virality.reports.whatif import LIKE, Ground, draw_curves, is_local, row_of
from virality.reports.words import whole

if TYPE_CHECKING:
    from virality.data.features import Features
    from virality.data.matrix import FeatureMatrix
    from virality.modeling.train import Model

Progress = Callable[[int, int], None]


class Explainer:
    """A model and its reference posts, made ready once to explain many posts."""

    def __init__(
        self, model: "Model", reference: "Features | None" = None, *, doubt: str = ""
    ) -> None:
        """Make ready.

        Args:
            model: a trained model.
            reference: posts like those that it has learned from, with outcomes; without them there
                are no similar posts and nothing says which changes are plausible.
            doubt: why nothing is suggested, where an evaluation speaks against the model.

        Raises:
            BundleError: if the reference is of other featurizers or versions than the model's.
        """
        from virality.modeling.lead import unbeaten

        self.model, self.reference = model, reference
        self.doubt = doubt or doubt_of_training(unbeaten(model.stack))
        self.ground = self.likeness = self.support = None
        if reference is not None and len(reference.matrix):
            model.check_matrix(reference.matrix)
            self.ground = Ground(model, reference)
            self.likeness = Likeness(reference, model.target)
            self.support = Support(self.ground)

    def enrich(
        self, one: PostStory, matrix: "FeatureMatrix", posts: pd.DataFrame, post: str
    ) -> PostStory:
        """Return a story with similar posts and the what-if added.

        Args:
            one: the story.
            matrix: that holds the post.
            posts: table that holds it.
            post: its id as the matrix has it.
        """
        if self.likeness is None or not len(self.likeness.places):
            return one
        own = posts.loc[posts["id"].astype(str) == post]
        time = float(posting_times(own)[0])
        author = own["author_id"].iloc[0] if "author_id" in own else None
        alike = similar_posts(
            self.likeness, matrix, post, time, author if isinstance(author, str) else ""
        )
        return replace(one, similar=alike, what_if=self.what_if(matrix, posts, post))

    def what_if(self, matrix: "FeatureMatrix", posts: pd.DataFrame, post: str) -> WhatIf | None:
        """Return what changing the post would do; None without levers or reference posts."""
        ground, likeness, support = self.ground, self.likeness, self.support
        if ground is None or likeness is None or support is None or not ground.levers:
            return None
        similarity = likeness.similarity(matrix, post)
        rows = np.flatnonzero(np.isfinite(similarity) & (likeness.ids != post))
        order = rows[np.lexsort((likeness.ids[rows], -similarity[rows]))]
        alike = [str(likeness.ids[row]) for row in order[:LIKE]]
        curves = draw_curves(ground, matrix, posts, post, alike)
        if not curves:
            return None
        joint = joint_of(ground, matrix, posts, post, curves, support)
        told = (
            ()
            if self.doubt
            else suggest(ground, matrix, posts, post, curves, support, likeness, order)
        )
        notes = [
            say("whatif.note.guess"),
            say("whatif.note.range", posts=whole(len(ground.reference.matrix)), like=len(alike)),
        ]
        clock = any(curve.lever in ("hour", "weekday") for curve in curves)
        if clock and not is_local(row_of(matrix, post)):
            notes.append(say("whatif.note.utc"))
        if not told:
            notes.insert(0, self.doubt or say("whatif.note.nothing"))
        return WhatIf(curves, joint, told, tuple(notes))


def explain_posts(
    model: "Model",
    matrix: "FeatureMatrix",
    posts: pd.DataFrame,
    *,
    reference: "Features | None" = None,
    progress: Progress | None = None,
) -> tuple[PostStory, ...]:
    """Explain every post of a matrix.

    Args:
        model: a trained model.
        matrix: features of the posts.
        posts: table that holds them, and earlier posts where outcomes are measured against these.
        reference: posts like those that the model has learned from; see `Explainer`. They count
            among the earlier ones.
        progress: called with (done, total).

    Raises:
        BundleError: if features are of other versions than the model's.
        InputError: if a row of the matrix has no post.
    """
    explainer = Explainer(model, reference)
    contributions, predictions = model.contributions(matrix, posts), model.predict(matrix, posts)
    captions = captions_of(posts)
    outcomes = _outcomes(model, posts, matrix.frame.index, reference)
    stories = []
    for row, post in enumerate(str(name) for name in matrix.frame.index):
        one = story(
            contributions, row, "asked", model.target, predictions, captions.get(post, ""),
            hit_from=model.card.hit_threshold, actual=outcomes[row], unseen=None,
            usual=model.card.medians,
        )  # fmt: skip
        stories.append(explainer.enrich(one, matrix, posts, post))
        if progress is not None:
            progress(row + 1, len(matrix))
    return tuple(stories)


def _outcomes(
    model: "Model",
    posts: pd.DataFrame,
    ids: Sequence[str] | pd.Index,
    reference: "Features | None",
) -> list[float | None]:
    """Return what each post got, in units; None where it is not known.

    What is measured against earlier posts is measured among all that there are: the few that are
    explained say nothing of what was usual.
    """
    from virality.modeling.targets import is_there

    if not is_there(model.target, posts):
        return [None] * len(ids)
    whole = posts
    if model.target.relative and reference is not None:
        earlier = reference.posts[~reference.posts["id"].isin(posts["id"])]
        whole = pd.concat([posts, earlier], ignore_index=True)
    values = np.asarray(model.target.to_units(model.target.values(whole)))
    known = dict(zip(whole["id"].astype(str), values, strict=True))
    found = [float(known.get(str(name), np.nan)) for name in ids]
    return [value if np.isfinite(value) else None for value in found]
