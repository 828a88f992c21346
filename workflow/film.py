"""Pictures of a decoded clip as small JPEG files in data URIs."""

import base64

import numpy as np

from virality.data.clip import ByteArray, Frames
from virality.reports.inspection import OPENING_S, Still

QUALITIES = (82, 60, 40, 20)
MOST_BYTES = 1_200_000
"""Pictures of noise are the worst case: they are stored coarser until all fit."""

THUMB_SIDE_PX = 96
OPENING_STEP_S = 0.5


def cut_film(frames: Frames) -> tuple[Still, ...]:
    """Return the stills of a clip, the best quality that keeps them under MOST_BYTES together."""
    coded = _coded(frames.stills)
    return tuple(
        Still(
            at_s=round(float(at_s), 3), width=still.shape[1], height=still.shape[0],
            picture=_uri(raw), thumb=_uri(_jpeg(_smaller(still), 70)),
        )
        for at_s, still, raw in zip(frames.still_times_s, frames.stills, coded, strict=True)
    )  # fmt: skip


def cut_opening(frames: Frames) -> tuple[Still, ...]:
    """Return the grey pictures that motion is measured on, one every half second of the opening."""
    last_s = min(OPENING_S, frames.duration_s)
    wanted = frames.motion_times_s[0] + np.arange(0, last_s, OPENING_STEP_S)
    found = np.searchsorted(frames.motion_times_s, wanted + 1e-6, side="right") - 1
    return tuple(
        Still(
            at_s=round(float(frames.motion_times_s[place]), 3),
            width=frames.motion.shape[2],
            height=frames.motion.shape[1],
            picture=_uri(_jpeg(frames.motion[place], 80)),
        )
        for place in np.unique(np.maximum(found, 0))
    )


def _coded(stills: ByteArray) -> list[bytes]:
    coded: list[bytes] = []
    for quality in QUALITIES:
        coded = [_jpeg(still, quality) for still in stills]
        if sum(map(len, coded)) <= MOST_BYTES:
            break
    return coded


def _smaller(picture: ByteArray) -> ByteArray:
    from virality.featurizers.opencv import load_opencv

    cv2 = load_opencv()
    scale = THUMB_SIDE_PX / min(picture.shape[:2])
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    small: ByteArray = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return small


def _jpeg(picture: ByteArray, quality: int) -> bytes:
    """Return an RGB or grey picture as JPEG; the same bytes for the same picture."""
    from virality.featurizers.opencv import load_opencv

    cv2 = load_opencv()
    order = picture[:, :, ::-1] if picture.ndim == 3 else picture
    _, coded = cv2.imencode(".jpg", order, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return bytes(coded)


def _uri(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}"
