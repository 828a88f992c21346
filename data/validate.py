"""What is in a table of posts, what is missing or odd, and what can be predicted from it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from virality.data.derived import DERIVED, labelled_with
from virality.data.matrix import Known
from virality.data.post import OUTCOMES, SCHEMA
from virality.data.splits import author_codes, dated_enough

EARLIEST = pd.Timestamp("2016-01-01", tz="UTC")
"""Short-video platforms of today are younger: an earlier posting time is suspicious."""

FEWEST_AUTHORS = 5
"""Folds by author need one author each."""

FEWEST_TO_TRAIN = 30
"""Posts with an outcome without which nothing can be learned and checked."""

FEWEST_POSTS = 50
"""Below this, five folds leave too few posts to say anything about a score."""

NO_KNOWN: Mapping[str, Known] = {}


@dataclass(frozen=True)
class FieldFacts:
    """One field of the table.

    Attributes:
        name, unit, known: as in the schema; extra columns have no unit.
        present, missing: posts with and without a value.
        distinct: different values.
        low, high: smallest and largest value; ISO 8601 for times, None for texts and flags.
    """

    name: str
    unit: str
    known: Known
    present: int
    missing: int
    distinct: int
    low: float | int | str | None
    high: float | int | str | None


@dataclass(frozen=True)
class Doubt:
    """Something odd: what it is, how many posts show it and the ids of the first of them."""

    what: str
    posts: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Predictable:
    """Whether an outcome can be learned from these posts.

    Attributes:
        target: the outcome.
        rows: posts that have it.
        splits: how it can be judged, the most honest first; empty if it cannot be learned.
        warning: what limits that, `""` if nothing does.
    """

    target: str
    rows: int
    splits: tuple[str, ...]
    warning: str


@dataclass(frozen=True)
class Validation:
    """All that is said of a table of posts.

    Attributes:
        posts, authors: how many; unknown authors count as none.
        first_posted_at, last_posted_at: ISO 8601, None where no time is known.
        fields: every field that some post has.
        missing: fields of the schema that no post has.
        duplicates: posts that look the same under different ids.
        suspicious_dates: times that cannot be right.
        suspicious_values: outcomes that cannot be right together.
        provenance: `pre`, `asof`, `post` -> the fields with values that are known then.
        targets: what can be predicted, and with which splits.
    """

    posts: int
    authors: int
    first_posted_at: str | None
    last_posted_at: str | None
    fields: tuple[FieldFacts, ...]
    missing: tuple[str, ...]
    duplicates: tuple[Doubt, ...]
    suspicious_dates: tuple[Doubt, ...]
    suspicious_values: tuple[Doubt, ...]
    provenance: Mapping[str, tuple[str, ...]]
    targets: tuple[Predictable, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain dictionaries, lists, strings and numbers."""
        return asdict(self) | {"provenance": {k: list(v) for k, v in self.provenance.items()}}


def validate(
    posts: pd.DataFrame, known: Mapping[str, Known] = NO_KNOWN, *, now: datetime | None = None
) -> Validation:
    """Look a table of posts over.

    Args:
        posts: as `data.table.read_posts` returns it.
        known: provenance of its `extra.*` columns, as `data.table.extra_known` returns it.
        now: the moment after which a posting time lies in the future; the present by default.
    """
    facts = [_facts(posts[name], known) for name in posts.columns]
    present = tuple(fact for fact in facts if fact.present)
    times = next((fact for fact in present if fact.name == "posted_at"), None)
    return Validation(
        posts=len(posts),
        authors=int(author_codes(posts).max(initial=-1)) + 1,
        first_posted_at=str(times.low) if times else None,
        last_posted_at=str(times.high) if times else None,
        fields=present,
        missing=tuple(name for name in SCHEMA if name not in {fact.name for fact in present}),
        duplicates=_duplicates(posts),
        suspicious_dates=_odd_dates(posts, pd.Timestamp(now or datetime.now(UTC))),
        suspicious_values=_odd_values(posts),
        provenance={
            when: tuple(fact.name for fact in present if fact.known == when)
            for when in ("pre", "asof", "post")
        },
        targets=_targets(posts),
    )


def _count(posts: pd.DataFrame, name: str) -> int:
    return int(posts[name].notna().sum()) if name in posts else 0


def _facts(values: pd.Series, known: Mapping[str, Known]) -> FieldFacts:
    """Return what there is to say of one column."""
    name = str(values.name)
    there = values.dropna()
    when: Known = SCHEMA[name].known if name in SCHEMA else known.get(name, "post")
    low, high = _range(there)
    return FieldFacts(
        name=name,
        unit=SCHEMA[name].unit if name in SCHEMA else "",
        known=when,
        present=len(there),
        missing=len(values) - len(there),
        distinct=int(there.nunique()),
        low=low,
        high=high,
    )


