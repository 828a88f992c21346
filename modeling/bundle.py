"""Save and load a trained model: JSON, model texts and plain arrays, checksummed; never a pickle.

A bundle is a folder. `model.json` names every other file with its size and SHA-256 and ends with a
checksum of itself. Tree texts are checked structurally before a library reads them, and the first
load of a bundle from elsewhere happens in a child process: if altered trees still crash a library,
the crash stays there and becomes a BundleError here. See `trust` for what counts as first.
"""

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from virality.data.errors import BundleError, StorageError
from virality.modeling.pieces import put_together, take_apart
from virality.modeling.pieces_parts import Array, Pieces
from virality.modeling.train import Model
from virality.modeling.trust import is_trusted, trust

FORMAT = 2
MANIFEST = "model.json"
ARRAYS = "arrays.npz"
PROBE_S = 180.0
MOST_BYTES = 8 * 2**30
_FILE = re.compile(r"^[a-z][a-z0-9_]{0,40}\.(txt|json|npz)$")
_PART = re.compile(r"arrays\.npz|base\d+_\d+\.(txt|json)|(ratio\d+_)?(spread|trees)\.txt")
"""Names of a bundle's parts, for where a damaged manifest cannot name them."""


def save_model(model: Model, path: Path) -> None:
    """Write a model to a folder: into a temporary one beside it, then renamed.

    A bundle that is there already is replaced, what else lies in its folder stays (see
    `strangers`); any other folder is left alone.

    Raises:
        StorageError: if it cannot be written, or the folder holds something else.
    """
    if path.exists() and not (path.is_dir() and _is_ours(path)):
        raise StorageError(f"{path}: exists and is no model; give another place")
    files = _files(model)
    kept = strangers(path)
    lost = next((name for name in kept if name in files), None)
    if lost is not None:
        raise StorageError(
            f"{path / lost}: is not of the model there, and the new one would replace it; move it "
            "elsewhere or give another place"
        )
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        _write(temporary, path, files, kept)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise StorageError(f"{path}: cannot be written ({error.strerror})") from error
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
    return {**files, MANIFEST: _sealed(facts)}


def model_hash(model: Model) -> str:
    """Return the `bundle_hash` of a model, also of one that no folder holds."""
    return hashlib.sha256(_files(model)[MANIFEST]).hexdigest()


def _is_ours(path: Path) -> bool:
    """Tell whether a folder is empty or a bundle, sound or damaged."""
    if not (path / MANIFEST).is_file():
        return not any(path.iterdir())
    facts = _facts(path)
    return facts is None or bool({"seal", "files"} & facts.keys())


def strangers(path: Path) -> tuple[str, ...]:
    """Return what lies in the folder of a bundle and is not of it, by name; none without one.

    Raises:
        StorageError: if the folder cannot be read.
    """
    try:
        there = sorted(os.listdir(path)) if path.is_dir() else []
    except OSError as error:
        raise StorageError(f"{path}: cannot be read ({error.strerror})") from error
    files = (_facts(path) or {}).get("files")
    if isinstance(files, dict):
        return tuple(name for name in there if name not in files and name != MANIFEST)
    return tuple(name for name in there if not _PART.fullmatch(name) and name != MANIFEST)


