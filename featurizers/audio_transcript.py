"""What is said in a clip: how much, how fast, and whatever text featurizers make of the words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from virality.data.clip import Audio, FloatArray
from virality.data.matrix import Column, Modality
from virality.featurizers.base import Featurizer
from virality.featurizers.caption import take_apart
from virality.featurizers.rows import NAN, stack_rows
from virality.featurizers.transcriber import Transcript, find_model_version, transcribe

COLUMNS: tuple[Column, ...] = (
    Column("words", "audio", "words", meaning="words said, in the first two minutes of speech"),
    Column("speech_rate", "audio", "words/s", meaning="words a second of speech"),
    Column("word_rate", "audio", "words/s", meaning="words a second of sound"),
    Column("certainty", "audio", "probability", meaning="how sure the transcript is of its words"),
    Column(
        "language_certainty",
        "audio",
        "probability",
        meaning="how sure it is which language is spoken",
    ),
)


@dataclass(frozen=True)
class AudioTranscript:
    """Words by Whisper base in the speech that silero-vad finds; no speech, no words and no rates.

    Attributes:
        folder: of another faster-whisper model, the packaged one if empty.
    """

    folder: str = ""
    modality: Modality = "audio"

    @property
    def version(self) -> str:
        """Changes with the weights."""
        return f"3+{find_model_version(self.folder)}"

    @property
    def columns(self) -> tuple[Column, ...]:
        """What it returns, in order."""
        return COLUMNS

    def extract(self, batch: Sequence[Audio]) -> FloatArray:
        """Return shape (len(batch), 5).

        Raises:
            StorageError: if weights are missing or not the ones expected.
            UsageError: if a sound is not at 16 kHz.
        """
        return stack_rows((_measure(audio, self.folder) for audio in batch), COLUMNS)


@dataclass(frozen=True)
class AudioTranscriptText:
    """What a text featurizer makes of a transcript; where nobody speaks that is an empty text.

    Attributes:
        reader: the text featurizer.
        folder: as in AudioTranscript.
    """

    reader: Featurizer[str]
    folder: str = ""
    modality: Modality = "audio"

    @property
    def version(self) -> str:
        """Changes with the weights and with the text featurizer."""
        return f"1+{find_model_version(self.folder)}+{self.reader.version}"

    @property
    def columns(self) -> tuple[Column, ...]:
        """The text featurizer's own, of what is said instead of the caption."""
        return tuple(
            replace(one, modality="audio", meaning=one.meaning.replace("caption", "transcript"))
            for one in self.reader.columns
        )

    def extract(self, batch: Sequence[Audio]) -> FloatArray:
        """Return shape (len(batch), len(columns)).

        Raises:
            StorageError, UsageError: as AudioTranscript.
        """
        return self.reader.extract([transcribe(audio, self.folder).text for audio in batch])


def _measure(audio: Audio, folder: str) -> Mapping[str, float]:
    said: Transcript = transcribe(audio, folder)
    words = len(take_apart(said.text).words)
    rate = words / said.heard_s if said.heard_s else NAN
    return {
        "words": float(words),
        "speech_rate": rate,
        # What was not transcribed is taken to be as fast: it is no silence.
        "word_rate": rate * said.speech_s / audio.duration_s if said.heard_s else NAN,
        "certainty": said.certainty,
        "language_certainty": said.language_certainty,
    }
