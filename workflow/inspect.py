"""One clip -> everything that is known of it, on a page and as values.

Features come from an extraction of this one post, so they are what `virality extract` writes, to
the last digit; curves and pictures come from decoding the same content once more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from virality.data.errors import InputError
from virality.data.features import Features, read_features
from virality.data.limits import Limits
from virality.data.overwriting import refuse_overwriting, refuse_unwritable
from virality.data.reasons import REASONS
from virality.data.scratch import scratch
from virality.reports.inspection import Facts, Inspection
from virality.workflow.compare import measure
from virality.workflow.console import Progress
from virality.workflow.describe import write_page
from virality.workflow.film import cut_film, cut_opening
from virality.workflow.known import Known, posts_of_clips
from virality.workflow.timeline import draw_timeline

if TYPE_CHECKING:
    from virality.data.clip import Clip


@dataclass(frozen=True)
class Inspected:
    """An inspection, and where its page is."""

    inspection: Inspection
    page: str

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {**self.inspection.as_json(), "page": self.page}


def inspect(
    clip: Path,
    output: Path,
    *,
    against: Path | None = None,
    known: Known | None = None,
    without: Sequence[str] = (),
    extras: Sequence[str] = (),
    encoder: str = "",
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Inspected:
    """Look at one clip and write its page; a clip that cannot be read gets a page that says why.

    Args:
        clip: a media file.
        output: HTML file.
        against: folder of features to compare with.
        known: facts of the post.
        without: modalities or featurizers to leave out.
        extras: extras to compute too.
        encoder: sentence encoder of the caption; if empty, the one that `against` was made with
            where a package holds it, else the default one.
        limits: what the clip may cost, the defaults if not given.
        progress: told `(done, total)`.

    Raises:
        InputError: if there is no such file, or the folder is no folder of features.
        UsageError: if something to leave out is unknown, or an input would be written over.
        StorageError: if the page cannot be written.
    """
    from virality.reports.render import render_clip

    refuse_overwriting([output], [clip, against])
    refuse_unwritable(output, folders=True)
    others = read_features(against) if against is not None else None
    inspection = look(
        clip,
        others,
        known=known,
        without=without,
        extras=extras,
        encoder=encoder,
        limits=limits,
        progress=progress,
    )
    write_page(output, render_clip(inspection))
    return Inspected(inspection, str(output))


def look(
    clip: Path,
    others: Features | None = None,
    *,
    known: Known | None = None,
    without: Sequence[str] = (),
    extras: Sequence[str] = (),
    encoder: str = "",
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Inspection:
    """Return everything that is known of one clip; arguments and errors as in `inspect`."""
    from virality.data.decode import decode
    from virality.featurizers.sentence_encoder import packaged_encoder

    if clip.is_dir():
        raise InputError(f"{clip} is a folder; name one clip in it")
    if _is_no_text(str(clip)):
        raise InputError(f"{str(clip)!r}: the name is no UTF-8 text; rename the file")
    known = known or Known()
    if not encoder and others is not None:
        encoder = packaged_encoder(others.matrix.versions)
    features = _extracted(clip, known, without, extras, encoder, limits, progress)
    verdict = features.status.iloc[0]
    sha256 = str(verdict["source_sha256"])  # none if it was not even opened, and then it stays shut
    decoded = decode(clip, limits, sha256=sha256).clip if sha256 else None
    timeline, hook = draw_timeline(decoded) if decoded is not None else (None, ())
    frames = decoded.frames if decoded is not None else None
    measured, notes = measure(features, others)
    return Inspection(
        name=clip.name,
        status=str(verdict["status"]),
        reason=str(verdict["reason"]),
        explanation=REASONS[verdict["reason"]] if verdict["reason"] else "",
        detail=str(verdict["detail"]),
        caption=known.caption or "",
        facts=_facts(decoded) if decoded is not None else None,
        film=cut_film(frames) if frames is not None else (),
        opening=cut_opening(frames) if frames is not None else (),
        timeline=timeline,
        hook=hook,
        features=tuple(measured),
        others=len(others.matrix) if others is not None else 0,
        notes=tuple(notes),
    )


def _is_no_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _extracted(
    clip: Path,
    known: Known,
    without: Sequence[str],
    extras: Sequence[str],
    encoder: str,
    limits: Limits | None,
    progress: Progress | None,
) -> Features:
    from virality.featurizers.extract import extract

    posts, root = posts_of_clips([clip], known)
    with scratch() as folder:
        out = folder / "features"
        extract(
            posts, root, out, switched_off=without, extras=extras, encoder=encoder,
            limits=limits, progress=progress,
        )  # fmt: skip
        return read_features(out)


def _facts(clip: "Clip") -> Facts:
    return Facts(**{one.name: getattr(clip.stream, one.name) for one in fields(Facts)})
