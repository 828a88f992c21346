"""What a clip's picture embedding loses when fewer of its stills are looked at.

    python benchmarks/stills.py

Reads the clips of ../shared/media that last 4 to 18 s, one a file size, so that copies count once.
Each is embedded at 60 moments; the means of evenly spaced ones among them stand for rarer stills.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from results_table import write_table

from virality.data import picture, sampling
from virality.data.decode import decode
from virality.data.gate import opened
from virality.data.limits import Limits
from virality.data.reading import read_clip
from virality.featurizers.frames_embedding import embed_stills

MEDIA = Path(__file__).resolve().parents[2] / "shared" / "media"
MOMENTS = 60
LENGTHS_S = ((4, 8), (8, 12), (12, 18))
PLANS = {"1 s, at least 6": (1, 6), "1.5 s, at least 4": (1.5, 4), "2 s, at least 3": (2, 3)}
MOST = 12
LARGEST_BYTES = 30_000_000

Array = npt.NDArray[np.float64]


def dense_times_s(start_s: float, end_s: float) -> Array:
    """Return MOMENTS evenly spaced times of a clip, in place of the sampling plan's."""
    return start_s + np.arange(MOMENTS) * (end_s - start_s) / MOMENTS


def embedded() -> Iterator[tuple[float, Array]]:
    """Yield (seconds, embeddings at the moments, shape (MOMENTS, 1280)) of each clip."""
    sizes: set[int] = set()
    for path in sorted(one for one in MEDIA.rglob("*") if one.is_file()):
        size = path.stat().st_size
        if size in sizes or size > LARGEST_BYTES:
            continue
        sizes.add(size)
        made = _dense_frames(path)
        if made is None:
            continue
        embeddings = embed_stills(made.stills).astype(np.float64)
        asked_s = made.still_times_s[0] + np.arange(MOMENTS) * made.duration_s / MOMENTS
        yield made.duration_s, embeddings[sampling.shown_at(made.still_times_s, asked_s)]


def _dense_frames(path: Path) -> Any:
    """Return a clip's frames at the moments; None if it is not whole or of another length."""
    clip = decode(path).clip  # in the fence first: these files are meant to break decoders
    if clip is None or clip.frames is None:
        return None
    if not LENGTHS_S[0][0] <= clip.frames.duration_s < LENGTHS_S[-1][1]:
        return None
    with opened(path, LARGEST_BYTES) as admitted:
        dense = read_clip(str(path), admitted.demuxer, path.stat().st_size, Limits()).clip
    frames = dense.frames if dense else None
    return frames if frames is not None and len(frames.stills) > MOMENTS // 2 else None


def distance(one: Array, other: Array) -> float:
    """Return one minus the cosine of two vectors."""
    return 1 - float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def mean_of(embeddings: Array, count: int, shift: float = 0.0) -> Array:
    """Return the mean of `count` evenly spaced embeddings, moved by a share of the step."""
    places = ((np.arange(count) + shift) * MOMENTS / count).astype(int)
    return np.asarray(embeddings[places].mean(axis=0))


def row(label: str, clips: list[tuple[float, Array]], every_s: float, least: int) -> list[str]:
    """Return a line of the table: a plan, over the clips of a length."""
    counts = [int(np.clip(round(seconds / every_s), least, MOST)) for seconds, _ in clips]
    pairs = list(zip(counts, (values for _, values in clips), strict=True))
    lost = [distance(mean_of(values, count), values.mean(axis=0)) for count, values in pairs]
    moved = [
        distance(mean_of(values, count), mean_of(values, count, 0.5)) for count, values in pairs
    ]
    cells = (np.mean(lost), np.max(lost), np.mean(moved))
    return [label, str(len(clips)), f"{np.mean(counts):.1f}", *(f"{cell:.4f}" for cell in cells)]


def main() -> None:
    if not MEDIA.is_dir():
        sys.exit(f"needs the clips of {MEDIA}")
    for module in (picture, sampling):
        module.__dict__["still_times_s"] = dense_times_s
        module.__dict__["motion_times_s"] = lambda start_s, _: np.array([start_s])
    found = list(embedded())
    means = [values.mean(axis=0) for _, values in found]
    apart = [distance(one, other) for place, one in enumerate(means) for other in means[:place]]
    rows = []
    for low, high in LENGTHS_S:
        clips = [(seconds, values) for seconds, values in found if low <= seconds < high]
        if clips:
            rows += [row(f"{low} to {high} s, {plan}", clips, *PLANS[plan]) for plan in PLANS]
    header = [
        "clips, a still every", "clips", "stills", "to the mean of 60", "largest",
        "the same stills half a step later",
    ]  # fmt: skip
    notes = [
        "Cosine distances of mean picture embeddings. Two of these clips are "
        f"{np.median(apart):.2f} apart (median).",
        f"At most {MOST} stills in every plan, so clips of 18 s and more have the same in the "
        "first two.",
    ]
    title = "Picture embedding with fewer stills"
    libraries = ("virality", "numpy", "av", "onnxruntime")
    path = write_table("stills", title, header, rows, notes, libraries=libraries)
    print(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
