"""What users hand to the estimators: tables with gaps, odd columns, arguments that cannot be."""

import doctest
import importlib

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from test_design import ROOT, SOURCES, relative

from virality.modeling.regressor import ViralityRegressor
from virality.modeling.transformers import (
    CaptionTerms,
    NeighbourPopularity,
    PrincipalComponents,
    ShrunkenTargetEncoder,
    SupervisedRidge,
)

POSTS = 120


@pytest.fixture(scope="module")
def case():
    rng = np.random.default_rng(0)
    x, author = rng.normal(size=(POSTS, 4)), np.arange(POSTS) % 10
    times = pd.date_range("2026-01-01", periods=POSTS, freq="7h", tz="UTC")
    posts = pd.DataFrame({"author_id": author, "posted_at": times, "sound_id": author % 4})
    return x, x[:, 0] + 0.4 * author, posts


@pytest.fixture(scope="module")
def fitted(case):
    x, y, posts = case
    return ViralityRegressor(rounds=10, folds=2).fit(x, y, posts=posts)


def test_one_missing_author_makes_strangers_of_no_other(case, fitted):
    x, _, posts = case
    gap = posts["author_id"].where(posts.index != 0)  # 5 is now 5.0
    assert gap.dtype == float
    said = fitted.predict(x, posts=posts.assign(author_id=gap, sound_id=gap.mod(4)))
    np.testing.assert_array_equal(said[1:], fitted.predict(x, posts=posts)[1:])


def test_identifiers_whose_digits_are_lost_are_refused(case, fitted):
    x, _, posts = case
    long = posts.assign(author_id=posts["author_id"] + 7.3e18)
    with pytest.raises(ValueError, match=r"author_id holds 7\.3e\+18, a number that has lost"):
        fitted.predict(x, posts=long)


def test_a_score_may_know_the_posts(case, fitted):
    x, y, posts = case
    assert fitted.score(x, y, posts=posts) > fitted.score(x, y)
    half = np.arange(POSTS) < POSTS // 2
    alone = fitted.score(x[half], y[half], posts=posts[half])
    assert fitted.score(x, y, half, posts) == pytest.approx(alone)


def test_posts_are_routed_to_fitting_and_scoring(case):
    x, y, posts = case
    with sklearn.config_context(enable_metadata_routing=True):
        model = ViralityRegressor(rounds=10, folds=2).set_fit_request(posts=True)
        known = cross_val_score(
            model.set_score_request(posts=True), x, y, cv=3, params={"posts": posts}
        )
        strangers = cross_val_score(
            model.set_score_request(posts=False), x, y, cv=3, params={"posts": posts}
        )
    assert known.mean() > strangers.mean() + 0.05


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        (lambda p: p.to_dict("list"), TypeError, "posts is a builtins.dict; give a pandas Data"),
        (lambda p: p.to_numpy(), TypeError, "posts is a numpy.ndarray; give a pandas DataFrame"),
        (lambda p: pd.concat([p, p], axis=1), ValueError, "has the column 'author_id' twice"),
        (lambda p: p.assign(hashtags="a b"), ValueError, "row 0 is the text 'a b'; give a list"),
        (lambda p: p.assign(hashtags=[{"a", "b"}] * len(p)), ValueError, "0 is the set .*; give a"),
        (lambda p: p[["author_id"]].set_axis(["author"], axis=1), ValueError, "has none of the co"),
        (
            lambda p: p.assign(posted_at=p["posted_at"].dt.strftime("%d/%m/%Y")),
            ValueError,
            "holds '01/01/2026', which can be read with the day or the month first; give times",
        ),
        (lambda p: p.assign(posted_at=1.7e9), ValueError, "`posted_at` holds plain numbers"),
    ],
)
def test_posts_that_cannot_be_read_are_refused_in_words(case, fitted, change, kind, said):
    x, y, posts = case
    with pytest.raises(kind, match=said):
        fitted.predict(x, posts=change(posts))
    with pytest.raises(kind, match=said):
        ViralityRegressor(rounds=5, folds=2).fit(x, y, posts=change(posts))


