"""Where an option's value comes from: flag over variable over file over default."""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from virality.data.errors import UsageError

ENVIRONMENT_PREFIX = "VIRALITY"
_FILE, _PATH = "virality.config", "virality.config.path"

ACTS: Mapping[str, frozenset[str]] = {
    "feedback": frozenset({
        "name", "views", "likes", "comments", "shares", "saves", "observed_at", "table", "release",
        "reject",
    }),
    "retrain": frozenset({"rollback"}),
}  # fmt: skip
"""Command -> parameters that file or undo something. A key at the top never stands for one of them:
`views = 2`, meant for `extract`, would be reported of every post that `feedback` only shows."""


@dataclass(frozen=True)
class Setting:
    """One option of a command as it would be used now.

    Attributes:
        command, option: what it belongs to and its name on the command line.
        value: the value in force, as text.
        source: `default`, `variable` or `file`.
        variable: environment variables that set it.
        key: its place in a configuration file.
    """

    command: str
    option: str
    value: str
    source: str
    variable: str
    key: str


def read_config(path: Path) -> Mapping[str, Any]:
    """Read a configuration file.

    Keys at the top hold for every command that has such an option (but see `ACTS`), keys in a table
    `[tune]` for that command alone. A key is the long name of an option.

    Raises:
        UsageError: if the file cannot be read or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{path}: cannot read the configuration: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not a TOML file: {error}") from error


def apply_config(ctx: typer.Context, path: Path | None) -> Path | None:
    """Make the file's values the defaults of the command that is being parsed.

    Raises:
        UsageError: for a key that no command knows, or a value that its option does not take.
    """
    if path is not None:
        document = read_config(path)
        root = ctx.find_root()
        _refuse_unknown_keys(document, root.command, path)
        values = defaults_for(document, ctx.info_name or "", _keys(ctx.command))
        ctx.default_map = _shaped(values, ctx, path)
        ctx.meta[_FILE], ctx.meta[_PATH] = document, path
    return path


def defaults_for(
    document: Mapping[str, Any], command: str, keys: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the values of a configuration that hold for a command, by parameter.

    Args:
        document: the configuration.
        command: the command's name.
        keys: what a file may call each parameter of it -> the parameter; the same name if None.
    """
    top = {key: value for key, value in document.items() if not isinstance(value, dict)}
    shared, own = (
        {(keys or {}).get(_key(name), _key(name)): value for name, value in table.items()}
        for table in (top, document.get(command, {}))
    )
    for parameter in ACTS.get(command, ()):
        shared.pop(parameter, None)
    return {**shared, **own}


def _key(name: str) -> str:
    return name.replace("-", "_")


def _long(parameter: Any) -> str:
    """Return what an option is called in a file: its long name without the dashes."""
    return str(max(parameter.opts, key=len)).removeprefix("--")


def _keys(command: Any) -> dict[str, str]:
    """Return what a file may call each parameter of a command -> the parameter.

    It is called as the option is, or as the function calls it: the two differ where an option's
    name is a word of Python, as in `--from`.
    """
    parameters = [one for one in command.params if one.name not in _UNSETTABLE]
    return {one.name: one.name for one in parameters} | {
        _key(name.removeprefix("--")): one.name
        for one in parameters
        for name in one.opts
        if name.startswith("--")
    }


def list_settings(ctx: typer.Context) -> list[Setting]:
    """Return every option of every command with its value and where that came from.

    Args:
        ctx: context of any command of the program; its configuration file holds for all.

    Raises:
        UsageError: for a value of the file that its option does not take.
    """
    document = ctx.meta.get(_FILE, {})
    settings = []
    group: Any = ctx.find_root().command
    for name, command in sorted(group.commands.items()):
        with typer.Context(
            command,
            info_name=name,
            auto_envvar_prefix=f"{ENVIRONMENT_PREFIX}_{name.upper()}",
            resilient_parsing=True,
        ) as own:
            own.default_map = _shaped(
                defaults_for(document, name, _keys(command)), own, ctx.meta.get(_PATH, Path())
            )
            for parameter in command.params:
                if parameter.param_type_name == "option" and parameter.name not in _UNSETTABLE:
                    settings.append(_setting(own, name, parameter))
    return settings


_UNSETTABLE = frozenset({"help", "config", "install_completion", "show_completion"})
_SOURCES = {"ENVIRONMENT": "variable", "DEFAULT_MAP": "file", "DEFAULT": "default"}


