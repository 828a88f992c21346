"""Text on a picture, read by RapidOCR (PP-OCR: Du et al. 2020, https://arxiv.org/abs/2009.09941)."""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from virality.data.clip import ByteArray, Frames
from virality.featurizers.opencv import load_opencv
from virality.featurizers.weights import Weights

LOOKS = 4
"""Stills that are read: the first, then evenly over the clip; reading is slow."""

ENLARGED = 2
"""Stills are small: letters of 8 pixels are found once they have 16."""

LEAST_CERTAINTY = 0.6


def _weights(file: str, sha256: str) -> Weights:
    return Weights(
        "text on screen", "rapidocr==3.10.0", "rapidocr", f"models/{file}", sha256, "Apache-2.0"
    )


FINDING = _weights(
    "PP-OCRv6_det_small.onnx", "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f"
)
READING = _weights(
    "PP-OCRv6_rec_small.onnx", "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884"
)


@dataclass(frozen=True)
class Screen:
    """The text of one picture.

    Attributes:
        lines: as read, from the top.
        area_share: part of the picture that they cover.
    """

    lines: tuple[str, ...]
    area_share: float


_seen: "OrderedDict[str, tuple[Screen, ...]]" = OrderedDict()
"""The latest clips of this process: several featurizers read the same text, one by one."""

_KEPT = 8


def read_screens(frames: Frames) -> tuple[Screen, ...]:
    """Return the text of at most LOOKS stills, the first one's first.

    Raises:
        StorageError: if weights are missing or not the ones expected.
    """
    picked = np.unique(np.linspace(0, len(frames.stills) - 1, LOOKS).round().astype(np.int64))
    stills = np.ascontiguousarray(frames.stills[picked])
    key = hashlib.sha256(repr(stills.shape).encode() + stills.tobytes()).hexdigest()
    if key not in _seen:
        while len(_seen) >= _KEPT:
            _seen.popitem(last=False)
        _seen[key] = tuple(_read(still) for still in stills)
    return _seen[key]


def _read(still: ByteArray) -> Screen:
    cv2 = load_opencv()
    height, width = still.shape[:2]
    large = cv2.resize(still, (width * ENLARGED, height * ENLARGED), interpolation=cv2.INTER_CUBIC)
    found = _load_reader()(np.ascontiguousarray(large[:, :, ::-1]))
    if found.txts is None or found.boxes is None:
        return Screen((), 0.0)
    kept = [
        (box, text)
        for box, text, sure in zip(found.boxes, found.txts, found.scores, strict=True)
        if sure >= LEAST_CERTAINTY and text.strip()
    ]
    covered = np.zeros(large.shape[:2], np.uint8)
    for box, _ in kept:
        cv2.fillConvexPoly(covered, np.asarray(box).round().astype(np.int32), 1)
    ordered = sorted(kept, key=lambda one: (float(np.asarray(one[0])[:, 1].min()), one[1]))
    return Screen(tuple(text.strip() for _, text in ordered), float(covered.mean()))


@cache
def _load_reader() -> Any:
    """Load the models of the package, checked; nothing is fetched."""
    for weights in (FINDING, READING):
        weights.read()
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.use_cls": False,
            "Det.model_path": str(FINDING.find()),
            "Rec.model_path": str(READING.find()),
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )
