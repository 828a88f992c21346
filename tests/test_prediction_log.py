"""The prediction log: nothing acknowledged is lost, nothing impossible is believed."""

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loop_case import LAYOUT, START, make_log, one

from virality.data.errors import InputError, StorageError
from virality.data.log_posts import table_of
from virality.data.outcomes import COUNTS, Outcome, moment, stamp
from virality.data.prediction_log import PredictionLog
from virality.data.quarantine import FALL_COUNT, FALL_SHARE, FLOOD
from virality.data.readings import at_age

DAY = timedelta(days=1)
NASTY = ("../x", "'; DROP TABLE reports; --", '=HYPERLINK("http://x")', "a\0b", "ñ\u202e", "%_")


def test_a_prediction_comes_back_as_it_was_made(tmp_path):
    with make_log(tmp_path / "log.db") as log:
        (name,) = log.record([one("q", mean=2.5)], LAYOUT, client="c", now=START + DAY)
        kept = log.prediction(name)
        assert kept is not None
        assert (kept.post, kept.client, kept.mean, kept.made_at) == ("q", "c", 2.5, START + DAY)
        assert kept.facts["author_id"] == "a"
        ((layout, row),) = log.rows([kept.features])
        assert layout == LAYOUT
        np.testing.assert_array_equal(row, one().row)
        assert log.prediction("no such id") is None
        assert len({one.id for one in log.predictions()}) == 3
        assert all(len(one.id) == 32 for one in log.predictions())


@pytest.mark.parametrize("name", NASTY)
def test_ids_are_only_text(tmp_path, name):
    with make_log(tmp_path / "log.db", (name, "other")) as log:
        assert log.feedback(Outcome(post=name, views=5), now=START + DAY).state == "accepted"
        assert [one.post for one in log.history(name)] == [name]
        assert not log.history("other")
        assert len(log.predictions()) == 2
    assert {path.name.split("-")[0] for path in tmp_path.iterdir()} == {"log.db"}


IMPOSSIBLE = {
    "negative": {"views": -1},
    "beyond": {"views": 30_000_000_000},
    "more likes": {"views": 10, "likes": 11},
    "more comments": {"views": 100, "comments": 5000},
}


@pytest.mark.parametrize("why", IMPOSSIBLE)
def test_the_impossible_is_held_back(tmp_path, why):
    with make_log(tmp_path / "log.db") as log:
        receipt = log.feedback(Outcome(post="p0", **IMPOSSIBLE[why]), now=START + DAY)
        assert receipt.state == "quarantined"
        assert why in receipt.reasons[0]
        assert table_of(log.predictions(), log.reports()).get("views") is None


def test_times_that_cannot_be_are_held_back(tmp_path):
    with make_log(tmp_path / "log.db") as log:
        soon = log.feedback(Outcome(post="p0", views=1, observed_at=START + 9 * DAY), now=START)
        early = log.feedback(Outcome(post="p0", views=1, observed_at=START - DAY), now=START)
        assert "future" in soon.reasons[0]
        assert "before the post" in early.reasons[0]


def test_without_a_time_of_the_post_its_first_prediction_is_what_a_report_comes_after(tmp_path):
    with PredictionLog(tmp_path / "log.db") as log:
        for day in (2, 5):
            log.record([one("q", facts={"id": "q"})], LAYOUT, now=START + day * DAY)
        now = START + 9 * DAY
        for day, state in ((1, "quarantined"), (3, "accepted"), (6, "accepted")):
            outcome = Outcome(post="q", views=10 * day, observed_at=START + day * DAY)
            assert log.feedback(outcome, now=now).state == state
        (held,) = log.quarantined()
        assert held.reasons == (
            "read before the prediction (2026-05-03T12:00:00.000Z) of a post whose own time is "
            "unknown",
        )