def _facts(path: Path) -> dict[str, Any] | None:
    """Return what a manifest says, unverified; None if it is damaged."""
    try:
        facts = json.loads((path / MANIFEST).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return dict(facts) if isinstance(facts, dict) else {}


def _link(source: str, target: str) -> None:
    """Give a file a second name, or copy it where the file system knows none."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _carry(folder: Path, names: Iterable[str], to: Path) -> None:
    """Put files and folders into another folder too; a kill leaves the first one whole."""
    for name in names:
        source = folder / name
        if source.is_dir() and not source.is_symlink():
            shutil.copytree(source, to / name, symlinks=True, copy_function=_link)
        elif source.is_symlink():
            os.symlink(os.readlink(source), to / name)
        else:
            _link(str(source), str(to / name))


def _write(temporary: Path, path: Path, files: Mapping[str, bytes], kept: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    for name, content in files.items():
        with (temporary / name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    _carry(path, kept, temporary)
    aside = path.with_name(f".{path.name}.{os.getpid()}.old")
    if path.exists():
        os.replace(path, aside)  # a folder that is not empty cannot be replaced in one step
    os.replace(temporary, path)
    shutil.rmtree(aside, ignore_errors=True)


def load_model(path: Path) -> Model:
    """Read a model, verified.

    Raises:
        BundleError: if it is damaged, altered, or of a newer format.
        StorageError: if there is no bundle, or it cannot be read.
    """
    content, pieces = _read(path)
    model = assemble(pieces, path)  # structure first: cheap, and its sentences are better
    if is_trusted(content):
        return model
    _probe(path)
    trust(content)
    return model


def bundle_hash(path: Path) -> str:
    """Return what names a bundle: the SHA-256 of its manifest, which names every other file's.

    Raises:
        StorageError: if there is no bundle, or it cannot be read.
    """
    if not (path / MANIFEST).is_file():
        raise StorageError(f"{path}: no trained model there; run `virality train` first")
    return hashlib.sha256(_bytes(path / MANIFEST)).hexdigest()


def read_pieces(path: Path) -> Pieces:
    """Read and verify the files of a bundle, without a library touching the trees.

    Raises:
        BundleError, StorageError: as `load_model`.
    """
    return _read(path)[1]


def assemble(pieces: Pieces, path: Path) -> Model:
    """Return the model of verified pieces.

    Raises:
        BundleError: if they do not fit together.
    """
    try:
        return put_together(pieces)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise BundleError(f"{path}: its parts do not fit ({error!r}); train again") from error


def _read(path: Path) -> tuple[bytes, Pieces]:
    if not (path / MANIFEST).is_file():
        raise StorageError(f"{path}: no trained model there; run `virality train` first")
    content = _bytes(path / MANIFEST)
    facts = _opened(content, path / MANIFEST)
    texts, arrays = {}, {}
    for name, mark in facts["files"].items():
        inner = _verified(path, name, mark)
        if name == ARRAYS:
            arrays = _unpacked(inner, path / name)
        else:
            try:
                texts[name] = inner.decode("utf-8")
            except UnicodeDecodeError as error:
                raise BundleError(f"{path / name}: is not text; train again") from error
    return content, Pieces(facts, arrays, texts)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StorageError(f"{path}: cannot be read ({error.strerror})") from error


def _sealed(facts: Mapping[str, Any]) -> bytes:
    """Return the manifest's bytes, its own checksum added."""
    return _text({**facts, "seal": hashlib.sha256(_text(facts)).hexdigest()})


def _text(facts: Mapping[str, Any]) -> bytes:
    return (json.dumps(facts, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def _opened(content: bytes, path: Path) -> dict[str, Any]:
    """Return the manifest's facts, checked against its own checksum.

    Raises:
        BundleError: if it is damaged or of another format.
    """
    try:
        facts = json.loads(content)
        seal = facts.pop("seal")
        whole = hashlib.sha256(_text(facts)).hexdigest() == seal
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BundleError(f"{path}: is damaged; train again") from error
    if not whole:
        raise BundleError(f"{path}: was altered after training; train again")
    if facts.get("format") != FORMAT:
        raise BundleError(
            f"{path}: bundle format {facts.get('format')!r}, this program reads {FORMAT}"
        )
    if not isinstance(facts.get("files"), dict):
        raise BundleError(f"{path}: names no files; train again")
    return dict(facts)


def _verified(folder: Path, name: str, mark: Any) -> bytes:
    """Return a file's content, checked against the manifest.

    Raises:
        BundleError: if its name points elsewhere, it is missing, a link, or not what was written.
    """
    path = folder / name
    if not _FILE.match(name) or name == MANIFEST or path.is_symlink():
        raise BundleError(f"{folder}: names a file outside itself ({name!r}); refused")
    if not path.is_file():
        raise BundleError(f"{path}: is missing; train again")
    if not isinstance(mark, dict) or path.stat().st_size != mark.get("bytes"):
        raise BundleError(f"{path}: has another size than when it was written; train again")
    content = _bytes(path)
    if hashlib.sha256(content).hexdigest() != mark.get("sha256"):
        raise BundleError(f"{path}: was altered after training; train again")
    return content


def _mark(content: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def _packed(arrays: Mapping[str, Array]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **{n: arrays[n] for n in sorted(arrays)})
    return buffer.getvalue()


def _unpacked(content: bytes, path: Path) -> dict[str, Array]:
    """Return the arrays of an .npz, objects refused.

    Raises:
        BundleError: if it is damaged or unreasonably large.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MOST_BYTES:
                raise BundleError(f"{path}: unpacks to more than 8 GiB; refused")
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise BundleError(f"{path}: is damaged ({error}); train again") from error


def _probe(path: Path) -> None:
    """Load the bundle and predict one post in a child process.

    Raises:
        BundleError: if the child crashes, hangs or refuses.
    """
    command = [sys.executable, "-P", "-m", "virality.modeling.probe", str(path.resolve())]
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