@pytest.mark.parametrize(
    ("arguments", "kind", "said"),
    [
        ({"params": {"num_leaves": 1}}, ValueError, "num_leaves is 1; give a whole number from 2"),
        ({"params": {"num_leaves": 7.5}}, ValueError, "num_leaves is 7.5; give a whole number"),
        ({"params": {"learning_rate": 0}}, ValueError, "learning_rate is 0; give more than 0"),
        ({"params": {"learning_rate": float("nan")}}, ValueError, "learning_rate is nan"),
        ({"params": {"lambda_l1": -1}}, ValueError, "lambda_l1 is -1; give a number of 0 or more"),
        ({"params": {"lambda_l2": "x"}}, ValueError, "lambda_l2 is 'x'; give a number"),
        ({"params": {"feature_fraction": True}}, ValueError, "feature_fraction is True"),
        ({"params": {"loss": "mse"}}, ValueError, "loss is 'mse'; give l2, l1, huber"),
        ({"params": {"forest": 2}}, ValueError, "forest is 2; give 0 or 1"),
        (
            {"params": {"forest": 1, "bagging_fraction": 1.0, "feature_fraction": 1}},
            ValueError,
            "trees of a forest would all be the same",
        ),
        ({"params": ["num_leaves"]}, TypeError, "give a mapping, as in {'num_leaves': 8}"),
        ({"rounds": 10.5}, TypeError, "rounds is 10.5; give a whole number"),
        ({"rounds": True}, TypeError, "rounds is True"),
        ({"folds": "3"}, TypeError, "folds is '3'; give a whole number of at least 2"),
        ({"jobs": None}, TypeError, "jobs is None; give 1 or more, or -1 for all cores"),
        ({"random_state": 2**64}, ValueError, "give a number from 0 to 4294967295"),
        ({"random_state": -1}, ValueError, "random_state is -1; give a number from 0"),
        ({"blocks": [[0, 1]]}, TypeError, "give a mapping, as in {'caption'"),
        ({"blocks": {"e": "text"}}, TypeError, "block 'e' is 'text'; give a list of names"),
        ({"blocks": {"e": [True, False]}}, TypeError, "has True for a column; give names"),
        ({"blocks": {"e": [0, 1.5]}}, TypeError, "has 1.5 for a column"),
        ({"blocks": {"e": [0, 1, 0]}}, ValueError, "block 'e' names column 0 twice"),
    ],
)
def test_arguments_that_a_library_would_fail_on_are_refused_in_words(case, arguments, kind, said):
    x, y, _ = case
    with pytest.raises(kind, match=said):
        ViralityRegressor(**arguments).fit(x, y)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda y: y * 1e200, "y holds .*e\\+200; give outcomes of at most 1e\\+30"),
        (lambda y: y + 1e10, "cannot be told apart in single precision; take their mean"),
    ],
)
def test_outcomes_beyond_single_precision_are_refused(case, change, said):
    x, y, _ = case
    with pytest.raises(ValueError, match=said):
        ViralityRegressor(rounds=5, folds=2).fit(x, change(y))


NUMERIC = [
    ViralityRegressor(rounds=5, folds=2),
    PrincipalComponents(dims=2),
    SupervisedRidge(),
    NeighbourPopularity(neighbours=5),
]


@pytest.mark.parametrize("estimator", NUMERIC, ids=lambda one: type(one).__name__)
def test_a_column_that_holds_no_numbers_is_named(case, estimator):
    x, y, posts = case
    frame = pd.DataFrame(x, columns=list("abcd"))
    with pytest.raises(ValueError, match=r"column 'tag' holds 'cats', which is no number; leave"):
        estimator.fit(frame.assign(tag=pd.Categorical(["cats"] * POSTS)), y)
    with pytest.raises(ValueError, match=r"column 'when' holds times; give numbers"):
        estimator.fit(frame.assign(when=posts["posted_at"].dt.tz_localize(None)), y)
    estimator.fit(frame.astype("Float64").mask(frame > 2).assign(b=frame["b"] > 0), y)


TEXTS = [ShrunkenTargetEncoder(), CaptionTerms(dims=1, neighbours=5)]


@pytest.mark.parametrize("estimator", [*NUMERIC, *TEXTS], ids=lambda one: type(one).__name__)
def test_a_name_that_two_columns_have_is_refused(case, estimator):
    x, y, _ = case
    with pytest.raises(ValueError, match="X has the column 'a' twice; give each a name"):
        clone(estimator).fit(pd.DataFrame(x, columns=list("abca")), y)


@pytest.mark.parametrize("missing", [None, pd.NA, np.nan, np.inf])
@pytest.mark.parametrize(
    "estimator", [*NUMERIC[:1], *NUMERIC[2:], *TEXTS], ids=lambda one: type(one).__name__
)
def test_outcomes_that_are_missing_among_objects_are_refused(case, estimator, missing):
    x, y, _ = case
    gap = [missing, *y[1:]]
    for outcomes in (gap, pd.Series(gap, dtype=object)):
        with pytest.raises(
            ValueError, match=r"y (holds (None|<NA>|nan|inf) in row 0|contains (NaN|inf))"
        ):
            clone(estimator).fit(x, outcomes)
    with pytest.raises(ValueError, match="y holds times"):
        clone(estimator).fit(x, pd.Series(pd.date_range("2026", periods=POSTS)))


