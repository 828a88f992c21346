"""Make workers ready before the first request: everything is loaded by measuring a made clip."""

from pathlib import Path
from typing import TYPE_CHECKING

from virality.workflow.known import Known
from virality.workflow.predictor import Candidate, Predictor

if TYPE_CHECKING:
    from virality.featurizers.pool import Crew

SECONDS = 3
CAPTION = "wait for it #fyp"


def warm_aside(predictor: Predictor, crew: "Crew") -> None:
    """Predict for a caption alone, which is all that a crew for what-if ever measures.

    Raises:
        StorageError: if nothing can be stored.
    """
    predictor.predict([Candidate("warm", None, Known(caption=CAPTION))], crew)


def warm(predictor: Predictor, crew: "Crew", folder: Path) -> None:
    """Predict for a made clip with a caption, so that encoders are loaded and code is compiled.

    Args:
        predictor: whose model says what has to be loaded.
        crew: the workers.
        folder: where the clip may lie meanwhile.

    Raises:
        StorageError: if the clip cannot be written.
    """
    from virality.data.synthetic_clip import ClipPlan, PicturePlan, write_clip
    from virality.data.synthetic_sound import SoundPlan

    clip = folder / "warm.mp4"
    picture = PicturePlan(fps=10, frames=10 * SECONDS, cuts=2, brightness=0.5, speed=0.3)
    write_clip(clip, ClipPlan(picture, SoundPlan(SECONDS, 0.5, 0.0, -20.0), (0,)))
    try:
        predictor.predict([Candidate("warm", clip, Known(caption=CAPTION))], crew)
    finally:
        clip.unlink(missing_ok=True)
