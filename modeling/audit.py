"""The leakage audit: signs in the data itself that a score will not survive the day of posting.

Kaufman et al. (2012, https://doi.org/10.1145/2382577.2382579) describe how leaks come about, and
that looking at single columns finds most of them. No column has to be marked by hand for it.
Nothing here is proof: a finding says where to look and why.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.matrix import FeatureMatrix
from virality.data.splits import (
    IntArray,
    author_groups,
    dated_enough,
    folds_of_groups,
    posting_times,
    temporal_split,
)
from virality.modeling.families import CIRCLE
from virality.modeling.provenance import usable_columns
from virality.modeling.rows import Labelled, labelled
from virality.modeling.targets import find_target

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Kind = Literal["copy", "too_good", "order", "missing", "duplicates", "vanishing"]

LEAST_POSTS = 50
"""Below, single columns correlate by chance."""

COPY = 0.98
"""Correlation, of values or of ranks, from which a column is the outcome under another name."""

TOO_GOOD = 0.8
"""Rank correlation on unseen authors that no one column has on any of the field's public tables:
followers reach about .5, an author's own history .7."""

TOLD = 0.95
"""Share of the pairs of posts told apart by a column of two or three values that it may order
rightly: ties keep the rank correlation of a flag low, however much the flag knows."""

FEW_VALUES, LEAST_TOLD = 3, 10
"""Values of such a column, and posts that the rarer ones must have in each half."""

BINS = 20
LEAST_AUTHORS = 4

ORDER = 0.95
DISTINCT = 0.95
"""An identifier: nearly as many values as posts, in the order of time or of the table. The season's
coordinates are spared: within half a year they follow the time, and are known beforehand."""

MISSING = 0.5
"""Correlation between the outcome and whether a column is there at all."""

TWINS = 0.01
"""Share of held-out posts with a twin among those learned from; reposts of a few are usual."""

STRONG, FADED, CERTAIN = 0.2, 0.5, 5.0
"""A column's power vanishes: rank correlation of at least .2 before, under half of it in the newest
posts, and a difference of five standard errors (Fisher's z), so that chance does not do it even
once in a million columns."""

CONTENT = frozenset({"text", "frames", "audio", "stream"})
"""Modalities that make up what is posted; two posts with the same of all are twins."""


