"""Rows on disk: whole or not there, damaged or found out."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from virality.data.errors import StorageError
from virality.data.store import Store, make_key, parse, publish, row_bytes, sweep, write_atomically


def records(count: int, width: int = 4) -> dict[bytes, bytes]:
    return {make_key(str(n)): row_bytes(np.full(width, n, np.float32)) for n in range(count)}


def test_rows_come_back(tmp_path):
    store = Store(tmp_path)
    store.take(publish(tmp_path, records(3)))
    assert store.row(make_key("2"), 4).tolist() == [2, 2, 2, 2]
    assert store.row(make_key("2"), 5) is None
    assert store.row(make_key("9"), 4) is None
    assert Store(tmp_path).row(make_key("1"), 4).tolist() == [1, 1, 1, 1]


def test_same_records_are_one_file(tmp_path):
    assert publish(tmp_path, records(3)) == publish(tmp_path, records(3))
    assert len(list(tmp_path.iterdir())) == 1


@given(st.lists(st.text(), min_size=1), st.lists(st.text(), min_size=1))
def test_keys_tell_parts_apart(left, right):
    assert (make_key(*left) == make_key(*right)) == (left == right)


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_every_flipped_bit_is_noticed(place, bit):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        name = publish(Path(folder), records(3))
        path = Path(folder) / name
        raw = bytearray(path.read_bytes())
        raw[place % len(raw)] ^= 1 << bit
        found, whole = parse(bytes(raw))
        assert not whole or found == records(3)
        assert all(records(3)[key] == value for key, value in found.items())


def test_damaged_file_keeps_its_sound_records(tmp_path):
    path = tmp_path / publish(tmp_path, records(3))
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(bytes(raw))
    store = Store(tmp_path)
    assert store.damaged == [path.name]
    assert len(store) == 2
    again = Store(tmp_path)
    assert not again.damaged
    assert len(again) == 2


def test_what_is_made_again_after_damage_is_read_under_the_same_name(tmp_path):
    path = tmp_path / publish(tmp_path, records(1))
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(bytes(raw))
    store = Store(tmp_path)
    assert not len(store)
    name = publish(tmp_path, records(1))
    assert name == path.name
    store.take(name)
    assert len(store) == 1


@pytest.mark.parametrize("cut", [0, 4, 8, 12, 30, 60])
def test_truncated_file_is_damaged(tmp_path, cut):
    path = tmp_path / publish(tmp_path, records(3))
    path.write_bytes(path.read_bytes()[:cut])
    assert Store(tmp_path).damaged == [path.name]


def test_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a"
    write_atomically(path, b"old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["a"]


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError):
        Store(tmp_path / "file" / "rows")


def test_kills_at_any_moment_leave_whole_files(tmp_path):
    program = (
        "import sys, numpy as np; from pathlib import Path;"
        "from virality.data.store import publish, make_key, row_bytes\n"
        "for n in range(10**6):\n"
        "    publish(Path(sys.argv[1]), {make_key(str(n)): row_bytes(np.full(500, n, 'f4'))})"
    )
    for pause in (0.0, 0.005, 0.02):
        writer = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)])
        while not any(tmp_path.glob("*.rows")):
            time.sleep(0.01)
        time.sleep(pause)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        store = Store(tmp_path)
        assert not store.damaged
        sweep(tmp_path)
        assert not list(tmp_path.glob(".tmp-*"))
        for path in tmp_path.iterdir():
            path.unlink()
