"""How what is optional is installed: no index has this package, so from the folder it came in."""


def install_command(extra: str) -> str:
    """Return the command that installs an extra, to be run in the clone.

    >>> install_command("collect")
    ".venv/bin/python -m pip install -e '.[collect]'"
    """
    return f".venv/bin/python -m pip install -e '.[{extra}]'"
