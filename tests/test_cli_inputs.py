"""Bad input ends with one clear sentence and the right exit code."""

import csv
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import serve_case as case
from loop_case import make_log
from typer.testing import CliRunner

from virality.cli import app
from virality.data.errors import InputError
from virality.data.features import read_features, write_features
from virality.data.table import write_posts
from virality.workflow.console import Console, fit_stdout
from virality.workflow.plan import Plan
from virality.workflow.run import Stages


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "virality", *map(str, arguments)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def refused(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: "), done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


def posts_table(path: Path, rows: int, views: object = None) -> Path:
    rng = np.random.default_rng(0)
    counts = rng.integers(10, 100_000, rows) if views is None else np.full(rows, views)
    frame = pd.DataFrame(
        {
            "id": [f"p{i}" for i in range(rows)],
            "author_id": [f"a{i % 7}" for i in range(rows)],
            "posted_at": pd.date_range("2025-01-01", periods=rows, freq="7h", tz="UTC"),
            "caption": [f"clip number {i} #fyp" for i in range(rows)],
            "views": counts,
        }
    )
    write_posts(frame, path)
    return path


def test_an_empty_table(tmp_path):
    source = tmp_path / "posts.csv"
    source.write_text("id,views\n")
    refused(run("ingest", source, "-o", tmp_path / "posts.parquet"), 4, "posts.csv")


def test_a_missing_source(tmp_path):
    refused(run("ingest", tmp_path / "none.json"), 4, "none.json")
    refused(run("run", tmp_path / "none.json", "-o", tmp_path / "work"), 4, "none.json")


@pytest.mark.parametrize("rows", [1, 12])
def test_too_few_posts(tmp_path, rows):
    posts = posts_table(tmp_path / "posts.parquet", rows)
    features = tmp_path / "features"
    assert run("extract", posts, "-o", features, "--only", "metadata").returncode == 0
    refused(run("train", features, "-o", tmp_path / "model"), 4, "30")


def test_all_the_same_views(tmp_path):
    posts = posts_table(tmp_path / "posts.parquet", 60, views=1000)
    features = tmp_path / "features"
    assert run("extract", posts, "-o", features, "--only", "metadata").returncode == 0
    refused(run("tune", features, "--study", tmp_path / "s.log"), 4, "same")


def test_a_target_that_is_not_there(tmp_path):
    posts = posts_table(tmp_path / "posts.parquet", 60)
    features = tmp_path / "features"
    assert run("extract", posts, "-o", features, "--only", "metadata").returncode == 0
    refused(run("train", features, "--target", "saves"), 4, "saves", "views")
    done = run("train", features, "--target", "fame")
    assert done.returncode in {2, 4}
    assert "fame" in done.stderr


def test_without_captions_all_goes_on(tmp_path):
    source = tmp_path / "posts.csv"
    rows = [f"p{i},a{i % 7},{1735689600 + 30000 * i},{100 + 37 * i % 911}" for i in range(60)]
    source.write_text("\n".join(["id,author_id,posted_at,views", *rows]))
    mapping = tmp_path / "map.toml"
    names = ["id", "author_id", "posted_at", "views"]
    lines = [f'{name} = "{name}"' for name in names]
    mapping.write_text("[columns]\n" + "\n".join(lines) + '\n[units]\nposted_at = "s"\n')
    work = tmp_path / "work"
    done = run(
        "run", source, "--mapping", mapping, "-o", work, "--trials", 2, "--only", "text,metadata"
    )
    assert done.returncode == 0, done.stderr
    assert (work / "report.html").stat().st_size > 10_000


def test_a_run_of_other_features_keeps_the_study_and_begins_another(tmp_path, capsys):
    table = read_features(case.features())
    plan = Plan(posts=tmp_path / "posts.csv", out=tmp_path, trials=1)
    write_features(plan.at("features"), table)
    Stages(plan, Console()).tune()
    study = plan.at("study.log").read_bytes()
    fewer = table.matrix.select(list(table.matrix.columns)[2:])
    write_features(plan.at("features"), replace(table, matrix=fewer))
    Stages(plan, Console()).tune()
    assert plan.at("study-1.log").read_bytes().startswith(study)
    assert not plan.at("study.log").read_bytes().startswith(study)
    said = capsys.readouterr().err
    assert "a study of other features (columns or versions differ): kept as" in said
    Stages(plan, Console()).tune()
    assert "tune: nothing changed, skipped" in capsys.readouterr().err


def test_a_folder_of_texts_named_mp4(tmp_path):
    clips = tmp_path / "clips"
    clips.mkdir()
    for i in range(3):
        (clips / f"p{i}.mp4").write_text("#EXTM3U\nnot a film\n")
    posts = posts_table(tmp_path / "posts.parquet", 3)
    done = run("extract", posts, "--media", clips, "-o", tmp_path / "features", "--only", "stream")
    assert done.returncode == 3, done.stderr
    assert "3 failed" in done.stdout


def test_a_missing_media_folder(tmp_path):
    posts = posts_table(tmp_path / "posts.parquet", 3)
    done = run("extract", posts, "--media", tmp_path / "none", "-o", tmp_path / "features")
    refused(done, 4, "none")


def test_an_output_that_cannot_be_written(tmp_path):
    posts = posts_table(tmp_path / "posts.parquet", 3)
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder should be")
    done = run("extract", posts, "-o", blocked / "features", "--only", "metadata")
    refused(done, 5, "blocked")


def test_a_folder_that_is_no_model(tmp_path):
    posts = posts_table(tmp_path / "posts.parquet", 3)
    refused(run("predict", tmp_path, posts), 5, "no trained model")


def test_wrong_usage_ends_with_code_2(tmp_path):
    assert run("tune").returncode == 2
    assert run("extract", "x", "--jobs", "0").returncode == 2
    posts = posts_table(tmp_path / "posts.parquet", 3)
    refused(run("extract", posts, "-o", tmp_path / "f", "--only", "smell"), 2, "smell")


@pytest.mark.parametrize("moment", ["13", "2025", "1999-12-31T23:59:59", "2101-01-01T00:00:00"])
def test_a_time_in_which_nothing_is_posted(moment):
    """A bare number is read as seconds since 1970: a year alone would silently be one of these."""
    done = CliRunner().invoke(app, ["predict", "model", "--caption", "x", "--posted-at", moment])
    assert done.exit_code == 2
    assert "2000" in done.output  # the sentence may be broken anywhere
    done = CliRunner().invoke(app, ["feedback", "log.db", "x", "--views", "1", "--at", moment])
    assert done.exit_code == 2


def test_feedback_of_times_in_which_nothing_is_posted_is_listed_and_the_rest_is_kept(tmp_path):
    log, table = tmp_path / "log.db", tmp_path / "later.csv"
    make_log(log).close()
    times = [
        "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0999-01-01T00:00:00Z",
        "1600-01-01T00:00:00Z", "1995-05-01T00:00:00Z", "2101-01-01T00:00:00Z",
    ]  # fmt: skip
    rows = [f"p0,{number},{when}" for number, when in enumerate([*times, "2026-05-02T12:00:00Z"])]
    table.write_text("\n".join(["post_id,views,observed_at", *rows]) + "\n")
    done = CliRunner().invoke(app, ["feedback", str(log), "--from", str(table), "--json"])
    assert done.exit_code == 0, (done.output, done.exception)
    filed = json.loads(done.stdout)
    assert (filed["accepted"], filed["rejected"]) == (1, len(times))
    listed = list(csv.DictReader(Path(filed["rejects"]).read_text().splitlines()))
    assert [one["column"] for one in listed] == ["observed_at"] * len(times)
    assert [one["value"] for one in listed] == times


@pytest.mark.parametrize("text", ["[1]", "{}", '{"rows": 3}', "no JSON"])
def test_a_truth_that_tells_no_rule(tmp_path, text):
    (tmp_path / "truth.json").write_text(text)
    words = ["report", case.model(), case.features(), "--truth", tmp_path / "truth.json"]
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert isinstance(done.exception, InputError)
    assert "truth.json: " in str(done.exception)


def test_help_has_an_example_for_every_command():
    for command in app.registered_commands:
        assert command.epilog
        assert "Example: `virality " in command.epilog


def test_completion_is_offered():
    program = Path(sys.executable).with_name("virality")
    done = subprocess.run(
        [program],
        capture_output=True, text=True, check=False,
        env={**os.environ, "_VIRALITY_COMPLETE": "source_bash"},
    )  # fmt: skip
    assert done.returncode == 0
    assert "complete" in done.stdout
    assert "virality" in done.stdout


def test_text_that_is_no_utf_8_is_taken_without_what_is_none():
    bad = "b\udcff"  # what Python makes of a byte that is none
    texts = ("--caption", bad, "--author", bad, "--hashtags", bad, "--sound", bad)
    done = run("predict", case.model(), *texts, "--sound-title", bad, "--followers", 9, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["prediction"] > 0


def test_a_clip_that_cannot_be_read_is_said_beside_its_prediction(tmp_path):
    (tmp_path / "letter.mp4").write_text("no clip")
    whole = case.clip(0).read_bytes()
    (tmp_path / "whole.mp4").write_bytes(whole)
    clips = (tmp_path / "letter.mp4", tmp_path / "whole.mp4")
    done = run("predict", case.model(), *clips, "-q")
    assert done.returncode == 3
    letter, _, after = done.stdout.partition("whole\n")
    assert "could not be read and counts for nothing here: the first bytes" in letter
    assert "read" not in after
    told = run("predict", case.model(), *clips, "-q", "--json").stdout.splitlines()
    states = [(one["status"], one["reason"]) for one in map(json.loads, told)]
    assert states == [("failed", "not_media"), ("ok", "")]


def test_a_terminal_without_utf_8_is_told_all_the_same(monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = run("explain", case.model(), "post001", "--features", case.features(), "-q")
    assert done.returncode == 0, done.stderr
    assert "post001" in done.stdout
    assert "- few followers" in done.stdout


def test_a_folder_called_as_a_post_does_not_hide_it(monkeypatch, tmp_path):
    """The other posts were "no such file" then, and the post itself a folder without clips."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "post002").mkdir()
    ids = ("post001", "post002")
    done = run("explain", case.model(), *ids, "--features", case.features(), "-q", "--json")
    assert done.returncode == 0, done.stderr
    assert [one["id"] for one in json.loads(done.stdout)["posts"]] == list(ids)


def test_what_is_like_a_character_stands_for_it(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    fit_stdout()
    assert "Hour: 9 → 18, −2 …".encode("ascii", "alike") == b"Hour: 9 -> 18, -2 ..."


def test_another_sentence_encoder_can_be_named(tmp_path):
    posts = posts_table(tmp_path / "posts.parquet", 3)
    features = tmp_path / "features"
    options = ("--only", "text_embedding", "--encoder")
    done = run("extract", posts, "-o", features, *options, "minilm")
    assert done.returncode == 0, done.stderr
    from virality.data.features import read_features

    found = read_features(features).matrix
    assert "minilm" in found.versions["text_embedding"]
    assert len(found.columns) == 384
    done = run("extract", posts, "-o", features, *options, tmp_path / "no-such-model")
    assert done.returncode in {2, 4, 5}, done.stderr
    assert "no-such-model" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_modality_that_there_is_none_of_is_refused_with_those_that_there_are(tmp_path):
    posts = posts_table(tmp_path / "posts.parquet", 3)
    for option in ("--only", "--without"):
        done = run("extract", posts, "-o", tmp_path / "features", option, "textt")
        refused(done, 2, "'textt'", "text, audio, frames, stream, metadata")


def test_the_list_says_of_which_modality_a_featurizer_is():
    done = CliRunner().invoke(app, ["list"], env={"COLUMNS": "200"})
    header, *lines = done.stdout.splitlines()
    assert header.split()[:4] == ["featurizer", "column", "modality", "unit"]
    (line,) = (one for one in lines if one.startswith("text_shape") and " word_length " in one)
    assert line.split()[2] == "text"


def test_a_name_that_is_no_text_is_told_and_called_no_damage(tmp_path):
    odd = tmp_path / os.fsdecode(b"bad\xff")
    odd.mkdir()
    posts_table(tmp_path / "posts.parquet", 3)
    (tmp_path / "posts.parquet").rename(odd / "posts.parquet")
    (tmp_path / "plain.csv").write_text("id,caption,views\n1,x,2\n")
    for words in (
        ("validate", odd / "posts.parquet"),
        ("ingest", odd / "posts.parquet", "-o", tmp_path / "out.parquet"),
        ("ingest", tmp_path / "plain.csv", "-o", odd / "out.parquet"),
        ("extract", odd / "posts.parquet", "-o", odd / "features", "--only", "metadata"),
    ):
        refused(run(*words), 4, "the name is no UTF-8 text; rename it", "bad")
