"""Options that would do nothing are refused, and `--json` prints JSON alone."""

import json
import shutil
from pathlib import Path

import pytest
import serve_case as case
from typer.testing import CliRunner

from virality.cli import app
from virality.data.errors import InputError, UsageError
from virality.modeling.bundle import load_model


def refusal(*words: object) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert isinstance(done.exception, UsageError), (done.output, done.exception)
    return str(done.exception)


@pytest.mark.parametrize("option", ["--study", "--evaluation", "--truth"])
def test_two_reports_are_laid_side_by_side_as_they_are(tmp_path: Path, option: str) -> None:
    said = refusal("report", "--compare", tmp_path, tmp_path, option, "nope")
    assert option in said
    assert "leave out --compare" in said


@pytest.mark.parametrize("seconds", ["-5", "0", "nan"])
@pytest.mark.parametrize("command", ["tune", "run"])
def test_a_study_has_some_time(command: str, seconds: str) -> None:
    done = CliRunner().invoke(app, [command, "x", "--timeout", seconds])
    assert done.exit_code == 2
    assert "--timeout" in done.output


def test_a_rollback_learns_nothing(tmp_path: Path) -> None:
    for words in (
        ("log.db", "features"),
        ("--study", "study.log"),
        ("--model", "model"),
        ("--again",),
    ):
        assert "--rollback learns nothing" in refusal("retrain", *words, "--rollback")


def test_a_suggested_mapping_is_json_where_json_is_asked_for(tmp_path: Path) -> None:
    table = tmp_path / "posts.csv"
    table.write_text('vid_id,"play count",note\n1,10,x\n')
    done = CliRunner().invoke(app, ["ingest", str(table), "--suggest", "--json"])
    assert set(json.loads(done.stdout)["mapping"]) == {"columns", "units", "known"}
    shown = CliRunner().invoke(app, ["ingest", str(table), "--suggest"]).stdout
    assert "[columns]" in shown
    (tmp_path / "map.toml").write_text(shown)
    columns = json.loads(done.stdout)["mapping"]["columns"]
    assert all(f'{ours} = "{theirs}"' in shown for ours, theirs in columns.items())


def test_training_says_what_it_keeps_in_the_folder_of_the_model(tmp_path: Path) -> None:
    model = shutil.copytree(case.model(), tmp_path / "model")
    (model / "README.md").write_text("what I tried")
    done = CliRunner().invoke(app, ["train", str(case.features()), "-o", str(model)])
    assert done.exit_code == 0, (done.output, done.exception)
    assert "kept what is not of the model: README.md" in done.stderr
    assert (model / "README.md").read_text() == "what I tried"


@pytest.mark.usefixtures("light_recipes")
def test_a_raw_study_and_adapting_weights_reach_the_model(tmp_path: Path) -> None:
    features, study, model = str(case.features()), str(tmp_path / "s.log"), tmp_path / "model"
    words = ["tune", features, "--study", study, "--trials", "1", "--metric", "mae", "--raw"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, (done.output, done.exception)
    words = ["train", features, "--study", study, "--adapt", "-o", str(model), "--json"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, (done.output, done.exception)
    recipe = load_model(model).recipe
    assert (recipe.raw, recipe.adapt, recipe.metric) == (True, True, "mae")


@pytest.mark.parametrize(
    "words", [("-o", "map.toml"), ("--format", "table"), ("--mapping", "map.toml"), ("--strict",)]
)
def test_a_suggestion_takes_no_option_of_reading(tmp_path: Path, words: tuple[str, ...]) -> None:
    table = tmp_path / "posts.csv"
    table.write_text("vid_id,views\n1,10\n")
    told = refusal("ingest", str(table), "--suggest", *words)
    assert f"{words[0]} is for reading" in told
    assert "--suggest > map.toml" in told


@pytest.mark.parametrize("given", ["clip", "caption"])
def test_a_folder_of_clips_is_for_a_table(given: str, tmp_path: Path) -> None:
    inputs = {"clip": [str(case.clip(0))], "caption": ["--caption", "hi"]}[given]
    told = refusal("predict", str(case.model()), *inputs, "--media", str(tmp_path))
    assert "for a table of posts" in told


@pytest.mark.parametrize("value", ["1", "0.1.0", "true"])
def test_a_variable_that_tells_the_version_stops_no_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """`VIRALITY_VERSION=1` made every command print the version, and end as if all were well."""
    monkeypatch.setenv("VIRALITY_VERSION", value)
    done = CliRunner().invoke(app, ["validate", str(tmp_path / "none.parquet")])
    assert isinstance(done.exception, InputError), done.output
    assert CliRunner().invoke(app, ["--version"]).output.startswith("virality ")
