"""Values of a report about what is trending."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Trends:
    """What is trending, from the posts themselves."""

    sentences: tuple[str, ...]
