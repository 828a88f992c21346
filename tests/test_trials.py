import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace

import numpy as np
import optuna
import pytest
from matrices import make_case

from virality.data.errors import UsageError
from virality.modeling.bundle import load_model, save_model
from virality.modeling.oof import plan_bases
from virality.modeling.provenance import usable_columns
from virality.modeling.recipe import (
    FOREST,
    FOREST_POSTS,
    FOREST_TREES,
    UNTUNED,
    Recipe,
    sensible_recipe,
)
from virality.modeling.rows import arrange, labelled
from virality.modeling.space import Room, suggest, within_space
from virality.modeling.study import open_study
from virality.modeling.study_folds import StudyFolds, patience
from virality.modeling.targets import find_target
from virality.modeling.train import train
from virality.modeling.trials import FOLDS_APART, FOLDS_HELD, nested_score, run_trial
from virality.modeling.tune import read_tuning, tune
from virality.reports.making import study_of

HERE = os.path.dirname(__file__)


OF_BLOCKS = ("dims", "ridge", "near", "terms", "categories", "half_life")
"""What a study varies beside a booster's parameters."""


def test_the_nested_score_judges_choices_made_without_the_fold():
    trials = [
        {FOLDS_HELD: [1.0, 5.0], FOLDS_APART: [1.1, 5.1]},
        {FOLDS_HELD: [3.0, 2.0], FOLDS_APART: [3.1, 2.1]},
    ]
    # Without fold 1 the second trial is best (2 < 5) and scores 3.1 there; else the first.
    assert nested_score(trials) == pytest.approx((3.1 + 5.1) / 2)
    assert nested_score(trials[:1]) is None
    assert nested_score([*trials, {}]) == nested_score(trials)


def test_choosing_among_trials_of_pure_noise_is_called_optimistic():
    rng = np.random.default_rng(0)
    flattery, nested = [], []
    for _ in range(20):
        noise = rng.normal(1.0, 0.1, (200, 5)).tolist()
        trials = [{FOLDS_HELD: row, FOLDS_APART: row} for row in noise]
        flattery.append(1.0 - min(np.mean(row) for row in noise))
        nested.append(1.0 - nested_score(trials))
    assert np.mean(flattery) > 0.1
    assert abs(np.mean(nested)) < 0.3 * np.mean(flattery)


@pytest.mark.parametrize("metric", ["mae", "mape", "spearman"])
def test_a_study_is_judged_by_the_metric_asked_for(tmp_path, metric):
    found = tune(*make_case(90), trials=3, study=tmp_path / "s.log", metric=metric)
    assert found.measure == metric
    assert 0 < found.value < 1
    again = tune(*make_case(90), trials=3, study=tmp_path / "s.log")
    assert again == found
    with pytest.raises(UsageError, match=f"a study of {metric}, not of rmse"):
        tune(*make_case(90), trials=3, study=tmp_path / "s.log", metric="rmse")


def test_sane_guesses_come_first_and_both_libraries_are_remembered(tmp_path):
    case = make_case(90)
    found = tune(*case, trials=5, study=tmp_path / "s.log")
    first = [trial.params for trial in found.trials[:4]]
    assert [one["library"] for one in first] == ["lightgbm", "xgboost", "lightgbm", "lightgbm"]
    assert [one["loss"] for one in first[:3]] == ["l2", "l2", "huber"]
    assert set(found.by_library) == {"lightgbm", "xgboost"}
    assert found.nested is not None
    assert found.optimism == pytest.approx(found.nested - found.value)
    model = train(*case, tuning=found)
    libraries = {base.name: base.library for base in model.stack.bases}
    assert libraries["all"] == "lightgbm"
    assert libraries["all_xgboost"] == "xgboost"
    told = model.recipe.of_base("all_xgboost", "xgboost").params
    assert told["num_leaves"] == found.by_library["xgboost"]["num_leaves"]


def test_one_library_alone_can_be_tried_and_unknown_ones_are_refused(tmp_path):
    found = tune(*make_case(90), trials=3, study=tmp_path / "s.log", libraries=["lightgbm"])
    assert {trial.params["library"] for trial in found.trials} == {"lightgbm"}
    with pytest.raises(UsageError, match="no booster 'sklearn'; choose among lightgbm, xgboost"):
        tune(*make_case(90), trials=3, study=tmp_path / "t.log", libraries=["sklearn"])


def test_a_raw_study_reads_columns_and_its_recipe_says_so(tmp_path):
    case = make_case(90)
    found = tune(*case, trials=3, study=tmp_path / "s.log", raw=True)
    assert found.raw
    assert "dims" not in found.params
    assert train(*case, tuning=found).recipe.raw
    with pytest.raises(UsageError, match="other features"):
        tune(*case, trials=3, study=tmp_path / "s.log")


