"""Leaks planted in a clean case are found, and nothing is found in the clean case."""

import json

import numpy as np
import pandas as pd
import pytest
from matrices import make_case

from virality.data.errors import InputError
from virality.data.matrix import Column, FeatureMatrix
from virality.modeling.audit import _ordered, audit, lasting_power, told_apart


@pytest.fixture(scope="module")
def clean():
    return make_case(600, authors=80, noise=0.6)


def plant(case, values, name="metadata_x__leak"):
    matrix, posts = case
    frame = matrix.frame.copy()
    frame[name] = np.asarray(values, dtype=np.float32)
    columns = {**matrix.columns, name: Column(name, "metadata")}
    return FeatureMatrix(frame, columns, matrix.versions), posts


def outcome(case):
    return np.log10(1 + case[1]["views"].to_numpy(float))


def kinds(case, **options):
    return {(one.kind, one.column) for one in audit(*case, **options).findings}


def test_a_clean_case_has_no_findings(clean):
    found = audit(*clean)
    assert found.findings == ()
    assert (found.posts, found.columns) == (600, 55)


@pytest.mark.parametrize("change", ["log", "plain", "negated"])
def test_a_copy_of_the_outcome_is_found(clean, change):
    y = outcome(clean)
    noisy = y + np.random.default_rng(0).normal(0, 0.05, len(y))
    values = {"log": noisy, "plain": 10**y, "negated": -noisy}[change]
    assert kinds(plant(clean, values)) == {("copy", "metadata_x__leak")}


def test_a_column_that_predicts_too_well_is_found(clean):
    y = outcome(clean)
    rng = np.random.default_rng(1)
    likes = y + rng.normal(0, 0.4, len(y))
    assert ("too_good", "metadata_x__leak") in kinds(plant(clean, likes))
    humped = np.abs(np.argsort(np.argsort(y)) / len(y) - 0.5) * rng.choice([-1, 1], len(y))
    two_sided = plant(clean, np.where(humped > 0, y, -y) + rng.normal(0, 0.1, len(y)))
    assert kinds(two_sided) == {("too_good", "metadata_x__leak")}


def test_an_identifier_that_carries_order_is_found(clean):
    assert kinds(plant(clean, np.arange(600) * 3 + 7)) == {("order", "metadata_x__leak")}
    shuffled = np.random.default_rng(0).permutation(600)
    assert kinds(plant(clean, shuffled)) == set()


def test_a_column_that_is_there_for_successes_only_is_found(clean):
    y = outcome(clean)
    values = np.where(y > np.quantile(y, 0.7), 1.0, np.nan)
    assert kinds(plant(clean, values)) == {("missing", "metadata_x__leak")}


def test_duplicates_across_folds_are_found(clean):
    matrix, posts = clean
    frame = matrix.frame.copy()
    content = [n for n, c in matrix.columns.items() if c.modality in ("text", "frames", "audio")]
    frame.iloc[580:, [frame.columns.get_loc(n) for n in content]] = frame[content].iloc[:20]
    found = audit(FeatureMatrix(frame, matrix.columns, matrix.versions), posts).findings
    assert {one.kind for one in found} == {"duplicates"}
    assert found[0].value == pytest.approx(20 / 120)
    assert "'post00580'" in found[0].sentence


@pytest.mark.parametrize(("reposts", "found"), [(1, False), (3, True)])
def test_one_repost_is_usual_and_three_are_told(reposts, found):
    matrix, posts = make_case(100, authors=25)
    content = [n for n, c in matrix.columns.items() if c.modality in ("text", "frames", "audio")]
    places = [matrix.frame.columns.get_loc(n) for n in content]
    frame = matrix.frame.copy()
    frame.iloc[-reposts:, places] = frame.iloc[:reposts, places].to_numpy()
    seen = audit(FeatureMatrix(frame, matrix.columns, matrix.versions), posts).findings
    assert ("duplicates" in {one.kind for one in seen}) is found


def test_posts_that_share_a_caption_are_not_said_to_be_one_where_only_captions_are_known(clean):
    matrix, posts = clean
    names = [n for n, c in matrix.columns.items() if c.modality not in ("frames", "audio")]
    frame = matrix.frame[names].copy()
    words = [n for n in names if matrix.columns[n].modality == "text"]
    frame.loc[frame.index[::4], words] = frame.loc[frame.index[0], words].to_numpy()
    columns = {name: matrix.columns[name] for name in names}
    found = audit(FeatureMatrix(frame, columns, matrix.versions), posts).findings
    assert [one.kind for one in found] == ["duplicates", "duplicates"]
    for one in found:
        assert one.value == pytest.approx(0.25)
        assert "have the same caption as a post" in one.sentence
        assert "content" not in one.sentence


