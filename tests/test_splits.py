from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from virality.data.errors import InputError
from virality.data.splits import (
    author_folds,
    author_groups,
    dated_enough,
    few_authors,
    folds_of_groups,
    forward_splits,
    oldest,
    posting_times,
    random_folds,
    resampling_units,
    rolling_splits,
    selection_folds,
    temporal_split,
)


def _posts(times=None, authors=None):
    n = len(times if times is not None else authors)
    posts = pd.DataFrame({"id": [f"p{i}" for i in range(n)]})
    if times is not None:
        stamps = [pd.NaT if t is None else pd.Timestamp(t, unit="s", tz="UTC") for t in times]
        posts["posted_at"] = pd.Series(stamps, dtype="datetime64[ms, UTC]")
    if authors is not None:
        posts["author_id"] = pd.array(authors, dtype="string")
    return posts


times = st.lists(st.one_of(st.none(), st.integers(0, 50)), min_size=2, max_size=60)
authors = st.lists(st.one_of(st.none(), st.sampled_from("abcdefgh")), min_size=2, max_size=60)


@given(times)
def test_training_is_strictly_earlier_than_the_test(values):
    posts = _posts(values)
    if len({v for v in values if v is not None}) < 2:
        with pytest.raises(InputError, match="posted_at"):
            temporal_split(posts)
        return
    split = temporal_split(posts)
    known = posting_times(posts)
    assert len(split.train)
    assert len(split.test)
    assert known[split.train].max() < known[split.test].min()
    assert len(split.train) + len(split.test) == np.isfinite(known).sum()


def test_a_fifth_is_held_out():
    split = temporal_split(_posts(list(range(100))))
    np.testing.assert_array_equal(split.test, np.arange(80, 100))


@given(authors, st.integers(2, 6), st.integers(0, 3))
def test_folds_partition_and_keep_authors_whole(names, n, seed):
    posts = _posts(authors=names)
    if len({a for a in names if a is not None}) < 2:
        with pytest.raises(InputError, match="author_id"):
            author_folds(posts, n, seed)
        return
    folds = author_folds(posts, n, seed)
    groups = author_groups(posts)
    held = np.concatenate([fold.test for fold in folds])
    np.testing.assert_array_equal(np.sort(held), np.arange(len(names)))
    for fold in folds:
        assert not set(groups[fold.train]) & set(groups[fold.test])
        assert len(fold.train) + len(fold.test) == len(names)


@settings(max_examples=30)
@given(st.integers(2, 300), st.integers(2, 7), st.integers(0, 5))
def test_random_folds_are_even_and_repeatable(n, k, seed):
    posts = _posts(list(range(n)))
    sizes = [len(fold.test) for fold in random_folds(posts, k, seed)]
    assert max(sizes) - min(sizes) <= 1
    again = random_folds(posts, k, seed)
    for one, other in zip(random_folds(posts, k, seed), again, strict=True):
        np.testing.assert_array_equal(one.test, other.test)


def test_folds_of_uneven_groups_are_nearly_equal():
    groups = np.repeat(np.arange(40), np.r_[np.full(10, 20), np.full(30, 1)])
    sizes = [len(fold.test) for fold in folds_of_groups(groups, 5)]
    assert max(sizes) - min(sizes) <= 1


def test_expanding_windows_go_forward_and_follow_each_other():
    posts = _posts(list(range(100)))
    splits = forward_splits(posts)
    assert [len(split.train) for split in splits] == [40, 60, 80]
    for split in splits:
        assert split.train.max() < split.test.min()
    np.testing.assert_array_equal(np.concatenate([s.test for s in splits]), np.arange(40, 100))
    assert forward_splits(_posts([5, 5, 5])) == []


def test_selection_falls_back_to_random_folds():
    assert selection_folds(_posts(authors=list("aabbcc")))[0].name.startswith("author")
    assert selection_folds(_posts(authors=[None] * 6))[0].name.startswith("random")


def test_the_oldest_rows_are_the_training_side_of_the_holdout():
    posts = _posts([9, 1, 8, 2, 7, 3, 6, 4, 5, 0])
    np.testing.assert_array_equal(oldest(posts), temporal_split(posts).train)
    assert len(oldest(_posts(authors=list("abcde")))) == 4


def test_one_group_makes_no_folds():
    with pytest.raises(InputError, match="at least two groups"):
        folds_of_groups(np.zeros(5, dtype=np.int64))


