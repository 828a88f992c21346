"""Rolling windows, comparisons, slices, learning curves and ablations."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from matrices import BLOCK, PLANTED, make_case, quick, small_model

from virality.data import splits
from virality.data.errors import InputError, UsageError
from virality.modeling import compare as judged
from virality.modeling import holdout
from virality.modeling.ablation import ablate
from virality.modeling.compare import Comparison, compare, judge_difference
from virality.modeling.curve import Point, _chooser, _judge, learning_curve
from virality.modeling.evaluate import evaluate
from virality.modeling.ground import lay_ground, possible_split
from virality.modeling.metrics import Judged, Metric, score, score_differences
from virality.modeling.slices import _acquaintance, _durations, _tenths, slice_up
from virality.modeling.train import train

pytestmark = pytest.mark.usefixtures("light_recipes")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=2, max_size=80), st.integers(1, 6))
def test_every_window_learns_only_from_what_was_before(days, windows):
    times = pd.to_datetime(1.7e9 + 86400.0 * np.array(days), unit="s", utc=True)
    posts = pd.DataFrame({"posted_at": times})
    if len(set(days)) < 2:
        with pytest.raises(InputError, match="no split by time"):
            splits.rolling_splits(posts, windows)
        return
    plan = splits.rolling_splits(posts, windows)
    judged = np.concatenate([one.test for one in plan])
    assert len(set(judged)) == len(judged)
    for one in plan:
        assert len(one.train)
        assert len(one.test)
        assert np.array(days)[one.train].max() < np.array(days)[one.test].min()


def test_a_rolling_evaluation_judges_the_newer_half():
    matrix, posts = make_case()
    one = evaluate(quick(small_model()), matrix, posts, split="rolling")
    assert one.split == "rolling"
    assert one.rows == 60
    assert set(one.ids) == set(posts.sort_values("posted_at")["id"].iloc[60:])
    assert "each judged by what was posted before" in one.verdict
    assert set(one.optimism_gap) == {"spearman", "r2", "mae"}


def test_without_times_a_rolling_split_is_by_author():
    matrix, posts = make_case(60)
    ground = lay_ground(small_model(), matrix, posts.drop(columns="posted_at"), split="rolling")
    assert ground.split == "author"
    assert "not by time" in ground.notes[0]


@settings(max_examples=25, deadline=None)
@given(st.integers(5, 80), st.integers(0, 1000))
@example(5, 428)  # all posts are of one group
def test_differences_are_paired(n, seed):
    rng = np.random.default_rng(seed)
    actual = rng.normal(4, 1, n)
    hit = (actual > 4.5).astype(float)
    one, other = (
        Judged(actual, actual + rng.normal(0, sd, n), hit, rng.random(n), True) for sd in (0.3, 0.6)
    )
    groups = rng.integers(0, n, n)
    got = score_differences(one, other, groups, seed)
    first, second = score(one, groups, seed), score(other, groups, seed)
    for name, gain in got.items():
        np.testing.assert_allclose(gain.value, second[name].value - first[name].value)
    same = score_differences(one, one, groups, seed)
    assert all(gain.value == 0 for gain in same.values())
    ends = np.array([(gain.low, gain.high) for gain in same.values()])
    # One group alone shows nothing of chance.
    np.testing.assert_array_equal(ends, 0.0 if len(np.unique(groups)) > 1 else np.nan)
    back = score_differences(other, one, groups, seed)
    np.testing.assert_allclose(back["mae"].low, -got["mae"].high)


@pytest.fixture(scope="module")
def blind():
    """Return a model that does not know the followers, the strongest of the planted columns."""
    matrix, posts = make_case()
    keep = [name for name in matrix.frame.columns if name != PLANTED[0]]
    columns = {name: matrix.columns[name] for name in keep}
    return quick(train(replace(matrix, frame=matrix.frame[keep], columns=columns), posts))


@pytest.fixture(scope="module")
def comparison(blind) -> Comparison:
    matrix, posts = make_case()
    return compare(
        blind, quick(small_model()), matrix, posts, names=("blind", "whole"), split="author"
    )


def test_a_real_difference_is_called_real(comparison):
    assert comparison.real
    assert comparison.differences["mae"].high < 0
    assert comparison.verdict.startswith(
        "On 120 posts of authors held out the recipe of whole is better than the recipe of blind: "
        "its mean error is"
    )
    assert comparison.first["mae"].value > comparison.second["mae"].value
    json.dumps(comparison.as_json(), allow_nan=False)


def test_the_other_way_round_is_the_same_difference(blind, comparison, monkeypatch):
    def fail(*_, **__):
        raise AssertionError("fitted again")

    monkeypatch.setattr(holdout, "fit_stack", fail)
    matrix, posts = make_case()
    back = compare(
        quick(small_model()), blind, matrix, posts, names=("whole", "blind"), split="author"
    )
    assert back.verdict == comparison.verdict
    np.testing.assert_allclose(back.differences["mae"].value, -comparison.differences["mae"].value)


def test_a_model_does_not_differ_from_itself():
    matrix, posts = make_case()
    got = compare(quick(small_model()), quick(small_model()), matrix, posts)
    assert not got.real
    assert "say the same" in got.verdict
    assert "--as-trained" in got.verdict


def test_noise_is_not_called_a_difference(monkeypatch):
    matrix, posts = make_case(240)
    one, other = (quick(train(matrix, posts, seed=seed)) for seed in (0, 1))
    got = compare(one, other, matrix, posts)
    assert not got.real
    assert "cannot be told apart: they are the same but for the seed, and their" in got.verdict
    lucky = Metric(-0.069, -0.153, -0.005)
    monkeypatch.setattr(judged, "score_differences", lambda *_: {"mae": lucky})
    got = compare(one, other, matrix, posts)
    assert not got.real
    assert "mean errors differ by 0.069 for luck alone." in got.verdict
    dims = replace(other.recipe, dims=other.recipe.dims + 1)
    other = replace(other, stack=replace(other.stack, recipe=dims))
    assert compare(one, other, matrix, posts).real


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            Metric(-0.2, -0.3, -0.1),
            "B is better than A: its mean error is 0.200 smaller (0.100 to 0.300), which is more",
        ),
        (Metric(0.2, 0.1, 0.3), "A is better than B: its mean error is 0.200 smaller (0.100 to"),
        (Metric(0.2, -0.1, 0.3), "A and B cannot be told apart: the mean error of A is 0.200"),
        (Metric(-0.2, -0.3, 0.0), "A and B cannot be told apart: the mean error of B is 0.200"),
        (
            Metric(-0.0002, -0.0004, -0.0001),
            "B is better than A: its mean error is smaller by less than 0.0005, which is more than",
        ),
        (
            Metric(0.0, -0.0001, 0.0001),
            "A and B cannot be told apart: their mean errors differ by less than 0.0005.",
        ),
    ],
)
def test_a_difference_is_told_with_its_side_and_its_size(error, said):
    assert judge_difference(error, ("A", "B")).startswith(said)


def test_models_of_different_targets_are_not_compared():
    matrix, posts = make_case()
    likes = posts.assign(likes=posts["views"])
    with pytest.raises(UsageError, match="'views' and 'likes'"):
        compare(small_model(), train(matrix, likes, target="likes"), matrix, likes)


def test_slices_hold_the_posts_that_they_name():
    matrix, posts = make_case(240)
    posts["duration_s"] = np.tile([5.0, 30.0, np.nan], 80)
    model = quick(train(matrix, posts))
    ground = lay_ground(model, matrix, posts, split="random")
    one = evaluate(model, matrix, posts, split="random")
    found = slice_up(one, ground)
    by_kind = {kind: [s for s in found if s.kind == kind] for kind in {s.kind for s in found}}
    assert set(by_kind) == {"author", "followers", "duration"}
    assert [s.rows for s in by_kind["duration"]] == [80, 80]
    assert [s.name for s in by_kind["duration"]] == ["0 to 10 s", "20 to 40 s"]
    assert all(s.rows >= 20 for s in found)
    assert sum(s.rows for s in by_kind["followers"]) <= 240
    assert [s.name for s in by_kind["author"]] == ["learned from"]
    error = np.abs(np.array(one.actual) - np.array(one.mean))
    place = posts.set_index("id")["duration_s"].loc[list(one.ids)].to_numpy() == 5.0
    np.testing.assert_allclose(by_kind["duration"][0].metrics["mae"].value, error[place].mean())
    actual, mean, low, high = (np.array(getattr(one, n)) for n in ("actual", "mean", "low", "high"))
    inside = (low <= actual) & (actual <= high)
    told = by_kind["duration"][0]
    np.testing.assert_allclose(told.metrics["bias"].value, (actual - mean)[place].mean())
    np.testing.assert_allclose(told.metrics["coverage"].value, inside[place].mean())
    assert told.authors == posts.loc[posts["duration_s"] == 5.0, "author_id"].nunique()
    followers = posts.set_index("id")["author_followers"].loc[list(one.ids)].to_numpy(float)
    for part in by_kind["followers"]:
        least, most = (float(end.replace(",", "")) for end in part.name.split(" to "))
        assert part.rows == ((least <= followers) & (followers <= most)).sum()
    json.dumps([s.as_json() for s in found], allow_nan=False)


def test_posts_are_named_by_the_part_that_they_are_in():
    values = np.array([np.nan, *np.arange(59.0), np.inf])
    names = [one.partition("|")[2] for one in _tenths(values)]
    assert names == ["", *["0 to 28"] * 29, *["29 to 58"] * 30, ""]
    ordered = [*sorted(set(_tenths(np.arange(260.0))))]
    assert [one.partition("|")[2] for one in ordered][::9] == ["0 to 25", "234 to 259"]
    assert set(_tenths(np.arange(39.0))) == {""}
    seconds = np.array([np.nan, -1.0, 0.0, 9.99, 10.0, 40.0, 59.9, 60.0, 600.0])
    wanted = ["", "", *["0 to 10 s"] * 2, "10 to 20 s", *["40 to 60 s"] * 2, *["60 s and more"] * 2]
    assert [one.partition("|")[2] for one in _durations(seconds)] == wanted


def test_whether_an_author_was_learned_from_is_asked_part_by_part():
    posts = pd.DataFrame({"author_id": ["a", "a", "b", None, None, "b", "c"]})
    plan = [
        splits.Split("first", np.array([0, 3]), np.array([1, 2, 4])),
        splits.Split("second", np.array([0, 2]), np.array([5, 6])),
    ]
    told = ["", "learned from", "unseen", "", "unknown", "learned from", "unseen"]
    assert list(_acquaintance(posts, plan)) == told


def test_authors_held_out_are_unseen_and_windows_are_slices():
    matrix, posts = make_case(200)
    model = quick(train(*make_case(60)))
    for split, kind, names in (
        ("author", "author", ["unseen"]),
        ("rolling", "window", [f"rolling {i} of 5" for i in range(1, 6)]),
    ):
        ground = lay_ground(model, matrix, posts, split=split)
        found = slice_up(evaluate(model, matrix, posts, split=split), ground)
        assert [s.name for s in found if s.kind == kind] == names


def test_languages_are_slices():
    matrix, posts = make_case(60)
    chance = np.tile([0.9, 0.2], 30).astype(np.float32)
    frame = matrix.frame.assign(
        text_language__en_probability=chance, text_language__es_probability=1 - chance
    )
    column = matrix.columns[f"{BLOCK}0"]
    more = {
        name: replace(column, name=name, block="")
        for name in frame.columns.difference(matrix.frame.columns)
    }
    wide = replace(matrix, frame=frame, columns={**matrix.columns, **more})
    model = quick(train(wide, posts))
    ground = lay_ground(model, wide, posts, split="random")
    found = slice_up(evaluate(model, wide, posts, split="random"), ground)
    assert [(s.name, s.rows) for s in found if s.kind == "language"] == [("en", 30), ("es", 30)]


def test_a_learning_curve_grows_and_ends_with_the_evaluation():
    matrix, posts = make_case(300, noise=0.5)
    model = quick(train(matrix, posts))
    ticks = []
    got = learning_curve(model, matrix, posts, progress=lambda *a: ticks.append(a))
    assert [point.rows for point in got.points] == [30, 60, 120, 240]
    assert ticks[-1] == (4, 4)
    whole = evaluate(model, matrix, posts)
    assert got.points[-1].metrics == whole.metrics
    assert got.points[0].metrics["mae"].value > got.points[-1].metrics["mae"].value
    gain = got.points[-1].metrics["mae"].value - got.points[-2].metrics["mae"].value
    np.testing.assert_allclose(got.last_doubling["mae"].value, gain)
    assert "From 120 to 240 posts" in got.verdict
    json.dumps(got.as_json(), allow_nan=False)


def test_parts_of_a_curve_hold_the_smaller_ones():
    train_rows = np.arange(100, 300)
    parts = [set(_chooser(share, 3)(train_rows)) for share in (0.125, 0.25, 0.5)]
    assert [len(part) for part in parts] == [25, 50, 100]
    assert parts[0] < parts[1] < parts[2] < set(train_rows)


@pytest.mark.parametrize(
    ("gain", "said"),
    [
        (Metric(-0.2, -0.3, -0.1), "fell by 0.200 (0.100 to 0.300): more posts may help"),
        (Metric(0.2, 0.1, 0.3), "rose by 0.200 (0.100 to 0.300): older or other posts do not"),
        (Metric(-0.2, -0.5, 0.1), "changed by -0.200 (-0.500 to +0.100), no more than chance"),
        (Metric(-0.2, -0.5, 0.0), "changed by -0.200 (-0.500 to +0.000), no more than chance"),
        (Metric(-0.0002, -0.0003, -0.0001), "did not change."),
        (
            Metric(0.1, np.nan, np.nan),
            "changed by +0.100, and one judged post says nothing of chance.",
        ),
    ],
)
def test_a_curve_says_what_the_last_doubling_brought(gain, said):
    points = [Point(share, rows, {}) for share, rows in ((0.5, 60), (1.0, 120))]
    told = _judge(points, {"mae": gain})
    assert told.startswith(f"From 60 to 120 posts the mean error {said}")


def test_too_few_posts_make_no_curve():
    matrix, posts = make_case(40)
    got = learning_curve(train(matrix, posts), matrix, posts)
    assert len(got.points) == 1
    assert "too few" in got.verdict


def test_an_ablation_finds_the_modality_that_matters():
    matrix, posts = make_case(200)
    pace = matrix.frame["frames_motion__cut_rate"].to_numpy(np.float64)
    posts["views"] = (posts["views"].astype(float) * 10 ** (2 * pace)).astype("int64")
    model = quick(train(matrix, posts))
    got = ablate(model, matrix, posts)
    without = {p.modality: p for p in got.parts if p.kind == "without"}
    assert {"text", "audio", "frames", "metadata"} <= set(without)
    worst = max(without.values(), key=lambda p: p.differences["mae"].value)
    assert worst.modality == "frames"
    assert worst.differences["mae"].low > 0
    assert "frames" in got.verdict.partition(" the model is worse")[0]
    assert got.verdict.endswith("the best alone is frames.")
    whole = len(model.columns)
    assert all(p.columns < whole for p in got.parts if p.modality != "history")
    assert {p.columns for p in got.parts if p.kind == "alone" and p.modality == "history"} <= {0}
    json.dumps(got.as_json(), allow_nan=False)


def test_one_modality_has_nothing_to_leave_out():
    matrix, posts = make_case(60)
    keep = [name for name in matrix.frame.columns if name.startswith("metadata")]
    columns = {name: matrix.columns[name] for name in keep}
    narrow = replace(matrix, frame=matrix.frame[keep], columns=columns)
    timeless = posts.drop(columns="posted_at")
    got = ablate(quick(train(narrow, timeless)), narrow, timeless, split="author")
    assert got.parts == ()
    assert "one modality only" in got.verdict


def test_a_split_that_is_not_there_is_refused():
    with pytest.raises(UsageError, match="no split 'tempral'; choose one of temporal, rolling"):
        learning_curve(small_model(), *make_case(), split="tempral")


@pytest.mark.parametrize(
    ("dated", "split", "said"),
    [
        (10, "author", "Posting times are known of 10 of 90 posts only, so the split is author"),
        (60, "temporal", "30 of 90 posts have no posting time: they are neither learned from"),
    ],
)
def test_posts_without_a_time_are_told(dated, split, said):
    _, posts = make_case(90)
    posts.loc[posts.index >= dated, "posted_at"] = pd.NaT
    got, notes = possible_split("temporal", posts)
    assert got == split
    assert any(said in note for note in notes)


def test_an_author_of_nearly_all_posts_cannot_be_held_out():
    _, posts = make_case(60)
    got, notes = possible_split("author", posts.assign(author_id=["a"] * 58 + ["b"] * 2))
    assert got == "temporal"
    assert notes == ("One author has nearly all posts, so the split is temporal, not by author.",)


def test_a_modality_that_no_post_has_is_nothing_to_leave_out():
    matrix, posts = make_case(90)
    frame = matrix.frame.copy()
    frame[[n for n, one in matrix.columns.items() if one.modality == "audio"]] = np.float32("nan")
    silent = replace(matrix, frame=frame)
    found = ablate(quick(train(silent, posts)), silent, posts)
    assert "audio" not in {part.modality for part in found.parts}
    assert {"frames", "metadata", "text"} <= {part.modality for part in found.parts}


def test_without_history_newer_posts_still_count_more():
    matrix, posts = make_case(400, authors=200, wide=8, noise=0.3)
    pace = matrix.frame["frames_motion__cut_rate"].to_numpy(np.float64)
    turned = np.linspace(-1, 1, 400)  # the rule turns round: only the newest posts tell of it
    views = (10 ** (3 + 2 * turned * (pace - 1))).astype("int64")
    alone = [f"a{number}" for number in range(400)]  # so that history has nothing to say
    posts = posts.assign(views=views, author_id=alone).drop(columns=["hashtags", "sound_id"])
    model = quick(train(matrix, posts))
    recipe = replace(model.recipe, half_life=0.1)
    got = ablate(replace(model, stack=replace(model.stack, recipe=recipe)), matrix, posts)
    for part in got.parts:
        if part.kind == "without" and part.modality == "history":
            assert abs(part.differences["mae"].value) < 0.02
    kept = {part.modality for part in got.parts}
    assert "history" in kept
