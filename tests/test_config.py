import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from virality.cli import app
from virality.data.errors import UsageError
from virality.workflow.config import defaults_for, read_config


@pytest.fixture
def runner() -> CliRunner:
    return CliRunner()


def settings(runner: CliRunner, *arguments: str, **variables: str) -> dict[str, dict[str, str]]:
    result = runner.invoke(app, ["config", "--json", *arguments], env=variables)
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)["settings"]
    return {f"{row['command']} {row['option']}": row for row in rows}


def test_defaults_are_shown_as_defaults(runner: CliRunner) -> None:
    shown = settings(runner)["tune --trials"]
    assert (shown["value"], shown["source"]) == ("50", "default")


def test_a_file_changes_a_default(runner: CliRunner, tmp_path: Path) -> None:
    file = tmp_path / "virality.toml"
    file.write_text("seed = 7\n[tune]\ntrials = 9\n")
    shown = settings(runner, "--config", str(file))
    assert (shown["tune --trials"]["value"], shown["tune --trials"]["source"]) == ("9", "file")
    assert (shown["run --seed"]["value"], shown["run --seed"]["source"]) == ("7", "file")
    assert shown["run --trials"]["source"] == "default"


def test_a_variable_beats_the_file(runner: CliRunner, tmp_path: Path) -> None:
    file = tmp_path / "virality.toml"
    file.write_text("[tune]\ntrials = 9\n")
    shown = settings(runner, "--config", str(file), VIRALITY_TUNE_TRIALS="11")
    assert (shown["tune --trials"]["value"], shown["tune --trials"]["source"]) == ("11", "variable")


def test_every_variable_named_by_config_works(runner: CliRunner) -> None:
    shown = settings(runner)
    for name in ("run --jobs", "extract --without", "report --output"):
        variable = shown[name]["variable"].split(", ")[0]
        value = "3" if name.endswith("jobs") else "audio_voice"
        again = settings(runner, **{variable: value})
        assert (again[name]["value"], again[name]["source"]) == (value, "variable")


def test_a_flag_beats_the_variable(
    runner: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIRALITY_VALIDATE_JSON", "1")
    monkeypatch.setenv("VIRALITY_INGEST_OUTPUT", str(tmp_path / "variable.parquet"))
    source = tmp_path / "posts.csv"
    source.write_text("id,views\n1,10\n")
    mapping = tmp_path / "map.toml"
    mapping.write_text('[columns]\nid = "id"\nviews = "views"\n')
    flag = tmp_path / "flag.parquet"
    arguments = ["ingest", str(source), "--mapping", str(mapping), "-o", str(flag), "-q"]
    result = runner.invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert flag.exists()
    assert not (tmp_path / "variable.parquet").exists()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[tuen]\ntrials = 1\n", "tuen"),
        ("[tune]\ntrails = 1\n", "trails"),
        ("sede = 1\n", "sede"),
        ("seed = \n", "not a TOML file"),
    ],
)
def test_a_mistake_in_the_file_is_named(
    runner: CliRunner, tmp_path: Path, text: str, named: str
) -> None:
    file = tmp_path / "virality.toml"
    file.write_text(text)
    result = runner.invoke(app, ["config", "--config", str(file)])
    assert isinstance(result.exception, UsageError)
    assert named in str(result.exception)
    assert str(file) in str(result.exception)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        read_config(tmp_path / "none.toml")


def test_a_command_table_beats_the_top() -> None:
    document = {"seed": 1, "tune": {"seed": 2, "allow-post": True}}
    assert defaults_for(document, "tune") == {"seed": 2, "allow_post": True}
    assert defaults_for(document, "run") == {"seed": 1}
