"""The voice: pitch, formants, jitter and the like, by openSMILE."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from virality.data.clip import AUDIO_RATE_HZ, Audio, FloatArray
from virality.data.matrix import Column, Modality
from virality.featurizers.opensmile_engine import load_engine
from virality.featurizers.rows import stack_rows

SHORTEST_S = 0.1
LARGEST_SAMPLE = 32767 / 32768
"""openSMILE reads int16, 32768 times the sample: a sample of 1.0 would become -1.0."""

LICENCE = (
    "openSMILE: audEERING research licence, free for research, education and private use only; "
    "switch `audio_voice` off for anything else"
)

_PAIRS: Mapping[str, str] = {
    "spectralFlux_sma3": "change of the spectrum",
    "mfcc1_sma3": "cepstral coefficient 1",
    "mfcc2_sma3": "cepstral coefficient 2",
    "mfcc3_sma3": "cepstral coefficient 3",
    "mfcc4_sma3": "cepstral coefficient 4",
    "jitterLocal_sma3nz": "unevenness of the period of the voice",
    "shimmerLocaldB_sma3nz": "unevenness of the amplitude of the voice in dB",
    "HNRdBACF_sma3nz": "harmonics over noise in dB",
    "logRelF0-H1-H2_sma3nz": "first over second harmonic in dB (breathiness)",
    "logRelF0-H1-A3_sma3nz": "first harmonic over third formant in dB",
    "F1frequency_sma3nz": "first formant in Hz",
    "F1bandwidth_sma3nz": "width of the first formant in Hz",
    "F1amplitudeLogRelF0_sma3nz": "first formant over the pitch in dB",
    "F2frequency_sma3nz": "second formant in Hz",
    "F2bandwidth_sma3nz": "width of the second formant in Hz",
    "F2amplitudeLogRelF0_sma3nz": "second formant over the pitch in dB",
    "F3frequency_sma3nz": "third formant in Hz",
    "F3bandwidth_sma3nz": "width of the third formant in Hz",
    "F3amplitudeLogRelF0_sma3nz": "third formant over the pitch in dB",
    "alphaRatioV_sma3nz": "energy under over above 1 kHz in dB, voiced",
    "hammarbergIndexV_sma3nz": "strongest peak under over above 2 kHz in dB, voiced",
    "slopeV0-500_sma3nz": "slope of the spectrum under 500 Hz, voiced",
    "slopeV500-1500_sma3nz": "slope of the spectrum from 500 to 1500 Hz, voiced",
    "spectralFluxV_sma3nz": "change of the spectrum, voiced",
    "mfcc1V_sma3nz": "cepstral coefficient 1, voiced",
    "mfcc2V_sma3nz": "cepstral coefficient 2, voiced",
    "mfcc3V_sma3nz": "cepstral coefficient 3, voiced",
    "mfcc4V_sma3nz": "cepstral coefficient 4, voiced",
}
_CONTOURS: Mapping[str, str] = {
    "F0semitoneFrom27.5Hz_sma3nz": "pitch in semitones over 27.5 Hz",
    "loudness_sma3": "perceived loudness",
}
_CONTOUR_STATISTICS: Mapping[str, str] = {
    "amean": "mean",
    "stddevNorm": "deviation over mean",
    "percentile20.0": "20th percentile",
    "percentile50.0": "median",
    "percentile80.0": "80th percentile",
    "pctlrange0-2": "80th minus 20th percentile",
    "meanRisingSlope": "mean slope where it rises",
    "stddevRisingSlope": "deviation of the slope where it rises",
    "meanFallingSlope": "mean slope where it falls",
    "stddevFallingSlope": "deviation of the slope where it falls",
}
_SINGLES: Mapping[str, str] = {
    "alphaRatioUV_sma3nz_amean": "energy under over above 1 kHz in dB, unvoiced, mean",
    "hammarbergIndexUV_sma3nz_amean": "strongest peak under over above 2 kHz in dB, unvoiced, mean",
    "slopeUV0-500_sma3nz_amean": "slope of the spectrum under 500 Hz, unvoiced, mean",
    "slopeUV500-1500_sma3nz_amean": "slope of the spectrum from 500 to 1500 Hz, unvoiced, mean",
    "spectralFluxUV_sma3nz_amean": "change of the spectrum, unvoiced, mean",
    "loudnessPeaksPerSec": "peaks of loudness a second",
    "VoicedSegmentsPerSec": "voiced stretches a second",
    "MeanVoicedSegmentLengthSec": "length of voiced stretches in seconds, mean",
    "StddevVoicedSegmentLengthSec": "length of voiced stretches in seconds, deviation",
    "MeanUnvoicedSegmentLength": "length of unvoiced stretches in seconds, mean",
    "StddevUnvoicedSegmentLength": "length of unvoiced stretches in seconds, deviation",
    "equivalentSoundLevel_dBp": "equivalent level of the sound in dB",
}


def _list_functionals() -> dict[str, str]:
    """Return openSMILE's 88 names, in its order, with a meaning each."""
    listed = {}
    for name, meaning in _CONTOURS.items():
        for statistic, words in _CONTOUR_STATISTICS.items():
            listed[f"{name}_{statistic}"] = f"{meaning}, {words}"
    for name, meaning in _PAIRS.items():
        listed[f"{name}_amean"] = f"{meaning}, mean"
        listed[f"{name}_stddevNorm"] = f"{meaning}, deviation over mean"
    return listed | dict(_SINGLES)


FUNCTIONALS: Mapping[str, str] = _list_functionals()


def to_column_name(functional: str) -> str:
    """Return a name of openSMILE's in snake case.

    >>> to_column_name("logRelF0-H1-H2_sma3nz_amean")
    'log_rel_f0_h1_h2_sma3nz_amean'
    """
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", functional)
    return re.sub(r"[^a-z0-9]+", "_", parted.lower()).strip("_")


COLUMNS: tuple[Column, ...] = tuple(
    Column(to_column_name(name), "audio", meaning=meaning) for name, meaning in FUNCTIONALS.items()
)


@dataclass(frozen=True)
class AudioVoice:
    """The 88 functionals of eGeMAPSv02 (Eyben et al. 2016) at 16 kHz.

    Only 21 of the 88 stay within 5 % at another rate, so the rate is part of the version.
    openSMILE's licence forbids commercial use: see LICENCE.
    """

    modality: Modality = "audio"
    version: str = f"1+opensmile-2.6+{AUDIO_RATE_HZ}hz"

    @property
    def columns(self) -> tuple[Column, ...]:
        """What it returns, in order."""
        return COLUMNS

    def extract(self, batch: Sequence[Audio]) -> FloatArray:
        """Return shape (len(batch), 88); NaN for sounds under a tenth of a second."""
        return stack_rows((_measure(audio) for audio in batch), self.columns)


def _measure(audio: Audio) -> Mapping[str, float]:
    if audio.duration_s < SHORTEST_S:
        return {}
    samples = np.clip(audio.samples, -1, LARGEST_SAMPLE) * np.float32(32768)
    values = load_engine(audio.rate_hz).measure(samples.astype(np.int16)).astype(np.float64)
    if not len(values):
        return {}
    finite = np.where(np.isfinite(values), values, np.nan)
    return {column.name: float(value) for column, value in zip(COLUMNS, finite, strict=True)}
