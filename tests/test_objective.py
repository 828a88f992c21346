import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from virality.data.errors import UsageError
from virality.modeling.booster import fit_booster, fit_curve
from virality.modeling.objective import (
    LOSSES,
    METRICS,
    badness,
    fading,
    find_metric,
    loss_of,
    row_weights,
)
from virality.modeling.parameters import lightgbm_params, xgboost_params


def test_metrics_are_what_their_names_say():
    rng = np.random.default_rng(0)
    y, said = rng.uniform(1, 9, 200), rng.uniform(1, 9, 200)
    error = y - said
    assert badness("rmse", y, said) == pytest.approx(np.sqrt(np.mean(error**2)))
    assert badness("mae", y, said) == pytest.approx(np.mean(np.abs(error)))
    assert badness("mape", y, said) == pytest.approx(np.mean(np.abs(error) / y))
    assert badness("spearman", y, said) == pytest.approx(1 - spearmanr(y, said)[0])
    assert badness("spearman", y, np.ones(200)) == 1.0
    assert badness("mape", np.array([0.0, 2.0]), np.array([5.0, 1.0])) == 0.5


def test_an_unknown_metric_is_refused_with_the_names_of_those_there_are():
    assert all(find_metric(name) == name for name in METRICS)
    with pytest.raises(UsageError, match=r"no metric 'r3'; choose one of rmse, mae"):
        find_metric("r3")


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_every_loss_learns_in_both_libraries(loss, library):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 3)).astype(np.float32)
    y = 5 + x[:, 0] + 0.1 * rng.normal(size=400)
    params = {"loss": loss, "num_leaves": 7, "learning_rate": 0.2}
    booster = fit_booster(library, x, y, params, 60, weights=row_weights(loss, y))
    assert np.corrcoef(booster.predict(x), y)[0, 1] > 0.9
    shares = booster.contributions(x)
    np.testing.assert_allclose(shares.sum(axis=1), booster.predict(x), rtol=1e-9)


@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_a_quantile_lies_where_it_is_asked_to(library):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(3000, 1)).astype(np.float32)
    y = rng.normal(size=3000)
    params = {"loss": "quantile", "alpha": 0.3, "num_leaves": 3, "min_data_in_leaf": 200}
    said = fit_booster(library, x, y, params, 80).predict(x)
    assert np.mean(y < said) == pytest.approx(0.3, abs=0.04)


def test_a_share_of_the_outcome_pulls_towards_small_outcomes():
    rng = np.random.default_rng(2)
    x = np.zeros((2000, 1), dtype=np.float32)
    y = np.where(rng.random(2000) < 0.4, 2.0, 6.0)
    said = [
        fit_booster("lightgbm", x, y, {"loss": one}, 5, weights=row_weights(one, y)).predict(x[:1])
        for one in ("l1", "mape")
    ]
    assert said[0][0] == pytest.approx(6.0)
    assert said[1][0] < 3.0


def test_hubers_bend_follows_the_spread_of_the_outcome():
    told = lightgbm_params({"loss": "huber"}, 0, 1, spread=4.0)
    assert told["objective"] == "huber"
    assert told["alpha"] == 3.0
    assert xgboost_params({"loss": "huber"}, 0, 1, spread=4.0)["huber_slope"] == 3.0


def test_names_of_blocks_are_not_passed_on_to_a_library():
    told = lightgbm_params({"dims": 4, "terms": True, "half_life": 0.5, "library": "x"}, 0, 1)
    assert not {"dims", "terms", "half_life", "library", "loss"} & set(told)


def test_rows_count_alike_unless_there_is_a_reason():
    y = np.array([1.0, 2.0, 4.0])
    assert row_weights("l2", y) is None
    shares = row_weights("mape", y)
    assert shares.mean() == pytest.approx(1.0)
    np.testing.assert_allclose(shares / shares[0], [1, 0.5, 0.25])


@given(
    times=st.lists(st.floats(0, 1e9) | st.just(float("nan")), min_size=2, max_size=30),
    half_life=st.sampled_from([0.1, 0.5, 2.0]),
)
def test_newer_posts_never_count_less(times, half_life):
    times = np.array(times)
    known = np.isfinite(times)
    weights = fading(times, half_life)
    if not known.any() or np.ptp(times[known]) == 0:
        assert weights is None
        return
    order = np.argsort(times[known])
    assert (np.diff(weights[known][order]) >= 0).all()
    assert weights.max() == 1.0
    assert weights.min() >= 0.5 ** (1 / half_life) - 1e-12
    assert (weights[~known] == weights.min()).all()


def test_half_lives_are_shares_of_the_span():
    np.testing.assert_allclose(fading(np.array([0.0, 50.0, 100.0]), 0.5), [0.25, 0.5, 1.0])
    assert fading(np.array([0.0, 1.0]), 0.0) is None


def test_every_metric_has_a_loss_to_begin_with():
    assert {loss_of(metric) for metric in METRICS} <= set(LOSSES)


@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_a_share_is_watched_though_some_outcomes_are_0(library):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 3)).astype(np.float32)
    y = np.maximum(1.5 + x[:, 0], 0.0)
    assert (y[300:] == 0).any()
    curve = fit_curve(
        library, x[:300], y[:300], (x[300:], y[300:]), {"loss": "mape"}, rounds=60, metric="mape"
    )
    rounds = len(curve.errors)
    said = curve.predict(x[300:], rounds)
    share = np.abs(said - y[300:]) / np.maximum(y[300:], 1.0)
    assert curve.errors[-1] == pytest.approx(share.mean(), rel=1e-5)
    assert curve.errors[-1] < 0.6 * curve.errors[0]
