"""Collecting through yt-dlp against a server on loopback, and what a second collection gives."""

import json
import sys
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from clips import make_clip
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from virality.cli import app
from virality.data import readings
from virality.data.collect import Manners, collect, read_collected, read_urls, refusal
from virality.data.errors import InputError, StorageError, UsageError
from virality.data.ingest import ingest
from virality.data.readings import at_age, join_collections, read_reading, write_reading
from virality.data.table import conform, read_posts, write_posts
from virality.modeling.targets import available_targets, find_target
from virality.workflow.recrawl import recrawl

QUICK = Manners(pause_s=0.0, retries=0)


class Site(BaseHTTPRequestHandler):
    """A clip, a page that holds it, and addresses that lead elsewhere."""

    clip: bytes = b""
    asked: ClassVar[list[str]] = []
    rules = ""

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        self.asked.append(self.path)
        elsewhere = {"/to-file": "file:///etc/hostname", "/to-ftp": "ftp://127.0.0.1/x.mp4"}
        if self.path in elsewhere:
            self.send_response(302)
            self.send_header("Location", elsewhere[self.path])
            self.end_headers()
            return
        pages = {
            "/page": '<html><title>A fold</title><video src="/clip.mp4"></video></html>',
            "/local": '<html><title>x</title><video src="file:///etc/hostname"></video></html>',
            "/robots.txt": self.rules,
        }
        kind, content = "text/html", pages.get(self.path, "").encode()
        if self.path.endswith(".mp4"):
            kind, content = "video/mp4", self.clip
        self.send_response(200 if content or self.path == "/robots.txt" else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    clip = tmp_path_factory.mktemp("site") / "clip.mp4"
    make_clip(clip, seconds=0.6)
    Site.clip = clip.read_bytes()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def collected(site, tmp_path_factory):
    out = tmp_path_factory.mktemp("collected")
    urls = (
        f"{site}/page", f"{site}/other.mp4", f"{site}/gone.html", "file:///etc/hostname",
        "ftp://127.0.0.1/x.mp4", f"{site}/to-file", f"{site}/to-ftp", f"{site}/local",
    )  # fmt: skip
    return urls, out, collect(urls, out, manners=QUICK)


def test_posts_are_fetched_and_what_fails_is_told(collected):
    urls, out, result = collected
    rows = {row.url: row for row in result.rows}
    assert [rows[url].status for url in urls[:5]] == ["ok", "ok", "failed", "refused", "refused"]
    assert all(rows[url].status in ("failed", "refused") for url in urls[5:])
    assert "only http and https" in rows[urls[3]].reason
    assert all(row.reason for row in result.rows if row.status != "ok")
    assert not any("hostname" in path.read_text(errors="replace") and path.suffix != ".csv"
                   for path in out.glob("*.mp4"))  # fmt: skip
    assert {row.url: row.status for row in read_collected(out / "collected.csv")} == {
        url: row.status for url, row in rows.items()
    }
    assert not list(out.glob("*.part"))


def test_ingest_reads_what_collect_leaves(collected, tmp_path):
    _, out, result = collected
    read = ingest(out, tmp_path / "posts.parquet")
    posts = read_posts(read.path)
    assert read.format == "ytdlp"
    assert len(posts) == result.fetched == 2
    assert posts["collected_at"].notna().all()
    assert all((out / name).is_file() for name in posts["media"])
    assert set(posts["id"]) == {row.id for row in result.rows if row.status == "ok"}


def test_again_it_fetches_only_what_is_missing(collected):
    urls, out, _ = collected
    Site.asked.clear()
    again = collect(urls[:2], out, manners=QUICK)
    assert (again.fetched, again.already, Site.asked) == (0, 2, [])
    row = next(row for row in read_collected(out / "collected.csv") if row.url == urls[1])
    (out / row.file).unlink()
    assert collect(urls[:2], out, manners=QUICK).fetched == 1


def test_the_maximum_and_robots_are_respected(site, tmp_path, monkeypatch):
    monkeypatch.setattr(Site, "rules", "User-agent: *\nDisallow: /page\n")
    urls = (f"{site}/page", f"{site}/a.mp4", f"{site}/b.mp4")
    result = collect(urls, tmp_path, manners=Manners(pause_s=0.0, most=2))
    assert (result.refused, result.fetched, result.left) == (1, 1, 1)
    assert "robots.txt" in result.rows[0].reason


def test_a_clip_that_is_too_large_is_told(site, tmp_path):
    manners = Manners(pause_s=0.0, file_bytes=10)
    (row,) = collect((f"{site}/a.mp4",), tmp_path, manners=manners).rows
    assert row.status == "failed"
    assert "larger than 10 bytes" in row.reason


def test_the_command(site, tmp_path):
    listed = tmp_path / "urls.txt"
    listed.write_text(f"# mine\n{site}/page\n\n=cmd|x\n")
    out = tmp_path / "out"
    words = ["collect", str(listed), "-o", str(out), "--pause", "0", "--json", "-q"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 3, done.output
    assert [row["status"] for row in json.loads(done.stdout)["rows"]] == ["ok", "refused"]
    assert "'=cmd" in (out / "collected.csv").read_text()
    posts = ingest(out, out / "posts.parquet").path
    words = ["recrawl", str(posts), "--collected", str(out), "-o", str(tmp_path / "again"),
             "--pause", "0", "--json", "-q"]  # fmt: skip
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["posts"] == 1
    assert len(read_posts(tmp_path / "again" / "posts.parquet")) == 1


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "FTP://x/y", "javascript:1", "data:text/html,x", "//x/y", "x", "",
     "http://", "http://u:p@x/", "http://x/ y", "http://x/\n", "http://[", "ytsearch:cats",
     "http://x/" + "a" * 5000],
)  # fmt: skip
def test_only_the_web_is_asked(url):
    assert refusal(url)
    assert not refusal("https://example.org/a?b=c#d")


