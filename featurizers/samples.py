"""Small made media of every modality, hard cases among them, to try a featurizer on."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from virality.data.clip import AUDIO_RATE_HZ, MOTION_SIDE_PX, STILL_SIDE_PX, Audio, Frames, Stream
from virality.data.errors import UsageError
from virality.data.matrix import Modality
from virality.data.post import Post

CAPTIONS: tuple[str, ...] = (
    "Wait for it... 😂 #fyp #funny @friend",
    "",
    "   \n ",
    "HÔM NAY ĂN GÌ? Cơm tấm sườn bì chả 🍚 ngon quá!!! #anngon",
    "今日のお弁当を作ってみた",
    "مرحبا بكم في قناتي ❤️",
    "Check https://example.org and www.example.com for 3 easy recipes",
    "👨‍👩‍👧‍👦🇻🇳1️⃣",
    "a",
    "zero\x00byte and a lone surrogate \ud83d here",
    "long " * 400,
)


def sample_media(modality: Modality, seed: int = 0) -> Sequence[Any]:
    """Return media for the featurizers of a modality: ordinary, odd and extreme ones.

    Args:
        modality: any but `history`, which no featurizer has.
        seed: of the noise in sound and pictures.

    Raises:
        UsageError: for a modality without media.
    """
    rng = np.random.default_rng(seed)
    if modality == "text":
        return CAPTIONS
    if modality == "audio":
        return sample_sounds(rng)
    if modality == "frames":
        return sample_frames(rng)
    if modality == "stream":
        return sample_streams(rng)
    if modality == "metadata":
        return sample_posts()
    raise UsageError(
        f"no featurizer reads {modality!r}: choose text, audio, frames, stream, metadata"
    )


def sample_sounds(rng: np.random.Generator) -> tuple[Audio, ...]:
    """Return a tone, noise, clicks, silence, one sound too short to analyse and one empty."""
    time_s = np.arange(2 * AUDIO_RATE_HZ) / AUDIO_RATE_HZ
    tone = 0.5 * np.sin(2 * np.pi * 440 * time_s)
    noise = rng.normal(0, 0.1, 3 * AUDIO_RATE_HZ).clip(-1, 1)
    clicks = np.zeros(3 * AUDIO_RATE_HZ)
    clicks[:: AUDIO_RATE_HZ // 2] = 1
    silence = np.zeros(AUDIO_RATE_HZ)
    parts = (tone, noise, clicks, silence, tone[: AUDIO_RATE_HZ // 50], tone[:0])
    return tuple(Audio(part.astype(np.float32)) for part in parts)


def sample_frames(rng: np.random.Generator) -> tuple[Frames, ...]:
    """Return random pictures, a black clip, a single frame and a moving bar."""
    noise = make_frames(rng.integers(0, 256, (3, 8, 4, 3)), rng.integers(0, 256, (20, 12, 7)), 2.0)
    black = make_frames(np.zeros((2, 8, 4, 3)), np.zeros((20, 12, 7)), 2.0)
    single = make_frames(rng.integers(0, 256, (1, 4, 8, 3)), rng.integers(0, 256, (1, 7, 12)), 0.04)
    bar = np.zeros((30, 12, 7))
    for number in range(len(bar)):
        bar[number, number % 12] = 255
    moving = make_frames(np.full((2, 8, 4, 3), 128), bar, 3.0)
    return noise, black, single, moving


def make_frames(stills: Any, motion: Any, duration_s: float) -> Frames:
    """Return Frames of blocky pictures: each value of the small arrays becomes a square.

    Args:
        stills: RGB values, shape (n, h, w, 3).
        motion: grey values, shape (m, h, w).
        duration_s: length of the clip in seconds.
    """
    side = STILL_SIDE_PX // min(stills.shape[1:3])
    large = np.repeat(np.repeat(stills, side, axis=1), side, axis=2).astype(np.uint8)
    step = MOTION_SIDE_PX // max(motion.shape[1:])
    small = np.repeat(np.repeat(motion, step, axis=1), step, axis=2).astype(np.uint8)
    return Frames(
        stills=large,
        still_times_s=np.linspace(0, duration_s, len(large), endpoint=False),
        motion=small,
        motion_times_s=np.linspace(0, duration_s, len(small), endpoint=False),
        duration_s=duration_s,
    )


def sample_streams(rng: np.random.Generator) -> tuple[Stream, ...]:
    """Return an ordinary container, one without sound and one without a picture."""
    ordinary = Stream(
        duration_s=4.0,
        size_bytes=900_000,
        width=720,
        height=1280,
        rotation_deg=0,
        fps=30.0,
        video_codec="h264",
        audio_codec="aac",
        audio_rate_hz=44_100,
        audio_channels=2,
        packet_sizes=rng.integers(500, 9_000, 120),
        packet_times_s=np.arange(120) / 30,
        keyframe_times_s=np.array([0.0, 2.0]),
        audio_bytes=64_000,
    )
    nothing = np.array([], dtype=np.int64)
    no_times = np.array([], dtype=np.float64)
    silent = Stream(
        **{**vars(ordinary), "audio_codec": "", "audio_rate_hz": 0, "audio_channels": 0}
        | {"audio_bytes": 0, "rotation_deg": 90, "duration_s": float("nan")}
    )
    blind = Stream(
        **{**vars(ordinary), "width": 0, "height": 0, "fps": float("nan"), "video_codec": ""}
        | {"packet_sizes": nothing, "packet_times_s": no_times, "keyframe_times_s": no_times}
    )
    return ordinary, silent, blind


def sample_posts() -> tuple[Post, ...]:
    """Return a post with everything, one with nothing, one of zeros and one of extremes."""
    full = Post(
        id="full",
        platform="tiktok",
        author_id="a1",
        author_followers=12_300,
        author_following=150,
        author_posts=88,
        author_verified=True,
        posted_at=datetime(2024, 2, 3, 18, 30, tzinfo=UTC),
        caption="Wait for it #fyp",
        hashtags=("fyp", "funny"),
        mentions=("friend",),
        location="VN",
        sound_id="s1",
        sound_title="original sound",
        sound_author="a1",
        sound_original=True,
        sound_uses=4_000,
        duration_s=14.2,
        width=720,
        height=1280,
        media="full.mp4",
    )
    zeros = Post(
        id="zeros",
        author_followers=0,
        author_following=0,
        author_posts=0,
        author_verified=False,
        posted_at=datetime(1970, 1, 1, tzinfo=UTC),
        caption="",
        hashtags=(),
        mentions=(),
        location="",
        sound_title="",
        sound_original=False,
        sound_uses=0,
        duration_s=0.0,
        width=0,
        height=0,
    )
    extreme = Post(
        id="extreme",
        author_followers=10**18,
        author_following=-1,
        posted_at=datetime(2999, 12, 31, 23, 59, 59, tzinfo=UTC),
        hashtags=("#FYP", "", "fyp"),
        location="Somewhere over the rainbow",
        sound_uses=2**62,
        duration_s=1e9,
        width=1,
        height=10**9,
    )
    return full, Post(id="empty"), zeros, extreme
