from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matrices import BLOCK, PLANTED, light, make_case, small_model

from virality.data.errors import BundleError, InputError
from virality.data.matrix import FeatureMatrix
from virality.modeling.history import COLD
from virality.modeling.hits import top_bar
from virality.modeling.oof import readable
from virality.modeling.recipe import SMALL, Recipe, sensible_recipe, tuned_recipe
from virality.modeling.rows import arrange
from virality.modeling.stack import _sampled, fit_stack
from virality.modeling.targets import find_target
from virality.modeling.train import LEAST_POSTS, train
from virality.modeling.weights import fit_weights

QUICK = Recipe(params={"num_leaves": 4, "min_data_in_leaf": 5}, dims=2, folds=3, rounds=40)


def _without(matrix, modality, rows):
    """Return the matrix with a modality missing in some rows."""
    frame = matrix.frame.copy()
    names = [n for n, column in matrix.columns.items() if column.modality == modality]
    frame.loc[frame.index[rows], names] = np.nan
    return FeatureMatrix(frame, matrix.columns, matrix.versions)


def test_contributions_add_up_to_the_prediction():
    matrix, posts = make_case()
    model = small_model()
    got = model.contributions(matrix, posts)
    mean = model.predict(matrix, posts).mean
    np.testing.assert_allclose(got.baseline + got.frame.sum(axis=1), mean, rtol=1e-6)
    assert got.largest_error < 1e-6
    assert list(got.frame.index) == list(matrix.frame.index)


def test_an_embedding_is_one_group_and_has_no_value():
    matrix, posts = make_case()
    got = small_model().contributions(matrix, posts)
    assert BLOCK in got.frame.columns
    assert not [name for name in got.frame.columns if "#" in name]
    assert got.values[BLOCK].isna().all()
    assert got.columns[BLOCK].block == BLOCK
    assert got.columns[BLOCK].modality == "text"
    np.testing.assert_array_equal(got.values[PLANTED[1]], matrix.frame[PLANTED[1]])
    assert set(got.columns) == set(got.frame.columns) == set(got.values.columns)


def test_planted_drivers_are_the_strongest():
    got = small_model().contributions(*make_case())
    order = got.frame.abs().mean().sort_values(ascending=False)
    assert set(PLANTED) <= set(order.index[:5])


def test_plain_drivers_are_not_drowned_by_a_wide_embedding():
    matrix, posts = make_case(100, wide=3000)
    got = train(matrix, posts).contributions(matrix, posts)
    order = got.frame.abs().mean().sort_values(ascending=False)
    assert set(PLANTED) <= set(order.index[:10])


@pytest.mark.parametrize("modality", ["text", "audio", "frames"])
def test_a_missing_part_still_gets_a_prediction(modality):
    matrix, posts = make_case()
    holes = _without(matrix, modality, np.arange(0, 120, 3))
    got = small_model().predict(holes, posts)
    assert np.isfinite(got.mean).all()
    small_model().contributions(holes, posts)


def test_training_with_missing_parts_keeps_every_row():
    matrix, posts = make_case(90)
    holes = _without(_without(matrix, "audio", np.arange(40)), "text", np.arange(20, 80))
    rows = arrange(holes, posts, tuple(holes.columns))
    y = find_target("views").values(posts)
    stack = fit_stack(rows, y, QUICK)
    assert np.isfinite(stack.predict(rows).mean).all()


def test_the_model_does_not_depend_on_the_number_of_workers():
    matrix, posts = make_case(80)
    rows = arrange(matrix, posts, tuple(matrix.columns))
    y = find_target("views").values(posts)
    one, two = (fit_stack(rows, y, QUICK, jobs=jobs) for jobs in (1, 2))
    assert [[b.text for b in base.boosters] for base in one.bases] == [
        [b.text for b in base.boosters] for base in two.bases
    ]
    np.testing.assert_array_equal(one.cold.values, two.cold.values)
    np.testing.assert_array_equal(one.predict(rows).low, two.predict(rows).low)


