"""Authors' own posts that are alike: `modeling.alike` against its definition, and in a model."""

from dataclasses import replace
from functools import partialmethod

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matrices import BLOCK, make_case

from virality.data.errors import BundleError
from virality.data.matrix import Column
from virality.modeling.alike import (
    LATEST,
    LEAST,
    LEAST_TOLD,
    LEVEL,
    PREFIX,
    STRENGTH,
    Alike,
    column_of,
    fit_alike,
)
from virality.modeling.blocks import BlockSpec
from virality.modeling.history import History
from virality.modeling.inputs import fit_projector, selected
from virality.modeling.neighbours import TEMPERATURE
from virality.modeling.pieces import put_together, take_apart
from virality.modeling.rows import arrange
from virality.modeling.train import train
from virality.reports.control import control
from virality.reports.words import feature_words, label

DIMS = 3


def _posts(rows):
    days = [pd.NaT if day is None else pd.Timestamp(day, unit="D", tz="UTC") for _, day in rows]
    return pd.DataFrame(
        {
            "id": [f"p{number}" for number in range(len(rows))],
            "author_id": pd.array([author for author, _ in rows], dtype="string"),
            "posted_at": pd.Series(days, dtype="datetime64[ms, UTC]"),
        }
    )


def _learned(rows, scores, y):
    posts = _posts(rows)
    usual = History.fit(posts, y).transform(posts)[LEVEL].to_numpy(dtype=np.float64)
    return fit_alike(scores, posts, y, usual)


def _naive(rows, scores, y, at):
    """The definition, spelled out for one post."""
    usual = History.fit(_posts(rows), y).transform(_posts(rows))[LEVEL]
    author, day = rows[at]
    own = [
        k
        for k, (name, when) in enumerate(rows)
        if name == author and when is not None and when < day and np.isfinite(usual.iloc[k])
    ]
    if len(own) < LEAST:
        return np.nan
    units = scores / np.linalg.norm(scores, axis=1, keepdims=True)
    weight = np.exp((units[own] @ units[at] - 1.0) / TEMPERATURE)
    return weight @ (y[own] - usual.iloc[own]) / (weight.sum() + STRENGTH)


row = st.tuples(
    st.one_of(st.none(), st.sampled_from("aaab")), st.one_of(st.none(), st.integers(0, 40))
)
table = st.lists(row, min_size=1, max_size=60)


@settings(max_examples=40)
@given(table, st.integers(0, 99))
def test_it_is_its_definition(rows, seed):
    rng = np.random.default_rng(seed)
    scores, y = rng.normal(size=(len(rows), DIMS)), rng.normal(4, 1, len(rows))
    got = _learned(rows, scores, y).seek(scores, _posts(rows))
    for at, (author, day) in enumerate(rows):
        if author is None or day is None:
            assert np.isnan(got[at])
        else:
            np.testing.assert_allclose(got[at], _naive(rows, scores, y, at), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_it_is_its_definition_where_authors_have_posts_enough(seed):
    rng = np.random.default_rng(seed)
    rows = [("ab"[number % 2], int(day)) for number, day in enumerate(rng.integers(0, 60, 120))]
    scores, y = rng.normal(size=(120, DIMS)), rng.normal(4, 1, 120)
    y[::2] += 2.0  # of one author: success in general is no surprise
    got = _learned(rows, scores, y).seek(scores, _posts(rows))
    wanted = [_naive(rows, scores, y, at) for at in range(120)]
    assert np.isfinite(got).sum() > 60
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-6)


@settings(max_examples=40)
@given(table, st.integers(0, 99), st.integers(0, 40))
def test_changing_any_later_post_changes_nothing(rows, seed, today):
    rng = np.random.default_rng(seed)
    scores, y = rng.normal(size=(len(rows), DIMS)), rng.normal(4, 1, len(rows))
    later = np.array([day is not None and day >= today for _, day in rows])
    changed = [
        ("a", day + 5) if new else (who, day) for (who, day), new in zip(rows, later, strict=True)
    ]
    asked = np.flatnonzero([day is not None and day <= today for _, day in rows])
    before = _learned(rows, scores, y).seek(scores, _posts(rows))
    other = np.where(later, rng.normal(9, 3, len(rows)), y)
    elsewhere = np.where(later[:, None], rng.normal(size=scores.shape), scores)
    now = _learned(changed, elsewhere, other).seek(scores, _posts(rows))
    np.testing.assert_array_equal(before[asked], now[asked])


