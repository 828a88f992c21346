"""The picture encoder: EfficientNet-lite0, exported once from torch to ONNX and kept in a cache.

The exported file takes uint8 pictures and does the scaling `(x - 127) / 128` itself. Its name ends
in its own SHA-256, so that a file that was damaged in the cache is seen and made again.
"""

import hashlib
import os
import subprocess
import sys
import warnings
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any

from virality.data.cache import CACHE_VARIABLE, find_cache, locked
from virality.data.errors import StorageError
from virality.featurizers.weights import PICTURE

SIDE_PX = 224
STRIDE_PX = 32
"""Sides are multiples of the network's stride, as its padding was worked out for 224 pixels."""

WIDTH = 1280
"""Length of an embedding: the mean over places of the last convolution, before the classifier."""

OPSET = 18
EXPORT_VERSION = "2"
DIGEST_CHARACTERS = 16


def load_picture_model(cache: Path | None = None) -> bytes:
    """Return the exported encoder, from the cache or exported now (about ten seconds).

    Several workers may ask at once: one exports, the others wait for it. The export happens in a
    process of its own, so that no worker keeps torch in memory.

    Raises:
        StorageError: if the weights are not what they were, or the cache cannot be written.
    """
    folder = find_cache() if cache is None else cache
    found = _read_cached(folder)
    if found is not None:
        return found
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / "picture.lock"):
            return _read_cached(folder) or _export_into(folder)
    except OSError as error:
        raise StorageError(
            f"cannot keep the exported picture encoder in {folder}: {error}: set {CACHE_VARIABLE} "
            "to a folder that can be written"
        ) from error


def build_torch_model() -> Any:
    """Return the torch module: uint8 pictures (n, height, width, 3) -> float32 (n, WIDTH).

    Raises:
        StorageError: if the weights are not what they were.
    """
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    weights = torch.load(BytesIO(PICTURE.read()), map_location="cpu", weights_only=True)
    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(weights)

    class Embedding(torch.nn.Module):
        """Scaling, convolutions and the mean over places."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, stills: torch.Tensor) -> torch.Tensor:
            scaled = (stills.permute(0, 3, 1, 2).to(torch.float32) - 127) / 128
            return torch.as_tensor(self.network.extract_features(scaled).mean(dim=(2, 3)))

    # On the wrapper: a network left in training mode would normalise by its own batch.
    return Embedding().eval()


def export(path: Path) -> None:
    """Write the encoder as ONNX for any number of pictures of any size."""
    import torch

    torch.set_num_threads(1)
    # Two unlike sides, neither the usual one, so that the exporter takes none of them for fixed.
    pictures = torch.zeros((2, 9 * STRIDE_PX, 5 * STRIDE_PX, 3), dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's exporter warns about its own internals
        program = torch.onnx.export(
            build_torch_model(),
            (pictures,),
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            input_names=["stills"],
            output_names=["embeddings"],
            dynamic_shapes=(dict.fromkeys(range(3), torch.export.Dim.DYNAMIC),),
        )
    if program is None:
        raise StorageError("torch exported no picture encoder: reinstall torch and onnxscript")
    program.save(path)


def _key() -> str:
    made_by = (PICTURE.sha256, EXPORT_VERSION, str(OPSET), version("torch"), version("onnxscript"))
    return hashlib.sha256("|".join(made_by).encode()).hexdigest()[:DIGEST_CHARACTERS]


def _read_cached(folder: Path) -> bytes | None:
    for path in sorted(folder.glob(f"efficientnet-lite0-{_key()}-*.onnx")):
        try:
            content = path.read_bytes()
        except OSError:
            continue
        if path.stem.endswith(_digest(content)):
            return content
    return None


def _export_into(folder: Path) -> bytes:
    """Export under a temporary name, then give it its final one in a single step."""
    temporary = folder / f".efficientnet-lite0-{os.getpid()}.tmp"
    command = [sys.executable, "-m", "virality.featurizers.frames_export", str(temporary)]
    try:
        child = subprocess.run(command, capture_output=True, text=True, check=False)
        if child.returncode != 0:
            said = (child.stderr.strip().splitlines() or ["no message"])[-1]
            raise StorageError(f"the picture encoder could not be exported to ONNX: {said}")
        content = temporary.read_bytes()
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(folder / f"efficientnet-lite0-{_key()}-{_digest(content)}.onnx")
    finally:
        temporary.unlink(missing_ok=True)
    return content


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:DIGEST_CHARACTERS]


if __name__ == "__main__":
    export(Path(sys.argv[1]))