BEYOND = [
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0999-01-01T00:00:00+00:00",
    "1999-12-31T23:59:59+00:00", "2101-01-01T00:00:00+00:00", "2000-01-01T00:00:00+14:00",
]  # fmt: skip


@pytest.mark.parametrize("text", BEYOND)
def test_a_year_without_posts_is_refused(tmp_path, text):
    when = datetime.fromisoformat(text)
    with make_log(tmp_path / "log.db") as log:
        with pytest.raises(InputError, match="between the years 2000 and 2100"):
            log.feedback(Outcome(post="p0", views=1, observed_at=when))
        assert not log.reports()


def test_stamps_sort_by_time_and_are_read_again():
    texts = [
        "0001-01-01",
        "0999-12-31T23:59:59.999",
        "1600-02-29",
        "2026-05-01T18:00",
        "9999-12-31",
    ]
    moments = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in texts]
    stamps = [stamp(one) for one in moments]
    assert stamps == sorted(stamps)
    assert [moment(one) for one in stamps] == moments
    for text in BEYOND[:2]:
        with pytest.raises(InputError, match="out of the range of times"):
            stamp(datetime.fromisoformat(text))


def test_views_that_fall_are_held_back_in_either_order(tmp_path):
    with make_log(tmp_path / "log.db") as log:
        log.feedback(Outcome(post="p0", views=1000, observed_at=START + DAY), now=START + 5 * DAY)
        later = Outcome(post="p0", views=100, observed_at=START + 2 * DAY)
        before = Outcome(post="p0", views=5000, observed_at=START + timedelta(hours=9))
        for outcome in (later, before):
            assert "fall from" in log.feedback(outcome, now=START + 5 * DAY).reasons[0]
        corrected = Outcome(post="p0", views=990, observed_at=START + 3 * DAY)
        assert log.feedback(corrected, now=START + 5 * DAY).state == "accepted"


def test_of_two_counts_at_one_moment_the_later_told_is_held_back(tmp_path):
    with make_log(tmp_path / "log.db") as log:
        for views, state in ((100_000, "accepted"), (3, "quarantined"), (99_000, "accepted")):
            outcome = Outcome(post="p0", views=views, observed_at=START + DAY)
            assert log.feedback(outcome, client=str(views), now=START + 2 * DAY).state == state
        (held,) = log.quarantined()
        assert held.reasons == (
            "views would be 100,000 and 3 at the same moment (against report 1)",
        )
        more = Outcome(post="p0", views=400_000, observed_at=START + DAY)
        assert log.feedback(more, now=START + 2 * DAY).state == "quarantined"


def test_the_same_report_twice_is_one(tmp_path):
    with make_log(tmp_path / "log.db") as log:
        outcome = Outcome(post="p0", views=7, observed_at=START + DAY)
        first = log.feedback(outcome, now=START + 2 * DAY)
        again = log.feedback(outcome, now=START + 3 * DAY)
        assert (again.state, again.id) == ("known", first.id)
        assert len(log.reports()) == 1


def test_a_flood_of_one_client_is_held_back_with_what_came_before_it(tmp_path):
    posts = tuple(f"p{number}" for number in range(FLOOD + 3))
    with make_log(tmp_path / "log.db", posts) as log:
        for number, post in enumerate(posts):
            now = START + DAY + timedelta(seconds=number)
            log.feedback(Outcome(post=post, views=10), client="one", now=now)
        assert len(log.quarantined()) == len(posts)
        assert "one client" in log.quarantined()[0].reasons[0]
        assert log.feedback(Outcome(post="p0", views=11), client="two", now=START + DAY)
        later = log.feedback(Outcome(post="p1", views=12), client="one", now=START + 2 * DAY)
        assert later.state == "accepted"