def test_a_part_that_is_missing_says_nothing_and_counts_for_nothing():
    rows = [("a", day) for day in range(LEAST + 3)]
    scores, y = np.eye(len(rows)), np.arange(4.0, 4.0 + len(rows))
    whole = _learned(rows, scores, y).seek(scores, _posts(rows))
    # Nothing was usual before the very first post, so it is no surprise.
    assert np.flatnonzero(np.isfinite(whole)).tolist() == [LEAST + 1, LEAST + 2]
    scores[3] = np.nan
    own = _learned(rows, scores, y)
    assert len(own.spots) == LEAST + 1
    assert np.flatnonzero(np.isfinite(own.seek(scores, _posts(rows)))).tolist() == [LEAST + 2]


def test_only_so_many_of_the_latest_are_looked_at():
    rng = np.random.default_rng(2)
    rows = [("a", day) for day in range(LATEST + 50)]
    scores, y = rng.normal(size=(len(rows), DIMS)), rng.normal(4, 1, len(rows))
    own, asked = _learned(rows, scores, y), _posts([("a", len(rows))])
    for changed, matters in ((-LATEST - 1, False), (-LATEST, True)):
        value = own.posts.value.copy()
        value[changed] = 1e6
        moved = replace(own, posts=replace(own.posts, value=value)).seek(scores[:1], asked)
        assert (moved != own.seek(scores[:1], asked)).any() == matters


