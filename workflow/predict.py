"""From clips or posts to predictions with reasons."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from virality.data.errors import InputError
from virality.data.features import Features, read_features
from virality.data.limits import Limits
from virality.data.post import EXTRA_PREFIX
from virality.data.reasons import REASONS as WHY
from virality.data.scratch import scratch
from virality.workflow.aside import load_aside
from virality.workflow.console import Progress

if TYPE_CHECKING:
    from virality.featurizers.pool import Crew
    from virality.featurizers.worker import Tell
    from virality.modeling.train import Model

TABLE_SUFFIXES = frozenset({".parquet", ".csv", ".json", ".jsonl"})
CAPTION_ID = "caption"
"""Id of a post that is not a file."""

REASONS = 3
"""Strongest reasons told in each direction."""


@dataclass(frozen=True)
class Known:
    """What the user knows of clips that come without a table of posts.

    Attributes:
        caption: its hashtags and mentions are read from it.
        author: id of the account, as in the posts that the model learned from.
        followers: of that account.
        posted_at: when the post goes out; in UTC if it names no zone.
        hashtags: those that the caption does not spell.
        sound: id of the sound.
        sound_title: its title.
        sound_original: whether the sound was made for this post.
    """

    caption: str | None = None
    author: str | None = None
    followers: int | None = None
    posted_at: datetime | None = None
    hashtags: tuple[str, ...] = ()
    sound: str | None = None
    sound_title: str | None = None
    sound_original: bool | None = None


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
        prediction_id: its id in a prediction log, None without one.
        outcomes: response -> its `prediction`, `low` and `high`, where learned with views.
        status, reason: of the extraction; what of a clip could not be read is unknown to the model.
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
    prediction_id: str | None = None
    outcomes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    status: str = "ok"
    reason: str = ""

    @property
    def explanation(self) -> str:
        """The reason as a sentence, `""` where there is none."""
        return WHY.get(self.reason, "") if self.reason else ""

    def as_json(self) -> dict[str, Any]:
        """Return plain values; `prediction_id` and `outcomes` only where there are any."""
        value = {**asdict(self), "explanation": self.explanation}
        if not self.outcomes:
            del value["outcomes"]
        if self.prediction_id is None:
            del value["prediction_id"]
        return value


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
    """Predict for media files, folders of them, a table of posts, or a caption alone.

    Args:
        model: a trained model.
        inputs: media files and folders, or one table of posts or one folder of features; nothing
            for a post of which only `known` is there.
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
    features = features_for(
        model, inputs, media=media, known=known, encoder=encoder, jobs=jobs, limits=limits,
        progress=progress,
    )  # fmt: skip
    return forecast(model, features), _counts(features)


def predict_logged(
    bundle: Path,
    inputs: Sequence[Path],
    *,
    log: Path | None,
    history: Path | None = None,
    **options: Any,
) -> tuple[list[Forecast], Mapping[str, int]]:
    """Predict as `predict` does by the model of a folder, and keep what was said in a log.

    Args:
        bundle: folder of the model.
        inputs: as for `predict`.
        log: prediction log, made if it is not there; nothing is kept if None.
        history: table of posts with outcomes, which the model is told of first (see
            `Model.informed`).
        options: those of `predict`.

    Raises:
        StorageError: if the log cannot be used; nothing has been predicted then.
        InputError: if the posts of `history` cannot be read or hold no outcomes.
    """
    from virality.modeling.bundle import bundle_hash, load_model
    from virality.workflow.prediction_log import keep_forecasts, open_log

    model, mark = load_model(bundle), bundle_hash(bundle)
    if history is not None:
        with scratch() as folder:
            model = model.informed(_posts_of_table(history, folder))
    if log is None:
        return predict(model, inputs, **options)
    with open_log(log) as opened:
        features = features_for(model, inputs, **options)
        forecasts = forecast(model, features)
        names = keep_forecasts(opened, mark, model, features, forecasts)
    told = [replace(one, prediction_id=name) for one, name in zip(forecasts, names, strict=True)]
    return told, _counts(features)


def features_for(
    model: "Model",
    inputs: Sequence[Path],
    *,
    media: Path | None = None,
    known: Known | None = None,
    encoder: str = "",
    jobs: int = 1,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Features:
    """Return the features that a model reads of clips or posts; see `predict`."""
    with scratch() as folder:
        asked = _Asked(folder, encoder, jobs, limits, progress)
        return _features(model, inputs, media, known or Known(), asked)


def _counts(features: Features) -> dict[str, int]:
    counts = features.status["status"].value_counts().to_dict()
    return {str(key): int(count) for key, count in counts.items()}


def forecast(model: "Model", features: Features) -> list[Forecast]:
    """Predict for posts whose features are there."""
    from virality.reports.explain import reasons

    predictions = model.predict(features.matrix, features.posts)
    contributions = model.contributions(features.matrix, features.posts)
    to_units, verdicts = model.target.to_units, features.verdicts()
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
                outcomes={
                    name: {
                        "prediction": float(to_units(one.mean[row])),
                        "low": float(to_units(one.low[row])),
                        "high": float(to_units(one.high[row])),
                    }
                    for name, one in predictions.together.items()
                },
                status=verdicts[row][0],
                reason=verdicts[row][1],
            )
        )
    return forecasts


