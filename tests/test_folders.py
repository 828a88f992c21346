"""Folders that are full, read-only, gone or locked by the dead: an error or a row, never a loss."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from light_extraction import (
    PROGRAM,
    catch_running,
    make_media,
    make_posts,
    rows_of,
    start_extraction,
    table_sha256,
)

from virality.data.errors import StorageError
from virality.data.features import MANIFEST, read_features
from virality.featurizers.extract import extract

ONLY = ("text_shape", "audio_loudness")
OWN_MOUNTS = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c")
PYTHON = 'exec "$0" -c "$@"'


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A pickled table, a media folder, and an undisturbed feature folder."""
    folder = tmp_path_factory.mktemp("case")
    media = make_media(folder / "media")
    make_posts().to_pickle(folder / "posts.pkl")
    extract(make_posts(), media, folder / "calm", only=ONLY)
    return folder / "posts.pkl", media, folder / "calm"


def words(case: tuple[Path, Path, Path], out: Path) -> list[str]:
    posts, media, _ = case
    return [PROGRAM, str(posts), str(media), str(out), ",".join(ONLY), "1", "0"]


def mounted(script: str, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run Python behind a mount that nobody else sees, or skip where none may be made."""
    if shutil.which("unshare") is None:
        pytest.skip("no unshare here")
    if subprocess.run([*OWN_MOUNTS, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no mounts of our own here")
    command = [*OWN_MOUNTS, script, sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.parametrize("kilobytes", [4, 24])
def test_a_disk_that_is_full_is_said_and_the_next_run_goes_on(case, tmp_path, kilobytes):
    disk = tmp_path / "disk"
    disk.mkdir()
    out, kept = disk / "f", tmp_path / "kept"
    kept.mkdir()
    # What is on that disk goes with it, so it is copied before.
    copied = f'"$0" -c "$@"; code=$?; cp -a {disk}/. {kept}; exit $code'
    run = mounted(f"mount -t tmpfs -o size={kilobytes}k none {disk} && {copied}", words(case, out))
    assert run.returncode == StorageError.exit_code, run.stdout + run.stderr
    assert str(out) in run.stdout
    left = kept / "f"
    assert not (left / MANIFEST).exists(), "a run that failed vouches for its files"
    finished = rows_of(left) if (left / "rows").is_dir() else {}
    extract(make_posts(), case[1], left, only=ONLY)
    assert finished.items() <= rows_of(left).items()
    assert table_sha256(left) == table_sha256(case[2])
    assert not list(left.rglob(".tmp-*"))


def test_a_read_only_folder_is_refused_and_stays_as_it_was(case, tmp_path):
    out = tmp_path / "f"
    shutil.copytree(case[2], out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    run = mounted(
        f"mount --bind {out} {out} && mount -o remount,bind,ro {out} && {PYTHON}", words(case, out)
    )
    assert run.returncode == StorageError.exit_code, run.stdout + run.stderr
    assert str(out) in run.stdout
    assert before == {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_media_that_cannot_be_written_are_only_read(case, tmp_path):
    _, media, calm = case
    script = f"mount --bind {media} {media} && mount -o remount,bind,ro {media} && {PYTHON}"
    run = mounted(script, words(case, tmp_path / "f"))
    assert run.returncode == 0, run.stderr
    assert table_sha256(tmp_path / "f") == table_sha256(calm)


def vanish(case: tuple[Path, Path, Path], folder: Path, gone: str) -> tuple[int, str, Path]:
    """Remove a folder while an extraction is running; return how that ended."""
    posts, media, _ = case
    shutil.copytree(media, folder / "media")
    run, out = catch_running(
        lambda out: start_extraction(posts, folder / "media", out, ONLY), folder
    )
    shutil.rmtree(folder / "media" if gone == "media" else out / gone)
    os.killpg(run.pid, signal.SIGCONT)
    said, _ = run.communicate(timeout=300)
    return run.returncode, said, out


@pytest.mark.parametrize("gone", ["rows", ""])
def test_a_folder_of_features_that_vanishes_is_said(case, tmp_path, gone):
    code, said, out = vanish(case, tmp_path, gone)
    assert code in (0, StorageError.exit_code)  # 0 where all rows had been read before
    assert code == 0 or str(out) in said
    extract(make_posts(), case[1], out, only=ONLY)
    assert table_sha256(out) == table_sha256(case[2])


def test_media_that_vanish_cost_their_rows_and_come_back(case, tmp_path):
    code, said, out = vanish(case, tmp_path, "media")
    assert (code, said) == (0, "")
    status = read_features(out).status.set_index("id")
    assert len(status) == len(make_posts())
    assert set(status["status"]) <= {"ok", "failed", "no_media"}
    lost = status.loc[["p1", "p2", "p3", "silent", "unseen"]]
    assert set(lost["reason"]) <= {"", "file_not_found"}
    extract(make_posts(), case[1], out, only=ONLY)
    assert table_sha256(out) == table_sha256(case[2])


def test_the_lock_of_a_dead_run_is_no_obstacle(case, tmp_path):
    out = tmp_path / "f"
    shutil.copytree(case[2], out)
    for content in (b"", b"12345\n", bytes(10_000)):
        (out / ".lock").write_bytes(content)
        assert extract(make_posts(), case[1], out, only=ONLY).computed == 0
    assert table_sha256(out) == table_sha256(case[2])


def test_a_lock_that_is_no_file_is_named(case, tmp_path):
    out = tmp_path / "f"
    (out / ".lock").mkdir(parents=True)
    with pytest.raises(StorageError, match="cannot be written"):
        extract(make_posts(), case[1], out, only=ONLY)
