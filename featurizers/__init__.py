"""FEATURIZERS: every featurizer by name, in column order.

An explicit dict and no scanning: adding a featurizer is one file and one line. Building an instance
is cheap; models are loaded at the first `extract()`.
"""

from collections.abc import Mapping
from typing import Any

from virality.featurizers.audio_loudness import AudioLoudness
from virality.featurizers.audio_rhythm import AudioRhythm
from virality.featurizers.audio_spectrum import AudioSpectrum
from virality.featurizers.audio_speech import AudioSpeech
from virality.featurizers.audio_voice import AudioVoice
from virality.featurizers.base import Featurizer
from virality.featurizers.frames_colour import FramesColour
from virality.featurizers.frames_embedding import FramesEmbedding
from virality.featurizers.frames_layout import FramesLayout
from virality.featurizers.frames_motion import FramesMotion
from virality.featurizers.stream_container import StreamContainer
from virality.featurizers.stream_packets import StreamPackets

FEATURIZERS: Mapping[str, Featurizer[Any]] = {
    # text
    # audio
    "audio_loudness": AudioLoudness(),
    "audio_spectrum": AudioSpectrum(),
    "audio_rhythm": AudioRhythm(),
    "audio_voice": AudioVoice(),
    "audio_speech": AudioSpeech(),
    # frames
    "frames_embedding": FramesEmbedding(),
    "frames_colour": FramesColour(),
    "frames_motion": FramesMotion(),
    "frames_layout": FramesLayout(),
    # stream
    "stream_container": StreamContainer(),
    "stream_packets": StreamPackets(),
    # metadata
}