def test_addresses_must_be_given(tmp_path):
    (tmp_path / "empty.txt").write_text("# none\n")
    with pytest.raises(InputError, match="no address"):
        read_urls([str(tmp_path / "empty.txt")])


POSTED = datetime(2026, 5, 1, tzinfo=UTC)


def collection(days: float, views: dict[str, int]) -> pd.DataFrame:
    """One collection of posts, so many days after posting."""
    return conform(
        pd.DataFrame(
            {
                "id": list(views),
                "posted_at": [POSTED] * len(views),
                "collected_at": [POSTED + timedelta(days=days)] * len(views),
                "views": list(views.values()),
            }
        )
    )


def test_views_at_an_age_are_interpolated_in_log():
    joined = join_collections(collection(2, {"a": 99, "b": 5}), collection(8, {"a": 9999}))
    assert joined["views"].tolist() == [9999, 5]
    four = at_age(joined, "views", 4)  # half way between 2 and 8 days in the logarithm
    assert four[0] == pytest.approx(999, rel=1e-6)
    assert np.isnan(four[1])
    assert at_age(joined, "views", 2)[0] == pytest.approx(99)
    assert np.isnan(at_age(joined, "views", 9)).all()
    assert np.isnan(at_age(joined, "views", 1)).all()


def test_posts_of_one_collection_are_not_walked_for_other_ages(monkeypatch):
    walked: list[int] = []
    one = readings._at
    monkeypatch.setattr(readings, "_at", lambda *given: walked.append(1) or one(*given))
    posts = join_collections(collection(2, {"a": 99, "b": 5}), collection(8, {"a": 9999}))
    assert at_age(posts, "views", 2)[1] == 5
    assert len(walked) == 2
    assert np.isnan(at_age(posts, "views", 4)[1])
    assert len(walked) == 3


def test_collections_far_apart_bracket_nothing():
    joined = join_collections(collection(0.5, {"a": 99}), collection(300, {"a": 9999}))
    assert np.isnan(at_age(joined, "views", 7)[0])


