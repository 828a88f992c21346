"""The commands that tell what the data and single posts say, registered by the command line."""

from pathlib import Path
from typing import Annotated

import typer

from virality.workflow import options
from virality.workflow.console import Console
from virality.workflow.options import output_to


def trends(
    console: Console,
    posts: Annotated[Path, typer.Argument(help="Table of posts, in any known layout.")],
    output: Annotated[
        Path | None, output_to("HTML file to write too; its JSON twin stands beside it.")
    ] = None,
    target: Annotated[
        str, typer.Option(help="Outcome to look at; the first that the posts have if not given.")
    ] = "",
    zone: Annotated[
        str, typer.Option(help="Time zone of posts that name no country: Asia/Ho_Chi_Minh.")
    ] = "UTC",
    layout: options.Layout = "auto",
    mapping: options.Mapping = None,
    seed: options.Seed = 0,
) -> None:
    """Say what is trending in a table of posts: hours, lengths, hashtags, sounds, topics."""
    from virality.workflow.terminal_trends import show_trends
    from virality.workflow.trends import tell_posts

    with console.progress("looking for trends") as progress:
        result = tell_posts(
            posts, output, target=target, zone=zone, layout=layout, mapping=mapping, seed=seed,
            progress=progress,
        )  # fmt: skip
    console.emit(result.as_json(), lambda: show_trends(result))
