"""From packets to one channel at 16 kHz; runs in the fenced child only."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from virality.data.clip import AUDIO_RATE_HZ, FloatArray
from virality.data.container import RefusedError, Source
from virality.data.limits import Limits


@dataclass(frozen=True)
class Sound:
    """Decoded sound, and how many packets the decoder objected to."""

    samples: FloatArray
    failures: int

    @property
    def end_s(self) -> float:
        """When it ends, in seconds after 0."""
        return len(self.samples) / AUDIO_RATE_HZ


def decode_sound(source: Source, limits: Limits) -> Sound:
    """Decode the whole sound; silence stands before it where it begins later than the picture.

    Raises:
        RefusedError: if it is longer than the limit.
    """
    most = int(limits.seconds * AUDIO_RATE_HZ)
    pieces, failures, count = [], 0, 0
    for piece in _resampled(source):
        if piece is None:
            failures += 1
            continue
        pieces.append(piece)
        count += len(piece)
        if count > most:
            raise RefusedError("too_long")
    if not count:
        return Sound(np.zeros(0, np.float32), failures)
    delay = np.zeros(min(most, round(source.audio_delay_s * AUDIO_RATE_HZ)), np.float32)
    samples = np.concatenate([delay, *pieces]).astype(np.float32, copy=False)
    np.nan_to_num(samples, copy=False, nan=0.0, posinf=1.0, neginf=-1.0)
    return Sound(np.clip(samples, -1.0, 1.0, out=samples), failures)


def _resampled(source: Source) -> Iterator[FloatArray | None]:
    """Yield pieces of sound at 16 kHz, None for a packet that could not be decoded."""
    import av

    resampler: Any = None
    for packet in [*_audio_packets(source), None]:
        try:
            frames = source.audio.codec_context.decode(packet)
        except (av.FFmpegError, IndexError, ValueError):
            yield None
            continue
        for frame in frames:
            frame.pts = None  # holes in the times would make the resampler refuse or invent sound
            try:
                resampler = resampler or _resampler()
                made = resampler.resample(frame)
            except (av.FFmpegError, ValueError):  # rate or channels changed in the middle
                resampler = _resampler()
                made = resampler.resample(frame)
            yield from (piece.to_ndarray().reshape(-1) for piece in made)
    if resampler is not None:
        yield from (piece.to_ndarray().reshape(-1) for piece in resampler.resample(None))


def _audio_packets(source: Source) -> Iterator[Any]:
    for packet in source.packets():
        if packet.stream_index == source.audio.index:
            yield packet


def _resampler() -> Any:
    import av

    return av.AudioResampler(format="flt", layout="mono", rate=AUDIO_RATE_HZ)
