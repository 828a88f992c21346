"""The blocks as scikit-learn transformers: its rules, honesty, the numbers of the stack."""

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
DIFFERENT = dict.fromkeys(
    ("check_transformer_general", "check_transformer_data_not_an_array"), BY_DESIGN
)
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


@pytest.fixture(scope="module")
def case():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 12)).astype(np.float32)
    y = x[:, 0] + 0.3 * rng.normal(size=200)
    return x, y, np.array([f"author{i // 4}" for i in range(200)], dtype=object)


def test_they_are_what_the_stack_computes(case):
    x, y, authors = case
    spec = BlockSpec(dims=3, neighbours=5)
    block, honest = fit_block(x, y, np.arange(200) // 4, spec)
    theirs = block.transform(x[:9] + 0.1, np.arange(9) // 4)
    for transformer, columns in (
        (PrincipalComponents(dims=3), slice(0, 3)),
        (SupervisedRidge(), slice(3, 4)),
        (NeighbourPopularity(neighbours=5), slice(4, 6)),
    ):
        groups = {} if isinstance(transformer, PrincipalComponents) else {"groups": authors}
        mine = transformer.fit_transform(x, y, **groups)
        np.testing.assert_allclose(mine, honest[:, columns], rtol=1e-3, atol=1e-4)
        some = {"groups": authors[:9]} if groups else {}
        new = transformer.transform(x[:9] + 0.1, **some)
        np.testing.assert_allclose(new, theirs[:, columns], rtol=1e-3, atol=1e-4)


def texts_of(outcome):
    words = np.where(outcome > 0, "wonderful recipe #pasta", "dull weather #rain")
    return words.astype(object)[:, None]


@pytest.mark.parametrize("transformer", SUPERVISED, ids=lambda one: type(one).__name__)
def test_without_anything_to_know_honest_columns_know_nothing(transformer):
    rng = np.random.default_rng(3)
    y = rng.normal(size=300)
    x = {
        CaptionTerms: texts_of(rng.normal(size=300)),
        ShrunkenTargetEncoder: rng.integers(0, 60, (300, 1)),
    }.get(type(transformer), rng.normal(size=(300, 100)))
    honest = clone(transformer).fit_transform(x, y)
    dishonest = clone(transformer).fit(x, y).transform(x)
    for column in honest.T[np.isfinite(honest).all(axis=0) & (np.ptp(honest, axis=0) > 0)]:
        # one-sided: the mean of other folds is the lower the higher a fold's own is
        assert np.corrcoef(column, y)[0, 1] < 0.25
    if not isinstance(transformer, CaptionTerms):  # of two texts nothing can be learned by heart
        assert np.corrcoef(dishonest[:, 0], y)[0, 1] > 0.3


@pytest.mark.parametrize("transformer", SUPERVISED, ids=lambda one: type(one).__name__)
def test_an_author_says_nothing_of_his_own_posts(transformer):
    """A rare thing shared by an author's posts alone: honest columns must not know of it."""
    rng = np.random.default_rng(1)
    authors = np.repeat(np.arange(60), 5)
    y = rng.normal(size=60)[authors]
    x = {
        CaptionTerms: np.array([[f"always signed{a}"] for a in authors], dtype=object),
        ShrunkenTargetEncoder: authors[:, None],
    }.get(type(transformer), rng.normal(size=(60, 90))[authors])
    told = clone(transformer).fit_transform(x, y)
    kept = clone(transformer).fit_transform(x, y, groups=authors)
    place = -3 if isinstance(transformer, CaptionTerms) else 0  # its ridge
    assert np.corrcoef(told[:, place], y)[0, 1] > 0.9
    assert np.corrcoef(kept[:, place], y)[0, 1] < 0.4


def test_text_is_read_and_hashtags_count():
    y = np.tile([1.0, -1.0], 60) + np.random.default_rng(0).normal(0, 0.1, 120)
    transformer = CaptionTerms(dims=2, neighbours=5).fit(texts_of(y), y)
    new = np.array([["#pasta"], ["#RAIN"], [None], [float("nan")]], dtype=object)
    columns = transformer.transform(new)
    ridge = list(transformer.get_feature_names_out()).index("captionterms_ridge")
    assert columns[0, ridge] > 0.3 > -0.3 > columns[1, ridge]
    assert np.isnan(columns[2:]).all()


def test_texts_without_a_common_term_are_no_block():
    transformer = CaptionTerms(dims=1)
    x = np.array([["one"], ["two"]], dtype=object)
    assert np.isnan(transformer.fit_transform(x, [1.0, 2.0])).all()
    assert np.isnan(transformer.transform(x)).all()


def test_they_work_in_pipelines_and_are_honest_in_them(case):
    x, y, authors = case
    table = pd.DataFrame(x, columns=[f"c{i}" for i in range(12)])
    table["country"] = np.where(y > 0, "DE", "FR")
    table["caption"] = texts_of(y)[:, 0]
    names = [name for name in table if name.startswith("c") and name[1:].isdigit()]
    model = make_pipeline(
        make_column_transformer(
            (SupervisedRidge(), names), (PrincipalComponents(dims=2), names),
            (NeighbourPopularity(neighbours=5), names), (ShrunkenTargetEncoder(), ["country"]),
            (CaptionTerms(dims=1, neighbours=5), ["caption"]),
        ).set_output(transform="pandas"),
        LinearRegression(),
    )  # fmt: skip
    said = cross_val_predict(model, table, y, cv=GroupKFold(4), groups=authors)
    assert np.corrcoef(said, y)[0, 1] > 0.9
    frame = model.fit(table, y)[:-1].transform(table)
    assert "supervisedridge__supervisedridge_prediction" in frame.columns
    assert "shrunkentargetencoder__shrunkentargetencoder_country" in frame.columns


def test_groups_reach_a_step_of_a_pipeline(case):
    x, y, authors = case
    pipeline = make_pipeline(NeighbourPopularity(neighbours=5))
    by_author = pipeline.fit_transform(x, y, neighbourpopularity__groups=authors)
    mine = NeighbourPopularity(neighbours=5).fit_transform(x, y, groups=authors)
    np.testing.assert_array_equal(by_author, mine)
    assert not np.allclose(by_author, pipeline.fit_transform(x, y))


def test_what_cannot_be_is_said(case):
    x, y, authors = case
    with pytest.raises(ValueError, match="199"):
        SupervisedRidge().fit(x, y, groups=authors[1:])
    with pytest.raises(ValueError, match="at least 2"):
        NeighbourPopularity().fit(np.full_like(x, np.nan), y)
    with pytest.raises(ValueError, match="at least 2"):
        PrincipalComponents().fit(np.full_like(x, np.nan))


def test_rows_with_missing_values_stay_missing(case):
    x, y, _ = case
    holes = x.copy()
    holes[::5, 3] = np.nan
    for transformer in (SupervisedRidge(), NeighbourPopularity(), PrincipalComponents(dims=2)):
        columns = transformer.fit_transform(holes, y)
        assert np.isnan(columns[::5]).all()
        assert np.isfinite(np.delete(columns, np.s_[::5], axis=0)).all()
        assert np.isnan(transformer.transform(holes[:1])).all()


def test_a_number_is_one_category_whatever_stands_beside_it():
    learned = pd.DataFrame({"a": [1, 2] * 50, "b": ["x", "y"] * 50})
    encoder = ShrunkenTargetEncoder().fit(learned, [1.0, 3.0] * 50)
    asked = encoder.transform(pd.DataFrame({"a": [1.0, 2.0, None], "b": ["x", "y", "x"]}))
    whole = encoder.transform(learned)
    np.testing.assert_array_equal(np.asarray(asked)[:2], np.asarray(whole)[:2])


def test_a_block_of_tiny_numbers_has_directions_too():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60, 8))
    wide, tiny = (PrincipalComponents(dims=3).fit_transform(rows * s) for s in (1.0, 1e-9))
    np.testing.assert_allclose(np.abs(tiny), np.abs(wide), rtol=1e-6)
    same = PrincipalComponents(dims=3).fit(np.full((60, 8), 0.1))
    assert np.isnan(same.transform(np.full((2, 8), 0.1))).all()


def test_without_shrinkage_a_value_of_one_fold_gets_the_mean_of_all():
    keys = np.array([["a"]] * 60 + [["b"]] * 59 + [["rare"]], dtype=object)
    y = np.r_[np.zeros(60), np.ones(59), 5.0]
    encoder = ShrunkenTargetEncoder(strength=0.0)
    out = encoder.fit_transform(keys, y)
    assert np.isfinite(out).all()
    assert out[-1, 0] == pytest.approx(np.delete(y, -1).mean(), abs=0.2)
    assert encoder.transform([["rare"]])[0, 0] == 5.0


@pytest.mark.parametrize(
    "wrong",
    [ShrunkenTargetEncoder(strength=-10), ShrunkenTargetEncoder(strength=float("nan")),
     NeighbourPopularity(neighbours=0), NeighbourPopularity(neighbours=-1)],
)  # fmt: skip
def test_parameters_that_mean_nothing_are_refused(wrong):
    keys = np.arange(80.0).reshape(-1, 1) % 4
    with pytest.raises(ValueError, match="it must be"):
        wrong.fit(keys, np.arange(80.0))
