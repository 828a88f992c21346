"""What whole modules of tests share."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import chromium
from hypothesis import settings
from matrices import light

from virality.data.cache import CACHE_VARIABLE
from virality.modeling import trust

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")  # how long an example takes says how busy the machine is


@pytest.fixture(scope="module")
def light_recipes() -> Iterator[None]:
    """Train models of a module's few posts by a cheap recipe."""
    with light():
        yield


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return a running Chromium; `needs_chromium` skips tests where there is none."""
    with chromium() as started:
        yield started


@pytest.fixture
def forget_bundles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what makes the child process try the next bundle, wherever that was seen before."""

    def forget() -> None:
        monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "empty cache"))
        trust._here.clear()

    return forget
