"""Run featurizers over posts; a missing part becomes NaN here and only here."""

import contextlib
import fcntl
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from virality.data.decode import Limits
from virality.data.errors import InputError, StorageError, UsageError
from virality.data.features import Features, posts_in, write_features
from virality.data.gate import opened
from virality.data.matrix import MODALITIES, Known
from virality.data.media import Found, find_media
from virality.data.signs import compose
from virality.data.store import Store, open_sha256, sweep
from virality.featurizers import FEATURIZERS
from virality.featurizers.assemble import Part, assemble, chosen_extras
from virality.featurizers.audio_transcript import AudioTranscriptText
from virality.featurizers.base import Featurizer
from virality.featurizers.extras import switched_on
from virality.featurizers.frames_screen import FramesScreenText
from virality.featurizers.plan import Plan, plan_tasks
from virality.featurizers.pool import Crew
from virality.featurizers.variation import MOST_VIEWS
from virality.featurizers.worker import MEDIA_MODALITIES, Setup, Tell, say_nothing

__all__ = ["Extraction", "extract", "measure"]


@dataclass(frozen=True)
class Extraction:
    """What an extraction did.

    Attributes:
        counts: status -> posts.
        reasons: reason -> posts, without those that have none.
        computed: clips and distinct captions for which something was computed.
        reused: clips and distinct captions that were all there already.
        seconds: time taken by the clock.
        path: the feature folder.
        gone: posts that were in the folder and are not in this table, nor in the matrix any more.
    """

    counts: dict[str, int]
    reasons: dict[str, int]
    computed: int
    reused: int
    seconds: float
    path: Path
    gone: int = 0


def extract(
    posts: pd.DataFrame,
    media: Path | None,
    out: Path,
    *,
    only: Sequence[str] = (),
    jobs: int = 1,
    limits: Limits | None = None,
    progress: Callable[[int, int], None] | None = None,
    known: Mapping[str, Known] | None = None,
    switched_off: Sequence[str] = (),
    extras: Sequence[str] = (),
    encoder: str = "",
    views: int = 0,
    crew: Crew | None = None,
    tell: Tell | None = None,
    late: bool = False,
) -> Extraction:
    """Compute the features of posts into a feature folder, doing only what is missing there.

    Every post gets exactly one row, whatever its media file is. The matrix is the same to the byte
    for any number of jobs and after any interruption.

    Args:
        posts: a posts table.
        media: folder of the media files, None if there are none.
        out: feature folder, made if it does not exist.
        only: modalities or featurizers to run, all if empty.
        jobs: worker processes.
        limits: what one clip may cost.
        progress: called with (clips and captions done, all of them).
        known: provenance of `extra.*` columns; those known before posting become features.
        switched_off: modalities or featurizers to leave out.
        extras: what to compute beyond the default, see `featurizers.extras`.
        encoder: sentence encoder of captions and transcripts, the default one if empty.
        views: variations of every clip to add to the matrix, see `featurizers.variation`.
        crew: workers that stay for the next extraction; `jobs` new ones if not given.
        tell: told what a worker is about to do, see `featurizers.worker.Tell`.
        late: also add columns known only after posting, marked `post`: undeclared `extra.*` and
            the author's likes.

    Raises:
        InputError: if the media folder does not exist or ids repeat.
        UsageError: if a featurizer is unknown or nothing is left to run.
        StorageError: if the folder cannot be written or another run is writing it.
    """
    begin = time.perf_counter()
    how = _How(only, jobs, limits or Limits(), progress, known or {}, switched_off, extras,
               encoder, views, crew, tell, late)  # fmt: skip
    _check(posts, jobs, views)
    with _locked(out):
        features, plan = _measured(posts, media, out, how)
        gone = len(posts_in(out) - set(features.matrix.frame.index))
        write_features(out, features, known=known)
    counts = Counter(features.status["status"])
    reasons = Counter(reason for reason in features.status["reason"] if reason)
    seconds = time.perf_counter() - begin
    missing, reused = len(plan.missing), plan.reused
    return Extraction(dict(counts), dict(reasons), missing, reused, seconds, out, gone)