def _range(there: pd.Series) -> tuple[Any, Any]:
    """Return the smallest and largest of the values as plain values, None for texts and flags."""
    if not len(there) or pd.api.types.is_bool_dtype(there.dtype):
        return None, None
    if pd.api.types.is_datetime64_any_dtype(there.dtype):
        return there.min().isoformat(), there.max().isoformat()
    if pd.api.types.is_integer_dtype(there.dtype):
        return int(there.min()), int(there.max())
    if pd.api.types.is_numeric_dtype(there.dtype):
        return float(there.min()), float(there.max())
    return None, None


def _doubts(posts: pd.DataFrame, found: Mapping[str, Any]) -> tuple[Doubt, ...]:
    """Return a doubt for each sentence with a mask (n,) that holds somewhere."""
    doubts = []
    for what, mask in found.items():
        rows = np.flatnonzero(np.asarray(mask, dtype=bool))
        if len(rows):
            examples = tuple(str(post) for post in posts["id"].iloc[rows[:3]])
            doubts.append(Doubt(what, len(rows), examples))
    return tuple(doubts)


def _duplicates(posts: pd.DataFrame) -> tuple[Doubt, ...]:
    """Return posts that say the same under different ids, or share a media file."""
    found: dict[str, Any] = {}
    same = ["author_id", "posted_at", "caption"]
    if all(_count(posts, name) for name in same[:2]):
        whole = posts[same[:2]].notna().all(axis=1)
        keys = [name for name in same if name in posts]
        found["same author, time and caption as another post"] = whole & posts.duplicated(
            keys, keep=False
        )
    if _count(posts, "media"):
        found["same media file as another post"] = posts["media"].notna() & posts.duplicated(
            ["media"], keep=False
        )
    return _doubts(posts, found)


def _odd_dates(posts: pd.DataFrame, now: pd.Timestamp) -> tuple[Doubt, ...]:
    """Return posting and collection times that cannot be right."""
    found: dict[str, Any] = {}
    for name, label in (("posted_at", "posted"), ("collected_at", "collected")):
        if _count(posts, name):
            found[f"{label} in the future"] = posts[name] > now
            found[f"{label} before 2016"] = posts[name] < EARLIEST
    if _count(posts, "posted_at") and _count(posts, "collected_at"):
        found["posted after it was collected"] = posts["posted_at"] > posts["collected_at"]
    return _doubts(posts, found)


def _odd_values(posts: pd.DataFrame) -> tuple[Doubt, ...]:
    """Return outcomes that cannot be right: below nothing, or more likes than views."""
    found: dict[str, Any] = {}
    for name in OUTCOMES[:-1]:
        if _count(posts, name):
            found[f"negative {name}"] = (posts[name] < 0).fillna(False)
    if _count(posts, "views") and _count(posts, "likes"):
        found["more likes than views"] = (posts["likes"] > posts["views"]).fillna(False)
    return _doubts(posts, found)


def _targets(posts: pd.DataFrame) -> tuple[Predictable, ...]:
    """Return what to say of every outcome that is there or can be worked out."""
    there = {name: posts[name].notna().to_numpy() for name in OUTCOMES if _count(posts, name)}
    derived = {name: labelled_with(posts, name) for name in DERIVED}
    made = {name: mask for name, mask in derived.items() if mask.any()}
    return tuple(_predictable(posts[mask], name) for name, mask in {**there, **made}.items())


def _predictable(usable: pd.DataFrame, target: str) -> Predictable:
    """Return whether and how a target can be learned and judged on the posts that have it."""
    rows = len(usable)
    sources = DERIVED[target].sources if target in DERIVED else (target,)
    if all(usable[name].nunique() < 2 for name in sources if name in usable):
        return Predictable(target, rows, (), "all posts have the same value: nothing to learn")
    if rows < FEWEST_TO_TRAIN:
        few = f"only {rows} posts; {FEWEST_TO_TRAIN} are needed to train"
        return Predictable(target, rows, (), few)
    timed = dated_enough(usable)
    grouped = int(author_codes(usable).max(initial=-1)) + 1 >= FEWEST_AUTHORS
    splits = ("temporal",) * timed + ("author",) * grouped + ("random",)
    return Predictable(target, rows, splits, _warning(rows, timed, grouped))


def _warning(rows: int, timed: bool, grouped: bool) -> str:
    """Return what limits the judgement of a score, in a sentence."""
    if not timed and not grouped:
        text = "neither posting times nor enough authors are known: random splits flatter the score"
    elif not timed:
        text = "posting times are not known: a score on later posts cannot be had"
    elif not grouped:
        text = "fewer than five authors: a score on new authors cannot be had"
    else:
        text = ""
    few = f"only {rows} posts: scores will be uncertain" if rows < FEWEST_POSTS else ""
    return "; ".join(part for part in (text, few) if part)
