"""From a table of posts to what is trending in it, as values and as a page."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from virality.workflow.console import Progress
from virality.workflow.tables import Remarks, read_table, told_of

if TYPE_CHECKING:
    from virality.reports.report_trends import Trends


@dataclass(frozen=True)
class Told:
    """What is trending, where its page is (empty if none was asked for), and remarks on rows."""

    trends: "Trends"
    page: str
    remarks: Remarks

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            **self.trends.as_json(),
            "page": self.page,
            "refused": self.remarks.refused,
            "notes": [*self.remarks.warnings, *self.remarks.notes],
        }


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
        UsageError: if the target or the zone is unknown, or an input would be written over.
        StorageError: if the page cannot be written.
    """
    from virality.modeling.trends import find_trends
    from virality.reports.render import render_trends
    from virality.reports.trends import tell_trends
    from virality.workflow.describe import twin_of, write_page

    beside = twin_of(output, table, mapping) if output is not None else None
    posts, remarks = read_table(table, layout, mapping)
    with told_of(remarks):
        found = find_trends(posts, target=target, zone=zone, seed=seed, progress=progress)
    trends = tell_trends(found)
    if output is None or beside is None:
        return Told(trends, "", remarks)
    write_page(output, render_trends(trends))
    write_page(beside, json.dumps(trends.as_json(), allow_nan=False, indent=1) + "\n")
    return Told(trends, str(output), remarks)
