"""What a source of posts is: how it is recognised, read, and what its columns are called."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from virality.data.matrix import Known

Form = Literal["json", "jsonl", "csv", "parquet", "posts", "folder"]


@dataclass(frozen=True)
class Look:
    """First look at what a user points to, taken once for all sources.

    Attributes:
        path: the file or folder.
        form: how it is written; `posts` is a table that this package wrote.
        content: the whole value of a JSON file, else None.
        names: column names of a table, dotted where it nests; of JSONL, those of its first records.
    """

    path: Path
    form: Form
    content: object = None
    names: frozenset[str] = frozenset()


@dataclass(frozen=True)
class RawRow:
    """One post as its source spells it, names dotted where the source nests.

    Attributes:
        file: name of the file it stands in.
        number: its place there, from 1; headers do not count.
        values: their names -> values as read.
        problem: why the row cannot be read at all, else `""`.
    """

    file: str
    number: int
    values: Mapping[str, object]
    problem: str = ""


@dataclass(frozen=True)
class Layout:
    """How the names of a source become ours.

    Attributes:
        columns: our field -> their names, the first that holds a value counts.
        units: our field -> unit of their numbers or times, see `data.numbers` and `data.times`.
        constants: our field -> the value that every post of the source has.
        dropped: their names that are not kept: account names, links, cookies. A name that ends
            in `.` stands for all that is nested under it.
        known: their extra names -> when they are known; those not named are `post`.
        marked_captions: whether captions still hold the signs of hashtags and mentions, which are
            then read from there where the source has no list of them.
        notes: sentences for the user about how the source was read.
        guessed: whether the columns were taken for fields by their names alone.
        ids_in_part: whether posts may lack the id that others have, and then get one derived.
    """

    columns: Mapping[str, tuple[str, ...]]
    units: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, object] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    known: Mapping[str, Known] = field(default_factory=dict)
    marked_captions: bool = True
    notes: tuple[str, ...] = ()
    guessed: bool = False
    ids_in_part: bool = False


class Source(Protocol):
    """A layout that people have their posts in."""

    @property
    def name(self) -> str:
        """What `--format` calls it."""

    def matches(self, look: Look) -> bool:
        """Tell whether this looks like the layout."""

    def layout(self, look: Look) -> Layout:
        """Return how its names become ours."""

    def read(self, look: Look) -> Iterator[RawRow]:
        """Yield its posts in order."""
