"""From a table of posts to what is trending in it, as values and as a page."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from virality.data.scratch import scratch
from virality.workflow.console import Progress

if TYPE_CHECKING:
    from virality.reports.report_trends import Trends


@dataclass(frozen=True)
class Told:
    """What is trending, and where its page is; empty if none was asked for."""

    trends: "Trends"
    page: str

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {**self.trends.as_json(), "page": self.page}


def tell_posts(
    table: Path,
    output: Path | None = None,
    *,
    target: str = "",
    zone: str = "UTC",
    layout: str = "auto",
    mapping: Path | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Told:
    """Say what is trending in a table of posts, and write its page and JSON twin if asked to.

    Args:
        table: posts in any known layout.
        output: HTML file; the twin stands beside it.
        target: outcome; the first that the posts have if empty.
        zone: time zone of posts whose location names no country.
        layout: of the table, or auto.
        mapping: TOML file that maps our columns to theirs.
        seed: of resamples and of the clustering.
        progress: told `(done, total)`.

    Raises:
        InputError: if the table cannot be read or holds no outcome.
        UsageError: if the target or the zone is unknown.
        StorageError: if the page cannot be written.
    """
    from virality.modeling.trends import find_trends
    from virality.reports.render import render_trends
    from virality.reports.trends import tell_trends
    from virality.workflow.describe import write_page

    posts = read_table(table, layout, mapping)
    found = find_trends(posts, target=target, zone=zone, seed=seed, progress=progress)
    trends = tell_trends(found)
    if output is None:
        return Told(trends, "")
    write_page(output, render_trends(trends))
    twin = json.dumps(trends.as_json(), allow_nan=False, indent=1) + "\n"
    write_page(output.with_suffix(".json"), twin)
    return Told(trends, str(output))


def read_table(table: Path, layout: str = "auto", mapping: Path | None = None) -> pd.DataFrame:
    """Return the posts of a table in any known layout.

    Raises:
        InputError: if it cannot be read.
    """
    from virality.data.ingest import ingest
    from virality.data.table import is_posts, read_posts

    ours = table.suffix.lower() == ".parquet" and table.is_file() and is_posts(table)
    if ours and layout == "auto" and mapping is None:
        return read_posts(table)
    with scratch() as folder:
        read = ingest(table, folder / "posts.parquet", format=layout, mapping=mapping)
        return read_posts(read.path)
