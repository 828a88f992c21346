"""The middle of the trials that cannot be told from the best."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import make_case

from virality.modeling.consensus import middle, undecided
from virality.modeling.study import open_study
from virality.modeling.trials import FOLDS_HELD
from virality.modeling.tune import tune


def test_a_trial_that_is_behind_on_every_fold_is_told_apart():
    best = [1.0, 2.0, 3.0, 4.0]
    always = [1.1, 2.1, 3.1, 4.1]
    now_and_then = [0.8, 2.3, 2.9, 4.2]
    assert undecided([best, always, now_and_then]) == [0, 2]


def test_folds_of_another_number_or_a_single_one_decide_nothing():
    assert undecided([[1.0, 2.0], [1.0], [1.0, 2.0, 3.0], []]) == [0]
    assert undecided([[1.0], [1.0]]) == [0]
    assert undecided([(), ()]) == [0]


@given(
    st.lists(st.lists(st.floats(0.1, 10.0), min_size=5, max_size=5), min_size=1, max_size=20).map(
        lambda some: sorted(some, key=sum)
    )
)
def test_the_best_is_always_kept_and_the_order_stays(folds):
    kept = undecided(folds)
    assert kept[0] == 0
    assert kept == sorted(set(kept))


def test_more_folds_of_the_same_kind_tell_more_apart():
    lag = np.tile([0.5, -0.3], 200)
    few, many = (undecided([np.ones(n), 1.0 + lag[:n]]) for n in (6, 400))
    assert few == [0, 1]
    assert many == [0]


def test_numbers_meet_in_the_middle_and_choices_are_voted_on():
    trials = [
        {"loss": "l2", "learning_rate": 0.02, "num_leaves": 4, "lambda_l1": 1.0, "ridge": True},
        {"loss": "l1", "learning_rate": 0.08, "num_leaves": 16, "lambda_l1": 2.0, "ridge": False},
        {"loss": "l1", "learning_rate": 0.04, "num_leaves": 8, "lambda_l1": 6.0, "ridge": True},
    ]
    found = middle(trials)
    assert found == {
        "loss": "l1", "learning_rate": pytest.approx(0.04), "num_leaves": 8, "lambda_l1": 3.0,
        "ridge": True,
    }  # fmt: skip
    assert isinstance(found["num_leaves"], int)
    assert middle(trials[:1]) == trials[0]


def test_the_better_trial_breaks_a_tie():
    assert middle([{"dims": 4}, {"dims": 16}])["dims"] == 4
    assert middle([{"dims": 16}, {"dims": 4}])["dims"] == 16


def test_a_quantile_comes_from_the_trials_that_have_one():
    quantile = [{"loss": "quantile", "alpha": one} for one in (0.4, 0.6)]
    found = middle([{"loss": "l2"}, *quantile])
    assert found == {"loss": "quantile", "alpha": pytest.approx(0.5)}
    assert middle([*quantile[:1], {"loss": "l2"}, {"loss": "l2"}]) == {"loss": "l2"}


def test_a_study_returns_the_middle_of_its_trials(tmp_path):
    found = tune(*make_case(90), trials=12, study=tmp_path / "s.log")
    done = [one for one in open_study(tmp_path / "s.log").get_trials() if one.value is not None]
    done = sorted(
        (one for one in done if one.state.name == "COMPLETE"),
        key=lambda one: (one.value, one.number),
    )
    kept = undecided([one.user_attrs[FOLDS_HELD] for one in done])
    assert len(kept) > 1
    assert found.params == middle([done[place].params for place in kept])
    assert found.value == done[0].value
