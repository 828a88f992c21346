"""Jobs and facts of a post as pages and programs see them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from virality.web.ask import read_known

if TYPE_CHECKING:
    from virality.web.jobs import Job
    from virality.workflow.predict import Known


def state_of(job: "Job") -> dict[str, Any]:
    """Return how far a job is."""
    return {
        "id": job.id, "state": job.state, "stage": job.stage, "done": job.done, "total": job.total,
    }  # fmt: skip


def texts_of(known: "Known") -> dict[str, str]:
    """Return facts of a post as the fields of a form; unknown ones are empty."""
    moment = known.posted_at.strftime("%Y-%m-%dT%H:%M:%S") if known.posted_at else ""
    original = "" if known.sound_original is None else str(known.sound_original).lower()
    return {
        "caption": known.caption or "",
        "hashtags": " ".join(known.hashtags),
        "author": known.author or "",
        "followers": "" if known.followers is None else str(known.followers),
        "posted_at": moment,
        "sound": known.sound or "",
        "sound_title": known.sound_title or "",
        "sound_original": original,
    }


def fields_of(known: "Known", changes: Mapping[str, Any]) -> "Known":
    """Return facts of a post with some of them changed.

    Raises:
        Refusal: naming the field that cannot be used.
    """
    from dataclasses import replace

    texts = texts_of(known)
    for name, value in changes.items():
        texts[name] = str(value).lower() if isinstance(value, bool) else str(value)
    caption = texts.pop("caption").strip()
    return replace(read_known(texts), caption=caption or None)
