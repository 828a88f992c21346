import json
from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matrices import make_case, quick, respond, small_model
from scipy.stats import norm, spearmanr, t

from virality.data.errors import InputError
from virality.data.matrix import Column, FeatureMatrix
from virality.data.splits import resampling_units
from virality.modeling import holdout
from virality.modeling.baselines import fit_baselines
from virality.modeling.compare import compare
from virality.modeling.evaluate import RANKS, Evaluation, evaluate
from virality.modeling.ground import lay_ground
from virality.modeling.metrics import (
    LIMITS,
    Judged,
    Metric,
    _metric,
    mean_with_interval,
    score,
    score_differences,
    top_share,
)
from virality.modeling.slices import slice_up
from virality.modeling.train import train
from virality.reports.belief import believe
from virality.workflow.judge import Judgement
from virality.workflow.terminal import show_evaluation
from virality.workflow.terminal_judge import show_judgement

pytestmark = pytest.mark.usefixtures("light_recipes")

NAMES = ["spearman", "mae", "r2", "mape", "factor", "precision_top10", "lift_top10", "brier"]


def _judged(actual, predicted):
    hit = (actual > np.quantile(actual, 0.8)).astype(float)
    return Judged(actual, predicted, hit, np.full(len(actual), 0.2), True)


def test_an_error_is_no_share_of_the_logarithm_of_a_ratio():
    growth = np.array([0.001, 0.2, 0.3, 0.5])  # times the first day's views, none below once
    judged = _judged(growth, growth + 0.1)
    assert score(judged, np.arange(4))["mape"].value > 20
    found = score(replace(judged, ratio=True), np.arange(4))
    assert np.isnan(found["mape"].value)
    assert found["factor"].value == pytest.approx(10**0.1)


def test_scores_are_their_definitions():
    rng = np.random.default_rng(0)
    actual = rng.normal(4, 1, 200)
    predicted = actual + rng.normal(0, 1, 200)
    got = score(_judged(actual, predicted), np.arange(200))
    error = actual - predicted
    assert list(got) == NAMES
    np.testing.assert_allclose(got["spearman"].value, spearmanr(actual, predicted)[0])
    np.testing.assert_allclose(got["mae"].value, np.abs(error).mean())
    np.testing.assert_allclose(got["factor"].value, 10 ** np.abs(error).mean())
    np.testing.assert_allclose(got["mape"].value, np.mean(np.abs(error) / actual))
    wanted = 1 - (error**2).sum() / ((actual - actual.mean()) ** 2).sum()
    np.testing.assert_allclose(got["r2"].value, wanted)
    top = set(np.argsort(-actual)[:20]) & set(np.argsort(-predicted)[:20])
    np.testing.assert_allclose(got["precision_top10"].value, len(top) / 20)
    np.testing.assert_allclose(got["lift_top10"].value, len(top) / 2)
    assert all(metric.low <= metric.value <= metric.high for metric in got.values())
    chance = rng.uniform(size=200)
    unsure = replace(_judged(actual, predicted), hit_probability=chance)
    wanted = np.mean((unsure.hit - chance) ** 2)
    np.testing.assert_allclose(score(unsure, np.arange(200))["brier"].value, wanted)
    few = score(_judged(np.arange(1.0, 6.0), np.arange(1.0, 6.0)), np.arange(5))
    np.testing.assert_allclose(few["lift_top10"].value, 5)  # the one best post of five


@pytest.mark.parametrize("authors", [100, 10])
def test_no_lift_is_beyond_what_a_tenth_allows(authors):
    actual = np.random.default_rng(0).normal(4, 1, 100)
    nearly = actual - np.isin(np.arange(100), np.argsort(-actual)[:2])
    lift = score(_judged(actual, nearly), np.arange(100) % authors)["lift_top10"]
    assert lift.value == pytest.approx(8.0)
    assert lift.low < lift.value < lift.high <= 10.0 + 1e-9


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    held = 0
    for seed in range(60):
        values = np.random.default_rng(seed).normal(1.0, 2.0, 80)
        metric = mean_with_interval(values, np.arange(80), seed)
        held += metric.low <= 1.0 <= metric.high
    assert 51 <= held <= 60