def test_predictions_do_not_depend_on_what_else_is_asked():
    matrix, posts = make_case()
    model = small_model()
    all_rows = model.predict(matrix, posts)
    some = model.predict(matrix.rows(matrix.frame.index[[7, 3]]), posts)
    np.testing.assert_allclose(some.mean, all_rows.mean[[7, 3]], rtol=1e-6)
    assert some.ids == ("post00007", "post00003")


def test_intervals_hold_the_mean_and_probabilities_are_probabilities():
    got = small_model().predict(*make_case())
    assert (got.low <= got.mean).all()
    assert (got.mean <= got.high).all()
    assert (got.low >= np.minimum(0, got.mean)).all()
    assert ((got.hit_probability > 0) & (got.hit_probability < 1)).all()
    assert ((got.percentile >= 0) & (got.percentile <= 100)).all()


@settings(max_examples=40)
@given(st.integers(0, 1000), st.integers(2, 6))
def test_weights_are_never_negative_and_few_posts_mean_equal_ones(seed, bases):
    rng = np.random.default_rng(seed)
    y = rng.normal(5, 1, 200)
    said = y[:, None] * rng.uniform(0, 1, bases) + rng.normal(0, 1, (200, bases))
    assert (fit_weights(said, y, 50.0).values >= 0).all()
    few = fit_weights(said[:5], y[:5], 1e7).values
    np.testing.assert_allclose(few, 1 / bases, atol=1e-3)


def test_weights_find_the_better_base():
    rng = np.random.default_rng(0)
    y = rng.normal(5, 1, 500)
    said = np.column_stack([y + 0.3 * rng.normal(size=500), rng.normal(5, 1, 500)])
    weights = fit_weights(said, y, 50.0)
    assert weights.values[0] > 5 * weights.values[1]
    np.testing.assert_allclose(weights.mix(said).mean(), y.mean())


def test_few_posts_get_a_simpler_recipe():
    small, large = sensible_recipe(SMALL - 1), sensible_recipe(SMALL)
    assert small.small
    assert small.dims < large.dims
    assert small.params["num_leaves"] < large.params["num_leaves"]
    tuned = tuned_recipe(SMALL, {"num_leaves": 9, "dims": 0})
    assert tuned.params["num_leaves"] == 9
    assert tuned.dims == 0
    assert Recipe.from_json(tuned.as_json()) == tuned


def test_each_library_weighs_rows_by_its_own_loss():
    matrix, posts = make_case(60)
    rows, y = arrange(matrix, posts, tuple(matrix.columns)), np.log10(1 + posts["views"])
    stacks = [
        fit_stack(
            rows, y.to_numpy(np.float64), replace(QUICK, xgboost={**QUICK.params, "loss": loss})
        )
        for loss in ("l1", "mape")
    ]  # both are absolute errors to XGBoost, the second under weights of rows
    plain, weighed = ({base.name: base.boosters for base in one.bases} for one in stacks)
    assert plain["all"][0].text == weighed["all"][0].text
    assert plain["all_xgboost"][0].text != weighed["all_xgboost"][0].text


def test_columns_known_afterwards_are_refused_unless_allowed():
    matrix, posts = make_case(60)
    late = {**matrix.columns, PLANTED[0]: replace(matrix.columns[PLANTED[0]], known="post")}
    matrix = FeatureMatrix(matrix.frame, late, matrix.versions)
    model = train(matrix, posts)
    assert PLANTED[0] not in model.columns
    assert any(PLANTED[0] in note for note in model.card.notes)
    assert PLANTED[0] in train(matrix, posts, allow_post=True).columns


def test_a_model_refuses_features_of_another_version():
    matrix, posts = make_case()
    other = FeatureMatrix(matrix.frame, matrix.columns, {**matrix.versions, "frames_motion": "4"})
    with pytest.raises(BundleError, match=r"frames_motion version 3, .* version 4"):
        small_model().predict(other, posts)
    with pytest.raises(BundleError, match="lack"):
        small_model().predict(matrix.select(list(matrix.columns)[1:]), posts)


