"""The command for what became of predicted posts, registered by the command line."""

from collections.abc import Mapping, Sequence
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
            help="When they were read, in UTC if it names no zone; now if not given. With --from, "
            "for rows without a time.",
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
    from virality.data.overwriting import refuse_overwriting, refuse_unwritable
    from virality.workflow import feedback as filing
    from virality.workflow import terminal_loop

    counts = Outcome("", name, views, likes, comments, shares, saves).counts
    _refuse_mixed(
        {
            "--release": bool(release),
            "--reject": bool(reject),
            "--from": table is not None,
            "--quarantined": quarantined,
            "an id": bool(name),
        },
        [f"--{one}" for one in counts],
        timed=observed_at is not None,
        listed=output is not None,
    )
    if output is not None:
        refuse_overwriting([output], [log])
        refuse_unwritable(output)
    if release or reject:
        _show(console, _ruled(log, release or [], reject or []), output)
        return
    if table is not None:
        filed = filing.file_table(log, table, _utc(observed_at))
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


def _refuse_mixed(
    ways: Mapping[str, bool], counts: Sequence[str], *, timed: bool, listed: bool
) -> None:
    """Refuse what asks for two things at once, of which only one would be done.

    Args:
        ways: what can be asked for, each by itself -> whether it is.
        counts: options that give counts, which belong to an id.
        timed: whether --at is given, which belongs to counts.
        listed: whether -o is given, which belongs to what lists reports.
    """
    asked = [way for way, wanted in ways.items() if wanted]
    if len(asked) > 1:
        raise UsageError(f"feedback: {asked[0]} and {asked[1]} are two things; give one at a time")
    way = asked[0] if asked else ""
    if counts and way != "an id":
        beside = f"; {way} takes none" if way else ""
        raise UsageError(f"feedback: {counts[0]} is of one post: give its id{beside}")
    if timed and not counts and way != "--from":
        raise UsageError(
            "feedback: --at says when counts were read: give an id with counts, or --from"
        )
    if listed and (counts or way == "--from"):
        raise UsageError("feedback: -o writes reports that are listed; file counts without it")


def _utc(moment: datetime | None) -> datetime | None:
    """Return a moment in UTC; one without a zone is taken as UTC."""
    from datetime import UTC

    if moment is None:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _ruled(log: Path, released: list[int], rejected: list[int]) -> "tuple[Report, ...]":
    from virality.workflow.prediction_log import open_log

    with open_log(log, must_exist=True) as opened:
        if released:
            return opened.decide(released, "accepted")
        return opened.decide(rejected, "rejected")


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