def test_posts_of_one_author_are_not_independent():
    values = np.repeat(np.random.default_rng(0).normal(size=20), 30)
    alone = mean_with_interval(values, np.arange(600))
    whole = mean_with_interval(values, np.repeat(np.arange(20), 30))
    assert whole.high - whole.low > 3 * (alone.high - alone.low)


@settings(max_examples=50)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=60))
def test_the_top_tenth_is_a_tenth_with_ties_shared(values):
    got = top_share(np.array(values, dtype=float))
    np.testing.assert_allclose(got.sum(), max(1.0, len(values) / 10))
    assert ((got >= 0) & (got <= 1)).all()


def test_a_constant_ranks_nothing_and_lifts_nothing():
    actual = np.random.default_rng(0).normal(4, 1, 300)
    got = score(_judged(actual, np.full(300, 4.0)), np.arange(300))
    assert got["spearman"].value == 0.0
    np.testing.assert_allclose(got["lift_top10"].value, 1.0)


def test_baselines_learn_from_training_posts_only():
    _, posts = make_case(60)
    y = np.log10(1 + posts["views"].to_numpy(dtype=float))
    fitted = fit_baselines(posts, y)
    stranger = posts.iloc[:1].assign(author_id="nobody", author_followers=pd.NA)
    for name in ("constant", "author_median", "followers"):
        np.testing.assert_allclose(fitted[name].predict(stranger), np.median(y))
    author = posts["author_id"].iloc[0]
    own = np.median(y[(posts["author_id"] == author).to_numpy()])
    np.testing.assert_allclose(fitted["author_median"].predict(posts.iloc[:1]), own)
    assert np.corrcoef(fitted["followers"].predict(posts), y)[0, 1] > 0.5
    bare = pd.DataFrame({"id": ["a", "b"]})
    assert np.isfinite(fitted["followers"].predict(bare)).all()
    chance = fitted["constant"].hit_probability(np.array([0.0, 9.0]), 5.0)
    assert chance[0] <= chance[1]


def test_baselines_are_what_their_names_say():
    y = np.array([1.0, 2.0, 3.0, 4.0, 6.0, 5.0])
    posts = pd.DataFrame(
        {
            "author_id": ["ä", "ä", "ä", "b", None, None],
            "author_followers": pd.array([0, 9, 99, 999, -5, None], dtype="Int64"),
        }
    )
    fitted = fit_baselines(posts, y)
    np.testing.assert_allclose(fitted["author_median"].predict(posts), [2, 2, 2, 4, 3.5, 3.5])
    slope, start = np.polyfit([0, 1, 2, 3, 0], y[:5], 1)
    line = fitted["followers"].predict(posts)
    np.testing.assert_allclose(line, [*(start + slope * np.array([0, 1, 2, 3, 0])), 3.5])
    rest = y - 3.5
    said = np.array([1.0, 3.5, 4.5, 9.0])
    wanted = [np.mean(one + rest >= 4.5) for one in said]
    np.testing.assert_allclose(fitted["constant"].hit_probability(said, 4.5), wanted)


@pytest.fixture(scope="module")
def judged_model():
    return quick(small_model(), rounds=60, folds=3)


@pytest.fixture(scope="module")
def evaluations(judged_model):
    matrix, posts = make_case()
    return {
        s: evaluate(judged_model, matrix, posts, split=s) for s in ("temporal", "author", "random")
    }


def test_the_model_beats_every_baseline_where_there_is_a_rule(evaluations):
    one = evaluations["author"]
    assert one.verdict in repr(one)
    assert one.ids[0] not in repr(one)  # what a notebook shows grows with no post
    assert one.metrics["spearman"].value > 0.7
    assert all(gain.low > 0 for gain in one.differences.values())
    assert one.verdict == (
        "On 120 posts of authors held out the model beats a constant, the author's median and "
        "followers alone; each 95 % interval excludes chance."
    )


def test_every_split_is_whole(evaluations):
    assert (evaluations["temporal"].rows, evaluations["author"].rows) == (24, 120)
    for split, one in evaluations.items():
        assert one.split == split
        assert list(one.metrics) == NAMES
        assert list(one.baselines) == ["constant", "author_median", "followers"]
        assert len(one.ids) == len(one.actual) == len(one.mean) == len(one.low) == one.rows
        assert set(one.optimism_gap) == {"spearman", "r2", "mae"}
    gap = evaluations["random"].metrics["mae"].value - evaluations["author"].metrics["mae"].value
    np.testing.assert_allclose(evaluations["author"].optimism_gap["mae"], gap)
    assert "flatter" in evaluations["random"].notes[0]


