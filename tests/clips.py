"""Tiny clips made by PyAV for the tests of decoding and extraction."""

from pathlib import Path

import numpy as np


def make_clip(
    path: Path,
    *,
    seconds: float = 1.0,
    width: int = 64,
    height: int = 96,
    rate: int = 20,
    sound_hz: float | None = 440.0,
    picture: bool = True,
    seed: int = 0,
    codec: str = "libx264",
    sound: str = "aac",
    options: dict[str, str] | None = None,
) -> Path:
    """Write a clip whose frames get brighter with time, so that a frame tells its own time."""
    import av

    with av.open(str(path), "w") as container:
        if picture:
            video = container.add_stream(codec, rate=rate, options=options or {"g": "10"})
            video.width, video.height, video.pix_fmt = width, height, "yuv420p"
            video.codec_context.thread_count = 1
        if sound_hz is not None:
            audio = container.add_stream(sound, rate=44100)
            audio.layout = "stereo"
        if picture:
            for index in range(round(seconds * rate)):
                container.mux(video.encode(_frame(index, seconds * rate, width, height, seed)))
            container.mux(video.encode(None))
        if sound_hz is not None:
            for frame in _sound(seconds, sound_hz):
                container.mux(audio.encode(frame))
            container.mux(audio.encode(None))
    return path


def _frame(index: int, count: float, width: int, height: int, seed: int):
    import av

    image = np.full((height, width, 3), brightness(index / count), np.uint8)
    image[: height // 4, : width // 4] = (seed * 37) % 256  # a mark at the upper left
    frame = av.VideoFrame.from_ndarray(image, format="rgb24")
    frame.pts = index
    return frame


def brightness(share: float) -> int:
    """Grey level of the frame at this share of a clip."""
    return round(40 + 160 * share)


def _sound(seconds: float, sound_hz: float):
    import av

    total = int(seconds * 44100)
    wave = 0.5 * np.sin(2 * np.pi * sound_hz * np.arange(total) / 44100)
    for start in range(0, total, 1024):
        piece = wave[start : start + 1024].astype(np.float32)
        frame = av.AudioFrame.from_ndarray(np.stack([piece] * 2), format="fltp", layout="stereo")
        frame.rate, frame.pts = 44100, start
        yield frame
