"""Models of worked-out targets: trained, kept, judged and asked."""

from dataclasses import replace
from html import unescape

import numpy as np
import pandas as pd
import pytest
from matrices import make_case, quick

from virality.data.errors import InputError
from virality.data.features import Features, write_features
from virality.data.table import conform
from virality.modeling.bundle import load_model, save_model
from virality.modeling.duel import duel
from virality.modeling.evaluate import evaluate
from virality.modeling.ground import lay_ground
from virality.modeling.holdout import Ticks
from virality.modeling.learned import NOBODY
from virality.modeling.rows import measured
from virality.modeling.targets import find_target
from virality.modeling.train import train
from virality.reports.datacard import day
from virality.reports.explain_posts import explain_posts
from virality.reports.measured import measured_words
from virality.reports.render import render
from virality.reports.strings import say
from virality.reports.summarize import summarize
from virality.reports.words import significant
from virality.workflow.explain import explain

pytestmark = pytest.mark.usefixtures("light_recipes")


@pytest.fixture(scope="module")
def case():
    """Posts whose comments become worth more and more: weights depend on who is learned from."""
    matrix, posts = make_case(160)
    rng = np.random.default_rng(5)
    views = posts["views"].to_numpy(float)
    rising = np.linspace(0.001, 0.05, len(posts))
    posts["likes"] = pd.array((views * 0.1).astype(int), dtype="Int64")
    posts["comments"] = pd.array((views * rising * rng.uniform(0.5, 2, len(posts))).astype(int))
    return matrix, posts


