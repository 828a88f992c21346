"""The timbre of a sound: where its energy lies, and how even it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from virality.data.clip import Audio, FloatArray
from virality.data.matrix import Column, Modality
from virality.featurizers.audio_stft import Spectrum, find_spectrum
from virality.featurizers.librosa_loading import load_librosa
from virality.featurizers.rows import stack_rows
from virality.featurizers.spectral_shape import count_crossings, measure_shape

MFCCS = 13
CONTRAST_BANDS = 5
"""Octaves from 200 Hz that fit under 8 kHz; one band more holds what lies below 200 Hz."""

SILENT_RATIO = 1e-6
"""Frames with less energy than this share of the loudest (60 dB under it) have no timbre."""

_SHAPES: tuple[tuple[str, str, str], ...] = (
    ("centroid_hz", "Hz", "centre of mass of the spectrum (brightness of sound)"),
    ("bandwidth_hz", "Hz", "spread of the spectrum around its centre"),
    ("rolloff_hz", "Hz", "frequency under which 85 % of the magnitude lies"),
    ("flatness_ratio", "ratio", "geometric over arithmetic mean: 1 for noise, 0 for a tone"),
    ("crossings_ratio", "ratio", "changes of sign per sample"),
)


def _columns() -> tuple[Column, ...]:
    made = []
    for name, unit, meaning in _SHAPES:
        made.append(Column(f"mean_{name}", "audio", unit, meaning=f"{meaning}, mean"))
        made.append(Column(f"sd_{name}", "audio", unit, meaning=f"{meaning}, deviation over time"))
    for band in range(CONTRAST_BANDS + 1):
        low, high = (0 if band == 0 else 100 * 2**band), 200 * 2**band
        meaning = f"peaks over valleys of the spectrum from {low} to {high} Hz"
        made.append(Column(f"contrast_{band}_db", "audio", "dB", meaning=meaning))
    for number in range(MFCCS):
        meaning = f"mel-frequency cepstral coefficient {number}"
        made.append(Column(f"mfcc_{number}_mean", "audio", meaning=f"{meaning}, mean"))
        made.append(Column(f"mfcc_{number}_sd", "audio", meaning=f"{meaning}, deviation over time"))
    return tuple(made)


COLUMNS = _columns()


@dataclass(frozen=True)
class AudioSpectrum:
    """Spectral shape, contrast (Jiang et al. 2002) and MFCC by librosa, all from one STFT.

    Frames 60 dB under the loudest are left out, except for the MFCC, whose first coefficient is
    about level. Coefficients are those of a spectrum relative to its loudest point, so they do not
    change with the volume.
    """

    modality: Modality = "audio"
    version: str = "1"

    @property
    def columns(self) -> tuple[Column, ...]:
        """What it returns, in order."""
        return COLUMNS

    def extract(self, batch: Sequence[Audio]) -> FloatArray:
        """Return shape (len(batch), 42); NaN for silence and for sounds under 64 ms."""
        return stack_rows((_measure(audio) for audio in batch), self.columns)


def _measure(audio: Audio) -> Mapping[str, float]:
    spectrum = find_spectrum(audio)
    if spectrum is None:
        return {}
    energy = np.square(spectrum.magnitude).sum(axis=0)
    heard = energy > SILENT_RATIO * energy.max()
    if not heard.any():
        return {}
    return {
        **_shape(audio, spectrum, heard),
        **_contrast(spectrum, heard),
        **_cepstrum(spectrum),
    }


def _shape(
    audio: Audio, spectrum: Spectrum, heard: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> dict[str, float]:
    magnitude = np.ascontiguousarray(spectrum.magnitude[:, heard])
    series = {
        **measure_shape(magnitude, spectrum.rate_hz),
        "flatness_ratio": load_librosa().feature.spectral_flatness(S=magnitude)[0],
        "crossings_ratio": count_crossings(audio.samples)[heard],
    }
    means = {f"mean_{name}": float(np.mean(values)) for name, values in series.items()}
    return means | {f"sd_{name}": float(np.std(values)) for name, values in series.items()}


def _contrast(
    spectrum: Spectrum, heard: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> dict[str, float]:
    feature = load_librosa().feature
    bands = feature.spectral_contrast(
        S=np.ascontiguousarray(spectrum.magnitude[:, heard]),
        sr=spectrum.rate_hz,
        n_bands=CONTRAST_BANDS,
    )
    return {f"contrast_{band}_db": float(np.mean(bands[band])) for band in range(len(bands))}


def _cepstrum(spectrum: Spectrum) -> dict[str, float]:
    feature = load_librosa().feature
    coefficients = feature.mfcc(S=spectrum.mel_db, n_mfcc=MFCCS)
    made: dict[str, float] = {}
    for number, values in enumerate(coefficients):
        made[f"mfcc_{number}_mean"] = float(np.mean(values))
        made[f"mfcc_{number}_sd"] = float(np.std(values))
    return made
