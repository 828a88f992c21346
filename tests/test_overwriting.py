"""No command writes over what it reads, nor over another file that it writes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
import serve_case as case
from typer.main import get_command
from typer.testing import CliRunner

from virality.cli import app
from virality.data.errors import StorageError, UsageError
from virality.data.ingest import ingest
from virality.data.overwriting import refuse_foreign, refuse_overwriting, refuse_unwritable

ROWS = "id,author_id,posted_at,caption,views\n" + "".join(
    f"q{i},anna,2024-05-0{1 + i}T10:00:00Z,hello,{100 * i}\n" for i in range(4)
)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, features, a table in each form, a log and a report."""
    folder = tmp_path_factory.mktemp("ready")
    shutil.copytree(case.model(), folder / "model")
    shutil.copytree(case.features(), folder / "features")
    shutil.copy(case.clip(0), folder / "clip.mp4")
    for name in ("posts.csv", "collected.csv", "rejects.csv", "feedback-rejects.csv"):
        (folder / name).write_text(ROWS)
    rows = [line.split(",") for line in ROWS.splitlines()]
    records = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    (folder / "posts.json").write_text(json.dumps(records))
    (folder / "report.json").write_text(json.dumps(records))
    ingest(folder / "posts.csv", folder / "posts.parquet")
    (folder / "rejects.csv").write_text(ROWS)
    (folder / "options.toml").write_text("seed = 3\n")
    (folder / "map.toml").write_text('[columns]\nid = "id"\nviews = "views"\n')
    for name in ("evaluation", "truth", "words"):
        (folder / f"{name}.json").write_text("{}")
    for name in ("one", "two"):
        (folder / name).mkdir()
        twin = {"belief": {}, "explained": {}, "subject": {}}
        (folder / name / "report.json").write_text(json.dumps(twin))
    (folder / "log.db").write_text("")
    return folder


@pytest.fixture
def here(ready: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ready, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    ("words", "lost"),
    [
        ("ingest posts.csv -o posts.csv", "posts.csv"),
        ("ingest posts.csv -o ./sub/../posts.csv", "posts.csv"),
        ("ingest rejects.csv -o posts.parquet", "rejects.csv"),
        ("ingest posts.csv --mapping map.toml -o map.toml", "map.toml"),
        ("ingest posts.csv --config options.toml -o options.toml", "options.toml"),
        ("trends posts.csv -o posts.csv", "posts.csv"),
        ("trends posts.json -o posts.html", "posts.json"),
        ("explain model posts.json -o posts.html", "posts.json"),
        ("explain model post001 --features features -o features/manifest.html", "manifest.json"),
        ("explain model clip.mp4 -o clip.mp4", "clip.mp4"),
        ("inspect clip.mp4 -o clip.mp4", "clip.mp4"),
        ("report model features -o out.json", "out.json"),
        ("report model features --evaluation evaluation.json -o evaluation.html", "evaluation.js"),
        ("report model features --truth truth.json -o truth.html", "truth.json"),
        ("report model features --language words.json -o words.html", "words.json"),
        ("report model features -o model/model.html", "model.json"),
        ("report --compare one two -o two/report.html", "two/report.json"),
        ("evaluate features --model model -o model/arrays.npz", "arrays.npz"),
        ("extract posts.parquet -o .", "posts.parquet"),
        ("extract features/posts.parquet -o features", "posts.parquet"),
        ("run posts.parquet -o .", "posts.parquet"),
        ("run report.json -o .", "report.json"),
        ("monitor log.db --model model -o log.db", "log.db"),
        ("feedback log.db --quarantined -o log.db", "log.db"),
        ("feedback log.db --from feedback-rejects.csv", "feedback-rejects.csv"),
        ("collect collected.csv -o .", "collected.csv"),
    ],
)
def test_a_command_refuses_to_write_over_what_it_reads(here: Path, words: str, lost: str) -> None:
    before = content(here)
    done = CliRunner().invoke(app, [*words.split(), "-q"])
    assert isinstance(done.exception, UsageError), (done.output, done.exception)
    assert lost in str(done.exception)
    assert "give -o another" in str(done.exception) or "feedback" in words
    assert content(here) == before