def test_what_random_folds_are_held_against_is_told(evaluations, capsys):
    for split, said in (
        ("temporal", "(random folds less this split)"),
        ("random", "(these random folds less a split by time or, without times, by author)"),
    ):
        show_evaluation(evaluations[split])
        assert f"Optimism gap {said}: spearman" in capsys.readouterr().out


def test_random_folds_are_fitted_once_for_all_splits(judged_model, evaluations, monkeypatch):
    def fail(*_, **__):
        raise AssertionError("fitted again")

    monkeypatch.setattr(holdout, "fit_stack", fail)
    matrix, posts = make_case()
    assert evaluate(judged_model, matrix, posts, split="random") == evaluations["random"]


def test_an_evaluation_survives_json(evaluations):
    from dataclasses import fields

    one = evaluations["temporal"]
    keys = ["target", "split", "rows", "authors", "metrics", "baselines"]
    keys += ["optimism_gap", "coverage", "pairs"]
    assert list(one.as_json()) == keys
    json.dumps(one.as_json(), allow_nan=False)

    def plain(value):
        if isinstance(value, Metric):
            return value.as_json()
        if isinstance(value, dict):
            return {key: plain(inner) for key, inner in value.items()}
        return list(value) if isinstance(value, tuple) else value

    stored = json.loads(json.dumps({f.name: plain(getattr(one, f.name)) for f in fields(one)}))
    assert Evaluation.from_plain(stored) == one


def test_test_rows_are_never_seen(monkeypatch):
    """Outcomes of held-out posts may be anything: their predictions stay the same."""
    matrix, posts = make_case(60)
    model = quick(train(matrix, posts))
    newest = np.arange(60) >= 48
    one = evaluate(model, matrix, posts)
    spoiled = posts.assign(views=posts["views"].where(~newest, 10**9 + posts["views"]))
    other = evaluate(model, matrix, spoiled)
    assert one.mean == other.mean
    assert one.low == other.low
    assert one.actual != other.actual


def test_no_rule_means_a_plain_sentence():
    matrix, posts = make_case(70)
    shuffled = np.random.default_rng(3).permutation(posts["views"].to_numpy())
    noise = posts.assign(views=pd.array(shuffled, dtype="Int64"))
    verdict = evaluate(quick(train(matrix, noise)), matrix, noise, split="author").verdict
    assert "does not clearly beat" in verdict
    assert "a constant" in verdict


def test_a_constant_ranks_nothing_over_folds_of_different_medians():
    matrix, posts = make_case(80)
    got = evaluate(quick(small_model()), matrix, posts, split="author")
    constant = got.baselines["constant"]
    median = got.baselines["author_median"]  # of authors of whom nothing is known
    assert all(median[metric] == constant[metric] for metric in RANKS)
    assert constant["spearman"] == Metric(0.0, 0.0, 0.0)
    assert constant["lift_top10"].value == pytest.approx(1.0)
    assert constant["precision_top10"].value == pytest.approx(0.1)
    assert constant["mae"].value > 0


def test_unknown_times_and_authors_fall_back_with_a_warning():
    matrix, posts = make_case(60)
    bare = posts[["id", "views"]]
    model = train(matrix, bare)
    for split in ("temporal", "author"):
        got = evaluate(model, matrix, bare, split=split)
        assert any("unknown" in note for note in got.notes)
        assert got.split == "random"
        assert "random" in got.verdict
        assert got.rows == 60
    assert evaluate(model, matrix, bare, split="random").optimism_gap == {}


def test_too_few_posts_end_in_a_sentence():
    matrix, posts = make_case()
    with pytest.raises(InputError, match="at least 20"):
        evaluate(small_model(), matrix.rows(matrix.frame.index[:5]), posts)


