"""A bundle is tried once on a machine: not again, unless it or what reads it has changed."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matrices import make_case, small_model

from virality.data.cache import CACHE_VARIABLE
from virality.data.errors import BundleError
from virality.modeling import bundle, trust
from virality.modeling.bundle import load_model, save_model
from virality.modeling.manifest import MANIFEST

LOAD = "import sys; from pathlib import Path; from virality.modeling.bundle import load_model; "


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of its own, and whatever would be tried crashes."""
    folder = tmp_path / "cache"
    monkeypatch.setenv(CACHE_VARIABLE, str(folder))
    monkeypatch.setattr(trust, "_here", set())
    crash = tmp_path / "python"
    crash.write_text("#!/bin/sh\nkill -SEGV $$\n")
    crash.chmod(0o755)
    monkeypatch.setattr(bundle.sys, "executable", str(crash))
    return folder


@pytest.fixture
def saved(cache, tmp_path):
    save_model(small_model(), tmp_path / "model")
    return tmp_path / "model"


def another_command():
    """Forget what only this process knows."""
    trust._here.clear()


def test_what_was_written_here_is_not_tried_by_later_commands(saved):
    another_command()
    matrix, posts = make_case()
    one, other = small_model().predict(matrix, posts), load_model(saved).predict(matrix, posts)
    np.testing.assert_array_equal(one.mean, other.mean)


def test_a_bundle_from_elsewhere_is_tried_once(saved, cache, monkeypatch):
    another_command()
    for path in (cache / trust.FOLDER).iterdir():
        path.unlink()
    with pytest.raises(BundleError, match="trial load failed"):
        load_model(saved)
    with pytest.raises(BundleError, match="trial load failed"):
        load_model(saved)  # a bundle that failed is not trusted
    monkeypatch.undo()
    monkeypatch.setenv(CACHE_VARIABLE, str(cache))
    program = f"{LOAD}load_model(Path({str(saved)!r}))"
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == 0
    assert len(list((cache / trust.FOLDER).iterdir())) == 1
    assert trust.is_trusted((saved / MANIFEST).read_bytes())


def test_another_version_of_a_library_tries_it_anew(saved, monkeypatch):
    another_command()
    real = trust.version
    monkeypatch.setattr(trust, "version", lambda name: real(name) + ".post1")
    with pytest.raises(BundleError, match="trial load failed"):
        load_model(saved)


def test_without_a_cache_all_goes_on(saved, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))
    save_model(small_model(), tmp_path / "model")
    load_model(saved)  # this process knows
    another_command()
    with pytest.raises(BundleError, match="trial load failed"):
        load_model(saved)


def test_the_oldest_of_many_are_forgotten(cache, monkeypatch):
    monkeypatch.setattr(trust, "MOST_KEPT", 3)
    for number in range(5):
        trust.trust(b"%d" % number)
        for path in (cache / trust.FOLDER).iterdir():
            _age(path)
    another_command()
    assert [trust.is_trusted(b"%d" % number) for number in range(5)] == [False] * 2 + [True] * 3


def _age(path: Path) -> None:
    seen = path.stat()
    os.utime(path, (seen.st_atime - 10, seen.st_mtime - 10))
