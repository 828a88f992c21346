"""The command that writes reports, registered by the command line."""

from pathlib import Path
from typing import Annotated

import typer

from virality.data.errors import UsageError
from virality.data.overwriting import refuse_overwriting
from virality.workflow import options
from virality.workflow.console import Console
from virality.workflow.options import output_to

Tables = Annotated[
    Path | None, typer.Option("--tables", help="Folder for every table of the report as CSV.")
]
Language = Annotated[
    str, typer.Option("--language", help="Language of the page: en, or a file of strings.")
]


def report(
    console: Console,
    model: Annotated[
        Path, typer.Argument(help="Folder of the model; with --compare, a run, report or twin.")
    ],
    features: Annotated[
        Path, typer.Argument(help="Folder of features; with --compare, the other of the two.")
    ],
    output: Annotated[Path, output_to("HTML file to write.")] = Path("report.html"),
    compare: Annotated[
        bool, typer.Option("--compare", help="Lay two reports side by side: --compare A B.")
    ] = False,
    study: Annotated[Path | None, typer.Option(help="Study, to show its history.")] = None,
    evaluation: options.Kept = None,
    truth: options.Truth = None,
    tables: Tables = None,
    language: Language = "en",
    seed: options.Seed = 0,
) -> None:
    """Write the report as one HTML file, and its JSON twin beside it; or compare two of them."""
    from virality.reports.strings import speaking
    from virality.workflow import terminal
    from virality.workflow.describe import describe, lay_side_by_side, twin_of

    if compare and (study or evaluation or truth):
        raise UsageError(
            "report: --study, --evaluation and --truth are for a report of one model; leave them "
            "out, or leave out --compare"
        )
    refuse_overwriting([output, twin_of(output)], [Path(language)])
    with speaking(language):
        if compare:
            pair = lay_side_by_side(model, features, output, tables=tables)
            console.emit(terminal.plain(pair), lambda: terminal.show_pair(pair))
            return
        with console.progress("reporting") as progress:
            result = describe(
                model, features, output, study=study, evaluations=evaluation or (), truth=truth,
                tables=tables, seed=seed, progress=progress,
            )  # fmt: skip
    console.emit(terminal.plain(result), lambda: terminal.show_described(result))
