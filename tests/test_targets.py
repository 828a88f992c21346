import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from virality.data.errors import InputError, UsageError
from virality.modeling.targets import TARGETS, available_targets, find_target


def _posts(**columns):
    return pd.DataFrame({name: pd.array(v, dtype="Int64") for name, v in columns.items()})


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=20))
def test_counts_come_back_from_the_learning_scale(counts):
    target = find_target("views")
    back = target.to_units(target.values(_posts(views=counts)))
    np.testing.assert_allclose(back, counts, rtol=1e-9, atol=1e-9)


def test_missing_outcomes_stay_missing():
    y = find_target("likes").values(_posts(likes=[9, None, 0]))
    np.testing.assert_array_equal(y, [1.0, np.nan, 0.0])


def test_popularity_is_learned_as_it_is():
    posts = pd.DataFrame({"popularity": [1.2, 13.4, np.nan]})
    target = find_target("popularity")
    np.testing.assert_array_equal(target.values(posts), [1.2, 13.4, np.nan])
    assert target.to_units(7.5) == 7.5
    assert target.scale == "log score"


def test_a_count_below_zero_predicted_is_zero():
    assert find_target("views").to_units(np.array([-0.5]))[0] == 0.0


def test_a_target_that_is_not_there_names_those_that_are():
    posts = _posts(likes=[1], views=[None])
    assert available_targets(posts) == ("likes",)
    for name in ("shares", "views"):
        with pytest.raises(InputError, match=rf"{name}.*targets there: likes$"):
            find_target(name).values(posts)


def test_an_unknown_target_names_all():
    with pytest.raises(UsageError, match="views, likes, comments, shares, saves, popularity"):
        find_target("fame")


def test_negative_counts_are_refused_with_row_and_value():
    with pytest.raises(InputError, match=r"row 1 has views = -3"):
        find_target("views").values(_posts(views=[1, -3]))


def test_the_registry_holds_each_target_under_its_name():
    assert all(target.name == name for name, target in TARGETS.items())
