"""The commands that tell what the data and single posts say, registered by the command line."""

from pathlib import Path
from typing import Annotated

import typer

from virality.data.limits import Limits
from virality.workflow import options
from virality.workflow.console import Console
from virality.workflow.options import output_to

EXIT_SOME_FAILED = 3


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
    console.remark(result.remarks)
    console.emit(result.as_json(), lambda: show_trends(result))
    if result.remarks.refused:
        raise typer.Exit(EXIT_SOME_FAILED)


def explain(
    console: Console,
    model: Annotated[Path, typer.Argument(help="Folder of the model.")],
    posts: Annotated[
        list[str],
        typer.Argument(help="Ids of posts of --features, or clips, or one table of posts."),
    ],
    output: Annotated[
        Path | None, output_to("HTML file to write too; its JSON twin stands beside it.")
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(help="Features that the model learned from: similar posts and what-if."),
    ] = None,
    media: options.Media = None,
    caption: options.Caption = None,
    author: options.Author = None,
    followers: options.Followers = None,
    posted_at: options.PostedAt = None,
    most: Annotated[int, typer.Option(help="Posts to explain at most.", min=1, max=100)] = 20,
    encoder: options.OwnEncoder = "",
    jobs: options.Jobs = 1,
    *,
    limits: Limits,
) -> None:
    """Explain single posts: why, which earlier posts are like them, and what if."""
    from virality.workflow.explain import explain as tell
    from virality.workflow.known import Known
    from virality.workflow.terminal_explain import show_explanation

    known = Known(caption=caption, author=author, followers=followers, posted_at=posted_at)
    with console.progress("explaining") as progress:
        result = tell(
            model, posts, output, features=features, media=media, known=known, most=most,
            encoder=encoder, jobs=jobs, limits=limits, progress=progress,
        )  # fmt: skip
    console.remark(result.remarks)
    console.emit(result.as_json(), lambda: show_explanation(result))
    if result.failed or result.remarks.refused:
        raise typer.Exit(EXIT_SOME_FAILED)
