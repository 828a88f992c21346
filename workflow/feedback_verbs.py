"""The command for what became of predicted posts, registered by the command line."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from virality.data.errors import UsageError
from virality.workflow import options
from virality.workflow.console import Console

if TYPE_CHECKING:
    from virality.data.outcomes import Report

LogFile = Annotated[Path, typer.Argument(help="Prediction log, as `predict --log` makes it.")]
Count = Annotated[int | None, typer.Option(help="How many there were.")]


def feedback(
    console: Console,
    log: LogFile,
    name: Annotated[
        str, typer.Argument(metavar="[ID]", help="Id of a post or of a prediction.")
    ] = "",
    views: Count = None,
    likes: Count = None,
    comments: Count = None,
    shares: Count = None,
    saves: Count = None,
    observed_at: Annotated[
        datetime | None,
        typer.Option(
            "--at",
            help="When they were read, in UTC; now if not given.",
            callback=options.check_moment,
        ),
    ] = None,
    table: Annotated[
        Path | None, typer.Option("--from", help="Table of reports, or a table of posts.")
    ] = None,
    quarantined: Annotated[
        bool, typer.Option("--quarantined", help="List what is held back, and why.")
    ] = False,
    release: Annotated[
        list[int] | None, typer.Option(help="Accept a report that is held back; its number.")
    ] = None,
    reject: Annotated[
        list[int] | None, typer.Option(help="Never learn from a report; its number.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write the listed reports as CSV.")
    ] = None,
) -> None:
    """Say what became of predicted posts; impossible reports are held back, none is overwritten.

    With an id and no count it shows what has been reported of that post so far.
    """
    from virality.data.outcomes import Outcome
    from virality.workflow import feedback as filing
    from virality.workflow import terminal_loop

    if release or reject:
        _show(console, _ruled(log, release or (), reject or ()), output)
        return
    if table is not None:
        filed = filing.file_table(log, table)
        console.emit(filed.as_json(), lambda: terminal_loop.show_filed(filed))
        return
    if quarantined or not name:
        if not (quarantined or output):
            raise UsageError("feedback: give an id with counts, --from, or --quarantined")
        _show(console, _listed(log, name, quarantined), output)
        return
    outcome = Outcome("", name, views, likes, comments, shares, saves, _utc(observed_at))
    if not outcome.counts:
        _show(console, _listed(log, name, quarantined), output)
        return
    filed = filing.file_one(log, name, outcome)
    console.emit(filed.as_json(), lambda: terminal_loop.show_filed(filed))


def _utc(moment: datetime | None) -> datetime | None:
    from datetime import UTC

    return moment.replace(tzinfo=UTC) if moment is not None else None


def _ruled(
    log: Path, released: "list[int] | tuple[()]", rejected: "list[int] | tuple[()]"
) -> "tuple[Report, ...]":
    from virality.workflow.prediction_log import open_log

    with open_log(log, must_exist=True) as opened:
        accepted = [opened.release(number) for number in released]
        return (*accepted, *(opened.reject(number) for number in rejected))


def _listed(log: Path, name: str, quarantined: bool) -> "tuple[Report, ...]":
    """Return the reports to show: held back, of one post or prediction, or all."""
    from virality.workflow.prediction_log import open_log

    with open_log(log, must_exist=True) as opened:
        if quarantined:
            return opened.quarantined()
        if not name:
            return opened.reports()
        kept = opened.prediction(name)
        return opened.history(kept.post if kept is not None else name)


def _show(console: Console, reports: "tuple[Report, ...]", output: Path | None) -> None:
    from virality.workflow import terminal_loop
    from virality.workflow.feedback import write_reports

    if output is not None:
        write_reports(reports, output)
    value = {"reports": [report.as_json() for report in reports]}
    console.emit(value, lambda: terminal_loop.show_reports(reports))