def test_the_card_says_what_the_model_is():
    card = small_model().card
    assert (card.rows, card.target, card.unit) == (120, "views", "views")
    assert card.small_recipe
    assert card.features_by_modality["text"] > 40
    assert set(card.weights) >= {"audio", "frames", "text", "history", "all", "all_xgboost"}
    assert card.featurizers == {"text_embedding": "1"} | {"frames_motion": "3"}
    assert type(card).from_json(card.as_json()) == card


def test_values_show_themselves_in_a_notebook_without_flooding_it():
    """Trees are megabytes of text, and posts and columns are as many as there are."""
    matrix, posts = make_case()
    model = small_model()
    assert repr(model).startswith("<Model of 'views' by ")
    assert "120 posts; bases: text, audio, " in repr(model)
    assert len(repr(model)) < 200
    assert max(len(booster.text) for base in model.stack.bases for booster in base.boosters) > 5000
    assert len(repr(model.stack.bases)) < 5000
    for value in (matrix, model.predict(matrix, posts), model.contributions(matrix, posts)):
        shown = repr(value)
        assert "post00007'" not in shown  # a table shows its first and last rows
        assert "Column(" not in shown


def test_too_little_ends_in_a_sentence():
    matrix, posts = make_case(120)
    few = posts.assign(views=posts["views"].where(np.arange(120) < 7))
    with pytest.raises(InputError, match=rf"7 post.* at least {LEAST_POSTS} are needed"):
        train(matrix, few)
    with pytest.raises(InputError, match="all 120 posts have the same 'views' "):
        train(matrix, posts.assign(views=5))
    with pytest.raises(InputError, match="targets there: views"):
        train(matrix, posts, target="likes")
    empty = FeatureMatrix(matrix.frame.iloc[:0], matrix.columns, matrix.versions)
    with pytest.raises(InputError, match="empty"):
        train(empty, posts)
    one = matrix.rows(matrix.frame.index[:1])
    with pytest.raises(InputError, match="at least 30"):
        train(one, posts)
    with pytest.raises(InputError, match="not in the table"):
        train(matrix, posts.iloc[:50])


def test_bare_posts_without_author_time_or_text_work():
    matrix, posts = make_case(60)
    bare = pd.DataFrame({"id": posts["id"], "views": posts["views"]})
    plain = [n for n, c in matrix.columns.items() if not c.block]
    model = train(matrix.select(plain), bare)
    assert np.isfinite(model.predict(matrix.select(plain), bare).mean).all()
    assert "history" not in model.card.weights


def test_a_fifth_are_hits_or_what_ties_allow():
    values = np.sort(np.random.default_rng(0).normal(size=501))
    assert top_bar(values) == np.quantile(values, 0.8)
    mostly = np.sort(np.array([0.0] * 85 + [1.0] * 10 + [2.0] * 5))
    assert top_bar(mostly) == 1.0
    assert top_bar(np.array([0.0] * 60 + [3.0] * 40)) == 3.0
    assert top_bar(np.array([0.0] * 99 + [3.0])) == 3.0
    between = np.array([0.0] * 9 + [5.0] * 3)
    assert 0.0 < np.quantile(between, 0.8) < 5.0  # nobody had that outcome
    assert top_bar(between) == 5.0


def test_nothing_that_tells_posts_apart_is_refused():
    matrix, posts = make_case(60)
    same = FeatureMatrix(matrix.frame * 0, matrix.columns, matrix.versions)
    with pytest.raises(InputError, match="nothing tells posts apart; extract other features"):
        train(same, posts.drop(columns="posted_at"))


def test_no_posts_have_no_contributions():
    matrix, posts = make_case()
    got = small_model().contributions(matrix.rows([]), posts)
    assert len(got.frame) == 0


def test_a_post_that_stands_twice_in_the_table_is_named():
    matrix, posts = make_case(60)
    with pytest.raises(InputError, match="post 'post00007' stands in the table of posts twice"):
        train(matrix, pd.concat([posts, posts.iloc[[7]]]))


