"""The commands that fetch posts, registered by the command line. Nothing else in it fetches."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from virality.workflow import options
from virality.workflow.console import Console

if TYPE_CHECKING:
    from virality.data.collect import Manners

SOME_FAILED = 3

Pause = Annotated[float, typer.Option(help="Seconds between posts.", min=0.0, max=3600.0)]
Most = Annotated[int, typer.Option("--max", help="Posts to fetch at most.", min=1)]
Rate = Annotated[int, typer.Option(help="Most bytes a second; 0 for no limit.", min=0)]
Robots = Annotated[
    bool, typer.Option("--robots/--no-robots", help="Leave alone what robots.txt forbids.")
]


def collect(
    console: Console,
    sources: Annotated[
        list[str], typer.Argument(help="Addresses of posts, or files with one a line.")
    ],
    output: Annotated[Path, options.output_to("Folder of what is fetched.")] = Path("collected"),
    most: Most = 100,
    pause: Pause = 3.0,
    rate: Rate = 1_000_000,
    max_bytes: Annotated[int, typer.Option(help="Largest clip, in bytes.", min=1)] = 200_000_000,
    media: Annotated[bool, typer.Option("--media/--no-media", help="Fetch the clips too.")] = True,
    robots: Robots = True,
) -> None:
    """Fetch posts by address through yt-dlp, slowly; again, it fetches only what is missing."""
    from virality.data.collect import TABLE, read_urls
    from virality.data.collect import collect as fetch
    from virality.data.overwriting import refuse_model, refuse_overwriting
    from virality.workflow.terminal_collect import show_collected

    files = [Path(name) for name in sources if "://" not in name and Path(name).is_file()]
    refuse_overwriting([output / TABLE], files)
    refuse_model(output)
    manners = _manners(pause, most, rate, robots, media=media, file_bytes=max_bytes)
    with console.progress("collecting") as progress:
        result = fetch(read_urls(sources), output, manners=manners, progress=progress)
    console.emit(result.as_json(), lambda: show_collected(result))
    if result.failed or result.refused:
        raise typer.Exit(SOME_FAILED)


def recrawl(
    console: Console,
    posts: Annotated[Path, typer.Argument(help="Table of posts.")],
    output: Annotated[Path, options.output_to("Folder of the newer table.")] = Path("recrawled"),
    newer: Annotated[
        Path | None, typer.Option("--from", help="Newer table of the same posts; fetches nothing.")
    ] = None,
    collected: Annotated[
        Path | None, typer.Option(help="Folder of `collect`, which knows the posts' addresses.")
    ] = None,
    most: Most = 1000,
    pause: Pause = 3.0,
    robots: Robots = True,
) -> None:
    """Fetch newer counts of known posts, so that growth and views after a week can be learned."""
    from virality.workflow.recrawl import recrawl as again
    from virality.workflow.terminal_collect import show_recrawled

    manners = _manners(pause, most, 0, robots, media=False)
    with console.progress("recrawling") as progress:
        result = again(
            posts, output, newer=newer, collected=collected, manners=manners, progress=progress
        )
    console.emit(result.as_json(), lambda: show_recrawled(result))
    if result.collected is not None and (result.collected.failed or result.collected.refused):
        raise typer.Exit(SOME_FAILED)


def _manners(
    pause: float, most: int, rate: int, robots: bool, *, media: bool, file_bytes: int = 1
) -> "Manners":
    from virality.data.collect import Manners

    return Manners(pause, most, media, rate, file_bytes, robots=robots)
