"""The folder of a bundle: what in it is of the bundle, how it is replaced, what a kill left of it.

A folder is taken for a bundle only if its manifest is sealed, or if a damaged one still reads as
ours and a model text lies beside it. Of such a folder a file is the bundle's only if the sealed
manifest lists it or its content is what the damaged one says; whatever else lies there stays.

A new bundle is written beside the old one, which gives way under a hidden name and goes only when
the new one stands. Who does that holds a lock on the folder, so that what a kill left behind can be
told from what is still at work.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import secrets
import shutil
import stat
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from virality.data.errors import Notice, StorageError
from virality.modeling.manifest import MANIFEST, unsealed

FILE = re.compile(r"[a-z][a-z0-9_]{0,40}\.(txt|json|npz)")
PART = re.compile(r"arrays\.npz|base\d+_\d+\.(txt|json)|(ratio\d+_)?(spread|trees)\.txt")
"""Names that parts of a bundle have: a file of somebody else's that has one stands in the way."""

_TEXT = re.compile(r"base\d+_\d+\.(txt|json)")
_HEADS = tuple(
    f'\n "{name}": '.encode()
    for name in ("bases", "blocks", "card", "columns", "files", "intercepts", "recipe", "seal")
)
LEAST_HEADS = 3
"""Headings of ours that a damaged manifest must still have to be taken for one."""

_LISTED = re.compile(
    rb'"([a-z][a-z0-9_]{0,40}\.(?:txt|json|npz))": \{'
    rb'\s*"bytes": (\d+),\s*"sha256": "([0-9a-f]{64})"'
)
"""A file with its marks, as a manifest lists it, whatever else of that is damaged."""

WAITS, WAIT_S = 100, 0.02
"""How often, and how long each time, a reader waits for who is just replacing a folder."""


def check_place(path: Path) -> None:
    """Refuse a folder that a model cannot be written to; call it before the work is done.

    Raises:
        StorageError: if it is a link, is or holds something else, or cannot be written.
    """
    if path.name in ("", ".."):
        raise StorageError(f"{path}: give the folder of the model a name, as in -o model")
    recover(path)
    found = _seen(path)
    if found is None:
        _check_parent(path)
        return
    if stat.S_ISLNK(found.st_mode):
        raise StorageError(
            f"{path}: is a link to {os.readlink(path)}, which a model does not replace; name the "
            "folder itself or give another place"
        )
    if not stat.S_ISDIR(found.st_mode) or (_listdir(path) and own_files(path) is None):
        raise StorageError(f"{path}: exists and is no model; give another place")
    lost = next((name for name in strangers(path) if PART.fullmatch(name)), None)
    if lost is not None:
        raise StorageError(
            f"{path / lost}: is not of the model there, and the new one would replace it; move it "
            "elsewhere or give another place"
        )
    _check_parent(path)


def _check_parent(path: Path) -> None:
    parent = path.absolute().parent
    while not os.path.lexists(parent):
        parent = parent.parent
    if not os.path.isdir(parent):
        raise StorageError(f"{path}: {parent} is no folder; give another place")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise StorageError(f"{path}: nothing may be written to {parent}; give another place")


def own_files(path: Path) -> frozenset[str] | None:
    """Return the names of the files in a folder that are of its bundle, None if it holds none.

    Raises:
        StorageError: if the folder cannot be read.
    """
    there = _listdir(path)
    if MANIFEST not in there or not _is_file(path / MANIFEST):
        return None
    content = _content(path / MANIFEST)
    facts = unsealed(content)
    if facts is None:
        return _matching(path, there, content)
    files = facts.get("files")
    listed = files if isinstance(files, dict) else {}
    kept = (name for name in there if name in listed and FILE.fullmatch(name))
    return frozenset([MANIFEST, *(name for name in kept if _is_file(path / name))])


def _matching(path: Path, there: Iterable[str], content: bytes) -> frozenset[str] | None:
    """Return what is as a damaged manifest says it is; None if that does not read as ours."""
    if sum(head in content for head in _HEADS) < LEAST_HEADS:
        return None
    files = [name for name in there if FILE.fullmatch(name) and _is_file(path / name)]
    if not any(_TEXT.fullmatch(name) for name in files):
        return None
    marks = {name.decode(): (int(size), mark) for name, size, mark in _LISTED.findall(content)}
    own = [
        name
        for name in files
        if name in marks
        and (path / name).stat().st_size == marks[name][0]
        and hashlib.sha256(_content(path / name)).hexdigest().encode() == marks[name][1]
    ]
    return frozenset([MANIFEST, *own])


def strangers(path: Path) -> tuple[str, ...]:
    """Return what lies in the folder of a bundle and is not of it, by name; none without one.

    Raises:
        StorageError: if the folder cannot be read.
    """
    found = _seen(path)
    if found is None or not stat.S_ISDIR(found.st_mode):
        return ()
    own = own_files(path) or frozenset()
    return tuple(name for name in _listdir(path) if name not in own)


