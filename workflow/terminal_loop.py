"""How feedback, monitoring and retraining look in a terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from virality.data.outcomes import COUNTS, stamp
from virality.data.words import agreeing, counted
from virality.workflow.terminal import escaped, print_table, say_line

if TYPE_CHECKING:
    from virality.data.outcomes import Report
    from virality.modeling.registry import Entry
    from virality.workflow.feedback import Filed
    from virality.workflow.monitor import Monitored
    from virality.workflow.retrain import Retraining


SHOWN_DRIFTS = 5


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
        say_line(f"{counted(filed.empty, 'row')} without counts left out")
    if filed.rejected:
        rows = counted(filed.rejected, "row")
        say_line(f"{rows} cannot be used; reasons in {escaped(str(filed.rejects))}")


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


def show_monitored(result: "Monitored") -> None:
    """Print how predictions fared and what to do."""
    from virality.modeling.drift import tell

    watch = result.watch
    have = agreeing(watch.outcomes, "has", "have")
    say_line(f"{watch.outcomes:,} of {counted(watch.predictions, 'prediction')} {have} an outcome")
    if watch.metrics:
        error = watch.metrics["mae"]
        print_table(
            ("", "value", "low", "high"),
            [
                (name, *(f"{value:.3f}" for value in (one.value, one.low, one.high)))
                for name, one in (
                    ("mean error", error), ("bias", watch.bias), ("coverage", watch.coverage),
                    ("rank correlation", watch.metrics["spearman"]),
                )
            ],
        )  # fmt: skip
        say_line(f"the mean error expected in training was {watch.expected:.3f}")
        if watch.log:
            say_line(
                "mean error and bias are of the logarithm that is learned: 0.3 is a factor of 2"
            )
    say_line(f"[bold]{watch.advice}[/bold]")
    for sentence in (*watch.reasons, *watch.notes):
        say_line(f"  {escaped(sentence)}")
    for sentence in tell(watch.moved, SHOWN_DRIFTS):
        say_line(f"  {escaped(sentence)}")
    say_line(f"page: {escaped(str(result.page))}")


def show_retraining(result: "Retraining") -> None:
    """Print whether a challenger was better."""
    say_line(f"[bold]{result.action}[/bold]: {escaped(result.verdict)}")
    if result.challenger is not None:
        say_line(
            f"learned from {result.learned:,} posts (the newest {result.window:.0%}), judged on "
            f"{result.judged:,}; champion {result.champion[:16]}, "
            f"challenger {result.challenger[:16]}"
        )
    for note in result.notes:
        say_line(escaped(note))


def show_rolled_back(entry: "Entry") -> None:
    """Print which bundle is in use again."""
    say_line(f"rolled back: {entry.hash[:16]} of {entry.added_at[:10]} is in use")
