"""What whole modules of tests share."""

from collections.abc import Iterator

import pytest
from matrices import light


@pytest.fixture(scope="module")
def light_recipes() -> Iterator[None]:
    """Train models of a module's few posts by a cheap recipe."""
    with light():
        yield
