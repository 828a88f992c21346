"""FEATURIZERS: every featurizer by name, in column order.

An explicit dict and no scanning: adding a featurizer is one file and one line. Building an instance
is cheap; models are loaded at the first `extract()`.
"""

from collections.abc import Mapping
from typing import Any

from virality.featurizers.base import Featurizer

FEATURIZERS: Mapping[str, Featurizer[Any]] = {
    # text
    # audio
    # frames
    # stream
    # metadata
}
