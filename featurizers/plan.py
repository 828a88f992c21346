"""What is missing in a store, as tasks for workers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from virality.data.store import Store
from virality.featurizers.assemble import Part
from virality.featurizers.worker import MEDIA_MODALITIES, Setup, Task, row_key, verdict_key

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
        Task(number, sources, path, names) for number, (sources, path, names) in enumerate(work)
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


Work = tuple[tuple[str, ...], Path | None, tuple[str, ...]]


def _caption_work(captions: Sequence[str], setup: Setup, store: Store) -> Iterator[Work]:
    """Yield batches, a featurizer each: two workers then share even a short table's captions."""
    for name in _names(setup, ("text",)):
        featurizer = setup.featurizers[name]
        width = len(featurizer.columns)
        lacking = [
            text for text in captions if store.row(row_key(name, featurizer, text), width) is None
        ]
        for start in range(0, len(lacking), CAPTIONS_A_TASK):
            yield tuple(lacking[start : start + CAPTIONS_A_TASK]), None, (name,)


def _clip_work(clips: Mapping[str, Path], setup: Setup, store: Store) -> Iterator[Work]:
    names = _names(setup, MEDIA_MODALITIES)
    for sha256, path in clips.items():
        verdict = verdict_of(store, sha256, setup)
        if verdict is not None and verdict["status"] == "failed":
            continue
        lacking = tuple(
            name
            for name in names
            if store.row(
                row_key(name, setup.featurizers[name], sha256),
                len(setup.featurizers[name].columns),
            )
            is None
        )
        if names and (lacking or verdict is None):
            yield (sha256,), path, lacking


def verdict_of(store: Store, sha256: str, setup: Setup) -> dict[str, str | float] | None:
    """Return what the store says about a clip under these limits, None if nothing."""
    import json

    value = store.value(verdict_key(sha256, setup.limits))
    return dict(json.loads(value)) if value is not None else None
