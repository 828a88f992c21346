"""The sentence encoder that a model or a folder of features was made with, told by its versions."""

from collections.abc import Mapping

from virality.data.errors import UsageError
from virality.data.sentence_versions import embedding_version, encoder_in
from virality.featurizers.encoder import TEXT_WEIGHTS
from virality.featurizers.text_embedding import TextEmbedding


def packaged_encoder(versions: Mapping[str, str]) -> str:
    """Return the packaged encoder that made these columns, `""` if it was none of them.

    A folder may be called as a packaged one: the whole version decides, not the name.

    Args:
        versions: featurizer -> version.
    """
    wanted = embedding_version(versions)
    return next((name for name in TEXT_WEIGHTS if TextEmbedding(name).version == wanted), "")


def encoder_for(versions: Mapping[str, str], asked: str = "") -> str:
    """Return the encoder that makes what a model reads.

    A folder or a name on a hub is never taken out of a model, which may come from strangers: who
    wants it names it.

    Args:
        versions: featurizer -> version of the model's columns.
        asked: the encoder that was asked for, the model's own if empty.

    Returns:
        Its name, `""` for the default one where the model reads no sentences.

    Raises:
        UsageError: if the model was trained with another one than asked for, or with one that no
            package holds and none is asked for.
        StorageError: if the encoder asked for cannot be found.
    """
    wanted = embedding_version(versions)
    own = packaged_encoder(versions)
    if not wanted or (own and asked in ("", own)):
        return own or asked
    name = encoder_in(wanted)
    if not asked:
        raise UsageError(
            f"the model was trained with the sentence encoder {name!r}, which comes with no "
            "package in this version: give its folder or its full name by --encoder"
        )
    if (given := TextEmbedding(asked).version) != wanted:
        mend = "leave --encoder out" if own else f"give the folder or full name of {name!r}"
        raise UsageError(
            f"--encoder {asked}: the model was trained with the sentence encoder {name!r} (version "
            f"{wanted}), this one is of version {given}; {mend}"
        )
    return asked
