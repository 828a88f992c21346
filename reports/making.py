"""Model card and study -> how it was made, and the commands that make it again."""

import math
from collections.abc import Mapping, Sequence, Set
from typing import TYPE_CHECKING

from virality.data.features import MATRIX, POSTS
from virality.data.sentence_versions import embedding_version, encoder_in
from virality.modeling.importance import parameter_importance
from virality.reports.measured import measured_words
from virality.reports.report_making import Making, Study, Trial, Weight
from virality.reports.strings import BASES, LICENCES, MODALITIES, say
from virality.reports.words import amount, percent, significant, whole

if TYPE_CHECKING:
    from virality.modeling.card import ModelCard
    from virality.modeling.evaluate import Evaluation
    from virality.modeling.train import Model
    from virality.modeling.tune import Tuning

MOST_TRIALS = 1000

FROM_POSTS = ("text", "metadata")
FROM_MEDIA = ("audio", "frames", "stream")
"""Parts of a post whose features `extract` makes from the table, and from clips."""

MAKERS: Mapping[str, tuple[str, ...]] = {
    "text": ("shape", "language", "sentiment", "embedding"),
    "audio": ("loudness", "spectrum", "rhythm", "voice", "speech"),
    "frames": ("embedding", "colour", "motion", "layout"),
    "stream": ("container", "packets"),
    "metadata": ("time", "author", "sound", "hashtag", "format"),
}
"""Featurizers that `extract` runs unless told otherwise, without the part that each begins with."""

EXTRA_MAKERS = {
    "transcript": "audio_transcript",
    "screen": "frames_screen",
    "faces": "frames_faces",
}
"""Option of `extract --with` -> how the names of its featurizers begin."""

HASHED = (MATRIX, POSTS)
"""Files of features whose content follows from posts and clips; seconds stand in the other."""

ENCODER = "use-multilingual"
"""The sentence encoder that needs no option."""


def making_of(
    model: "Model",
    evaluations: Sequence["Evaluation"],
    tuning: "Tuning | None",
    largest_error: float,
    seed: int,
    hashes: Mapping[str, str],
) -> Making:
    """Return all that someone needs to judge and to repeat the making of a model."""
    card = model.card
    return Making(
        study=study_of(tuning) if tuning else None,
        weights=tuple(
            Weight(name, base_label(name), float(w), float(card.weights_known_authors[name]))
            for name, w in card.weights.items()
        ),
        facts=_facts(model, largest_error, seed),
        params=_flat(card.params),
        versions={**dict(card.libraries), **dict(sorted(card.featurizers.items()))},
        use=(say("use.1"), say("use.2")),
        limits=(*(say(f"limits.{i}") for i in (1, 2, 3)), *card.notes),
        licences=_licences(card),
        commands=commands(model, tuning, evaluations, seed),
        importance=parameter_importance(tuning) if tuning else {},
        hashes=_hashes(model, hashes),
    )


def _licences(card: "ModelCard") -> tuple[str, ...]:
    """Return what licences ask: in the page's language, or as the card has it."""
    from virality.modeling.train import LICENCES as CARD_TEXTS

    told = {name: text for name, text in LICENCES.items() if name in card.featurizers}
    said = {CARD_TEXTS.get(name) for name in told}
    return (*(text for text in card.licences if text not in said), *told.values())


def base_label(name: str) -> str:
    """Return a base model in words: `pictures` for `frames`, or the library behind it."""
    for known in (name, *name.replace("-", "_").split("_")):
        if known in MODALITIES and known != "all":
            return MODALITIES[known]
    return BASES.get(name, name.replace("_", " "))


def _hashes(model: "Model", of_features: Mapping[str, str]) -> dict[str, str]:
    """Return what names the bundle and the features, as `sha256sum` prints it of their files."""
    from virality.modeling.bundle import model_hash
    from virality.modeling.manifest import MANIFEST

    told = {f"features/{name}": mark for name, mark in of_features.items() if name in HASHED}
    return {f"model/{MANIFEST}": model_hash(model), **told}


def _facts(model: "Model", largest_error: float, seed: int) -> dict[str, str]:
    card, target = model.card, model.target
    facts = {
        "target": f"{card.target} ({card.scale})",
        "measured": measured_words(target),
        "rows": whole(card.rows),
        "authors": whole(card.authors) if card.authors else "",
        "first": card.first_posted_at[:10],
        "last": card.last_posted_at[:10],
        "features": whole(len(card.features)),
        ("top" if target.bar is None else "hit"): amount(
            card.hit_threshold, target.unit, target.counts
        ),
        "seed": str(card.seed),
        "report_seed": str(seed),
        "additivity": f"{largest_error:.1e}",
    }
    return {say(f"fact.{name}"): text for name, text in facts.items() if text}


