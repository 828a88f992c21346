"""One short-time spectrum of a sound, shared by the featurizers that need it."""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from virality.data.clip import Audio, FloatArray
from virality.featurizers.librosa_loading import load_librosa

WINDOW_SAMPLES = 1024
HOP_SAMPLES = 256
"""64 ms and 16 ms at 16 kHz: fine enough for onsets, long enough for a centroid in the bass."""

MEL_BANDS = 64
KEPT = 4
"""Sounds whose spectrum is kept: featurizers see the same few sounds one after the other."""


@dataclass(frozen=True)
class Spectrum:
    """Magnitudes of a short-time Fourier transform, and the same in mel bands.

    Attributes:
        magnitude: float32, shape (1 + WINDOW_SAMPLES / 2, frames).
        mel_db: float32, shape (MEL_BANDS, frames), power in dB, at most 80 dB under the loudest.
        rate_hz: of the sound.
    """

    magnitude: FloatArray
    mel_db: FloatArray
    rate_hz: int

    @property
    def frames_per_s(self) -> float:
        """Frames in a second."""
        return self.rate_hz / HOP_SAMPLES


_spectra: OrderedDict[tuple[bytes, int], Spectrum] = OrderedDict()


def find_spectrum(audio: Audio) -> Spectrum | None:
    """Return the spectrum of a sound, computed once for all who ask; None if it is too short.

    The key is the content and not the identity of the array, which numpy may reuse: hashing 15 s
    takes about a millisecond, transforming them twenty.
    """
    if len(audio.samples) < WINDOW_SAMPLES:
        return None
    samples = np.ascontiguousarray(audio.samples, dtype=np.float32)
    key = (hashlib.blake2b(samples.data, digest_size=16).digest(), audio.rate_hz)
    if key not in _spectra:
        _spectra[key] = _transform(samples, audio.rate_hz)
        while len(_spectra) > KEPT:
            _spectra.popitem(last=False)
    _spectra.move_to_end(key)
    return _spectra[key]


def _transform(samples: FloatArray, rate_hz: int) -> Spectrum:
    librosa = load_librosa()
    magnitude = np.abs(librosa.stft(samples, n_fft=WINDOW_SAMPLES, hop_length=HOP_SAMPLES))
    mel = _load_filters(rate_hz) @ np.square(magnitude)
    mel_db = librosa.power_to_db(mel, ref=np.max, amin=1e-10)
    return Spectrum(magnitude.astype(np.float32), mel_db.astype(np.float32), rate_hz)


@cache
def _load_filters(rate_hz: int) -> Any:
    """Return librosa's mel filters, shape (MEL_BANDS, 1 + WINDOW_SAMPLES / 2), as a sparse matrix.

    Most of it is zero, so that this is faster; and unlike BLAS, which adds in another order on
    another number of threads, it gives the same bytes everywhere.
    """
    from scipy.sparse import csr_array

    librosa = load_librosa()
    return csr_array(librosa.filters.mel(sr=rate_hz, n_fft=WINDOW_SAMPLES, n_mels=MEL_BANDS))
