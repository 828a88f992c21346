import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import numpy as np
import optuna
import pandas as pd
import pytest
from matrices import make_case

from virality.data.errors import InputError, StorageError, UsageError
from virality.data.matrix import FeatureMatrix
from virality.data.splits import oldest
from virality.modeling import study as study_module
from virality.modeling import trials
from virality.modeling import tune as module
from virality.modeling.study import OtherStudyError, open_study
from virality.modeling.tune import read_tuning, tune


def _case(n=70):
    return make_case(n)


def _facts(tuning):
    return [(t.number, t.state, t.value, dict(t.params)) for t in tuning.trials]


def test_a_study_finds_and_keeps_parameters(tmp_path):
    seen = []
    got = tune(*_case(), trials=4, study=tmp_path / "s.log", progress=lambda *a: seen.append(a))
    assert seen[-1] == (4, 4)
    assert len(got.trials) == 4
    best = min(t.value for t in got.trials if t.value is not None)
    assert got.value == best
    assert {"num_leaves", "learning_rate", "dims"} <= set(got.params)
    assert read_tuning(tmp_path / "s.log") == got


def test_interrupted_equals_uninterrupted_and_repeats(tmp_path):
    whole = tune(*_case(), trials=6, study=tmp_path / "a.log", seed=5)
    tune(*_case(), trials=3, study=tmp_path / "b.log", seed=5)
    resumed = tune(*_case(), trials=6, study=tmp_path / "b.log", seed=5)
    assert _facts(whole) == _facts(resumed)
    assert whole.params == resumed.params


def test_a_finished_study_is_not_searched_again(tmp_path, monkeypatch):
    done = tune(*_case(), trials=2, study=tmp_path / "s.log")
    monkeypatch.setattr(module, "_search", None)
    assert tune(*_case(), trials=2, study=tmp_path / "s.log") == done


def test_only_the_oldest_posts_are_seen(tmp_path):
    matrix, posts = _case()
    old = np.isin(np.arange(len(posts)), oldest(posts))
    spoiled = posts.assign(views=posts["views"].where(old, 10**9))
    one = tune(matrix, posts, trials=2, study=tmp_path / "a.log")
    other = tune(matrix, spoiled, trials=2, study=tmp_path / "b.log")
    assert _facts(one) == _facts(other)
    assert one.posts == old.sum()


def test_a_study_of_something_else_is_refused(tmp_path):
    matrix, posts = _case()
    study = tmp_path / "s.log"
    tune(matrix, posts, trials=1, study=study)
    with pytest.raises(UsageError, match="study of target 'views', not of 'likes'"):
        tune(matrix, posts.assign(likes=posts["views"]), target="likes", trials=1, study=study)
    fewer = matrix.select(list(matrix.columns)[2:])
    newer = FeatureMatrix(matrix.frame, matrix.columns, {**matrix.versions, "frames_motion": "9"})
    for other in (fewer, newer):
        with pytest.raises(UsageError, match="other features"):
            tune(other, posts, trials=1, study=study)


def test_a_study_of_other_posts_or_another_seed_is_refused(tmp_path):
    """Their scores would be compared with scores of other folds, and the luckier would win."""
    matrix, posts = _case()
    study = tmp_path / "s.log"
    tune(matrix, posts, trials=1, study=study)
    old = oldest(posts)
    for row, other in ((old[0], True), (np.setdiff1d(np.arange(len(posts)), old)[0], False)):
        views = posts["views"].copy()
        views.iloc[row] += 1000
        if other:
            with pytest.raises(OtherStudyError, match="a study of other posts or outcomes"):
                tune(matrix, posts.assign(views=views), trials=1, study=study)
        else:  # not seen by any study
            tune(matrix, posts.assign(views=views), trials=1, study=study)
    with pytest.raises(OtherStudyError, match="a study of other posts or outcomes"):
        tune(matrix.rows(list(matrix.frame.index[:-9])), posts, trials=1, study=study)
    with pytest.raises(OtherStudyError, match="a study of seed 0, not of 1"):
        tune(matrix, posts, trials=1, study=study, seed=1)


