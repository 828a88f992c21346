"""Featurizers that do to their worker what a bug in a library would; for tests only."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from virality.data.clip import Audio, FloatArray
from virality.data.matrix import Column, Modality

POISONED_S = 0.9
"""A clip whose sound lasts longer than this is poison."""


def _die(number: int) -> None:
    os.kill(os.getpid(), number)


DEEDS: dict[str, Callable[[], object]] = {
    "segfault": lambda: _die(signal.SIGSEGV),
    "abort": os.abort,
    "killed": lambda: _die(signal.SIGKILL),  # as for want of memory
    "exit": lambda: os._exit(0),
    "hang": lambda: time.sleep(3600),
    "memory": lambda: np.zeros(1 << 60, np.uint8),
    "error": lambda: int("what"),
    "recursion": lambda: _recurse(),  # noqa: PLW0108 - it is defined below
    "leave": lambda: exec("raise SystemExit(0)"),
    "shape": lambda: np.zeros((1, 2), np.float32),
}


def _recurse() -> None:
    _recurse()


@dataclass(frozen=True)
class Poison:
    """Measures how long a sound is, and does its deed at a long one."""

    deed: str
    modality: ClassVar[Modality] = "audio"
    version: ClassVar[str] = "1"
    columns: ClassVar[tuple[Column, ...]] = (Column("length_s", "audio"),)

    def extract(self, batch: Sequence[Audio]) -> FloatArray:
        """Return the lengths in seconds."""
        for audio in batch:
            if audio.duration_s > POISONED_S:
                done: Any = DEEDS[self.deed]()
                return done
        return np.array([[audio.duration_s] for audio in batch], np.float32)
