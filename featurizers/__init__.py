"""FEATURIZERS: every featurizer by name, in column order.

An explicit dict and no scanning: adding a featurizer is one file and one line. Building an instance
is cheap; models are loaded at the first `extract()`.
"""

import os
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
from virality.featurizers.metadata_author import MetadataAuthor
from virality.featurizers.metadata_format import MetadataFormat
from virality.featurizers.metadata_hashtag import MetadataHashtag
from virality.featurizers.metadata_sound import MetadataSound
from virality.featurizers.metadata_time import MetadataTime
from virality.featurizers.stream_container import StreamContainer
from virality.featurizers.stream_packets import StreamPackets
from virality.featurizers.text_embedding import TextEmbedding
from virality.featurizers.text_language import TextLanguage
from virality.featurizers.text_sentiment import TextSentiment
from virality.featurizers.text_shape import TextShape

# ONNX Runtime would otherwise keep an identifier of this device in the user's cache and send what
# it runs to its makers. It looks at this when it is loaded, which nothing above does; workers
# inherit it.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

FEATURIZERS: Mapping[str, Featurizer[Any]] = {
    # text
    "text_shape": TextShape(),
    "text_language": TextLanguage(),
    "text_sentiment": TextSentiment(),
    "text_embedding": TextEmbedding(),
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
    "metadata_time": MetadataTime(),
    "metadata_author": MetadataAuthor(),
    "metadata_sound": MetadataSound(),
    "metadata_hashtag": MetadataHashtag(),
    "metadata_format": MetadataFormat(),
}