def test_an_author_of_nearly_all_posts_is_learned_from():
    matrix, posts = make_case(60)
    model = train(matrix, posts.assign(author_id=["a"] * 59 + ["b"]))
    assert np.isfinite(model.predict(matrix, posts).mean).all()


@cache
def creators():
    """Return a stack of a few creators' posts, whose known authors have weights of their own."""
    matrix, posts = make_case(400, authors=8)
    rows = arrange(matrix, posts, tuple(matrix.columns))
    y = np.log10(1 + posts["views"].to_numpy(float))
    return fit_stack(rows, y, QUICK, jobs=1), rows, y


def test_known_authors_are_predicted_and_explained_by_weights_of_their_own():
    stack, rows, _ = creators()
    guess = stack.predict(rows)
    said, there = stack.voices(rows), readable(stack.projector.transform(rows), stack.bases)
    assert 300 < guess.warm.sum() < 400
    apart = stack.warm.mix(said, there) - stack.cold.mix(said, there)
    assert np.abs(apart).max() > 0.05
    for weights, some in ((stack.warm, guess.warm), (stack.cold, ~guess.warm)):
        np.testing.assert_allclose(guess.mean[some], weights.mix(said[some], there[some]))
    told = stack.contributions(rows)
    np.testing.assert_allclose(told.baseline + told.frame.sum(axis=1), guess.mean, rtol=1e-6)
    known = told.frame[COLD].to_numpy()[guess.warm]
    assert np.abs(known).max() > 0.01  # what being known moves stands there


def test_reasons_start_from_the_average_of_those_that_most_posts_are_of():
    matrix, posts = make_case(400, authors=8)
    with light():
        model = train(matrix, posts)
    mean, told = model.predict(matrix, posts).mean, model.contributions(matrix, posts)
    strange = model.stack.contributions(model.rows(matrix, posts))
    assert abs(told.baseline - mean.mean()) < 0.5 * abs(strange.baseline - mean.mean())
    np.testing.assert_allclose(told.baseline + told.frame.sum(axis=1), mean, rtol=1e-6)
    cold = model.stack.projector.transform(model.rows(matrix, posts)).column(COLD) == 1
    assert 0 < cold.sum() < 40
    assert np.abs(told.frame[COLD]).to_numpy()[~cold].mean() < 0.005
    assert np.abs(strange.frame[COLD]).to_numpy()[~cold].mean() > 0.01
    card = replace(model.card, medians={})  # as in bundles that do not tell what is usual
    assert replace(model, card=card).contributions(matrix, posts).baseline == strange.baseline


def test_a_prediction_stands_among_the_training_posts():
    stack = replace(creators()[0], outcomes=np.array([1.0, 2.0, 2.0, 3.0]))
    places = stack.percentile(np.array([0.0, 1.0, 1.5, 2.0, 3.0, 9.0]))
    np.testing.assert_allclose(places, [0.0, 12.5, 25.0, 50.0, 87.5, 100.0])


def test_a_hit_is_likelier_of_an_unsure_post_that_is_predicted_below_it():
    stack, rows, _ = creators()
    guess = stack.predict(rows)
    sure, unsure = (
        stack.hit_probability(replace(guess, scale=guess.scale * by)) for by in (0.5, 2.0)
    )
    below = guess.mean < stack.hit_threshold - 0.3
    assert below.sum() > 100
    assert (unsure[below] >= sure[below]).all()
    assert unsure[below].mean() > 2 * sure[below].mean()


def test_of_many_posts_whole_authors_are_left_out_in_turn(monkeypatch):
    whole, rows, y = creators()
    monkeypatch.setattr("virality.modeling.stack.MOST_FOLDED", 250)
    kept = _sampled(rows, 0)
    author = rows.posts["author_id"].to_numpy()
    assert 100 < len(kept) <= 250
    assert not set(author[kept]) & set(np.delete(author, kept))
    some = fit_stack(rows, y, QUICK, jobs=1)
    assert some.intervals.constant < 1.5 * whole.intervals.constant
    np.testing.assert_array_equal(some.outcomes, whole.outcomes)
