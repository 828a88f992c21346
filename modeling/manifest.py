"""The manifest of a bundle: it names every other file and seals itself by a checksum."""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from virality.data.errors import BundleError

FORMAT = 2
MANIFEST = "model.json"
ARRAYS = "arrays.npz"

_SEAL = re.compile(
    rb'^ "seal": "([0-9a-f]{64})",\n|,\n "seal": "([0-9a-f]{64})"(?=\n\}\n\Z)', re.MULTILINE
)
"""The seal's own line, between others or the last one."""


def sealed(facts: Mapping[str, Any]) -> bytes:
    """Return the manifest's bytes, its own checksum added."""
    return _text({**facts, "seal": _checksum(facts)})


def unsealed(content: bytes) -> dict[str, Any] | None:
    """Return the facts of a manifest of any format; None if its seal is not right."""
    try:
        facts = json.loads(content)
        whole = facts.pop("seal") == _checksum(facts)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return dict(facts) if whole else None


def opened(content: bytes, path: Path) -> dict[str, Any]:
    """Return the manifest's facts, checked against its own checksum.

    Raises:
        BundleError: if it is damaged, of another format, or holds a number that is not finite.
    """
    facts = unsealed(content)
    if facts is None:
        raise BundleError(f"{path}: is damaged or was altered after training; train again")
    if facts.get("format") != FORMAT:
        raise BundleError(
            f"{path}: bundle format {facts.get('format')!r}, this program reads {FORMAT}"
        )
    if not _as_written(content):  # a digit more or less may read as the same number
        raise BundleError(f"{path}: is not as it was written; train again, or restore it")
    if not isinstance(facts.get("files"), dict):
        raise BundleError(f"{path}: names no files; train again")
    name = _infinite(facts)
    if name is not None:
        raise BundleError(f"{path}: holds no finite number in {name!r}; train again")
    return facts


def _as_written(content: bytes) -> bool:
    """Tell whether the seal is that of the very bytes, without writing all of it out again."""
    found = _SEAL.search(content)
    if found is None:
        return False
    rest = content[: found.start()] + content[found.end() :]
    return hashlib.sha256(rest).hexdigest().encode() == (found[1] or found[2])


def _checksum(facts: Mapping[str, Any]) -> str:
    return hashlib.sha256(_text(facts)).hexdigest()


def _text(facts: Mapping[str, Any]) -> bytes:
    return (json.dumps(facts, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def _infinite(facts: Mapping[str, Any]) -> str | None:
    """Return the first fact that holds NaN or an infinity, which JSON as Python reads it may."""
    for name, value in facts.items():
        left = [value]
        while left:
            one = left.pop()
            if isinstance(one, float) and not math.isfinite(one):
                return name
            if isinstance(one, dict | list):
                left += one.values() if isinstance(one, dict) else one
    return None