def test_a_study_of_other_values_of_the_same_features_is_refused(tmp_path):
    """A table without clips has the columns of picture and sound too, and its study is no use."""
    matrix, posts = _case()
    study = tmp_path / "s.log"
    tune(matrix, posts, trials=1, study=study)
    name = list(matrix.columns)[1]
    blind = FeatureMatrix(matrix.frame.copy(), matrix.columns, matrix.versions)
    blind.frame[name] = np.float32("nan")
    retold = posts.assign(sound_id="one")
    for other in ((blind, posts), (matrix, retold)):
        with pytest.raises(OtherStudyError, match="other values of the same features"):
            tune(*other, trials=1, study=study)
    tune(matrix, posts, trials=1, study=study)


def test_two_that_start_at_once_do_not_sweep_the_same_trial(tmp_path, monkeypatch):
    path = tmp_path / "s.log"
    tune(*_case(), trials=1, study=path)
    open_study(path).ask()
    both = threading.Barrier(2)
    is_gone = study_module._is_gone

    def slowly(trial):
        gone = is_gone(trial)
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(1)  # for the other one to see it running too
        return gone

    monkeypatch.setattr(study_module, "_is_gone", slowly)
    with ThreadPoolExecutor(2) as pool:
        started = [pool.submit(tune, *_case(), trials=1, study=path) for _ in range(2)]
    assert [len(one.result().finished) for one in started] == [1, 1]


def test_a_trial_that_bears_no_name_yet_is_not_taken_for_a_dead_ones(tmp_path, monkeypatch):
    path = tmp_path / "s.log"
    sweeper = "import sys; from pathlib import Path; from virality.modeling.study import *\n"
    sweeper += "with in_turn(Path(sys.argv[1])): sys.exit(sweep(open_study(Path(sys.argv[1]))))"
    swept = []

    def sign(trial):
        if not swept:
            swept.append(subprocess.Popen([sys.executable, "-c", sweeper, str(path)]))
            with contextlib.suppress(subprocess.TimeoutExpired):
                swept[0].wait(4)
        study_module.sign(trial)

    monkeypatch.setattr(trials, "sign", sign)
    got = tune(*_case(), trials=1, study=path)
    assert [one.state for one in got.trials] == ["complete"]
    assert swept[0].wait() == 0


def test_trials_of_a_dead_process_are_swept_and_the_study_goes_on(tmp_path):
    path = tmp_path / "s.log"
    tune(*_case(), trials=1, study=path)
    dead = "import sys; from pathlib import Path; from virality.modeling.study import *\n"
    dead += "t = open_study(Path(sys.argv[1])).ask(); sign(t); import os; os._exit(9)"
    subprocess.run([sys.executable, "-c", dead, str(path)], check=False)
    got = tune(*_case(), trials=3, study=path)
    assert [t.state for t in got.trials].count("fail") == 1
    assert len([t for t in got.trials if t.state in ("complete", "pruned")]) == 3


@pytest.mark.parametrize("host", ["gone", socket.gethostname()])
def test_trials_of_days_ago_are_swept_whoever_bears_their_number(tmp_path, host):
    """A container has another name each time: nobody else could say that its process ended."""
    path = tmp_path / "s.log"
    study = open_study(path)
    for days in (0, 3):
        trial = optuna.trial.create_trial(
            state=optuna.trial.TrialState.RUNNING, user_attrs={"worker": [host, os.getppid()]}
        )
        trial.datetime_start = datetime.now() - timedelta(days=days)
        study.add_trial(trial)
    assert study_module.sweep(study) == 1
    assert [one.state.name for one in study.get_trials()] == ["RUNNING", "FAIL"]


def test_a_line_torn_by_a_kill_is_no_obstacle(tmp_path):
    path = tmp_path / "s.log"
    tune(*_case(), trials=2, study=path)
    with path.open("ab") as file:
        file.write(b'{"op_code": 5, "worker_id": "x", "tri')
    assert len(read_tuning(path).trials) == 2