def _flat(values: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """Return nested parameters as one level of names and texts."""
    flat: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = f"{value:.6g}" if isinstance(value, float) else str(value)
    return flat


def study_of(tuning: "Tuning") -> Study:
    """Return the history of a study, in which low scores are better; of 1,000 trials at most."""
    trials: list[Trial] = []
    so_far: float | None = None
    for one in sorted(tuning.finished, key=lambda trial: trial.number):
        value = _finite(one.value) if one.state == "complete" else None
        if value is not None:
            so_far = value if so_far is None else min(so_far, value)
        trials.append(Trial(one.number, one.state, value, so_far, one.seconds))
    done = [trial for trial in trials if trial.value is not None]
    winner = min(done, key=lambda one: one.value or 0.0) if done else None
    step = math.ceil(len(trials) / MOST_TRIALS)
    return Study(
        trials=tuple(trials[::step]),
        total=len(trials),
        best=_finite(tuning.value),
        sentence=say(
            "study.sentence", done=len(done), total=len(trials), metric=tuning.metric,
            pruned=sum(trial.state == "pruned" for trial in trials),
            best=winner.number if winner else "–",
        ),
        params={
            str(name): significant(value, 3) if isinstance(value, float) else str(value)
            for name, value in tuning.params.items()
        },
        metric=tuning.metric,
        nested=_finite(tuning.nested),
        optimism=_flattery(tuning),
    )  # fmt: skip


def _flattery(tuning: "Tuning") -> str:
    """Return in words how much the best trial's score owes to choosing the luckiest of many."""
    nested, gap = _finite(tuning.nested), _finite(tuning.optimism)
    if nested is None or gap is None:
        return say("study.not_nested")
    shown = {"value": significant(tuning.value, 3), "nested": significant(nested, 3)}
    if gap <= 0 or shown["value"] == shown["nested"]:
        return say("study.no_optimism", **shown)
    return say("study.optimism", **shown, share=percent(gap / nested, 1))


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def commands(
    model: "Model", tuning: "Tuning | None", evaluations: Sequence["Evaluation"], seed: int
) -> tuple[str, ...]:
    """Return the commands that make this model and this report from posts and clips."""
    card = model.card
    late = " --allow-post" if any(one.known == "post" for one in model.columns.values()) else ""
    lines = [f"virality extract posts.parquet{_extracting(card)}{late} -o features"]
    source = f" --target {card.target}"
    if card.tuned:
        lines.append(
            f"virality tune features --target {card.target} --trials {card.trials}"
            f"{_searching(card, tuning)}{late} --seed {card.seed} --study study.log"
        )
        source = " --study study.log"
    adapt = " --adapt" if model.recipe.adapt else ""
    lines.append(f"virality train features{source}{late}{adapt} --seed {card.seed} -o model")
    lines += [
        f"virality evaluate features --model model --split {one.split} --seed {seed}"
        for one in evaluations
    ]
    with_study = " --study study.log" if card.tuned else ""
    lines.append(f"virality report model features{with_study} --seed {seed} -o report.html")
    return tuple(lines)


def _extracting(card: "ModelCard") -> str:
    """Return the options of `extract` that the columns of a model tell."""
    there = set(card.features_by_modality)
    media = bool(there & set(FROM_MEDIA))
    told = " --media clips" if media else ""
    made = card.featurizers
    only = _only(set(made), there, (*FROM_POSTS, *FROM_MEDIA) if media else FROM_POSTS)
    told += f" --only {only}" if only else ""
    extras = [
        name for name, maker in EXTRA_MAKERS.items() if any(one.startswith(maker) for one in made)
    ]
    told += f" --with {','.join(extras)}" if extras else ""
    encoder = encoder_in(embedding_version(made))
    told += f" --encoder {encoder}" if encoder not in ("", ENCODER) else ""
    return told + (f" --views {card.views}" if card.views else "")


def _only(made: Set[str], present: Set[str], parts: Sequence[str]) -> str:
    """Return what `extract` has to be held to so that it makes no more; empty if to nothing.

    Args:
        made: featurizers behind the model's columns.
        present: parts of a post that it has columns of.
        parts: those that `extract` makes features of.
    """
    told: list[str] = []
    for part in parts:
        there = [name for name in MAKERS[part] if f"{part}_{name}" in made]
        if part in present and len(there) in (0, len(MAKERS[part])):
            told.append(part)
        else:
            told += [f"{part}_{name}" for name in there]
    return "" if told == list(parts) else ",".join(told)


def _searching(card: "ModelCard", tuning: "Tuning | None") -> str:
    tried = card.tried_libraries or (tuning.libraries if tuning is not None else ())
    libraries = f" --libraries {','.join(tried)}" if tried else ""
    if tuning is None:
        return libraries
    metric = f" --metric {tuning.measure}" if tuning.measure != "rmse" else ""
    return metric + libraries + (" --raw" if tuning.raw else "")
