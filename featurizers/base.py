"""The Featurizer protocol, nothing else."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from virality.data.clip import FloatArray
from virality.data.matrix import Column, Modality

Media = TypeVar("Media", contravariant=True)


class Featurizer(Protocol[Media]):
    """Turns media of one kind into named numbers, and learns nothing.

    A featurizer is a frozen dataclass: its `repr` and `version` are its cache key. `Media` follows
    from the modality: text `str`, audio `Audio`, frames `Frames`, stream `Stream`,
    metadata `Post`.
    """

    @property
    def modality(self) -> Modality:
        """The part of a post that it reads."""

    @property
    def version(self) -> str:
        """Changes whenever the same input may give other numbers."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """What it returns, fixed before any data is read; names without the featurizer's."""

    def extract(self, batch: Sequence[Media]) -> FloatArray:
        """Return float32 of shape (len(batch), len(columns)); NaN where a value has no meaning."""
