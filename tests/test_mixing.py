from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matrices import make_case, small_model

from virality.data.matrix import FeatureMatrix
from virality.modeling.bundle import load_model, save_model
from virality.modeling.mixing import mix_bases, mixed
from virality.modeling.oof import OutOfFold, best_rounds, on_sample
from virality.modeling.recipe import FOREST, Recipe
from virality.modeling.train import train
from virality.modeling.weights import fit_weights


def _said(n=400, seed=0):
    """Return outcomes and three bases: a good one, a worse one, noise."""
    rng = np.random.default_rng(seed)
    y = rng.normal(5, 1, n)
    bases = [y + rng.normal(0, 0.3, n), y + rng.normal(0, 0.8, n), rng.normal(5, 1, n)]
    return np.column_stack(bases), y


def test_the_number_of_trees_is_one_for_all_folds():
    # The first fold stopped early: its last error counts from there on.
    curves = [np.array([3.0, 2.0]), np.array([3.0, 1.0, 1.5, 1.6])]
    assert best_rounds(curves) == 2
    assert best_rounds([np.array([1.0, 1.0, 1.0])]) == 1
    assert best_rounds([np.array([2.0, 1.0]), np.array([1.0, 9.0])]) == 1


def test_a_sample_is_measured_by_its_own_posts():
    asked = []

    def measure(train):
        asked.append(train.tolist())
        return np.arange(10.0) * 10

    sample = np.array([1, 4, 7])
    assert on_sample(measure, sample)(np.array([0, 2])).tolist() == [10.0, 40.0, 70.0]
    assert asked == [[1, 7]]


def test_better_bases_get_more_weight_and_noise_none():
    weights = fit_weights(*_said(), equal_posts=0.0).values
    assert weights[0] > weights[1] > 0
    assert weights[2] < 0.05


def test_little_evidence_pulls_towards_equal_weights():
    said, y = _said()
    spread = [np.ptp(fit_weights(said, y, pull).values) for pull in (0.0, 100.0, 1e7)]
    assert spread[0] > spread[1] > spread[2]
    assert spread[2] < 0.01


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), bases=st.integers(1, 6), absolute=st.booleans())
def test_weights_are_never_negative_and_every_subset_has_its_own(seed, bases, absolute):
    rng = np.random.default_rng(seed)
    said = rng.normal(size=(80, bases)) + rng.normal(size=(80, 1))
    weights = fit_weights(said, said.mean(axis=1), 10.0, absolute=absolute)
    assert (weights.values >= 0).all()
    there = rng.random(bases) < 0.5
    values, intercept = weights.without(there)
    assert (values >= 0).all()
    assert (values[~there] == 0).all()
    assert np.isfinite(intercept)


def test_a_base_that_is_missing_is_made_up_for_by_the_others():
    said, y = _said(2000)
    weights = fit_weights(said, y, 0.0)
    there = np.ones(said.shape, dtype=bool)
    there[:, 0] = False
    hollow = said.copy()
    hollow[:, 0] = 5.0  # what trees say of a post that lacks all that they read
    blind = np.mean((weights.mix(hollow) - y) ** 2)
    aware = np.mean((weights.mix(hollow, there) - y) ** 2)
    assert aware < 0.8 * blind
    alone = fit_weights(said[:, 1:], y, 0.0)
    np.testing.assert_allclose(weights.mix(hollow, there), alone.mix(said[:, 1:]), atol=1e-6)


def test_bases_that_are_left_are_pulled_towards_equal_shares_of_all(tmp_path):
    said, y = _said()
    there = np.array([True, True, False])
    np.testing.assert_allclose(fit_weights(said, y, 1e7).values, 1 / 3, atol=1e-3)
    equal, intercept = fit_weights(said, y, 1e7).without(there)
    np.testing.assert_allclose(equal, [0.5, 0.5, 0.0], atol=1e-3)
    assert intercept == pytest.approx(y.mean() - said[:, :2].mean(), abs=0.01)
    said, y = _said(60)
    wide = np.column_stack([said[:, 0], said[:, 0], said[:, 1]])  # alike in spread, not noise
    left, alone = fit_weights(wide, y, 100.0), fit_weights(wide[:, :2], y, 100.0)
    assert left.without(there)[0].sum() == pytest.approx(alone.values.sum(), rel=0.05)
    model = small_model()
    save_model(model, tmp_path / "m")
    kept = load_model(tmp_path / "m").stack
    assert (kept.cold.pull, kept.warm.pull) == (model.stack.cold.pull, model.stack.warm.pull)
    assert kept.cold.pull > 0


