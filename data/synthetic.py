"""The demo corpus: real clips, made up, whose views follow a rule that is written down.

Nothing in it comes from anyone's account. The rule uses properties that the clips and posts truly
have and that featurizers measure, so that the whole way from file to report can be judged: what
was planted must be found, and the decoys, which vary as much and do nothing, must not.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from virality.data.clip import TimeArray
from virality.data.errors import StorageError, UsageError
from virality.data.synthetic_clip import HEIGHT_PX, WIDTH_PX, ClipPlan, PicturePlan, write_clip
from virality.data.synthetic_sound import SoundPlan
from virality.data.synthetic_text import write_caption
from virality.data.table import write_posts

AUTHORS = 25
NOISE_SD = 0.25
"""Standard deviation of what no property explains, in decades of views."""

FIRST_DAY = datetime(2025, 1, 6, tzinfo=UTC)
DAYS = 150

COEFFICIENTS: Mapping[str, float] = {
    "intercept": 2.0,
    "cuts_per_second": 0.52,
    "start_loudness_db": 0.042,
    "speech_share": 1.4,
    "log10_followers": 0.34,
    "evening": 0.3,
}

RULE = (
    "log10(1 + views) = 2.0 + 0.52 x cuts per second + 0.042 x loudness of the first second over "
    "the rest in dB + 1.4 x share of the time with speech (the rest is music alone) + "
    "0.34 x log10(followers) + 0.3 x cos(2 pi (hour - 18) / 24), the hour in UTC, "
    "+ normal noise of standard deviation 0.25"
)

PLANTED: Mapping[str, tuple[str, ...]] = {
    "cuts_per_second": (
        "frames_motion__cut_rate",
        "frames_motion__start_cut_rate",
        "frames_motion__rest_cut_rate",
        "frames_motion__cuts",
        "frames_motion__mean_shot_s",
        "frames_motion__longest_shot_s",
    ),
    "start_loudness_db": ("audio_loudness__start_db", "audio_loudness__trend_db"),
    "speech_share": (
        "audio_speech__speech_share",
        "audio_speech__mean_probability",
        "audio_speech__longest_segment_s",
    ),
    "log10_followers": ("metadata_author__followers_log10",),
    "evening": ("metadata_time__hour_sin", "metadata_time__hour", "metadata_time__hour_cos"),
}
"""Driver -> columns of a matrix that measure it, the best first."""

DECOYS: Mapping[str, tuple[str, ...]] = {
    "brightness": ("frames_colour__brightness", "frames_colour__first_brightness"),
    "level_db": ("audio_loudness__integrated_lufs", "audio_loudness__rms_db"),
}
"""Property that varies as much and has no effect -> columns that measure it, the best first."""


@dataclass(frozen=True)
class Corpus:
    """Where a corpus lies: the table of posts, the folder of clips, and the truth about them."""

    posts: Path
    media: Path
    truth: Path
    clips: int


@dataclass(frozen=True)
class Factors:
    """What is drawn for each post, independently of all else; arrays of shape (clips,).

    Attributes:
        cuts: hard cuts in the clip.
        duration_s, fps: length and frame rate.
        start_db: loudness of the first second over the rest, in dB.
        speech_share: of the time; the rest is music alone.
        author: number of the author, 0 to AUTHORS - 1.
        followers: of that author.
        hour: of posting, UTC, with fraction.
        brightness: a decoy, 0 to 1.
        level_db: a decoy, RMS of the whole sound in dB of full scale.
        noise: in decades of views.
    """

    cuts: TimeArray
    duration_s: TimeArray
    fps: TimeArray
    start_db: TimeArray
    speech_share: TimeArray
    author: TimeArray
    followers: TimeArray
    hour: TimeArray
    brightness: TimeArray
    level_db: TimeArray
    noise: TimeArray


def make_corpus(
    out: Path,
    *,
    clips: int = 200,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Corpus:
    """Write `out/clips/*.mp4`, `out/posts.parquet` and `out/truth.json`; same seed, same bytes.

    Args:
        out: folder, made if need be.
        clips: how many posts, each with a clip.
        seed: decides everything.
        progress: called with (clips written, clips) after each.

    Raises:
        UsageError: if `clips` is less than 1.
        StorageError: if the folder cannot be written.
    """
    if clips < 1:
        raise UsageError(f"a corpus of {clips} clips: ask for at least 1")
    corpus = Corpus(out / "posts.parquet", out / "clips", out / "truth.json", clips)
    factors = draw_factors(clips, seed)
    try:
        corpus.media.mkdir(parents=True, exist_ok=True)
        _write_clips(corpus.media, factors, seed, progress)
        write_posts(make_posts(factors, seed), corpus.posts)
        corpus.truth.write_text(json.dumps(truth(), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{out}: cannot write the demo corpus there ({error})") from error
    return corpus


def draw_factors(clips: int, seed: int) -> Factors:
    """Draw every factor by itself, spread evenly over its range (Latin hypercube)."""
    rng = np.random.default_rng([seed, 0])
    duration_s = np.round(_spread(4, 8, clips, rng), 2)
    followers = 10 ** (4 + 0.65 * _normal(AUTHORS, rng))
    author = rng.permutation(np.arange(clips) % AUTHORS)
    return Factors(
        cuts=np.floor(_spread(0, 2, clips, rng) * duration_s),
        duration_s=duration_s,
        fps=np.array([15, 20, 24])[rng.permutation(np.arange(clips) % 3)],
        start_db=_spread(-9, 9, clips, rng),
        speech_share=_spread(0.1, 0.9, clips, rng),
        author=author,
        followers=np.round(followers)[author],
        hour=_spread(0, 24, clips, rng),
        brightness=_spread(0.28, 0.72, clips, rng),
        level_db=_spread(-28, -22, clips, rng),
        noise=NOISE_SD * _normal(clips, rng),
    )


def expected_views(factors: Factors) -> TimeArray:
    """Return log10(1 + views) by the rule, shape (clips,), without the noise."""
    return np.asarray(
        COEFFICIENTS["intercept"]
        + COEFFICIENTS["cuts_per_second"] * factors.cuts / factors.duration_s
        + COEFFICIENTS["start_loudness_db"] * factors.start_db
        + COEFFICIENTS["speech_share"] * factors.speech_share
        + COEFFICIENTS["log10_followers"] * np.log10(factors.followers)
        + COEFFICIENTS["evening"] * np.cos(2 * np.pi * (factors.hour - 18) / 24)
    )


def truth() -> dict[str, Any]:
    """Return the rule and which columns of a matrix measure its drivers and the decoys."""
    return {
        "synthetic": True,
        "rule": RULE,
        "coefficients": dict(COEFFICIENTS),
        "noise_sd": NOISE_SD,
        "planted": {driver: list(columns) for driver, columns in PLANTED.items()},
        "decoy": {decoy: list(columns) for decoy, columns in DECOYS.items()},
    }


def make_posts(factors: Factors, seed: int) -> pd.DataFrame:
    """Return the table of posts, in order of posting, outcomes included."""
    rng = np.random.default_rng([seed, 1])
    clips = len(factors.hour)
    posts = pd.DataFrame({"id": _ids(clips)})
    posts["platform"] = "demo"
    for name, values in {**_authors(factors, seed, rng), **_times(factors, rng)}.items():
        posts[name] = values
    captions = [write_caption(rng) for _ in range(clips)]
    posts["caption"] = [caption.text for caption in captions]
    posts["hashtags"] = [caption.hashtags for caption in captions]
    posts["mentions"] = [caption.mentions for caption in captions]
    outcomes = _outcomes(expected_views(factors) + factors.noise, rng)
    for name, values in {**_sounds(clips, rng), **_files(factors), **outcomes}.items():
        posts[name] = values
    return posts


def _ids(clips: int) -> list[str]:
    return [f"demo-{number:04d}" for number in range(clips)]


def _authors(factors: Factors, seed: int, rng: np.random.Generator) -> dict[str, Any]:
    names = [hashlib.sha256(f"{seed} {n}".encode()).hexdigest()[:16] for n in range(AUTHORS)]
    following, earlier = rng.integers(20, 900, AUTHORS), rng.integers(10, 1500, AUTHORS)
    likes = 10 ** rng.normal(5.5, 0.6, AUTHORS)
    return {
        "author_id": [names[author] for author in factors.author],
        "author_followers": factors.followers.astype(np.int64),
        "author_following": following[factors.author],
        "author_posts": earlier[factors.author] + np.arange(len(factors.author)),
        "author_likes": likes.astype(np.int64)[factors.author],
        "author_verified": (rng.random(AUTHORS) < 0.15)[factors.author],
    }


def _times(factors: Factors, rng: np.random.Generator) -> dict[str, Any]:
    """Return days in order and hours as drawn; all outcomes are read a month after the end."""
    days = np.sort(rng.integers(0, DAYS, len(factors.hour)))
    seconds = np.round(factors.hour * 3600).astype(int)
    posted = [
        FIRST_DAY + timedelta(days=int(day), seconds=int(second))
        for day, second in zip(days, seconds, strict=True)
    ]
    return {"posted_at": posted, "collected_at": FIRST_DAY + timedelta(days=DAYS + 30)}


def _sounds(clips: int, rng: np.random.Generator) -> dict[str, Any]:
    """Return sounds' facts: drawn without regard to what is heard, or they would give it away."""
    number = rng.integers(0, 30, clips)
    original = rng.random(30) < 0.4
    uses = (10 ** rng.normal(3, 0.8, 30)).astype(np.int64)
    return {
        "sound_id": [f"sound-{sound:02d}" for sound in number],
        "sound_title": [f"Demo sound {sound}" for sound in number],
        "sound_author": [f"maker {sound % 7}" for sound in number],
        "sound_original": original[number],
        "sound_uses": uses[number],
    }


