"""The commands that watch a model in use and train it again, registered by the command line."""

from pathlib import Path
from typing import Annotated

import typer

from virality.data.errors import UsageError
from virality.workflow import options
from virality.workflow.console import Console
from virality.workflow.feedback_verbs import LogFile

Bundles = Annotated[Path, typer.Option(help="Folder of bundles; registry/current is in use.")]


def monitor(
    console: Console,
    log: LogFile,
    model: Annotated[Path, typer.Option(help="Folder of the model.")] = Path("registry/current"),
    features: Annotated[
        Path | None, typer.Option(help="Features that it was trained on, to tell drift.")
    ] = None,
    output: Annotated[Path, options.output_to("HTML file to write.")] = Path("monitor.html"),
    seed: options.Seed = 0,
) -> None:
    """Say how past predictions fared, what has moved, and whether to train again."""
    from virality.workflow.describe import twin_of
    from virality.workflow.monitor import monitor as look
    from virality.workflow.terminal_loop import show_monitored

    twin_of(output, log, model, features)  # refuses to write over one of them
    with console.progress("monitoring"):
        result = look(log, model, output, features=features, seed=seed)
    console.emit(result.as_json(), lambda: show_monitored(result))


def retrain(
    console: Console,
    log: Annotated[Path | None, typer.Argument(help="Prediction log with feedback.")] = None,
    features: Annotated[
        Path | None, typer.Argument(help="Features that the first model was trained on.")
    ] = None,
    registry: Bundles = Path("registry"),
    model: Annotated[
        Path | None, typer.Option(help="First model, for a registry that holds none yet.")
    ] = None,
    study: Annotated[
        Path | None, typer.Option(help="Study to start from, beside the parameters in use.")
    ] = None,
    trials: Annotated[int, typer.Option(help="Trials of the search.", min=1)] = 8,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Put the bundle into use again that was replaced.")
    ] = False,
    again: Annotated[
        bool,
        typer.Option("--again", help="Try again with outcomes that made no better model before."),
    ] = False,
    seed: options.Seed = 0,
) -> None:
    """Train on what was reported since; the new model goes into use only if it is better."""
    from virality.workflow import retrain as training
    from virality.workflow import terminal_loop

    if rollback:
        if log or features or model or study or again:
            raise UsageError("retrain: --rollback learns nothing; give it nothing but --registry")
        entry = training.roll_back(registry)
        value = {"action": "rolled back", "champion": entry.hash, "added_at": entry.added_at}
        console.emit(value, lambda: terminal_loop.show_rolled_back(entry))
        return
    if log is None or features is None:
        raise UsageError("retrain: give a prediction log and the features, or --rollback")
    with console.progress("training") as progress:
        result = training.retrain(
            log, registry, features, model=model, study=study, trials=trials, seed=seed,
            again=again, progress=progress,
        )  # fmt: skip
    console.emit(result.as_json(), lambda: terminal_loop.show_retraining(result))
