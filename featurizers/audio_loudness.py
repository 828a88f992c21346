"""How loud a sound is, how that changes, and whether it starts loud."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from virality.data.clip import Audio, FloatArray
from virality.data.matrix import Column, Modality
from virality.featurizers.rows import NAN, stack_rows

BLOCK_S = 0.4
"""Gating block of BS.1770: there is no integrated loudness of anything shorter."""

WINDOW_S = 0.05
SILENCE_DB = -50.0
FLOOR_DB = -100.0
GATE_LUFS = -70.0
"""Absolute gate of BS.1770: digital silence is said to be this loud instead of minus infinity."""

TWO_SPEAKERS = 2**0.5
"""A sound of several channels is played on two loudspeakers, which is 3.01 dB louder than one."""

SHORTEST_REST_S = 0.5


def _column(name: str, unit: str, meaning: str) -> Column:
    return Column(name, "audio", unit, meaning=meaning)


COLUMNS: tuple[Column, ...] = (
    _column(
        "integrated_lufs",
        "LUFS",
        "loudness of the whole sound (ITU-R BS.1770-4); of several channels, that of the mean of "
        "left and right on two loudspeakers: what only one of two has reads 3 dB lower than by "
        "ffmpeg's ebur128",
    ),
    _column(
        "peak_db", "dB", "largest sample, relative to full scale; of the mean of left and right"
    ),
    _column("rms_db", "dB", "mean power, relative to full scale; of the mean of left and right"),
    _column("crest_db", "dB", "peak over mean power: high for single hits, low for compressed"),
    _column("dynamics_db", "dB", "95th over 10th percentile of the level where it is not silent"),
    _column("silence_share", "share", "time with a level under -50 dB"),
    _column("first_sound_s", "s", "silence before the first sound"),
    _column("start_db", "dB", "power of the first second over that of the rest"),
    _column("loudest_share", "share", "place of the loudest second: 0 at the start, 1 at the end"),
    _column("trend_db", "dB", "power of the second half over that of the first"),
)


@dataclass(frozen=True)
class AudioLoudness:
    """Loudness by pyloudnorm (ITU-R BS.1770-4) and levels of windows of 50 ms.

    Levels are root mean squares in dB of full scale, so a full-scale sine is at -3.01 dB. All is
    measured on the mean of left and right. What they share keeps its level: loudness is that
    of ffmpeg's `ebur128` for one channel and for two alike. What only one of two has is 6 dB lower,
    3 dB in loudness. What is in opposite phase on left and right cancels, as it does on the one
    loudspeaker of a phone.
    """

    modality: Modality = "audio"
    version: str = "2"

    @property
    def columns(self) -> tuple[Column, ...]:
        """What it returns, in order."""
        return COLUMNS

    def extract(self, batch: Sequence[Audio]) -> FloatArray:
        """Return shape (len(batch), 10); NaN for sounds without samples or too short."""
        return stack_rows((_measure(audio) for audio in batch), self.columns)


def _measure(audio: Audio) -> Mapping[str, float]:
    if len(audio.samples) == 0:
        return {}
    samples = audio.samples.astype(np.float64)
    peak = _to_db(float(np.abs(samples).max()) ** 2)
    mean = _to_db(_power(samples))
    return {
        "integrated_lufs": _integrated_lufs(samples, audio),
        "peak_db": peak,
        "rms_db": mean,
        "crest_db": peak - mean if mean > FLOOR_DB else NAN,
        **_window_levels(samples, audio.rate_hz),
        **_places(samples, audio.rate_hz),
    }


def _integrated_lufs(samples: npt.NDArray[np.float64], audio: Audio) -> float:
    if len(samples) < BLOCK_S * audio.rate_hz:
        return NAN
    from pyloudnorm import Meter

    # Scaled before it is measured and not after, so that the gate sees what two speakers play.
    played = samples * TWO_SPEAKERS if audio.channels > 1 else samples
    return max(GATE_LUFS, float(Meter(audio.rate_hz).integrated_loudness(played)))


def _window_levels(samples: npt.NDArray[np.float64], rate_hz: int) -> dict[str, float]:
    width = round(WINDOW_S * rate_hz)
    count = len(samples) // width
    if count == 0:
        return {}
    powers = np.square(samples[: count * width].reshape(count, width)).mean(axis=1)
    levels = 10 * np.log10(np.maximum(powers, 10 ** (FLOOR_DB / 10)))
    heard = levels >= SILENCE_DB
    if not heard.any():
        return {"silence_share": 1.0}
    low, high = np.percentile(levels[heard], (10, 95))
    return {
        "dynamics_db": float(high - low),
        "silence_share": 1 - float(heard.mean()),
        "first_sound_s": int(np.argmax(heard)) * WINDOW_S,
    }


def _places(samples: npt.NDArray[np.float64], rate_hz: int) -> dict[str, float]:
    if len(samples) < (1 + SHORTEST_REST_S) * rate_hz or not samples.any():
        return {}
    half = len(samples) // 2
    energy = np.concatenate([[0.0], np.cumsum(np.square(samples))])
    starts = np.arange(0, len(samples) - rate_hz + 1, rate_hz // 10)
    seconds = energy[starts + rate_hz] - energy[starts]
    # Rounded, so that of seconds that are alike the first is taken and not a rounding error's.
    loudest = int(starts[np.argmax(np.round(seconds / seconds.max(), 6))])
    return {
        "start_db": _to_db(_power(samples[:rate_hz])) - _to_db(_power(samples[rate_hz:])),
        "loudest_share": loudest / (len(samples) - rate_hz),
        "trend_db": _to_db(_power(samples[half:])) - _to_db(_power(samples[:half])),
    }


def _power(samples: npt.NDArray[np.float64]) -> float:
    return float(np.mean(np.square(samples)))


def _to_db(power: float) -> float:
    return max(FLOOR_DB, 10 * float(np.log10(max(power, 1e-300))))
