"""How long each stage of the demo takes, run by the same commands that a user would type.

    python benchmarks/demo.py [CLIPS]

Two workers; nothing is there before. The target is the whole demo in under four minutes on two
cores. The stages are commands of their own here, so each pays for one start of Python more.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from results_table import write_table

from virality.data.synthetic import make_corpus

SEED = 0
CLIPS = 200
TRIALS = 15
TARGET_S = 240.0
SPLITS = ("temporal", "author", "random")


def timed(*words: str | Path) -> tuple[float, str]:
    """Run a command of the program; return its seconds and what it printed as JSON."""
    command = [sys.executable, "-m", "virality", *map(str, words), "--json"]
    start = time.perf_counter()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return time.perf_counter() - start, done.stdout


def stages(folder: Path, clips: int) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Run all stages; return the seconds of each, and Spearman and R2 of each split."""
    seconds: dict[str, float] = {}
    start = time.perf_counter()
    corpus = make_corpus(folder / "corpus", clips=clips, seed=SEED)
    seconds["make the corpus"] = time.perf_counter() - start
    features, study, model = folder / "features", folder / "study.log", folder / "model"
    commands: dict[str, tuple[str | Path, ...]] = {
        "extract": (
            "extract",
            corpus.posts,
            "--media",
            corpus.media,
            "-o",
            features,
            "--jobs",
            "2",
        ),
        "tune": ("tune", features, "--trials", str(TRIALS), "--study", study, "--jobs", "2"),
        "train": ("train", features, "--study", study, "-o", model),
    }
    for name, words in commands.items():
        seconds[name], _ = timed(*words)
    scores: dict[str, dict[str, float]] = {}
    kept: list[str | Path] = []
    for split in SPLITS:
        kept += ["--evaluation", folder / f"{split}.json"]
        seconds[f"evaluate, {split}"], text = timed(
            "evaluate", features, "--model", model, "--split", split, "-o", kept[-1]
        )
        metrics = json.loads(text)["metrics"]
        scores[split] = {name: metrics[name]["value"] for name in ("spearman", "r2")}
    html = folder / "report.html"
    shown = ("--study", study, "--truth", corpus.truth, *kept)
    seconds["report"], _ = timed("report", model, features, "-o", html, *shown)
    return seconds, scores


def main() -> None:
    clips = int(sys.argv[1]) if len(sys.argv) > 1 else CLIPS
    with tempfile.TemporaryDirectory() as folder:
        seconds, scores = stages(Path(folder), clips)
    total = sum(seconds.values())
    rows = [(name, value, value / total) for name, value in seconds.items()]
    verdict = "within" if total <= TARGET_S else "over"
    notes = [f"{total:.0f} s in all, {verdict} the target of {TARGET_S:.0f} s."] + [
        f"{split} split: Spearman {score['spearman']:.3f}, R2 {score['r2']:.3f}."
        for split, score in scores.items()
    ]
    title = f"The demo: {clips} clips, {TRIALS} trials, two workers"
    path = write_table(
        "demo", title, ("stage", "seconds", "share"), [*rows, ("all", total, 1.0)], notes, seed=SEED
    )
    print(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