def test_a_model_keeps_the_newest_and_says_the_same_of_what_comes_after():
    rng = np.random.default_rng(1)
    rows = [("ab"[number % 2], number // 2) for number in range(600)]
    scores, y = rng.normal(size=(600, DIMS)).astype(np.float32), rng.normal(4, 1, 600)
    own = _learned(rows, scores, y)
    some = own.newest(2 * LATEST)
    assert len(some.spots) == 2 * LATEST == len(some.posts.value)
    assert some.posts.time.min() > np.quantile(own.posts.time, 0.3)
    asked = _posts([("a", 400), ("b", 400), ("c", 400)])
    np.testing.assert_allclose(
        some.seek(scores[:3], asked), own.seek(scores[:3], asked), rtol=1e-12
    )
    assert own.newest(10_000) is own


def test_what_works_for_each_author_alone_is_found():
    """Half of the authors do well with what the other half do badly with: no rule for all."""
    rng = np.random.default_rng(0)
    authors, each = 20, 60
    rows = [(f"a{number % authors}", number // authors) for number in range(authors * each)]
    scores = rng.normal(size=(len(rows), 4))
    taste = np.where(np.arange(len(rows)) % authors < authors // 2, 1.0, -1.0)
    y = 4.0 + taste * scores[:, 0] + rng.normal(0, 0.3, len(rows))
    got = _learned(rows, scores, y).seek(scores, _posts(rows))
    late = np.arange(len(rows)) >= authors * each // 2
    assert np.corrcoef(got[late], y[late])[0, 1] > 0.7
    assert abs(np.corrcoef(scores[late, 0], y[late])[0, 1]) < 0.1


def _arranged(posts):
    matrix, some = make_case(posts, authors=10)
    return arrange(matrix, some, tuple(matrix.columns))


def test_the_inputs_hold_a_column_for_each_embedding():
    rows = _arranged(LEAST_TOLD + 150)
    y = np.random.default_rng(0).normal(4, 1, len(rows))
    projector, inputs = fit_projector(rows, y, BlockSpec(dims=2))
    assert list(projector.alike) == list(rows.blocks)
    for name in rows.blocks:
        column = next(one for one in inputs.columns if one.name == PREFIX + name)
        assert column.modality == "history"
        assert column.known == "asof"
        assert np.isfinite(inputs.column(column.name)).any()
    np.testing.assert_array_equal(
        projector.transform(rows).column(PREFIX + BLOCK), inputs.column(PREFIX + BLOCK)
    )
    strangers = replace(rows, posts=rows.posts.assign(author_id="somebody else"))
    assert np.isnan(projector.transform(strangers).column(PREFIX + BLOCK)).all()


def test_no_more_posts_are_kept_than_may_be(monkeypatch):
    monkeypatch.setattr(Alike, "newest", partialmethod(Alike.newest, 100))
    rows = _arranged(LEAST_TOLD + 150)
    y = np.random.default_rng(0).normal(4, 1, len(rows))
    projector, inputs = fit_projector(rows, y, BlockSpec(dims=2))
    assert len(projector.alike[BLOCK].spots) == 100
    assert np.isfinite(inputs.column(PREFIX + BLOCK)).sum() > 100  # all say what they knew


def test_where_it_would_say_something_of_few_posts_it_says_nothing():
    rows = _arranged(LEAST_TOLD)
    y = np.random.default_rng(0).normal(4, 1, len(rows))
    projector, inputs = fit_projector(rows, y, BlockSpec(dims=2))
    assert projector.alike == {BLOCK: None}
    assert np.isnan(inputs.column(PREFIX + BLOCK)).all()
    assert np.isnan(projector.transform(rows).column(PREFIX + BLOCK)).all()


def test_a_recipe_may_do_without():
    columns = fit_projector(_arranged(80), np.arange(80.0), BlockSpec(dims=2))[1].columns
    names = {
        spec.alike: {
            one.name for one, read in zip(columns, selected(columns, spec), strict=True) if read
        }
        for spec in (BlockSpec(dims=2), BlockSpec(dims=2, alike=False))
    }
    assert names[True] - names[False] == {PREFIX + BLOCK}


def test_what_is_known_afterwards_makes_what_is_known_afterwards():
    late = Column("x__0", "text", "", "post", "x")
    assert column_of("x", late).known == "post"


@pytest.fixture(scope="module")
def model():
    matrix, posts = make_case(LEAST_TOLD + 150, authors=10)
    return train(matrix, posts, seed=0)


def test_it_is_stored_and_read_again(model):
    matrix, posts = make_case(LEAST_TOLD + 150, authors=10)
    pieces = take_apart(model)
    again = put_together(pieces)
    assert again.stack.projector.alike.keys() == model.stack.projector.alike.keys()
    for name, own in model.stack.projector.alike.items():
        np.testing.assert_array_equal(own.spots, again.stack.projector.alike[name].spots)
    np.testing.assert_array_equal(
        again.predict(matrix, posts).mean, model.predict(matrix, posts).mean
    )


@pytest.mark.parametrize(
    ("array", "change"),
    [
        ("alike0_spots", lambda values: values[:, :1]),
        ("alike0_spots", lambda values: values[1:]),
        ("alike0_spots", lambda values: np.full_like(values, np.nan)),
        ("alike0_clock", lambda values: values[::-1]),
        ("alike0_place", lambda values: values + 10_000_000),
        ("alike0_value", lambda values: values * np.nan),
        ("alike0_keys", lambda values: values[::-1]),
    ],
)
def test_altered_arrays_are_refused(model, array, change):
    pieces = take_apart(model)
    altered = {**pieces.arrays, array: change(pieces.arrays[array])}
    with pytest.raises(BundleError, match="train again"):
        put_together(replace(pieces, arrays=altered))


@pytest.mark.parametrize("told", [{"nothing": True}, {"nothing": False}])
def test_other_embeddings_than_there_are_are_refused(model, told):
    pieces = take_apart(model)
    with pytest.raises(BundleError, match="other embeddings"):
        put_together(replace(pieces, facts={**pieces.facts, "alike": told}))


def test_people_read_a_factor_and_are_not_told_to_change_it():
    name = PREFIX + "text_embedding__sentence"
    assert "similar captions" in label(name)
    assert feature_words(name, 0.3, "score", True, "views") == "times 2"
    assert control(PREFIX + "sound_embedding__clip", "history", "asof") == "cannot"
