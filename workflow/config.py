"""Where an option's value comes from: flag over variable over file over default."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from virality.data.errors import UsageError

ENVIRONMENT_PREFIX = "VIRALITY"
_FILE = "virality.config"


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

    Keys at the top hold for every command that has such an option, keys in a table `[tune]` for
    that command alone.

    Raises:
        UsageError: if the file cannot be read or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot read the configuration: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not a TOML file: {error}") from error


def apply_config(ctx: typer.Context, path: Path | None) -> Path | None:
    """Make the file's values the defaults of the command that is being parsed.

    Raises:
        UsageError: for a key that no command knows.
    """
    if path is not None:
        document = read_config(path)
        root = ctx.find_root()
        _refuse_unknown_keys(document, root.command, path)
        ctx.default_map = defaults_for(document, ctx.info_name or "")
        ctx.meta[_FILE] = document
    return path


def defaults_for(document: Mapping[str, Any], command: str) -> dict[str, Any]:
    """Return the values of a configuration that hold for a command."""
    shared = {key: value for key, value in document.items() if not isinstance(value, dict)}
    own = document.get(command, {})
    return {key.replace("-", "_"): value for key, value in {**shared, **own}.items()}


def list_settings(ctx: typer.Context) -> list[Setting]:
    """Return every option of every command with its value and where that came from.

    Args:
        ctx: context of any command of the program; its configuration file holds for all.
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
            own.default_map = defaults_for(document, name)
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
        option=max(parameter.opts, key=len),
        value="" if value is None else str(value),
        source=_SOURCES.get(source.name, source.name.lower()),
        variable=", ".join(names),
        key=f"[{command}] {parameter.name}",
    )


def _refuse_unknown_keys(document: Mapping[str, Any], group: Any, path: Path) -> None:
    options = {
        name: {parameter.name for parameter in command.params}
        for name, command in getattr(group, "commands", {}).items()
    }
    known_anywhere = set().union(*options.values()) if options else set()
    for key, value in document.items():
        if isinstance(value, dict):
            if key not in options:
                raise UsageError(f"{path}: [{key}] is not a command; there are {sorted(options)}")
            for name in value:
                if name.replace("-", "_") not in options[key]:
                    raise UsageError(f"{path}: [{key}] has no option {name!r}")
        elif key.replace("-", "_") not in known_anywhere:
            raise UsageError(f"{path}: no command has an option {key!r}")
