"""A model that is loaded once and asked often: candidates in, answers out.

It makes the same forecasts as `virality predict`, to the last digit, because it makes them with the
same functions: the extraction of `featurizers.extract` and the `forecast` of `workflow.predict`.
What differs is that workers stay between requests, with their encoders in memory.
"""

import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from virality.data.errors import UsageError
from virality.data.features import Features, read_features
from virality.data.limits import Limits
from virality.data.scratch import scratch
from virality.data.table import conform
from virality.workflow.answer import Answer, answer, one_post
from virality.workflow.console import Progress
from virality.workflow.known import CAPTION_ID, Known, with_known
from virality.workflow.levers import Panel, Slider
from virality.workflow.predict import Forecast, extract_for, forecast

if TYPE_CHECKING:
    from virality.data.prediction_log import PredictionLog
    from virality.featurizers.pool import Crew
    from virality.featurizers.worker import Tell
    from virality.modeling.niche import Niche
    from virality.modeling.train import Model


@dataclass(frozen=True)
class Candidate:
    """One thing to predict: a clip, what is known of the post, or both.

    Attributes:
        name: what to call it.
        clip: the media file, None for a post without one.
        known: facts of the post.
    """

    name: str
    clip: Path | None
    known: Known


class Predictor:
    """A loaded model; threads may share it, each with a crew of its own.

    Attributes:
        model: as it was loaded.
        mark: hash of its bundle, see `modeling.bundle.bundle_hash`.

    Args:
        model: folder of the model.
        reference: folder of features of earlier posts, to find similar ones among; they bound what
            may be changed, too.
        encoder: sentence encoder that the model was trained with, found out if empty.
        limits: what one clip may cost.

    Raises:
        BundleError: if the model is refused.
        InputError: if the reference is no folder of features, or holds no outcomes.
        UsageError: if the model was trained with another encoder than the one given.
    """

    def __init__(
        self,
        model: Path,
        reference: Path | None = None,
        *,
        encoder: str = "",
        limits: Limits | None = None,
    ) -> None:
        from virality.featurizers.sentence_encoder import encoder_for
        from virality.modeling.bundle import load_marked
        from virality.modeling.lead import unbeaten
        from virality.modeling.niche import fit_niche

        self.model: Model
        self.model, self.mark = load_marked(model)
        self.encoder = encoder_for(self.model.matrix_versions, encoder)
        self.limits = limits or Limits()
        self._lock = threading.Lock()  # LightGBM is quick and would only fight over the same cores
        self.niche: Niche | None = None
        self.reference = read_features(reference) if reference is not None else None
        if self.reference is not None:
            self.model.check_matrix(self.reference.matrix)
            shared = self.reference.matrix.select(list(self.model.columns))
            self.niche = fit_niche(shared, self.reference.posts, self.model.target)
        self.unbeaten = unbeaten(self.model.stack)
        self._panel = Panel(self.model, self.reference) if self.reference is not None else None
        self.levers: tuple[Slider, ...] = self._panel.sliders if self._panel is not None else ()

    def predict(
        self,
        candidates: Sequence[Candidate],
        crew: "Crew",
        *,
        progress: Progress | None = None,
        tell: "Tell | None" = None,
    ) -> tuple[Answer, ...]:
        """Return an answer to each candidate, in their order.

        Args:
            candidates: at least one; a clip or caption that several share is measured once.
            crew: workers for the extraction.
            progress: told `(done, total)` of clips and captions.
            tell: told what a worker is about to do, and `predict` in the end.

        Raises:
            ViralityError: if nothing can be extracted at all; a clip that cannot be read is no
                error but a status of its answer.
        """
        clips = [one.clip for one in candidates if one.clip is not None]
        with scratch() as folder:
            features = extract_for(
                self.model, _posts(candidates), clips[0].parent if clips else None,
                folder / "features", encoder=self.encoder, limits=self.limits,
                progress=progress, crew=crew, tell=tell,
            )  # fmt: skip
        if tell is not None:
            tell("predict")
        with self._lock:
            return tuple(
                self._answer(one_post(features, row), one) for row, one in enumerate(candidates)
            )

    def _answer(self, features: Features, one: Candidate) -> Answer:
        made = answer(self.model, features, one.name, one.known, self.niche, self._panel)
        return replace(made, forecast=replace(made.forecast, id=one.name))

    def keep(
        self, log: "PredictionLog", bundle: str, answers: Sequence[Answer], *, client: str = ""
    ) -> tuple[str, ...]:
        """Keep answers in a log of predictions and return their ids, in order.

        Candidates are called anything, so each is kept as a post of its own.

        Args:
            log: an open log.
            bundle: hash of the model's bundle, see `modeling.bundle.bundle_hash`.
            answers: of this model.
            client: who asked; `""` is the owner.

        Raises:
            StorageError: if they cannot be written.
        """
        from virality.workflow.prediction_log import keep_forecasts

        kept: list[str] = []
        for one in answers:
            name = f"{CAPTION_ID}-{secrets.token_hex(8)}"
            with self._lock:
                kept += keep_forecasts(
                    log, bundle, self.model, one.features, (one.forecast,), client=client,
                    names=(name,),
                )  # fmt: skip
        return tuple(kept)

    def change(
        self, earlier: Answer, known: Known, levers: Mapping[str, float], crew: "Crew"
    ) -> Forecast:
        """Return the forecast that an earlier candidate would get if this were so instead.

        What the clip says stays as it was measured, unless a lever moves it.

        Args:
            earlier: the answer to change.
            known: what is known of the post now.
            levers: column -> value, of those in `levers`.
            crew: workers for a caption that is new.

        Raises:
            UsageError: if a lever is unknown or beyond its range.
        """
        features = self.changed(earlier, known, crew)
        if levers and self._panel is None:
            raise UsageError("nothing can be changed here: no earlier posts say how far")
        if self._panel is not None:
            features = self._panel.turned(features, levers)
        with self._lock:
            return replace(forecast(self.model, features)[0], id=earlier.name)

    def changed(self, earlier: Answer, known: Known, crew: "Crew") -> Features:
        """Return the features of an earlier candidate with other facts."""
        if known == earlier.known:
            return earlier.features
        with scratch() as folder:
            fresh = extract_for(
                self.model, _posts([Candidate(earlier.name, None, known)]), None,
                folder / "features", encoder=self.encoder, limits=self.limits, crew=crew,
            )  # fmt: skip
        posts = fresh.posts.assign(id=earlier.features.posts["id"])
        columns = [n for n in map(str, fresh.matrix.frame.columns) if not self._seen_in_clip(n)]
        matrix = earlier.features.matrix
        frame = matrix.frame.copy()
        frame[columns] = fresh.matrix.frame[columns].to_numpy()
        views = matrix.views.copy() if matrix.views is not None else None
        if views is not None:
            views[columns] = fresh.matrix.frame[columns].iloc[[0] * len(views)].to_numpy()
        changed = replace(matrix, frame=frame, views=views)
        return Features(changed, posts, earlier.features.status)

    def _seen_in_clip(self, column: str) -> bool:
        from virality.featurizers.extract import choose
        from virality.featurizers.extras import extras_of
        from virality.featurizers.worker import MEDIA_MODALITIES

        names = tuple(self.model.matrix_versions)
        made_by = choose(names, (), extras_of(names))[column.partition("__")[0]]
        return made_by.modality in MEDIA_MODALITIES


def _posts(candidates: Sequence[Candidate]) -> pd.DataFrame:
    """Return a posts table of candidates; ids are numbers, since names may repeat."""
    tables = []
    for number, one in enumerate(candidates):
        table = pd.DataFrame({"id": pd.array([f"{CAPTION_ID}-{number}"], dtype="string")})
        if one.clip is not None:
            table["media"] = pd.array([one.clip.name], dtype="string")
        tables.append(with_known(table, one.known))
    return conform(pd.concat(tables, ignore_index=True))
