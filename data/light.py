"""From high dynamic range and wide colours to what an ordinary screen shows.

Phones record HLG, films come in PQ, both in the colours of BT.2020. Taken for ordinary samples such
pictures are grey and flat. Here their light is worked out, its colours are those of BT.709 again,
and what is brighter than white is bent to below it, as a platform does that makes an ordinary clip
of them. All is done by tables and single products, so that every processor gives the same.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt

from virality.data.clip import ByteArray, FloatArray

PQ, HLG = 16, 18
BT709, BT2020, P3 = 1, 9, 12
"""Curves and primaries as ITU-T H.273 numbers them."""

UNTOLD = 2
"""How H.273 says that nobody said."""

HD_HEIGHT_PX, HD_WIDTH_PX = 720, 1280
"""Pictures at least so high or so wide are taken for BT.709's."""

WHITE_NITS = 203.0
"""Light of a white sheet in HDR (ITU-R BT.2408), which is white on an ordinary screen."""

HLG_PEAK_NITS, HLG_GAMMA = 1000.0, 1.2
"""The screen that HLG is meant for (ITU-R BT.2100)."""

KNEE = 0.25
"""Light up to this share of white stays as it is; what is brighter shares the room above it."""

SCREEN_GAMMA = 2.4
"""An ordinary screen's (ITU-R BT.1886)."""

_LEVELS = 65_536
_TO_BT709 = {
    BT709: ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    BT2020: ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187)),
    P3: ((1.2249, -0.2247, 0.0), (-0.0420, 1.0419, 0.0), (-0.0197, -0.0786, 1.0979)),
}
_LUMINANCE_2020 = (0.2627, 0.6780, 0.0593)
_LUMA_709 = (0.2126, 0.7152, 0.0722)


def is_ordinary(curve: int, primaries: int) -> bool:
    """Tell whether a picture's samples are what an ordinary screen takes.

    Args:
        curve: number of its transfer characteristics.
        primaries: number of its colour primaries.
    """
    return curve not in (PQ, HLG) and primaries not in (BT2020, P3)


def matrix_of(matrix: int, width: int, height: int, curve: int, primaries: int) -> int:
    """Return the matrix that makes RGB of a picture's samples, as H.273 numbers them.

    Where a clip names none, players go by the size: HD is BT.709, less is left to be BT.601, as it
    came from television. Chromium asks for the height, mpv and Android for the width as well.
    HLG, PQ and the colours of BT.2020 come with a matrix of their own.

    Args:
        matrix: what the clip names.
        width: of the picture as it is stored.
        height: likewise.
        curve: as of `is_ordinary`.
        primaries: as of `is_ordinary`.
    """
    if matrix != UNTOLD:
        return matrix
    if curve in (PQ, HLG) or primaries == BT2020:
        return BT2020
    return BT709 if height >= HD_HEIGHT_PX or width >= HD_WIDTH_PX else matrix


def to_screen(samples: npt.NDArray[np.uint16], curve: int, primaries: int) -> ByteArray:
    """Return a picture as an ordinary screen shows it, uint8 RGB of the same shape.

    Args:
        samples: RGB, shape (height, width, 3), full range.
        curve: as of `is_ordinary`; neither PQ nor HLG is taken for an ordinary screen's.
        primaries: as of `is_ordinary`; of PQ and HLG those of BT.2020 if it names none known here.
    """
    light: FloatArray = _table(curve)[samples]
    if curve == HLG:
        light = light * _hlg_gain()[_places(_mixed(light, _LUMINANCE_2020))][..., None]
    rows = _TO_BT709.get(primaries, _TO_BT709[BT2020])
    light = np.maximum(np.stack([_mixed(light, row) for row in rows], axis=-1), 0)
    if curve in (PQ, HLG):
        light = light * _dimmed(light.max(axis=-1))[..., None]
    return _screen()[_places(np.sqrt(light))]


def to_grey(picture: ByteArray) -> ByteArray:
    """Return the luma of an RGB picture, uint8, shape (height, width)."""
    return np.round(_mixed(picture.astype(np.float32), _LUMA_709)).astype(np.uint8)


def _mixed(light: FloatArray, row: tuple[float, float, float]) -> FloatArray:
    red, green, blue = (light[..., place] * np.float32(row[place]) for place in range(3))
    mixed: FloatArray = red + green + blue
    return mixed


def _dimmed(brightest: FloatArray) -> FloatArray:
    """Return what to multiply light with: 1 up to the knee, and HLG's peak becomes white."""
    room = 1 - KNEE
    most = (HLG_PEAK_NITS / WHITE_NITS - KNEE) / room
    over = np.minimum(np.maximum(brightest - KNEE, 0) / np.float32(room), np.float32(most))
    bent = KNEE + room * over * (1 + over / np.float32(most**2)) / (1 + over)
    return np.where(brightest > KNEE, bent / np.maximum(brightest, KNEE), 1).astype(np.float32)


def _places(shares: FloatArray) -> npt.NDArray[np.int64]:
    """Return where shares of 1 stand in a table; those outside stand at its ends."""
    return np.round(np.clip(shares, 0, 1) * np.float32(_LEVELS - 1)).astype(np.int64)


@cache
def _table(curve: int) -> FloatArray:
    """Return the light of each sample, of white 1; of HLG that of the scene, of its peak 1."""
    samples = np.linspace(0, 1, _LEVELS)
    known: dict[int, Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]]
    known = {PQ: _pq, HLG: _hlg}
    light = known[curve](samples) if curve in known else samples**SCREEN_GAMMA
    return light.astype(np.float32)


def _pq(samples: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the light of samples by SMPTE ST 2084."""
    root = samples ** (32 / 2523)
    over = np.maximum(root - 3424 / 4096, 0) / (2413 / 128 - 2392 / 128 * root)
    return 10_000 / WHITE_NITS * over ** (8192 / 1305)


def _hlg(samples: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the light of the scene by ARIB STD-B67."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(samples <= 0.5, samples**2 / 3, (np.exp((samples - c) / a) + b) / 12)


@cache
def _hlg_gain() -> FloatArray:
    """Return what the screen makes of the scene's light, by its luminance."""
    luminance = np.linspace(0, 1, _LEVELS)
    return (HLG_PEAK_NITS / WHITE_NITS * luminance ** (HLG_GAMMA - 1)).astype(np.float32)


@cache
def _screen() -> ByteArray:
    """Return the sample that makes an ordinary screen give light, by the root of that light."""
    roots = np.linspace(0, 1, _LEVELS)
    return np.round(255 * roots ** (2 / SCREEN_GAMMA)).astype(np.uint8)
