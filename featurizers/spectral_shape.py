"""Where the energy of a spectrum lies, as librosa 0.11 has it, in a quarter of its time.

librosa checks, copies and normalises every array once a measure. A test holds these against it.
"""

import numpy as np

from virality.data.clip import FloatArray
from virality.featurizers.audio_stft import HOP_SAMPLES, WINDOW_SAMPLES

ROLLOFF_SHARE = 0.85
SILENT_SAMPLE = 1e-10
"""Smaller samples count as zero, which is positive: the noise of a silence has no sign."""


def measure_shape(magnitude: FloatArray, rate_hz: int) -> dict[str, FloatArray]:
    """Return centroid_hz, bandwidth_hz and rolloff_hz of every frame, each of shape (frames,).

    Args:
        magnitude: float32, shape (bins, frames), every frame with something in it.
        rate_hz: of the sound.
    """
    bins_hz = np.arange(len(magnitude)) * (rate_hz / 2 / (len(magnitude) - 1))
    total = magnitude.sum(axis=0, dtype=np.float64)
    weighted = magnitude * bins_hz[:, None]
    centroid = weighted.sum(axis=0) / total
    weighted *= bins_hz[:, None]
    # In float64 the difference of squares keeps nine digits of 8,000 Hz squared.
    spread = np.sqrt(np.maximum(weighted.sum(axis=0) / total - np.square(centroid), 0))
    heaped = np.cumsum(magnitude, axis=0)
    rolloff = bins_hz[np.argmax(heaped >= ROLLOFF_SHARE * heaped[-1], axis=0)]
    return {"centroid_hz": centroid, "bandwidth_hz": spread, "rolloff_hz": rolloff}


def count_crossings(samples: FloatArray) -> FloatArray:
    """Return how often the sign changes in every window, a share of its samples, shape (frames,).

    Args:
        samples: shape (n,); windows are centred every HOP_SAMPLES, the edges repeated.
    """
    padded = np.pad(samples, WINDOW_SAMPLES // 2, mode="edge")
    negative = padded < -SILENT_SAMPLE
    changed = np.cumsum(negative[1:] != negative[:-1])
    before = np.concatenate([[0], changed])
    starts = np.arange(0, len(padded) - WINDOW_SAMPLES + 1, HOP_SAMPLES)
    share = (before[starts + WINDOW_SAMPLES - 1] - before[starts]) / WINDOW_SAMPLES
    return np.asarray(share)
