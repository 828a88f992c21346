"""The estimator keeps scikit-learn's rules and is the same stack that `train` fits."""

import numpy as np
import pandas as pd
import pytest
from matrices import BLOCK, make_case
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from virality.modeling.regressor import ViralityRegressor
from virality.modeling.train import train


@parametrize_with_checks([ViralityRegressor(rounds=30, folds=2)])
def test_it_keeps_scikit_learns_rules(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def case():
    matrix, posts = make_case(150)
    y = np.log10(1 + posts["views"].to_numpy(float))
    blocks = {BLOCK: [name for name in matrix.frame if name.startswith(BLOCK)]}
    return matrix, posts, y, blocks


def test_it_is_the_stack_that_train_fits(case):
    matrix, posts, y, blocks = case
    mine = ViralityRegressor(blocks=blocks).fit(matrix.frame, y, posts=posts)
    theirs = train(matrix, posts).predict(matrix, posts)
    np.testing.assert_allclose(mine.predict(matrix.frame, posts=posts), theirs.mean)
    assert {base.name for base in mine.stack_.bases} >= {"frames", "audio", "history", "all"}


def test_intervals_surround_and_cover(case):
    matrix, posts, y, blocks = case
    train_, test = np.arange(110), np.arange(110, 150)
    model = ViralityRegressor(blocks=blocks).fit(
        matrix.frame.iloc[train_], y[train_], posts=posts.iloc[train_]
    )
    bounds = model.predict_interval(matrix.frame.iloc[test], posts=posts.iloc[test])
    said = model.predict(matrix.frame.iloc[test], posts=posts.iloc[test])
    assert ((bounds[:, 0] < said) & (said < bounds[:, 1])).all()
    inside = (bounds[:, 0] <= y[test]) & (y[test] <= bounds[:, 1])
    assert 0.6 <= inside.mean() <= 0.97


def test_without_posts_everybody_is_a_stranger(case):
    matrix, posts, y, blocks = case
    model = ViralityRegressor(blocks=blocks).fit(matrix.frame, y, posts=posts)
    known = model.predict(matrix.frame, posts=posts)
    assert not np.allclose(model.predict(matrix.frame), known)


def test_it_works_in_pipelines_searches_and_with_groups(case):
    matrix, posts, y, _ = case
    plain = matrix.frame[[name for name in matrix.frame if not name.startswith(BLOCK)]]
    model = TransformedTargetRegressor(
        make_pipeline(StandardScaler(), ViralityRegressor(rounds=60, folds=3)),
        func=np.log1p, inverse_func=np.expm1,
    )  # fmt: skip
    views = posts["views"].to_numpy(float)
    model.fit(plain, views)
    assert (model.predict(plain) > 0).all()
    scores = cross_val_score(
        ViralityRegressor(rounds=60, folds=3), plain, y, cv=GroupKFold(3),
        groups=posts["author_id"], scoring="r2",
    )  # fmt: skip
    assert scores.mean() > 0.4


def test_the_same_at_any_number_of_jobs(case):
    matrix, posts, y, blocks = case
    one, two = (
        ViralityRegressor(blocks=blocks, rounds=40, jobs=jobs).fit(matrix.frame, y, posts=posts)
        for jobs in (1, 2)
    )
    np.testing.assert_array_equal(one.predict(matrix.frame), two.predict(matrix.frame))


def test_blocks_by_position_and_by_name_are_the_same(case):
    matrix, _, y, blocks = case
    places = {BLOCK: [list(matrix.frame).index(name) for name in blocks[BLOCK]]}
    one = ViralityRegressor(blocks=blocks, rounds=20).fit(matrix.frame, y)
    other = ViralityRegressor(blocks=places, rounds=20).fit(matrix.frame, y)
    np.testing.assert_array_equal(one.predict(matrix.frame), other.predict(matrix.frame))


def test_what_cannot_be_is_said(case):
    matrix, posts, y, _ = case
    with pytest.raises(ValueError, match="no column 'nothing'"):
        ViralityRegressor(blocks={"b": ["nothing"]}).fit(matrix.frame, y)
    with pytest.raises(ValueError, match="149 rows and X has 150"):
        ViralityRegressor().fit(matrix.frame, y, posts=posts.iloc[1:])
    with pytest.raises(ValueError, match="minimum of 10"):
        ViralityRegressor().fit(matrix.frame.iloc[:9], y[:9])


def test_missing_values_are_welcome(case):
    matrix, _, y, _ = case
    holes = matrix.frame.mask(np.random.default_rng(0).random(matrix.frame.shape) < 0.2)
    holes = pd.DataFrame(holes).astype(np.float32)
    assert np.isfinite(ViralityRegressor(rounds=20).fit(holes, y).predict(holes)).all()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"params": {"max_depth": 3}}, "params has no 'max_depth'; choose of learning_rate"),
        ({"blocks": {"e": []}}, "block 'e' names no column"),
        ({"rounds": 0}, "rounds is 0; give at least 1"),
        ({"folds": 1}, "folds is 1; give at least 2"),
        ({"jobs": 0}, "jobs is 0; give 1 or more, or -1 for all cores"),
    ],
)
def test_arguments_that_would_change_nothing_or_fail_later_are_refused(arguments, said):
    x = np.random.default_rng(0).normal(size=(40, 3))
    with pytest.raises(ValueError, match=said):
        ViralityRegressor(**arguments).fit(x, x[:, 0])


def test_nothing_to_tell_rows_apart_by_and_borrowed_names_are_refused():
    y = np.arange(40.0)
    with pytest.raises(ValueError, match="nothing tells posts apart"):
        ViralityRegressor().fit(np.ones((40, 3)), y)
    with pytest.raises(ValueError, match="a column 'history__author_cold', as the regressor"):
        ViralityRegressor().fit(pd.DataFrame({"history__author_cold": y}), y)


def test_any_seed_and_all_cores_will_do():
    x = np.random.default_rng(0).normal(size=(60, 3))
    one, same = (
        ViralityRegressor(rounds=5, jobs=-1, random_state=np.random.RandomState(4)).fit(x, x[:, 0])
        for _ in range(2)
    )
    np.testing.assert_array_equal(one.predict(x), same.predict(x))
    assert ViralityRegressor(rounds=5, random_state=None).fit(x, x[:, 0]).predict(x).shape == (60,)


def test_authors_numbered_or_named_are_the_same_authors():
    rng = np.random.default_rng(0)
    x, author = rng.normal(size=(120, 8)), np.arange(120) % 10
    y = x[:, 0] + 0.5 * author

    def said(ids):
        posts = pd.DataFrame({"author_id": ids})
        model = ViralityRegressor(rounds=10, blocks={"e": list(range(8))}).fit(x, y, posts)
        return model.predict(x, posts)

    np.testing.assert_array_equal(said(author), said(author.astype(str)))
