"""From clips or posts to predictions with reasons."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from virality.data.errors import InputError
from virality.data.features import Features, read_features
from virality.data.limits import Limits
from virality.data.media import EXTENSIONS
from virality.data.post import EXTRA_PREFIX
from virality.data.reasons import REASONS as WHY
from virality.data.scratch import scratch
from virality.data.sources.files import READABLE
from virality.workflow.aside import load_aside
from virality.workflow.console import Progress
from virality.workflow.known import Known as Known  # the web asks for it here
from virality.workflow.known import post_of_caption, posts_of_clips, refuse_facts, refuse_media
from virality.workflow.tables import Remarks, read_table, told_of

if TYPE_CHECKING:
    from virality.featurizers.pool import Crew
    from virality.featurizers.worker import Tell
    from virality.modeling.train import Model

REASONS = 3
"""Strongest reasons told in each direction."""


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


@dataclass(frozen=True)
class Predicted:
    """What was predicted, and of what it could not be.

    Attributes:
        forecasts: one a post.
        counts: status of the extraction -> posts.
        remarks: what has to be said of the posts as they were read.
        hit_from: outcome from which a post is a hit for the model, in units.
    """

    forecasts: list[Forecast]
    counts: Mapping[str, int]
    remarks: Remarks
    hit_from: float

    @property
    def whole(self) -> bool:
        """Whether every row and every clip that was given could be used."""
        return not self.counts.get("failed") and not self.remarks.refused


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
) -> Predicted:
    """Predict for media files, folders of them, a table of posts, or a caption alone.

    Args:
        model: a trained model.
        inputs: media files and folders, or one table of posts or one folder of features; nothing
            for a post of which only `known` is there.
        media: folder of the media of a table of posts.
        known: facts that hold for every clip given as a file.
        encoder: sentence encoder that the model was trained with, found out if empty.
        jobs: worker processes of the extraction.
        limits: what one clip may cost, the defaults if not given.
        progress: told `(done, total)`.

    Raises:
        InputError: if an input is missing, is neither a clip nor a table, or tables and clips are
            mixed.
        UsageError: if facts are given beside posts that tell their own, or `media` beside clips,
            or the model was trained with another encoder than the one given.
        BundleError: if the model was made for features of other versions.
    """
    features, remarks = features_for(
        model, inputs, media=media, known=known, encoder=encoder, jobs=jobs, limits=limits,
        progress=progress,
    )  # fmt: skip
    made = forecast(model, features)
    return Predicted(made, _counts(features), remarks, model.card.hit_threshold)


def predict_logged(
    bundle: Path,
    inputs: Sequence[Path],
    *,
    log: Path | None,
    history: Path | None = None,
    **options: Any,
) -> Predicted:
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
    from virality.modeling.bundle import load_marked
    from virality.workflow.prediction_log import keep_forecasts, open_log

    model, mark = load_marked(bundle)
    since = Remarks()
    if history is not None:
        posts, since = read_table(history)
        with told_of(since):
            model = model.informed(posts)
    if log is None:
        made = predict(model, inputs, **options)
        return replace(made, remarks=since + made.remarks)
    with open_log(log) as opened:
        features, remarks = features_for(model, inputs, **options)
        forecasts = forecast(model, features)
        names = keep_forecasts(opened, mark, model, features, forecasts)
    told = [replace(one, prediction_id=name) for one, name in zip(forecasts, names, strict=True)]
    return Predicted(told, _counts(features), since + remarks, model.card.hit_threshold)


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
) -> tuple[Features, Remarks]:
    """Return the features that a model reads of clips or posts, and remarks; see `predict`."""
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
) -> tuple[Features, Remarks]:
    for path in inputs:
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")
    if len(inputs) == 1 and (inputs[0] / "manifest.json").is_file():
        refuse_facts(known, f"the folder of features {inputs[0]}")
        return read_features(inputs[0]), Remarks()
    posts, root, remarks = _posts(inputs, media, known)
    features = extract_for(
        model, posts, root, asked.folder / "features", encoder=asked.encoder, jobs=asked.jobs,
        limits=asked.limits, progress=asked.progress,
    )  # fmt: skip
    if root is not None and not _reads_clips(model):
        remarks += Remarks(notes=(UNREAD,))
    return features, remarks


UNREAD = "The model reads nothing of a clip itself: none was looked at, not even whether it is one."


def _reads_clips(model: "Model") -> bool:
    from virality.featurizers.extract import choose
    from virality.featurizers.extras import extras_of
    from virality.featurizers.worker import MEDIA_MODALITIES

    names = tuple(model.matrix_versions)
    there = choose(names, (), extras_of(names))
    return any(one.modality in MEDIA_MODALITIES for one in there.values())


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

    Only the rows of the store are written to the folder. The sentence encoder is the model's own,
    if it is none that only its user can name.
    """
    from virality.featurizers.extract import measure
    from virality.featurizers.extras import extras_of
    from virality.featurizers.sentence_encoder import encoder_for

    needed = tuple(model.matrix_versions)
    encoder = encoder_for(model.matrix_versions, encoder)
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
    inputs: Sequence[Path], media: Path | None, known: Known
) -> tuple[pd.DataFrame, Path | None, Remarks]:
    if not inputs:
        refuse_media(media, "a caption alone has no clip")
        return post_of_caption(known), None, Remarks()
    others = [path for path in inputs if not is_clip(path)]
    if not others:
        refuse_media(media, "the clips themselves are given")
        return *posts_of_clips(inputs, known), Remarks()
    if len(inputs) > 1:
        raise InputError(
            f"{others[0]}: is no clip by its ending; give clips ({', '.join(EXTENSIONS)}), or one "
            "table of posts alone"
        )
    refuse_facts(known, f"the table {others[0]}")
    try:
        posts, remarks = read_table(others[0])
    except InputError as error:
        if READABLE not in str(error):
            raise
        raise InputError(f"{error}; or a clip, by its ending: {', '.join(EXTENSIONS)}") from error
    return posts, media, remarks


def is_clip(path: Path) -> bool:
    """Tell whether a file has the ending of a media file, or a path is a folder of clips."""
    if path.is_dir():
        return not (path / "manifest.json").is_file()
    return path.suffix.lower().lstrip(".") in EXTENSIONS