def test_features_are_written_over_no_other_files(here: Path) -> None:
    shutil.copy("posts.parquet", "april.parquet")
    before = content(here)
    done = CliRunner().invoke(app, ["extract", "april.parquet", "-o", ".", "-q"])
    assert isinstance(done.exception, UsageError)
    assert "posts.parquet: no extraction wrote it" in str(done.exception)
    assert content(here) == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("extract posts.parquet -o model", "model: is the folder of a model; give -o a folder of"),
        ("run posts.csv -o model", "model: is the folder of a model"),
        ("demo -o model", "model: is the folder of a model"),
        ("collect http://127.0.0.1:9/x -o model", "model: is the folder of a model"),
        ("recrawl posts.parquet --from posts.csv -o model", "model: is the folder of a model"),
        (
            "run posts.csv -o features",
            "features/posts.parquet: belongs to the features in features",
        ),
        ("demo -o features", "features/posts.parquet: belongs to the features in features"),
        ("recrawl posts.parquet --from posts.csv -o features", "features/posts.parquet: belongs"),
        ("ingest posts.csv -o features/posts.parquet", "features/posts.parquet: belongs to the"),
        ("trends posts.csv -o model/model.html", "model/model.json: belongs to the model in model"),
        ("feedback log.db --quarantined -o model/model.json", "model/model.json: belongs to the"),
    ],
)
def test_a_model_and_features_are_left_alone(here: Path, words: str, said: str) -> None:
    """A model and features were mixed in one folder, or one of the two was damaged."""
    before = content(here)
    done = CliRunner().invoke(app, [*words.split(), "-q"])
    assert isinstance(done.exception, UsageError), (done.output, done.exception)
    assert str(done.exception).startswith(said)
    assert content(here) == before


def test_features_that_an_extraction_began_or_ended_go_on(tmp_path: Path) -> None:
    (tmp_path / "posts.parquet").write_text("")
    with pytest.raises(UsageError, match=r"posts\.parquet: no extraction wrote it"):
        refuse_foreign(tmp_path, ("matrix.parquet", "posts.parquet"))
    (tmp_path / "rows").mkdir()
    refuse_foreign(tmp_path, ("matrix.parquet", "posts.parquet"))


def test_a_page_and_its_twin_may_be_made_again(here: Path) -> None:
    for _ in range(2):
        words = "trends posts.csv -o model/trends.html -q"
        done = CliRunner().invoke(app, words.split())
        assert done.exit_code == 0, (done.output, done.exception)
    assert Path("model/trends.json").exists()


def test_a_folder_is_no_page(here: Path) -> None:
    done = CliRunner().invoke(app, ["trends", "posts.csv", "-o", "."])
    assert isinstance(done.exception, UsageError)
    assert "is a folder; give -o a file" in str(done.exception)


def test_tables_of_one_folder_keep_a_list_of_refused_rows_each(tmp_path: Path) -> None:
    bad = ROWS.replace("q0,anna", ",")
    listed = {}
    for name in ("april", "may"):
        (tmp_path / f"{name}.csv").write_text(bad)
        done = ingest(tmp_path / f"{name}.csv", tmp_path / f"{name}.parquet")
        listed[name] = done.rejects
    assert sorted(one.name for one in listed.values()) == ["april-rejects.csv", "may-rejects.csv"]
    assert all(f"{name}.csv" in place.read_text() for name, place in listed.items())
    assert ingest(tmp_path / "may.csv", tmp_path / "posts.parquet").rejects.name == "rejects.csv"


def test_links_and_other_spellings_are_seen_through(tmp_path: Path) -> None:
    (tmp_path / "posts.csv").write_text(ROWS)
    os.symlink(tmp_path / "posts.csv", tmp_path / "link.html")
    for written in ("link.html", "sub/../posts.csv"):
        with pytest.raises(UsageError, match=r"is the input .*posts\.csv"):
            refuse_overwriting([tmp_path / written], [tmp_path / "posts.csv", None])
    refuse_overwriting([tmp_path / "page.html"], [tmp_path / "posts.csv"])