def test_a_flood_leaves_alone_what_the_owner_has_ruled_on(tmp_path):
    posts = tuple(f"p{number}" for number in range(FLOOD + 5))
    with make_log(tmp_path / "log.db", posts) as log:
        for number, post in enumerate(posts[:-1]):
            now = START + DAY + timedelta(seconds=number)
            log.feedback(Outcome(post=post, views=10), client="one", now=now)
        log.release(5)
        log.reject(6)
        log.feedback(Outcome(post=posts[-1], views=10), client="one", now=now)
        states = {report.number: report.state for report in log.reports()}
    assert (states.pop(5), states.pop(6)) == ("accepted", "rejected")
    assert set(states.values()) == {"quarantined"}


def test_a_count_below_0_cannot_be_released(tmp_path):
    with make_log(tmp_path / "log.db") as log:
        held = log.feedback(Outcome(post="p0", likes=3, views=-5), now=START + DAY)
        with pytest.raises(InputError, match=r"report 1 tells -5 views.*--reject 1 and report"):
            log.release(held.id)
        assert log.reject(held.id).state == "rejected"
        with pytest.raises(InputError, match="tells -5 views"):
            log.release(held.id)
        assert log.reports()[0].state == "rejected"


def test_the_owner_cannot_flood(tmp_path):
    posts = tuple(f"p{number}" for number in range(FLOOD + 3))
    with make_log(tmp_path / "log.db", posts) as log:
        log.feedback_table([Outcome(post=post, views=10) for post in posts], now=START + DAY)
        assert not log.quarantined()


def test_rulings_are_added_and_nothing_is_overwritten(tmp_path):
    with make_log(tmp_path / "log.db") as log:
        number = log.feedback(Outcome(post="p0", views=10, likes=11), now=START + DAY).id
        released = log.release(number)
        assert released.state == "accepted"
        assert "more likes" in released.reasons[0]
        assert table_of(log.predictions(), log.reports())["views"].tolist()[0] == 10
        assert log.reject(number).state == "rejected"
        with pytest.raises(InputError, match="no report 99"):
            log.release(99)
        with pytest.raises(InputError, match="no report"):
            log.release(10**30)
    direct = sqlite3.connect(tmp_path / "log.db")
    assert direct.execute("SELECT count(*) FROM rulings").fetchone() == (3,)
    for statement in ("UPDATE reports SET views = 1", "DELETE FROM rulings"):
        with pytest.raises(sqlite3.DatabaseError, match="only added"):
            direct.execute(statement)
    direct.close()


@pytest.mark.parametrize(
    ("outcome", "why"),
    [
        (Outcome(post="nobody", views=1), "no prediction of post 'nobody'"),
        (Outcome(prediction="ff", views=1), "no prediction of prediction 'ff'"),
        (Outcome(post="p0"), "no count is given"),
        (Outcome(views=1), "one of both"),
        (Outcome(post="p0", views=2**63), "too large"),
        (Outcome(post="p0", views=1.5), "whole number"),
        (Outcome(post="p0", views=True), "whole number"),
    ],
)
def test_what_is_no_report_is_refused(tmp_path, outcome, why):
    with make_log(tmp_path / "log.db") as log, pytest.raises(InputError, match=why):
        log.feedback(outcome)


def test_each_report_is_a_reading_of_what_it_says_and_no_more(tmp_path):
    with make_log(tmp_path / "log.db") as log:
        for day, counts in ((1, {"views": 1000}), (7.5, {"likes": 50})):
            outcome = Outcome(post="p0", **counts, observed_at=START + day * DAY)
            assert log.feedback(outcome, now=START + 30 * DAY).state == "accepted"
        table = table_of(log.predictions(), log.reports())
        assert (table["views"][0], table["likes"][0]) == (1000, 50)
        assert np.isnan(at_age(table, "views", 7)).all()
        assert at_age(table, "likes", 7.5)[0] == 50
        log.feedback(
            Outcome(post="p0", views=3000, observed_at=START + 7.9 * DAY), now=START + 30 * DAY
        )
        table = table_of(log.predictions(), log.reports())
        assert 1000 < at_age(table, "views", 7)[0] < 3000


