"""Hundreds of hostile and damaged files in one extraction: each gets its row, and nothing else."""

import os
import socket
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import hostile_media
import pandas as pd
import pytest
from clips import make_clip
from hostile_media import Case

from virality.data.decode import REASONS, Limits
from virality.data.features import read_features
from virality.data.reasons import STATUSES
from virality.featurizers.extract import extract

LIGHT = ("stream_container", "frames_colour", "audio_loudness")
NAMES = [
    "-i.mp4",
    "%03d.mp4",
    "concat:a|b.mp4",
    "http:x.mp4",
    "a\nb.mp4",
    "a\x1b[2Jb.mp4",
    "'; rm -rf .mp4",
    "$(touch x).mp4",
    "`touch x`.mp4",
    "a b.mp4",
    ".hidden.mp4",
    "\u202egnp.mp4",
    "\U0001f600.mp4",
    "a\\b.mp4",
    "file:x.mp4",
    "x.m3u8.mp4",
    "=1+1.mp4",
    "<script>.mp4",
    "&amp;.mp4",
    "n" * 250 + ".mp4",
    "..mp4",
    "...mp4",
    "\u0301.mp4",
    "CON.mp4",
    "a\tb.mp4",
    "pipe:0.mp4",
    "subfile,,start,0,end,9,,:x.mp4",
]
"""Names of files that are good clips all the same."""

ODD = {
    "pipe.mp4": "not_a_file",
    "socket.mp4": "not_a_file",
    "folder.mp4": "not_a_file",
    "device.mp4": "outside_folder",
    "out.mp4": "outside_folder",
    "out-by-folder/clip.mp4": "outside_folder",
    "../good.mp4": "outside_folder",
    "folder.mp4/../../good.mp4": "outside_folder",
    "loop.mp4": "outside_folder unreadable",
    "dangling.mp4": "file_not_found",
    "missing.mp4": "file_not_found",
    "large.mp4": "too_large",
}
"""What is no file, or not one of the folder, and why it is refused."""


@dataclass(frozen=True)
class Outcome:
    """What one extraction over all cases left behind."""

    status: pd.DataFrame
    rows: pd.DataFrame
    called: bool
    canary_read: bool
    strays: list[str]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> hostile_media.Bytes:
    return hostile_media.good_clips(tmp_path_factory.mktemp("good"))


def run(
    folder: Path, good: hostile_media.Bytes, tenfold: bool = False
) -> tuple[list[Case], Outcome]:
    """Write all cases into one media folder and extract that."""
    media = folder / "media"
    media.mkdir()
    canary = make_clip(folder / "canary.mp4", seconds=0.3)
    os.utime(canary, (1, canary.stat().st_mtime))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.3)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/x.ts"
        cases = hostile_media.cases(good, url, canary, tenfold=tenfold)
        for case in cases:
            (media / case.name).write_bytes(case.content)
        for number, name in enumerate(NAMES):  # each its own content, so that each is decoded
            (media / name).write_bytes(good["mp4"] + bytes(8 * (number + 1)))
        write_odd(media, folder, good["mp4"])
        names = [*(case.name for case in cases), *NAMES, *ODD]
        ids = [str(number) for number in range(len(names))]
        posts = pd.DataFrame({"id": ids, "media": names}, dtype="string")
        before = listing(folder)
        limits = Limits(file_bytes=1_000_000_000)
        extract(posts, media, folder / "features", only=LIGHT, jobs=2, limits=limits)
        strays = [name for name in listing(folder) ^ before if not name.startswith("features")]
        called = was_called(listener)
    features = read_features(folder / "features")
    status = features.status.assign(media=names).set_index("media")
    rows = features.matrix.frame.set_index(pd.Index(names))
    return cases, Outcome(status, rows, called, canary.stat().st_atime != 1, strays)