def measure(
    posts: pd.DataFrame,
    media: Path | None,
    out: Path,
    *,
    only: Sequence[str] = (),
    jobs: int = 1,
    limits: Limits | None = None,
    progress: Callable[[int, int], None] | None = None,
    extras: Sequence[str] = (),
    encoder: str = "",
    views: int = 0,
    crew: Crew | None = None,
    tell: Tell | None = None,
    known: Mapping[str, Known] | None = None,
    late: bool = False,
) -> Features:
    """Return the features that `extract` would write, and write only their rows.

    A table of thousands of columns takes longer to write and read than one clip to measure.
    Arguments and errors as of `extract`.
    """
    how = _How(only, jobs, limits or Limits(), progress, known or {}, (), extras, encoder,
               views, crew, tell, late)  # fmt: skip
    _check(posts, jobs, views)
    with _locked(out):
        return _measured(posts, media, out, how)[0]


@dataclass(frozen=True)
class _How:
    """How to extract: the arguments of `extract`."""

    only: Sequence[str]
    jobs: int
    limits: Limits
    progress: Callable[[int, int], None] | None
    known: Mapping[str, Known]
    switched_off: Sequence[str]
    extras: Sequence[str]
    encoder: str
    views: int
    crew: Crew | None
    tell: Tell | None
    late: bool


def _measured(
    posts: pd.DataFrame, media: Path | None, out: Path, how: _How
) -> tuple[Features, Plan]:
    """Compute what the store of a locked folder lacks; return the features and what was done."""
    featurizers = with_encoder(choose(how.only, how.switched_off, how.extras), how.encoder)
    wanted = _wants("metadata", how.only, how.switched_off)
    declared = chosen_extras(posts, how.known, how.late) if wanted else ()
    needs_media = any(one.modality in MEDIA_MODALITIES for one in featurizers.values())
    found = find_media(posts, media) if needs_media else []
    setup = Setup(out / "rows", featurizers, how.limits, how.views, how.tell is not None)
    store = Store(setup.rows)
    for folder in (out, setup.rows):
        sweep(folder)
    parts = _parts(posts, found, how.jobs, setup.limits)
    plan = plan_tasks(parts, setup, store)
    with contextlib.nullcontext(how.crew) if how.crew else Crew(how.jobs) as workers:
        failures = _run(setup, plan, store, workers, how.progress, how.tell or say_nothing)
    return assemble(posts, parts, setup, store, failures, declared, needs_media), plan


def choose(
    only: Sequence[str], switched_off: Sequence[str], extras: Sequence[str] = ()
) -> dict[str, Featurizer[Any]]:
    """Return the featurizers to run, in column order, those of extras last.

    Raises:
        UsageError: if a name is neither a modality nor a featurizer, none is left, an extra is
            unknown or its package is not installed.
    """
    asked = switched_on(extras)
    there = {**FEATURIZERS, **asked}
    names = {*MODALITIES, *there}
    for name in (*only, *switched_off):
        if name not in names:
            kinds = ", ".join(dict.fromkeys(one.modality for one in there.values()))
            raise UsageError(
                f"{name!r} is no modality or featurizer; modalities are {kinds}, `virality list` "
                "names the featurizers"
            )
    chosen = {
        name: featurizer
        for name, featurizer in there.items()
        if (not only or name in asked or {name, featurizer.modality} & set(only))
        and not {name, featurizer.modality} & set(switched_off)
    }
    if not chosen:
        raise UsageError("no featurizer is left to run; ask for more or switch off less")
    return chosen


