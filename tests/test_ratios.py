"""Likes, comments and shares learned together with views."""

import json

import numpy as np
import pandas as pd
import pytest
from matrices import make_case, quick, respond
from typer.testing import CliRunner

from virality.cli import app
from virality.data.features import Features, write_features
from virality.modeling.bundle import load_model, save_model
from virality.modeling.evaluate import Evaluation, evaluate
from virality.modeling.ratios import _line, log_counts, log_ratios
from virality.modeling.train import train

pytestmark = pytest.mark.usefixtures("light_recipes")


@pytest.fixture(scope="module")
def case():
    matrix, posts = make_case(240)
    return matrix, respond(matrix, posts)


@pytest.fixture(scope="module")
def model(case):
    return train(*case, target="counts")


def test_views_are_those_of_a_model_of_views_alone(case, model):
    alone = train(*case, target="views").predict(*case)
    together = model.predict(*case)
    for name in ("mean", "low", "high", "hit_probability"):
        np.testing.assert_array_equal(getattr(together, name), getattr(alone, name))


def test_a_ratio_is_of_counts_that_are_both_known():
    posts = pd.DataFrame({
        "views": pd.array([99, 9, None, 0, 999] * 15, dtype="Int64"),
        "likes": pd.array([9, 9, 5, 0, -1] * 15, dtype="Int64"),
        "shares": pd.array([9, 0, 5, 0, None] * 15, dtype="Int64"),
        "saves": pd.array([99, 9, None, 0, 999] * 15, dtype="Int64"),
    })  # fmt: skip
    assert list(log_ratios(posts, ["likes", "saves", "comments"], 45)) == ["likes"]
    assert log_ratios(posts, ["likes"], 46) == {}
    assert set(log_ratios(posts, ["likes", "saves"], 1)) == {"likes", "saves"}
    got = log_ratios(posts, ["shares"], 45)["shares"][:5]
    np.testing.assert_allclose(got, [-1, -1, np.nan, 0, np.nan])


def test_the_word_of_a_ratio_is_taken_as_far_as_it_was_right():
    said = np.array([-2.0, -1.0, 0.0, 1.0])
    np.testing.assert_allclose(_line(said, 0.4 * said - 1.5), [-1.5, 0.4])
    np.testing.assert_allclose(_line(said, 1.7 * said), [0.5 * -0.7, 1.0])  # no further than said
    np.testing.assert_allclose(_line(said, 3.0 - said), [3.5, 0.0])  # nor the other way round
    np.testing.assert_allclose(_line(np.full(4, 2.0), said), [-0.5, 0.0])


def test_what_too_few_posts_know_is_left_out_with_a_sentence(model):
    assert [one.name for one in model.stack.ratios] == ["likes", "comments"]
    assert any("shares or saves" in note for note in model.card.notes)


