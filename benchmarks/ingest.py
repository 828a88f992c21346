"""Ingest and validate every real table beside the project; write benchmarks/results/ingest.md."""

import tempfile
import time
from pathlib import Path

from results_table import write_table

from virality.data.ingest import Ingest, ingest
from virality.data.table import extra_known, read_posts
from virality.data.validate import Validation, validate

TABLES = Path(__file__).resolve().parents[2] / "shared" / "data"
HEADER = (
    "source", "layout", "rows", "posts", "rejected", "duplicates", "authors", "first post",
    "last post", "targets", "splits", "read s", "validate s",
)  # fmt: skip


def main() -> None:
    sources = sorted(path for path in TABLES.iterdir() if path.name != "README.md")
    rows, notes = [], []
    with tempfile.TemporaryDirectory() as folder:
        for source in sources:
            row, told = measure(source, Path(folder) / "posts.parquet")
            rows.append(row)
            notes += told
    libraries = ("virality", "numpy", "pandas", "pyarrow")
    print(write_table("ingest", "Real tables, ingested", HEADER, rows, notes, libraries=libraries))


def measure(source: Path, out: Path) -> tuple[list[object], list[str]]:
    begun = time.perf_counter()
    done = ingest(source, out)
    read_s = time.perf_counter() - begun
    begun = time.perf_counter()
    seen = validate(read_posts(out), extra_known(out))
    return row_of(source, done, seen, read_s, time.perf_counter() - begun), told(source, done, seen)


def row_of(
    source: Path, done: Ingest, seen: Validation, read_s: float, validate_s: float
) -> list[object]:
    splits = next((", ".join(target.splits) for target in seen.targets), "none")
    days = [(moment or "unknown")[:10] for moment in (seen.first_posted_at, seen.last_posted_at)]
    return [
        source.name, done.format, done.rows, done.written, done.rejected, done.duplicates,
        seen.authors, *days, ", ".join(target.target for target in seen.targets), splits,
        round(read_s, 2), round(validate_s, 2),
    ]  # fmt: skip


def told(source: Path, done: Ingest, seen: Validation) -> list[str]:
    """Return what ingest and validation had to say, a sentence each."""
    doubts = (*seen.duplicates, *seen.suspicious_dates, *seen.suspicious_values)
    odd = [f"{doubt.posts} posts: {doubt.what}." for doubt in doubts]
    return [f"`{source.name}`: {sentence}" for sentence in (*done.notes, *odd)]


if __name__ == "__main__":
    main()
