"""Whether what the stages of a run made can still be read: a crash or a full disk may cut it short.

A stage whose inputs have not changed is skipped only if this holds; otherwise it is done again.
"""

from collections.abc import Callable
from pathlib import Path

from virality.data.errors import InputError, StorageError, ViralityError
from virality.modeling.manifest import MANIFEST, unsealed

_END = b"</html>"
_TAIL = 64
"""Bytes at the end of a page in which its last tag must stand."""


def damage(check: Callable[[], object]) -> str:
    """Return what is wrong with what a stage made, without advice; `""` if nothing is.

    Args:
        check: reads it and raises what readers raise.
    """
    try:
        check()
    except ViralityError as error:
        return unadvised(error)
    return ""


def unadvised(error: ViralityError) -> str:
    """Return the sentence of an error up to what it advises: a run mends it by itself."""
    said = str(error)
    return said.rpartition(";")[0] or said


def check_study(path: Path, trials: int) -> None:
    """Check that a study can be read and holds the trials that it was made for.

    Args:
        path: of the study.
        trials: finished ones that it must hold; 1 if time alone ended it.

    Raises:
        StorageError: if it cannot be read or holds fewer.
    """
    from virality.modeling.tune import read_tuning

    finished = len(read_tuning(path).finished)
    if finished < trials:
        raise StorageError(f"{path}: holds {finished} of the {trials} trials that it held")


def check_report(page: Path, twin: Path) -> None:
    """Check that a report and its twin stand as a whole.

    Raises:
        InputError: if one of them does not.
    """
    from virality.reports.render import read_drivers

    try:
        whole = page.read_bytes()[-_TAIL:].rstrip().endswith(_END)
    except OSError as error:
        raise InputError(f"{page}: cannot be read ({error.strerror})") from error
    if not whole:
        raise InputError(f"{page}: is cut short")
    read_drivers(twin)


def is_torn_model(folder: Path) -> bool:
    """Tell whether a folder holds the manifest of a model that is not as it was written.

    Raises:
        StorageError: if it cannot be read.
    """
    manifest = folder / MANIFEST
    if folder.is_symlink() or manifest.is_symlink() or not manifest.is_file():
        return False
    try:
        return unsealed(manifest.read_bytes()) is None
    except OSError as error:
        raise StorageError(f"{manifest}: cannot be read ({error.strerror})") from error
