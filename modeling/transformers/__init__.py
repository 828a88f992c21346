"""The blocks as scikit-learn transformers, for matrices and texts that come from elsewhere.

`fit_transform` returns *honest* columns: what a training row gets from rows other than its own
(and its author's, where `groups` are given). `transform` is for new rows; on training rows the two
differ by design, as with scikit-learn's own TargetEncoder, and only the first may be learned from.
A pipeline calls the first while it fits and the second when it predicts.
"""

from virality.modeling.transformers.category import ShrunkenTargetEncoder
from virality.modeling.transformers.components import PrincipalComponents
from virality.modeling.transformers.near import NeighbourPopularity
from virality.modeling.transformers.regression import SupervisedRidge
from virality.modeling.transformers.words import CaptionTerms

__all__ = [
    "CaptionTerms",
    "NeighbourPopularity",
    "PrincipalComponents",
    "ShrunkenTargetEncoder",
    "SupervisedRidge",
]
