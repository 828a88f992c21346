"""Rows that cannot be used are told of by every command that reads a table, never dropped."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import serve_case as case
from click.testing import Result
from typer.testing import CliRunner

from virality.cli import app
from virality.data.errors import InputError, UsageError
from virality.data.features import read_features
from virality.modeling.bundle import save_model
from virality.modeling.train import train

HEADER = "id,author_id,posted_at,caption,views\n"
GOOD = "q2,bob,2024-05-02T10:00:00,hello again,{views}\n"
BAD = (
    "q1,anna,2024-05-01T10:00:00Z,hello,1.234\n"
    "q3,cy,03/04/2025,hello more,\n"
)  # fmt: skip
LEFT_OUT = "2 of 3 rows left out"
FIRST = "row 1, column 'views': '1.234' can be read"


@pytest.fixture
def few(tmp_path: Path) -> Path:
    table = tmp_path / "few.csv"
    table.write_text(
        HEADER + BAD.splitlines(True)[0] + GOOD.format(views="") + BAD.splitlines(True)[1]
    )
    return table


@pytest.fixture(scope="module")
def blind() -> Path:
    """A model that reads nothing of clips."""
    table = read_features(case.features())
    names = [n for n, one in table.matrix.columns.items() if one.modality in ("text", "metadata")]
    matrix = table.matrix.select(names)
    save_model(train(matrix, table.posts, target="views"), case.folder() / "blind")
    return case.folder() / "blind"


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def told(done: Result) -> None:
    assert done.exit_code == 3, (done.output, done.exception)
    (warning,) = (line for line in done.stderr.splitlines() if line.startswith("warning: "))
    assert LEFT_OUT in warning
    assert FIRST in warning


def test_predict_says_how_many_rows_it_left_out_and_why(few: Path) -> None:
    before = sorted(few.parent.iterdir())
    for quiet in ((), ("-q",)):
        done = call("predict", case.model(), few, *quiet)
        told(done)
        assert "q2" in done.stdout
        assert ("taken as UTC" in done.stderr) == (not quiet)
        assert ("matched by their names" in done.stderr) == (not quiet)
    done = call("predict", case.model(), few, "--json", "-q")
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == ["q2"]
    assert sorted(few.parent.iterdir()) == before


def test_a_log_of_predictions_and_a_history_say_it_too(few: Path, tmp_path: Path) -> None:
    told(call("predict", case.model(), few, "--log", tmp_path / "log.db"))
    since = tmp_path / "since.csv"
    since.write_text(HEADER + BAD + GOOD.format(views=900))
    told(call("predict", case.model(), "--caption", "x", "--history", since))
    done = call("predict", case.model(), "--caption", "x", "--history", few)
    assert isinstance(done.exception, InputError)
    assert LEFT_OUT in str(done.exception)  # with them went every outcome


def test_explain_and_trends_say_it_on_the_page_and_in_json(few: Path, tmp_path: Path) -> None:
    page = tmp_path / "few.html"
    done = call("explain", case.model(), few, "-o", page, "--json")
    told(done)
    value = json.loads(done.stdout)
    assert value == json.loads(page.with_suffix(".json").read_text())
    assert value["refused"] == 2
    assert LEFT_OUT in value["notes"][0]
    assert any("taken as UTC" in note for note in value["notes"])
    assert LEFT_OUT in page.read_text()
    many = tmp_path / "many.csv"
    many.write_text(
        HEADER + BAD + "".join(GOOD.replace("q2", f"g{i}").format(views=i) for i in range(40))
    )
    done = call("trends", many, "--json")
    assert done.exit_code == 3
    assert "2 of 42 rows left out" in done.stderr
    value = json.loads(done.stdout)
    assert value["refused"] == 2
    assert FIRST in value["notes"][0]


@pytest.mark.parametrize("words", [("predict", case.model), ("trends",), ("explain", case.model)])
def test_a_table_without_a_good_row_points_nowhere_that_is_gone(words, tmp_path: Path) -> None:
    table = tmp_path / "bad.csv"
    table.write_text(HEADER + BAD)
    done = call(words[0], *(one() for one in words[1:]), table)
    assert isinstance(done.exception, InputError)
    assert "none of its 2 rows can be used" in str(done.exception)
    assert "`virality ingest` lists all" in str(done.exception)
    assert "/virality-" not in str(done.exception)


@pytest.mark.parametrize("ending", ["tsv", "ndjson"])
def test_every_form_that_ingest_reads_is_a_table(few: Path, ending: str) -> None:
    table = few.with_suffix(f".{ending}")
    rows = [line.split(",") for line in few.read_text().splitlines()]
    lines = ["\t".join(row) for row in rows]
    if ending == "ndjson":
        lines = [json.dumps(dict(zip(rows[0], row, strict=True))) for row in rows[1:]]
    table.write_text("\n".join(lines) + "\n")
    told(call("predict", case.model(), table))
    told(call("explain", case.model(), table))


def test_what_is_neither_a_clip_nor_a_table_is_refused(blind: Path, tmp_path: Path) -> None:
    other = tmp_path / "notes.xyz"
    other.write_bytes(bytes(range(100)))
    done = call("predict", blind, other)
    assert isinstance(done.exception, InputError)
    for words in ("notes.xyz: is not a table of posts", "CSV", "mp4"):
        assert words in str(done.exception)
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(bytes(100))
    done = call("predict", blind, clip, other)
    assert isinstance(done.exception, InputError)
    assert "notes.xyz: is no clip by its ending" in str(done.exception)


def test_a_model_that_reads_nothing_of_clips_says_so(blind: Path, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(bytes(100))
    for words in (("predict", blind, clip), ("explain", blind, clip)):
        done = call(*words)
        assert done.exit_code == 0, done.output
        assert "reads nothing of a clip itself" in done.stderr
    done = call("explain", blind, clip, "--json", "-q")
    assert any("reads nothing of a clip" in note for note in json.loads(done.stdout)["notes"])
    assert "reads nothing" not in call("predict", case.model(), case.clip(0)).stderr
    assert "reads nothing" not in call("predict", blind, "--caption", "x").stderr


FACTS = {
    "--caption": "xyz", "--author": "q", "--followers": 5, "--posted-at": "2026-05-01T18:00:00",
    "--hashtags": "a,b", "--sound": 1, "--sound-title": "song", "--original-sound": None,
}  # fmt: skip


@pytest.mark.parametrize("option", FACTS)
def test_facts_beside_posts_that_tell_their_own_are_refused(few: Path, option: str) -> None:
    words = [option] if FACTS[option] is None else [option, FACTS[option]]
    for posts in (few, case.features()):
        done = call("predict", case.model(), posts, *words)
        assert isinstance(done.exception, UsageError)
        assert f"{option}: for clips and captions" in str(done.exception)
        assert str(posts) in str(done.exception)


def test_explaining_a_post_takes_no_other_facts(few: Path) -> None:
    for words in (("post001", "--features", case.features()), (few,)):
        done = call("explain", case.model(), *words, "--followers", 5)
        assert isinstance(done.exception, UsageError)
        assert "--followers: for clips and captions" in str(done.exception)


def test_the_exit_code_of_the_program_is_3(few: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "virality", "predict", str(case.model()), str(few), "-q"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert done.stderr.startswith("warning: ")
