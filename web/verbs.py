"""The command that serves, registered by the command line."""

from pathlib import Path
from typing import Annotated

import typer

from virality.workflow import options
from virality.workflow.console import Console


def serve(
    console: Console,
    model: Annotated[Path, typer.Argument(help="Folder of the model.")],
    features: Annotated[
        Path | None,
        typer.Option(help="Features of earlier posts, for similar ones and what to change."),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 for any free one.", min=0, max=65_535)] = 8000,
    name: Annotated[
        str, typer.Option(help="Host names under which browsers reach it, comma-separated.")
    ] = "",
    token: Annotated[
        str,
        typer.Option(
            help="What every request must show; made up where others can reach the server.",
            envvar="VIRALITY_TOKEN",
        ),
    ] = "",
    jobs: Annotated[int, typer.Option(help="Predictions at once.", min=1, max=64)] = 1,
    queue: Annotated[int, typer.Option(help="Requests that may wait.", min=1, max=1000)] = 16,
    max_upload: Annotated[
        int, typer.Option(help="Largest clip, in MB.", min=1, max=1_000_000)
    ] = 200,
    min_rate: Annotated[
        float,
        typer.Option(help="kB a second that an upload must bring; slower ones are refused.", min=0),
    ] = 2.0,
    keep: Annotated[float, typer.Option(help="Minutes that a result is kept.", min=0.1)] = 60.0,
    encoder: options.OwnEncoder = "",
    log: options.Log = None,
) -> None:
    """Serve a page and a JSON API: clips and captions in, predictions with reasons out."""
    from virality.web.serve import serve as listen
    from virality.web.serve import warning
    from virality.web.settings import MEGABYTE, Settings, is_loopback, new_token

    host = host.removeprefix("[").removesuffix("]")  # as addresses with colons are written in URLs
    known_as = tuple(one.lower() for one in options.names(name))
    if not token and (known_as or not is_loopback(host)):
        token = new_token()
    settings = Settings(
        host=host, port=port, names=known_as, token=token,
        workers=jobs, waiting=queue, clip_bytes=max_upload * MEGABYTE, keep_s=keep * 60,
        min_rate=min_rate * 1000,
    )  # fmt: skip

    def say(address: str) -> None:
        if told := warning(settings):
            console.note(told)
        lines = f"serving {model} at {address}; Ctrl-C ends it"
        lines += f"\ntoken: {token}" if token else ""
        console.emit({"url": address, "token": token}, lambda: print(lines, flush=True))

    listen(model, features, encoder, settings, say, log)