def test_posts_without_content_are_no_twins(clean):
    matrix, posts = clean
    frame = matrix.frame.copy()
    content = [n for n, c in matrix.columns.items() if c.modality in ("text", "frames", "audio")]
    frame.loc[frame.index[::3], content] = np.nan
    found = audit(FeatureMatrix(frame, matrix.columns, matrix.versions), posts).findings
    assert not [one for one in found if one.kind == "duplicates"]


def test_power_that_vanishes_with_time_is_found(clean):
    y = outcome(clean)
    rng = np.random.default_rng(2)
    order = clean[1]["posted_at"].rank().to_numpy()
    values = np.where(order <= 480, y + rng.normal(0, 0.8, 600), rng.normal(3, 1, 600))
    assert kinds(plant(clean, values)) == {("vanishing", "metadata_x__leak")}
    undated = clean[1].drop(columns="posted_at")
    found = audit(plant(clean, values)[0], undated)
    assert not [one for one in found.findings if one.kind == "vanishing"]
    assert "times are unknown" in found.notes[-1]


def test_columns_known_afterwards_are_looked_at_only_when_allowed(clean):
    matrix, posts = plant(clean, outcome(clean))
    late = Column("metadata_x__leak", "metadata", known="post")
    matrix = FeatureMatrix(matrix.frame, {**matrix.columns, late.name: late}, matrix.versions)
    shy = audit(matrix, posts)
    assert shy.findings == ()
    assert "metadata_x__leak" in shy.notes[0]
    assert kinds((matrix, posts), allow_post=True) == {("copy", "metadata_x__leak")}


def test_it_is_json_and_the_same_again(clean):
    leaky = plant(clean, outcome(clean))
    text = json.dumps(audit(*leaky).as_json(), allow_nan=False)
    assert text == json.dumps(audit(*leaky).as_json(), allow_nan=False)
    assert json.loads(text)["findings"][0]["kind"] == "copy"


def test_too_few_posts_are_refused():
    with pytest.raises(InputError, match="at least 50"):
        audit(*make_case(40))


def test_power_is_zero_for_noise():
    rng = np.random.default_rng(3)
    halves = np.arange(0, 400), np.arange(400, 800)
    assert abs(lasting_power(rng.normal(size=800), rng.normal(size=800), halves)) < 0.15


def test_every_target_can_be_audited(clean):
    posts = clean[1].assign(
        likes=pd.array(clean[1]["views"] // 10, dtype="Int64"),
        comments=pd.array(clean[1]["views"] // 100, dtype="Int64"),
    )
    for target in ("lift", "engagement", "hit:times=5"):
        assert audit(clean[0], posts, target=target).target == target


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_a_flag_that_knows_who_succeeded_is_found(clean, share):
    y = outcome(clean)
    flag = y >= np.quantile(y, 1 - share)
    assert ("too_good", "metadata_x__leak") in kinds(plant(clean, flag))
    assert ("too_good", "metadata_x__leak") in kinds(plant(clean, ~flag))
    wrong = np.random.default_rng(2).random(len(y)) < 0.15  # an honest flag errs now and then
    assert kinds(plant(clean, flag ^ wrong)) == set()


def test_few_posts_with_a_flag_are_no_proof(clean):
    flag = np.zeros(600)
    flag[np.argsort(outcome(clean))[-8:]] = 1
    assert kinds(plant(clean, flag)) == set()


def test_equal_outcomes_are_no_pair_that_a_flag_orders():
    said = np.repeat([0.0, 1.0], 10)
    outcome = np.array([1.0] * 10 + [1.0] * 4 + [2.0] * 5 + [0.0])
    assert _ordered(said, outcome) == pytest.approx(50 / 60)


@pytest.mark.parametrize("turned", [False, True])
def test_the_half_that_knows_less_decides_whichever_comes_first(turned):
    rng = np.random.default_rng(5)
    n = 400
    first, second = np.arange(n), np.arange(n, 2 * n)
    halves = (second, first) if turned else (first, second)
    # In the one half the column is the outcome, in the other hardly more than a hint of it.
    y = rng.uniform(0, 10, 2 * n)
    x = np.where(np.arange(2 * n) < n, y, y + rng.normal(0, 4, 2 * n))
    hint = np.corrcoef(np.argsort(np.argsort(x[second])), np.argsort(np.argsort(y[second])))[0, 1]
    assert lasting_power(x, y, halves) == pytest.approx(hint, abs=0.05)
    flag = (x > 5).astype(float)
    above, below = y[second][flag[second] == 1], y[second][flag[second] == 0]
    right = float((above[:, None] > below).mean())
    assert told_apart(flag, y, halves) == pytest.approx(right, abs=1e-9)
    assert right < 0.9
