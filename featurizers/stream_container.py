"""What the container says: length, size, shape, rates, and what is in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, log10

from virality.data.clip import FloatArray, Stream
from virality.data.matrix import Column, Modality
from virality.featurizers.rows import NAN, stack_rows

SQUARE_WITHIN = 0.05
"""Shapes whose sides differ by less than this count as neither upright nor level."""


def _column(name: str, unit: str, meaning: str) -> Column:
    return Column(name, "stream", unit, meaning=meaning)


COLUMNS: tuple[Column, ...] = (
    _column("duration_s", "s", "length of the file"),
    _column("rate_fps", "fps", "pictures a second, on average"),
    _column("width_px", "px", "width as shown"),
    _column("height_px", "px", "height as shown"),
    _column("aspect_ratio", "ratio", "width over height as shown"),
    _column("pixels_log10", "log10", "pixels of a picture"),
    _column("upright", "0/1", "taller than wide by over 5 %"),
    _column("level", "0/1", "wider than tall by over 5 %"),
    _column("rotated", "0/1", "turned by the container before it is shown"),
    _column("size_log10", "log10", "bytes of the file"),
    _column("bitrate_log10", "log10", "bits a second of the whole file"),
    _column("bits_per_pixel", "bit", "picture bits for each pixel shown: quality of the encoding"),
    _column("has_picture", "0/1", "has a picture"),
    _column("has_sound", "0/1", "has sound"),
    _column("sound_share", "share", "bytes of the file that are sound"),
    _column("sound_rate_hz", "Hz", "sampling rate of the sound"),
    _column("sound_channels", "count", "channels of the sound"),
    _column("sound_bitrate_log10", "log10", "bits of sound a second of the file"),
    _column("is_h264", "0/1", "picture coded as H.264"),
    _column("is_hevc", "0/1", "picture coded as H.265"),
)


@dataclass(frozen=True)
class StreamContainer:
    """Facts of the container, without decoding."""

    modality: Modality = "stream"
    version: str = "2"

    @property
    def columns(self) -> tuple[Column, ...]:
        """What it returns, in order."""
        return COLUMNS

    def extract(self, batch: Sequence[Stream]) -> FloatArray:
        """Return shape (len(batch), 20); NaN where a part is missing or a length is unknown."""
        return stack_rows((_measure(stream) for stream in batch), self.columns)


def _measure(stream: Stream) -> Mapping[str, float]:
    seconds = stream.duration_s if stream.duration_s > 0 else NAN
    return {
        "duration_s": seconds,
        "size_log10": _log(stream.size_bytes),
        "bitrate_log10": _log(8 * stream.size_bytes / seconds),
        "has_picture": float(stream.video_codec != ""),
        "has_sound": float(stream.audio_codec != ""),
        **(_picture(stream) if stream.width > 0 and stream.height > 0 else {}),
        **(_sound(stream, seconds) if stream.audio_codec else {}),
    }


def _picture(stream: Stream) -> dict[str, float]:
    aspect = stream.width / stream.height
    pixels = stream.width * stream.height
    sizes = stream.packet_sizes
    return {
        "rate_fps": stream.fps,
        "width_px": stream.width,
        "height_px": stream.height,
        "aspect_ratio": aspect,
        "pixels_log10": _log(pixels),
        "upright": float(aspect < 1 - SQUARE_WITHIN),
        "level": float(aspect > 1 + SQUARE_WITHIN),
        "rotated": float(stream.rotation_deg % 360 != 0),
        "bits_per_pixel": 8 * float(sizes.mean()) / pixels if len(sizes) else NAN,
        "is_h264": float(stream.video_codec == "h264"),
        "is_hevc": float(stream.video_codec in ("hevc", "h265")),
    }


def _sound(stream: Stream, seconds: float) -> dict[str, float]:
    return {
        "sound_share": stream.audio_bytes / stream.size_bytes if stream.size_bytes > 0 else NAN,
        "sound_rate_hz": stream.audio_rate_hz if stream.audio_rate_hz > 0 else NAN,
        "sound_channels": stream.audio_channels if stream.audio_channels > 0 else NAN,
        "sound_bitrate_log10": _log(8 * stream.audio_bytes / seconds),
    }


def _log(value: float) -> float:
    return log10(value) if isfinite(value) and value > 0 else NAN
