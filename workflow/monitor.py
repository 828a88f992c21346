"""Past predictions of a log against what happened: read, judged, shown."""

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from virality.data.errors import InputError
from virality.data.features import Features, read_features
from virality.data.log_posts import first_predictions, table_of, with_posting_times
from virality.data.outcomes import Kept
from virality.data.prediction_log import PredictionLog
from virality.data.splits import groups_of_both
from virality.data.table import conform
from virality.data.words import agreeing, counted
from virality.workflow.prediction_log import open_log

if TYPE_CHECKING:
    from virality.modeling.drift import Drift
    from virality.modeling.targets import Target
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
    from virality.workflow.describe import write_page

    fitted, mark = load_marked(model)
    trained = read_features(features) if features is not None else None
    with open_log(log, must_exist=True) as opened:
        found = judge_log(opened, fitted, mark, trained, seed=seed)
    twin = page.with_suffix(".json")
    places = {"log": shlex.quote(str(log))}
    if features is not None:
        places["features"] = shlex.quote(str(features))
    write_page(page, render_watch(found, **places))
    pretty = json.dumps(json.loads(as_line(found.as_json())), indent=1, ensure_ascii=False)
    write_page(twin, pretty + "\n")
    return Monitored(found, page, twin)


def judge_log(
    log: PredictionLog, model: "Model", mark: str, trained: Features | None, *, seed: int = 0
) -> "Watch":
    """Judge the predictions that a log holds of a model; see `monitor`."""
    from virality.modeling.watch import watch

    chosen = _chosen(log, model, mark, trained)
    notes = [*chosen.notes, *_beside(log, model, trained)]
    return watch(
        _past(log, model, chosen, trained),
        target=model.target.name,
        model=mark,
        training=model.card.rows,
        learned=_learned(model, trained),
        drifts=_drifts(log, model, chosen.kept, trained, notes),
        notes=tuple(notes),
        of_others="" if chosen.own else _of_others(log.path),
        telling=telling(log.path),
        saying=partial(_outcome_words, model.target),
        seed=seed,
    )


def telling(log: Path) -> str:
    """Return the command by which outcomes are reported to a log."""
    return f"virality feedback {shlex.quote(str(log))} --from later.csv"


def _of_others(log: Path) -> str:
    return (
        "The log holds no prediction of this very model, and what earlier ones got wrong says "
        f"nothing of it: predict new posts with it and `--log {shlex.quote(str(log))}`, and report "
        "what becomes of them."
    )


def _beside(log: PredictionLog, model: "Model", trained: Features | None) -> Iterator[str]:
    """Yield what else is to be known: reports that are held back, and what was not looked for."""
    held = len(log.quarantined())
    if held:
        listing = f"`virality feedback {shlex.quote(str(log.path))} --quarantined`"
        are, them = agreeing(held, "is", "are"), agreeing(held, "it", "them")
        yield f"{counted(held, 'report')} {are} held back; {listing} lists {them}."
    if trained is None and not len(model.learned):
        yield (
            "The model is of an older version and does not tell what posts it learned from: give "
            "them by --features, so that they are left out, or train it again."
        )
    if trained is None:
        yield "Drift was not looked for: give the training posts by --features."
        if model.target.relative:
            yield (
                f"What {model.target.name!r} measures posts by is taken from the log alone: an "
                "author's training posts are counted if they are given by --features."
            )


@dataclass(frozen=True)
class _Chosen:
    """Predictions to judge.

    Attributes:
        kept: the first of each post that the model has not learned from.
        others: first predictions of the log's other posts.
        own: whether `kept` are this very model's.
        notes: what was left out.
    """

    kept: list[Kept]
    others: list[Kept]
    own: bool
    notes: tuple[str, ...]


def _chosen(log: PredictionLog, model: "Model", mark: str, trained: Features | None) -> _Chosen:
    """Return the first prediction of each post by this model, or by any of the same target."""
    notes: list[str] = []
    same = [one for one in log.predictions() if one.target == model.target.name]
    own = [one for one in same if one.model == mark]
    if not same:
        raise InputError(f"{log.path}: holds no prediction of {model.target.name!r}")
    if not own:
        notes.append("The log holds nothing of this very model: those of earlier ones are judged.")
    first = first_predictions(own or same)
    seen = _seen(model, trained, list(first))
    kept = [one for one, there in zip(first.values(), seen, strict=True) if not there]
    if seen.any():
        number = int(seen.sum())
        posts = agreeing(number, "a training post says", "training posts say")
        are = agreeing(number, "is", "are")
        notes.append(f"{counted(number, 'prediction')} of {posts} nothing and {are} left out.")
    judged = {one.post for one in kept}
    others = [one for post, one in first_predictions(same).items() if post not in judged]
    return _Chosen(
        with_posting_times(kept, same), with_posting_times(others, same), bool(own), tuple(notes)
    )