def test_a_raw_study_tries_lightgbm_alone_unless_it_is_told_otherwise(tmp_path):
    found = tune(*make_case(90), trials=4, study=tmp_path / "s.log", raw=True)
    assert {trial.params["library"] for trial in found.trials} == {"lightgbm"}
    both = ("lightgbm", "xgboost")
    found = tune(*make_case(90), trials=4, study=tmp_path / "t.log", raw=True, libraries=both)
    assert {trial.params["library"] for trial in found.trials} == set(both)


@pytest.mark.parametrize(("rate", "trees"), [(0.02, 40), (0.05, 30), (0.1, 15), (0.2, 12)])
def test_quick_learners_are_waited_for_less_long(rate, trees):
    assert patience({"learning_rate": rate}, 40) == trees
    assert patience({"learning_rate": rate}, 10) == 10


def test_trials_that_time_cuts_short_fail_and_the_first_is_never_cut(tmp_path):
    found = tune(*make_case(90), trials=50, timeout_s=0.0, study=tmp_path / "s.log")
    assert [trial.state for trial in found.trials] == ["complete"]
    study = open_study(tmp_path / "s.log")
    known = labelled(*make_case(90), find_target("views"), 30)
    rows = arrange(known.matrix, known.posts, usable_columns(known.matrix).names)
    folds = StudyFolds(rows, known.y, Room(len(rows)), 0)
    run_trial(study, folds, 0, lambda: True)
    assert [one.state.name for one in study.get_trials()][:2] == ["COMPLETE", "FAIL"]
    again = read_tuning(tmp_path / "s.log")
    assert again.params == found.params
    assert [one.state for one in again.trials] == ["complete", "fail"]
    assert again.finished == found.finished == found.trials
    told = study_of(again)
    assert told.total == len(told.trials) == 1
    assert told.sentence.startswith("1 of 1 trials ran to the end (0 stopped early)")


def test_hopeless_trials_are_given_up(tmp_path):
    found = tune(*make_case(120), trials=30, study=tmp_path / "s.log", seed=1)
    states = [trial.state for trial in found.trials]
    assert states.count("pruned") >= 5
    assert states.count("complete") >= 4
    best = min(trial.value for trial in found.trials if trial.value is not None)
    assert found.value == best


PROCESS = textwrap.dedent("""
    import sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[3])
    from matrices import make_case
    from virality.modeling.tune import tune
    tune(*make_case(90), trials=int(sys.argv[2]), study=Path(sys.argv[1]))
""")


def _start(path, trials):
    return subprocess.Popen([sys.executable, "-c", PROCESS, str(path), str(trials), HERE])


def test_several_processes_share_one_study(tmp_path):
    path = tmp_path / "s.log"
    running = [_start(path, 8) for _ in range(2)]
    assert [one.wait(300) for one in running] == [0, 0]
    found = read_tuning(path)
    finished = [one for one in found.trials if one.state in ("complete", "pruned")]
    assert 8 <= len(finished) <= 9
    numbers = [one.number for one in found.trials]
    assert len(set(numbers)) == len(numbers)


def test_a_study_killed_in_a_trial_goes_on_without_it(tmp_path):
    path = tmp_path / "s.log"
    child = _start(path, 10_000)
    while not (path.exists() and path.read_bytes().count(b"\n") > 60):
        assert child.poll() is None
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.wait()
    before = sum(t.state.is_finished() for t in open_study(path).get_trials())
    found = tune(*make_case(90), trials=before + 2, study=path)
    assert not [one for one in found.trials if one.state == "running"]
    finished = [one for one in found.trials if one.state in ("complete", "pruned")]
    assert len(finished) >= before + 2 - 1


def test_bases_of_one_modality_stand_beside_those_on_all():
    matrix, _ = make_case(60)
    columns = tuple(matrix.columns.values())
    plans = plan_bases(columns, np.ones(len(columns), bool), Recipe(raw=True))
    names = [plan.name for plan in plans]
    assert names[-2:] == ["all", "all_xgboost"]
    assert {"audio", "frames", "metadata", "text"} <= set(names)


def test_a_forest_stands_beside_boosting_where_posts_are_few(tmp_path):
    case = make_case(90)
    model = train(*case)
    forest = model.stack.bases[-1]
    assert forest.name == FOREST
    assert [booster.averages for booster in forest.boosters] == [True]
    assert forest.boosters[0]._model().num_trees() == model.recipe.forest == FOREST_TREES
    assert model.card.weights[FOREST] > 0
    assert not any(one.averages for base in model.stack.bases[:-1] for one in base.boosters)
    assert model.stack.contributions(model.rows(*case)).largest_error < 1e-9
    save_model(model, tmp_path / "model")
    again = load_model(tmp_path / "model")
    np.testing.assert_array_equal(again.predict(*case).mean, model.predict(*case).mean)
    assert sensible_recipe(FOREST_POSTS).forest
    assert not sensible_recipe(FOREST_POSTS + 1).forest


