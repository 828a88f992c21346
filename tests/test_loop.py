"""Monitoring, retraining and the registry, on a small world whose rule changes."""

import html
import json
import os
import re
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loop_world import BEGIN, join_weeks, make_week, predict_week
from typer.testing import CliRunner

from virality.cli import app
from virality.data.errors import InputError, StorageError
from virality.data.features import write_features
from virality.data.matrix import Column
from virality.data.outcomes import Outcome
from virality.modeling.bundle import bundle_hash, load_model, save_model
from virality.modeling.drift import compare_columns, psi, tell
from virality.modeling.registry import Registry
from virality.modeling.space import Room, within_space
from virality.modeling.train import train
from virality.reports.render import render_watch
from virality.reports.watching import named_drifts, tell_watch
from virality.reports.words import amount
from virality.workflow.monitor import judge_log
from virality.workflow.prediction_log import open_log
from virality.workflow.retrain import join, retrain, retrain_on

pytestmark = pytest.mark.usefixtures("light_recipes")

NOW = BEGIN + timedelta(weeks=60)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Training features, a model, and two logs: one as in training, one after a drift."""
    folder = tmp_path_factory.mktemp("world")
    known = join_weeks([make_week(week, 60) for week in range(3)])
    write_features(folder / "features", known)
    model = train(known.matrix, known.posts, target="views")
    save_model(model, folder / "model")
    mark = bundle_hash(folder / "model")
    for name, drifted in (("calm", False), ("drifted", True)):
        with open_log(folder / f"{name}.db") as log:
            for week in (3, 4, 5):
                predict_week(log, mark, model, make_week(week, 50, drifted=drifted))
    return folder, known, model, mark


def judged(world, name, **options):
    folder, known, model, mark = world
    with open_log(folder / f"{name}.db") as log:
        return judge_log(log, model, mark, known, **options)


def test_a_model_that_holds_is_not_blamed(world):
    found = judged(world, "calm")
    assert (found.predictions, found.outcomes) == (150, 150)
    assert not any("err" in reason or "too" in reason for reason in found.reasons)
    assert found.coverage.value > 0.65
    assert not found.moved
    assert found.metrics["spearman"].value > 0.8


def test_a_changed_rule_is_found(world):
    found = judged(world, "drifted")
    assert found.advice == "retrain"
    assert found.metrics["mae"].low > found.expected
    assert any("the rule seems to have changed" in reason for reason in found.reasons)
    assert any("promise too much" in reason for reason in found.reasons)
    assert not found.moved  # the posts are as they were: only what follows from them is not
    # Each week was predicted in one go: eight stretches had told its order of rows as time.
    assert [one.posts for one in found.stretches] == [50, 50, 50]
    assert len({one.start for one in found.stretches}) == 3


def test_monitoring_speaks_of_factors_and_counts_as_the_page_does(world, tmp_path):
    _, known, model, mark = world
    bold = make_week(9, 61)
    with open_log(tmp_path / "log.db") as log:
        posts = bold.posts.assign(views=bold.posts["views"] * 40)
        predict_week(log, mark, model, replace(bold, posts=posts))
        found = judge_log(log, model, mark, known)
    size = f"{10**found.bias.value:.2f}"
    told, page = tell_watch(found), html.unescape(render_watch(found))
    lean = f"{10**found.bias.low:.2f} to {10**found.bias.high:.2f}"
    assert f"Predictions are too low by a factor of {size} on average ({lean})" in found.reasons[1]
    assert f"err by a factor of {10 ** found.metrics['mae'].value:.2f}" in found.reasons[0]
    assert told.tiles[1].value == f"too low by a factor of {size}"
    assert told.tiles[1].note.endswith(f"{lean} times what was predicted")
    now = amount(float(np.median(posts["views"])), "views")
    (moved,) = [one for one in told.drifts if one.startswith("The outcome")]
    assert f"is higher than in training: median {now}, " in moved
    assert moved in " ".join(page.split())


def test_what_has_moved_is_called_and_measured_as_in_the_report():
    column = Column("metadata_author__posts_log10", "metadata", "log10", "asof", "", "posts")
    moved = compare_columns([column.name], np.full((50, 1), 1.0), np.full((50, 1), 2.0))
    (told,) = named_drifts(moved, {column.name: column})
    assert "“posts of the author so far” is higher than in training: median 99, 9 before" in (
        told.sentence
    )
    assert told.as_json().keys() == moved[0].as_json().keys()
    assert told.as_json()["median_now"] == 2.0
    (hardly,) = named_drifts(
        compare_columns([column.name], np.full((50, 1), 1.0), np.full((50, 1), 1.001)),
        {column.name: column},
    )
    assert "is distributed otherwise than in training (PSI" in hardly.sentence


def test_without_outcomes_it_waits(world, tmp_path):
    _, _, model, mark = world
    week = make_week(9, 40)
    with open_log(tmp_path / "log.db") as log:
        predict_week(log, mark, model, week)
        for report in log.reports():
            log.reject(report.number)
        found = judge_log(log, model, mark, None)
    assert found.advice == "wait"
    assert "0 outcomes are known" in found.reasons[0]
    assert found.drifts == ()
    assert "Too early" in render_watch(found)


def test_the_page_is_one_file_and_names_nothing_outside(world):
    page = render_watch(judged(world, "drifted"))
    assert page == render_watch(judged(world, "drifted"))
    assert "Train again." in page
    body = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert {found[0] for found in re.findall(r"(?:src|href)=\"(.)", body)} == {"#"}
    assert "default-src 'none'" in html.unescape(page)


def test_psi_of_known_shares():
    before, now = np.repeat(np.arange(10.0), 1000), np.repeat(np.arange(10.0), 1000)
    assert psi(before, now) == pytest.approx(0, abs=1e-9)
    half = np.concatenate([np.zeros(5000), np.ones(5000)])
    most = np.concatenate([np.zeros(8000), np.ones(2000)])
    expected = (0.8 - 0.5) * np.log(0.8 / 0.5) + (0.2 - 0.5) * np.log(0.2 / 0.5)
    assert psi(half, most) == pytest.approx(expected, rel=1e-3)


numbers = st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(float("nan"))), min_size=20, max_size=60)


@settings(max_examples=60, deadline=None)
@given(numbers, numbers)
def test_drift_is_never_nan_and_never_below_0(before, now):
    (found,) = compare_columns(["x"], np.array(before)[:, None], np.array(now)[:, None])
    assert found.psi >= 0
    assert 0 <= found.p <= 1
    assert 0 <= found.ks <= 1
    assert found.sentence


def test_what_has_moved_is_found_and_what_has_not_is_left_alone():
    rng = np.random.default_rng(0)
    before, now = rng.normal(size=(400, 30)), rng.normal(size=(200, 30))
    now[:, 3] += 1.0
    now[:90, 7] = np.nan
    found = compare_columns([f"c{number}" for number in range(30)], before, now)
    assert {one.name for one in found if one.moved} == {"c3", "c7"}
    assert "higher" in next(one.sentence for one in found if one.name == "c3")
    assert "missing" in next(one.sentence for one in found if one.name == "c7")


@pytest.fixture(scope="module")
def retrained(world):
    folder, _, _, mark = world
    result = retrain(
        folder / "drifted.db", folder / "registry", folder / "features",
        model=folder / "model", trials=2,
    )  # fmt: skip
    return folder / "registry", mark, result


def test_what_went_missing_together_is_one_sentence():
    draw = np.random.default_rng(0)
    names = [*(f"audio_a__{n}" for n in range(6)), "audio_b__x", "text_c__moved"]
    before = draw.normal(size=(200, 8))
    now = draw.normal(size=(200, 8))
    now[:, :6] = np.nan
    now[:100, 6] = np.nan
    now[:, 7] += 3
    moved = [one for one in compare_columns(names, before, now) if one.moved]
    said = tell(sorted(moved, key=lambda one: (-one.psi, one.name)), 5)
    assert len(said) == 3
    assert "6 features of audio are missing in 100% of the posts, in 0% before" in said[0]
    assert sum("audio_b__x is missing in 50%" in one for one in said) == 1
    assert sum("text_c__moved is higher" in one for one in said) == 1
    assert len(tell(moved, 1)) == 1


def test_a_better_challenger_goes_into_use(retrained):
    registry, first, result = retrained
    assert result.action == "promoted"
    assert result.champion == first
    assert result.comparison.differences["mae"].high < 0
    assert bundle_hash(registry / "current") == result.challenger != first
    assert len(list((registry / "bundles").iterdir())) == 2
    assert load_model(registry / "current").card.rows > result.learned


def test_a_rollback_puts_the_earlier_one_into_use(retrained, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(retrained[0], folder, symlinks=True)
    done = CliRunner().invoke(app, ["retrain", "--rollback", "--registry", str(folder), "--json"])
    assert json.loads(done.stdout)["champion"] == retrained[1]
    assert bundle_hash(folder / "current") == retrained[1]
    assert [move.action for move in Registry(folder).history()] == [
        "promoted", "promoted", "rolled back",
    ]  # fmt: skip
    again = CliRunner().invoke(app, ["retrain", "--rollback", "--registry", str(folder)])
    assert isinstance(again.exception, InputError)
    assert "no earlier bundle" in str(again.exception)


def test_a_challenger_that_is_no_better_stays_out(world, tmp_path):
    folder, *_ = world
    result = retrain(
        folder / "calm.db", tmp_path / "registry", folder / "features", model=folder / "model",
        trials=1,
    )  # fmt: skip
    assert result.action == "kept"
    assert bundle_hash(tmp_path / "registry" / "current") == result.champion
    assert (tmp_path / "registry" / "bundles" / result.challenger[:16]).is_dir()
    assert "stays in use" in result.verdict


def test_a_challenger_is_not_tried_twice_with_the_same_outcomes(world, tmp_path):
    folder, _, model, mark = world
    registry, log = tmp_path / "registry", tmp_path / "log.db"
    shutil.copy(folder / "calm.db", log)

    def tried(**options):
        return retrain(
            log, registry, folder / "features", model=folder / "model", trials=1, **options
        )

    first = tried()
    assert (first.action, first.fresh) == ("kept", 150)
    assert len(Registry(registry).tried(first.champion)) == 150
    waited = tried()
    assert (waited.action, waited.challenger, waited.comparison) == ("waiting", None, None)
    assert "tried with 150 of the 150 new outcomes" in waited.verdict
    assert "0 have come since, 30 are needed" in waited.verdict
    assert len(list((registry / "studies").iterdir())) == 1  # nothing was searched
    asked = ["retrain", str(log), str(folder / "features"), "--registry", str(registry), "--json"]
    done = CliRunner().invoke(app, [*asked, "--trials", "1", "--again"])
    assert json.loads(done.stdout)["action"] == "kept"
    assert json.loads(CliRunner().invoke(app, asked).stdout)["action"] == "waiting"
    with open_log(log) as opened:
        predict_week(opened, mark, model, make_week(6, 29))
    assert "29 have come since" in tried().verdict
    with open_log(log) as opened:
        predict_week(opened, mark, model, make_week(7, 1))
    last = tried()
    assert (last.challenger is not None, last.fresh) == (True, 180)


def test_a_new_champion_is_challenged_with_outcomes_that_the_old_one_met(world, tmp_path):
    registry = Registry(tmp_path / "registry")
    folder, known, model, _ = world
    first = registry.adopt(folder / "model", known.posts["id"], now=NOW)
    registry.add(model, known.posts["id"], now=NOW, against="another", tried_with=["p", "q"])
    assert registry.tried(first.hash) == frozenset()
    assert len(registry.tried("another")) == 2


def test_a_registry_of_before_says_that_nothing_was_tried(world, tmp_path):
    registry = Registry(tmp_path / "registry")
    folder, known, *_ = world
    entry = registry.adopt(folder / "model", known.posts["id"], now=NOW)
    (path,) = (registry.folder / "facts").iterdir()
    facts = json.loads(path.read_text())
    path.write_text(
        json.dumps({n: v for n, v in facts.items() if n[:7] not in ("against", "tried_w")})
    )
    assert registry.entry(entry.hash) == entry
    assert registry.tried(entry.hash) == frozenset()


def test_poison_is_not_learned_from(world, tmp_path):
    _, known, model, mark = world
    week = make_week(8, 40)
    with open_log(tmp_path / "log.db") as log:
        predict_week(log, mark, model, week)
        before = join(log, known, model).posts
        for number, post in enumerate(week.posts["id"]):
            outcome = Outcome(post=post, views=3, observed_at=NOW)
            log.feedback(outcome, client=f"c{number}", now=NOW)
            huge = Outcome(post=post, views=10**12, observed_at=NOW)
            log.feedback(huge, client=f"c{number}", now=NOW)
        after = join(log, known, model).posts
    assert len(before) == len(known.posts) + 40
    assert before["views"].tolist() == after["views"].tolist()


def test_too_few_outcomes_wait(world, tmp_path):
    folder, _, model, mark = world
    with open_log(tmp_path / "log.db") as log:
        predict_week(log, mark, model, make_week(8, 10))
    result = retrain(
        tmp_path / "log.db", tmp_path / "registry", folder / "features", model=folder / "model"
    )
    assert (result.action, result.fresh) == ("waiting", 10)


def test_a_damaged_registry_is_told(retrained, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(retrained[0], folder, symlinks=True)
    (folder / "history.json").write_text("[{")
    with pytest.raises(StorageError, match=r"history\.json: is damaged"):
        Registry(folder).history()
    for facts in (folder / "facts").iterdir():
        facts.write_text("{}")
    with pytest.raises(StorageError, match="missing or damaged"):
        Registry(folder).in_use()
    with (
        Registry(folder).locked(),
        pytest.raises(StorageError, match="another run"),
        Registry(folder).locked(),
    ):
        pass


def test_a_move_that_was_cut_off_can_be_made_again(retrained, tmp_path, monkeypatch):
    folder = tmp_path / "copy"
    shutil.copytree(retrained[0], folder, symlinks=True)
    registry, in_use = Registry(folder), bundle_hash(folder / "current")
    really = os.replace

    def replace(source, target):
        if Path(target).name == "current":
            raise OSError(28, "No space left on device")
        really(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(StorageError, match="No space"):
        registry.roll_back(now=NOW)
    assert bundle_hash(folder / "current") == in_use
    monkeypatch.setattr(os, "replace", really)
    registry.promote(retrained[1], "by hand", now=NOW)
    assert bundle_hash(folder / "current") == retrained[1]


@pytest.mark.parametrize("moves", [1, 2, 3])
def test_a_move_that_a_kill_cut_off_was_not_made(retrained, tmp_path, monkeypatch, moves):
    folder = tmp_path / "copy"
    shutil.copytree(retrained[0], folder, symlinks=True)
    registry, later = Registry(folder), bundle_hash(folder / "current")
    first, really = retrained[1], os.replace
    for number in range(moves - 1):
        registry.promote((first, later)[number % 2], "by hand", now=NOW)
    before, in_use = registry.history(), bundle_hash(folder / "current")

    def killed(source, target):
        if Path(target).name == "current":
            raise KeyboardInterrupt
        really(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            registry.promote(first if in_use == later else later, "better", now=NOW)
    registry = Registry(folder)
    assert bundle_hash(folder / "current") == registry.in_use().hash == in_use
    assert registry.history() == before
    entry = registry.roll_back(now=NOW)
    assert entry.hash == bundle_hash(folder / "current") != in_use
    assert [one.action for one in registry.history()] == [
        *(one.action for one in before), "rolled back"
    ]  # fmt: skip


def test_a_first_move_that_a_kill_cut_off_is_made_again(world, tmp_path, monkeypatch):
    folder, known, *_ = world
    registry = Registry(tmp_path / "registry")
    entry = registry.adopt(folder / "model", known.posts["id"], now=NOW)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "symlink_to", lambda *_, **__: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            registry.promote(entry.hash, "the first one", now=NOW)
    assert (registry.in_use(), registry.history()) == (None, ())
    registry.promote(entry.hash, "the first one", now=NOW)
    assert [one.why for one in registry.history()] == ["the first one"]


def test_a_link_that_was_moved_by_hand_leaves_the_history(retrained, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(retrained[0], folder, symlinks=True)
    before = Registry(folder).history()
    (folder / "current").unlink()
    (folder / "current").symlink_to("elsewhere")
    assert Registry(folder).history() == before


def test_what_is_in_the_way_of_a_retraining_is_told_first(retrained, world, tmp_path, monkeypatch):
    folder = tmp_path / "copy"
    shutil.copytree(retrained[0], folder)  # as a copy without links has it
    monkeypatch.setattr("virality.modeling.tune.tune", lambda *_, **__: pytest.fail("searched"))
    with pytest.raises(StorageError, match="current: is no link"):
        retrain(world[0] / "drifted.db", folder, world[0] / "features")


def test_a_bundle_of_another_name_is_not_judged(retrained, world, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(retrained[0], folder, symlinks=True)
    registry = Registry(folder)
    champion = registry.in_use()
    shutil.rmtree(registry.bundle(champion.hash))
    shutil.copytree(registry.bundle(retrained[1]), registry.bundle(champion.hash))
    with (
        open_log(world[0] / "drifted.db") as log,
        pytest.raises(StorageError, match="holds another bundle"),
    ):
        retrain_on(log, registry, champion, world[1], now=NOW)


def test_a_bundle_that_is_replaced_while_it_is_copied_is_told(world, tmp_path, monkeypatch):
    folder, known, *_ = world
    really = shutil.copytree

    def copytree(source, target, **options):
        really(source, target, **options)
        (target / "model.json").write_text("{}")

    monkeypatch.setattr(shutil, "copytree", copytree)
    registry = Registry(tmp_path / "registry")
    with pytest.raises(StorageError, match="was replaced while it was copied"):
        registry.adopt(folder / "model", known.posts["id"], now=NOW)
    assert list((tmp_path / "registry" / "bundles").iterdir()) == []


def test_the_commands(world, tmp_path):
    folder, *_ = world
    page = tmp_path / "monitor.html"
    options = ["--model", str(folder / "model"), "--features", str(folder / "features")]
    done = CliRunner().invoke(
        app, ["monitor", str(folder / "drifted.db"), *options, "-o", str(page), "--json", "-q"]
    )
    assert done.exit_code == 0, done.output
    value = json.loads(done.stdout)
    assert value["advice"] == "retrain"
    assert json.loads(page.with_suffix(".json").read_text())["outcomes"] == 150
    then = f"virality retrain {folder / 'drifted.db'} {folder / 'features'}"
    assert f"<code>{then}</code>" in html.unescape(page.read_text())
    shown = CliRunner().invoke(
        app, ["monitor", str(folder / "drifted.db"), *options, "-o", str(page), "-q"]
    )
    assert "retrain" in shown.output


@given(
    st.dictionaries(
        st.sampled_from(["learning_rate", "num_leaves", "dims", "loss", "terms", "alpha", "other"]),
        st.one_of(st.integers(-5, 500), st.floats(), st.booleans(), st.sampled_from(["l1", "x"])),
    ),
    st.integers(30, 20_000),
)
def test_a_warm_start_is_always_within_the_space(params, posts):
    room = Room(posts)
    kept = within_space(params, room)
    assert within_space(kept, room) == kept
    assert set(kept) <= set(params) - {"other"}
    assert kept.get("dims", room.dims[0]) in room.dims
