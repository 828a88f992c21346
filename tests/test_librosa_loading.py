"""Processes that start together in a fresh environment."""

import os
import subprocess
import sys

import pytest

from virality.data.cache import CACHE_VARIABLE
from virality.data.errors import StorageError
from virality.featurizers.librosa_loading import load_librosa

ASK = """
import numpy as np
from virality.featurizers.librosa_loading import load_librosa

envelope = np.abs(np.random.default_rng(0).normal(size=200))
print("found", load_librosa().onset.onset_detect(onset_envelope=envelope, sr=22050).tolist())
"""


@pytest.mark.nightly
def test_one_process_compiles_and_all_can_use_it(tmp_path):
    environment = {**os.environ, CACHE_VARIABLE: str(tmp_path), "NUMBA_DEBUG_CACHE": "1"}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", ASK], env=environment, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    said = [process.communicate(timeout=120)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    found = [[line for line in text.splitlines() if line.startswith("found")] for text in said]
    assert found[0] == found[1] == found[2]
    assert len(found[0][0]) > len("found []")
    assert sorted("data saved to" in text for text in said) == [False, False, True]
    assert all(str(tmp_path) in text for text in said)


def test_a_cache_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))
    with pytest.raises(StorageError, match=CACHE_VARIABLE):
        load_librosa.__wrapped__()