def _files(factors: Factors) -> dict[str, Any]:
    names = _ids(len(factors.hour))
    return {
        "duration_s": factors.duration_s,
        "width": WIDTH_PX,
        "height": HEIGHT_PX,
        "media": [f"{name}.mp4" for name in names],
    }


def _outcomes(log_views: TimeArray, rng: np.random.Generator) -> dict[str, Any]:
    """Return views, and the other outcomes as noisy shares of them."""
    views = np.round(10**log_views - 1)
    shares = {"likes": 0.08, "comments": 0.004, "shares": 0.006, "saves": 0.01}
    counts = {"views": np.maximum(views, 0)}
    for name, share in shares.items():
        counts[name] = np.round(views * share * 10 ** rng.normal(0, 0.15, len(views)))
    return {name: values.astype(np.int64) for name, values in counts.items()}


def _write_clips(
    folder: Path, factors: Factors, seed: int, progress: Callable[[int, int], None] | None
) -> None:
    """Write every clip. Two threads: drawing holds the lock, encoding does not."""
    plans = list(_plans(factors, seed))
    paths = [folder / f"{name}.mp4" for name in _ids(len(plans))]
    with ThreadPoolExecutor(max_workers=2) as pool:
        for done, _ in enumerate(pool.map(write_clip, paths, plans), start=1):
            if progress is not None:
                progress(done, len(plans))


def _plans(factors: Factors, seed: int) -> Iterator[ClipPlan]:
    speed = np.random.default_rng([seed, 2]).uniform(0.1, 0.7, len(factors.hour))
    for i in range(len(factors.hour)):
        fps, seconds = int(factors.fps[i]), float(factors.duration_s[i])
        picture = PicturePlan(
            fps=fps,
            frames=round(seconds * fps),
            cuts=int(factors.cuts[i]),
            brightness=float(factors.brightness[i]),
            speed=float(speed[i]),
        )
        sound = SoundPlan(
            duration_s=seconds,
            speech_share=float(factors.speech_share[i]),
            start_db=float(factors.start_db[i]),
            level_db=float(factors.level_db[i]),
        )
        yield ClipPlan(picture, sound, (seed, 3, i))


def _spread(low: float, high: float, count: int, rng: np.random.Generator) -> TimeArray:
    """Return one draw from each of `count` equal parts of a range, in random order."""
    return low + (high - low) * (rng.permutation(count) + rng.random(count)) / count


def _normal(count: int, rng: np.random.Generator) -> TimeArray:
    """Return standard normal draws, one from each of `count` equally likely parts."""
    from scipy.special import ndtri

    return np.asarray(ndtri(_spread(0, 1, count, rng)))
