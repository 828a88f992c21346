"""Made-up clips that cost as much to decode as real TikToks do; used by extraction.py.

Of 25,634 TikTok videos of 576x1024 the declared bit rate has a median of 1.72 Mbit/s (80 % lie
between 1.1 and 2.5), which is 0.10 bits a pixel. A smooth drawing would be coded in a tenth of
that, and decoded in a third of the time, so these pictures have texture, objects that move by
themselves, a shaking camera, film grain that is new in every frame, and cuts.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT, FPS = 576, 1024, 30
RATE_HZ = 44_100
PICTURE_BITS_PER_S = 1_650_000
SOUND_BITS_PER_S = 96_000
KEYFRAME_EVERY_S = 8
SCENE_S = 2.7
GRAIN_SD = 4.0
OBJECTS = 5
LENGTHS_S = (6, 10, 15, 25, 40)

Picture = npt.NDArray[np.uint8]


def write_clip(path: Path, seconds: float, seed: int = 0) -> Path:
    """Write an mp4: H.264 High with B-frames, a keyframe every 8 s, AAC stereo at 44.1 kHz."""
    import av

    rng = np.random.default_rng([seed, round(seconds)])
    options = {
        "preset": "medium",
        "profile": "high",
        "bf": "3",
        "g": str(KEYFRAME_EVERY_S * FPS),
        "keyint_min": str(KEYFRAME_EVERY_S * FPS),
        "sc_threshold": "0",  # cuts get no keyframe, as in real ones
        "maxrate": str(2 * PICTURE_BITS_PER_S),
        "bufsize": str(4 * PICTURE_BITS_PER_S),
    }
    with av.open(str(path), "w") as container:
        picture: Any = container.add_stream("libx264", rate=FPS, options=options)
        picture.width, picture.height, picture.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        picture.bit_rate = PICTURE_BITS_PER_S
        sound: Any = container.add_stream("aac", rate=RATE_HZ, layout="stereo")
        sound.bit_rate = SOUND_BITS_PER_S
        for array in draw(rng, round(seconds * FPS)):
            container.mux(picture.encode(av.VideoFrame.from_ndarray(array, format="rgb24")))
        container.mux(picture.encode())
        samples = synthesise(rng, seconds)
        for start in range(0, samples.shape[1], 1024):
            block = np.ascontiguousarray(samples[:, start : start + 1024])
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = RATE_HZ, start
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    return path


def draw(rng: np.random.Generator, count: int) -> Iterator[Picture]:
    """Yield `count` frames, each of shape (HEIGHT, WIDTH, 3)."""
    import cv2

    grains = rng.normal(0, GRAIN_SD, (7, HEIGHT + 32, WIDTH + 32, 1)).astype(np.int8)
    scene_frames = round(SCENE_S * FPS)
    for first in range(0, count, scene_frames):
        scene = _texture(rng, HEIGHT + 200, WIDTH + 320)
        objects = [_object(rng) for _ in range(OBJECTS)]
        drift = rng.uniform(-1.5, 1.5, 2)
        for moment in range(min(scene_frames, count - first)):
            shake = 3 * np.sin(moment * np.array([0.71, 0.43]))
            top, left = (np.array([100, 160]) + moment * drift * (0.6, 1) + shake).clip(0, 199)
            frame = scene[int(top) : int(top) + HEIGHT, int(left) : int(left) + WIDTH].copy()
            for patch, start, speed, wobble in objects:
                _paste(frame, patch, start + moment * speed + 30 * np.sin(moment * wobble))
            cv2.putText(frame, f"part {first}", (60, 820), 0, 1.6, (255, 255, 255), 4)
            y, x = rng.integers(0, 32, 2)
            grain = grains[rng.integers(len(grains)), y : y + HEIGHT, x : x + WIDTH]
            yield (frame.astype(np.int16) + grain).clip(0, 255).astype(np.uint8)


def _texture(rng: np.random.Generator, height: int, width: int) -> Picture:
    """Return a picture with detail at every scale, as photographs have (amplitude as 1/f)."""
    import cv2

    total = np.zeros((height, width, 3), np.float32)
    for cells in (4, 9, 20, 45, 100, 220):
        coarse = rng.normal(0, 1, (cells, max(2, cells // 2), 3)).astype(np.float32)
        detail = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        total += np.float32(90 / cells**0.5) * detail
    picture: Picture = (total + 128).clip(0, 255).astype(np.uint8)
    return picture


def _object(rng: np.random.Generator) -> tuple[Picture, Any, Any, Any]:
    side = int(rng.integers(90, 260))
    start = rng.uniform((0, 0), (HEIGHT, WIDTH))
    return _texture(rng, side, side), start, rng.uniform(-7, 7, 2), rng.uniform(0.05, 0.2, 2)


def _paste(frame: Picture, patch: Picture, place: npt.NDArray[np.float64]) -> None:
    top, left = (int(value) for value in place % (HEIGHT, WIDTH))
    height, width = (min(len(patch), HEIGHT - top), min(len(patch), WIDTH - left))
    frame[top : top + height, left : left + width] = patch[:height, :width]


def synthesise(rng: np.random.Generator, seconds: float) -> npt.NDArray[np.float32]:
    """Return clicks at 120 a minute, a voice-like hum that comes and goes, and noise, (2, n)."""
    times_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * np.cumsum(160 + 40 * np.sin(3 * times_s)) / RATE_HZ
    hum = sum(np.sin(k * phase) / k for k in range(1, 12))
    sound = 0.15 * hum * (np.sin(2 * np.pi * 0.4 * times_s) > -0.3)
    sound += rng.normal(0, 0.02, len(times_s))
    sound += 0.4 * np.exp(-40 * (times_s % 0.5)) * np.sin(2 * np.pi * 1500 * times_s)
    return np.stack([sound, 0.8 * sound]).clip(-1, 1).astype(np.float32)
