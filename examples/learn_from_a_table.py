"""From a plain CSV to predictions, without a single clip.

Run it anywhere: `python examples/learn_from_a_table.py`. It draws a table of posts, ingests it,
computes features of captions and circumstances, trains, and predicts the newest posts.
"""

import csv
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from virality.data.features import read_features
from virality.data.ingest import ingest
from virality.data.table import read_posts
from virality.featurizers.extract import extract
from virality.modeling.train import train

POSTS = 150


def draw(path: Path) -> None:
    """Write made-up posts: accounts with more followers get more views, and so do evenings."""
    rng = np.random.default_rng(0)
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(("id", "author_id", "author_followers", "posted_at", "caption", "views"))
        for number in range(POSTS):
            author = int(rng.integers(0, 15))
            posted = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=9.5 * number)
            log_views = 2 + 0.25 * author + 0.6 * (17 <= posted.hour <= 22) + rng.normal(0, 0.2)
            caption = f"how to fold a shirt, part {number} #lifehack"
            row = (number, f"author {author}", 10**3 * (author + 1), posted.isoformat(), caption)
            writer.writerow((f"post-{row[0]}", *row[1:], int(10**log_views)))


def main() -> None:
    """Do all of it in a temporary folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw(folder / "posts.csv")
        posts = read_posts(ingest(folder / "posts.csv", folder / "posts.parquet").path)
        extract(posts, None, folder / "features", only=("metadata", "text_shape"))
        features = read_features(folder / "features")
        old = list(features.posts["id"][:-10])
        new = list(features.posts["id"][-10:])
        model = train(features.matrix.rows(old), features.posts, target="views")
        said = model.predict(features.matrix.rows(new), features.posts)
        views = features.posts.set_index("id")["views"]
        for post, middle, low, high in zip(new, said.mean, said.low, said.high, strict=True):
            shown = [f"{float(model.target.to_units(y)):,.0f}" for y in (middle, low, high)]
            print(f"{post}: {shown[0]} views ({shown[1]} to {shown[2]}); it got {views[post]:,}")


if __name__ == "__main__":
    main()
