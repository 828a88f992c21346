"""What extracting features costs, beside the floor of decoding and a plain peer pipeline.

    python benchmarks/extraction.py [--quick]

The peer needs MoviePy, which virality does not: `make build/peer` puts it into a folder of its own.
All times are CPU times of the process and its children, so that other work on the machine weighs
little; floor, ours and peer take turns, and medians are compared.
"""

import os

os.environ.update(
    dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
)

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from realistic_clip import LENGTHS_S, write_clip
from results_table import write_table

from virality.data.fence import Fence
from virality.data.gate import opened
from virality.data.limits import Limits
from virality.data.reading import read_clip
from virality.data.store import publish, row_bytes
from virality.featurizers import FEATURIZERS
from virality.featurizers.base import Featurizer
from virality.featurizers.worker import MEDIA_MODALITIES, Setup, Task, row_key

SEED = 0
ROUNDS, PEER_ROUNDS = 7, 3
POSTS = 4_000
MEMORY_AT = (5, 40)
PEER = Path(__file__).resolve().parents[1] / "build" / "peer"
FLOOR, BARE, FENCED = "floor", "decode, no fence", "decode in the fence"
CAPTION = "Wait for the end of this tiny garden ✨ #fyp #garden #diy"
NAMES = tuple(name for name, one in FEATURIZERS.items() if one.modality in MEDIA_MODALITIES)
LIBRARIES = ("virality", "numpy", "av", "librosa", "opensmile", "onnxruntime", "torch")


@dataclass
class Measured:
    """CPU milliseconds of one clip, a list a stage with one entry a round."""

    seconds: float
    megabits_per_s: float
    stages: dict[str, list[float]] = field(default_factory=dict)

    def note(self, stages_s: Mapping[str, float]) -> None:
        """Add CPU seconds of a round."""
        for stage, spent_s in stages_s.items():
            self.stages.setdefault(stage, []).append(1000 * spent_s)

    def of(self, stage: str) -> float:
        """Return the median over rounds, NaN for a stage that did not run."""
        return float(np.median(self.stages.get(stage, [np.nan])))

    def ratio(self, above: str, below: str) -> float:
        """Return the median over rounds of the ratio of two stages of the same round."""
        both = zip(self.stages.get(above, []), self.stages[below], strict=False)
        ratios = [one / other for one, other in both]
        return float(np.median(ratios)) if ratios else float("nan")


def cpu_s() -> float:
    """Return CPU seconds of this process and of all that it started and waited for."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in spent)


def decode_all(path: Path) -> None:
    """Decode every picture and all sound once, on one thread: the floor of a clip."""
    import av

    with av.open(str(path)) as container:
        for stream in container.streams:
            stream.codec_context.thread_count = 1
        for packet in container.demux():
            packet.decode()


def decode_fenced(path: Path, fence: Fence) -> tuple[Any, float]:
    """Return the child's ending, and CPU seconds of ourselves, the forkserver and the child."""
    begin_s, server_s = cpu_s(), _server_s(fence)
    with opened(path, Limits().file_bytes) as admitted:
        ending = fence.run(admitted.descriptor, admitted.demuxer, Limits())
    if ending.message is None or ending.message.clip is None:
        raise SystemExit(f"{path.name} was not decoded: {ending.reason}")
    return ending, cpu_s() - begin_s + _server_s(fence) - server_s + ending.cpu_s


def _server_s(fence: Fence) -> float:
    process = fence._process
    if process is None:
        return 0.0
    return int(Path(f"/proc/{process.pid}/schedstat").read_text().split()[0]) * 1e-9


def measure_round(path: Path, measured: Measured, fence: Fence, folder: Path) -> None:
    """Do each of our stages once, timing them one by one, with the floor before."""
    from virality.featurizers import audio_stft

    audio_stft._spectra.clear()
    stages: dict[str, float] = {}

    def timed(stage: str, work: Callable[[], Any]) -> Any:
        begin = cpu_s()
        made = work()
        stages[stage] = cpu_s() - begin
        return made

    def extracted(one: Featurizer[Any], part: Any) -> Any:
        return one.extract([part])

    timed(FLOOR, lambda: decode_all(path))
    timed(BARE, lambda: read_clip(str(path), "mov", path.stat().st_size, Limits()))
    timed("hashing, twice", lambda: (_sha256(path), _sha256(path)))
    ending, stages[FENCED] = decode_fenced(path, fence)
    rows = {}
    for name in NAMES:
        one, part = FEATURIZERS[name], getattr(ending.message.clip, FEATURIZERS[name].modality)
        rows[row_key(name, one, path.name)] = row_bytes(
            timed(name, partial(extracted, one, part))[0]
        )
    timed("storing", lambda: publish(folder, rows))
    stages["ours"] = sum(stages.values()) - stages[FLOOR] - stages[BARE]
    stages["isolation"] = stages[FENCED] - stages[BARE]
    measured.note(stages)