def test_files_that_are_no_study_are_refused(tmp_path):
    wrong = tmp_path / "notes.txt"
    wrong.write_text("hello\nworld\n")
    listed = tmp_path / "list.json"
    listed.write_text(json.dumps([1, 2]) + "\n")
    for path in (wrong, listed, tmp_path):
        with pytest.raises(StorageError, match=r"another|name one"):
            open_study(path)
    with pytest.raises(StorageError, match="run `virality tune` first"):
        read_tuning(tmp_path / "none.log")
    assert not (tmp_path / "none.log").exists()


def test_several_trials_at_once_finish(tmp_path):
    got = tune(*_case(), trials=5, study=tmp_path / "s.log", jobs=2)
    assert 5 <= len(got.trials) <= 6


def test_no_time_still_gives_one_trial(tmp_path):
    assert len(tune(*_case(), trials=50, timeout_s=0.0, study=tmp_path / "s.log").trials) == 1


def test_too_little_ends_in_a_sentence(tmp_path):
    matrix, posts = _case()
    with pytest.raises(InputError, match="at least 30"):
        tune(matrix.rows(matrix.frame.index[:3]), posts, study=tmp_path / "s.log")
    with pytest.raises(InputError, match="the same"):
        tune(matrix, posts.assign(views=1), study=tmp_path / "s.log")


def test_a_share_of_nothing_is_not_asked_of_any_fold(tmp_path):
    matrix, posts = _case(90)
    first = posts["author_id"].iloc[0]
    shares = np.where(posts["author_id"] == first, 0, np.arange(1, 91))
    some = posts.assign(shares=shares, author_id=np.where(shares == 0, "a", posts["author_id"]))
    got = tune(matrix, some, target="shares", metric="mape", trials=2, study=tmp_path / "s.log")
    assert all(np.isfinite(one.value) for one in got.finished)
    assert len(got.finished) == 2


def test_posts_that_no_study_by_time_can_see_are_told(tmp_path):
    matrix, posts = _case()
    posts.loc[posts.index[:5], "posted_at"] = pd.NaT
    got = tune(matrix, posts, trials=1, study=tmp_path / "s.log")
    assert "5 post(s) without a posting time are left out of the study" in got.notes


def test_a_few_dated_posts_make_no_study_by_time(tmp_path):
    matrix, posts = _case()
    posts.loc[posts.index[3:], "posted_at"] = pd.NaT
    got = tune(matrix, posts, trials=1, study=tmp_path / "s.log")
    assert got.posts == 56


def test_a_study_of_features_that_are_all_the_same_is_refused(tmp_path):
    matrix, posts = _case()
    same = FeatureMatrix(matrix.frame * 0, matrix.columns, matrix.versions)
    with pytest.raises(InputError, match="nothing tells posts apart"):
        tune(same, posts.drop(columns="posted_at"), trials=1, study=tmp_path / "s.log")


@pytest.mark.parametrize("dies", [0, 6])
def test_what_a_kill_cuts_short_is_tried_again_and_the_rest_is_as_without(
    tmp_path, monkeypatch, dies
):
    whole = tune(*_case(), trials=9, study=tmp_path / "a.log")
    climb = trials._climb

    def killed(study, trial, *rest):
        if trial.number == dies:
            raise KeyboardInterrupt
        return climb(study, trial, *rest)

    monkeypatch.setattr(trials, "_climb", killed)
    with pytest.raises(KeyboardInterrupt):
        tune(*_case(), trials=9, study=tmp_path / "b.log")
    monkeypatch.setattr(trials, "_climb", climb)
    resumed = tune(*_case(), trials=9, study=tmp_path / "b.log")
    assert resumed.trials[dies].state == "fail"
    tried = [dict(one.params) for one in resumed.finished]
    assert dict(whole.trials[0].params) in tried  # a study never ends below the sensible values
    if dies:
        assert tried == [dict(one.params) for one in whole.finished]


def test_a_share_of_ratios_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"outcomes are below 0.*give another --metric"):
        tune(*_case(), target="lift", metric="mape", trials=2, study=tmp_path / "s.log")