def test_with_late_columns_both_scores_are_shown():
    matrix, posts = make_case(120)
    likes = np.log10(1 + posts["views"].to_numpy(float))
    frame = matrix.frame.assign(extra__likes=likes.astype(np.float32))
    late = Column("extra__likes", "metadata", known="post")
    wide = FeatureMatrix(frame, {**matrix.columns, late.name: late}, matrix.versions)
    told, plain, shy = (
        evaluate(quick(model, rounds=60), one, posts, split="temporal")
        for model, one in (
            (train(wide, posts, allow_post=True), wide),
            (train(matrix, posts), matrix),
            (train(wide, posts), wide),
        )
    )
    assert told.metrics["spearman"].value > 0.95
    assert told.without_post == plain.metrics
    wanted = f"instead of {told.metrics['spearman'].value:.3f}"
    assert any("1 column(s)" in note and wanted in note for note in told.notes)
    assert list(told.as_json()["without_post"]) == list(plain.metrics)
    assert "without_post" not in plain.as_json()
    assert not shy.without_post
    every = {one.name: getattr(told, one.name) for one in fields(told)}
    text = json.loads(json.dumps(every, default=lambda metric: metric.as_json()))
    assert Evaluation.from_plain(text).without_post == told.without_post


@pytest.mark.parametrize("authors", [1, 2, 3, 5, 10, 30])
def test_chance_is_called_real_once_in_twenty_times_however_few_the_authors(authors):
    real = 0
    for draw in range(300):
        rng = np.random.default_rng(draw)
        posts = pd.DataFrame(
            {
                "author_id": [f"a{i % authors}" for i in range(60)],
                "posted_at": pd.Timestamp("2025-01-01", tz="UTC")
                + pd.to_timedelta(rng.permutation(60), unit="D"),
            }
        )
        one = mean_with_interval(rng.normal(size=60), resampling_units(posts), draw)
        real += one.low > 0 or one.high < 0
    assert 4 <= real <= 30  # 15 expected