def with_encoder(
    featurizers: dict[str, Featurizer[Any]], encoder: str
) -> dict[str, Featurizer[Any]]:
    """Return the featurizers with another sentence encoder, unless the name is empty.

    Args:
        featurizers: by name.
        encoder: a packaged encoder, or the name or folder of a sentence-transformers model.
    """
    from virality.featurizers.text_embedding import TextEmbedding

    if not encoder:
        return featurizers
    named = TextEmbedding(encoder)
    others: dict[str, Featurizer[Any]] = {
        "text_embedding": named,
        "audio_transcript_embedding": AudioTranscriptText(named),
        "frames_screen_embedding": FramesScreenText(named),
    }
    return {name: others.get(name, featurizer) for name, featurizer in featurizers.items()}


def _wants(modality: str, only: Sequence[str], switched_off: Sequence[str]) -> bool:
    return (not only or modality in only) and modality not in switched_off


def _check(posts: pd.DataFrame, jobs: int, views: int) -> None:
    if jobs < 1:
        raise UsageError(f"jobs is {jobs}; give 1 or more")
    if not 0 <= views <= MOST_VIEWS:
        raise UsageError(f"views is {views}; give 0 to {MOST_VIEWS}")
    if not len(posts):
        raise InputError("the table holds no posts; ingest some first")
    if posts["id"].isna().any():
        raise InputError("a post has no id; run `virality validate` on the table")
    if posts["id"].duplicated().any():
        twice = posts["id"][posts["id"].duplicated()].iloc[0]
        raise InputError(f"post {twice!r} stands in the table more than once; keep one of them")


@contextlib.contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Hold a feature folder for one writer; the lock goes with the process, however it ends."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(out / ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StorageError(f"{out}: cannot be written ({error.strerror}); name another") from error
    try:
        _lock(descriptor, out)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, out: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StorageError(f"{out}: another run is writing it; wait for it to end") from None
    except OSError as error:
        raise StorageError(f"{out}: cannot be locked ({error.strerror}); name another") from error


def _parts(posts: pd.DataFrame, found: Sequence[Found], jobs: int, limits: Limits) -> list[Part]:
    """Return what each post consists of: its caption and its clip, by content."""
    captions = posts["caption"] if "caption" in posts else [None] * len(posts)
    with ThreadPoolExecutor(jobs) as threads:
        clips = list(threads.map(lambda one: _hashed(one, limits), found))
    clips = clips or [(None, "", "")] * len(posts)
    return [Part(_caption(text), *clip) for text, clip in zip(captions, clips, strict=True)]


def _caption(text: object) -> str | None:
    """Return a caption in the one spelling of all that look the same, None if it is blank."""
    return compose(str(text)) if isinstance(text, str) and text.strip() else None


def _hashed(found: Found, limits: Limits) -> tuple[Path | None, str, str]:
    """Return (path, SHA-256, reason); a file that the gate refuses is not even hashed."""
    if found.path is None:
        return None, "", found.reason
    with opened(found.path, limits.file_bytes) as admitted:
        if admitted.descriptor < 0 or admitted.reason in ("unreadable", "too_large"):
            return None, "", admitted.reason
        try:
            return found.path, open_sha256(admitted.descriptor), admitted.reason
        except OSError:
            return None, "", "unreadable"


def _run(
    setup: Setup,
    plan: Plan,
    store: Store,
    crew: Crew,
    progress: Callable[[int, int], None] | None,
    tell: Tell,
) -> dict[str, dict[str, str]]:
    """Do what is missing; return source -> featurizer -> failure."""
    failures: dict[str, dict[str, str]] = {}
    total = len(plan.missing) + plan.reused
    done = plan.reused
    with contextlib.closing(crew.run(setup, plan.tasks, tell)) as results:
        for result in results:
            task = plan.tasks[result.number]
            if result.file:
                store.take(result.file)
            store.remember(result.fleeting)
            for source in task.sources if result.failures else ():
                failures.setdefault(source, {}).update(result.failures)
            done += len(plan.credits[result.number])
            if progress is not None:
                progress(done, total)
    return failures
