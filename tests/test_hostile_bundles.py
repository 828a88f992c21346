"""Bundles whose checksums are right and whose content is not: each is one sentence, none is read.

Whoever can write a file can seal it, so a seal says nothing of what is inside.
"""

import io
import json
import shutil
import struct
import tracemalloc
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from matrices import small_model
from typer.testing import CliRunner

from virality.cli import app
from virality.data.errors import BundleError, StorageError
from virality.modeling import bundle, probe, stored_arrays
from virality.modeling.bundle import bundle_hash, load_model, read_pieces, save_model
from virality.modeling.manifest import ARRAYS, MANIFEST, sealed
from virality.modeling.pieces import put_together
from virality.modeling.probe import try_model
from virality.modeling.trust import trust

NAN, INFINITE = float("nan"), float("inf")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "model"
    save_model(small_model(), folder)
    return folder


@pytest.fixture
def reseal(whole, tmp_path):
    """Return what makes a bundle with other facts or another archive, all checksums right."""

    def make(change=lambda facts: None, archive: bytes | None = None) -> Path:
        folder = tmp_path / "model"
        shutil.copytree(whole, folder, dirs_exist_ok=True)
        facts = json.loads((folder / MANIFEST).read_text())
        facts.pop("seal")
        if archive is not None:
            (folder / ARRAYS).write_bytes(archive)
            facts["files"][ARRAYS] = bundle._mark(archive)
        change(facts)
        (folder / MANIFEST).write_bytes(sealed(facts))
        return folder

    return make


@pytest.fixture
def untried(monkeypatch):
    """Let no child process try a bundle: what is refused is refused before."""
    monkeypatch.setattr(bundle, "_probe", lambda *_: pytest.fail("it came to the trial load"))


