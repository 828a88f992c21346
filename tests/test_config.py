import json
from pathlib import Path

import pytest
from loop_case import make_log
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


def test_every_variable_is_called_as_its_option_is(runner: CliRunner) -> None:
    for row in settings(runner).values():
        option = row["option"].lstrip("-").replace("-", "_").upper()
        own = f"VIRALITY_{row['command'].upper()}_{option}"
        assert row["variable"] in (own, f"VIRALITY_{option}"), row
    again = settings(runner, VIRALITY_RUN_FORMAT="tiktok", VIRALITY_COLLECT_MAX="7")
    assert (again["run --format"]["value"], again["run --format"]["source"]) == (
        "tiktok",
        "variable",
    )
    assert again["collect --max"]["value"] == "7"
    assert again["ingest --format"]["value"] == "auto"


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


def _refused(runner: CliRunner, folder: Path, text: str, said: str) -> Path:
    """Write a configuration, see that it is refused with its name, and return it."""
    file = folder / "virality.toml"
    file.write_text(text)
    result = runner.invoke(app, ["config", "--config", str(file)])
    assert isinstance(result.exception, UsageError)
    assert said in str(result.exception)
    assert str(file) in str(result.exception)
    return file


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
    _refused(runner, tmp_path, text, named)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        read_config(tmp_path / "none.toml")


def test_a_command_table_beats_the_top() -> None:
    document = {"seed": 1, "tune": {"seed": 2, "allow-post": True}}
    assert defaults_for(document, "tune") == {"seed": 2, "allow_post": True}
    assert defaults_for(document, "run") == {"seed": 1}


def long_names(runner: CliRunner) -> list[tuple[str, str]]:
    """Every command with the long name of every option that a file may set."""
    return [(name.split()[0], name.split()[1]) for name in settings(runner)]


def test_every_option_may_be_called_in_a_file_as_on_the_command_line(
    runner: CliRunner, tmp_path: Path
) -> None:
    file = tmp_path / "virality.toml"
    odd = {("ingest", "--format"), ("extract", "--with"), ("evaluate", "--learning-curve"),
           ("recrawl", "--from"), ("recrawl", "--max"), ("feedback", "--at"),
           ("predict", "--original-sound")}  # fmt: skip
    fitting = {"--clips": "200", "--max-side": "32", "--at": "2026-05-01",
               "--posted-at": "2026-05-01"}  # fmt: skip
    assert odd <= set(long_names(runner))
    for command, option in long_names(runner):
        key, value = option.removeprefix("--"), fitting.get(option, "'1'")
        file.write_text(f"[{command}]\n{key} = {value}\n")
        shown = settings(runner, "--config", str(file))[f"{command} {option}"]
        assert shown["source"] == "file", (command, option)
        assert shown["key"] == f"[{command}] {key}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('[ingest]\nformat = "smp"\n', "ingest --format"),
        ('[ingest]\nlayout = "smp"\n', "ingest --format"),
        ('format = "smp"\n', "run --format"),
        ('[extract]\nwith = "smp"\n', "extract --with"),
        ('extras = "smp"\n', "inspect --with"),
        ("[evaluate]\nlearning_curve = true\n", "evaluate --learning-curve"),
    ],
)
def test_an_option_has_two_names_where_the_program_calls_it_otherwise(
    runner: CliRunner, tmp_path: Path, text: str, shown: str
) -> None:
    file = tmp_path / "virality.toml"
    file.write_text(text)
    found = settings(runner, "--config", str(file))[shown]
    assert (found["value"], found["source"]) == ("True" if "true" in text else "smp", "file")


def test_a_file_that_names_the_layout_is_obeyed(runner: CliRunner, tmp_path: Path) -> None:
    (tmp_path / "posts.csv").write_text("id,views\n1,10\n")
    file = tmp_path / "virality.toml"
    file.write_text('[ingest]\nformat = "nonsense"\n')
    result = runner.invoke(app, ["ingest", str(tmp_path / "posts.csv"), "--config", str(file)])
    assert isinstance(result.exception, UsageError)
    assert "format 'nonsense' is unknown" in str(result.exception)


def test_a_key_at_the_top_files_no_feedback(runner: CliRunner, tmp_path: Path) -> None:
    log, file = tmp_path / "log.db", tmp_path / "virality.toml"
    make_log(log).close()
    file.write_text("views = 2\n")
    shown = settings(runner, "--config", str(file))
    assert shown["extract --views"]["value"] == "2"
    assert shown["feedback --views"]["source"] == "default"
    result = runner.invoke(app, ["feedback", str(log), "p0", "--config", str(file), "--json"])
    assert json.loads(result.stdout) == {"reports": []}