def test_a_later_collection_is_at_most_eight_times_as_old():
    for first, found in ((1.0, True), (0.99, False)):
        joined = join_collections(collection(first, {"a": 99}), collection(8, {"a": 9999}))
        assert np.isfinite(at_age(joined, "views", 4)[0]) == found
    before = join_collections(collection(-1, {"a": 5}), collection(8, {"a": 9999}))
    assert np.isnan(at_age(before, "views", 4)[0])  # nothing is read of a post not yet there
    assert at_age(before, "views", 8)[0] == 9999


def test_an_older_table_never_replaces_a_newer_one():
    joined = join_collections(collection(8, {"a": 50}), collection(2, {"a": 20}))
    assert joined["views"].tolist() == [50]
    assert [read_reading(text)[1] for text in joined["readings"][0]] == [{"views": 20}]


def test_a_count_that_a_later_collection_lacks_stays_as_old_as_it_is():
    later = collection(7.5, {"a": 1}).drop(columns="views").assign(likes=[50])
    joined = join_collections(collection(1, {"a": 1000}), conform(later))
    assert (joined["views"][0], joined["likes"][0]) == (1000, 50)
    assert np.isnan(at_age(joined, "views", 7)[0])
    assert at_age(joined, "likes", 7.5)[0] == 50
    again = join_collections(joined, collection(9, {"a": 1200}))
    assert again["views"][0] == 1200
    assert [read_reading(text)[1] for text in again["readings"][0]] == [
        {"views": 1000},
        {"likes": 50},
        {"views": 1200},
    ]
    assert again["likes"][0] == 50
    assert np.isnan(at_age(again, "likes", 8)[0])


def test_two_readings_of_one_moment_are_one():
    first = collection(2, {"a": 99})
    other = collection(2, {"a": 99}).drop(columns="views").assign(likes=[5])
    joined = join_collections(first, conform(other))
    assert at_age(joined, "views", 2)[0] == 99
    assert at_age(joined, "likes", 2)[0] == 5
    apart = joined.assign(readings=[tuple(
        write_reading(POSTED + timedelta(days=3), {name: 7}) for name in ("views", "likes")
    )])  # fmt: skip
    assert at_age(apart, "views", 3)[0] == at_age(apart, "likes", 3)[0] == 7


def test_readings_survive_files_and_become_targets(tmp_path):
    early = collection(1, {f"p{number}": 100 + number for number in range(5)})
    late = collection(7.5, {f"p{number}": 5000 + 9 * number for number in range(5)})
    joined = join_collections(early, late)
    write_posts(joined, tmp_path / "posts.parquet")
    again = ingest(tmp_path / "posts.parquet", tmp_path / "again.parquet")
    posts = read_posts(again.path)
    assert posts["readings"].tolist() == joined["readings"].tolist()
    assert {"views_7d", "growth"} <= set(available_targets(posts))
    assert find_target("views_3d").values(posts)[0] == pytest.approx(
        np.log10(1 + at_age(posts, "views", 3)[0])
    )
    growth = find_target("growth").values(posts)
    assert growth[0] == pytest.approx(np.log10((1 + at_age(posts, "views", 7)[0]) / 101))
    assert "views_7d" not in available_targets(early)
    with pytest.raises(InputError, match="holds no 'views_7d'"):
        find_target("views_7d").settle(early)


times = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)).map(
    lambda one: one.replace(tzinfo=UTC, microsecond=0)
)
counts = st.dictionaries(
    st.sampled_from(["views", "likes", "saves"]), st.integers(0, 10**15), min_size=1
)


@settings(max_examples=60, deadline=None)
@given(times, counts)
def test_a_reading_reads_as_it_was_written(at, given_counts):
    assert read_reading(write_reading(at, given_counts)) == (at, given_counts)


@given(st.text())
def test_any_other_text_is_refused(text):
    try:
        read_reading(text)
    except InputError:
        return
    assert "=" in text


