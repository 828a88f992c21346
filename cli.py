"""The command line: one short command a verb. Parse, call one function, print."""

import signal
import sys
import tomllib
import warnings
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from virality.data.errors import InputError, Notice, StorageError, UsageError, ViralityError
from virality.data.limits import Limits
from virality.web.verbs import serve
from virality.workflow import options
from virality.workflow.collecting import collect, recrawl
from virality.workflow.console import (
    Console,
    fit_stdout,
    misspelt,
    open_streams,
    refuse_stripped,
    refused_by_system,
)
from virality.workflow.explaining import explain, trends
from virality.workflow.feedback_verbs import feedback
from virality.workflow.interrupts import EXIT_INTERRUPTED, Interrupts
from virality.workflow.judging import audit, compare, evaluate
from virality.workflow.learning import train, tune
from virality.workflow.loop_verbs import monitor, retrain
from virality.workflow.options import names, output_to, verb
from virality.workflow.reporting import report

EXIT_BUG = 1
EXIT_SOME_FAILED = 3
app = typer.Typer(
    name="virality",
    help="Predict how far a short video will go, and say why.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"auto_envvar_prefix": "VIRALITY", "help_option_names": ["-h", "--help"]},
)


def main(*, interruptible: bool = False) -> None:
    """Run the command line and exit with its code.

    Args:
        interruptible: whether Ctrl-C is ours though Python's own handler no longer has it.
    """
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    interrupts = Interrupts()
    if interruptible or usual:  # neither in the background
        interrupts.take()
    open_streams()
    fit_stdout()
    warnings.formatwarning = _told
    try:
        refuse_stripped()
        app()
    except ViralityError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:
        if not (said := refused_by_system(error)):
            raise
        print(f"error: {said}", file=sys.stderr)
        sys.exit(StorageError.exit_code)
    except UnicodeEncodeError:
        if not (name := misspelt(sys.argv)):
            raise
        print(f"error: {name!r}: the name is no UTF-8 text; rename it", file=sys.stderr)
        sys.exit(InputError.exit_code)
    except (KeyboardInterrupt, SystemExit) as leaving:  # typer makes one of the other
        if isinstance(leaving, SystemExit) and leaving.code != EXIT_INTERRUPTED:
            raise
        interrupts.tell()
        sys.exit(EXIT_INTERRUPTED)


_usual = warnings.formatwarning