def _seen(
    model: "Model", trained: Features | None, posts: list[str]
) -> "np.typing.NDArray[np.bool_]":
    """Return which posts the model has learned from; by the features where it does not tell."""
    if len(model.learned) or trained is None:
        return model.has_learned(posts)
    ours = set(trained.posts["id"].astype(str))
    return np.array([post in ours for post in posts], dtype=np.bool_)


def _past(log: PredictionLog, model: "Model", chosen: _Chosen, trained: Features | None) -> Any:
    from virality.modeling.watch import Past

    kept = chosen.kept
    posts = table_of([*kept, *chosen.others], log.reports("accepted"))
    actual = _outcomes(model, posts, trained)[: len(kept)]
    numbers = {
        name: np.array([getattr(one, name) for one in kept], dtype=np.float64)
        for name in ("mean", "mean_low", "mean_high", "expected_error")
    }
    made = np.array([one.made_at.timestamp() for one in kept])
    return Past(
        posts.iloc[: len(kept)], made, numbers["mean"], numbers["mean_low"], numbers["mean_high"],
        numbers["expected_error"], actual, model.target.log,
    )  # fmt: skip


def _outcomes(
    model: "Model", posts: pd.DataFrame, trained: Features | None
) -> "np.typing.NDArray[np.float64]":
    """Return what became of these posts, beside those of the training where they are measured."""
    from virality.modeling.targets import is_there

    if not is_there(model.target, posts):
        return np.full(len(posts), np.nan)
    if not model.target.relative or trained is None:
        return model.target.values(posts)
    earlier = trained.posts[~trained.posts["id"].isin(posts["id"])]
    whole = conform(pd.concat([posts, earlier], ignore_index=True))
    return model.target.values(whole)[: len(posts)]


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
    from virality.reports.watching import named_drifts

    if trained is None or not kept:
        return ()
    model.check_matrix(trained.matrix)
    now = stored_frame(log, kept, list(model.columns), model.matrix_versions)
    if len(now) < len(kept):
        lost = len(kept) - len(now)
        have = agreeing(lost, "has", "have")
        notes.append(f"{counted(lost, 'prediction')} {have} features of other versions.")
    posts = table_of(kept, ()).set_index("id").reindex(now.index)
    authors = groups_of_both(trained.posts.set_index("id").loc[trained.matrix.frame.index], posts)
    found = compare_matrices(trained.matrix, now, list(model.columns.values()), authors)
    return named_drifts(found, model.columns)


def _outcome_words(target: "Target", value: float) -> str:
    """Return an outcome of the learning scale in its unit."""
    from virality.reports.words import amount

    return amount(float(target.to_units(value)), target.unit, target.counts)


def stored_frame(
    log: PredictionLog, kept: list[Kept], names: list[str], versions: Any
) -> pd.DataFrame:
    """Return stored features, float32, index id; rows of other columns or versions are left out."""
    found = list(fitting(log, kept, names, versions))
    values = np.array([row for _, row in found], dtype=np.float32).reshape(len(found), len(names))
    ids = [one.post for one, _ in found]
    return pd.DataFrame(values, index=pd.Index(ids, name="id", dtype=object), columns=names)


def fitting(
    log: PredictionLog, kept: list[Kept], names: list[str], versions: Any
) -> Iterator[tuple[Kept, "np.typing.NDArray[np.float32]"]]:
    """Yield the predictions whose stored features have these columns and versions, with these."""
    places: dict[int, list[int] | None] = {}
    for one, (layout, row) in zip(kept, log.rows([one.features for one in kept]), strict=True):
        if id(layout) not in places:
            there = {column.name: place for place, column in enumerate(layout.columns)}
            fits = all(layout.versions.get(n, v) == v for n, v in versions.items())
            whole = fits and all(name in there for name in names)
            places[id(layout)] = [there[name] for name in names] if whole else None
        chosen = places[id(layout)]
        if chosen is not None:
            yield one, row[chosen]
