"""What a store remembers of how the decoding of a clip ended, and how far that may be believed.

A verdict follows from the clip's content and the limits, and is kept under both. Two things go
beyond that. A verdict that may be the fault of the machine or the moment (FLEETING) is never
written, so that the next run tries again. And what was read whole under some limits would be read
just so under wider ones, so that `--max-duration 900` opens none of the clips of ten minutes again.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict

from virality.data.decode import SAMPLING_VERSION, Limits
from virality.data.reasons import FLEETING
from virality.data.store import Store, make_key

Verdict = Mapping[str, str | float]
"""`status`, `reason` and `seconds` by the clock for decoding and measuring."""

WHOLE = ("", "shorter_than_declared", "damaged")
"""Reasons of clips of which no part was held back by a limit."""


def verdict_key(sha256: str, limits: Limits) -> bytes:
    """Return the key of the verdict on a clip under these limits."""
    return make_key("verdict", sha256, SAMPLING_VERSION, repr(limits))


def _wider_key(sha256: str) -> bytes:
    return make_key("whole", sha256, SAMPLING_VERSION)


def verdict_records(
    verdict: Verdict, sha256: str, limits: Limits
) -> tuple[dict[bytes, bytes], dict[bytes, bytes]]:
    """Return a verdict's records for a store: those to be written, those for this run only."""
    raw = json.dumps(verdict).encode()
    records = {verdict_key(sha256, limits): raw}
    if verdict["reason"] in FLEETING:
        return {}, records
    if verdict["reason"] in WHOLE:
        records[_wider_key(sha256)] = json.dumps({**verdict, "limits": asdict(limits)}).encode()
    return records, {}


def find_verdict(store: Store, sha256: str, limits: Limits) -> Verdict | None:
    """Return what the store knows of a clip under these limits, None if nothing."""
    raw = store.value(verdict_key(sha256, limits))
    if raw is not None:
        return dict(json.loads(raw))
    raw = store.value(_wider_key(sha256))
    if raw is None:
        return None
    verdict = dict(json.loads(raw))
    return verdict if limits.admit_all_of(Limits(**verdict.pop("limits"))) else None
