"""Variations of a clip: the same post looked at and listened to a little differently.

Learning from a few of them beside the clip itself teaches a model which small differences do not
matter, and a prediction averaged over them wavers less (augmentation and test-time averaging,
Simard et al. 2003, https://doi.org/10.1109/ICDAR.2003.1227801; Krizhevsky et al. 2012). A clip is
decoded once and the decoded arrays are varied, so a view costs only its features.

How a view differs follows from the clip's content and the view's number alone.
"""

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from virality.data.clip import Audio, ByteArray, Clip, Frames
from virality.featurizers.opencv import load_opencv

VARIATION_VERSION = "1"

MOST_VIEWS = 16
VARIED_MODALITIES = ("audio", "frames")
"""What a view sees anew; facts of the file, the caption and the post stay those of the post."""

SCALE = (1.08, 1.18)
"""Enlargement before the picture is cropped to its size; the least leaves no corner empty."""

LARGEST_TURN_DEG = 2.0
LONGEST_SHIFT_S = 0.4
LONGEST_SHIFT_SHARE = 0.05
LARGEST_GAIN_DB = 3.0


@dataclass(frozen=True)
class Variation:
    """How a view differs from its clip.

    Attributes:
        scale: enlargement, above 1; what no longer fits is cropped.
        turn_deg: rotation, counterclockwise.
        place: where the crop lies, across and down, -1 to 1 of the room there is.
        shift_s: how much is cut off at the beginning.
        gain_db: loudness added; peaks beyond full scale are clipped.
    """

    scale: float
    turn_deg: float
    place: tuple[float, float]
    shift_s: float
    gain_db: float


def view_source(sha256: str, view: int) -> str:
    """Return what the rows of a view are stored under; the clip's own hash for view 0."""
    return sha256 if view == 0 else f"{sha256}/view-{view}/variation-{VARIATION_VERSION}"


def draw_variation(sha256: str, view: int, duration_s: float) -> Variation:
    """Return the variation of a clip's view, the same one every time.

    Args:
        sha256: of the clip's file.
        view: 1 or more.
        duration_s: length of the clip, which bounds the shift.
    """
    digest = hashlib.sha256(view_source(sha256, view).encode()).digest()
    rng = np.random.default_rng(np.frombuffer(digest, np.uint64))
    longest_s = min(LONGEST_SHIFT_S, LONGEST_SHIFT_SHARE * max(duration_s, 0.0))
    return Variation(
        scale=float(rng.uniform(*SCALE)),
        turn_deg=float(rng.uniform(-LARGEST_TURN_DEG, LARGEST_TURN_DEG)),
        place=(float(rng.uniform(-1, 1)), float(rng.uniform(-1, 1))),
        shift_s=float(rng.uniform(0, longest_s)),
        gain_db=float(rng.uniform(-LARGEST_GAIN_DB, LARGEST_GAIN_DB)),
    )


def vary(clip: Clip, sha256: str, view: int) -> Clip:
    """Return a view of a decoded clip; the clip itself stays as it is.

    Args:
        clip: what was decoded.
        sha256: of its file.
        view: 1 or more.
    """
    lengths = [part.duration_s for part in (clip.frames, clip.audio) if part is not None]
    variation = draw_variation(sha256, view, max(lengths, default=0.0))
    frames = None if clip.frames is None else vary_frames(clip.frames, variation)
    audio = None if clip.audio is None else vary_audio(clip.audio, variation)
    return replace(clip, frames=frames, audio=audio)


def vary_frames(frames: Frames, variation: Variation) -> Frames:
    """Return the pictures turned, enlarged and cropped, without the beginning that is cut off.

    The first still stays the first picture: it is at most LONGEST_SHIFT_S older than it should be.
    """
    shift_s = variation.shift_s
    later = frames.motion_times_s >= shift_s
    later[-1:] = True
    kept = frames.still_times_s > shift_s
    kept[:1] = True
    return Frames(
        stills=_warped(frames.stills[kept], variation),
        still_times_s=np.maximum(frames.still_times_s[kept] - shift_s, 0.0),
        motion=_warped(frames.motion[later], variation),
        motion_times_s=np.maximum(frames.motion_times_s[later] - shift_s, 0.0),
        duration_s=max(frames.duration_s - shift_s, 0.0),
    )


def vary_audio(audio: Audio, variation: Variation) -> Audio:
    """Return the sound louder or softer, without the beginning that is cut off."""
    samples = audio.samples[round(variation.shift_s * audio.rate_hz) :]
    gain = np.float32(10.0 ** (variation.gain_db / 20.0))
    return replace(audio, samples=np.clip(samples * gain, -1.0, 1.0).astype(np.float32))


def _warped(pictures: ByteArray, variation: Variation) -> ByteArray:
    if not len(pictures):
        return pictures
    cv2 = load_opencv()
    matrix = _matrix(cv2, pictures.shape[2], pictures.shape[1], variation)
    size = (pictures.shape[2], pictures.shape[1])
    return np.stack(
        [
            cv2.warpAffine(
                picture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
            )
            for picture in pictures
        ]
    )


def _matrix(cv2: Any, width: int, height: int, variation: Variation) -> Any:
    """Return the affine map of a picture: about its centre, then the crop moved within its room."""
    matrix = cv2.getRotationMatrix2D(
        ((width - 1) / 2, (height - 1) / 2), variation.turn_deg, variation.scale
    )
    turn = np.deg2rad(abs(variation.turn_deg))
    for axis, (side, other) in enumerate(((width, height), (height, width))):
        needed = side * np.cos(turn) + other * np.sin(turn)
        room = max(variation.scale * side - needed, 0.0) / 2
        matrix[axis, 2] += variation.place[axis] * room
    return matrix
