"""Contributions of a base are those of the `shap` package, worked out by other code."""

import numpy as np
import pytest

from virality.modeling.booster import Library, fit_booster
from virality.modeling.parameters import DEFAULTS, FOREST_DEFAULTS, Params

CASES: tuple[tuple[Library, Params], ...] = (
    ("lightgbm", {}),
    ("lightgbm", {"loss": "l1"}),
    ("lightgbm", FOREST_DEFAULTS),
    ("xgboost", {}),
    ("xgboost", {"loss": "huber"}),
)


@pytest.mark.parametrize(("library", "params"), CASES)
def test_contributions_are_shapley_values(library: Library, params: Params) -> None:
    shap = pytest.importorskip("shap")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 6)).astype(np.float32)
    x[rng.random(x.shape) < 0.1] = np.nan
    y = np.nansum(x[:, :2], axis=1) + np.nan_to_num(x[:, 2] * x[:, 3]) + rng.normal(size=300)
    booster = fit_booster(library, x, y, {**DEFAULTS, **params}, 40)
    ours = booster.contributions(x[:50])
    explainer = shap.TreeExplainer(booster._model())
    explainer.model.model_type = "internal"  # or it would hand the question back to the library
    theirs = explainer.shap_values(x[:50], check_additivity=False)
    trees = 40 if booster.averages else 1  # of a forest LightGBM and `shap` both add trees up
    np.testing.assert_allclose(ours[:, :-1], np.asarray(theirs) / trees, atol=2e-5)
    np.testing.assert_allclose(ours.sum(axis=1), booster.predict(x[:50]), atol=1e-9)