count = st.one_of(st.none(), st.integers(-(10**12), 10**12))
given_reports = st.lists(
    st.tuples(st.integers(0, 400), st.fixed_dictionaries(dict.fromkeys(COUNTS, count))),
    max_size=12,
)


@settings(max_examples=15, deadline=None)
@given(given_reports)
def test_what_is_accepted_can_be_true(tmp_path_factory, reports):
    path = tmp_path_factory.mktemp("log") / "log.db"
    with make_log(path) as log:
        for hours, counts in reports:
            if any(value is not None for value in counts.values()):
                when = START + timedelta(hours=hours)
                outcome = Outcome(post="p0", **counts, observed_at=when)
                receipt = log.feedback(outcome, now=START + timedelta(days=30))
                assert (receipt.state == "quarantined") == bool(receipt.reasons)
        accepted = [one for one in log.history("p0") if one.state == "accepted"]
        table = table_of(log.predictions(), log.reports())
    for report in accepted:
        assert all(value >= 0 for value in report.counts.values())
        views = report.counts.get("views")
        assert views is None or all(value <= views for value in report.counts.values())
        for other in accepted:
            if other.observed_at < report.observed_at:
                for name in set(report.counts) & set(other.counts):
                    fall = other.counts[name] - report.counts[name]
                    assert fall <= max(FALL_COUNT, FALL_SHARE * other.counts[name])
    assert table["id"].tolist() == ["p0", "p1"]
    assert not accepted or (table.get("readings") is not None) == (
        len({(o.observed_at, tuple(o.counts.items())) for o in accepted}) > 1
    )


WRITER = """
import sys
from pathlib import Path
from loop_case import LAYOUT, one
from virality.data.outcomes import Outcome
from virality.data.prediction_log import PredictionLog
log, mark, most = PredictionLog(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
for number in range(most):
    (name,) = log.record([one(f"{mark}-{number}")], LAYOUT)
    log.feedback(Outcome(prediction=name, views=number))
    print(name, flush=True)
"""


def start_writer(log: Path, mark: str, most: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(log), mark, str(most)],
        stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent,
    )  # fmt: skip


def test_two_processes_write_one_log_from_its_making_on(tmp_path):
    writers = [start_writer(tmp_path / "log.db", mark, 10) for mark in "ab"]
    told = [name for writer in writers for name in writer.communicate(timeout=120)[0].split()]
    assert all(writer.returncode == 0 for writer in writers)
    with PredictionLog(tmp_path / "log.db") as log:
        assert sorted(one.id for one in log.predictions()) == sorted(told)
        assert len(log.reports("accepted")) == 20


OPENER = """
import sys, time
from pathlib import Path
from virality.data.prediction_log import PredictionLog
folder, mark = Path(sys.argv[1]), sys.argv[2]
(folder / f"{mark}.ready").touch()
while not (folder / "go").exists():
    pass
for number in range(40):
    PredictionLog(folder / f"{number}.db").close()
    (folder / f"{number}.{mark}").touch()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and len(list(folder.glob(f"{number}.[a-c]"))) < 3:
        pass
"""


def test_processes_that_make_one_log_at_the_same_moment_all_open_it(tmp_path):
    openers = [
        subprocess.Popen([sys.executable, "-c", OPENER, str(tmp_path), mark]) for mark in "abc"
    ]
    while len(list(tmp_path.glob("*.ready"))) < len(openers):
        time.sleep(0.01)
    (tmp_path / "go").touch()
    assert [opener.wait(timeout=120) for opener in openers] == [0, 0, 0]


def test_a_log_whose_maker_was_killed_after_the_first_page_is_made_whole(tmp_path):
    path = tmp_path / "log.db"
    with sqlite3.connect(path) as half:
        half.execute("PRAGMA journal_mode = WAL")
    half.close()
    assert path.stat().st_size
    make_log(path).close()
    with PredictionLog(path) as log:
        assert [one.post for one in log.predictions()] == ["p0", "p1"]