def test_absolute_errors_resist_outliers():
    said, y = _said(300)
    wild = y.copy()
    wild[::10] += 40
    plain, tough = (fit_weights(said, wild, 0.0, absolute=one) for one in (False, True))
    errors = [np.median(np.abs(one.mix(said) - y)) for one in (plain, tough)]
    assert errors[1] < 0.5 * errors[0]


def _folded(said, y):
    n = len(y)
    return OutOfFold(
        row=np.arange(n), actual=y, fold=np.zeros(n, int), warm=np.zeros(n, bool), predictions=said,
        there=np.ones(said.shape, bool), signals=np.zeros((n, 3), np.float32), rounds=(1,) * 3,
    )  # fmt: skip


def test_adapting_follows_the_newest_posts():
    rng = np.random.default_rng(3)
    n = 1000
    y = rng.normal(5, 1, n)
    times = np.linspace(0, 1e6, n)
    early = times < 0.6e6
    first = np.where(early, y + rng.normal(0, 0.2, n), rng.normal(5, 1, n))
    second = np.where(early, rng.normal(5, 1, n), y + rng.normal(0, 0.2, n))
    said = np.column_stack([first, second, rng.normal(5, 1, n)])
    still, _ = mix_bases(_folded(said, y), times, Recipe())
    moving, _ = mix_bases(_folded(said, y), times, Recipe(adapt=True))
    assert still.values[0] > still.values[1]
    assert moving.values[1] > moving.values[0]


def test_posts_that_lack_a_modality_are_mixed_without_its_base_and_explained_exactly(tmp_path):
    matrix, posts = make_case(160, noise=0.1)
    frame = matrix.frame.copy()
    frames = [name for name, one in matrix.columns.items() if one.modality == "frames"]
    frame.iloc[::4, [frame.columns.get_loc(name) for name in frames]] = np.nan
    holey = FeatureMatrix(frame, matrix.columns, matrix.versions)
    model = train(holey, posts, target="views")
    stack, rows = model.stack, model.rows(holey, posts)
    place = [base.name for base in stack.bases].index("frames")
    inputs = stack.projector.transform(rows)
    missing = np.isnan(inputs.values[:, stack.bases[place].places]).all(axis=1)
    assert missing[::4].all()
    assert missing.sum() == 40
    there = np.arange(len(stack.bases)) != place
    mixed, _ = stack.cold.shares(2, np.array([there, np.ones(len(there), bool)]))
    assert mixed[0, place] == 0
    np.testing.assert_array_equal(mixed[1], stack.cold.values)
    told = model.contributions(holey, posts)
    np.testing.assert_allclose(
        told.baseline + told.frame.sum(axis=1), model.predict(holey, posts).mean, rtol=1e-6
    )
    save_model(model, tmp_path / "m")
    again = load_model(tmp_path / "m").predict(holey, posts)
    np.testing.assert_array_equal(again.mean, model.predict(holey, posts).mean)


def test_adapt_is_remembered_by_the_model():
    matrix, posts = make_case(150)
    model = train(matrix, posts, target="views", adapt=True)
    assert model.recipe.adapt
    assert np.isfinite(model.predict(matrix, posts).mean).all()
    assert pd.Series(model.card.weights).ge(0).all()


