"""What whole modules of tests share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from matrices import light

from virality.data.cache import CACHE_VARIABLE
from virality.modeling import trust


@pytest.fixture(scope="module")
def light_recipes() -> Iterator[None]:
    """Train models of a module's few posts by a cheap recipe."""
    with light():
        yield


@pytest.fixture
def forget_bundles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what makes the child process try the next bundle, wherever that was seen before."""

    def forget() -> None:
        monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "empty cache"))
        trust._here.clear()

    return forget
