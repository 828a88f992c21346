"""The commands that judge models, registered by the command line."""

from pathlib import Path
from typing import Annotated

import typer

from virality.data.errors import UsageError
from virality.workflow import options
from virality.workflow.console import Console

Split = Annotated[str, typer.Option(help="temporal, rolling, author or random.")]


def evaluate(
    console: Console,
    features: Annotated[Path, typer.Argument(help="Folder of features.")],
    model: Annotated[Path, typer.Option(help="Folder of the model.")] = Path("model"),
    split: Split = "temporal",
    slices: Annotated[
        bool,
        typer.Option("--slices", help="Score languages, followers, durations, new authors apart."),
    ] = False,
    curve: Annotated[
        bool, typer.Option("--learning-curve", help="Score with fewer posts to learn from.")
    ] = False,
    ablation: Annotated[
        bool, typer.Option("--ablation", help="Score without each modality, and with it alone.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Also keep it here for a report.")
    ] = None,
    seed: options.Seed = 0,
) -> None:
    """Judge a model's recipe on posts that it has not seen, baselines beside it."""
    from virality.workflow.judge import judge_deeply
    from virality.workflow.terminal_judge import show_judgement

    with console.progress("evaluating") as progress:
        result = judge_deeply(
            features, model, split=split, slices=slices, curve=curve, ablation=ablation, seed=seed,
            keep=output, progress=progress,
        )  # fmt: skip
    console.emit(result.as_json(), lambda: show_judgement(result))


def compare(
    console: Console,
    first: Annotated[Path, typer.Argument(help="Folder of a model.")],
    second: Annotated[Path, typer.Argument(help="Folder of another model of the same target.")],
    features: Annotated[Path, typer.Argument(help="Folder of features.")],
    split: Split = "temporal",
    as_trained: Annotated[
        bool,
        typer.Option(
            "--as-trained",
            help="Judge the models as they are, on posts that neither has learned from, in place "
            "of their recipes inside a split.",
        ),
    ] = False,
    seed: options.Seed = 0,
    *,
    context: typer.Context,
) -> None:
    """Say whether the difference between two models is real, on posts that neither has seen."""
    from virality.workflow.judge import compare_models
    from virality.workflow.terminal_judge import show_comparison

    if as_trained and options.was_given(context, "split"):
        raise UsageError(
            "compare: --split is for recipes; --as-trained takes every post that neither model has "
            "learned from, so leave it out"
        )
    with console.progress("comparing") as progress:
        result = compare_models(
            first, second, features, split=split, as_trained=as_trained, seed=seed,
            progress=progress,
        )  # fmt: skip
    console.emit(result.as_json(), lambda: show_comparison(result, _apart(first, second)))


def _apart(first: Path, second: Path) -> tuple[str, str]:
    """Return what to call two folders in a table: their names, the whole paths where these agree.

    >>> _apart(Path("old/model"), Path("new/model"))
    ('old/model', 'new/model')
    """
    if first.name and second.name and first.name != second.name:
        return first.name, second.name
    return str(first), str(second)


def audit(
    console: Console,
    features: Annotated[Path, typer.Argument(help="Folder of features.")],
    target: options.Target = "views",
    *,
    allow_post: options.AllowPost = False,
) -> None:
    """Look for leaks: columns that know too much, identifiers, twins, power that vanishes."""
    from virality.workflow.judge import audit_features
    from virality.workflow.terminal_judge import show_audit

    with console.progress("looking for leaks"):
        result = audit_features(features, target=target, allow_post=allow_post)
    console.emit(result.as_json(), lambda: show_audit(result))