def _setting(ctx: Any, command: str, parameter: Any) -> Setting:
    value, source = parameter.consume_value(ctx, {})
    variable = parameter.envvar or f"{ctx.auto_envvar_prefix}_{parameter.name.upper()}"
    names = [variable] if isinstance(variable, str) else list(variable)
    return Setting(
        command=command,
        option=f"--{_long(parameter)}",
        value="" if value is None else str(value),
        source=_SOURCES.get(source.name, source.name.lower()),
        variable=", ".join(names),
        key=f"[{command}] {_long(parameter)}",
    )


def _refuse_unknown_keys(document: Mapping[str, Any], group: Any, path: Path) -> None:
    options = {name: _keys(one) for name, one in getattr(group, "commands", {}).items()}
    shared = {
        key
        for name, keys in options.items()
        for key, parameter in keys.items()
        if parameter not in ACTS.get(name, ())
    }
    for key, value in document.items():
        if isinstance(value, dict):
            if key not in options:
                raise UsageError(f"{path}: [{key}] is not a command; there are {sorted(options)}")
            for name in value:
                if _key(name) not in options[key]:
                    near = _meant(name, options[key])
                    raise UsageError(f"{path}: [{key}] has no option {name!r}{near}")
        elif key in options and isinstance(value, list):
            raise UsageError(f"{path}: [[{key}]] is a list where a table belongs; write [{key}]")
        elif _key(key) not in shared:
            raise UsageError(f"{path}: {_why_not_shared(key, options, shared)}")


def _shaped(values: Mapping[str, Any], ctx: Any, path: Path) -> dict[str, Any]:
    """Return the values of a file as the parameters of a command take them.

    A value by itself stands for a list of one where a parameter may be given several times.

    Raises:
        UsageError: for a value that its parameter does not take.
    """
    shaped = dict(values)
    for parameter in ctx.command.params:
        given = values.get(parameter.name)
        if given is None:
            continue
        value = [given] if _is_listed(parameter) and not isinstance(given, list) else given
        if why := _why_not_taken(value, parameter, ctx):
            shown = repr(given) if isinstance(given, str | list | dict) else str(given).lower()
            raise UsageError(f"{path}: {_long(parameter)} = {shown} {why}")
        shaped[parameter.name] = value
    return shaped


def _is_listed(parameter: Any) -> bool:
    return bool(parameter.multiple or parameter.nargs == -1)


def _why_not_taken(value: Any, parameter: Any, ctx: Any) -> str:
    """Return why a parameter does not take a value of a file and what to write, `""` if it does.

    Without that a list would be read as it is spelled and `true` as 1; what else is wrong would be
    told without the file and the value.
    """
    command = f"`{ctx.info_name}`"
    if isinstance(value, dict):
        return f"is a table where {command} takes a value"
    if isinstance(value, list) and not _is_listed(parameter):
        one = value[0] if len(value) == 1 else ",".join(map(str, value))
        return f"is a list where {command} takes one value; write {one!r}"
    if isinstance(value, bool) and not getattr(parameter, "is_flag", False):
        return f"is yes or no where {command} takes a value; write that"
    if not (why := _refusal(value, parameter, ctx)):
        return ""
    as_text = [str(one) for one in value] if isinstance(value, list) else str(value)
    if as_text != value and not _refusal(as_text, parameter, ctx):
        return f"is no text, which {command} takes here; write it between quotes"
    return f"is not what {command} takes: {why}"


def _refusal(value: Any, parameter: Any, ctx: Any) -> str:
    """Return what the command line says against a value, `""` if it takes it."""
    try:
        parameter.process_value(ctx, value)
    except typer.BadParameter as error:
        return error.message or "nothing is given"
    return ""


def _why_not_shared(
    key: str, options: Mapping[str, Mapping[str, str]], shared: Iterable[str]
) -> str:
    """Return why a key cannot stand at the top."""
    for name, keys in options.items():
        if keys.get(_key(key)) in ACTS.get(name, ()):
            return (
                f"{key!r} at the top would act at every `{name}`; give it on the command line, "
                f"or under [{name}]"
            )
    return f"no command has an option {key!r}{_meant(key, shared)}"


def _meant(key: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(_key(key), sorted(known), 1)
    return f"; did you mean {close[0].replace('_', '-')!r}?" if close else ""