@pytest.mark.parametrize("hedged", [False, True])
def test_a_forest_reads_what_is_usual(hedged):
    matrix, _ = make_case(60)
    columns = tuple(matrix.columns.values())
    recipe = Recipe(forest=10, hedged=hedged, dims=0, ridge=False, near=False, metric="mae")
    plans = {one.name: one for one in plan_bases(columns, np.ones(len(columns), bool), recipe)}
    assert (UNTUNED in plans) == hedged
    beside = recipe.usual if hedged else recipe
    own = recipe.of_base(FOREST, "lightgbm")
    assert own.blocks == beside.blocks
    assert own.params["forest"]
    assert "loss" not in own.params  # means, whatever the metric
    np.testing.assert_array_equal(plans[FOREST].places, plans[UNTUNED if hedged else "all"].places)


def test_a_study_is_hedged_by_a_base_that_is_as_it_would_be_without(tmp_path):
    case = make_case(90)
    found = tune(*case, trials=2, study=tmp_path / "s.log")
    odd = {
        **found.params, "dims": 0, "ridge": False, "near": False, "half_life": 0.25,
        "num_leaves": 3, "loss": "huber", "learning_rate": 0.2,
    }  # fmt: skip
    tuned = train(*case, tuning=replace(found, params=odd, by_library={}))
    plain = train(*case)
    bases = {base.name: base for base in tuned.stack.bases}
    usual = {base.name: base for base in plain.stack.bases}
    assert UNTUNED not in usual
    columns = tuned.stack.projector.columns
    derived = {n for n, column in enumerate(columns) if "#" in column.name}
    assert derived
    assert not derived & set(bases["all"].places)
    assert derived <= set(bases[UNTUNED].places)
    assert [b.text for b in bases[UNTUNED].boosters] == [b.text for b in usual["all"].boosters]
    assert [b.text for b in bases["all"].boosters] != [b.text for b in usual["all"].boosters]
    assert tuned.card.weights[UNTUNED] > 0


def test_a_hedged_model_explains_itself_and_survives_its_bundle(tmp_path):
    case = make_case(90)
    found = tune(*case, trials=2, study=tmp_path / "s.log")
    narrow = {**found.params, "dims": 2, "ridge": False, "near": True}
    model = train(*case, tuning=replace(found, params=narrow, by_library={}))
    assert model.stack.contributions(model.rows(*case)).largest_error < 1e-9
    save_model(model, tmp_path / "model")
    again = load_model(tmp_path / "model")
    np.testing.assert_array_equal(again.predict(*case).mean, model.predict(*case).mean)
    assert again.recipe == model.recipe


def test_a_hedge_begins_where_its_study_did(tmp_path):
    case = make_case(90)
    for raw in (False, True):
        found = tune(*case, trials=1, study=tmp_path / f"{raw}.log", raw=raw, metric="mae")
        recipe = train(*case, tuning=found).recipe
        first = within_space(found.trials[0].params, Room(90, "mae", raw=raw))
        usual = recipe.usual
        kept = {**usual.params, **{name: getattr(usual, name) for name in OF_BLOCKS}}
        assert {name: kept[name] for name in first if name != "library"} == {
            name: value for name, value in first.items() if name != "library"
        }


@pytest.mark.parametrize(
    ("there", "dead"),
    [
        ({"blocks": False, "captions": False, "categories": False},
         {"dims", "ridge", "near", "terms", "categories"}),
        ({"blocks": False, "categories": False}, {"dims", "categories"}),
        ({"captions": False}, {"terms"}),
    ],
    ids=["plain", "captions", "embeddings"],
)  # fmt: skip
def test_nothing_is_varied_that_these_posts_do_not_have(there, dead):
    room = Room(1_000, **there)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    tried = [suggest(study.ask(), room) for _ in range(40)]
    assert {name for one in tried for name in one}.isdisjoint(dead)
    assert {"loss", "half_life"} <= set(tried[0])
    for one in tried:
        assert ("path_smooth" in one) == (one["library"] == "lightgbm")
        assert there.get("blocks", True) or ("ridge" in one) == bool(one.get("terms"))
    guesses = room.first_guesses()
    assert len({tuple(sorted(one.items())) for one in guesses}) == len(guesses)
    assert all(dead.isdisjoint(one) for one in guesses)


def test_a_study_of_plain_columns_varies_no_blocks(tmp_path):
    matrix, posts = make_case(90)
    plain = [name for name, one in matrix.columns.items() if not one.block]
    columns = {name: matrix.columns[name] for name in plain}
    matrix = replace(matrix, frame=matrix.frame[plain], columns=columns)
    bare = posts.drop(columns=["caption", "hashtags", "sound_id"], errors="ignore")
    found = tune(matrix, bare, trials=8, study=tmp_path / "s.log")
    varied = {name for trial in found.trials for name in trial.params}
    assert varied.isdisjoint({"dims", "ridge", "near", "terms", "categories"})
    assert len({tuple(sorted(one.params.items())) for one in found.trials}) == len(found.trials)
    assert train(matrix, bare, tuning=found).card.tuned