@pytest.mark.parametrize("estimator", NUMERIC, ids=lambda one: type(one).__name__)
def test_any_mark_of_a_missing_value_is_one(case, estimator):
    """Numbers that came as objects or texts, as of a CSV file, have gaps like all others."""
    x, y, _ = case
    frame = pd.DataFrame(x, columns=list("abcd"))
    frame.loc[3, "b"] = np.nan
    seen = []
    for kind in (object, "string[pyarrow]", "Float64"):
        kinds = frame.astype({"b": kind})
        if kind is object:
            kinds.loc[3, "b"] = pd.NA
        model = clone(estimator).fit(kinds, y)
        given = kinds.iloc[:9]
        if isinstance(model, ViralityRegressor):
            seen.append(model.predict(given))
            np.testing.assert_array_equal(model.predict(given), model.predict(frame.iloc[:9]))
        else:
            seen.append(model.transform(given))
            assert np.isnan(seen[-1][3]).all()
    np.testing.assert_array_equal(seen[0], seen[1])
    np.testing.assert_array_equal(seen[0], seen[2])


@pytest.mark.parametrize("estimator", TEXTS, ids=lambda one: type(one).__name__)
def test_a_cell_with_several_values_is_refused(case, estimator):
    with pytest.raises(
        ValueError, match=r"cell with several values \(\['a', 'b'\]\); give one text"
    ):
        clone(estimator).fit(pd.DataFrame({"hashtags": [["a", "b"]] * POSTS}), case[1])


@pytest.mark.parametrize("estimator", [SupervisedRidge(), *TEXTS], ids=lambda o: type(o).__name__)
def test_seeds_of_transformers_are_those_of_the_regressor(case, estimator):
    x, y, _ = case
    texts = np.array([["a cat"], ["old news"]] * (POSTS // 2), dtype=object)
    given = x if isinstance(estimator, SupervisedRidge) else texts
    with pytest.raises(ValueError, match="random_state is -1; give a number from 0"):
        clone(estimator).set_params(random_state=-1).fit(given, y)
    one, same = (
        clone(estimator).set_params(random_state=np.random.RandomState(4)).fit_transform(given, y)
        for _ in range(2)
    )
    np.testing.assert_array_equal(one, same)


@pytest.mark.parametrize("estimator", NUMERIC[1:], ids=lambda one: type(one).__name__)
def test_numbers_that_cannot_be_squared_are_refused(case, estimator):
    x, y, _ = case
    with pytest.raises(ValueError, match=r"X holds a number of the size .*e\+200; give it in"):
        estimator.fit(x * 1e200, y)


@pytest.mark.parametrize(
    "wrong",
    [
        PrincipalComponents(dims=2.5),
        PrincipalComponents(dims=-1),
        NeighbourPopularity(neighbours=2.5),
        CaptionTerms(neighbours=0),
        CaptionTerms(dims=-1),
        CaptionTerms(directions=0),
        CaptionTerms(dims=None),
        ShrunkenTargetEncoder(strength=np.inf),
        ShrunkenTargetEncoder(strength="a"),
    ],
)
def test_arguments_of_transformers_are_refused_in_words(case, wrong):
    x, y, _ = case
    with pytest.raises((TypeError, ValueError), match=r"(give|must be) (a|at) .*(least|number)"):
        wrong.fit(x, y)


@pytest.mark.parametrize("beside", [None, 0.5, "text", pd.NA])
def test_identifiers_of_nineteen_digits_stay_apart(beside):
    """Sounds and authors are numbered with 19 digits, of which a floating number holds 15."""
    ids = pd.DataFrame({"sound": 7_301_234_567_890_123_456 + np.tile([0, 1], 40)})
    if beside is not None:
        ids["other"] = beside
    if beside is pd.NA:
        ids = ids.astype("Int64")
    y = np.tile([1.0, 3.0], 40)
    low, high = ShrunkenTargetEncoder().fit(ids, y).transform(ids.iloc[:2])[:, 0]
    assert low < 1.5 < 2.5 < high


def test_numbers_with_and_without_a_fraction_are_the_same_category():
    y = np.tile([1.0, 3.0], 40)
    encoder = ShrunkenTargetEncoder().fit(np.tile([1, 2], 40)[:, None], y)
    whole = encoder.transform([[1], [2]])
    for same in ([[1.0], [2.0]], [["1"], ["2"]], np.array([[True], [2]], dtype=object)):
        np.testing.assert_array_equal(encoder.transform(same), whole)


EXAMPLES = [path for path in SOURCES if ">>>" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", EXAMPLES, ids=relative)
def test_the_examples_of_the_source_say_what_they_promise(path):
    name = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
    done = doctest.testmod(importlib.import_module(f"virality.{name}"))
    assert done.attempted
    assert not done.failed