@pytest.mark.parametrize("target", ["engagement", "lift", "hit", "hit:top=0.2,within=month"])
def test_a_kept_model_says_the_same(case, target, tmp_path):
    model = train(*case, target=target)
    save_model(model, tmp_path / "model")
    kept = load_model(tmp_path / "model")
    assert kept.card.target == target
    for name, values in (model.target.state or {}).items():
        np.testing.assert_array_equal(kept.target.state[name], values)
    one, other = model.predict(*case), kept.predict(*case)
    for name in ("mean", "low", "high", "hit_probability"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_the_chance_of_a_hit_is_the_chance_to_pass_the_bar(case):
    model = train(*case, target="hit")
    said = model.predict(*case)
    assert model.card.hit_threshold == 1.0  # times the bar
    assert model.stack.hit_threshold == 0.0
    likely, unlikely = said.hit_probability > 0.5, said.hit_probability < 0.5
    assert likely.any()
    assert said.mean[likely].min() > said.mean[unlikely].min()
    below = said.high < 0
    assert (said.hit_probability[below] <= 0.12).all()


def test_each_part_of_a_split_is_measured_by_its_own_training_posts(case):
    model = train(*case, target="engagement")
    ground = lay_ground(model, *case, split="temporal")
    whole = ground.known.y
    oldest = ground.plan[0].train
    weights = ground.target.fit(ground.posts.iloc[oldest]).state["weights"]
    assert weights[1] > 1.1 * model.target.state["weights"][1]  # comments were rarer then
    assert not np.allclose(ground.outcomes[0], whole)
    changed = case[1].copy()
    newest = ground.posts["id"].iloc[ground.plan[0].test]
    changed.loc[changed["id"].isin(newest), "comments"] *= 50
    again = lay_ground(model, case[0], changed, split="temporal")
    np.testing.assert_array_equal(again.outcomes[0][oldest], ground.outcomes[0][oldest])


@pytest.mark.parametrize("target", ["engagement", "lift", "hit"])
def test_worked_out_targets_are_judged_beside_baselines(case, target):
    model = quick(train(*case, target=target))
    judged = evaluate(model, *case, split="author")
    assert judged.target == target
    assert set(judged.baselines) == {"constant", "author_median", "followers"}
    assert np.isnan(judged.metrics["mape"].value) == (target != "engagement")
    assert judged.metrics["mae"].value < judged.baselines["constant"]["mae"].value


def test_a_part_knows_a_hit_by_the_bar(case):
    model = train(*case, target="hit")
    ground = lay_ground(model, *case, split="author")
    outcome = ground.hold_out(model, Ticks(len(ground.plan), None))
    np.testing.assert_array_equal(outcome.hit, outcome.actual >= 0)


def forgetful(model):
    """Return the model without its training posts' marks, so that these may be judged."""
    return replace(model, learned=NOBODY)


@pytest.mark.parametrize("target", ["lift", "hit"])
def test_what_is_usual_comes_from_the_whole_table(case, target):
    matrix, posts = case
    whole = train(matrix, posts, target=target)
    ids = list(posts.sort_values("posted_at")["id"].iloc[-40:])
    newest = matrix.rows(ids)
    values = pd.Series(whole.target.values(posts), posts["id"])
    np.testing.assert_array_equal(measured(whole.target, newest, posts), values[ids])
    part = train(newest, posts, target=target)
    got = duel(forgetful(whole), forgetful(part), newest, posts)
    assert got.rows == 40
    assert np.isfinite([got.first["mae"].value, got.second["mae"].value]).all()


def _features(matrix, posts):
    status = pd.DataFrame({"id": posts["id"], "status": "ok", "reason": "", "source_sha256": ""})
    return Features(matrix, conform(posts), status)


@pytest.mark.parametrize("target", ["engagement", "lift"])
def test_a_report_knows_outcomes_that_no_column_holds(case, target):
    matrix, posts = case
    features = _features(matrix, posts)
    model = train(matrix, posts, target=target)
    report = summarize(model, features, (), None)
    known = int(np.isfinite(model.target.values(posts)).sum())
    assert report.data.labelled == known > 100
    assert f"{known} of them with a known outcome ({target})" in report.data.sentences[0]
    assert any(one.actual is not None for one in report.posts)
    assert report.subject.rows == known
    head = " ".join(unescape(render(report)).split())
    assert f"What is predicted: {report.subject.measured}." in head
    assert report.making.facts[say("fact.measured")] == report.subject.measured
    days = [
        day(pd.Timestamp(one)) for one in (model.card.first_posted_at, model.card.last_posted_at)
    ]
    assert [report.subject.first, report.subject.last] == days
    assert (report.data.first == days[0]) is (target == "engagement")  # the first have no usual


def test_what_a_target_measures_is_said_with_what_it_has_learned(case):
    _, posts = case
    told = {
        "hit": "views over the bar of a hit, 3 times what was usual for the author before the post",
        "hit:top=0.1,within=month": "views over the bar of a hit, which about 10 % of the posts of "
        "its month pass",
        "lift": "views over what was usual for the author before the post",
        "engagement:likes=1,comments=3": "the sum of likes × 1, comments × 3",
        "views_7d": "views 7 days after posting",
        "views": "",
    }
    for name, words in told.items():
        target = find_target(name)
        target = target if name == "views_7d" else target.settle(posts).fit(posts)
        assert measured_words(target) == words
    learned = find_target("engagement").settle(posts).fit(posts)
    weight = float(learned.state["weights"][1])
    assert measured_words(learned) == f"the sum of likes × 1, comments × {significant(weight)}"


def test_a_ratio_has_no_percentage_error_and_none_is_spoken_of(case):
    matrix, posts = case
    model = train(matrix, posts, target="reach")
    ranged = np.log10((1 + posts["views"]) / (1 + posts["author_followers"]))
    posts = posts.assign(views=((1 + posts["views"]) * 10 ** (0.1 - ranged.min())).astype("int64"))
    judged = evaluate(model, matrix, posts, split="temporal")
    assert (model.target.values(posts) > 0).all()
    assert np.isnan(judged.metrics["mape"].value)
    assert all(np.isnan(one["mape"].value) for one in judged.baselines.values())
    page = unescape(render(summarize(model, _features(matrix, posts), (judged,), None)))
    assert say("text.log_ratios") in page
    assert "percentage" not in page


@pytest.mark.parametrize("reference", [True, False])
def test_what_the_few_explained_posts_got_is_measured_among_all(case, reference):
    matrix, posts = case
    features = _features(matrix, posts)
    model = train(matrix, posts, target="lift")
    got = dict(zip(posts["id"], model.target.to_units(model.target.values(posts)), strict=True))
    ids = list(posts.sort_values("posted_at")["id"].iloc[-15:])
    own = features.posts[features.posts["id"].isin(ids)] if reference else features.posts
    told = explain_posts(model, matrix.rows(ids), own, reference=features if reference else None)
    assert [one.actual for one in told] == pytest.approx([got[name] for name in ids])


def test_the_command_measures_the_first_posts_among_all(case, tmp_path):
    matrix, posts = case
    posts = posts.sort_values("posted_at", ascending=False).reset_index(drop=True)
    matrix = matrix.rows(list(posts["id"]))
    write_features(tmp_path / "f", _features(matrix, posts))
    model = train(matrix, posts, target="lift")
    save_model(model, tmp_path / "m")
    told = explain(tmp_path / "m", [str(tmp_path / "f")], most=12)
    got = np.asarray(model.target.to_units(model.target.values(posts)))[:12]
    assert told.left_out == len(posts) - 12
    assert [one.actual for one in told.posts] == pytest.approx(got.tolist())


def test_a_duel_leaves_out_posts_without_an_outcome(case):
    matrix, posts = case
    model = forgetful(train(matrix, posts))
    some = posts.assign(views=posts["views"].where(posts.index >= 10))
    assert duel(model, model, matrix, some).rows == 150
    with pytest.raises(InputError, match="no post to judge by has a known 'views'"):
        duel(model, model, matrix, posts.assign(views=posts["views"].where(posts.index < 0)))


def test_what_happened_since_takes_the_training_posts_where_these_are_the_measure(case):
    matrix, posts = case
    later = posts.assign(
        id=posts["id"] + "-later", posted_at=posts["posted_at"] + pd.Timedelta(days=900)
    )
    model = train(matrix, posts, target="lift")
    with pytest.raises(InputError, match="give all posts, those of the training too; it had"):
        model.informed(later)
    both = pd.concat([posts, later], ignore_index=True)
    informed = model.informed(both)
    assert len(informed.stack.projector.history.clock) > len(model.stack.projector.history.clock)


def test_bands_hold_for_strangers_whose_own_bar_nobody_knows():
    matrix, posts = make_case(300, authors=40, wide=4, noise=0.3)
    author = posts["author_id"].astype("category").cat.codes.to_numpy()
    level = np.random.default_rng(0).normal(size=40)[author]  # authors differ tenfold
    views = np.expm1(np.log1p(posts["views"].to_numpy(float)) + np.log(10) * level)
    posts = posts.assign(views=np.clip(views, 0, 1e12).astype("int64"))
    model = train(matrix, posts, target="hit:top=0.2,within=author", jobs=1)
    found = evaluate(model, matrix, posts, split="author", jobs=1)
    assert found.coverage.value > 0.7  # .51 where folds gave strangers bars of their own