@pytest.mark.parametrize(
    "text", ["likes = 3\n", "release = [1]\n", "rollback = true\n", "at = 1\n"]
)
def test_a_key_at_the_top_that_would_act_is_refused(
    runner: CliRunner, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "virality.toml"
    file.write_text(text)
    result = runner.invoke(app, ["config", "--config", str(file)])
    assert isinstance(result.exception, UsageError)
    assert "at the top would act at every" in str(result.exception)


@pytest.mark.parametrize(
    ("text", "meant"), [("[tune]\ntrails = 1\n", "trials"), ("sede = 1\n", "seed")]
)
def test_a_mistake_in_the_file_is_mended(
    runner: CliRunner, tmp_path: Path, text: str, meant: str
) -> None:
    file = tmp_path / "virality.toml"
    file.write_text(text)
    result = runner.invoke(app, ["config", "--config", str(file)])
    assert f"did you mean '{meant}'?" in str(result.exception)


def test_a_file_names_no_other_file(runner: CliRunner, tmp_path: Path) -> None:
    file = tmp_path / "virality.toml"
    file.write_text('config = "other.toml"\n')
    result = runner.invoke(app, ["config", "--config", str(file)])
    assert "no command has an option 'config'" in str(result.exception)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[predict]\nhashtags = ["a", "b"]\n', "`predict` takes one value; write 'a,b'"),
        ('[extract]\nonly = ["text"]\n', "`extract` takes one value; write 'text'"),
        ("[run]\njobs = [2]\n", "`run` takes one value; write 2"),
    ],
)
def test_a_list_where_one_value_belongs_is_refused(
    runner: CliRunner, tmp_path: Path, text: str, said: str
) -> None:
    """It was read as it is spelled: the hashtags `['a'` and `'b']`."""
    file = _refused(runner, tmp_path, text, said)
    caption = ["predict", str(tmp_path), "--caption", "x", "--config", str(file)]
    if "[predict]" in text:
        assert said in str(runner.invoke(app, caption).exception)


@pytest.mark.parametrize("text", ['"kept.json"', '["kept.json"]'])
def test_a_value_by_itself_is_a_list_of_one(runner: CliRunner, tmp_path: Path, text: str) -> None:
    file = tmp_path / "virality.toml"
    file.write_text(f"[report]\nevaluation = {text}\n")
    shown = settings(runner, "--config", str(file))["report --evaluation"]
    assert (shown["value"], shown["source"]) == ("['kept.json']", "file")
    words = ["report", str(tmp_path), str(tmp_path), "-o", str(tmp_path / "page.html")]
    assert "iterable" not in runner.invoke(app, [*words, "--config", str(file)]).output


def test_a_file_may_begin_with_a_byte_order_mark(runner: CliRunner, tmp_path: Path) -> None:
    file = tmp_path / "virality.toml"
    file.write_bytes(b"\xef\xbb\xbfseed = 7\n")
    assert settings(runner, "--config", str(file))["run --seed"]["value"] == "7"


@pytest.mark.parametrize("key", ["trials", "target", "seed"])
def test_yes_or_no_where_a_value_belongs_is_refused(
    runner: CliRunner, tmp_path: Path, key: str
) -> None:
    """`trials = true` was one trial, and `target = false` a target of that name."""
    file = tmp_path / "virality.toml"
    file.write_text(f"{key} = true\n")
    done = runner.invoke(app, ["tune", str(tmp_path), "--config", str(file)])
    assert isinstance(done.exception, UsageError)
    assert f"{file}: {key} = true is yes or no where `tune` takes a value" in str(done.exception)
    file.write_text("allow-post = true\n")
    shown = settings(runner, "--config", str(file))
    assert shown["tune --allow-post"]["value"] == "True"


@pytest.mark.parametrize(
    ("words", "text", "said"),
    [
        ("predict model", "[predict]\ninputs = 3", "inputs = 3 is no text, which `predict` takes"),
        (
            "ingest x.csv",
            "output = 2026",
            "output = 2026 is no text, which `ingest` takes here; wri",
        ),
        (
            "run x.csv",
            "jobs = 'many'",
            "jobs = 'many' is not what `run` takes: Input should be a v",
        ),
        (
            "run x.csv",
            "jobs = 200",
            "jobs = 200 is not what `run` takes: Input should be less than",
        ),
        ("run x.csv", "jobs = 2026-05-01", "jobs = 2026-05-01 is not what `run` takes"),
        ("run x.csv", "[run]\njobs = {a = 1}", "jobs = {'a': 1} is a table where `run` takes a v"),
        ("run x.csv", "[[run]]\njobs = 1", "[[run]] is a list where a table belongs; write [run]"),
        (
            "validate",
            "posts = ['x']",
            "posts = ['x'] is a list where `validate` takes one value; w",
        ),
        ("feedback x", "[feedback]\nrelease = 'x'", "release = 'x' is not what `feedback` takes"),
    ],
)
def test_a_value_of_another_kind_is_told_with_its_file_and_key(
    runner: CliRunner, tmp_path: Path, words: str, text: str, said: str
) -> None:
    file = tmp_path / "virality.toml"
    file.write_text(text)
    done = runner.invoke(app, [*words.split(), "--config", str(file)])
    assert isinstance(done.exception, UsageError), done.output
    assert str(done.exception).startswith(f"{file}: {said}")


def test_one_input_in_a_file_needs_no_brackets(runner: CliRunner, tmp_path: Path) -> None:
    """It was refused as "Value must be an iterable"."""
    file = tmp_path / "virality.toml"
    for text in ('"x.csv"', '["x.csv"]'):
        file.write_text(f"inputs = {text}\n")
        done = runner.invoke(app, ["predict", str(tmp_path / "none"), "--config", str(file)])
        assert "no trained model there" in str(done.exception), done.output
