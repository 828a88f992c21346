"""Text on screen: how much there is, when, and whether it changes; and what it says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from virality.data.clip import FloatArray, Frames
from virality.data.matrix import Column, Modality
from virality.featurizers.base import Featurizer
from virality.featurizers.rows import NAN, stack_rows
from virality.featurizers.screen_reader import FINDING, LOOKS, READING, Screen, read_screens

VERSION = f"1+{FINDING.sha256[:8]}+{READING.sha256[:8]}"

COLUMNS: tuple[Column, ...] = (
    Column("text_share", "frames", "share", meaning="stills read that show text"),
    Column("characters", "frames", "characters", meaning="characters a still read"),
    Column("lines", "frames", "lines", meaning="lines of text a still read"),
    Column("area_share", "frames", "share", meaning="picture covered by text, over the clip"),
    Column("largest_area_share", "frames", "share", meaning="picture covered by text, at most"),
    Column("first_characters", "frames", "characters", meaning="characters on the first frame"),
    Column("first_area_share", "frames", "share", meaning="first frame covered by text"),
    Column("changes", "frames", "count", meaning="stills read whose text is not the last one's"),
)


@dataclass(frozen=True)
class FramesScreen:
    """Text on four stills, by RapidOCR; letters under about 2 % of the short side go unread."""

    modality: Modality = "frames"
    version: str = f"{VERSION}+{LOOKS}"

    @property
    def columns(self) -> tuple[Column, ...]:
        """What it returns, in order."""
        return COLUMNS

    def extract(self, batch: Sequence[Frames]) -> FloatArray:
        """Return shape (len(batch), 8).

        Raises:
            StorageError: if weights are missing or not the ones expected.
        """
        return stack_rows((_measure(read_screens(frames)) for frames in batch), COLUMNS)


@dataclass(frozen=True)
class FramesScreenText:
    """What a text featurizer makes of all different lines on screen; an empty text without any.

    Attributes:
        reader: the text featurizer.
    """

    reader: Featurizer[str]
    modality: Modality = "frames"

    @property
    def version(self) -> str:
        """Changes with the weights and with the text featurizer."""
        return f"{VERSION}+{LOOKS}+{self.reader.version}"

    @property
    def columns(self) -> tuple[Column, ...]:
        """The text featurizer's own, of the text on screen instead of the caption."""
        return tuple(
            replace(
                one,
                modality="frames",
                meaning=one.meaning.replace("the caption", "the text on screen"),
            )
            for one in self.reader.columns
        )

    def extract(self, batch: Sequence[Frames]) -> FloatArray:
        """Return shape (len(batch), len(columns)).

        Raises:
            StorageError: as FramesScreen.
        """
        return self.reader.extract([_join(read_screens(frames)) for frames in batch])


def _join(screens: Sequence[Screen]) -> str:
    return "\n".join(dict.fromkeys(line for screen in screens for line in screen.lines))


def _measure(screens: Sequence[Screen]) -> Mapping[str, float]:
    if not screens:
        return {}
    characters = [sum(map(len, screen.lines)) for screen in screens]
    areas = [screen.area_share for screen in screens]
    return {
        "text_share": float(np.mean([bool(screen.lines) for screen in screens])),
        "characters": float(np.mean(characters)),
        "lines": float(np.mean([len(screen.lines) for screen in screens])),
        "area_share": float(np.mean(areas)),
        "largest_area_share": max(areas),
        "first_characters": float(characters[0]),
        "first_area_share": areas[0],
        "changes": _changes(screens),
    }


def _changes(screens: Sequence[Screen]) -> float:
    """Count stills that share less than half of their lines with the one before."""
    if len(screens) < 2:
        return NAN
    sets = [set(screen.lines) for screen in screens]
    return float(sum(len(a & b) < len(a | b) / 2 for a, b in pairwise(sets)))