def settled(path: Path) -> Path:
    """Return the folder that a path leads to: what a link leads to a moment later is another.

    What a kill left of it is brought back first.

    Raises:
        StorageError: if that does not succeed.
    """
    recover(path)
    try:
        place = os.path.realpath(path)
    except ValueError as error:
        raise StorageError(f"{str(path)!r}: is no name of a folder ({error})") from error
    return path if place == os.path.abspath(path) else Path(place)


def recover(path: Path) -> None:
    """Bring back a folder that gave way to a new one when a kill came between; a warning says so.

    Raises:
        StorageError: if it cannot be renamed.
    """
    for _ in range(WAITS):
        left = [] if os.path.lexists(path) else _left(path, "old")
        if not left:
            return
        with _held(left[-1]) as mine:
            if mine and os.path.lexists(left[-1]) and not os.path.lexists(path):
                _back(left[-1], path)
                warnings.warn(
                    f"{path}: a run that replaced this model was cut off; the model that was there "
                    "before is back",
                    Notice,
                    stacklevel=2,
                )
                return
        time.sleep(WAIT_S)


def replace_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a bundle's files to a folder, all or none; what else lies there comes along.

    Args:
        path: a place that `check_place` does not refuse.
        files: name -> content.

    Raises:
        StorageError: if it cannot be written; what was there is there again.
    """
    temporary = _hidden(path, "tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _held(path) as mine:
            if not mine:
                raise StorageError(f"{path}: another run writes it; wait for it and run again")
            _sweep(path)
            kept = strangers(path)
            temporary.mkdir()
            with _held(temporary):
                _fill(temporary, files)
                _carry(path, kept, temporary)
                _swap(temporary, path)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        why = error.strerror or error
        raise StorageError(f"{path}: cannot be written ({why})") from error
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _swap(temporary: Path, path: Path) -> None:
    """Let the new folder take the old one's place, or the old one have it again."""
    aside = _hidden(path, "old")
    try:
        if os.path.lexists(path):  # a folder that is not empty cannot be replaced in one step
            os.replace(path, aside)
        os.replace(temporary, path)
    except BaseException:
        if os.path.lexists(aside) and not os.path.lexists(path):
            _back(aside, path)
        raise
    _put_away(aside, path)


def _back(aside: Path, path: Path) -> None:
    try:
        os.rename(aside, path)
    except OSError as error:
        raise StorageError(
            f"{path}: the model that was there is {aside} now and cannot be renamed "
            f"({error.strerror}); rename it"
        ) from error


def _put_away(aside: Path, path: Path) -> None:
    """Remove the folder that gave way; what came into it since goes over to the new one."""
    for name in strangers(aside):
        if not os.path.lexists(path / name):
            os.rename(aside / name, path / name)
    shutil.rmtree(aside, ignore_errors=True)


def _sweep(path: Path) -> None:
    """Remove what killed runs left beside a folder that stands or was never there."""
    for ending in ("old", "tmp"):
        for left in _left(path, ending):
            with _held(left) as mine:
                if mine and ending == "old":
                    _put_away(left, path)
                elif mine:
                    shutil.rmtree(left, ignore_errors=True)


def _hidden(path: Path, ending: str) -> Path:
    """Return a name beside a folder that no other thread or process has."""
    return path.with_name(f".{path.name}.{secrets.token_hex(6)}.{ending}")


def _left(path: Path, ending: str) -> list[Path]:
    """Return hidden folders that runs left beside a folder or still work on, the newest last."""
    name = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]+\.{ending}")
    try:
        beside = [path.with_name(one) for one in os.listdir(path.parent) if name.fullmatch(one)]
        return sorted(beside, key=lambda one: (one.lstat().st_mtime, one.name))
    except OSError:
        return []  # nothing can be there, or who needs the place says why not


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[bool]:
    """Hold a folder, whatever it is called later; false if another run holds it."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield True
        return
    try:
        yield _lock(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # some network file systems lock no folders: as safe as without locks
    return True


def _fill(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        with (folder / name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())


def _carry(folder: Path, names: Iterable[str], to: Path) -> None:
    """Put files and folders into another folder too; a kill leaves the first one whole."""
    for name in names:
        source = folder / name
        if os.path.lexists(to / name):
            raise StorageError(
                f"{source}: is not of the model there, and the new one would replace it; move it "
                "elsewhere or give another place"
            )
        if source.is_dir() and not source.is_symlink():
            shutil.copytree(source, to / name, symlinks=True, copy_function=_link)
        elif source.is_symlink():
            os.symlink(os.readlink(source), to / name)
        else:
            _link(str(source), str(to / name))


def _link(source: str, target: str) -> None:
    """Give a file a second name, or copy it where the file system knows none."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _seen(path: Path) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"{path}: cannot be read ({error.strerror})") from error


def _listdir(path: Path) -> list[str]:
    try:
        return sorted(os.listdir(path))
    except OSError as error:
        raise StorageError(f"{path}: cannot be read ({error.strerror})") from error


def _is_file(path: Path) -> bool:
    found = _seen(path)
    return found is not None and stat.S_ISREG(found.st_mode)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StorageError(f"{path}: cannot be read ({error.strerror})") from error