def test_what_earlier_rounds_found_is_kept_and_no_other_table_is_replaced(tmp_path):
    for name, days, views in (
        ("posts", 1, {"a": 10, "b": 20}), ("second", 3, {"a": 30}),
        ("third", 8, {"a": 80, "b": 90}), ("other", 1, {"z": 1}),
    ):  # fmt: skip
        write_posts(collection(days, views), tmp_path / f"{name}.parquet")
    posts, out = tmp_path / "posts.parquet", tmp_path / "out"
    for name in ("second", "third"):
        recrawl(posts, out, newer=tmp_path / f"{name}.parquet")
    joined = read_posts(out / "posts.parquet")
    assert joined["views"].tolist() == [80, 90]
    assert [len(one) for one in joined["readings"]] == [2, 1]  # after one and three days; after one
    before = (out / "posts.parquet").read_bytes()
    with pytest.raises(UsageError, match=r"holds 2 post\(s\) that .*other.parquet does not, 'a'"):
        recrawl(tmp_path / "other.parquet", out, newer=tmp_path / "third.parquet")
    with pytest.raises(UsageError, match="is the input"):
        recrawl(posts, out, newer=out / "posts.parquet")
    with pytest.raises(UsageError, match="is the input"):
        recrawl(out / "posts.parquet", out, newer=tmp_path / "third.parquet")
    assert (out / "posts.parquet").read_bytes() == before
    with pytest.raises(StorageError, match=r"third.parquet: cannot be made .*; give -o a folder"):
        recrawl(posts, tmp_path / "third.parquet", newer=tmp_path / "second.parquet")


def test_counts_of_no_time_are_refused_and_dated_ones_are_newer_than_undated(tmp_path):
    dated = collection(8, {"a": 80, "b": 90})
    undated = conform(dated.drop(columns="collected_at"))
    for name, table in (("dated", dated), ("undated", undated)):
        write_posts(table.assign(views=table["views"] + len(name)), tmp_path / f"{name}.parquet")
    posts, newer = tmp_path / "undated.parquet", tmp_path / "dated.parquet"
    with pytest.raises(InputError, match=r"undated.parquet: no post says when .*`collected_at`"):
        recrawl(newer, tmp_path / "out", newer=posts)
    assert recrawl(posts, tmp_path / "out", newer=newer).updated == 2
    assert read_posts(tmp_path / "out" / "posts.parquet")["views"].tolist() == [85, 95]
    again = tmp_path / "again.parquet"
    write_posts(dated, again)
    assert recrawl(newer, tmp_path / "same", newer=again).updated == 0


def test_a_count_that_no_table_holds_is_no_reading():
    assert read_reading(f"2026-05-01T00:00:00Z views={2**63 - 1}")[1] == {"views": 2**63 - 1}
    with pytest.raises(InputError, match=r"'readings': .* has a count above 9223372036854775807"):
        read_reading(f"2026-05-01T00:00:00Z likes=1 views={2**63}")


def test_what_brings_the_library_is_a_command_that_works_in_the_clone(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "yt_dlp", None)
    monkeypatch.setattr("virality.data.installing.ROOT", Path(__file__).parents[1])
    with pytest.raises(UsageError, match=r"python -m pip install -e '\.\[collect\]'` in the clone"):
        collect(["https://example.org/video"], tmp_path / "collected")


def test_what_brings_the_library_is_a_command_that_works_without_a_clone(monkeypatch, tmp_path):
    """Whoever installed a wheel has no clone: the extra's own packages are named instead."""
    monkeypatch.setitem(sys.modules, "yt_dlp", None)
    monkeypatch.setattr("virality.data.installing.ROOT", tmp_path)
    monkeypatch.setattr(
        "virality.data.installing.metadata.requires",
        lambda _: ["numpy>=2", 'requests>=2.32; extra == "collect"', 'a==1; extra == "screen"'],
    )
    with pytest.raises(UsageError, match=r"-m pip install 'requests>=2\.32'`$"):
        collect(["https://example.org/video"], tmp_path / "collected")
