import errno
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from virality.data.table import read_posts
from virality.workflow.console import Console, as_line, fit_stdout, refused_by_system
from virality.workflow.stamp import Stamps, fingerprint
from virality.workflow.terminal import print_table

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), VALUES))
def test_a_line_is_strict_json(value):
    line = as_line(value)
    assert line.endswith("\n")
    assert line.count("\n") == 1

    def refuse(name):
        raise AssertionError(name)

    json.loads(line, parse_constant=refuse)


def test_nan_becomes_null():
    assert as_line({"a": float("nan"), "b": [float("inf")]}) == '{"a": null, "b": [null]}\n'


def test_json_leaves_stdout_to_the_result(capsys):
    console = Console(json=True)
    with console.progress("work") as progress:
        progress(1, 2)
    console.note("a note")
    console.emit({"a": 1}, lambda: print("for people"))
    out, err = capsys.readouterr()
    assert out == '{"a": 1}\n'
    assert "a note" in err


@pytest.mark.parametrize(
    ("encoding", "written"), [("ascii", "-3 x ... e?"), ("latin-1", "-3 × ... é?"), ("utf-8", "")]
)
def test_an_output_without_utf_8_is_told_in_characters_that_it_has(monkeypatch, encoding, written):
    text = "−3 × … é\N{GRINNING FACE}"
    sink = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr("sys.stdout", sink)
    fit_stdout()
    Console().emit({}, lambda: print(text, end=""))
    sink.flush()
    assert sink.buffer.getvalue().decode(encoding) == (written or text)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_json_says_every_character_in_any_encoding(monkeypatch, encoding):
    sink = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr("sys.stdout", sink)
    Console(json=True).emit({"a": "−é\N{GRINNING FACE}\ud83d"})
    assert json.loads(sink.buffer.getvalue().decode(encoding)) == {"a": "−é\N{GRINNING FACE}\ud83d"}


def test_quiet_is_quiet(capsys):
    console = Console(quiet=True)
    with console.progress("work") as progress:
        progress(1, 2)
    console.note("a note")
    assert capsys.readouterr() == ("", "")


def test_without_a_terminal_progress_is_plain_lines(capsys, monkeypatch):
    clock = iter(range(0, 100, 3))
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    with Console().progress("tuning") as progress:
        for done in range(3):
            progress(done, 3)
    assert capsys.readouterr().err.splitlines() == [f"tuning: {done} of 3" for done in range(3)]


def test_progress_towards_an_unknown_number_names_none(capsys, monkeypatch):
    clock = iter(range(0, 100, 3))
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    with Console().progress("reading") as progress:
        progress(1000, 0)
    assert capsys.readouterr().err == "reading: 1000\n"


WIDE = ("post", "state", "when", "why it is so")
CELLS = [("p1", "ok", "2026-11-30T14:41", ""), ("p[2]", "bad", "2026-12-01T00:00", "too " * 20)]


@pytest.mark.parametrize(("width", "table"), [(160, True), (60, True), (30, False), (12, False)])
def test_a_table_too_wide_for_its_terminal_becomes_records(capsys, monkeypatch, width, table):
    """Folded into what was left of the line, columns were single letters below each other."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    print_table(WIDE, CELLS)
    lines = re.sub(r"\x1b\[\d*m", "", capsys.readouterr().out).splitlines()
    assert (lines[0].split()[:2] == ["post", "state"]) == table
    if not table:
        assert lines[0] == "p1  state ok"
        told = " ".join(line.strip() for line in lines[1:])
        assert told.startswith("when 2026-11-30T14:41 p[2]  state bad when 2026-12-01T00:00; why")
    assert max(map(len, lines)) <= max(width, len("  2026-12-01T00:00;"))


def test_a_table_in_a_pipe_is_a_table_however_narrow_the_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "12")
    print_table(WIDE, CELLS)
    assert capsys.readouterr().out.split()[:2] == ["post", "state"]


def test_a_stage_is_fresh_until_its_inputs_change(tmp_path):
    source, made = tmp_path / "in", tmp_path / "out"
    source.write_text("a")
    made.write_text("b")
    stamps = Stamps(tmp_path / "stages.json")
    mark = fingerprint({"source": source}, {"seed": 1})
    assert not stamps.is_fresh("stage", mark, {"made": made})
    stamps.keep("stage", mark)
    assert stamps.is_fresh("stage", mark, {"made": made})
    assert not stamps.is_fresh("stage", fingerprint({"source": source}, {"seed": 2}), {})
    source.write_text("c")
    assert not stamps.is_fresh("stage", fingerprint({"source": source}, {"seed": 1}), {})
    made.unlink()
    assert not stamps.is_fresh("stage", mark, {"made": made})


def test_a_torn_stamp_file_only_costs_work(tmp_path):
    path = tmp_path / "stages.json"
    path.write_text('{"stage": "abc')
    stamps = Stamps(path)
    assert not stamps.is_fresh("stage", "abc", {})
    stamps.keep("stage", "abc")
    assert stamps.is_fresh("stage", "abc", {})


@pytest.mark.parametrize("name", ["new.mp4", "folder/new.mp4"])
def test_a_new_file_in_a_folder_is_a_change(tmp_path, name):
    (tmp_path / "folder").mkdir()
    before = fingerprint({"media": tmp_path}, {})
    (tmp_path / name).write_text("x")
    assert fingerprint({"media": tmp_path}, {}) != before


@pytest.mark.parametrize("closed", ["stdin", "stdout", "stderr"])
def test_a_command_works_with_a_stream_closed(closed, tmp_path):
    """As a service manager or `>&-` leaves it: no traceback, and nothing in a file of ours."""
    place = {"stdin": 0, "stdout": 1, "stderr": 2}[closed]
    posts = Path(__file__).parents[1] / "examples" / "posts.csv"
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {place}>&-', "sh", sys.executable, "-m", "virality", "ingest",
         posts, "-o", tmp_path / "posts.parquet", "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert len(read_posts(tmp_path / "posts.parquet")) == 150
    assert (closed == "stdout") == (not done.stdout)


def test_too_many_open_files_are_told_with_what_to_do():
    said = refused_by_system(OSError(errno.EMFILE, "Too many open files", "posts.csv"))
    assert said.startswith("posts.csv: Too many open files; allow more open files (`ulimit -n")


@pytest.mark.parametrize(("flag", "code"), [("-OO", 2), ("-O", 0)])
def test_a_python_without_docstrings_is_refused_in_a_sentence(flag, code):
    """`predict` had ended in a traceback of XGBoost, and `--help` in half of its words."""
    done = subprocess.run(
        [sys.executable, flag, "-m", "virality", "--version"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert ("leave out -OO" in done.stderr) == bool(code)
