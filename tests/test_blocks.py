import numpy as np
import pytest

from virality.data.splits import folds_of_groups
from virality.modeling.blocks import LEAST_ROWS, BlockSpec, fit_block
from virality.modeling.directions import decompose
from virality.modeling.ridge import PENALTIES, leave_out

SPEC = BlockSpec(dims=3, neighbours=5)


def _data(n=80, d=12, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)).astype(np.float32)
    y = x[:, 0] + 0.3 * rng.normal(size=n)
    return x, y, np.repeat(np.arange(n // 2), 2)


@pytest.mark.parametrize(("n", "d"), [(80, 12), (40, 90), (60, 60)])
def test_the_honest_ridge_equals_fitting_again_without_each_fold(n, d):
    x, y, group = _data(n, d)
    centred = x - x.mean(axis=0, dtype=np.float64)
    penalty, honest = leave_out(decompose(centred), y - y.mean(), group, 0)
    for split in folds_of_groups(group, 5, 0):
        # ridge with an unpenalised intercept on the other folds, in the full sample's centring
        a = np.hstack([np.ones((len(split.train), 1)), centred[split.train]])
        weight = np.diag([0.0, *np.full(d, penalty)])
        beta = np.linalg.solve(a.T @ a + weight, a.T @ (y - y.mean())[split.train])
        wanted = np.hstack([np.ones((len(split.test), 1)), centred[split.test]]) @ beta
        np.testing.assert_allclose(honest[split.test], wanted, rtol=1e-6, atol=1e-8)


def test_honest_columns_know_nothing_when_there_is_nothing_to_know():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, 300)).astype(np.float32)
    y = rng.normal(size=200)
    _, columns = fit_block(x, y, np.arange(200), SPEC)
    for place in (3, 4):  # ridge, near
        assert abs(np.corrcoef(columns[:, place], y)[0, 1]) < 0.25


def test_a_signal_is_found_and_kept_for_new_rows():
    x, y, group = _data(400)
    block, columns = fit_block(x[:300], y[:300], group[:300], SPEC)
    new = block.transform(x[300:], np.full(100, -1))
    assert columns.shape == (300, 6)
    assert np.corrcoef(new[:, 3], y[300:])[0, 1] > 0.85
    assert np.corrcoef(new[:, 4], y[300:])[0, 1] > 0.3


def test_components_of_training_rows_are_those_of_new_rows():
    x, y, group = _data()
    block, columns = fit_block(x, y, group, SPEC)
    again = block.transform(x, group)
    np.testing.assert_allclose(columns[:, :3], again[:, :3], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(columns[:, 4:], again[:, 4:], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(columns[:, :3].std(axis=0), 1.0, rtol=1e-3)


def test_neighbours_are_of_other_authors():
    x, y, group = _data(40)
    x[1::2], y = x[::2], np.where(np.arange(40) < 2, 1000.0, y)
    _, columns = fit_block(x, y, group, SPEC)
    assert columns[0, 4] < 900  # its twin with outcome 1000 has the same author


def test_neighbours_weights_are_the_definition():
    x, y, group = _data(30, 4)
    block, _ = fit_block(x, y, group, SPEC)
    got = block.transform(x[:1], np.array([-1]))[0]
    scores = (x[0] - block.directions.centre) @ block.directions.axes
    cosine = block.neighbours.place @ (scores / np.linalg.norm(scores))
    best = np.argsort(-cosine)[:5]
    weight = np.exp((cosine[best] - 1) / 0.1)
    np.testing.assert_allclose(got[4], weight @ y[best] / weight.sum(), rtol=1e-4)
    np.testing.assert_allclose(got[5], 1 - cosine[best].mean(), rtol=1e-4)


def test_missing_rows_stay_missing_and_do_not_matter():
    x, y, group = _data()
    holes = x.copy()
    holes[::3] = np.nan
    block, columns = fit_block(holes, y, group, SPEC)
    assert np.isnan(columns[::3]).all()
    assert np.isfinite(np.delete(columns, np.s_[::3], axis=0)).all()
    kept = np.delete(np.arange(80), np.s_[::3])
    alone, _ = fit_block(x[kept], y[kept], group[kept], SPEC)
    np.testing.assert_array_equal(block.ridge.weights, alone.ridge.weights)
    assert np.isnan(block.transform(holes[:1], np.array([-1]))).all()


def test_too_few_or_equal_rows_make_no_block():
    x, y, group = _data()
    few = x.copy()
    few[LEAST_ROWS - 1 :] = np.nan
    for values in (few, np.ones_like(x)):
        block, columns = fit_block(values, y, group, SPEC)
        assert block is None
        assert np.isnan(columns).all()


def test_fewer_directions_than_asked_for_leave_columns_missing():
    x, y, group = _data(40, 2)
    _, columns = fit_block(x, y, group, BlockSpec(dims=5, neighbours=3))
    assert np.isnan(columns[:, 2:5]).all()
    assert np.isfinite(columns[:, [0, 1, 5, 6, 7]]).all()


def test_one_author_is_no_obstacle():
    x, y, _ = _data()
    block, columns = fit_block(x, y, np.zeros(80, dtype=np.int64), SPEC)
    assert np.isfinite(columns[:, 3]).all()
    assert np.isnan(columns[:, 4:]).all()  # nobody else to be near to
    assert block is not None


def test_penalties_rise():
    assert list(PENALTIES) == sorted(PENALTIES)


def test_neighbours_are_sought_among_a_limited_number(monkeypatch):
    from virality.modeling import neighbours

    x, y, group = _data(200)
    monkeypatch.setattr(neighbours, "MOST_NEAR", 50)
    block, columns = fit_block(x, y, group, SPEC)
    assert block.neighbours.place.shape == (50, 12)
    assert block.neighbours.group[0] == group[0]
    assert block.neighbours.group[-1] == group[-1]
    assert np.isfinite(columns).all()