def peer_round(path: Path, measured: Measured) -> None:
    """Run the peer pipeline on a clip; it reports a pass with everything loaded."""
    if not PEER.is_dir():
        return
    command = [sys.executable, str(Path(__file__).with_name("peer_pipeline.py")), str(path)]
    environment = {**os.environ, "PYTHONPATH": str(PEER)}
    done = subprocess.run(
        [*command, CAPTION], env=environment, capture_output=True, text=True, check=True
    )
    stages = json.loads(done.stdout.splitlines()[-1])
    measured.note({"peer": sum(stages.values())})
    measured.note({f"peer: {stage}": spent_s for stage, spent_s in stages.items()})


def measure_clips(clips: Mapping[float, Path], folder: Path, rounds: int) -> list[Measured]:
    """Return what each clip costs, imports, models and the forkserver's start left out."""
    found = {
        seconds: Measured(seconds, path.stat().st_size * 8e-6 / seconds)
        for seconds, path in clips.items()
    }
    with Fence() as fence:
        measure_round(min(clips.items())[1], Measured(0, 0), fence, folder)
        for number in range(rounds):
            for seconds, path in clips.items():
                measure_round(path, found[seconds], fence, folder)
                if number < PEER_ROUNDS:
                    peer_round(path, found[seconds])
    return list(found.values())


def measure_memory(clips: Mapping[float, Path], folder: Path) -> dict[int, int]:
    """Return clips done -> largest memory so far of a worker and its forkserver, in bytes.

    A worker's clips differ in length, the longest among the first.
    """
    from virality.featurizers.pool import run_tasks

    paths = [clips[seconds] for seconds in sorted(clips, reverse=True)]
    tasks = [
        Task(number, (_sha256(paths[number % len(paths)]),), paths[number % len(paths)], NAMES)
        for number in range(max(MEMORY_AT))
    ]
    peaks: dict[int, int] = {}
    media = {name: FEATURIZERS[name] for name in NAMES}
    for done, result in enumerate(run_tasks(Setup(folder, media, Limits()), tasks, 1), 1):
        if not result.file or result.failures:
            raise SystemExit(f"a clip failed: {result.failures}")
        if done in MEMORY_AT:
            peaks[done] = sum(_peak_bytes(child) for child in _descendants(os.getpid()))
    return peaks


