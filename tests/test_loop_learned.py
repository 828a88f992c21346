"""What a model has learned from: known to its bundle, never judged on, never new to it."""

import json
import re
import shlex
import shutil
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from loop_world import BEGIN, COLUMNS, join_weeks, make_week, predict_week
from typer.testing import CliRunner

from virality.cli import app
from virality.data.errors import BundleError, InputError, UsageError
from virality.data.features import read_features, write_features
from virality.data.outcomes import Outcome
from virality.modeling.bundle import bundle_hash, load_model, save_model
from virality.modeling.duel import compare_as_trained, duel
from virality.modeling.learned import NOBODY, known_marks
from virality.modeling.pieces import LEARNED, put_together, take_apart
from virality.modeling.registry import Registry
from virality.modeling.train import train
from virality.reports.render import render_watch
from virality.workflow.joining import differing, divide, fresh_posts
from virality.workflow.monitor import judge_log
from virality.workflow.predict import forecast
from virality.workflow.prediction_log import keep_forecasts, open_log
from virality.workflow.retrain import Options, join, retrain

pytestmark = pytest.mark.usefixtures("light_recipes")

WEEKS = (3, 4, 5)
FOLLOWERS = "metadata_author__followers_log10"


def repredict(log, mark, model, week):
    keep_forecasts(log, mark, model, week, forecast(model, week))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Training features, a model, and a log of its predictions after a drift."""
    folder = tmp_path_factory.mktemp("world")
    known = join_weeks([make_week(week, 60) for week in range(3)])
    write_features(folder / "features", known)
    model = train(known.matrix, known.posts, target="views", adapt=True)
    save_model(model, folder / "model")
    mark = bundle_hash(folder / "model")
    with open_log(folder / "log.db") as log:
        for week in WEEKS:
            predict_week(log, mark, model, make_week(week, 50, drifted=True))
    return folder, known, model, mark


@pytest.fixture(scope="module")
def promoted(world):
    folder, *_ = world
    result = retrain(
        folder / "log.db", folder / "registry", folder / "features", model=folder / "model",
        trials=1,
    )  # fmt: skip
    assert result.action == "promoted"
    return result


def test_a_bundle_knows_its_training_posts(world):
    folder, known, _, _ = world
    loaded = load_model(folder / "model")
    assert loaded.has_learned(known.posts["id"]).all()
    assert not loaded.has_learned(make_week(3, 50).posts["id"]).any()
    assert loaded.has_learned([]).shape == (0,)
    assert len(loaded.learned) == len(known.posts)


def test_only_posts_with_an_outcome_are_learned_from(world):
    _, known, _, _ = world
    views = known.posts["views"].copy()
    views[:20] = pd.NA
    model = train(known.matrix, known.posts.assign(views=views), target="views")
    assert model.has_learned(known.posts["id"]).tolist() == [False] * 20 + [True] * 160


def test_marks_out_of_order_are_refused_and_an_older_bundle_has_none(world):
    pieces = take_apart(world[2])
    for wrong in (pieces.arrays[LEARNED][::-1], pieces.arrays[LEARNED].astype(np.int64)):
        with pytest.raises(BundleError, match="marks of the training posts"):
            put_together(replace(pieces, arrays={**pieces.arrays, LEARNED: wrong}))
    older = {name: array for name, array in pieces.arrays.items() if name != LEARNED}
    assert put_together(replace(pieces, arrays=older)).learned.tolist() == []


def test_training_posts_are_left_out_with_or_without_the_features(world, tmp_path):
    folder, known, model, mark = world
    shutil.copy(folder / "log.db", tmp_path / "log.db")
    with open_log(tmp_path / "log.db") as log:
        repredict(log, mark, model, known)
        for trained in (known, None):
            found = judge_log(log, model, mark, trained)
            assert found.predictions == 150
            assert any("180 predictions of training posts" in note for note in found.notes)
        old = replace(model, learned=NOBODY)
        found = judge_log(log, old, mark, known)
        assert found.predictions == 150
        assert not any("older version" in note for note in found.notes)
        found = judge_log(log, old, mark, None)
        assert found.predictions == 330
        assert any("older version" in note for note in found.notes)


def test_the_loop_comes_to_rest_after_a_promotion(world, promoted):
    folder, known, *_ = world
    current = folder / "registry" / "current"
    new, mark = load_model(current), bundle_hash(current)
    with open_log(folder / "log.db") as log:
        for trained in (known, None):
            found = judge_log(log, new, mark, trained)
            assert found.advice == "wait"
            assert (found.predictions, found.outcomes) == (0, 0)
            assert "no prediction of this very model" in found.reasons[0]
            assert "Too early" in render_watch(found)
    again = retrain(folder / "log.db", folder / "registry", folder / "features", trials=1)
    assert (again.action, again.fresh) == ("waiting", 0)


def test_what_was_left_for_newer_posts_is_not_new_either(world, tmp_path, monkeypatch):
    folder, known, *_ = world
    monkeypatch.setattr("virality.workflow.retrain._window", lambda *_: 0.25)
    registry = tmp_path / "registry"
    result = retrain(
        folder / "log.db", registry, folder / "features", model=folder / "model", trials=1
    )
    new = load_model(registry / "current")
    assert result.action == "promoted"
    assert new.card.rows == 82  # a quarter of 330
    assert new.has_learned(known.posts["id"]).all()
    with open_log(folder / "log.db") as log:
        assert judge_log(log, new, bundle_hash(registry / "current"), known).predictions == 0


def test_posts_that_it_learned_and_predicts_again_are_not_new(world, promoted, tmp_path):
    folder, known, *_ = world
    current = folder / "registry" / "current"
    new, mark = load_model(current), bundle_hash(current)
    shutil.copy(folder / "log.db", tmp_path / "log.db")
    with open_log(tmp_path / "log.db") as log:
        for week in WEEKS:
            repredict(log, mark, new, make_week(week, 50, drifted=True))
        assert judge_log(log, new, mark, known).advice == "wait"
        predict_week(log, mark, new, make_week(6, 50, drifted=True))
        found = judge_log(log, new, mark, known)
    assert (found.predictions, found.outcomes) == (50, 50)
    assert not any("150" in reason or "200" in reason for reason in found.reasons)


def test_faults_of_another_model_are_no_reason_to_train_again(world):
    folder, known, *_ = world
    other = train(known.matrix, known.posts, target="views", seed=1)
    with open_log(folder / "log.db") as log:
        found = judge_log(log, other, "e" * 64, known)
    assert found.outcomes == 150
    assert found.metrics["mae"].low > found.expected
    assert found.advice == "wait"


def test_the_first_prediction_that_fits_is_learned_from(world, tmp_path):
    _, known, model, mark = world
    week = make_week(3, 50, drifted=True)
    names = list(COLUMNS)[:2]
    small = train(known.matrix.select(names), known.posts, target="views")
    grown = week.matrix.frame.copy()
    grown[FOLLOWERS] = np.log10(1 + week.posts["views"].to_numpy(float)).astype(np.float32)
    few = replace(week, matrix=week.matrix.select(names))
    turned = list(COLUMNS)[::-1]
    other_way = replace(week, matrix=week.matrix.select(turned))
    with open_log(tmp_path / "log.db") as log:
        repredict(log, "s" * 64, small, few)
        predict_week(log, mark, model, other_way)
        repredict(log, mark, model, replace(week, matrix=replace(week.matrix, frame=grown)))
        repredict(log, "s" * 64, small, few)
        data = join(log, known, model)
    ids = list(week.posts["id"])
    assert not data.notes
    np.testing.assert_array_equal(
        data.matrix.frame.loc[ids].to_numpy(), week.matrix.frame.loc[ids].to_numpy()
    )


def test_what_only_other_models_predicted_is_left_out(world, tmp_path):
    _, known, model, _ = world
    names = list(COLUMNS)[:2]
    small = train(known.matrix.select(names), known.posts, target="views")
    week = make_week(3, 10)
    with open_log(tmp_path / "log.db") as log:
        predict_week(log, "s" * 64, small, replace(week, matrix=week.matrix.select(names)))
        data = join(log, known, model)
    assert len(data.posts) == len(known.posts)
    assert data.notes == ("10 predicted posts have features of other versions and are left out.",)


def test_the_champions_own_posts_are_never_new(world, tmp_path):
    folder, _, model, mark = world
    write_features(tmp_path / "few", make_week(0, 60))
    with open_log(tmp_path / "log.db") as log:
        predict_week(log, mark, model, make_week(1, 60))
        predict_week(log, mark, model, make_week(3, 10))
    result = retrain(
        tmp_path / "log.db", tmp_path / "registry", tmp_path / "few", model=folder / "model"
    )
    assert (result.action, result.fresh) == ("waiting", 10)
    assert "10 outcomes are new" in result.verdict
    assert any("60 of the 180 posts that the champion learned" in note for note in result.notes)


def test_more_posts_in_the_features_are_new_to_the_champion(world, tmp_path):
    folder, *_ = world
    write_features(tmp_path / "more", join_weeks([make_week(week, 60) for week in range(4)]))
    with open_log(tmp_path / "log.db") as log:
        predict_week(log, world[3], world[2], make_week(4, 10))
        data = join(log, read_features(tmp_path / "more"), world[2])
        registry = Registry(tmp_path / "registry")
        ids = make_week(0, 60).posts["id"]
        entry = registry.adopt(folder / "model", ids, now=BEGIN)
        fresh = fresh_posts(data, entry, world[2])
    assert len(fresh) == 70
    (note,) = differing(data, fresh, read_features(tmp_path / "more"), world[2])
    assert "60 posts of the features are new to the champion" in note


def test_undated_posts_are_not_learned_from_before_what_is_judged(world):
    folder, known, model, _ = world
    with open_log(folder / "log.db") as log:
        data = join(log, known, model)
    times = data.times.copy()
    times[:20] = np.nan
    learn, test = divide(replace(data, times=times), np.arange(180, 330))
    assert not set(range(20)) & {*learn, *test}
    assert times[learn].max() < times[test].min()


def test_a_duel_is_fought_on_posts_that_are_new_to_both(world):
    _, known, model, _ = world
    week = make_week(4, 40)
    both = join_weeks([known, week])
    found = duel(model, model, both.matrix, both.posts)
    assert found.rows == 40
    with pytest.raises(InputError, match="new to both"):
        duel(model, model, known.matrix, known.posts)


def test_a_challenger_has_the_champions_options(world, promoted):
    folder, *_ = world
    new = load_model(folder / "registry" / "current")
    assert new.recipe.adapt
    assert Options.of(new) == Options.of(world[2]) == Options("views", "rmse", False, False, True)


def test_metric_raw_and_late_columns_are_options_too(world):
    model = world[2]
    recipe = replace(model.recipe, metric="mae", raw=True, adapt=False)
    name, column = next(iter(model.columns.items()))
    columns = {**model.columns, name: replace(column, known="post")}
    card = replace(model.card, tried_libraries=("lightgbm",))
    changed = replace(model, stack=replace(model.stack, recipe=recipe), columns=columns, card=card)
    assert Options.of(changed) == Options("views", "mae", True, True, False, ("lightgbm",))


def with_late(features, name="audio_loudness__start_db"):
    """Return features of which one column is known only after posting."""
    columns = {**features.matrix.columns, name: replace(COLUMNS[name], known="post")}
    return replace(features, matrix=replace(features.matrix, columns=columns))


def test_a_challenger_learns_by_the_champions_metric_and_its_late_columns(world, tmp_path):
    known = with_late(world[1])
    model = train(known.matrix, known.posts, target="views", allow_post=True)
    recipe = replace(model.recipe, metric="mae")
    model = replace(model, stack=replace(model.stack, recipe=recipe))
    save_model(model, tmp_path / "model")
    write_features(tmp_path / "features", known)
    with open_log(tmp_path / "log.db") as log:
        for week in WEEKS:
            later = with_late(make_week(week, 50, drifted=True))
            predict_week(log, bundle_hash(tmp_path / "model"), model, later)
    result = retrain(
        tmp_path / "log.db", tmp_path / "registry", tmp_path / "features",
        model=tmp_path / "model", trials=1,
    )  # fmt: skip
    new = load_model(tmp_path / "registry" / "current")
    assert result.action == "promoted"
    assert new.recipe.metric == "mae"
    assert new.columns == model.columns


def unposted(log, mark, model, weeks=WEEKS):
    """Predict posts before they are posted, and report what became of them."""
    for number in weeks:
        week = make_week(number, 50, drifted=True)
        made = week.posts["posted_at"].max().to_pydatetime()
        posts = week.posts.drop(columns=["posted_at", "collected_at", "views"])
        bare = replace(week, posts=posts)
        names = keep_forecasts(log, mark, model, bare, forecast(model, bare), now=made)
        log.feedback_table(
            [
                Outcome(prediction=name, views=int(views), observed_at=made + timedelta(days=7))
                for name, views in zip(names, week.posts["views"], strict=True)
            ],
            now=made + timedelta(days=8),
        )


def test_posts_predicted_before_they_were_posted_count(world, tmp_path):
    folder, _, model, mark = world
    with open_log(tmp_path / "log.db") as log:
        unposted(log, mark, model)
    result = retrain(
        tmp_path / "log.db", tmp_path / "registry", folder / "features", model=folder / "model",
        trials=1,
    )  # fmt: skip
    assert (result.action, result.fresh) == ("promoted", 150)
    assert any("When 150 posts went up is not known" in note for note in result.notes)


def test_a_later_prediction_may_tell_when_a_post_was_posted(world, tmp_path):
    _, known, model, mark = world
    week = make_week(3, 50, drifted=True)
    with open_log(tmp_path / "log.db") as log:
        unposted(log, mark, model, (3,))
        repredict(log, mark, model, week)
        data = join(log, known, model)
    assert not data.notes
    assert data.posts["posted_at"].tolist()[-50:] == week.posts["posted_at"].tolist()


def test_too_few_dated_training_posts_wait(world, tmp_path):
    _, known, _, mark = world
    undated = replace(known, posts=known.posts.drop(columns=["posted_at", "collected_at"]))
    model = train(undated.matrix, undated.posts, target="views")
    save_model(model, tmp_path / "model")
    write_features(tmp_path / "features", undated)
    with open_log(tmp_path / "log.db") as log:
        predict_week(log, mark, model, make_week(3, 40))
    result = retrain(
        tmp_path / "log.db", tmp_path / "registry", tmp_path / "features",
        model=tmp_path / "model",
    )  # fmt: skip
    assert (result.action, result.fresh) == ("waiting", 40)
    assert "20 posts with an outcome are known to have been posted before" in result.verdict
    assert any("180 posts without any time" in note for note in result.notes)


def test_the_commands_that_are_told_run(world, tmp_path, monkeypatch):
    folder, known, model, mark = world
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my logs").mkdir()
    path = tmp_path / "my logs" / "log.db"
    with open_log(path) as log:
        predict_week(log, mark, model, make_week(8, 10))
        log.feedback(Outcome(post="w08-000", views=-1))
        found = judge_log(log, model, mark, known)
    result = retrain(path, tmp_path / "registry", folder / "features", model=folder / "model")
    (tmp_path / "later.csv").write_text("post_id,views\nw08-001,9999999\n")
    said = [*found.reasons, *found.notes, result.verdict]
    commands = [one for text in said for one in re.findall("`(virality [^`]*)`", text)]
    assert len(commands) == 3
    assert any("1 report is held back" in one and "lists it" in one for one in found.notes)
    for command in commands:
        done = CliRunner().invoke(app, shlex.split(command)[1:])
        assert done.exit_code == 0, (command, done.output, done.exception)


def test_marks_are_those_of_the_registry(world):
    folder, known, model, _ = world
    registry = Registry(folder / "elsewhere")
    entry = registry.adopt(folder / "model", known.posts["id"], now=BEGIN)
    marks = np.array(sorted(int(mark, 16) for mark in entry.trained_on), dtype=np.uint64)
    np.testing.assert_array_equal(marks, known_marks(known.posts["id"]))
    np.testing.assert_array_equal(marks, model.learned)


@pytest.fixture(scope="module")
def rivals(world, tmp_path_factory):
    """Two models of one recipe, before and after the rule changed, and later posts beside all."""
    _, known, _, _ = world
    later = join_weeks([make_week(week, 60, drifted=True) for week in (4, 5, 6)])
    asked = join_weeks([known, later, make_week(7, 50, drifted=True)])
    place = tmp_path_factory.mktemp("rivals")
    for name, learned in (("old", known), ("new", later)):
        save_model(train(learned.matrix, learned.posts, target="views"), place / name)
    write_features(place / "features", asked)
    write_features(place / "learned", known)
    return place


def test_models_of_one_recipe_differ_by_what_they_learned(rivals):
    words = ["compare", str(rivals / "old"), str(rivals / "new"), str(rivals / "features")]
    done = CliRunner().invoke(app, [*words, "--as-trained", "--json", "-q"])
    assert done.exit_code == 0, (done.output, done.exception)
    found = json.loads(done.stdout)
    assert (found["split"], found["rows"]) == ("unseen", 50)
    assert found["differences"]["mae"]["high"] < -0.2
    assert found["verdict"].startswith("On 50 posts, which neither has seen,")
    assert f"{rivals / 'new'} is better than {rivals / 'old'}" in found["verdict"]


def test_a_comparison_as_trained_needs_posts_that_are_new_to_both(rivals):
    words = ["compare", str(rivals / "old"), str(rivals / "new")]
    done = CliRunner().invoke(app, [*words, str(rivals / "learned"), "--as-trained"])
    assert isinstance(done.exception, InputError)
    assert "0 labelled posts of" in str(done.exception)
    done = CliRunner().invoke(
        app, [*words, str(rivals / "features"), "--as-trained", "--split", "author"]
    )
    assert isinstance(done.exception, UsageError)
    assert "--split is for recipes" in str(done.exception)


def test_a_model_that_does_not_tell_what_it_learned_is_not_compared(rivals):
    old, asked = load_model(rivals / "old"), read_features(rivals / "features")
    mute = replace(old, learned=NOBODY)
    with pytest.raises(UsageError, match="the second model does not tell"):
        compare_as_trained(old, mute, asked.matrix, asked.posts)
