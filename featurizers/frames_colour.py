"""Light and colour of the pictures, over the clip and in the first frame."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from virality.data.clip import ByteArray, FloatArray, Frames
from virality.data.matrix import Column, Modality
from virality.featurizers.opencv import load_opencv
from virality.featurizers.rows import NAN, stack_rows

HUE_BINS = 12
"""Sectors of 30 degrees, the first around red."""

LEAST_CHROMA = 0.15
"""Pixels with less colour than this (saturation times value) are grey and have no hue."""

LEAST_COLOURED_SHARE = 0.005

_MIXTURES = np.array(
    [
        [0.2126, 0.7152, 0.0722],  # luma of BT.709
        [1.0, -1.0, 0.0],  # red against green
        [0.5, 0.5, -1.0],  # yellow against blue
    ],
    dtype=np.float32,
)

_MEASURES: Mapping[str, tuple[str, str]] = {
    "brightness": ("0 to 1", "mean luma"),
    "contrast": ("0 to 0.5", "standard deviation of luma"),
    "dark_share": ("share", "pixels with a luma under a tenth"),
    "saturation": ("0 to 1", "mean saturation"),
    "colourfulness": ("0 to 298", "how colourful people find it (15 slightly, 59 quite, 109 very)"),
    "warmth": ("-1 to 1", "mean of red minus blue"),
    "coloured_share": ("share", "pixels that have a hue at all"),
    "dominant_hue_share": ("share", "coloured pixels in the commonest sector of 30 degrees"),
    "hue_cos": ("-1 to 1", "mean hue as a direction: 1 for red, -1 for cyan"),
    "hue_sin": ("-1 to 1", "mean hue as a direction: towards green above, blue below"),
}

_DEVIATIONS: Mapping[str, str] = {
    "brightness": "0 to 0.5",
    "saturation": "0 to 0.5",
    "colourfulness": "0 to 149",
    "warmth": "0 to 1",
}
"""Half of what the measure itself can span."""


def _columns() -> tuple[Column, ...]:
    made = []
    for name, (unit, meaning) in _MEASURES.items():
        made.append(Column(name, "frames", unit, meaning=f"{meaning}, over the clip"))
        made.append(Column(f"first_{name}", "frames", unit, meaning=f"{meaning}, first frame"))
    for name, unit in _DEVIATIONS.items():
        meaning = f"deviation of {name} from still to still"
        made.append(Column(f"sd_{name}", "frames", unit, meaning=meaning))
    return tuple(made)


COLUMNS = _columns()


@dataclass(frozen=True)
class FramesColour:
    """Light, saturation, hue, and colourfulness M3 (Hasler and Suesstrunk 2003).

    Colourfulness is on the scale of the paper, of components from 0 to 255.
    """

    modality: Modality = "frames"
    version: str = "1"

    @property
    def columns(self) -> tuple[Column, ...]:
        """What it returns, in order."""
        return COLUMNS

    def extract(self, batch: Sequence[Frames]) -> FloatArray:
        """Return shape (len(batch), 24); hues are NaN for grey pictures."""
        return stack_rows((_measure(frames) for frames in batch), self.columns)


def _measure(frames: Frames) -> Mapping[str, float]:
    stills = [_measure_still(still) for still in frames.stills]
    if not stills:
        return {}
    row = {}
    for name in _MEASURES:
        values = np.array([still[name] for still in stills])
        known = values[np.isfinite(values)]
        row[name] = float(known.mean()) if len(known) else NAN
        row[f"first_{name}"] = float(values[0])
        if name in _DEVIATIONS:
            row[f"sd_{name}"] = float(values.std())
    return row


def _measure_still(still: ByteArray) -> dict[str, float]:
    cv2 = load_opencv()
    mixed = cv2.transform(still.astype(np.float32), _MIXTURES)
    red, _, blue, _ = cv2.mean(still)
    means, deviations = (values[:, 0] for values in cv2.meanStdDev(mixed))
    opponents = float(np.hypot(deviations[1], deviations[2]))
    away = float(np.hypot(means[1], means[2]))
    return {
        "brightness": float(means[0]) / 255,
        "contrast": float(deviations[0]) / 255,
        "dark_share": float(np.mean(mixed[..., 0] < 25.5)),
        "colourfulness": opponents + 0.3 * away,
        "warmth": (red - blue) / 255,
        **_hues(cv2.cvtColor(still, cv2.COLOR_RGB2HSV)),
    }


def _hues(hsv: ByteArray) -> dict[str, float]:
    """Return saturation and hue of a picture whose hues are in steps of two degrees."""
    cv2 = load_opencv()
    hue, saturation, value = cv2.split(hsv)
    coloured = np.multiply(saturation, value, dtype=np.uint16) >= LEAST_CHROMA * 255 * 255
    measured = {
        "saturation": cv2.mean(saturation)[0] / 255,
        "coloured_share": float(coloured.mean()),
        **dict.fromkeys(("dominant_hue_share", "hue_cos", "hue_sin"), NAN),
    }
    if measured["coloured_share"] < LEAST_COLOURED_SHARE:
        return measured
    counts = np.bincount(hue[coloured], minlength=180)
    width = 180 // HUE_BINS
    sectors = np.roll(counts, width // 2).reshape(HUE_BINS, width).sum(axis=1)
    angles = np.arange(180) * np.pi / 90
    return measured | {
        "dominant_hue_share": float(sectors.max() / counts.sum()),
        "hue_cos": float((counts * np.cos(angles)).sum() / counts.sum()),
        "hue_sin": float((counts * np.sin(angles)).sum() / counts.sum()),
    }
