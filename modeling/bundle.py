"""Save and load a trained model: JSON, model texts and plain arrays, checksummed; never a pickle.

A bundle is a folder. `model.json` names every other file with its size and SHA-256 and ends with a
checksum of itself. Tree texts are checked structurally before a library reads them, and the first
load of a bundle from elsewhere happens in a child process: if altered trees still crash a library,
the crash stays there and becomes a BundleError here. See `trust` for what counts as first.
"""

import hashlib
import io
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from virality.data.errors import BundleError, StorageError, UsageError, ViralityError
from virality.modeling.bundle_folder import FILE, check_place, replace_folder, settled
from virality.modeling.manifest import ARRAYS, FORMAT, MANIFEST, opened, sealed
from virality.modeling.pieces import put_together, take_apart
from virality.modeling.pieces_parts import Array, Pieces
from virality.modeling.stored_arrays import StoredArrays
from virality.modeling.train import Model
from virality.modeling.trust import is_trusted, trust

PROBE_S = 180.0
TRIES = 5
"""How often a bundle is read that is replaced while it is read."""

_MISFITS = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError)


def save_model(model: Model, path: Path | str) -> None:
    """Write a model to a folder: into a temporary one beside it, then renamed.

    A bundle that is there already is replaced, what else lies in its folder stays (see
    `bundle_folder`); any other folder is left alone.

    Raises:
        StorageError: if it cannot be written, or the folder is a link or holds something else.
    """
    folder = Path(path)
    check_place(folder)
    files = _files(model)
    replace_folder(folder, files)
    trust(files[MANIFEST])


def _files(model: Model) -> dict[str, bytes]:
    pieces = take_apart(model)
    files = {name: text.encode("utf-8") for name, text in pieces.texts.items()}
    files[ARRAYS] = _packed(pieces.arrays)
    facts = {
        "format": FORMAT,
        **pieces.facts,
        "files": {name: _mark(content) for name, content in sorted(files.items())},
    }
    return {**files, MANIFEST: sealed(facts)}


def model_hash(model: Model) -> str:
    """Return the `bundle_hash` of a model, also of one that no folder holds."""
    return _hash(_files(model)[MANIFEST])


def load_model(path: Path | str) -> Model:
    """Read a model, verified.

    Raises:
        BundleError: if it is damaged, altered, or of a newer format.
        StorageError: if there is no bundle, or it cannot be read.
    """
    return load_marked(Path(path))[0]


def load_marked(path: Path) -> tuple[Model, str]:
    """Read a model, verified, and return it with its `bundle_hash`.

    Both are of one bundle, also where a link such as a registry's `current` moves meanwhile.

    Raises:
        BundleError, StorageError: as `load_model`.
    """
    folder, content, pieces = _read(path)
    mark = _hash(content)
    model = assemble(pieces, folder)  # structure first: cheap, and its sentences are better
    if not is_trusted(content):
        _probe(folder, mark)
        trust(content)
    return model, mark


def bundle_hash(path: Path) -> str:
    """Return what names a bundle: the SHA-256 of its manifest, which names every other file's.

    Raises:
        StorageError: if there is no bundle, or it cannot be read.
    """
    return _hash(_manifest(settled(path)))


def read_pieces(path: Path, mark: str = "") -> Pieces:
    """Read and verify the files of a bundle, without a library touching the trees.

    Args:
        path: of the bundle.
        mark: its `bundle_hash`, where only this one will do.

    Raises:
        BundleError, StorageError: as `load_model`.
    """
    folder, content, pieces = _read(path)
    if mark and _hash(content) != mark:
        raise BundleError(f"{folder}: was replaced while it was read; run again")
    return pieces


def assemble(pieces: Pieces, path: Path) -> Model:
    """Return the model of verified pieces.

    Raises:
        BundleError: if they do not fit together.
    """
    try:
        return put_together(pieces)
    except BundleError as error:
        raise BundleError(f"{path}: {error}") from error
    except (UsageError, *_MISFITS) as error:  # UsageError: it names a target that is not known
        raise BundleError(f"{path}: its parts do not fit ({error!r}); train again") from error


def _read(path: Path) -> tuple[Path, bytes, Pieces]:
    """Return the folder that a path leads to, its manifest and its pieces, all of one bundle."""
    for _ in range(TRIES - 1):
        folder = settled(path)
        content = _manifest(folder)
        try:
            return folder, content, _pieces(folder, content)
        except ViralityError:
            if content == _manifest(settled(path)):
                raise  # not replaced meanwhile but damaged
    folder = settled(path)
    content = _manifest(folder)
    return folder, content, _pieces(folder, content)


def _pieces(folder: Path, content: bytes) -> Pieces:
    facts = opened(content, folder / MANIFEST)
    texts: dict[str, str] = {}
    arrays: Mapping[str, Array] = {}
    for name, mark in facts["files"].items():
        inner = _verified(folder, name, mark)
        if name == ARRAYS:
            arrays = StoredArrays(inner, folder / name, known=is_trusted(content))
        else:
            try:
                texts[name] = inner.decode("utf-8")
            except UnicodeDecodeError as error:
                raise BundleError(f"{folder / name}: is not text; train again") from error
    return Pieces(facts, arrays, texts)


def _manifest(folder: Path) -> bytes:
    content = _bytes(folder / MANIFEST)
    if content is None:
        raise StorageError(f"{folder}: no trained model there; run `virality train` first")
    return content


def _bytes(path: Path) -> bytes | None:
    """Return the content of a file, None if there is no file of that name."""
    try:
        return path.read_bytes() if stat.S_ISREG(path.stat().st_mode) else None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StorageError(f"{path}: cannot be read ({error.strerror})") from error


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _verified(folder: Path, name: str, mark: Any) -> bytes:
    """Return a file's content, checked against the manifest.

    Raises:
        BundleError: if its name points elsewhere, it is missing, a link, or not what was written.
        StorageError: if it cannot be read.
    """
    path = folder / name
    if not FILE.fullmatch(name) or name == MANIFEST or path.is_symlink():
        raise BundleError(f"{folder}: names a file outside itself ({name!r}); refused")
    content = _bytes(path)
    if content is None:
        raise BundleError(f"{path}: is missing; train again")
    if not isinstance(mark, dict) or len(content) != mark.get("bytes"):
        raise BundleError(f"{path}: has another size than when it was written; train again")
    if _hash(content) != mark.get("sha256"):
        raise BundleError(f"{path}: was altered after training; train again")
    return content


def _mark(content: bytes) -> dict[str, Any]:
    return {"sha256": _hash(content), "bytes": len(content)}


def _packed(arrays: Mapping[str, Array]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **{n: arrays[n] for n in sorted(arrays)})
    return buffer.getvalue()


def _probe(path: Path, mark: str) -> None:
    """Load the bundle of this hash and predict two posts in a child process.

    Raises:
        BundleError: if the child crashes, hangs or refuses.
    """
    command = [sys.executable, "-P", "-m", "virality.modeling.probe", str(path.resolve()), mark]
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=PROBE_S, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as error:
        raise BundleError(f"{path}: loading it does not end; train again") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        why = said[-1][:200] if said else f"exit status {done.returncode}"
        raise BundleError(f"{path}: a trial load failed ({why}); train again")
