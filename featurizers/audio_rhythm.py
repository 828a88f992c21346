"""Tempo, onsets, and how clear and even the beat is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from virality.data.clip import Audio, FloatArray
from virality.data.matrix import Column, Modality
from virality.featurizers.audio_stft import HOP_SAMPLES, Spectrum, find_spectrum
from virality.featurizers.librosa_loading import load_librosa
from virality.featurizers.rows import stack_rows

SLOWEST_BPM, FASTEST_BPM = 40.0, 240.0
USUAL_BPM = 120.0
"""Centre of the prior, one octave wide: of tempi that fit alike, people tap near this one."""

SHORTEST_S = 2.0
START_S = 3.0

COLUMNS: tuple[Column, ...] = (
    Column("tempo_bpm", "audio", "BPM", meaning="beats a minute that fit the onsets best"),
    Column("pulse_ratio", "audio", "ratio", meaning="how strongly onsets repeat at the tempo"),
    Column("regularity_ratio", "audio", "ratio", meaning="how well single onsets hit one grid"),
    Column("onset_rate", "audio", "1/s", meaning="onsets a second"),
    Column("start_onset_rate", "audio", "1/s", meaning="onsets a second in the first 3 s"),
    Column("onset_mean", "audio", meaning="mean rise of the spectrum from frame to frame"),
    Column("onset_sd", "audio", meaning="deviation of onset strength: high for clear hits"),
)


@dataclass(frozen=True)
class AudioRhythm:
    """Onset strength (Boeck and Widmer 2013) by librosa on the shared mel spectrum.

    The tempo is the peak of the autocorrelation of onset strength under a log-normal prior
    (Ellis 2007), refined by a parabola; pulse is the autocorrelation there (pulse clarity,
    Lartillot et al. 2008); regularity is the length of the mean vector of the onsets' phases.
    """

    modality: Modality = "audio"
    version: str = "1"

    @property
    def columns(self) -> tuple[Column, ...]:
        """What it returns, in order."""
        return COLUMNS

    def extract(self, batch: Sequence[Audio]) -> FloatArray:
        """Return shape (len(batch), 7); NaN where there are no onsets or under two seconds."""
        return stack_rows((_measure(audio) for audio in batch), self.columns)


def _measure(audio: Audio) -> Mapping[str, float]:
    spectrum = find_spectrum(audio)
    if spectrum is None or audio.duration_s < SHORTEST_S:
        return {}
    envelope = _onset_envelope(spectrum)
    times_s = _onset_times_s(envelope, audio.rate_hz)
    measured = {
        "onset_rate": len(times_s) / audio.duration_s,
        "start_onset_rate": int((times_s < START_S).sum()) / min(START_S, audio.duration_s),
        "onset_mean": float(envelope.mean()),
        "onset_sd": float(envelope.std()),
    }
    return measured | _beat(envelope, times_s, spectrum.frames_per_s)


def _onset_envelope(spectrum: Spectrum) -> npt.NDArray[np.float64]:
    onset = load_librosa().onset
    envelope = onset.onset_strength(S=spectrum.mel_db, sr=spectrum.rate_hz, hop_length=HOP_SAMPLES)
    return np.asarray(envelope, dtype=np.float64)


def _onset_times_s(envelope: npt.NDArray[np.float64], rate_hz: int) -> npt.NDArray[np.float64]:
    onset = load_librosa().onset
    if not envelope.any():
        return np.zeros(0)
    found = onset.onset_detect(
        onset_envelope=envelope, sr=rate_hz, hop_length=HOP_SAMPLES, units="time"
    )
    return np.asarray(found, dtype=np.float64)


def _beat(
    envelope: npt.NDArray[np.float64], times_s: npt.NDArray[np.float64], frames_per_s: float
) -> dict[str, float]:
    """Return tempo, pulse and regularity; nothing if the envelope does not repeat at all."""
    similarity = _autocorrelation(envelope)
    lags = np.arange(1, len(similarity) - 1)
    bpm = 60 * frames_per_s / lags
    fits = (bpm >= SLOWEST_BPM) & (bpm <= FASTEST_BPM)
    if len(times_s) < 2 or not fits.any():
        return {}
    prior = np.exp(-0.5 * np.log2(bpm / USUAL_BPM) ** 2)
    weighted = np.where(fits, similarity[lags] * prior, -np.inf)
    lag = int(lags[np.argmax(weighted)])
    if similarity[lag] <= 0:
        return {}
    period_s = _peak_near(similarity, lag) / frames_per_s
    phases = np.exp(2j * np.pi * times_s / period_s)
    return {
        "tempo_bpm": 60 / period_s,
        "pulse_ratio": float(similarity[lag]),
        "regularity_ratio": float(np.abs(phases.mean())),
    }


def _autocorrelation(envelope: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the autocorrelation for lags up to half the length, 1 at lag 0 (0 if constant)."""
    centred = envelope - envelope.mean()
    padded = np.fft.rfft(centred, 2 * len(centred))
    products = np.fft.irfft(np.abs(padded) ** 2)[: max(3, len(centred) // 2)]
    # Divided by the number of products, so that slow tempi are not put at a disadvantage.
    products /= np.arange(len(centred), len(centred) - len(products), -1)
    return np.asarray(products / products[0] if products[0] > 0 else products)


def _peak_near(values: npt.NDArray[np.float64], place: int) -> float:
    """Return where the parabola through a value and its neighbours peaks, within half a step."""
    left, top, right = values[place - 1 : place + 2]
    bend = left - 2 * top + right
    return place + (float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5)) if bend < 0 else 0.0)