def test_intervals_of_few_stay_where_the_score_can_be():
    rng = np.random.default_rng(3)
    actual = np.repeat([1.0, 2.0, 3.0], 4)
    judged = _judged(actual, actual + 0.01 * rng.normal(size=12))
    for name, metric in score(judged, np.arange(12) // 2).items():
        assert LIMITS[name][0] <= metric.low <= metric.high <= LIMITS[name][1], name
    held = mean_with_interval(np.array([1.0] * 9 + [0.0]), np.arange(10))
    assert 0.0 <= held.low < held.value < held.high == 1.0
    alone = mean_with_interval(np.ones(4), np.zeros(4, dtype=np.int64))
    assert np.isnan([alone.low, alone.high]).all()


def test_intervals_of_few_are_widened_as_their_text_says():
    drawn = np.concatenate([[0.5], np.linspace(0.0, 1.0, 201)])
    for units in (2, 5, 39, 40, 400):
        got = _metric(drawn, units)
        by = t.ppf(0.975, units - 1) / norm.ppf(0.975) * np.sqrt(units / (units - 1))
        half = 0.475 * (by if units < 40 else 1.0)
        np.testing.assert_allclose([got.low, got.high], [0.5 - half, 0.5 + half])
    kept = _metric(drawn, 5, (-0.1, 0.9))
    assert (kept.low, kept.high) == (-0.1, 0.9)
    assert np.isnan(_metric(drawn, 1).low)


def test_another_seed_draws_other_posts_and_the_same_seed_the_same():
    values = np.random.default_rng(0).normal(size=60)
    first, other, again = (mean_with_interval(values, np.arange(60), s) for s in (0, 1, 0))
    assert first == again
    assert first.value == other.value
    assert (first.low, first.high) != (other.low, other.high)


def test_shares_of_error_are_of_outcomes_above_zero():
    actual, predicted = np.array([0.0, 2.0, 4.0, 0.0]), np.array([1.0, 3.0, 3.0, 0.0])
    got = score(_judged(actual, predicted), np.arange(4))
    assert got["mape"].value == pytest.approx((0.5 + 0.25) / 2)
    below = score(_judged(actual - 1, predicted), np.arange(4))
    assert np.isnan(below["mape"].value)


def test_ranks_that_are_tied_share_their_place():
    actual, predicted = np.array([1.0, 1.0, 2.0, 3.0, 3.0]), np.array([2.0, 1.0, 1.0, 3.0, 2.0])
    got = score(_judged(actual, predicted), np.arange(5))["spearman"].value
    assert got == pytest.approx(spearmanr(actual, predicted).statistic)


def test_a_lone_creators_luck_is_not_called_skill():
    matrix, posts = make_case(100)
    rng = np.random.default_rng(0)
    alone = posts.assign(author_id="me", views=pd.array(rng.integers(1, 10**5, 100)))
    got = evaluate(quick(train(matrix, alone)), matrix, alone)
    assert "does not clearly beat a constant" in got.verdict
    assert got.metrics["mae"].low < got.metrics["mae"].value < got.metrics["mae"].high
    assert any("All posts judged are by one author" in note for note in got.notes)


def test_another_caption_is_judged_anew():
    matrix, posts = make_case(80)
    rng = np.random.default_rng(1)
    word = rng.integers(0, 2, 80)
    said = posts.assign(
        caption=np.where(word, "red cat", "blue dog"), views=pd.array(10 ** (2 + 2 * word))
    )
    model = quick(train(matrix, said))
    model = replace(model, stack=replace(model.stack, recipe=replace(model.recipe, terms=True)))
    first = evaluate(model, matrix, said).metrics["mae"]
    other = evaluate(model, matrix, said.assign(caption="same")).metrics["mae"]
    assert other.value > first.value + 0.1


@pytest.mark.parametrize("usual", [0.0, 2.7])
def test_draws_of_equal_outcomes_say_nothing_of_the_variance(usual):
    actual = np.full(40, usual)  # one draw in eight holds neither of the two posts that differ
    actual[:2] += 0.4
    judged = _judged(actual, actual + np.random.default_rng(0).normal(0, 0.1, 40))
    got = score(judged, np.arange(40))["r2"]
    assert -10 < got.low < got.value < got.high < 1
    assert np.isnan(score(_judged(actual[2:], actual[2:] + 0.1), np.arange(38))["r2"].value)
    change = score_differences(judged, replace(judged, predicted=actual), np.arange(40))["r2"]
    assert 0 < change.low < change.value < change.high < 10


def test_the_author_median_of_strangers_orders_no_pairs():
    matrix, posts = make_case(80)
    posts = respond(matrix, posts)
    model = quick(train(matrix, posts, target="counts"))
    got = evaluate(model, matrix, posts, split="author")
    # A fold whose authors did well leaves a lower median to the others: it would rank worse than a
    # coin, and the model's lead would look larger than it is.
    assert got.pairs["author_median"] == got.pairs["constant"] == 0.5
    assert got.pairs["model"] > 0.6
    likes = got.together["likes"]
    assert set(likes) == {"model", "author_median", "constant_ratio"}
    assert likes["author_median"]["spearman"] == Metric(0.0, 0.0, 0.0)
    assert likes["author_median"]["mae"].value > likes["constant_ratio"]["mae"].value > 0


def test_where_all_outcomes_are_equal_nobody_orders_pairs():
    matrix, posts = make_case(80)
    newest = np.arange(80) >= 64
    same = posts.assign(views=posts["views"].mask(newest, 500))
    assert evaluate(quick(small_model()), matrix, same).pairs == {}


def test_a_single_judged_post_shows_nothing_of_chance(capsys):
    matrix, posts = make_case(60)
    when = posts["posted_at"].where(np.arange(60) == 59, posts["posted_at"].iloc[0])
    lone = posts.assign(posted_at=when)
    model = quick(small_model())
    got = evaluate(model, matrix, lone)
    assert got.rows == 1
    assert got.verdict.startswith("On the newest post the model does not clearly beat")
    show_evaluation(got)
    told = capsys.readouterr().out
    assert "nan" not in told
    assert f"{got.metrics['mae'].value:.3f} (no interval)" in told
    assert "80 % intervals hold" in told
    assert "% (no interval)." in told
    assert "unknown to" not in told
    assert not any("intervals come from stretches" in note for note in got.notes)
    show_judgement(Judgement(got, slices=slice_up(got, lay_ground(model, matrix, lone))))
    told = capsys.readouterr().out
    assert "No kind of post has the 20 judged posts that scores of its own take." in told
    assert "By kind of post" not in told
    assert "nan" not in believe([got], model.target).sentences[-1]
    other = compare(model, quick(small_model(), rounds=5), matrix, lone)
    assert not other.real
    assert other.verdict.endswith("smaller, and one post says nothing of chance.")
    assert "say the same" in compare(model, model, matrix, lone).verdict
