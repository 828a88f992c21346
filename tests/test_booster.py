from itertools import combinations
from math import factorial

import numpy as np
import pytest

from virality.modeling.booster import (
    Booster,
    bin_rows,
    fit_binned,
    fit_booster,
    fit_curve,
    reweighted,
)
from virality.modeling.parameters import FOREST_DEFAULTS

PARAMS = {"num_leaves": 4, "min_data_in_leaf": 5, "feature_fraction": 1.0, "lambda_l2": 0.5}
FOREST = {**FOREST_DEFAULTS, "num_leaves": 6}
LIBRARIES = ("lightgbm", "xgboost")


def _data(n=200, width=4, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, width)).astype(np.float32)
    y = x[:, 0] * x[:, 1] + x[:, 2] + 0.1 * rng.normal(size=n)
    return x, y


def _trees(booster):
    """Return LightGBM's trees as nested nodes."""
    return [tree["tree_structure"] for tree in booster._model().dump_model()["tree_info"]]


def _expected(node, x, known):
    """Return E[f(x) | the known columns], other splits weighted by training cover."""
    if "leaf_value" in node:
        return node["leaf_value"]
    left, right = node["left_child"], node["right_child"]
    if node["split_feature"] in known:
        return _expected(left if x[node["split_feature"]] <= node["threshold"] else right, x, known)
    a, b = (child.get("internal_count", child.get("leaf_count")) for child in (left, right))
    return (a * _expected(left, x, known) + b * _expected(right, x, known)) / (a + b)


@pytest.mark.parametrize("params", [PARAMS, FOREST], ids=["boosted", "forest"])
def test_contributions_are_shapley_values_by_brute_force(params):
    x, y = _data()
    booster = fit_booster("lightgbm", x, y, params, 4)
    assert booster.averages == bool(params.get("forest"))
    parts = 4 if booster.averages else 1
    got = booster.contributions(x[:5])
    width = x.shape[1]
    for row in range(5):
        value = {
            known: sum(_expected(tree, x[row], known) for tree in _trees(booster)) / parts
            for size in range(width + 1)
            for known in combinations(range(width), size)
        }
        for column in range(width):
            total = 0.0
            for known in value:
                if column in known:
                    continue
                share = factorial(len(known)) * factorial(width - len(known) - 1) / factorial(width)
                total += share * (value[tuple(sorted((*known, column)))] - value[known])
            np.testing.assert_allclose(got[row, column], total, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(got[row, -1], value[()], rtol=1e-9)


@pytest.mark.parametrize(
    ("library", "params"),
    [("lightgbm", {"num_leaves": 15}), ("xgboost", {"num_leaves": 15}), ("lightgbm", FOREST)],
)
def test_contributions_add_up(library, params):
    x, y = _data(300, 20)
    x[::7, 3] = np.nan
    booster = fit_booster(library, x, y + 5, params, 60)
    shares = booster.contributions(x)
    assert shares.shape == (300, 21)
    np.testing.assert_allclose(shares.sum(axis=1), booster.predict(x), rtol=1e-9)


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_text_is_the_model(library):
    x, y = _data()
    booster = fit_booster(library, x, y, PARAMS, 20)
    again = Booster(library, booster.text, 4)
    np.testing.assert_array_equal(booster.predict(x), again.predict(x))


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_same_bytes_on_every_run_and_for_any_threads(library):
    x, y = _data()
    fitted = [fit_booster(library, x, y, {}, 20, seed=3, threads=t).text for t in (1, 1, 2)]
    assert fitted[0] == fitted[1]
    # LightGBM writes its parameters below the trees, the number of threads among them
    trees = {text.partition("end of trees")[0] for text in fitted}
    assert len(trees) == 1
    other = fit_booster(library, x, y, {}, 20, seed=4).text
    assert other.partition("end of trees")[0] not in trees


def test_a_forest_is_the_mean_of_its_trees_and_more_of_them_change_it_less_and_less():
    x, y = _data(400)
    forest = fit_booster("lightgbm", x, y, FOREST_DEFAULTS, 120)
    trees = forest._model()
    each = [trees.predict(x, start_iteration=n, num_iteration=1) for n in range(120)]
    np.testing.assert_allclose(forest.predict(x), np.mean(each, axis=0), rtol=1e-9)
    away = [np.abs(trees.predict(x, num_iteration=n) - forest.predict(x)).mean() for n in (5, 60)]
    assert away[1] < away[0] / 2
    curve = fit_curve("lightgbm", x[:300], y[:300], (x[300:], y[300:]), FOREST_DEFAULTS, rounds=80)
    assert curve.errors[-1] < curve.errors[0]


@pytest.mark.parametrize("rare", [3, 6])
@pytest.mark.parametrize("weighed", [False, True])
def test_trees_that_cannot_be_split_say_the_mean(rare, weighed):
    x = np.zeros((100, 1), np.float32)
    x[:rare] = 1  # so few that many trees or all of them find no split
    y = 5 + x[:, 0] + np.random.default_rng(0).normal(0, 0.1, 100)
    weights = np.linspace(1, 2, 100) if weighed else None
    forest = fit_booster("lightgbm", x, y, FOREST_DEFAULTS, 50, weights=weights)
    said = forest.predict(x)
    assert 4.9 < said.min() <= said.max() < 6.1
    np.testing.assert_allclose(
        np.average(said, weights=weights), np.average(y, weights=weights), atol=0.1
    )
    np.testing.assert_allclose(forest.contributions(x).sum(axis=1), said, rtol=1e-9)
    curve = fit_curve(
        "lightgbm", x, y, (x, y), FOREST_DEFAULTS, rounds=50, patience=50, weights=weights
    )
    np.testing.assert_array_equal(curve.predict(x, 50), said)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_curve_stops_when_it_no_longer_falls(library):
    x, y = _data(400)
    curve = fit_curve(library, x[:300], y[:300], (x[300:], y[300:]), PARAMS, rounds=80, patience=10)
    best = int(curve.errors.argmin()) + 1
    assert curve.errors[best - 1] < 0.7 * y[300:].std()
    said = curve.predict(x[300:], best)
    wanted = curve.errors[best - 1]
    np.testing.assert_allclose(np.sqrt(np.mean((said - y[300:]) ** 2)), wanted, rtol=1e-4)
    coin = np.tile([0.0, 1.0], 200)
    held = x[300:], coin[300:]
    noise = fit_curve(library, x[:300], coin[:300], held, PARAMS, rounds=500, patience=10)
    assert len(noise.errors) < 100


def test_rows_under_new_weights_equal_rows_binned_with_them():
    x, y = _data()
    weights = np.linspace(0.2, 1.8, len(y))
    alike, anew = bin_rows(x, y), bin_rows(x, y, weights=weights)
    fits = [
        fit_binned(rows, bin_rows(x, y, like=like), PARAMS, 0, rounds=20)
        for rows, like in ((reweighted(alike, weights), alike), (anew, anew), (alike, alike))
    ]
    texts = [fit.model.model_to_string() for fit in fits]
    assert texts[0] == texts[1] != texts[2]
