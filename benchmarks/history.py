"""CPU seconds for the history columns of many posts, beside two plain ways to do less.

The peers give one column of the twenty, the author's earlier mean: pandas' expanding mean by
author (which, unlike ours, takes a post of the same second for an earlier one), and one pass over
the posts with a dictionary. Writes `results/history.md`.
"""

import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd
from results_table import write_table

from virality.modeling.history import COLUMNS, History

Floats = npt.NDArray[np.float64]

SIZES = (10_000, 100_000, 1_000_000)
SEED = 0


def make_posts(posts: int) -> tuple[pd.DataFrame, Floats]:
    """Return posts with authors, sounds and hashtags that recur, and their outcomes."""
    rng = np.random.default_rng([SEED, posts])
    tags = rng.zipf(1.6, (posts, 3)) % 5_000
    moments = np.sort(rng.integers(1_600_000_000, 1_700_000_000, posts))
    table = pd.DataFrame(
        {
            "id": np.arange(posts).astype(str),
            "author_id": rng.integers(0, posts // 10, posts).astype(str),
            "posted_at": pd.to_datetime(moments, unit="s", utc=True),
            "sound_id": (rng.zipf(1.4, posts) % (posts // 5)).astype(str),
            "hashtags": [[f"tag{tag}" for tag in three] for three in tags],
        }
    )
    return table, rng.normal(size=posts)


def ours(posts: pd.DataFrame, y: Floats) -> None:
    """All twenty columns, as a training run makes them."""
    History.fit(posts, y).transform(posts)


def expanding(posts: pd.DataFrame, y: Floats) -> None:
    """The author's earlier mean by pandas."""
    earlier = pd.Series(y).groupby(posts["author_id"].to_numpy()).shift(1)
    earlier.groupby(posts["author_id"].to_numpy()).expanding().mean()


def one_pass(posts: pd.DataFrame, y: Floats) -> None:
    """The author's earlier mean by a dictionary."""
    sums: dict[str, tuple[int, float]] = {}
    means = np.full(len(posts), np.nan)
    for row, (author, outcome) in enumerate(zip(posts["author_id"], y, strict=True)):
        count, total = sums.get(author, (0, 0.0))
        if count:
            means[row] = total / count
        sums[author] = (count + 1, total + outcome)


def spent_s(work: Callable[[pd.DataFrame, Floats], None], posts: pd.DataFrame, y: Floats) -> float:
    """Return the CPU seconds of one run."""
    begin = time.process_time()
    work(posts, y)
    return time.process_time() - begin


def main() -> None:
    rows = []
    for size in SIZES:
        posts, y = make_posts(size)
        took = [spent_s(work, posts, y) for work in (ours, expanding, one_pass)]
        each = len(COLUMNS) * took[1] / took[0], len(COLUMNS) * took[2] / took[0]
        rows.append([f"{size:,}", *took, *each])
        print(*rows[-1])
    header = (
        "posts", "ours, 20 columns", "pandas, 1 column", "dictionary, 1 column",
        "pandas / ours, a column", "dictionary / ours, a column",
    )  # fmt: skip
    notes = [
        "CPU seconds for fit and transform; ten posts an author on average, three hashtags a post.",
        "A million posts: at most 60 s asked for.",
    ]
    print(write_table("history", "History of authors, sounds and hashtags", header, rows, notes))


if __name__ == "__main__":
    main()
