"""Means of groups of posts whose authors are drawn whole, against sums worked out by hand."""

import numpy as np
import pytest
from scipy.stats import false_discovery_control, t

from virality.modeling.resample import (
    FALSE_SHARE,
    LEAST_CLUSTERS,
    MOST_CLUSTERS,
    RESAMPLES,
    Resampler,
    Spread,
    deviation,
    judge,
    shrink,
)


def spread_of(value, error, clusters):
    return Spread(*(np.array(one, dtype=float) for one in (value, error)), np.array(clusters))


def test_a_group_is_held_against_all_posts_that_have_a_value():
    values = np.array([1.0, 2.0, np.nan, 5.0, 8.0, np.nan])
    rows, items = np.array([0, 1, 2, 3, 3, 4, 5]), np.array([0, 0, 0, 0, 1, 1, 2])
    got = Resampler(np.array([7, 7, 3, 3, 9, 9])).means(rows, items, values, 3)
    np.testing.assert_allclose(got.value, [8 / 3 - 4, 6.5 - 4, np.nan])
    np.testing.assert_array_equal(got.clusters, [2, 2, 0])
    assert np.isnan(got.error[2])


def test_errors_are_those_of_means_over_authors():
    draw = np.random.default_rng(2)
    author, item = np.repeat(np.arange(400), 5), np.tile([0, 1], 200).repeat(5)
    habit = draw.normal(0, 1, 400)
    values = habit[author] + draw.normal(0, 0.1, 2000)
    rows = np.arange(2000)
    resampler = Resampler(draw.permutation(400)[author])
    by_author = values.reshape(400, 5).mean(axis=1)
    sides = [by_author[::2], by_author[1::2]]
    # Half of the posts less all is half of the difference of the halves.
    apart = np.sqrt(sum(one.var() / 200 for one in sides))
    got = resampler.means(rows, item, values, 2)
    np.testing.assert_allclose(got.error, apart / 2, rtol=0.15)
    np.testing.assert_allclose(got.clusters, [200, 200])
    both = resampler.differences(rows, item == 1, values)
    assert both.value[0] == pytest.approx(sides[1].mean() - sides[0].mean())
    assert both.error[0] == pytest.approx(apart, rel=0.15)
    assert both.clusters[0] == 200


def test_a_difference_rests_on_the_authors_of_the_smaller_side():
    inside = np.r_[np.ones(30, bool), np.zeros(30, bool)]
    author = np.r_[np.arange(30) % 6, 10 + np.arange(30)]
    values = np.random.default_rng(0).normal(size=60)
    for rows in (np.arange(60), np.arange(60)[::-1]):
        got = Resampler(author).differences(rows, inside[rows], values[rows])
        assert got.clusters[0] == 6
        assert got.value[0] == pytest.approx(values[:30].mean() - values[30:].mean())


def test_what_authors_have_in_common_cancels_out_of_a_difference():
    draw = np.random.default_rng(0)
    author, inside = np.repeat(np.arange(100), 10), np.tile([True, False], 500)
    values = draw.normal(0, 5, 100)[author] + draw.normal(0, 0.1, 1000)
    got = Resampler(author).differences(np.arange(1000), inside, values)
    assert got.error[0] == pytest.approx(0.1 * np.sqrt(2 / 500), rel=0.3)


def test_many_authors_are_gathered_whole_and_evenly():
    author = np.repeat(np.random.default_rng(0).permutation(2 * MOST_CLUSTERS + 1), 3)
    got = Resampler(author)
    assert got.size == MOST_CLUSTERS
    assert got.weights.shape == (RESAMPLES, MOST_CLUSTERS)
    np.testing.assert_array_equal(got.weights.sum(axis=1), MOST_CLUSTERS)
    pairs = np.unique(np.column_stack([author, got.cluster]), axis=0)
    assert len(pairs) == 2 * MOST_CLUSTERS + 1
    assert set(np.bincount(pairs[:, 1])) == {2, 3}
    assert (got.weights.sum(axis=0) > 0).all()
    assert not np.array_equal(pairs[:, 0] % MOST_CLUSTERS, pairs[:, 1])
    assert (Resampler(author, seed=1).weights != got.weights).any()
    np.testing.assert_array_equal(Resampler(author).weights, got.weights)


def test_no_posts_make_no_groups():
    nobody = np.zeros(0, dtype=np.int64)
    got = Resampler(nobody).means(nobody, nobody, np.zeros(0), 2)
    assert np.isnan(got.value).all()
    assert not any(one.clear for one in judge(got))
    assert (shrink(got) == 0).all()


def test_resamples_that_say_nothing_are_left_out_unless_they_are_most():
    drawn = np.array([[1.0, 1.0], [np.nan, 3.0], [3.0, np.nan], [np.nan, np.inf], [5.0, np.nan]])
    np.testing.assert_allclose(deviation(drawn), [2.0, np.nan])
    np.testing.assert_allclose(deviation(drawn[:4]), [np.sqrt(2), np.sqrt(2)])


def test_intervals_are_students_and_chances_are_corrected_together():
    value, error, clusters = (
        [0.5, -1.0, 2.0, 3.0, 0.4],
        [0.2, 0.3, 0.5, 0.1, 0.0],
        [12, 30, 5, 4, 9],
    )
    got = judge(spread_of(value, error, clusters))
    for one, middle, spread, authors in zip(got, value, error, clusters, strict=True):
        if authors < LEAST_CLUSTERS or spread == 0:
            assert np.isnan([one.low, one.high, one.q]).all()
            assert not one.clear
            continue
        reach = t.ppf(0.975, authors - 1) * spread * np.sqrt(authors / (authors - 1))
        np.testing.assert_allclose([one.low, one.high], [middle - reach, middle + reach])
    chance = [
        2 * t.sf(abs(v) / (s * np.sqrt(n / (n - 1))), n - 1)
        for v, s, n in zip(value[:3], error[:3], clusters[:3], strict=True)
    ]
    np.testing.assert_allclose([one.q for one in got[:3]], false_discovery_control(chance))
    assert [one.clear for one in got] == [q <= FALSE_SHARE for q in [one.q for one in got]]
    assert [one.clear for one in got[:3]] == [True, True, True]
    exact = judge(spread_of(value, error, clusters), np.array([0.15, 0.0, 0.0, 0.0, 0.0]))
    assert exact[0].q == pytest.approx(0.15)
    assert not exact[0].clear
    assert exact[0].low == got[0].low


def test_values_are_pulled_by_what_varies_between_groups():
    value, error = np.array([1.0, -2.0, 0.5]), np.array([0.5, 1.0, 0.25])
    weight = 1 / error**2
    between = ((weight * value**2).sum() - 3) / weight.sum()
    wanted = value * between / (between + error**2)
    np.testing.assert_allclose(shrink(spread_of(value, error, [9, 9, 5])), wanted)
    # What cannot be judged is not known at all, and tells nothing of the others.
    more = spread_of([*value, 50.0, 7.0, np.nan], [*error, 0.1, 0.0, 1.0], [9, 9, 5, 4, 9, 9])
    np.testing.assert_allclose(shrink(more), [*wanted, 0, 0, 0])
    assert (shrink(spread_of([3.0, 9.0], [0.1, 0.1], [9, 4])) == 0).all()
    assert (np.abs(shrink(spread_of([3.0, -9.0], [0.1, 0.1], [9, 9]))) > 2.9).all()
    assert (shrink(spread_of([0.1, -0.1], [1.0, 1.0], [9, 9])) == 0).all()
