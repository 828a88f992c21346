"""From packets to one channel at 16 kHz; runs in the fenced child only.

Left and right are averaged: nothing can clip that did not clip before, and a sound that both share
keeps its level. FFmpeg's own mono adds 3 dB to what two channels share, and then clips it. More
than two channels are folded into left and right first, as players do (ITU-R BS.775): a voice that
only the centre has would be a sixth of itself in the mean of all.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from virality.data.clip import AUDIO_RATE_HZ, FloatArray
from virality.data.container import NO_PTS, RefusedError, Source
from virality.data.limits import Limits

HOLE_S = 0.1
"""Silence is put where a file lacks more sound than this; less may come from rounded times."""


@dataclass(frozen=True)
class Sound:
    """Decoded sound, and how many packets the decoder objected to.

    Attributes:
        samples: float32, shape (n,), at AUDIO_RATE_HZ.
        failures: packets that could not be decoded.
        filled: samples of silence among them that stand for what the file lacks.
    """

    samples: FloatArray
    failures: int
    filled: int = 0

    @property
    def end_s(self) -> float:
        """When it would end without what was filled in, in seconds after 0."""
        return (len(self.samples) - self.filled) / AUDIO_RATE_HZ


@dataclass
class Tape:
    """Pieces of sound one after the other.

    Attributes:
        most: samples that may be on it.
        pieces: what is on it.
        count, filled: samples on it, and those of them that are silence put into holes.
        failures: packets that could not be decoded.
    """

    most: int
    pieces: list[FloatArray] = field(default_factory=list)
    count: int = 0
    filled: int = 0
    failures: int = 0

    def add(self, frames: list[Any]) -> None:
        """Add what a resampler made: the mean of its channels.

        Raises:
            RefusedError: if that is more than fits.
        """
        for frame in frames:
            channels = frame.to_ndarray().reshape(-1, frame.layout.nb_channels)
            self._grow(len(channels))
            self.pieces.append(channels.mean(axis=1))

    def fill(self, seconds: float) -> None:
        """Add silence.

        Raises:
            RefusedError: if that is more than fits; it is not made then.
        """
        length = round(seconds * AUDIO_RATE_HZ)
        self._grow(length)
        self.filled += length
        self.pieces.append(np.zeros(length, np.float32))

    def _grow(self, length: int) -> None:
        self.count += length
        if self.count > self.most:
            raise RefusedError("too_long")


class Holes:
    """Tells where a file lacks sound by the times of its packets."""

    def __init__(self, source: Source) -> None:
        track = source.audio_track
        times = np.where(track.pts == NO_PTS, np.iinfo(np.int64).max, track.pts)
        later = np.minimum.accumulate(times[::-1])[::-1][1:]
        self._later = [*later.tolist(), np.inf, np.inf]
        self._base_s = track.time_base_s
        self._start_s = self._end_s = float("nan")  # a decoder may leave out the first packets
        self._heard_s = 0.0

    def before(self, frame: Any, number: int) -> float:
        """Return how many seconds are missing before a frame, and go on to its end.

        A hole is where the times leap and the sound is behind them: a clock that runs a little fast
        leaves none, nor does a single wrong time, after which others lie before it.

        Args:
            frame: a decoded frame; frames come in the order of the file.
            number: of the packet that it came from.
        """
        length_s = frame.samples / frame.sample_rate if frame.sample_rate else 0.0
        missing_s = 0.0
        if frame.pts is not None:
            time_s = frame.pts * self._base_s
            if not np.isfinite(self._end_s):
                self._start_s = self._end_s = time_s
            behind_s = time_s - self._start_s - self._heard_s
            missing_s = min(time_s - self._end_s, behind_s)
            if missing_s <= HOLE_S or frame.pts > self._later[number]:
                missing_s = 0.0
            self._end_s = time_s
        self._end_s += length_s
        self._heard_s += length_s + missing_s
        return missing_s


def decode_sound(source: Source, limits: Limits) -> Sound:
    """Decode the whole sound; silence stands before it where it begins later than the picture.

    Raises:
        RefusedError: if it is longer than the limit.
    """
    tape = Tape(int(limits.seconds * AUDIO_RATE_HZ))
    _record(source, tape)
    if tape.count == tape.filled:
        return Sound(np.zeros(0, np.float32), tape.failures)
    delay = np.zeros(min(tape.most, round(source.audio_delay_s * AUDIO_RATE_HZ)), np.float32)
    samples = np.concatenate([delay, *tape.pieces]).astype(np.float32, copy=False)
    np.nan_to_num(samples, copy=False, nan=0.0, posinf=1.0, neginf=-1.0)
    # Decoders of lossy codecs overshoot full scale now and then.
    return Sound(np.clip(samples, -1.0, 1.0, out=samples), tape.failures, tape.filled)


def _record(source: Source, tape: Tape) -> None:
    """Put all sound at 16 kHz on a tape."""
    import av

    resampler: Any = None
    holes = Holes(source)
    for number, packet in enumerate([*_audio_packets(source), None]):
        try:
            frames = source.audio.codec_context.decode(packet)
        except (av.FFmpegError, IndexError, ValueError):
            tape.failures += 1
            continue
        for frame in frames:
            missing_s = holes.before(frame, number)
            if missing_s:
                tape.add(resampler.resample(None) if resampler else [])
                tape.fill(missing_s)
                resampler = None
            frame.pts = None  # holes in the times would make the resampler refuse or invent sound
            try:
                resampler = resampler or _resampler(frame)
                made = resampler.resample(frame)
            except (av.FFmpegError, ValueError):  # rate or channels changed in the middle
                resampler = _resampler(frame)
                made = resampler.resample(frame)
            tape.add(made)
    if resampler is not None:
        tape.add(resampler.resample(None))


def _audio_packets(source: Source) -> Iterator[Any]:
    for packet in source.packets():
        if packet.stream_index == source.audio.index:
            yield packet


def _resampler(frame: Any) -> Any:
    import av

    # Of the directions of an ambisonic recording FFmpeg makes no left and right.
    folds = frame.layout.nb_channels > 2 and not frame.layout.name.startswith("ambisonic")
    # Not planar: PyAV 18 sees a ninth plane in frames of eight channels and reads where nothing is.
    return av.AudioResampler(format="flt", layout="stereo" if folds else None, rate=AUDIO_RATE_HZ)
