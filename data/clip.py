"""A decoded clip: sampled frames, sound and container facts, as plain arrays."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
TimeArray = npt.NDArray[np.float64]
ByteArray = npt.NDArray[np.uint8]
IntArray = npt.NDArray[np.int64]

AUDIO_RATE_HZ = 16_000
"""Rate of every decoded sound: eGeMAPS values depend on it, so it is fixed and part of versions."""

STILL_SIDE_PX = 224
"""Short side of the sampled stills, the size that the picture encoder was trained on."""

MOTION_SIDE_PX = 96
"""Long side of the small grey frames that motion and cuts are measured on."""


@dataclass(frozen=True)
class Audio:
    """Sound as one channel.

    Attributes:
        samples: float32, shape (n,), within -1 to 1, at `rate_hz`: the mean of left and right.
        rate_hz: always AUDIO_RATE_HZ when decoded by this package.
        channels: how many the file has, at least 1.
    """

    samples: FloatArray
    rate_hz: int = AUDIO_RATE_HZ
    channels: int = 1

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.rate_hz


@dataclass(frozen=True)
class Frames:
    """Pictures sampled from a clip as a player shows them: upright, with square pixels.

    Attributes:
        stills: uint8 RGB, shape (n, height, width, 3), short side STILL_SIDE_PX; the first is
            the first frame shown, the others are spread evenly over the clip. One that stands for
            long comes again, here and in `motion`.
        still_times_s: float64, shape (n,), increasing.
        motion: uint8 grey, shape (m, height, width), long side MOTION_SIDE_PX; a dense sequence.
        motion_times_s: float64, shape (m,), increasing.
        duration_s: length of the picture in seconds.
    """

    stills: ByteArray
    still_times_s: TimeArray
    motion: ByteArray
    motion_times_s: TimeArray
    duration_s: float


@dataclass(frozen=True)
class Stream:
    """Facts of the container, read without decoding.

    Attributes:
        duration_s: declared length; that of the packets where none or too short a one is declared;
            NaN if unknown.
        size_bytes: size of the file.
        width, height: pixels as shown (after rotation and pixel aspect), 0 without a picture.
        rotation_deg: rotation asked for by the container: 0, 90, 180 or 270, before any mirror.
        fps: average frame rate, NaN without a picture.
        video_codec, audio_codec: short names, `""` if there is none.
        audio_rate_hz, audio_channels: as stored in the file, 0 without sound.
        packet_sizes: int64, bytes of each picture packet in order of presentation.
        packet_times_s: float64, when each is presented.
        keyframe_times_s: float64, times of the keyframes.
        audio_bytes: bytes of all sound packets.
    """

    duration_s: float
    size_bytes: int
    width: int
    height: int
    rotation_deg: int
    fps: float
    video_codec: str
    audio_codec: str
    audio_rate_hz: int
    audio_channels: int
    packet_sizes: IntArray
    packet_times_s: TimeArray
    keyframe_times_s: TimeArray
    audio_bytes: int


@dataclass(frozen=True)
class Clip:
    """All that featurizers may know of a media file; a part that is missing is None."""

    stream: Stream
    frames: Frames | None
    audio: Audio | None
