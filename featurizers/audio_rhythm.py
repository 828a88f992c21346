"""Tempo, onsets, and how clear and even the beat is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import gamma, sqrt

import numpy as np
import numpy.typing as npt

from virality.data.clip import Audio, FloatArray
from virality.data.matrix import Column, Modality
from virality.featurizers.audio_stft import HOP_SAMPLES, Spectrum, find_spectrum
from virality.featurizers.librosa_loading import load_librosa
from virality.featurizers.rows import NAN, stack_rows

SLOWEST_BPM, FASTEST_BPM = 40.0, 240.0
USUAL_BPM = 120.0
"""Centre of the prior, one octave wide: of tempi that fit alike, people tap near this one."""

GRID_SHARE = 0.04
"""Grids are tried within this share of the autocorrelation's period, which comes in steps of 16 ms
and errs by as much where hits come a little early or late."""

GRID_STEPS = 8
"""Grids tried for each turn of phase over a whole clip: the best is missed by under 1 %."""

FEWEST_ONSETS = 4
"""Some grid fits any three."""

SHORTEST_S = 2.0
START_S = 3.0

COLUMNS: tuple[Column, ...] = (
    Column(
        "tempo_bpm",
        "audio",
        "BPM",
        meaning="beats a minute that fit the onsets best; where half, twice or two thirds of that "
        "fit about as well, as they do of many even beats, it may be one of those",
    ),
    Column("pulse_ratio", "audio", "ratio", meaning="how strongly onsets repeat at the tempo"),
    Column(
        "regularity_ratio",
        "audio",
        "ratio",
        meaning="how well single onsets hit one grid (of beats or half beats); 1 for a metronome, "
        "0 if no better than chance, none if they are too few to tell",
    ),
    Column("onset_rate", "audio", "1/s", meaning="onsets a second"),
    Column("start_onset_rate", "audio", "1/s", meaning="onsets a second in the first 3 s"),
    Column("onset_mean", "audio", meaning="mean rise of the spectrum from frame to frame"),
    Column("onset_sd", "audio", meaning="deviation of onset strength: high for clear hits"),
)


@dataclass(frozen=True)
class AudioRhythm:
    """Onset strength (Boeck and Widmer 2013) by librosa on the shared mel spectrum.

    The tempo is the peak of the autocorrelation of onset strength under a log-normal prior
    (Ellis 2007), made exact by the grid that the onsets hit best near there; pulse is the
    autocorrelation at that peak (pulse clarity, Lartillot et al. 2008).

    Regularity is the length of the mean vector of the onsets' phases on that grid, of beats or of
    half beats. The best of many grids fits chance onsets too, the better the fewer they are: the
    square that it reaches on n of them (the mean largest of as many Beta(1, n - 1) variates as
    there are independent grids) is taken off, so that short and long clips compare. A tempo that
    drifts hits no one grid.
    """

    modality: Modality = "audio"
    version: str = "2"

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
    beats_hz = frames_per_s / _peak_near(similarity, lag)
    hits = np.zeros(len(envelope))
    hits[np.round(times_s * frames_per_s).astype(np.int64)] = 1
    grid_hz, regularity = _fit_grid(hits, beats_hz, frames_per_s)
    return {
        "tempo_bpm": 60 * (grid_hz if regularity > 0 else beats_hz),
        "pulse_ratio": float(similarity[lag]),
        "regularity_ratio": regularity,
    }


def _fit_grid(
    hits: npt.NDArray[np.float64], beats_hz: float, frames_per_s: float
) -> tuple[float, float]:
    """Return beats a second of the grid that onsets hit best, and how much better than by chance.

    Args:
        hits: 1 in each frame with an onset, else 0; shape (frames,).
        beats_hz: beats a second, about.
        frames_per_s: frames in a second.

    Returns:
        The second is NaN where there are too few onsets to tell.
    """
    places = np.flatnonzero(hits)
    span_s = (places[-1] - places[0]) / frames_per_s
    # The mean vector of the onsets' phases, for every grid at once, is a Fourier transform.
    size = 1 << (GRID_STEPS * len(hits) - 1).bit_length()
    fits = np.square(np.abs(np.fft.rfft(hits, size)) / len(places))
    step_hz = frames_per_s / size
    best, best_hz, grids = -1.0, beats_hz, 0.0
    for grid in (1, 2):  # of beats, of half beats
        low, high = (grid * beats_hz * (1 + way * GRID_SHARE) / step_hz for way in (-1, 1))
        tried = np.arange(int(low), int(high) + 2)
        place = int(tried[np.argmax(fits[tried])])
        grids += 1 + (high - low) * step_hz * span_s
        if fits[place] > best:
            best = float(fits[place])
            best_hz = _peak_near(fits, place) * step_hz / grid
    if len(places) < FEWEST_ONSETS:
        return best_hz, NAN
    power = 1 / (len(places) - 1)
    by_chance = 1 - gamma(1 + power) * grids**-power
    return best_hz, sqrt(max(0.0, best - by_chance) / (1 - by_chance))


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
