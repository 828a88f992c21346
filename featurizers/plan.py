"""What is missing in a store, as tasks for workers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from virality.data.store import Store
from virality.featurizers.assemble import Part
from virality.featurizers.variation import VARIED_MODALITIES, view_source
from virality.featurizers.verdict import find_verdict
from virality.featurizers.worker import MEDIA_MODALITIES, Setup, Task, row_key

CAPTIONS_A_TASK = 128


@dataclass(frozen=True)
class Plan:
    """Tasks, and how far each brings the run.

    Attributes:
        tasks: what to do.
        credits: for each task, the sources that are complete with it.
        missing: clips (SHA-256) and captions for which something is to do.
        reused: how many clips and distinct captions need nothing.
    """

    tasks: tuple[Task, ...]
    credits: tuple[frozenset[str], ...]
    missing: frozenset[str]
    reused: int


def plan_tasks(parts: Sequence[Part], setup: Setup, store: Store) -> Plan:
    """Return the tasks for all that the store lacks: clips one by one, captions in batches.

    A caption or clip that several posts share is one source. Captions are sorted by length, so
    that an encoder pads little.
    """
    clips = {part.sha256: part.path for part in parts if part.path is not None and not part.reason}
    captions = sorted({part.caption for part in parts if part.caption}, key=lambda c: (len(c), c))
    work = [*_caption_work(captions, setup, store), *_clip_work(clips, setup, store)]
    tasks = tuple(
        Task(number, sources, path, names, views)
        for number, (sources, path, names, views) in enumerate(work)
    )
    missing = frozenset(source for task in tasks for source in task.sources)
    texts = captions if _names(setup, ("text",)) else []
    media = clips if _names(setup, MEDIA_MODALITIES) else {}
    reused = len({*texts, *media} - missing)
    return Plan(tasks, _credits(tasks), missing, reused)


def _credits(tasks: Sequence[Task]) -> tuple[frozenset[str], ...]:
    """Credit each source to the last task that works on it."""
    last = {source: task.number for task in tasks for source in task.sources}
    return tuple(
        frozenset(source for source in task.sources if last[source] == task.number)
        for task in tasks
    )


def _names(setup: Setup, modalities: Sequence[str]) -> list[str]:
    return [name for name, one in setup.featurizers.items() if one.modality in modalities]


Names = tuple[str, ...]
Work = tuple[tuple[str, ...], Path | None, Names, tuple[Names, ...]]


def _caption_work(captions: Sequence[str], setup: Setup, store: Store) -> Iterator[Work]:
    """Yield batches, a featurizer each: two workers then share even a short table's captions."""
    for name in _names(setup, ("text",)):
        featurizer = setup.featurizers[name]
        width = len(featurizer.columns)
        lacking = [
            text for text in captions if store.row(row_key(name, featurizer, text), width) is None
        ]
        for start in range(0, len(lacking), CAPTIONS_A_TASK):
            yield tuple(lacking[start : start + CAPTIONS_A_TASK]), None, (name,), ()


def _clip_work(clips: Mapping[str, Path], setup: Setup, store: Store) -> Iterator[Work]:
    names = _names(setup, MEDIA_MODALITIES)
    varied = _names(setup, VARIED_MODALITIES)
    for sha256, path in clips.items():
        verdict = find_verdict(store, sha256, setup.limits)
        if verdict is not None and verdict["status"] == "failed":
            continue
        lacking = _lacking(setup, store, names, sha256)
        views = tuple(
            _lacking(setup, store, varied, view_source(sha256, view))
            for view in range(1, setup.views + 1)
        )
        if names and (lacking or any(views) or verdict is None):
            yield (sha256,), path, lacking, views


def _lacking(setup: Setup, store: Store, names: Sequence[str], source: str) -> Names:
    """Return the featurizers whose row of a clip, or of a view of it, is not in the store."""
    return tuple(
        name
        for name in names
        if store.row(
            row_key(name, setup.featurizers[name], source), len(setup.featurizers[name].columns)
        )
        is None
    )
