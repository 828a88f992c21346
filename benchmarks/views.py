"""Do views help? The same posts, folds and seeds with and without two views a clip.

Writes `results/views.md`. The corpus is the demo's, whose rule no view changes much: views should
neither teach a model what is not there nor take from it what is.
"""

import resource
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from results_table import write_table

from virality.data.features import Features, read_features
from virality.data.synthetic import make_corpus
from virality.data.table import read_posts
from virality.featurizers.extract import extract
from virality.modeling.evaluate import evaluate
from virality.modeling.train import train

CLIPS, VIEWS = 200, 2
SEEDS = (0, 1, 2)
SPLITS = ("temporal", "author")
METRICS = ("spearman", "r2", "mae")


def cpu_s() -> float:
    """Return CPU seconds of this process and of the children that ended."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, kinds))


def extract_corpus(folder: Path) -> tuple[Features, dict[str, float]]:
    """Make the corpus and its features; return them with CPU seconds a clip."""
    make_corpus(folder, clips=CLIPS)
    posts = read_posts(folder / "posts.parquet")
    spent = {}
    for name, views in (("posts", 0), ("views", VIEWS)):
        begin = cpu_s()
        extract(posts, folder / "clips", folder / "features", views=views)
        spent[name] = (cpu_s() - begin) / CLIPS
    return read_features(folder / "features"), spent


def judge(features: Features, split: str, seed: int) -> Mapping[str, float]:
    """Train and judge once."""
    model = train(features.matrix, features.posts, target="views", seed=seed)
    done = evaluate(model, features.matrix, features.posts, split=split, seed=seed)  # type: ignore[arg-type]
    return {name: done.metrics[name].value for name in METRICS}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        features, spent = extract_corpus(Path(name))
    without = replace(features, matrix=replace(features.matrix, views=None))
    rows = []
    for split in SPLITS:
        begin = cpu_s()
        plain = [judge(without, split, seed) for seed in SEEDS]
        middle = cpu_s()
        varied = [judge(features, split, seed) for seed in SEEDS]
        took = {"no": middle - begin, "yes": cpu_s() - middle}
        for views, scores, key in ((0, plain, "no"), (VIEWS, varied, "yes")):
            means = [float(np.mean([one[m] for one in scores])) for m in METRICS]
            rows.append([split, views, *(f"{v:.3f}" for v in means), f"{took[key] / 3:.0f}"])
        gains = [[b[m] - a[m] for a, b in zip(plain, varied, strict=True)] for m in METRICS]
        shown = [f"{np.mean(g):+.3f} ({min(g):+.3f} to {max(g):+.3f})" for g in gains]
        rows.append([split, "difference", *shown, ""])
    notes = [
        f"{CLIPS} posts of the demo corpus, every default feature; means over the seeds {SEEDS} of "
        "training, folds and bootstrap. In brackets the least and the largest difference.",
        f"Extraction took {spent['posts']:.2f} s of CPU a clip without views and "
        f"{spent['views'] / VIEWS:.2f} s more a view (decoding again included, once).",
    ]
    header = ("split", "views", *METRICS, "CPU s to train and judge")
    print(write_table("views", "Views as augmentation", header, rows, notes).read_text())


if __name__ == "__main__":
    main()
