"""`feedback` does what it is asked to, or says that it is asked for two things at once."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from loop_case import make_log
from typer.testing import CliRunner

from virality.cli import app
from virality.data.errors import InputError, UsageError


@pytest.fixture
def log(tmp_path: Path) -> Path:
    make_log(tmp_path / "log.db").close()
    (tmp_path / "later.csv").write_text(
        "post_id,views,observed_at\np0,100,2026-05-03T12:00:00Z\np1,200,\n"
    )
    return tmp_path / "log.db"


def call(*words: object) -> Result:
    return CliRunner().invoke(app, ["feedback", *map(str, words)])


def reports(log: Path) -> list[dict[str, Any]]:
    done = call(log, "-o", log.parent / "all.csv", "--json")
    return list(json.loads(done.stdout)["reports"])


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("2026-05-02T10:00:00+02:00", "2026-05-02T08:00:00.000Z"),
        ("2026-05-02T10:00:00-05:00", "2026-05-02T15:00:00.000Z"),
        ("2026-05-02T10:00:00Z", "2026-05-02T10:00:00.000Z"),
        ("2026-05-02T10:00:00", "2026-05-02T10:00:00.000Z"),
    ],
)
def test_a_time_is_kept_in_utc(log: Path, written: str, kept: str) -> None:
    assert call(log, "p0", "--views", 10, "--at", written).exit_code == 0
    (report,) = reports(log)
    assert report["observed_at"] == kept


def test_a_time_beside_a_table_is_of_the_rows_without_one(log: Path) -> None:
    done = call(log, "--from", log.parent / "later.csv", "--at", "2026-05-02T10:00:00+02:00")
    assert done.exit_code == 0, (done.output, done.exception)
    when = {one["post"]: one["observed_at"] for one in reports(log)}
    assert when == {"p0": "2026-05-03T12:00:00.000Z", "p1": "2026-05-02T08:00:00.000Z"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("p0 --views 10 --from later.csv", "--from and an id are two things"),
        ("--views 10 --from later.csv", "--views is of one post"),
        ("--views 10", "--views is of one post: give its id"),
        ("--release 5 --reject 5", "--release and --reject are two things"),
        ("--release 5 --from later.csv", "--release and --from are two things"),
        ("p0 --views 10 --release 5", "--release and an id are two things"),
        ("--likes 10 --reject 5", "--likes is of one post"),
        ("p0 --quarantined", "--quarantined and an id are two things"),
        ("p0 --at 2026-05-02T10:00:00", "--at says when counts were read"),
        ("--quarantined --at 2026-05-02T10:00:00", "--at says when counts were read"),
        ("p0 --views 10 -o listed.csv", "-o writes reports that are listed"),
        ("--from later.csv -o listed.csv", "-o writes reports that are listed"),
    ],
)
def test_what_would_be_done_in_part_only_is_refused(
    log: Path, monkeypatch: pytest.MonkeyPatch, words: str, says: str
) -> None:
    monkeypatch.chdir(log.parent)
    done = call(log, *words.split())
    assert isinstance(done.exception, UsageError), done.output
    assert says in str(done.exception)
    assert reports(log) == []
    assert not Path("listed.csv").exists()


def test_no_mapping_is_advised_where_none_can_be_given(log: Path) -> None:
    (log.parent / "later.csv").write_text(
        'post_id,views,observed_at\np0,"1,234",2026-05-03\np1,5,03/04/2026\np0,7,2026-05-03\n'
    )
    done = call(log, "--from", log.parent / "later.csv")
    assert done.exit_code == 0, (done.output, done.exception)
    reasons = (log.parent / "feedback-rejects.csv").read_text().splitlines()[1:]
    assert [line.partition('"')[0].split(",")[1] for line in reasons] == ["1", "2"]
    for line in reasons:
        assert "write it plainly, or give the table that `virality ingest --mapping` makes" in line
        assert "[units]" not in line


@pytest.mark.parametrize(("way", "state"), [("--release", "accepted"), ("--reject", "rejected")])
def test_several_reports_are_ruled_on_all_or_none(log: Path, way: str, state: str) -> None:
    for post in ("p0", "p1"):
        assert call(log, post, "--views", 10, "--likes", 11).exit_code == 0
    done = call(log, way, 1, way, 9, way, 2)
    assert isinstance(done.exception, InputError), done.output
    assert "holds no report 9; see --quarantined; none of these 3 rep" in str(done.exception)
    assert [one["state"] for one in reports(log)] == ["quarantined", "quarantined"]
    assert call(log, way, 2, way, 1, way, 2).exit_code == 0
    assert [one["state"] for one in reports(log)] == [state, state]
    assert [len(one["reasons"]) for one in reports(log)] == [2, 2]
