"""The real tables beside the project, read and extracted once for all benchmarks of modelling.

Not a benchmark itself. Posts and features of captions and metadata lie under `build/tables`, one
folder a table, and are made again only where the featurizers' versions have changed.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data import splits
from virality.data.errors import ViralityError
from virality.data.features import Features, read_features
from virality.data.matrix import Column, FeatureMatrix
from virality.data.splits import IntArray, Split
from virality.modeling.metrics import Judged, Metric
from virality.modeling.provenance import usable_columns
from virality.modeling.rows import labelled
from virality.modeling.targets import find_target

Floats = npt.NDArray[np.float64]

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"
CACHE = ROOT / "build" / "tables"
MODALITIES = ("text", "metadata")
SOURCES = {
    "smp": ("SMP video 2025", SHARED / "smp_video_2025", "popularity"),
    "vietnamese": (
        "Vietnamese food creators",
        SHARED / "tiktok_vn_food_creators.parquet",
        "views",
    ),
    "trending": ("trending 2020", SHARED / "tiktok_trending_2020.json", "views"),
}
"""Short name -> title, source and the outcome it is judged by unless a benchmark says otherwise."""

LATE = (
    "author_likes",
    "extra.user_likes_count",
    "extra.user_digg_count",
    "extra.user_friend_count",
)
"""Counts of the author that were crawled after the post, its own responses among them."""

WORDS = "extra.post_suggested_words"
"""Words that the platform attaches to posts that had traffic already."""

FOLDS = 5
SEED = 0
QUICK_POSTS = 600
"""Posts of a table with `--quick`, evenly in time."""


@dataclass(frozen=True)
class Table:
    """A table with an outcome for every post, n of them.

    Attributes:
        name, title: short and long name.
        target: name of the outcome.
        matrix: features by the time of posting, or all; columns without any value left out.
        posts: the posts, in the order of the matrix.
        y: float64 (n,), outcomes on the learning scale, fitted on the older posts.
        split: oldest 80 % and newest 20 %.
    """

    name: str
    title: str
    target: str
    matrix: FeatureMatrix
    posts: pd.DataFrame
    y: Floats
    split: Split

    @property
    def groups(self) -> IntArray:
        """The author of each post; posts of unknown authors stand alone."""
        return splits.author_groups(self.posts)

    @property
    def author_folds(self) -> list[Split]:
        """Five folds in which no author stands on both sides."""
        return splits.author_folds(self.posts, FOLDS, SEED)

    def part(self, rows: IntArray) -> tuple[FeatureMatrix, pd.DataFrame]:
        """Return the features and posts of some rows."""
        ids = self.matrix.frame.index[rows]
        return self.matrix.rows(ids), self.posts.iloc[rows].reset_index(drop=True)

    def judged(self, rows: IntArray, predicted: Floats) -> Judged:
        """Return predictions of some rows as what is scored; hits are not."""
        nothing = np.zeros(len(rows))
        return Judged(self.y[rows], predicted, nothing, nothing, True)


def options(
    about: str | None, budget_s: float, tables: Sequence[str] = (), variants: Sequence[str] = (),
    most: int = 0,
) -> argparse.Namespace:  # fmt: skip
    """Read the options that the benchmarks on real tables share.

    Args:
        about: text of the benchmark.
        budget_s: seconds of each contender by default.
        tables: short names to choose from, all by default.
        variants: of what is compared, where a benchmark has several; all are run by default.
        most: posts of a table by default, where a benchmark does not take all.
    """
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = tuple(tables or SOURCES)
    parser.add_argument("--tables", default=",".join(known), help=f"some of {','.join(known)}")
    parser.add_argument("--budget", type=float, default=budget_s, metavar="SECONDS")
    parser.add_argument("--quick", action="store_true", help="few posts, to see that all runs")
    parser.add_argument("--output", default="", help="name of the table, for a trial run")
    if variants:
        parser.add_argument(
            "--variants", nargs="+", default=list(variants), choices=variants, metavar="VARIANT",
            help=f"some of {', '.join(map(repr, variants))}, to do with less time",
        )  # fmt: skip
    if most:
        parser.add_argument("--most", type=int, default=most, metavar="POSTS", help="of a table")
    chosen = parser.parse_args()
    chosen.tables = [name for name in chosen.tables.split(",") if name]
    for name in chosen.tables:
        if name not in known:
            parser.error(f"no table {name!r}; choose some of {', '.join(known)}")
    return chosen


def say(text: str) -> None:
    """Print progress with the time of day."""
    print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)


def patient() -> dict[str, str]:
    """Return the environment with OpenMP threads that sleep while they wait.

    Threads that spin in wait of a core which another program holds made a fit of 200 small trees
    five times as long in wall time as in CPU time.
    """
    return {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}


def tables(
    names: Sequence[str],
    *,
    target: str = "",
    allow_post: bool = False,
    quick: bool = False,
    most: int = 0,
) -> Iterator[Table]:
    """Return the tables of these short names, leaving out with a sentence what is not here.

    Args:
        names: short names.
        target: outcome; each table's usual one if empty.
        allow_post: keep columns that are known only after posting.
        quick: few posts of each.
        most: posts of a table, evenly in time; all if 0.
    """
    most = QUICK_POSTS if quick else most
    for name in names:
        title, source, usual = SOURCES[name]
        if not source.exists():
            say(f"{title}: {source.name} is not beside the project, left out")
            continue
        yield _table(name, title, _features(name, source), target or usual, allow_post, most)


def _features(name: str, source: Path) -> Features:
    from virality.data.ingest import ingest
    from virality.workflow.run import extract_table

    folder = CACHE / name
    posts, features = folder / "posts.parquet", folder / "features"
    try:
        found = read_features(features)
    except ViralityError:
        found = None
    if found is None or dict(found.matrix.versions) != _versions():
        say(f"{name}: reading posts and extracting features of captions and metadata")
        folder.mkdir(parents=True, exist_ok=True)
        ingest(source, posts)
        extract_table(posts, None, features, only=MODALITIES, jobs=2)
        found = read_features(features)
    return found


def _versions() -> dict[str, str]:
    from virality.featurizers.extract import choose

    return {name: one.version for name, one in choose(MODALITIES, (), ()).items()}


def _table(
    name: str, title: str, features: Features, target: str, allow_post: bool, most: int
) -> Table:
    matrix, posts = features.matrix, features.posts
    if most and len(posts) > most:
        order = np.argsort(splits.posting_times(posts), kind="stable")
        some = np.linspace(0, len(order) - 1, most).astype(np.int64)
        ids = matrix.frame.index[np.sort(order[some])]
        matrix = matrix.rows(ids)
    known = labelled(matrix, posts, find_target(target))
    if allow_post:
        known = replace(known, matrix=_with_late(known.matrix, known.posts))
    usable = usable_columns(known.matrix, allow_post).names
    there = known.matrix.frame[list(usable)].notna().any(axis=0)
    kept = [column for column, has in zip(usable, there, strict=True) if has]
    split = splits.temporal_split(known.posts)
    return Table(
        name, title, target, known.matrix.select(kept), known.posts,
        known.outcomes(split.train), split,
    )  # fmt: skip


def _with_late(matrix: FeatureMatrix, posts: pd.DataFrame) -> FeatureMatrix:
    """Return the matrix with what the table knows only afterwards, which no featurizer reads."""
    late: dict[str, Floats] = {}
    for name in (one for one in LATE if one in posts):
        raw = pd.to_numeric(posts[name], errors="coerce").to_numpy(np.float64, na_value=np.nan)
        short = name.removeprefix("extra.").removeprefix("user_").removeprefix("author_")
        late[f"{short}_log10"] = np.log10(1.0 + np.maximum(raw, 0.0))
        if "author_posts" in posts:
            count = posts["author_posts"].to_numpy(np.float64, na_value=np.nan)
            late[f"{short}_a_post_log10"] = late[f"{short}_log10"] - np.log10(1.0 + count)
    if WORDS in posts:
        late["suggested_length"] = np.asarray(posts[WORDS].astype(str).str.len(), dtype=np.float64)
    columns = {
        f"metadata_late__{name}": Column(f"metadata_late__{name}", "metadata", known="post")
        for name in late
    }
    values = pd.DataFrame(
        np.column_stack(list(late.values())).astype(np.float32),
        index=matrix.frame.index, columns=list(columns),
    )  # fmt: skip
    return replace(
        matrix,
        frame=pd.concat([matrix.frame, values], axis=1),
        columns={**matrix.columns, **columns},
    )


def without_blocks(matrix: FeatureMatrix) -> FeatureMatrix:
    """Return the matrix with every dimension of an embedding as a column like any other."""
    columns = {name: replace(column, block="") for name, column in matrix.columns.items()}
    return replace(matrix, columns=columns)


def shown(metric: Metric, digits: int = 3) -> str:
    """Return a score and its interval as a cell."""
    if not np.isfinite(metric.value):
        return "-"
    value, low, high = (f"{one:.{digits}f}" for one in (metric.value, metric.low, metric.high))
    return f"{value} ({low} to {high})"
