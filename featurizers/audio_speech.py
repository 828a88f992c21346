"""Whether, when and how much somebody speaks, by silero-vad."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from virality.data.clip import AUDIO_RATE_HZ, Audio, FloatArray
from virality.data.errors import UsageError
from virality.data.matrix import Column, Modality
from virality.featurizers.rows import NAN, stack_rows
from virality.featurizers.weights import SPEECH, open_session

CHUNK_SAMPLES = 512
CONTEXT_SAMPLES = 64
"""The model reads 32 ms at a time with the last 4 ms before them, at 16 kHz only."""

BLOCK_CHUNKS = 512
"""Chunks a call: 16 s of sound, which bounds the memory of a long clip."""

SPEECH_ABOVE, SILENCE_BELOW = 0.5, 0.35
SHORTEST_SPEECH_S, SHORTEST_PAUSE_S = 0.25, 0.1
"""The thresholds of silero-vad's own `get_speech_timestamps`."""

START_S = 3.0

Spans = list[tuple[float, float]]

COLUMNS: tuple[Column, ...] = (
    Column("speech_share", "audio", "share", meaning="time in which somebody speaks"),
    Column("first_speech_s", "audio", "s", meaning="when somebody first speaks; none if nobody"),
    Column("start_speech_share", "audio", "share", meaning="speech in the first three seconds"),
    Column("segments", "audio", "count", meaning="stretches of speech"),
    Column("segment_rate", "audio", "1/s", meaning="stretches of speech a second"),
    Column("longest_segment_s", "audio", "s", meaning="longest stretch of speech"),
    Column("mean_probability", "audio", "probability", meaning="mean certainty that it is speech"),
)


@dataclass(frozen=True)
class AudioSpeech:
    """Speech by silero-vad 6.2.3 (its sequence model: the streaming one, many chunks a call)."""

    modality: Modality = "audio"
    version: str = f"1+{SPEECH.sha256[:8]}"

    @property
    def columns(self) -> tuple[Column, ...]:
        """What it returns, in order."""
        return COLUMNS

    def extract(self, batch: Sequence[Audio]) -> FloatArray:
        """Return shape (len(batch), 7); NaN for sounds shorter than 32 ms.

        Raises:
            UsageError: if a sound is not at 16 kHz.
        """
        return stack_rows((_measure(audio) for audio in batch), self.columns)


def speech_probabilities(audio: Audio) -> FloatArray:
    """Return how likely each whole 32 ms of a sound is speech, shape (n // CHUNK_SAMPLES,).

    Raises:
        UsageError: if the sound is not at 16 kHz.
    """
    if audio.rate_hz != AUDIO_RATE_HZ:
        raise UsageError(f"speech detection needs sound at {AUDIO_RATE_HZ} Hz, not {audio.rate_hz}")
    count = len(audio.samples) // CHUNK_SAMPLES
    before = np.zeros(CONTEXT_SAMPLES, dtype=np.float32)
    samples = np.concatenate([before, audio.samples[: count * CHUNK_SAMPLES]])
    hidden = np.zeros((1, 1, 128), dtype=np.float32)
    cell = np.zeros((1, 1, 128), dtype=np.float32)
    found = [np.zeros(0, dtype=np.float32)]
    for first in range(0, count, BLOCK_CHUNKS):
        last = min(first + BLOCK_CHUNKS, count)
        part = samples[first * CHUNK_SAMPLES : last * CHUNK_SAMPLES + CONTEXT_SAMPLES]
        chunks = np.lib.stride_tricks.sliding_window_view(part, CONTEXT_SAMPLES + CHUNK_SAMPLES)
        given = {"input": chunks[::CHUNK_SAMPLES], "h": hidden, "c": cell}
        values, hidden, cell = _load_model().run(["speech_probs", "hn", "cn"], given)
        found.append(values.reshape(-1))
    return np.concatenate(found)


def speech_spans(probabilities: npt.NDArray[np.floating[Any]]) -> Spans:
    """Return (start, end) in seconds of each stretch of speech, by silero-vad's own rule.

    Speech begins at SPEECH_ABOVE and ends where it fell under SILENCE_BELOW if it is there again
    SHORTEST_PAUSE_S later without speech between; stretches under SHORTEST_SPEECH_S do not count.
    """
    chunk_s = CHUNK_SAMPLES / AUDIO_RATE_HZ
    spans: Spans = []
    start: int | None = None
    quiet: int | None = None
    for place, probability in enumerate(probabilities):
        if probability >= SPEECH_ABOVE:
            start = place if start is None else start
            quiet = None
        elif start is not None and probability < SILENCE_BELOW:
            quiet = place if quiet is None else quiet
            if (place - quiet) * chunk_s >= SHORTEST_PAUSE_S:
                spans.append((start * chunk_s, quiet * chunk_s))
                start = quiet = None
    if start is not None:
        spans.append((start * chunk_s, len(probabilities) * chunk_s))
    return [span for span in spans if span[1] - span[0] >= SHORTEST_SPEECH_S]


def _measure(audio: Audio) -> Mapping[str, float]:
    probabilities = speech_probabilities(audio)
    if len(probabilities) == 0:
        return {}
    spans = speech_spans(probabilities)
    lengths_s = [end - start for start, end in spans]
    opening_s = min(START_S, audio.duration_s)
    opening = sum(max(0.0, min(end, opening_s) - start) for start, end in spans)
    return {
        "speech_share": sum(lengths_s) / audio.duration_s,
        "first_speech_s": spans[0][0] if spans else NAN,
        "start_speech_share": opening / opening_s,
        "segments": len(spans),
        "segment_rate": len(spans) / audio.duration_s,
        "longest_segment_s": max(lengths_s, default=0.0),
        "mean_probability": float(np.mean(probabilities, dtype=np.float64)),
    }


@cache
def _load_model() -> Any:
    return open_session(SPEECH.read())