def test_a_response_of_one_author_alone_is_not_said_to_be_known_of_too_few(case):
    matrix, posts = make_case(95)
    mine = np.arange(95) >= 30
    posts["author_id"] = posts["author_id"].where(~mine, "me")
    posts["saves"] = (posts["views"] // 20).where(mine)
    notes = train(matrix, posts, target="counts").card.notes
    assert notes[-2].startswith("too few posts know likes or comments or shares: not")
    assert notes[-1].startswith("hardly any but one author's posts know saves: not predicted")
    # One post of another author is fitted exactly, and bands by that would have no width.
    posts["saves"] = posts["saves"].mask(np.arange(95) == 3, 7)
    notes = train(matrix, posts, target="counts").card.notes
    assert notes[-1].startswith("hardly any but one author's posts know saves: not predicted")


def test_a_response_that_only_strangers_in_time_know_is_not_predicted():
    matrix, posts = make_case(200)
    author = np.where(np.random.default_rng(0).random(200) < 0.5, "c", "d").astype(object)
    author[5:50], author[180:195] = "a", "b"  # one fold by author holds both, and b comes last
    posts["author_id"] = pd.array(author, dtype="string")
    posts["saves"] = (posts["views"] // 20).where(np.isin(author, ["a", "b"]))
    model = train(matrix, posts, target="counts")
    assert model.stack.ratios == ()
    assert model.card.notes[-1].startswith("hardly any but one author's posts know saves: not")


def test_the_numbers_of_a_post_agree(case, model):
    said = model.predict(*case)
    for one in said.together.values():
        assert (one.low <= one.mean).all()
        assert (one.mean <= one.high).all()
        assert (one.low >= 0).all()
    likes, units = said.together["likes"], model.target.to_units
    for mine, other in ((likes.mean, said.mean), (likes.low, said.low), (likes.high, said.high)):
        assert (units(mine) <= units(other) + 1e-9).all()


def test_responses_of_posts_not_seen_are_predicted_better_than_by_a_constant_ratio():
    matrix, posts = make_case(700)
    posts = respond(matrix, posts)
    ids = matrix.frame.index
    model = train(matrix.rows(ids[:450]), posts.iloc[:450].reset_index(drop=True), target="counts")
    later = posts.iloc[450:].reset_index(drop=True)
    said = model.predict(matrix.rows(ids[450:]), later)
    likes, actual = said.together["likes"], log_counts(later, "likes")
    ratio = np.nanmedian(log_ratios(posts.iloc[:450], ["likes"])["likes"])
    naive = np.abs(said.mean + ratio - actual).mean()
    assert np.abs(likes.mean - actual).mean() < 0.8 * naive
    inside = (actual >= likes.low) & (actual <= likes.high)
    assert 0.72 < inside.mean() < 0.88


def test_bands_of_a_response_are_of_its_own_residuals():
    """Where likes fall short as views run ahead, likes are surer than views: no sum of bands is."""
    matrix, posts = make_case(400, noise=0.6)
    rng = np.random.default_rng(3)
    fixed = 0.7 * matrix.frame.iloc[:, 0].to_numpy() - 1.5
    likes = np.floor(10 ** (fixed + rng.normal(0, 0.05, len(posts))))
    views = posts["views"].to_numpy(float)
    posts["likes"] = pd.array(np.minimum(likes, views).astype(int), dtype="Int64")
    said = train(matrix, posts, target="counts").predict(matrix, posts)
    one = said.together["likes"]
    assert np.median(one.high - one.low) < 0.6 * np.median(said.high - said.low)


def test_bands_of_a_response_of_one_creator_are_as_wide_as_those_of_views():
    matrix, posts = make_case(160)
    posts["author_id"] = "me"
    posts["likes"] = posts["views"] // 10  # so that all doubt is about the views
    said = train(matrix, posts, target="counts").predict(matrix, posts)
    views, likes = said.high - said.low, said.together["likes"]
    np.testing.assert_allclose(np.median(likes.high - likes.low), np.median(views), rtol=0.05)


def test_a_kept_model_says_the_same_on_any_number_of_workers(case, model, tmp_path):
    save_model(model, tmp_path / "model")
    for jobs in (1, 4):
        save_model(train(*case, target="counts", jobs=jobs), tmp_path / f"again{jobs}")
    kept = load_model(tmp_path / "model")
    one, other = (which.predict(*case).together for which in (model, kept))
    for name in ("likes", "comments"):
        for part in ("mean", "low", "high"):
            np.testing.assert_array_equal(getattr(one[name], part), getattr(other[name], part))
    for path in sorted((tmp_path / "model").iterdir()):
        for jobs in (1, 4):
            again = tmp_path / f"again{jobs}" / path.name
            assert path.read_bytes() == again.read_bytes()


def test_what_happened_since_reaches_the_ratios(case, model):
    matrix, posts = case
    later = posts.tail(120).copy()
    later["posted_at"] = later["posted_at"] + pd.Timedelta("200D")
    later["likes"] = later["views"]
    asked = posts.tail(120).reset_index(drop=True)
    asked["posted_at"] = asked["posted_at"] + pd.Timedelta("400D")
    some = matrix.rows(matrix.frame.index[-120:])
    before = model.predict(some, asked).together["likes"].mean
    after = model.informed(later).predict(some, asked).together["likes"].mean
    assert after.mean() > before.mean()


def test_an_evaluation_scores_every_response_beside_its_baselines(case, model):
    found = evaluate(quick(model, rounds=120, folds=3), *case, split="temporal")
    assert list(found.together) == ["likes", "comments"]
    likes = found.together["likes"]
    assert set(likes) == {"model", "author_median", "constant_ratio"}
    for baseline in ("author_median", "constant_ratio"):
        assert likes["model"]["mae"].value < likes[baseline]["mae"].value
    assert 0.6 < likes["model"]["coverage"].value <= 1.0
    plain = json.loads(json.dumps(found.as_json()["together"]))
    assert plain["likes"]["model"]["mae"]["value"] == likes["model"]["mae"].value
    fields = {name: getattr(found, name) for name in found.__dataclass_fields__}
    for name in ("metrics", "differences", "without_post"):
        fields[name] = {n: one.as_json() for n, one in fields[name].items()}
    fields["baselines"] = {
        who: {n: one.as_json() for n, one in scores.items()}
        for who, scores in found.baselines.items()
    }
    fields["together"], fields["coverage"] = plain, found.coverage.as_json()
    assert Evaluation.from_plain(fields).together["likes"]["model"] == likes["model"]


def test_the_command_line_tells_all_counts(case, tmp_path):
    matrix, posts = case[0].rows(case[0].frame.index[:120]), case[1].iloc[:120]
    status = pd.DataFrame({"id": posts["id"], "status": "ok"})
    write_features(tmp_path / "features", Features(matrix, posts, status))

    def call(*arguments):
        result = CliRunner().invoke(app, [*map(str, arguments), "-q"])
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    features, bundle = tmp_path / "features", tmp_path / "model"
    study = tmp_path / "study.log"
    call("tune", features, "--target", "counts", "--trials", 2, "--study", study)
    call("train", features, "--target", "counts", "--study", study, "-o", bundle)
    lines = [json.loads(line) for line in call("predict", bundle, features, "--json").splitlines()]
    assert len(lines) == len(posts)
    for line in lines:
        assert list(line["outcomes"]) == ["likes", "comments"]
        for one in line["outcomes"].values():
            assert 0 <= one["low"] <= one["prediction"] <= one["high"]
        assert line["outcomes"]["likes"]["prediction"] <= line["prediction"] + 1e-6
    told = call("predict", bundle, features)
    assert " likes; four times in five " in told
    assert "learned together with views" in call("evaluate", features, "--model", bundle)
