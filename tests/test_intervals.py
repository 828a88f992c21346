import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from virality.modeling.intervals import conformal_quantiles, fit_intervals


def _case(n, seed=0, uneven=True):
    rng = np.random.default_rng(seed)
    signals = rng.normal(size=(n, 3)).astype(np.float32)
    sd = np.exp(0.6 * signals[:, 0]) if uneven else np.ones(n)
    residual = sd * rng.standard_gamma(2.0, n) - 2 * sd  # skewed
    return signals, residual, rng.random(n) < 0.4


def _fit(n, seed=0, **kw):
    signals, residual, warm = _case(n, seed, **kw)
    return fit_intervals(signals, residual, warm, np.array_split(np.arange(n), 5))


@pytest.mark.parametrize("n", [80, 1500])
def test_eighty_percent_of_new_posts_fall_inside(n):
    shares = []
    for seed in range(4):
        intervals = _fit(n, seed)
        signals, residual, warm = _case(4000, seed + 100)
        low, high = intervals.bounds(np.zeros(4000), intervals.scale(signals), warm)
        shares.append(np.mean((residual >= low) & (residual <= high)))
    assert 0.76 < np.mean(shares) < 0.86


def test_a_spread_model_widens_where_posts_are_uncertain():
    intervals = _fit(2000)
    signals, residual, warm = _case(4000, 9)
    scale = intervals.scale(signals)
    low, high = intervals.bounds(np.zeros(4000), scale, warm)
    inside = (residual >= low) & (residual <= high)
    low, high = intervals.bounds(np.zeros(4000), np.full(4000, intervals.constant), warm)
    same = (residual >= low) & (residual <= high)
    parts = np.array_split(np.argsort(scale), 5)
    shares = [inside[part].mean() for part in parts]
    assert min(shares) > 0.72
    assert max(shares) < 0.9
    assert np.ptp(shares) < 0.45 * np.ptp([same[part].mean() for part in parts])
    assert scale[signals[:, 0] > 1].mean() > 1.5 * scale[signals[:, 0] < -1].mean()


def test_small_data_gets_one_spread_for_all():
    intervals = _fit(100)
    assert intervals.spread is None
    assert len(set(intervals.scale(np.zeros((5, 3), dtype=np.float32)))) == 1


def test_higher_levels_hold_lower_ones():
    intervals = _fit(500)
    signals, _, warm = _case(50, 3)
    mean, scale = np.zeros(50), intervals.scale(signals)
    last_low, last_high = mean, mean
    for level in (0.2, 0.5, 0.8, 0.9, 0.99):
        low, high = intervals.bounds(mean, scale, warm, level)
        assert (low <= last_low).all()
        assert (high >= last_high).all()
        last_low, last_high = low, high


def test_hit_probabilities_are_calibrated_and_fall_with_the_threshold():
    intervals = _fit(2000)
    signals, residual, warm = _case(6000, 7)
    mean = np.random.default_rng(0).normal(size=6000)
    scale = intervals.scale(signals)
    chance = intervals.exceeding(1.0, mean, scale, warm)
    happened = mean + residual >= 1.0
    for part in np.array_split(np.argsort(chance), 6):
        assert abs(chance[part].mean() - happened[part].mean()) < 0.07
    higher = intervals.exceeding(2.0, mean, scale, warm)
    assert (higher <= chance).all()
    assert ((chance > 0) & (chance < 1)).all()


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=50), st.floats(0.1, 0.99))
def test_quantiles_never_cross(scores, level):
    low, high = conformal_quantiles(np.sort(np.array(scores)), level)
    assert low <= high