def _header(shape: str, kind: str = "<f8") -> bytes:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (63 - (10 + len(text)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def _with(content: bytes, **members: bytes) -> bytes:
    """Return an archive with other or more members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old:
        there = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for name, inner in (
            there | {f"{name}.npy": text for name, text in members.items()}
        ).items():
            new.writestr(name, inner)
    return buffer.getvalue()


def _flag(content: bytes, offsets: dict[bytes, int], value: int) -> bytes:
    """Set a field of every entry: in the list of the archive, or before the entry, or in both."""
    changed = bytearray(content)
    for begin, offset in offsets.items():
        place = changed.find(begin)
        while place >= 0:
            changed[place + offset] = value
            place = changed.find(begin, place + 4)
    return bytes(changed)


def _garbled(content: bytes) -> bytes:
    return content[:3000] + b"\xff" * 40 + content[3040:]


ARCHIVES = {
    "a larger array than memory": partial(_with, outcomes=_header("(1000000000000000,)")),
    "a shape beyond 64 bits": partial(_with, outcomes=_header(f"({10**30},)")),
    "no dimensions below 0": partial(_with, outcomes=_header("(-1,)")),
    "less than was said": partial(_with, outcomes=_header("(3,)") + b"\0" * 16),
    "more than was said": partial(_with, outcomes=_header("(3,)") + b"\0" * 32),
    "another type": partial(_with, outcomes=_header("(3,)", "M8[zz]")),
    "no header": partial(_with, outcomes=b"hello"),
    "a header that does not end": partial(_with, outcomes=_header("((((((((")),
    "garbled content": _garbled,
    "a password": lambda content: _flag(content, {b"PK\1\2": 8, b"PK\3\4": 6}, 1),
    "another packing": lambda content: _flag(content, {b"PK\1\2": 10}, 99),
    "no archive": lambda _: b"PK",
}


@pytest.mark.usefixtures("untried")
@pytest.mark.parametrize("name", ARCHIVES)
def test_a_spoilt_archive_is_refused(whole, reseal, name):
    folder = reseal(archive=ARCHIVES[name]((whole / ARRAYS).read_bytes()))
    with pytest.raises(BundleError, match=r"arrays\.npz: is damaged|its parts do not fit"):
        load_model(folder)


def test_memory_that_does_not_suffice_is_a_sentence(reseal, monkeypatch):
    def full(*_, **__):
        raise MemoryError

    monkeypatch.setattr(stored_arrays.np.lib.format, "read_array", full)
    with pytest.raises(BundleError, match="does not fit into memory"):
        load_model(reseal())


@pytest.mark.usefixtures("untried")
def test_a_small_archive_from_elsewhere_does_not_become_a_large_one(whole, reseal, monkeypatch):
    monkeypatch.setattr(stored_arrays, "LEAST_ROOM", 10**6)
    zeros = _header(f"({50 * 10**6},)", "|i1") + bytes(50 * 10**6)
    bomb = _with((whole / ARRAYS).read_bytes(), block0_axes=zeros)
    folder = reseal(archive=bomb)
    most = stored_arrays.room_for(len(bomb))
    assert len(bomb) < most < 50 * 10**6
    tracemalloc.start()
    with pytest.raises(BundleError, match=rf"unpack to more than {most:,}, as no model"):
        load_model(folder)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < most
    trust((folder / MANIFEST).read_bytes())  # one that was written here may pack as it likes
    read_pieces(folder)


def test_room_for_arrays_from_elsewhere_follows_the_archive():
    assert stored_arrays.room_for(1000) == stored_arrays.LEAST_ROOM == 256 * 2**20
    assert stored_arrays.room_for(10 * 2**20) == 1000 * 2**20
    assert stored_arrays.room_for(2**40) == stored_arrays.MOST_BYTES


def test_what_nobody_asks_for_is_not_unpacked(whole, reseal):
    large = _header(f"({50 * 10**6},)", "|i1") + bytes(50 * 10**6)
    folder = reseal(archive=_with((whole / ARRAYS).read_bytes(), zzz=large))
    del large
    tracemalloc.start()
    put_together(read_pieces(folder))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 25 * 10**6


def _set(*keys, value):
    def change(facts):
        inner = facts
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = value

    return change


@pytest.mark.usefixtures("untried")
@pytest.mark.parametrize("value", [NAN, INFINITE, -INFINITE])
@pytest.mark.parametrize(
    "keys",
    [
        ("intercepts", 0),
        ("levels", 1),
        ("pulls", 1),
        ("intervals", "constant"),
        ("intervals", "belief"),
        ("intervals", "width"),
        ("bases", 0, "width"),
        ("recipe", "half_life"),
        ("card", "hit_threshold"),
    ],
)
def test_facts_that_are_no_finite_numbers_are_refused(reseal, keys, value):
    with pytest.raises(BundleError, match=f"holds no finite number in '{keys[0]}'"):
        load_model(reseal(_set(*keys, value=value)))


@pytest.mark.usefixtures("untried")
@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("intervals", "constant"), -5),
        (("intervals", "constant"), 0),
        (("intervals", "belief"), -1),
        (("intervals", "width"), -3),
        (("intercepts", 0), 10**400),
        (("pulls", 0), -1),
        (("pulls",), [1.0]),
        (("target",), "nope"),
    ],
)
def test_facts_that_cannot_be_are_refused(reseal, keys, value):
    with pytest.raises(BundleError, match="train again"):
        load_model(reseal(_set(*keys, value=value)))


CHANGES = {
    "authors": lambda a: np.arange(len(a)),
    "authors_keys": lambda a: a[:2],
    "sounds_keys": lambda a: a[::-1],
    "numbers": lambda a: a[:1],
    "authors_value": lambda a: a * NAN,
    "hashtags_time": lambda a: a * INFINITE,
    "means": lambda a: a * NAN,
    "ahead": lambda a: -a,
    "outcomes": lambda a: a.astype(str),
    "scores_warm": lambda a: a - INFINITE,
    "base0_places": lambda a: a.astype(float),
    "block0_axes": lambda a: a * NAN,
    "block0_outcome": lambda a: a * NAN,
}


@pytest.mark.usefixtures("untried")
@pytest.mark.parametrize("name", CHANGES)
def test_arrays_that_would_make_other_than_numbers_are_refused(whole, reseal, name):
    with np.load(whole / ARRAYS) as stored:
        arrays = dict(stored)
    with np.errstate(invalid="ignore"):
        arrays[name] = CHANGES[name](arrays[name])
    with pytest.raises(BundleError, match="train again"):
        load_model(reseal(archive=bundle._packed(arrays)))


def test_the_trial_load_asks_about_a_post_of_a_known_author_too(monkeypatch):
    try_model(small_model())
    said = []
    really = type(small_model()).predict

    def predict(model, matrix, posts):
        said.append(posts)
        made = really(model, matrix, posts)
        made.mean[1] = NAN  # as of weights for known authors that are none
        return made

    monkeypatch.setattr(type(small_model()), "predict", predict)
    with pytest.raises(ValueError, match="not a number"):
        try_model(small_model())
    history = small_model().stack.projector.history
    assert said[0]["author_id"][1] in history.authors.keys
    assert said[0]["posted_at"][1].timestamp() > history.clock[-1]


def test_the_trial_load_is_of_the_bundle_that_was_read(whole, reseal):
    other = reseal(_set("card", "seed", value=7))
    assert probe.main([str(whole), bundle_hash(whole)]) == 0
    with pytest.raises(BundleError, match="was replaced while it was read"):
        probe.main([str(other), bundle_hash(whole)])


@pytest.mark.parametrize("name", ["a" * 300, "model/model.json/more"])
def test_a_place_that_no_model_can_have_is_a_sentence(whole, monkeypatch, name):
    monkeypatch.chdir(whole.parent)
    done = CliRunner().invoke(app, ["predict", name, "--caption", "hello"])
    assert isinstance(done.exception, StorageError)
    assert str(done.exception).startswith(name)


def test_a_folder_that_may_not_be_searched_is_a_sentence(whole, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(StorageError, match=r"model\.json: cannot be read \(Permission denied\)"):
        load_model(whole)
