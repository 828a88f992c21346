"""How what is optional is installed: no index has this package, so its name alone would not do."""

import shlex
import sys
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
"""The package's folder, which in a clone is the clone."""


def install_command(extra: str) -> str:
    """Return the command that installs an extra: in a clone to be run there, else anywhere.

    A wheel does not know where it came from; what the extra asks for is in its metadata.
    """
    if in_a_clone():
        return clone_command(extra)
    asked = [text.partition(";") for text in metadata.requires("virality") or ()]
    wanted = [name.strip() for name, _, marker in asked if f'extra == "{extra}"' in marker]
    return shlex.join([sys.executable, "-m", "pip", "install", *wanted])


def clone_command(extra: str) -> str:
    """Return the command that installs an extra in a clone.

    >>> clone_command("collect")
    ".venv/bin/python -m pip install -e '.[collect]'"
    """
    return f".venv/bin/python -m pip install -e '.[{extra}]'"


def how_to_install(extra: str) -> str:
    """Return the end of a sentence that says how an extra is installed."""
    return f"run `{install_command(extra)}`" + (" in the clone" if in_a_clone() else "")


def in_a_clone() -> bool:
    """Say whether the package lies in its source rather than among installed ones."""
    return (ROOT / "pyproject.toml").is_file()