def write_odd(media: Path, outside: Path, clip: bytes) -> None:
    (outside / "good.mp4").write_bytes(clip)
    os.mkfifo(media / "pipe.mp4")
    with socket.socket(socket.AF_UNIX) as server:
        place = os.open(media, os.O_RDONLY)  # a short name, whatever the folder's length
        try:
            server.bind(f"/proc/self/fd/{place}/socket.mp4")
        finally:
            os.close(place)
    (media / "folder.mp4").mkdir()
    (media / "device.mp4").symlink_to("/dev/zero")
    (media / "out.mp4").symlink_to(outside / "good.mp4")
    (media / "out-by-folder").symlink_to(outside)
    (media / "loop.mp4").symlink_to("loop.mp4")
    (media / "dangling.mp4").symlink_to("nothing.mp4")
    with (media / "large.mp4").open("wb") as file:
        file.write(clip)
        file.truncate(1_000_000_001)  # a hole: it takes no room


def listing(folder: Path) -> set[str]:
    """Return every path below a folder with its size and kind."""
    found = set()
    for path in folder.rglob("*"):
        facts = path.lstat()
        size = facts.st_size if stat.S_ISREG(facts.st_mode) else 0
        found.add(f"{path.relative_to(folder)} {facts.st_mode} {size}")
    return found


def was_called(listener: socket.socket) -> bool:
    try:
        listener.accept()[0].close()
    except TimeoutError:
        return False
    return True


@pytest.fixture(scope="module")
def outcome(
    tmp_path_factory: pytest.TempPathFactory, good: hostile_media.Bytes
) -> tuple[list[Case], Outcome]:
    return run(tmp_path_factory.mktemp("hostile"), good)


def complaints(cases: list[Case], outcome: Outcome) -> Iterator[str]:
    """Yield a sentence for each case that did not end as it should."""
    for case in cases:
        row = outcome.status.loc[case.name]
        said = f"{case.name}: {row['status']} {row['reason']!r}"
        if row["status"] not in STATUSES or row["reason"] not in REASONS:
            yield f"{said}: not documented"
        if row["status"] not in case.statuses:
            yield f"{said}: expected {case.statuses}"
        if case.reason and row["reason"] != case.reason:
            yield f"{said}: expected {case.reason!r}"
        if (row["status"] == "ok") != (row["reason"] == ""):
            yield f"{said}: a reason and no fault, or a fault and no reason"
        if row["reason"] in ("crashed", "time_limit", "cpu_limit", "result_refused", "worker_lost"):
            yield f"{said}: the decoder did not cope"
        if (row["status"] == "failed") != outcome.rows.loc[case.name].isna().all():
            yield f"{said}: features do not fit the status"


def test_every_case_ends_in_one_row_with_its_reason(outcome) -> None:
    cases, result = outcome
    assert len(cases) + len(NAMES) + len(ODD) >= 300
    assert list(result.status.index) == [*(case.name for case in cases), *NAMES, *ODD]
    assert list(complaints(cases, result)) == []


@pytest.mark.parametrize("name", NAMES)
def test_an_odd_name_is_only_a_name(outcome, name: str) -> None:
    row = outcome[1].status.loc[name]
    assert (row["status"], row["reason"]) == ("ok", "")


@pytest.mark.parametrize("name", ODD)
def test_what_is_no_file_of_the_folder_is_refused(outcome, name: str) -> None:
    row = outcome[1].status.loc[name]
    assert row["reason"] in ODD[name].split()
    assert row["status"] == ("no_media" if row["reason"] == "file_not_found" else "failed")


def test_nothing_was_connected_read_or_written_outside(outcome) -> None:
    result = outcome[1]
    assert not result.called
    assert not result.canary_read
    assert result.strays == []


def test_whole_clips_are_among_the_cases_and_damage_is_told(outcome) -> None:
    counts = outcome[1].status.groupby("status").size()
    assert counts["ok"] > len(NAMES)
    assert counts["partial"] > 10
    assert counts["failed"] > 50


@pytest.mark.nightly
def test_many_more_cases(tmp_path: Path, good) -> None:
    cases, result = run(tmp_path, good, tenfold=True)
    assert len(cases) >= 1_500
    assert list(complaints(cases, result)) == []
    assert not result.called
    assert not result.canary_read
    assert not result.strays