def _sha256(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


def _descendants(process: int) -> list[int]:
    try:
        raw = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
    except OSError:
        return []
    children = [int(word) for word in raw.split()]
    return [one for child in children for one in (child, *_descendants(child))]


def _peak_bytes(process: int) -> int:
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def measure_scaling(clips: Mapping[float, Path], folder: Path, rounds: int) -> tuple[float, float]:
    """Return (throughput of two workers over one, share of the machine that others used).

    By the clock, of clips after the first of each worker, in which models are loaded; the best
    round of each counts, as other work on the machine can only slow one down.
    """
    from virality.featurizers.pool import run_tasks

    path = clips[sorted(clips)[1]]
    media = {name: FEATURIZERS[name] for name in NAMES}
    spans: dict[int, list[float]] = {1: [], 2: []}
    before, mine, clock = _machine_busy_s(), cpu_s(), time.perf_counter()
    for _ in range(rounds):
        for jobs in (1, 2):
            tasks = [Task(n, (_sha256(path),), path, NAMES) for n in range(10 * jobs)]
            ends = [
                time.perf_counter() for _ in run_tasks(Setup(folder, media, Limits()), tasks, jobs)
            ]
            warm = 2 * jobs
            spans[jobs].append((ends[-1] - ends[warm - 1]) / (len(ends) - warm))
    elapsed = time.perf_counter() - clock
    others = (_machine_busy_s() - before) - (cpu_s() - mine)
    cores = os.cpu_count() or 1
    return min(spans[1]) / min(spans[2]), max(0.0, others / elapsed / cores)


def _machine_busy_s() -> float:
    ticks = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    return (sum(ticks[:3]) + sum(ticks[5:8])) / os.sysconf("SC_CLK_TCK")


def measure_captions(folder: Path) -> float:
    """Return posts a minute of CPU, captions and metadata only, everything loaded and stored."""
    from virality.data.synthetic_text import write_caption
    from virality.featurizers.extract import extract

    rng = np.random.default_rng(SEED)
    captions = [f"{write_caption(rng).text} {number}" for number in range(POSTS)]
    posts = pd.DataFrame(
        {
            "id": [str(number) for number in range(POSTS)],
            "caption": captions,
            "author_id": [str(number % 100) for number in range(POSTS)],
            "author_followers": rng.integers(0, 10**6, POSTS),
            "posted_at": pd.Timestamp("2026-01-01", tz="UTC")
            + pd.to_timedelta(np.arange(POSTS), unit="h"),
        }
    )
    begin = cpu_s()
    extract(posts, None, folder, only=("text", "metadata"))
    return POSTS / (cpu_s() - begin) * 60


def _rows(found: list[Measured]) -> list[list[str]]:
    stages = [
        FLOOR, BARE, "hashing, twice", FENCED, *NAMES, "storing", "ours", "peer",
        *(stage for stage in found[0].stages if stage.startswith("peer: ")),
    ]  # fmt: skip
    rows = [[_label(stage), *(f"{one.of(stage):.1f}" for one in found)] for stage in stages]
    for label, above, below in (
        ("**ours / floor** (at most 1.5)", "ours", "floor"),
        ("**peer / ours** (at least 2.5)", "peer", "ours"),
    ):
        rows.append([label, *(f"**{one.ratio(above, below):.2f}**" for one in found)])
    isolated = (f"**{one.of('isolation'):.0f}**" for one in found)
    rows.append(["**isolation, ms** (at most 30)", *isolated])
    return rows


def _label(stage: str) -> str:
    names = {
        "floor": "floor: decode all once, PyAV",
        "ours": "**ours, all**",
        "peer": "**peer, all**",
    }
    return names.get(stage, stage)


def main(quick: bool) -> None:
    rounds = 2 if quick else ROUNDS
    lengths = LENGTHS_S[:3] if quick else LENGTHS_S
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips: dict[float, Path] = {
            seconds: write_clip(folder / f"{seconds}.mp4", seconds, SEED) for seconds in lengths
        }
        (folder / "rows").mkdir()
        found = measure_clips(clips, folder / "rows", rounds)
        scaling, others = measure_scaling(clips, folder / "rows", rounds)
        peaks = measure_memory(clips, folder / "rows")
        with Fence() as fence:
            child = max(decode_fenced(path, fence)[0].peak_bytes for path in clips.values())
        per_minute = measure_captions(folder / "features")
    report(found, scaling, others, peaks, child, per_minute)


def report(
    found: list[Measured],
    scaling: float,
    others: float,
    peaks: dict[int, int],
    child: int,
    per_minute: float,
) -> None:
    rows = _rows(found)
    blank = [""] * (len(found) - 1)
    memory = ", ".join(
        f"{(peak + child) / 1e6:,.0f} MB after {clips}" for clips, peak in peaks.items()
    )
    rows += [
        ["**two workers / one** (at least 1.8)", f"**{scaling:.2f}**", *blank],
        ["**memory of a worker** (under 1,200 MB)", f"**{memory}**", *blank],
        ["**captions, posts a minute** (at least 5,000)", f"**{per_minute:,.0f}**", *blank],
    ]
    rates = ", ".join(f"{one.megabits_per_s:.2f}" for one in found)
    peer_note = (
        "The peer: MoviePy frames and wav, librosa one by one, openSMILE at 44.1 kHz, torch eager "
        "one frame at a time, silero-vad by its package, sentence-transformers one caption a time; "
        "its second pass, with everything loaded; see benchmarks/peer_pipeline.py."
        if PEER.is_dir()
        else "The peer was not measured: `make build/peer` fetches MoviePy."
    )
    notes = [
        "CPU milliseconds a clip (process and children), medians of rounds in which floor, ours "
        "and peer take turns; ratios are medians of the ratios of a round.",
        f"Generated clips of 576x1024, 30 fps, H.264 High with B-frames, a keyframe every 8 s, AAC "
        f"stereo; {rates} Mbit/s in the order of the columns. The median of 25,634 TikTok videos "
        "of that size is 1.72. Texture, moving objects, a shaking camera, fresh grain, cuts.",
        "The floor is PyAV decoding every packet of picture and sound of the same clip on one "
        "thread.",
        "The spectrum that featurizers share is charged to the first that asks, audio_spectrum.",
        "Isolation is decoding in the fence (child, forkserver, receiving) less the same decoding "
        "in one's own process. Starting the forkserver is paid once a worker and left out.",
        f"Two workers: by the clock, clips of {sorted(LENGTHS_S)[1]} s, best of rounds, without "
        f"each worker's first two clips; other work used {100 * others:.0f} % of the machine.",
        "Memory: largest resident sets of worker, forkserver and decoding child, added up although "
        "they are not reached at once and share pages.",
        f"Captions: {POSTS:,} posts with distinct captions in seven languages through `extract "
        "--only text,metadata` from start to end, models loaded, rows stored, matrix written.",
        peer_note,
    ]
    header = ["stage", *(f"{one.seconds:g} s" for one in found)]
    title = "CPU cost of extraction"
    path = write_table("extraction", title, header, rows, notes, seed=SEED, libraries=LIBRARIES)
    print(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main("--quick" in sys.argv[1:])
