import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from virality.data.errors import InputError
from virality.data.splits import (
    author_folds,
    author_groups,
    folds_of_groups,
    forward_splits,
    oldest,
    posting_times,
    random_folds,
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