def test_bases_are_bagged_over_seeds():
    matrix, posts = make_case(150)
    model = train(matrix, posts, target="views")
    assert model.recipe.bags > 1
    for base in model.stack.bases:
        averaged = base.name == FOREST  # its trees differ in their seed already
        assert len(base.boosters) == (1 if averaged else model.recipe.bags)
        assert len({booster.text for booster in base.boosters}) == len(base.boosters)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_raw_embeddings_are_read_column_by_column(share):
    from dataclasses import replace

    from virality.modeling.recipe import sensible_recipe
    from virality.modeling.rows import arrange
    from virality.modeling.stack import fit_stack

    matrix, posts = make_case(150)
    rows = arrange(matrix, posts, tuple(matrix.columns))
    y = np.log10(1 + posts["views"].to_numpy(float))
    recipe = replace(sensible_recipe(150), raw=True, history=bool(share))
    stack = fit_stack(rows, y, recipe, jobs=1)
    names = [column.name for column in stack.projector.columns]
    read = {names[place] for base in stack.bases for place in base.places}
    assert any(name.startswith("text_embedding__sentence") for name in read)
    assert not any("#" in name for name in read)
    assert any(name.startswith("history__") for name in read) == bool(share)
    assert np.corrcoef(stack.predict(rows).mean, y)[0, 1] > 0.8


def test_a_handful_of_complete_posts_does_not_set_the_level_of_all():
    """Known authors' newer posts lack a modality; the few that have it happened to do well."""
    rng = np.random.default_rng(0)
    warm = np.arange(400) >= 200
    there = np.ones((400, 3), dtype=bool)
    there[200:, 1] = np.arange(200) < 4
    y = rng.normal(5, 1, 400)
    said = np.column_stack([y, y, y]) + rng.normal(0, 0.3, (400, 3))
    y[200:204] += 3
    _, known = mix_bases(replace(_folded(said, y), warm=warm, there=there), np.arange(400.0),
                         Recipe())  # fmt: skip
    off = y[204:] - known.mix(said[204:], there[204:])
    assert abs(off.mean()) < 0.15


@pytest.mark.parametrize("n", [200, 400])
def test_adapting_compares_half_lives_on_few_posts_too(n):
    rng = np.random.default_rng(1)
    y = rng.normal(5, 1, n)
    late = np.arange(n) >= 0.7 * n
    worse = y + rng.normal(0, 1.5, n)
    bases = [np.where(late, worse, y), np.where(late, y, worse), y + rng.normal(0, 1.5, n)]
    folded = _folded(np.column_stack(bases), y)
    cold, _ = mix_bases(folded, np.arange(float(n)), Recipe(adapt=True))
    assert cold.values[1] > cold.values[0]


def test_a_metric_of_absolute_errors_mixes_by_them():
    said, y = _said(300)
    wild = y.copy()
    wild[::10] += 40
    for metric in ("mae", "mape"):
        plain, tough = (mixed(said, wild, Recipe(metric=one)) for one in ("rmse", metric))
        errors = [np.median(np.abs(one.mix(said) - y)) for one in (plain, tough)]
        assert errors[1] < 0.5 * errors[0]


def test_posts_that_lack_a_part_say_nothing_about_its_weight():
    said, y = _said(400)
    there = np.ones((400, 3), dtype=bool)
    there[::2, 0] = False
    hollow = said.copy()
    hollow[::2, 0] = 5.0  # what trees say of a post that lacks all that they read
    found, _ = mix_bases(replace(_folded(hollow, y), there=there), np.arange(400.0), Recipe())
    wanted = mixed(said[1::2], y[1::2], Recipe())
    np.testing.assert_allclose(found.values, wanted.values)


def test_the_first_post_of_a_sole_author_does_not_set_the_level_of_strangers():
    """All posts but the first have earlier ones of their author, and that one did unlike any."""
    rng = np.random.default_rng(2)
    y = rng.normal(5, 1, 300)
    said = np.column_stack([y, y, y]) + rng.normal(0, 0.3, (300, 3))
    y[0] = 0.0
    folded = replace(_folded(said, y), warm=np.arange(300) > 0)
    strange, known = mix_bases(folded, np.arange(300.0), Recipe())
    for weights in (strange, known):
        assert abs((weights.mix(said[1:]) - y[1:]).mean()) < 0.1
    few = replace(folded, warm=np.arange(300) >= 99)
    enough = replace(folded, warm=np.arange(300) >= 100)
    alike, own = (mix_bases(one, np.arange(300.0), Recipe())[0].means for one in (few, enough))
    np.testing.assert_allclose(alike, said.mean(axis=0))
    np.testing.assert_allclose(own, said[:100].mean(axis=0))