@given(authors)
def test_a_bootstrap_draws_authors_or_stretches_of_the_few_there_are(names):
    posts = _posts(list(range(len(names)))[::-1], names)
    groups, units = author_groups(posts), resampling_units(posts)
    if len(np.unique(groups)) >= 5:
        np.testing.assert_array_equal(units, groups)
        assert few_authors(posts) == ""
        return
    assert "say nothing about other authors" in few_authors(posts)
    for unit in np.unique(units):
        inside = np.flatnonzero(units == unit)
        assert len(np.unique(groups[inside])) == 1
        own = np.flatnonzero(groups == groups[inside[0]])
        ranks = np.searchsorted(np.sort(posting_times(posts)[own]), posting_times(posts)[inside])
        assert np.ptp(ranks) == len(inside) - 1  # a run without gaps
    assert len(np.unique(units)) >= min(len(names), 15)


def test_one_authors_posts_are_twenty_stretches():
    units = resampling_units(_posts(list(range(200)), ["a"] * 200))
    np.testing.assert_array_equal(np.unique(units, return_counts=True)[1], [10] * 20)


@pytest.mark.parametrize(
    ("known", "of", "enough"),
    [(30, 30, True), (20, 20, True), (24, 30, False), (25, 30, True), (49, 100, False),
     (50, 100, True), (0, 40, False)],
)  # fmt: skip
def test_half_of_the_posts_have_to_be_dated(known, of, enough):
    posts = _posts([*range(known), *[None] * (of - known)])
    assert dated_enough(posts) is enough
    undated = ~np.isfinite(posting_times(posts)[oldest(posts)])
    assert undated.any() != enough or not known


def test_random_folds_where_one_author_has_nearly_all_posts():
    folds = selection_folds(_posts(authors=["a"] * 149 + ["b"]))
    assert folds[0].name.startswith("random")
    assert min(len(fold.train) for fold in folds) == 120
    assert selection_folds(_posts(authors=["a"] * 70 + ["b"] * 30))[0].name.startswith("author")


def test_plain_numbers_are_no_times():
    posts = pd.DataFrame({"posted_at": [1.7e9, 1.8e9]})
    with pytest.raises(InputError, match=r"plain numbers; give times.*unit='s'"):
        posting_times(posts)
    assert np.isnan(posting_times(posts * np.nan)).all()


@pytest.mark.parametrize("column", [["2026-05-01", "soon"], ["2026-05-01", "2026-05-01 18:00"]])
def test_what_is_no_time_is_told(column):
    posts = pd.DataFrame({"posted_at": column})
    with pytest.raises(
        InputError, match=r"`posted_at` does not hold times \(.*(soon|18:00)"
    ) as told:
        posting_times(posts)
    assert str(told.value).endswith("); correct or empty it")
    assert "You might" not in str(told.value)


def test_posts_of_one_instant_stand_on_one_side_of_a_window():
    """Dates without a clock put many posts at one instant, the border of a window among them."""
    days = np.random.default_rng(0).integers(0, 9, 200)
    posts = _posts((86_400 * days).tolist())
    for windows in (forward_splits(posts), rolling_splits(posts)):
        assert len(windows) > 2
        for one in windows:
            assert days[one.train].max() < days[one.test].min()


def test_rolling_windows_judge_the_newer_half_once_in_even_parts():
    order = np.random.default_rng(1).permutation(200)
    windows = rolling_splits(_posts(order.tolist()))
    assert [len(one.test) for one in windows] == [20] * 5
    judged = np.concatenate([one.test for one in windows])
    assert sorted(order[judged]) == list(range(100, 200))


@pytest.mark.parametrize("posts", [20, 39, 41, 59, 400])
def test_stretches_of_an_author_are_twenty_at_most_and_follow_each_other(posts):
    times = np.random.default_rng(posts).permutation(posts)
    units = resampling_units(_posts(times.tolist(), ["a"] * posts))
    different = np.unique(units)
    assert 10 < len(different) <= 20
    ends = sorted((times[units == one].min(), times[units == one].max()) for one in different)
    assert all(end < start for (_, end), (start, _) in pairwise(ends))


def test_single_posts_are_dealt_to_the_emptier_folds():
    groups = np.concatenate([np.zeros(10, dtype=np.int64), np.arange(1, 41)])
    assert [len(fold.test) for fold in folds_of_groups(groups, 5)] == [10] * 5