@dataclass(frozen=True)
class _Asked:
    """How to extract: see `extract_for`."""

    folder: Path
    encoder: str = ""
    jobs: int = 1
    limits: Limits | None = None
    progress: Progress | None = None


def _features(
    model: "Model", inputs: Sequence[Path], media: Path | None, known: Known, asked: _Asked
) -> Features:
    for path in inputs:
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")
    if len(inputs) == 1 and (inputs[0] / "manifest.json").is_file():
        return read_features(inputs[0])
    posts, root = _posts(inputs, media, known, asked.folder)
    return extract_for(
        model, posts, root, asked.folder / "features", encoder=asked.encoder, jobs=asked.jobs,
        limits=asked.limits, progress=asked.progress,
    )  # fmt: skip


def extract_for(
    model: "Model",
    posts: pd.DataFrame,
    media: Path | None,
    folder: Path,
    *,
    encoder: str = "",
    jobs: int = 1,
    limits: Limits | None = None,
    progress: Progress | None = None,
    crew: "Crew | None" = None,
    tell: "Tell | None" = None,
) -> Features:
    """Return the features of posts that a model reads; arguments as of `featurizers.extract`.

    Only the rows of the store are written to the folder.
    """
    from virality.featurizers.extract import measure
    from virality.featurizers.extras import extras_of

    needed = tuple(model.matrix_versions)
    declared = {
        EXTRA_PREFIX + name.removeprefix("extra__"): column.known
        for name, column in model.columns.items()
        if name.startswith("extra__")
    }
    only = (*needed, "metadata") if declared else needed  # whose columns are read of the table
    if crew is None:
        load_aside("lightgbm")  # by far what takes longest to load for the prediction that follows
    return measure(
        posts, media, folder, only=only, extras=extras_of(needed), encoder=encoder,
        views=model.card.views, jobs=jobs, limits=limits, progress=progress, crew=crew, tell=tell,
        known=declared, late=any(column.known == "post" for column in model.columns.values()),
    )  # fmt: skip


def _posts(
    inputs: Sequence[Path], media: Path | None, known: Known, folder: Path
) -> tuple[pd.DataFrame, Path | None]:
    if not inputs:
        return post_of_caption(known), None
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
    from virality.data.media import posts_of_media

    posts, root = posts_of_media(inputs)
    return with_known(posts, known), root


def post_of_caption(known: Known) -> pd.DataFrame:
    """Return a posts table of one post that has no clip.

    Raises:
        InputError: if nothing is known of it.
    """
    if known == Known():
        raise InputError("nothing to predict: give clips, a table of posts, or a caption")
    return with_known(pd.DataFrame({"id": pd.array([CAPTION_ID], dtype="string")}), known)


def with_known(posts: pd.DataFrame, known: Known) -> pd.DataFrame:
    """Return posts with the same facts in each."""
    from virality.data.cells import clean, hashtags_in, mentions_in
    from virality.data.table import conform

    spelled = hashtags_in(known.caption) if known.caption else None
    facts: dict[str, Any] = {
        "caption": known.caption,
        "hashtags": _all_hashtags(spelled, known.hashtags),
        "mentions": mentions_in(known.caption) if known.caption else None,
        "author_id": known.author,
        "author_followers": known.followers,
        "posted_at": _in_utc(known.posted_at),
        "sound_id": known.sound,
        "sound_title": known.sound_title,
        "sound_original": known.sound_original,
    }
    for name, value in facts.items():
        if isinstance(value, str):
            posts[name] = [clean(value)] * len(posts)
        elif isinstance(value, tuple):
            posts[name] = [tuple(map(clean, value))] * len(posts)
        elif value is not None:
            posts[name] = [value] * len(posts)
    return conform(posts)


def _all_hashtags(
    spelled: tuple[str, ...] | None, named: tuple[str, ...]
) -> tuple[str, ...] | None:
    """Return what the caption spells and then what was named besides; None if nothing is known."""
    if not named:
        return spelled
    bare = dict.fromkeys(tag.removeprefix("#") for tag in named)
    return (*(spelled or ()), *(tag for tag in bare if tag and tag not in (spelled or ())))


def _in_utc(moment: datetime | None) -> pd.Timestamp | None:
    if moment is None:
        return None
    stamp = pd.Timestamp(moment)
    return stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")