def _told(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> str:
    """Return a warning as a line; those of libraries say where they come from."""
    if issubclass(category, Notice):
        return f"warning: {message}\n"
    return _usual(message, category, *where, **more)


@app.callback()
def _root(version: options.Version = False) -> None:
    """Predict how far a short video will go, and say why."""


@verb(app, "ingest", "virality ingest tiktok_trending.json -o posts.parquet")
def ingest(
    console: Console,
    source: Annotated[Path, typer.Argument(help="File or folder of posts, in any known layout.")],
    output: Annotated[Path, output_to("Table of posts to write.")] = Path("posts.parquet"),
    layout: options.Layout = "auto",
    mapping: options.Mapping = None,
    suggest: options.Suggest = False,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first bad row.")] = False,
    *,
    context: typer.Context,
) -> None:
    """Read posts in any known layout into one table."""
    from virality.data.ingest import ingest as read
    from virality.data.sources.table import suggest_mapping
    from virality.workflow import terminal

    if suggest:
        _refuse_beside_suggest(context)
        text = suggest_mapping(source)
        console.emit({"mapping": tomllib.loads(text)}, lambda: typer.echo(text, nl=False))
        return
    with console.progress("reading") as progress:
        result = read(
            source, output, format=layout, mapping=mapping, strict=strict, progress=progress
        )
    console.emit(terminal.plain(result), lambda: terminal.show_ingest(result))


def _refuse_beside_suggest(context: typer.Context) -> None:
    """Refuse options that reading takes and a suggestion does not: they would do nothing."""
    for name, option in (
        ("output", "-o"), ("layout", "--format"), ("mapping", "--mapping"), ("strict", "--strict"),
    ):  # fmt: skip
        if options.was_given(context, name):
            raise UsageError(
                f"ingest: {option} is for reading; --suggest prints a first mapping and reads no "
                "posts, so leave it out and send the mapping to a file, as in --suggest > map.toml"
            )


@verb(app, "validate", "virality validate posts.parquet")
def validate(
    console: Console,
    posts: Annotated[Path, typer.Argument(help="Table of posts.")],
) -> None:
    """Say what is in a table of posts, what is missing, and what can be predicted."""
    from virality.data.table import extra_known, read_posts
    from virality.data.validate import validate as look
    from virality.workflow import terminal

    result = look(read_posts(posts), extra_known(posts))
    console.emit(terminal.plain(result), lambda: terminal.show_validation(result))


@verb(app, "extract", "virality extract posts.parquet --media clips/ -o features/")
def extract(
    console: Console,
    posts: Annotated[Path, typer.Argument(help="Table of posts.")],
    media: options.Media = None,
    output: Annotated[Path, output_to("Folder of features.")] = Path("features"),
    only: options.Only = "",
    without: options.Without = "",
    extras: options.With = "",
    encoder: options.Encoder = "",
    views: options.Views = 0,
    allow_post: options.LatePost = False,
    jobs: options.Jobs = 2,
    *,
    limits: Limits,
) -> None:
    """Turn posts and their clips into features; again, it does only what is missing."""
    from virality.workflow import terminal
    from virality.workflow.run import extract_table

    with console.progress("extracting") as progress:
        result = extract_table(
            posts, media, output, only=names(only), without=names(without),
            extras=names(extras), encoder=encoder, views=views, late=allow_post, jobs=jobs,
            limits=limits, progress=progress,
        )  # fmt: skip
    console.emit(terminal.plain(result), lambda: terminal.show_extraction(result))
    if result.counts.get("failed"):
        raise typer.Exit(EXIT_SOME_FAILED)


@verb(app, "status", "virality status features/")
def status(
    console: Console,
    features: Annotated[Path, typer.Argument(help="Folder of features.")],
) -> None:
    """Show how each post's extraction ended, and the counts."""
    from virality.data.features import read_features
    from virality.workflow import terminal

    table = read_features(features).status
    console.emit(terminal.plain_status(table), lambda: terminal.show_status(table))
    if (table["status"] == "failed").any():
        raise typer.Exit(EXIT_SOME_FAILED)


@verb(app, "inspect", "virality inspect clip.mp4 --against features/ -o clip.html")
def inspect(
    console: Console,
    clip: Annotated[Path, typer.Argument(help="One media file.")],
    output: Annotated[Path, output_to("HTML file to write.")] = Path("clip.html"),
    against: Annotated[Path | None, typer.Option(help="Features to compare with.")] = None,
    caption: options.Caption = None,
    followers: options.Followers = None,
    posted_at: options.PostedAt = None,
    without: options.Without = "",
    extras: options.With = "",
    encoder: options.LikeEncoder = "",
    *,
    limits: Limits,
) -> None:
    """Show one clip: pictures, loudness, motion and speech over time, and every feature."""
    from virality.workflow import terminal_clip
    from virality.workflow.inspect import inspect as look_at
    from virality.workflow.known import Known

    known = Known(caption=caption, followers=followers, posted_at=posted_at)
    with console.progress("inspecting") as progress:
        result = look_at(
            clip, output, against=against, known=known, without=names(without),
            extras=names(extras), encoder=encoder, limits=limits, progress=progress,
        )  # fmt: skip
    console.emit(result.as_json(), lambda: terminal_clip.show_inspected(result))
    if result.inspection.status == "failed":
        raise typer.Exit(EXIT_SOME_FAILED)


verb(app, "collect", "virality collect addresses.txt -o collected/")(collect)
verb(app, "recrawl", "virality recrawl posts.parquet -o recrawled/")(recrawl)
verb(app, "feedback", "virality feedback predictions.db --from later.csv")(feedback)
verb(app, "monitor", "virality monitor predictions.db --model model/")(monitor)
verb(app, "retrain", "virality retrain predictions.db features/ --model model/")(retrain)
verb(app, "tune", "virality tune features/ --target views --trials 50")(tune)
verb(app, "train", "virality train features/ --study study.log -o model/")(train)
verb(app, "explain", "virality explain model/ p42 --features features/ -o explain.html")(explain)
verb(app, "trends", "virality trends posts.parquet -o trends.html")(trends)
verb(app, "audit", "virality audit features/ --target views")(audit)
verb(app, "evaluate", "virality evaluate features/ --model model/ --split author")(evaluate)
verb(app, "serve", "virality serve model/ --features features/")(serve)
verb(app, "compare", "virality compare old/ new/ features/ --split author")(compare)


@verb(app, "predict", "virality predict model/ clip.mp4 --followers 12000")
def predict(
    console: Console,
    model: Annotated[Path, typer.Argument(help="Folder of the model.")],
    inputs: options.Inputs = None,
    media: options.Media = None,
    caption: options.Caption = None,
    author: options.Author = None,
    followers: options.Followers = None,
    posted_at: options.PostedAt = None,
    hashtags: options.Hashtags = "",
    sound: options.Sound = None,
    sound_title: options.SoundTitle = None,
    sound_original: options.SoundOriginal = None,
    history: options.History = None,
    encoder: options.OwnEncoder = "",
    jobs: options.Jobs = 1,
    log: options.Log = None,
    *,
    limits: Limits,
) -> None:
    """Predict for clips or posts, with an interval and the strongest reasons."""
    from virality.workflow import terminal
    from virality.workflow.known import Known
    from virality.workflow.predict import predict_logged

    known = Known(
        caption, author, followers, posted_at, names(hashtags), sound, sound_title, sound_original
    )
    with console.progress("predicting") as progress:
        made = predict_logged(
            model, inputs or [], log=log, history=history, media=media, known=known,
            encoder=encoder, jobs=jobs, limits=limits, progress=progress,
        )  # fmt: skip
    console.remark(made.remarks)
    for forecast in made.forecasts:
        told = partial(terminal.show_forecast, forecast, made.hit_from)
        console.emit(forecast.as_json(), told)
    if not made.whole:
        raise typer.Exit(EXIT_SOME_FAILED)


verb(app, "report", "virality report model/ features/ -o report.html")(report)


@verb(app, "run", "virality run posts.parquet --media clips/ -o work/")
def run(
    console: Console,
    posts: Annotated[Path, typer.Argument(help="Posts in any known layout.")],
    media: options.Media = None,
    output: Annotated[Path, output_to("Folder of everything.")] = Path("work"),
    layout: options.Layout = "auto",
    mapping: options.Mapping = None,
    target: options.Target = "views",
    trials: options.Trials = 50,
    timeout: options.Timeout = None,
    metric: options.Metric = "",
    only: options.Only = "",
    without: options.Without = "",
    extras: options.With = "",
    encoder: options.Encoder = "",
    views: options.Views = 0,
    split: options.Splits = "temporal,author,random",
    jobs: options.Jobs = 2,
    seed: options.Seed = 0,
    *,
    limits: Limits,
) -> None:
    """Do all of it in order; a stage whose inputs have not changed is skipped."""
    from virality.workflow import terminal
    from virality.workflow.plan import Plan
    from virality.workflow.run import run as run_all

    plan = Plan(
        posts=posts, media=media, out=output, layout=layout, mapping=mapping, target=target,
        trials=trials, timeout_s=timeout, metric=metric, only=names(only), without=names(without),
        extras=names(extras), encoder=encoder, views=views, splits=names(split), jobs=jobs,
        seed=seed, limits=limits,
    )  # fmt: skip
    result = run_all(plan, console)
    console.emit(terminal.plain(result), lambda: terminal.show_run(result))
    if result.failed:
        raise typer.Exit(EXIT_SOME_FAILED)


@verb(app, "demo", "virality demo -o demo/")
def demo(
    console: Console,
    output: Annotated[Path, output_to("Folder of everything.")] = Path("demo"),
    clips: Annotated[int, typer.Option(help="Clips to make.", min=120)] = 200,
    trials: options.Trials = 15,
    jobs: options.Jobs = 2,
    seed: options.Seed = 0,
) -> None:
    """Make a synthetic corpus with planted drivers and do all of it on that."""
    from virality.workflow import terminal
    from virality.workflow.demo import demo as show

    result = show(output, clips=clips, trials=trials, jobs=jobs, seed=seed, console=console)
    console.emit(terminal.plain(result), lambda: terminal.show_run(result))


@verb(app, "list", "virality list --json")
def list_features(
    console: Console,
) -> None:
    """List the featurizers with their columns, units and provenance, and what extras cost."""
    from virality.featurizers.listing import list_columns, list_extras
    from virality.workflow import terminal

    rows, extras = list_columns(), list_extras()
    value = {"columns": [asdict(row) for row in rows], "extras": [asdict(one) for one in extras]}
    console.emit(value, lambda: terminal.show_columns(rows, extras))


@verb(app, "config", "virality config --config virality.toml")
def config(console: Console, ctx: typer.Context) -> None:
    """Show every option's value and where it came from."""
    from virality.workflow import terminal
    from virality.workflow.config import list_settings

    settings = list_settings(ctx)
    value = {"settings": [asdict(setting) for setting in settings]}
    console.emit(value, lambda: terminal.show_settings(settings))


@verb(app, "doctor", "virality doctor")
def doctor(
    console: Console,
    folder: Annotated[Path, typer.Option(help="Where you mean to write.")] = Path(),
    *,
    limits: Limits,
) -> None:
    """Look at this machine: versions, encoders, limits, memory, disk, licences."""
    from virality.workflow import terminal
    from virality.workflow.doctor import diagnose

    health = diagnose(folder, limits)
    console.emit(health.as_json(), lambda: terminal.show_health(health))
    if not health.ok:
        raise typer.Exit(EXIT_BUG)
