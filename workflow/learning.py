"""The commands that learn: search for parameters, train the stack."""

from pathlib import Path
from typing import Annotated

import typer

from virality.workflow import options
from virality.workflow.console import Console
from virality.workflow.options import names, output_to

Libraries = Annotated[
    str,
    typer.Option(
        help="Boosters to try, comma-separated: lightgbm, xgboost; both if none is named, with "
        "--raw lightgbm alone."
    ),
]
Raw = Annotated[
    bool,
    typer.Option("--raw", help="Read embeddings column by column, not as blocks; slow."),
]
Adapt = Annotated[
    bool,
    typer.Option("--adapt", help="Let the newest posts decide more about how bases are mixed."),
]


def tune(
    console: Console,
    features: Annotated[Path, typer.Argument(help="Folder of features.")],
    target: options.Target = "views",
    trials: options.Trials = 50,
    timeout: options.Timeout = None,
    study: options.Journal = Path("study.log"),
    metric: options.Metric = "",
    libraries: Libraries = "",
    raw: Raw = False,
    allow_post: options.AllowPost = False,
    jobs: options.Jobs = 1,
    seed: options.Seed = 0,
) -> None:
    """Search for good parameters on the oldest four fifths of the posts."""
    from virality.data.features import read_features
    from virality.modeling.tune import check_libraries
    from virality.modeling.tune import tune as search
    from virality.workflow import terminal

    table = read_features(features)
    with console.progress("tuning") as progress:
        result = search(
            table.matrix, table.posts, target=target, trials=trials, timeout_s=timeout,
            study=study, seed=seed, jobs=jobs, progress=progress, allow_post=allow_post,
            metric=metric, raw=raw,
            libraries=check_libraries(names(libraries)) if libraries else None,
        )  # fmt: skip
    console.emit(terminal.plain(result), lambda: terminal.show_tuning(result))


def train(
    console: Console,
    features: Annotated[Path, typer.Argument(help="Folder of features.")],
    study: Annotated[Path | None, typer.Option(help="Study to take parameters from.")] = None,
    target: options.OwnTarget = "",
    output: Annotated[Path, output_to("Folder of the model.")] = Path("model"),
    allow_post: options.AllowPost = False,
    adapt: Adapt = False,
    seed: options.Seed = 0,
) -> None:
    """Train the stack on all labelled posts and write it as a bundle."""
    from virality.workflow import terminal
    from virality.workflow.run import train_model

    with console.progress("training") as progress:
        model = train_model(
            features, study, output, target=target, seed=seed, allow_post=allow_post, adapt=adapt,
            progress=progress,
        )  # fmt: skip
    console.note_kept(output)
    console.emit(terminal.plain(model.card), lambda: terminal.show_card(model.card, output))