@dataclass(frozen=True)
class Finding:
    """A sign of a leak.

    Attributes:
        kind: which of the signs.
        column: the column that shows it, `""` where it is the posts themselves.
        value: what was measured.
        sentence: what it means and what to do.
    """

    kind: Kind
    column: str
    value: float
    sentence: str


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Attributes:
        target: what would be predicted.
        posts, columns: how many were looked at.
        findings: the gravest kind first, the strongest first within it.
        notes: what could not be looked at, or was left out.
    """

    target: str
    posts: int
    columns: int
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        plain = asdict(self)
        return plain | {"findings": list(plain["findings"]), "notes": list(self.notes)}


def audit(
    matrix: FeatureMatrix, posts: pd.DataFrame, *, target: str = "views", allow_post: bool = False
) -> Audit:
    """Look for leaks.

    Args:
        matrix: features.
        posts: table that holds the posts of the matrix and their outcomes.
        target: name of the outcome.
        allow_post: look at columns known only after posting too.

    Raises:
        InputError: if fewer than 50 posts are labelled, or the target is not in the table.
    """
    known = labelled(matrix, posts, find_target(target), LEAST_POSTS)
    usable = usable_columns(known.matrix, allow_post)
    values = known.matrix.frame[list(usable.names)].to_numpy(np.float64)
    findings: list[Finding] = []
    halves, newest = _halves(known.posts), _newest(known.posts)
    times = posting_times(known.posts)
    for number, name in enumerate(usable.names):
        findings += _of_column(name, values[:, number], known.y, times, halves, newest)
    findings += _duplicates(known)
    kinds = list(Kind.__args__)  # type: ignore[attr-defined]
    findings.sort(key=lambda one: (kinds.index(one.kind), -abs(one.value), one.column))
    notes = [usable.sentence] if usable.sentence else []
    if newest is None:
        notes.append("Posting times are unknown: whether power lasts was not looked at.")
    return Audit(known.target.name, len(known.y), len(usable.names), tuple(findings), tuple(notes))


def _halves(posts: pd.DataFrame) -> tuple[IntArray, IntArray]:
    """Return two halves that share no author."""
    groups = author_groups(posts)
    if len(np.unique(groups)) < LEAST_AUTHORS:
        groups = np.arange(len(posts), dtype=np.int64)
    split = folds_of_groups(groups, 2)[0]
    return split.train, split.test


def _newest(posts: pd.DataFrame) -> tuple[IntArray, IntArray] | None:
    """Return the older and the newest posts, None where times are unknown."""
    if not dated_enough(posts):
        return None
    split = temporal_split(posts)
    return split.train, split.test


def _of_column(
    name: str,
    x: Floats,
    y: Floats,
    times: Floats,
    halves: tuple[IntArray, IntArray],
    newest: tuple[IntArray, IntArray] | None,
) -> Iterator[Finding]:
    """Look at one column."""
    there = np.isfinite(x)
    gone = correlate((~there).astype(np.float64), y)
    if abs(gone) >= MISSING:
        yield Finding("missing", name, gone, (
            f"whether {name} is there at all says how the post did (correlation {gone:+.2f}): "
            "it was filled in afterwards, or only for some; leave it out or collect it for all"
        ))  # fmt: skip
    if there.sum() < LEAST_POSTS or np.ptp(x[there]) == 0:
        return
    alike = max(abs(correlate(x, y)), abs(correlate(ranks(x), y, by_rank=True)))
    if alike >= COPY:
        yield Finding("copy", name, alike, (
            f"{name} is nearly the outcome itself (correlation {alike:.3f}): leave it out"
        ))  # fmt: skip
    else:
        power = lasting_power(x, y, halves)
        if power >= TOO_GOOD:
            yield Finding("too_good", name, power, (
                f"{name} alone ranks posts of unseen authors with a correlation of {power:.2f}, "
                "more than any one thing known before posting: find out when it is known"
            ))  # fmt: skip
        elif (told := told_apart(x, y, halves)) >= TOLD:
            yield Finding("too_good", name, told, (
                f"of two posts of unseen authors that {name} tells apart it orders {told:.0%} "
                "rightly, more than anything known before posting: find out when it is known"
            ))  # fmt: skip
    order = 0.0 if name.endswith(CIRCLE) else _order(x, times)
    if abs(order) >= ORDER:
        yield Finding("order", name, order, (
            f"{name} has a value of its own for nearly every post and follows their order "
            f"(correlation {order:+.2f}): it is an identifier or a clock, not a property; leave it "
            "out"
        ))  # fmt: skip
    if newest is not None:
        yield from _vanishing(name, x, y, newest)


def correlate(x: Floats, y: Floats, *, by_rank: bool = False) -> float:
    """Return the correlation over posts that have both, of ranks if asked; 0 where there is none.

    Args:
        x: float64 (n,), NaN where missing; ranks already if `by_rank`.
        y: float64 (n,).
        by_rank: rank `y` too.
    """
    both = np.isfinite(x) & np.isfinite(y)
    if both.sum() < 3:
        return 0.0
    a, b = x[both], ranks(y[both]) if by_rank else y[both]
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def ranks(x: Floats) -> Floats:
    """Return ranks with ties shared, float64 (n,), NaN where missing."""
    from scipy.stats import rankdata

    out = np.full(len(x), np.nan)
    there = np.isfinite(x)
    out[there] = rankdata(x[there])
    return out


def lasting_power(x: Floats, y: Floats, halves: tuple[IntArray, IntArray]) -> float:
    """Return how well a column alone ranks the posts of authors that it was not fitted on.

    The mean outcome of each of twenty bins is learned on one half of the authors and asked on the
    other, so that a column that helps in both directions is seen as well as a rising one.

    Returns:
        The lower of the two halves' rank correlations.
    """
    asked = list(_asked(x, y, halves))
    if len(asked) < len(halves):
        return 0.0
    return min(correlate(ranks(said), outcome, by_rank=True) for said, outcome in asked)


def told_apart(x: Floats, y: Floats, halves: tuple[IntArray, IntArray]) -> float:
    """Return the share of the pairs it tells apart that a column of few values orders rightly.

    Goodman and Kruskal's gamma (1954, https://doi.org/10.1080/01621459.1954.10501231) as a share;
    for a flag it is the area under its curve. As with `lasting_power`, what the values mean is
    learned on the other half of the authors.

    Returns:
        The lower of the two halves' shares; 0 for a column of more values or too few posts.
    """
    values, counts = np.unique(x[np.isfinite(x)], return_counts=True)
    if not 2 <= len(values) <= FEW_VALUES or counts.sum() - counts.max() < 2 * LEAST_TOLD:
        return 0.0
    asked = list(_asked(x, y, halves))
    if len(asked) < len(halves):
        return 0.0
    return min(_ordered(said, outcome) for said, outcome in asked)


def _ordered(said: Floats, outcome: Floats) -> float:
    """Return the share of pairs ordered rightly, of those that differ in both; few values said."""
    right = wrong = rarer = 0
    levels = np.unique(said)
    for low, high in combinations(levels, 2):
        below, above = np.sort(outcome[said == low]), outcome[said == high]
        right += int(np.searchsorted(below, above, side="left").sum())
        wrong += int((len(below) - np.searchsorted(below, above, side="right")).sum())
        rarer = max(rarer, min(len(below), len(above)))
    return right / (right + wrong) if right + wrong and rarer >= LEAST_TOLD else 0.0


def _asked(
    x: Floats, y: Floats, halves: tuple[IntArray, IntArray]
) -> Iterator[tuple[Floats, Floats]]:
    """Yield, for either half, what its values say as the other half taught, and its outcomes."""
    for learn, ask in (halves, halves[::-1]):
        inner, outer = learn[np.isfinite(x[learn])], ask[np.isfinite(x[ask])]
        if min(len(inner), len(outer)) < LEAST_POSTS // 2:
            return
        values = np.unique(x[inner])  # a rare flag is beyond all quantiles
        twentieths = np.quantile(x[inner], np.linspace(0, 1, BINS + 1)[1:-1])
        edges = values[1:] if len(values) <= FEW_VALUES else np.unique(twentieths)
        bins = np.searchsorted(edges, x[inner], side="right")
        count = np.bincount(bins, minlength=len(edges) + 1)
        total = np.bincount(bins, weights=y[inner], minlength=len(edges) + 1)
        means = np.where(count > 0, total / np.maximum(count, 1), y[inner].mean())
        said = means[np.searchsorted(edges, x[outer], side="right")]
        yield said, y[outer]


def _order(x: Floats, times: Floats) -> float:
    """Return how far an identifier follows time, or the table; 0 for what is no identifier."""
    there = np.isfinite(x)
    if len(np.unique(x[there])) < DISTINCT * len(x):
        return 0.0
    placed = ranks(x)
    clocks = [np.arange(len(x), dtype=np.float64)]
    if np.isfinite(times).any():
        clocks.append(times)
    return max((correlate(placed, clock, by_rank=True) for clock in clocks), key=abs)


def _vanishing(
    name: str, x: Floats, y: Floats, newest: tuple[IntArray, IntArray]
) -> Iterator[Finding]:
    old, new = (side[np.isfinite(x[side])] for side in newest)
    if len(old) < LEAST_POSTS or len(new) < 20:
        return
    before = correlate(ranks(x[old]), y[old], by_rank=True)
    if abs(before) < STRONG:
        return
    after = correlate(ranks(x[new]), y[new], by_rank=True)
    limit = 1 - 1e-9
    apart = np.arctanh(np.clip(before, -limit, limit)) - np.arctanh(np.clip(after, -limit, limit))
    errors = abs(apart) / np.sqrt(1 / (len(old) - 3) + 1 / (len(new) - 3))
    if after * np.sign(before) < FADED * abs(before) and errors >= CERTAIN:
        yield Finding("vanishing", name, before - after, (
            f"{name} goes with the outcome in older posts ({before:+.2f}) and hardly in the newest "
            f"({after:+.2f}): what it caught has passed, or it was filled in later; random folds "
            "will flatter"
        ))  # fmt: skip


def _duplicates(known: Labelled) -> Iterator[Finding]:
    """Look for held-out posts that are also among those learned from."""
    same = _twins(known.matrix)
    if same is None:
        return
    what, advice = "content", "keep one of each"
    if _only_words(known.matrix):
        what, advice = "caption", "keep one of each post; other posts that share a caption may stay"
    plans = {}
    if dated_enough(known.posts):
        split = temporal_split(known.posts)
        plans["the newest fifth"] = [(split.train, split.test)]
    folds = folds_of_groups(np.arange(len(known.y), dtype=np.int64))
    plans["random folds"] = [(fold.train, fold.test) for fold in folds]
    for words, plan in plans.items():
        held = np.concatenate([test for _, test in plan])
        seen = np.concatenate(
            [(same[test] >= 0) & np.isin(same[test], same[train]) for train, test in plan]
        )
        share = float(seen.mean())
        if share >= TWINS and seen.sum() >= 3:
            examples = ", ".join(map(repr, known.posts["id"].iloc[held[seen][:3]]))
            yield Finding("duplicates", "", share, (
                f"{int(seen.sum())} posts of {words} ({share:.0%}) have the same {what} as a post "
                f"that is learned from ({examples}): {advice}"
            ))  # fmt: skip


def _only_words(matrix: FeatureMatrix) -> bool:
    """Say whether nothing of the content but captions is known, which different posts share."""
    beyond = [n for n, column in matrix.columns.items() if column.modality in CONTENT - {"text"}]
    return not beyond or bool(matrix.frame[beyond].isna().all(axis=None))


def _twins(matrix: FeatureMatrix) -> IntArray | None:
    """Return a number for each post that posts of the same content share, -1 for no content."""
    names = [name for name, column in matrix.columns.items() if column.modality in CONTENT]
    if not names:
        return None
    content = matrix.frame[names]
    codes = pd.util.hash_pandas_object(content, index=False).to_numpy()
    number = np.unique(codes, return_inverse=True)[1].astype(np.int64)
    empty: Flags = content.isna().all(axis=1).to_numpy()
    return np.where(empty, -1, number)
