"""What the pictures show, as a picture encoder sees it, and how much that changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import sqrt
from typing import Any

import numpy as np

from virality.data.clip import ByteArray, FloatArray, Frames
from virality.data.matrix import Column, Modality
from virality.featurizers.frames_export import (
    EXPORT_VERSION,
    SIDE_PX,
    STRIDE_PX,
    WIDTH,
    load_picture_model,
)
from virality.featurizers.opencv import load_opencv
from virality.featurizers.rows import stack_rows
from virality.featurizers.weights import PICTURE, open_session


def _block(block: str, meaning: str) -> tuple[Column, ...]:
    return tuple(
        Column(f"{block}_{number}", "frames", block=block, meaning=f"{meaning}, dimension {number}")
        for number in range(WIDTH)
    )


COLUMNS: tuple[Column, ...] = (
    *_block("mean", "picture embedding, mean over the clip"),
    *_block("first", "picture embedding of the first frame"),
    Column("change_mean", "frames", "cosine distance", meaning="new content from still to still"),
    Column("change_largest", "frames", "cosine distance", meaning="largest step between stills"),
    Column("change_first", "frames", "cosine distance", meaning="first still against the rest"),
    Column("change_ends", "frames", "cosine distance", meaning="first still against the last"),
    Column("change_spread", "frames", "cosine distance", meaning="stills against their mean"),
    Column("change_absolute", "frames", meaning="mean absolute step of an embedding's dimensions"),
)

_NAMES = tuple(column.name for column in COLUMNS[: 2 * WIDTH])


@dataclass(frozen=True)
class FramesEmbedding:
    """EfficientNet-lite0 (Tan and Le 2019, without swish and squeeze) through ONNX Runtime.

    A still is scaled by OpenCV's area averaging to as many pixels as 224 x 224 has, its shape kept
    (9:16 becomes 160 x 288). A centre crop throws away the upper and lower 22 % of an upright
    picture, where captions stand; a squeeze to a square distorts. Against the embedding of the
    whole still at full size, on 40 stills of ten clips, the mean cosine was .899, and .878
    squeezed, at the same cost. The scaler is part of the feature and so of the version.

    Change over time comes as six numbers and not as a third block of 1,280: most boosting time
    goes into embedding columns, and how much the pictures change is what is asked.
    """

    modality: Modality = "frames"
    version: str = f"1+{PICTURE.sha256[:8]}+export{EXPORT_VERSION}"

    @property
    def columns(self) -> tuple[Column, ...]:
        """What it returns, in order."""
        return COLUMNS

    def extract(self, batch: Sequence[Frames]) -> FloatArray:
        """Return shape (len(batch), 2566); change is NaN for a single still."""
        return stack_rows((_measure(frames) for frames in batch), self.columns)


def embed_stills(stills: ByteArray) -> FloatArray:
    """Return the embedding of every still, shape (n, WIDTH).

    One at a time: batches are no faster on one thread and need twelve times the memory.

    Args:
        stills: uint8 RGB, shape (n, height, width, 3), any size.
    """
    if len(stills) == 0:
        return np.zeros((0, WIDTH), dtype=np.float32)
    session = _load_session()
    found = [session.run(["embeddings"], {"stills": _scaled(still)[None]})[0] for still in stills]
    return np.concatenate(found)


def input_size(height: int, width: int) -> tuple[int, int]:
    """Return (height, width) of what the encoder sees of a still of that size.

    >>> input_size(398, 224), input_size(224, 224)
    ((288, 160), (224, 224))
    """
    scale = SIDE_PX / sqrt(height * width)
    tall, wide = (max(1, round(side * scale / STRIDE_PX)) for side in (height, width))
    return tall * STRIDE_PX, wide * STRIDE_PX


def _scaled(still: ByteArray) -> ByteArray:
    height, width = input_size(*still.shape[:2])
    cv2 = load_opencv()
    scaled: ByteArray = cv2.resize(still, (width, height), interpolation=cv2.INTER_AREA)
    return scaled


def _measure(frames: Frames) -> Mapping[str, float]:
    embeddings = embed_stills(frames.stills).astype(np.float64)
    if len(embeddings) == 0:
        return {}
    mean = embeddings.mean(axis=0)
    change = _change(embeddings) if len(embeddings) > 1 else {}
    values = [*mean.tolist(), *embeddings[0].tolist()]
    return dict(zip(_NAMES, values, strict=True)) | change


def _change(embeddings: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, float]:
    lengths = np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)
    units = embeddings / lengths
    steps = 1 - (units[1:] * units[:-1]).sum(axis=1)
    rest = units[1:].mean(axis=0)
    centre = units.mean(axis=0)
    return {
        "change_mean": float(steps.mean()),
        "change_largest": float(steps.max()),
        "change_first": 1 - float(units[0] @ rest) / max(1e-12, float(np.linalg.norm(rest))),
        "change_ends": 1 - float(units[0] @ units[-1]),
        "change_spread": 1 - float(np.linalg.norm(centre)),
        "change_absolute": float(np.abs(np.diff(embeddings, axis=0)).mean()),
    }


@cache
def _load_session() -> Any:
    return open_session(load_picture_model())
