"""Tell before any work where a result cannot go: over what is read, or where no file can be."""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from virality.data.errors import StorageError, UsageError

FEATURES, MODEL = "manifest.json", "model.json"
MANIFESTS = (MODEL, FEATURES)
"""Files that list the others of a folder: of a model and of features."""

STORE = "rows"
"""Folder of finished work inside a folder of features."""


def refuse_overwriting(written: Sequence[Path], read: Iterable[Path | None]) -> None:
    """Refuse to write over what is read, or to write two files to one place.

    Args:
        written: what is to be written, the file that the user named first.
        read: files and folders that are read; None stands for what was not given.

    Raises:
        UsageError: naming what would be written and what would be lost.
    """
    inputs = [path for path in read if path is not None]
    named, taken = written[0], set[str]()
    for path in written:
        also = "" if path == named else f" is written beside {named} and"
        for other in inputs:
            if _is_same(path, other):
                raise UsageError(f"{path}:{also} is the input {other}; give -o another name")
            if _is_part(path, other):
                raise UsageError(
                    f"{path}:{also} belongs to the input {other}; give -o another place"
                )
        if os.path.realpath(path) in taken:
            raise UsageError(
                f"{named}: the page and what is written beside it would be one file; give -o "
                "another ending, as in .html"
            )
        taken.add(os.path.realpath(path))


def refuse_unwritable(path: Path, *, folders: bool = False) -> None:
    """Refuse a file that cannot be written, before the work whose result it would hold.

    Args:
        path: of a file to be made or replaced; links are followed, pipes and devices let pass.
        folders: whether folders on the way that are not there will be made.

    Raises:
        UsageError: if it is a folder, or a file of a model or of features.
        StorageError: if its folder is not there, or nothing can be made in it.
    """
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; give -o a file, as in {path / 'NAME'}")
    refuse_part(path)
    place = Path(os.path.realpath(path))
    while folders and not os.path.lexists(place.parent):
        place = place.parent
    if not place.parent.is_dir():
        raise StorageError(
            f"{path}: cannot be written: there is no folder {place.parent}; make it, or give -o "
            "another place"
        )
    if (place.is_file() or not place.exists()) and not os.access(place.parent, os.W_OK | os.X_OK):
        raise StorageError(
            f"{path}: cannot be written: nothing can be made in {place.parent}; give -o another "
            "place"
        )


def refuse_part(path: Path) -> None:
    """Refuse to write over a file of a model or of features, which would be damaged by it.

    Raises:
        UsageError: naming the file.
    """
    place = Path(os.path.realpath(path))
    for manifest, what in ((MODEL, "model"), (FEATURES, "features")):
        if place.name in _files(place.parent / manifest):
            raise UsageError(
                f"{path}: belongs to the {what} in {path.parent}; give -o another place"
            )


def refuse_model(folder: Path) -> None:
    """Refuse to write a folder of anything else into that of a model.

    Raises:
        UsageError: naming the folder.
    """
    if _files(folder / MODEL) and not _files(folder / FEATURES):
        raise UsageError(f"{folder}: is the folder of a model; give -o a folder of its own")


def refuse_foreign(folder: Path, names: Sequence[str]) -> None:
    """Refuse to make a folder of features where other files are called as theirs are.

    Args:
        folder: to be made, or one that an extraction wrote or began.
        names: of the files that would be replaced.

    Raises:
        UsageError: naming the first of them, or the folder where it is that of a model.
    """
    refuse_model(folder)
    if (folder / FEATURES).is_file() or (folder / STORE).is_dir():
        return
    lost = next((folder / name for name in names if (folder / name).exists()), None)
    if lost is not None:
        raise UsageError(
            f"{lost}: no extraction wrote it and this one would replace it; give -o a folder of "
            "its own, as in -o features"
        )


def _is_same(path: Path, other: Path) -> bool:
    if os.path.realpath(path) == os.path.realpath(other):
        return True
    try:  # names that a file system takes for one, as `Posts.csv` and `posts.csv`
        return os.path.samefile(path, other)
    except (OSError, ValueError):
        return False


def _is_part(path: Path, folder: Path) -> bool:
    """Tell whether a file that is there belongs to what is read of a folder."""
    from virality.data.media import EXTENSIONS

    place, root = Path(os.path.realpath(path)), Path(os.path.realpath(folder))
    if place == root or not place.is_relative_to(root) or not place.exists():
        return False
    for manifest in MANIFESTS:
        if (root / manifest).is_file():
            own = {manifest, STORE, *_files(root / manifest)}
            return place.relative_to(root).parts[0] in own
    name = place.name.lower()
    return name.rpartition(".")[2] in EXTENSIONS or name.endswith((".info.json", ".jsonl"))


def _files(manifest: Path) -> frozenset[str]:
    """Return a manifest and the files that it vouches for, none if it cannot be read."""
    try:
        files = json.loads(manifest.read_bytes())["files"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return frozenset()
    return frozenset([manifest.name, *files]) if isinstance(files, dict) else frozenset()
