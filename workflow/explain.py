"""From a model and posts, wherever they are, to posts explained: values, a page, its twin."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from virality.data.errors import InputError
from virality.data.features import Features, read_features
from virality.data.limits import Limits
from virality.workflow.console import Progress
from virality.workflow.describe import twin_of, write_page
from virality.workflow.known import Known, refuse_facts
from virality.workflow.predict import features_for, is_clip
from virality.workflow.tables import Remarks

if TYPE_CHECKING:
    from virality.reports.inspection import Still
    from virality.reports.report import PostStory

MOST_PICTURES = 8
"""Pictures of a film strip: as many as stand side by side on a desk."""


@dataclass(frozen=True)
class Explanation:
    """Posts explained.

    Attributes:
        target: what is predicted.
        posts: in the order they were asked for.
        left_out: posts that were not explained because more were given than asked for.
        failed: posts whose clip could not be read.
        page: HTML file, empty if none was asked for.
        notes: what is lacking, and why.
        remarks: what has to be said of the posts as they were read.
    """

    target: str
    posts: tuple["PostStory", ...]
    left_out: int
    failed: int
    page: str
    notes: tuple[str, ...]
    remarks: Remarks

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "target": self.target,
            "posts": [post.as_json() for post in self.posts],
            "left_out": self.left_out,
            "failed": self.failed,
            "refused": self.remarks.refused,
            "page": self.page,
            "notes": [*self.remarks.warnings, *self.notes, *self.remarks.notes],
        }


def explain(
    model: Path,
    asked: Sequence[str],
    output: Path | None = None,
    *,
    features: Path | None = None,
    media: Path | None = None,
    known: Known | None = None,
    most: int = 20,
    encoder: str = "",
    jobs: int = 1,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Explanation:
    """Explain posts, and write their page and its JSON twin if asked to.

    Args:
        model: folder of the model.
        asked: ids of posts of `features`, or clips, or one table of posts or folder of features.
        output: HTML file; the twin stands beside it.
        features: features that the model learned from, to compare with.
        media: folder of clips, for film strips and of a table of posts.
        known: facts that hold for every clip given as a file.
        most: posts at most that are explained.
        encoder: sentence encoder that the model was trained with, found out if empty.
        jobs: worker processes of the extraction.
        limits: what one clip may cost.
        progress: told `(done, total)`.

    Raises:
        InputError: if a post is neither an id of the features nor a file.
        UsageError: if facts are given beside posts that tell their own, or an input would be
            written over, or the model was trained with another encoder than the one given.
        BundleError: if the model is refused, or features are of other versions.
        StorageError: if the page cannot be written.
    """
    from virality.modeling.bundle import load_model
    from virality.reports.explain_page import page_of
    from virality.reports.explain_posts import explain_posts
    from virality.reports.render import render_explained
    from virality.reports.stories import clip_words

    clips = [Path(name) for name in asked]
    files = [path for path in clips if path.exists()]
    beside = twin_of(output, model, features, media, *files) if output is not None else None
    trained = load_model(model)
    reference = read_features(features) if features is not None else None
    if reference is not None:  # beside posts there may lie folders that are called as they are
        files = [path for path in files if path.is_file() or not _is_post(reference, path)]
    remarks = Remarks()
    if reference is not None and not files:
        refuse_facts(known or Known(), f"a post of {features}")
        posts, clips = _of_ids(reference, asked, features), []
    else:
        posts, remarks = features_for(
            trained, clips, media=media, known=known, encoder=encoder, jobs=jobs, limits=limits,
            progress=progress,
        )  # fmt: skip
    failed = int((posts.status["status"] == "failed").sum())
    chosen, left_out = _first(posts, most)
    told = explain_posts(  # the whole table: what was usual before a post stands in the others
        trained, chosen.matrix, posts.posts, reference=reference, progress=progress
    )
    told = tuple(
        replace(one, clip=clip_words(*verdict))
        for one, verdict in zip(told, chosen.verdicts(), strict=True)
    )
    told = _filmed(told, chosen.posts, clips, media, limits)
    page = page_of(trained, told, reference=reference is not None)
    result = Explanation(trained.target.name, told, left_out, failed, "", page.notes, remarks)
    if output is None or beside is None:
        return result
    result = replace(result, page=str(output))
    whole = replace(page, notes=(*remarks.warnings, *page.notes, *remarks.notes))
    write_page(output, render_explained(whole))
    write_page(beside, json.dumps(result.as_json(), allow_nan=False, indent=1) + "\n")
    return result


def _is_post(reference: Features, path: Path) -> bool:
    return str(path) in reference.matrix.frame.index


def _of_ids(reference: Features, asked: Sequence[str], folder: Path | None) -> Features:
    """Return the features of posts by their ids.

    Raises:
        InputError: naming the first that is not there.
    """
    there = set(reference.matrix.frame.index.astype(str))
    for name in asked:
        if name not in there:
            raise InputError(
                f"{name}: neither a post of {folder} nor a file; `virality status {folder}` lists "
                "the posts"
            )
    wanted = list(dict.fromkeys(asked))
    rows = reference.matrix.frame.index.get_indexer(pd.Index(wanted))
    return Features(
        reference.matrix.rows(wanted),
        reference.posts.iloc[rows].reset_index(drop=True),
        reference.status.iloc[rows].reset_index(drop=True),
    )


def _first(posts: Features, most: int) -> tuple[Features, int]:
    """Return the first posts, and how many more there are."""
    ids = list(posts.matrix.frame.index[:most])
    kept = Features(
        posts.matrix.rows(ids),
        posts.posts.iloc[:most].reset_index(drop=True),
        posts.status.iloc[:most].reset_index(drop=True),
    )
    return kept, len(posts.matrix) - len(ids)


def _filmed(
    told: Sequence["PostStory"],
    posts: pd.DataFrame,
    clips: Sequence[Path],
    media: Path | None,
    limits: Limits | None,
) -> tuple["PostStory", ...]:
    """Return the posts with a film strip each where their clip is there and can be read."""
    from virality.data.media import find_media, posts_of_media

    folder = media
    if clips and all(is_clip(path) and path.exists() for path in clips):
        folder = posts_of_media(clips)[1]
    if folder is None:
        return tuple(told)
    found = find_media(posts, folder)
    return tuple(
        replace(one, film=film_of(clip.path, limits)) if clip.path is not None else one
        for one, clip in zip(told, found, strict=True)
    )


def film_of(clip: Path, limits: Limits | None = None) -> tuple["Still", ...]:
    """Return small pictures of a clip, evenly over it; none if it cannot be read."""
    import numpy as np

    from virality.data.decode import decode
    from virality.data.store import file_sha256
    from virality.workflow.film import cut_film

    decoded = decode(clip, sha256=file_sha256(clip), limits=limits or Limits()).clip
    if decoded is None or decoded.frames is None:
        return ()
    film = cut_film(decoded.frames)
    kept = np.unique(np.linspace(0, len(film) - 1, min(len(film), MOST_PICTURES)).astype(int))
    return tuple(replace(film[place], picture="") for place in kept)
