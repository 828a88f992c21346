"""From clips or posts to predictions with reasons."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from virality.data.errors import InputError
from virality.data.features import Features, read_features
from virality.data.limits import Limits
from virality.data.post import EXTRA_PREFIX
from virality.workflow.console import Progress

if TYPE_CHECKING:
    from virality.modeling.train import Model

TABLE_SUFFIXES = frozenset({".parquet", ".csv", ".json", ".jsonl"})
REASONS = 3
"""Strongest reasons told in each direction."""


@dataclass(frozen=True)
class Known:
    """What the user knows of clips that come without a table of posts."""

    caption: str | None = None
    author: str | None = None
    followers: int | None = None
    posted_at: datetime | None = None


@dataclass(frozen=True)
class Forecast:
    """The prediction for one post, in the target's own units.

    Attributes:
        id: the post's id, or the name of the file.
        target: what is predicted.
        prediction, low, high: the central prediction and its 80 % interval.
        percentile: where it would stand among the training posts, 0 to 100.
        hit_probability: chance to be among the top fifth of the training posts.
        reasons_up, reasons_down: strongest reasons, each with feature, value and effect.
    """

    id: str
    target: str
    prediction: float
    low: float
    high: float
    percentile: float
    hit_probability: float
    reasons_up: tuple[Mapping[str, Any], ...]
    reasons_down: tuple[Mapping[str, Any], ...]

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def predict(
    model: "Model",
    inputs: Sequence[Path],
    *,
    media: Path | None = None,
    known: Known | None = None,
    encoder: str = "",
    jobs: int = 1,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> tuple[list[Forecast], Mapping[str, int]]:
    """Predict for media files, folders of them, or a table of posts.

    Args:
        model: a trained model.
        inputs: media files and folders, or one table of posts or one folder of features.
        media: folder of the media of a table of posts.
        known: facts that hold for every clip given as a file.
        encoder: sentence encoder that the model was trained with, the default one if empty.
        jobs: worker processes of the extraction.
        limits: what one clip may cost, the defaults if not given.
        progress: told `(done, total)`.

    Returns:
        a forecast a post, and the counts of extraction statuses.

    Raises:
        InputError: if an input is missing or tables and clips are mixed.
        BundleError: if the model was made for features of other versions.
    """
    with tempfile.TemporaryDirectory(prefix="virality-") as folder:
        features = _features(
            model, inputs, media, known or Known(), Path(folder), encoder, jobs, limits, progress
        )
    counts = features.status["status"].value_counts().to_dict()
    return forecast(model, features), {str(key): int(count) for key, count in counts.items()}


def forecast(model: "Model", features: Features) -> list[Forecast]:
    """Predict for posts whose features are there."""
    from virality.reports.explain import reasons

    predictions = model.predict(features.matrix, features.posts)
    contributions = model.contributions(features.matrix, features.posts)
    to_units = model.target.to_units
    forecasts = []
    for row, post in enumerate(features.matrix.frame.index):
        up, down = reasons(contributions, row, model.target, most=REASONS, usual=model.card.medians)
        forecasts.append(
            Forecast(
                id=str(post),
                target=model.target.name,
                prediction=float(to_units(predictions.mean[row])),
                low=float(to_units(predictions.low[row])),
                high=float(to_units(predictions.high[row])),
                percentile=float(predictions.percentile[row]),
                hit_probability=float(predictions.hit_probability[row]),
                reasons_up=tuple(reason.as_json() for reason in up),
                reasons_down=tuple(reason.as_json() for reason in down),
            )
        )
    return forecasts


def _features(
    model: "Model",
    inputs: Sequence[Path],
    media: Path | None,
    known: Known,
    folder: Path,
    encoder: str,
    jobs: int,
    limits: Limits | None,
    progress: Progress | None,
) -> Features:
    from virality.featurizers.extract import extract
    from virality.featurizers.extras import extras_of

    for path in inputs:
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")
    if len(inputs) == 1 and (inputs[0] / "manifest.json").is_file():
        return read_features(inputs[0])
    posts, root = _posts(inputs, media, known, folder)
    needed = tuple(model.matrix_versions)
    declared = {
        EXTRA_PREFIX + name.removeprefix("extra__"): column.known
        for name, column in model.columns.items()
        if name.startswith("extra__")
    }
    only = (*needed, "metadata") if declared else needed  # whose columns are read of the table
    extract(
        posts, root, folder / "features", only=only, extras=extras_of(needed), encoder=encoder,
        views=model.card.views, jobs=jobs, limits=limits, progress=progress, known=declared,
        late=any(column.known == "post" for column in model.columns.values()),
    )  # fmt: skip
    return read_features(folder / "features")


def _posts(
    inputs: Sequence[Path], media: Path | None, known: Known, folder: Path
) -> tuple[pd.DataFrame, Path | None]:
    tables = [path for path in inputs if path.suffix.lower() in TABLE_SUFFIXES]
    if not tables:
        return posts_of_clips(inputs, known)
    if len(inputs) > 1:
        raise InputError(f"{tables[0]}: give one table of posts, or clips, not both")
    return _posts_of_table(tables[0], folder), media


def _posts_of_table(table: Path, folder: Path) -> pd.DataFrame:
    from virality.data.ingest import ingest
    from virality.data.table import read_posts

    if table.suffix.lower() == ".parquet" and _is_posts(table):
        return read_posts(table)
    ingested = ingest(table, folder / "posts.parquet")
    return read_posts(ingested.path)


def _is_posts(table: Path) -> bool:
    from virality.data.table import read_posts

    try:
        read_posts(table)
    except InputError:
        return False
    return True


def posts_of_clips(inputs: Sequence[Path], known: Known) -> tuple[pd.DataFrame, Path]:
    """Return a posts table of bare clips with what is known of them, and their folder.

    Raises:
        InputError: if a path does not exist or there is no media file.
    """
    from virality.data.cells import hashtags_in, mentions_in
    from virality.data.media import posts_of_media
    from virality.data.table import conform

    posts, root = posts_of_media(inputs)
    facts: dict[str, Any] = {
        "caption": known.caption,
        "hashtags": hashtags_in(known.caption) if known.caption else None,
        "mentions": mentions_in(known.caption) if known.caption else None,
        "author_id": known.author,
        "author_followers": known.followers,
        "posted_at": pd.Timestamp(known.posted_at, tz="UTC") if known.posted_at else None,
    }
    for field, value in facts.items():
        if value is not None:
            posts[field] = [value] * len(posts)
    return conform(posts), root
