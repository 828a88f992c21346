"""Make workers ready before the first request: everything is loaded by measuring a made clip."""

from typing import TYPE_CHECKING

from virality.data.errors import StorageError
from virality.data.scratch import scratch
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


def warm(predictor: Predictor, crew: "Crew") -> None:
    """Predict for a made clip with a caption, so that encoders are loaded and code is compiled.

    Args:
        predictor: whose model says what has to be loaded.
        crew: the workers.

    Raises:
        StorageError: if the clip, or what is measured of it, cannot be written.
    """
    from virality.data.synthetic_clip import ClipPlan, PicturePlan, write_clip
    from virality.data.synthetic_sound import SoundPlan

    picture = PicturePlan(fps=10, frames=10 * SECONDS, cuts=2, brightness=0.5, speed=0.3)
    with scratch() as folder:
        clip = folder / "warm.mp4"
        try:
            write_clip(clip, ClipPlan(picture, SoundPlan(SECONDS, 0.5, 0.0, -20.0), (0,)))
        except OSError as error:
            raise StorageError(
                f"{clip}: cannot be written ({error.strerror or error}); make room there"
            ) from error
        predictor.predict([Candidate("warm", clip, Known(caption=CAPTION))], crew)
