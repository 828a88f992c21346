"""The blocks as scikit-learn transformers: its rules, honesty, and the same numbers as the stack."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from virality.modeling.blocks import BlockSpec, fit_block
from virality.modeling.transformers import (
    CaptionTerms,
    NeighbourPopularity,
    PrincipalComponents,
    ShrunkenTargetEncoder,
    SupervisedRidge,
)

BY_DESIGN = "training rows are told what other rows say of them: see modeling/transformers"
DIFFERENT = {
    "check_transformer_general": BY_DESIGN,
    "check_transformer_data_not_an_array": BY_DESIGN,
}
SUPERVISED = [
    SupervisedRidge(),
    NeighbourPopularity(neighbours=5),
    CaptionTerms(dims=2, neighbours=5),
    ShrunkenTargetEncoder(),
]


def allowed_to_fail(estimator):
    alike = isinstance(estimator, PrincipalComponents | NeighbourPopularity)
    return {} if alike else DIFFERENT


@parametrize_with_checks(
    [PrincipalComponents(dims=2), *SUPERVISED], expected_failed_checks=allowed_to_fail
)
def test_they_keep_scikit_learns_rules(estimator, check):
    check(estimator)