def test_threads_share_a_log(tmp_path):
    with make_log(tmp_path / "log.db") as log:

        def write(mark: int) -> None:
            for number in range(10):
                log.record([one(f"{mark}-{number}")], LAYOUT)

        threads = [threading.Thread(target=write, args=(mark,)) for mark in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(log.predictions()) == 42


def test_a_kill_loses_nothing_that_was_acknowledged(tmp_path):
    told: list[str] = []
    for round_ in range(2):
        writer = start_writer(tmp_path / "log.db", str(round_), 10_000)
        assert writer.stdout is not None
        for _ in range(3 + 2 * round_):
            told.append(writer.stdout.readline().strip())
        os.kill(writer.pid, signal.SIGKILL)
        told += writer.communicate(timeout=60)[0].split()
    with PredictionLog(tmp_path / "log.db") as log:
        kept = log.predictions()
        assert set(filter(None, told)) <= {one.id for one in kept}
        reported = {report.prediction for report in log.reports()}
        assert set(filter(None, told)) <= reported
        log.rows([one.features for one in kept])


LIMITED = """
import resource, signal, sys
from pathlib import Path
from loop_case import LAYOUT, one
from virality.data.errors import StorageError
from virality.data.prediction_log import PredictionLog
log = PredictionLog(Path(sys.argv[1]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
try:
    for number in range(10_000):
        print(log.record([one(str(number), input="i" * 5000)], LAYOUT)[0], flush=True)
except StorageError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""


def test_a_full_disk_ends_with_storage_and_keeps_what_was_told(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "log.db")],
        capture_output=True, text=True, cwd=Path(__file__).parent, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 5, done.stderr
    assert "log.db: the disk" in done.stderr
    with PredictionLog(tmp_path / "log.db") as log:
        assert [one.id for one in log.predictions()] == done.stdout.split()
        assert done.stdout.split()
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_no_room_for_a_page_is_a_full_disk(tmp_path):
    with make_log(tmp_path / "log.db") as log:
        log._database.execute("PRAGMA max_page_count = 1")
        before = len(log.predictions())
        many = [one(str(number)) for number in range(500)]
        with pytest.raises(StorageError, match="the disk is full"):
            log.record(many, LAYOUT)
        assert len(log.predictions()) == before
        log._database.execute("PRAGMA max_page_count = 100000")
        log.record([one("after")], LAYOUT)
        assert len(log.predictions()) == before + 1


def test_damage_is_told_and_never_read_as_data(tmp_path):
    path = tmp_path / "log.db"
    make_log(path, tuple(f"p{number}" for number in range(120))).close()
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    clear = 0
    for _ in range(16):
        content = bytearray(whole)
        start = int(rng.integers(0, len(content) - 600))
        content[start : start + 600] = rng.bytes(600)
        path.write_bytes(content)
        for other in ("-wal", "-shm"):
            path.with_name(path.name + other).unlink(missing_ok=True)
        try:
            with PredictionLog(path) as log:
                kept = log.predictions()
                log.rows([one.features for one in kept])
        except StorageError:  # anything else is a bug and comes through
            clear += 1
    assert clear >= 10


@pytest.mark.parametrize("content", [b"posts,views\n1,2\n" * 200, b"\0" * 5000, b"SQLite format 3"])
def test_other_files_are_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "log.db"
    path.write_bytes(content)
    with pytest.raises(StorageError, match=r"log\.db"):
        PredictionLog(path)
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_refused(tmp_path):
    path = tmp_path / "log.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE songs (name)")
    other.close()
    with pytest.raises(StorageError, match="another program"):
        PredictionLog(path)
    with pytest.raises(StorageError, match="folder"):
        PredictionLog(tmp_path)
    with pytest.raises(StorageError, match="cannot be opened"):
        PredictionLog(tmp_path / "absent" / "log.db")
