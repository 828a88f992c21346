"""How feedback, monitoring and retraining look in a terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from virality.data.outcomes import COUNTS, stamp
from virality.workflow.terminal import escaped, print_table, say_line

if TYPE_CHECKING:
    from virality.data.outcomes import Report
    from virality.workflow.feedback import Filed


def show_filed(filed: "Filed") -> None:
    """Print what became of reports."""
    say_line(
        f"{filed.accepted} accepted, {filed.quarantined} held back, {filed.known} known already"
    )
    for number, reasons in filed.held:
        say_line(f"  report {number} is held back: {escaped('; '.join(reasons))}")
    if filed.held:
        say_line("  --release NUMBER accepts one that is true")
    if filed.empty:
        say_line(f"{filed.empty} rows without counts left out")
    if filed.rejected:
        say_line(f"{filed.rejected} rows cannot be used; reasons in {escaped(str(filed.rejects))}")


def show_reports(reports: "Sequence[Report]") -> None:
    """Print reports as a table."""
    if not reports:
        say_line("no reports")
        return
    print_table(
        ("number", "post", "read at", *COUNTS, "state", "why"),
        [
            (
                str(one.number), one.post, stamp(one.observed_at)[:16],
                *(_count(one.counts.get(name)) for name in COUNTS), one.state,
                "; ".join(one.reasons),
            )
            for one in reports
        ],
    )  # fmt: skip


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
