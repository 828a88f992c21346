"""Skip a stage whose inputs have not changed."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from virality import __version__
from virality.data.errors import StorageError
from virality.data.store import write_atomically


@dataclass(frozen=True)
class Stamps:
    """What each stage was last made from, kept beside what it made.

    Attributes:
        path: JSON file: stage -> fingerprint of its inputs and options.
    """

    path: Path

    def is_fresh(self, stage: str, fingerprint: str, outputs: Mapping[str, Path]) -> bool:
        """Say whether a stage was made from just these inputs and its outputs still stand."""
        return self._read().get(stage) == fingerprint and all(
            output.exists() for output in outputs.values()
        )

    def knows(self, stage: str) -> bool:
        """Say whether a stage was ever done here, from whatever inputs."""
        return stage in self._read()

    def keep(self, stage: str, fingerprint: str) -> None:
        """Remember what a stage was made from.

        Raises:
            StorageError: if the file cannot be written.
        """
        stamps = {**self._read(), stage: fingerprint}
        write_atomically(self.path, json.dumps(stamps, indent=1, sort_keys=True).encode())

    def _read(self) -> dict[str, str]:
        try:
            stamps = json.loads(self.path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return stamps if isinstance(stamps, dict) else {}


def fingerprint(inputs: Mapping[str, Path | None], options: Mapping[str, Any]) -> str:
    """Return a hash of the contents of files, the listings of folders, and options.

    Folders count by names, sizes and times of change: a folder of media is too large to read
    again only to learn that nothing changed. The extraction itself looks at contents.
    """
    facts = {
        "version": __version__,
        "options": {key: repr(value) for key, value in options.items()},
        "inputs": {key: _facts(path) for key, path in inputs.items()},
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _facts(path: Path | None) -> Any:
    if path is None:
        return None
    if path.is_dir():
        return [_listed(path, entry) for entry in sorted(path.rglob("*"))]
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _listed(folder: Path, entry: Path) -> tuple[str, int, int]:
    facts = entry.lstat()
    return (str(entry.relative_to(folder)), facts.st_size, facts.st_mtime_ns)


def set_aside(place: Path) -> Path:
    """Give what a stage cannot go on from another name, and return it: it took long to make.

    Args:
        place: a study of something else, or a study or model that was damaged.

    Raises:
        StorageError: if it cannot be renamed.
    """
    number = 1
    while (other := place.with_name(f"{place.stem}-{number}{place.suffix}")).exists():
        number += 1
    try:
        return place.rename(other)
    except OSError as error:
        raise StorageError(f"{place}: cannot be renamed: {error.strerror}") from error
