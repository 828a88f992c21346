"""Extract every file of a folder of odd clips: one row each with its status; no crash.

Run: python benchmarks/media.py [FOLDER]; the default is the folder of shared clips beside the
project.
"""

import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

import pandas as pd
from results_table import write_table

from virality.data.decode import Limits, decode
from virality.data.features import read_features
from virality.data.gate import admit
from virality.data.media import posts_of_media
from virality.data.reading import read_clip
from virality.data.reasons import REASONS
from virality.featurizers.extract import extract

SHARED = Path(__file__).resolve().parents[2] / "shared" / "media"
REPEATS = 30


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else SHARED
    if not folder.is_dir():
        print(f"no folder {folder}: nothing measured")
        return
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    posts, root = posts_of_media(files)
    with tempfile.TemporaryDirectory() as out:
        result = extract(posts, root, Path(out), jobs=2)
        again = extract(posts, root, Path(out), jobs=2)
        features = read_features(Path(out))
    if len(features.status) != len(files):
        raise SystemExit(f"{len(files)} files gave {len(features.status)} rows")
    notes = [
        f"{len(files)} files, {len(features.status)} rows,"
        f" {features.matrix.frame.shape[1]} columns;"
        f" every default feature on, two workers: {result.seconds:.0f} s.",
        f"A second run computed {again.computed} and took over {again.reused}"
        f" in {again.seconds:.1f} s.",
        isolation_note(files),
    ]
    path = write_table(
        "media",
        "Extraction of every shared clip",
        ["status", "reason", "files", "what it means", "for example"],
        table_rows(features.status, posts),
        notes,
        libraries=("virality", "av", "numpy", "onnxruntime", "librosa", "opensmile"),
    )
    print(path)


def table_rows(status: pd.DataFrame, posts: pd.DataFrame) -> list[tuple[object, ...]]:
    kinds = list(zip(status["status"], status["reason"], strict=True))
    examples = defaultdict(list)
    for kind, name in zip(kinds, posts["media"], strict=True):
        examples[kind].append(Path(name).name)
    order = {"ok": 0, "partial": 1, "failed": 2, "no_media": 3}
    counts = sorted(Counter(kinds).items(), key=lambda item: (order[item[0][0]], -item[1]))
    return [
        (kind[0], kind[1], count, REASONS[kind[1]], ", ".join(examples[kind][:2]))
        for kind, count in counts
    ]


def isolation_note(files: list[Path]) -> str:
    """Return what the child process costs by the clock, on the smallest clip that decodes."""
    limits = Limits()
    small = min(
        (path for path in files if admit(path, limits.file_bytes)[0] == "mov"),
        key=lambda path: (decode(path).status != "ok", path.stat().st_size),
    )
    size = small.stat().st_size
    plain, fenced = [], []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        read_clip(str(small), "mov", size, limits)
        plain.append(time.perf_counter() - begin)
        fenced.append(decode(small).seconds)
    cost = 1000 * (statistics.median(fenced) - statistics.median(plain))
    return f"Isolation in a child process costs {cost:.0f} ms a clip (median of {REPEATS})."


if __name__ == "__main__":
    main()
