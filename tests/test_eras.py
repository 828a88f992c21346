import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from virality.modeling.eras import DOUBT_POSTS, STEADY, _change, fit_eras


def _sizes(n, slope, seed=0):
    rng = np.random.default_rng(seed)
    times = np.linspace(0.0, 1e7, n)
    return times, np.abs(rng.normal(size=n)) * np.exp(slope * times / 1e7)


@pytest.mark.parametrize("slope", [-1.5, 1.5])
def test_a_change_over_time_is_found_at_both_ends(slope):
    times, size = _sizes(3000, slope)
    first, last = fit_eras(times, size).at(np.array([0.0, 1e7]))
    assert abs(np.log(last / first) - slope) < 0.5


def test_steady_sizes_stay_as_they_are():
    ends = [fit_eras(*_sizes(2000, 0.0, seed)).at(np.array([0.0, 1e7])) for seed in range(8)]
    assert np.abs(np.log(ends)).max() < 0.15
    assert np.abs(np.log(ends)).mean() < 0.04


def test_chance_is_not_followed():
    draws = [fit_eras(*_sizes(n, 0.0, seed)) for n in (300, 1000, 3000) for seed in range(20)]
    assert sum(eras is not STEADY for eras in draws) <= 1
    assert fit_eras(*_sizes(1000, 1.0)) is not STEADY


def test_few_posts_say_less_about_a_change():
    few, many = (fit_eras(*_sizes(n, -1.0)).at(np.array([1e7]))[0] for n in (250, 8000))
    assert many < few < 1.0


@pytest.mark.parametrize(
    ("times", "size"),
    [
        (np.arange(150.0), np.arange(150.0)),
        (np.full(500, np.nan), np.ones(500)),
        (np.full(500, 7.0), np.ones(500)),
        (np.arange(500.0), np.zeros(500)),
    ],
    ids=["few", "undated", "one instant", "all hit"],
)
def test_what_tells_nothing_of_a_change_changes_nothing(times, size):
    assert fit_eras(times, size) is STEADY
    assert STEADY.at(np.array([-1.0, np.nan, 1e9])).tolist() == [1.0, 1.0, 1.0]


def test_posts_without_a_time_are_as_the_newest_and_old_ones_as_the_oldest():
    times, size = _sizes(3000, -1.5)
    eras = fit_eras(times, size)
    newest, undated, later = eras.at(np.array([1e7, np.nan, 9e9]))
    assert newest == undated == later
    assert eras.at(np.array([-5e9]))[0] == eras.factors[0]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_neither_the_order_of_rows_nor_the_unit_matters(seed, gaps):
    rng = np.random.default_rng(seed)
    times, size = _sizes(400, -2.0, seed)
    if gaps:
        size[rng.integers(0, 400, 150)] = 0.0
        times = np.sort(rng.choice(times, 400, replace=False) ** 2)
    eras = fit_eras(times, size)
    order = rng.permutation(400)
    mixed = fit_eras(times[order], 7.0 * size[order])
    np.testing.assert_allclose(mixed.factors, eras.factors)
    assert (eras.factors > 0).all()
    assert (np.diff(eras.times) > 0).all()


def test_a_change_seen_in_few_posts_is_believed_by_half():
    """A hundred posts of today are worth as much as the doubt."""
    sizes = np.repeat([1.0, 2.0], 100)
    long_ago = np.repeat([1e3, 0.0], 100)
    assert _change(sizes, long_ago) == pytest.approx(np.log(2.0 / 1.5) * 100 / (100 + DOUBT_POSTS))
    assert _change(sizes, np.zeros(200)) == pytest.approx(0.0)
