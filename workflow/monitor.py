"""Past predictions of a log against what happened: read, judged, shown."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from virality.data.errors import InputError
from virality.data.features import Features, read_features
from virality.data.log_posts import first_predictions, table_of
from virality.data.outcomes import Kept
from virality.data.prediction_log import PredictionLog
from virality.data.splits import groups_of_both
from virality.data.store import write_atomically
from virality.data.table import conform
from virality.workflow.prediction_log import open_log

if TYPE_CHECKING:
    from virality.modeling.drift import Drift
    from virality.modeling.train import Model
    from virality.modeling.watch import Learned, Watch


@dataclass(frozen=True)
class Monitored:
    """What was found, and the pages that say so."""

    watch: "Watch"
    page: Path
    twin: Path

    def as_json(self) -> dict[str, Any]:
        """Return what `monitor --json` prints."""
        return {**self.watch.as_json(), "page": str(self.page)}


def monitor(
    log: Path, model: Path, page: Path, *, features: Path | None = None, seed: int = 0
) -> Monitored:
    """Judge the predictions of a model that a log holds, and write a page and its JSON twin.

    Args:
        log: prediction log.
        model: folder of the model.
        page: HTML file to write; the twin has the ending `.json`.
        features: what the model was trained on; without it drift cannot be told.
        seed: of the bootstrap.

    Raises:
        InputError: if the log holds no prediction of the model's target.
        StorageError, BundleError: if something cannot be read or written.
    """
    from virality.modeling.bundle import load_marked
    from virality.reports.render import render_watch
    from virality.workflow.console import as_line

    fitted, mark = load_marked(model)
    trained = read_features(features) if features is not None else None
    with open_log(log, must_exist=True) as opened:
        found = judge_log(opened, fitted, mark, trained, seed=seed)
    twin = page.with_suffix(".json")
    write_atomically(page, render_watch(found).encode())
    pretty = json.dumps(json.loads(as_line(found.as_json())), indent=1, ensure_ascii=False)
    write_atomically(twin, (pretty + "\n").encode())
    return Monitored(found, page, twin)


def judge_log(
    log: PredictionLog, model: "Model", mark: str, trained: Features | None, *, seed: int = 0
) -> "Watch":
    """Judge the predictions that a log holds of a model; see `monitor`."""
    from virality.modeling.watch import watch

    kept, notes = _chosen(log, model, mark, trained)
    held = len(log.quarantined())
    if held:
        notes.append(
            f"{held} report(s) are held back; `virality feedback --quarantined` lists them."
        )
    learned = _learned(model, trained)
    if trained is None:
        notes.append("Drift was not looked for: give the training posts by --features.")
        if model.target.relative:
            notes.append(
                f"What {model.target.name!r} measures posts by is taken from the log alone: an "
                "author's training posts are counted if they are given by --features."
            )
    return watch(
        _past(log, model, kept, trained),
        target=model.target.name,
        model=mark,
        training=model.card.rows,
        learned=learned,
        drifts=_drifts(log, model, kept, trained, notes),
        notes=tuple(notes),
        seed=seed,
    )


def _chosen(
    log: PredictionLog, model: "Model", mark: str, trained: Features | None
) -> tuple[list[Kept], list[str]]:
    """Return the first prediction of each post by this model, or by any of the same target."""
    notes: list[str] = []
    same = [one for one in log.predictions() if one.target == model.target.name]
    own = [one for one in same if one.model == mark]
    if not same:
        raise InputError(f"{log.path}: holds no prediction of {model.target.name!r}")
    if not own:
        notes.append("The log holds nothing of this very model: those of earlier ones are judged.")
    first = first_predictions(own or same)
    learned = set(trained.posts["id"].astype(str)) if trained is not None else set()
    kept = [one for post, one in first.items() if post not in learned]
    if len(kept) < len(first):
        number = len(first) - len(kept)
        notes.append(f"{number} prediction(s) of training posts say nothing and are left out.")
    if not kept:
        raise InputError(f"{log.path}: holds predictions of training posts only")
    return kept, notes


def _past(log: PredictionLog, model: "Model", kept: list[Kept], trained: Features | None) -> Any:
    from virality.modeling.targets import is_there
    from virality.modeling.watch import Past

    posts = table_of(kept, log.reports("accepted"))
    there = is_there(model.target, posts)
    actual = _outcomes(model, posts, trained) if there else np.full(len(posts), np.nan)
    numbers = {
        name: np.array([getattr(one, name) for one in kept], dtype=np.float64)
        for name in ("mean", "mean_low", "mean_high", "expected_error")
    }
    made = np.array([one.made_at.timestamp() for one in kept])
    return Past(
        posts, made, numbers["mean"], numbers["mean_low"], numbers["mean_high"],
        numbers["expected_error"], actual, model.target.log,
    )  # fmt: skip


def _outcomes(
    model: "Model", posts: pd.DataFrame, trained: Features | None
) -> "np.typing.NDArray[np.float64]":
    """Return what became of these posts, beside those of the training where they are measured."""
    if not model.target.relative or trained is None:
        return model.target.values(posts)
    whole = conform(pd.concat([trained.posts, posts], ignore_index=True))
    return model.target.values(whole)[len(trained.posts) :]


def _learned(model: "Model", trained: Features | None) -> "Learned | None":
    from virality.modeling.watch import Learned

    if trained is None:
        return None
    values = model.target.values(trained.posts)
    there = np.isfinite(values)
    return Learned(trained.posts[there], np.asarray(values[there], dtype=np.float64))


def _drifts(
    log: PredictionLog, model: "Model", kept: list[Kept], trained: Features | None, notes: list[str]
) -> "tuple[Drift, ...]":
    from virality.modeling.drift import compare_matrices

    if trained is None:
        return ()
    model.check_matrix(trained.matrix)
    now = stored_frame(log, kept, list(model.columns), model.matrix_versions)
    if len(now) < len(kept):
        notes.append(f"{len(kept) - len(now)} prediction(s) have features of other versions.")
    posts = table_of(kept, ()).set_index("id").reindex(now.index)
    authors = groups_of_both(trained.posts.set_index("id").loc[trained.matrix.frame.index], posts)
    return compare_matrices(trained.matrix, now, list(model.columns.values()), authors)


def stored_frame(
    log: PredictionLog, kept: list[Kept], names: list[str], versions: Any
) -> pd.DataFrame:
    """Return stored features, float32, index id; rows of other columns or versions are left out."""
    ids, rows = [], []
    places: dict[int, list[int] | None] = {}
    for one, (layout, row) in zip(kept, log.rows([one.features for one in kept]), strict=True):
        if id(layout) not in places:
            there = {column.name: place for place, column in enumerate(layout.columns)}
            fits = all(layout.versions.get(n, v) == v for n, v in versions.items())
            whole = fits and all(name in there for name in names)
            places[id(layout)] = [there[name] for name in names] if whole else None
        chosen = places[id(layout)]
        if chosen is not None:
            ids.append(one.post)
            rows.append(row[chosen])
    values = np.array(rows, dtype=np.float32).reshape(len(rows), len(names))
    return pd.DataFrame(values, index=pd.Index(ids, name="id", dtype=object), columns=names)