@pytest.mark.parametrize("name", ["p1.mp4", "youtube-1.info.json", "posts.jsonl"])
def test_files_of_an_input_folder_are_spared(tmp_path: Path, name: str) -> None:
    refuse_overwriting([tmp_path / name], [tmp_path])  # it is not there
    (tmp_path / name).write_text("")
    with pytest.raises(UsageError, match="belongs to the input"):
        refuse_overwriting([tmp_path / name], [tmp_path])
    (tmp_path / "posts.parquet").write_text("")
    refuse_overwriting([tmp_path / "posts.parquet"], [tmp_path])


FILES = (
    "ingest posts.csv -o {}",
    "trends posts.csv -o {}",
    "explain model post001 --features features -o {}",
    "inspect clip.mp4 -o {}",
    "report model features -o {}",
    "report --compare one two -o {}",
    "evaluate features --model model -o {}",
    "monitor log.db --model model -o {}",
    "feedback log.db --quarantined -o {}",
)
"""Commands that write a file where -o says; with nothing that they could judge or draw yet."""


@pytest.mark.parametrize("words", FILES)
@pytest.mark.parametrize(
    ("place", "kind", "said"),
    [
        ("posts.csv/page.html", StorageError, "there is no folder"),
        (".", UsageError, "is a folder; give -o a file"),
    ],
)
def test_where_no_file_can_be_is_said_before_any_work(
    here: Path, words: str, place: str, kind: type[Exception], said: str
) -> None:
    before = content(here)
    done = CliRunner().invoke(app, [*words.format(place).split(), "-q"])
    assert isinstance(done.exception, kind), (done.output, done.exception)
    assert said in str(done.exception)
    assert content(here) == before


def test_a_place_that_may_not_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_unwritable(tmp_path / "page.html")
    (tmp_path / "link").symlink_to(tmp_path / "page.html")
    refuse_unwritable(tmp_path / "link")
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(
        StorageError, match=r"page\.html: cannot be written: nothing can be made in"
    ):
        refuse_unwritable(tmp_path / "page.html")
    with pytest.raises(StorageError, match=r"nothing can be made in"):
        refuse_unwritable(tmp_path / "one" / "two" / "page.html", folders=True)
    refuse_unwritable(Path("/dev/null"))


def test_a_folder_that_is_not_there_is_named_unless_it_will_be_made(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"there is no folder .*two; make it"):
        refuse_unwritable(tmp_path / "one" / "two" / "page.html")
    refuse_unwritable(tmp_path / "one" / "two" / "page.html", folders=True)
    (tmp_path / "one").write_text("taken", encoding="utf-8")
    with pytest.raises(StorageError, match=r"there is no folder .*one; make it"):
        refuse_unwritable(tmp_path / "one" / "two" / "page.html", folders=True)


@pytest.mark.parametrize(
    "words",
    [
        "extract posts.parquet --only metadata -o {}",
        "monitor log.db --model model -o {}",
        "tune features --study {}",
        "recrawl posts.parquet --from posts.csv -o posts.csv",
    ],
)
def test_a_name_that_the_system_refuses_is_a_sentence(here: Path, words: str) -> None:
    told = [sys.executable, "-m", "virality", *words.format("x" * 300).split()]
    done = subprocess.run(told, capture_output=True, text=True, check=False)
    assert done.returncode in (4, 5), done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: "), done.stderr
    assert "Traceback" not in done.stderr


def test_a_dash_is_no_file_for_any_command(here: Path) -> None:
    """`-o -` made a file called `-` where a stream was meant."""
    before, tried = content(here), 0
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        takes = [one for one in command.params if one.name != "config"]
        paths = [one for one in takes if one.type_descriptor.is_path or _lists_paths(one)]
        needed = [one for one in takes if one.required]
        for path in paths:
            words = ["-" if one is path else "x" for one in needed]
            words += [] if path in needed else _given(path)
            done = CliRunner().invoke(app, [name, *words])
            assert isinstance(done.exception, UsageError), (name, words, done.output)
            assert "-: stands for no stream here" in str(done.exception)
            tried += 1
    assert tried > 40
    assert content(here) == before


def _lists_paths(parameter: Any) -> bool:
    return Path in get_args(parameter.type_descriptor.annotation)


def _given(parameter: Any) -> list[str]:
    return ["-"] if parameter.param_type_name == "argument" else [max(parameter.opts, key=len), "-"]
