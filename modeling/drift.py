"""Has a distribution moved? Population stability and Kolmogorov-Smirnov, said in a sentence.

The population stability index compares shares of posts in the tenths of the earlier posts: below
0.1 nothing to speak of, above 0.25 a shift (Siddiqi 2006, *Credit Risk Scorecards*, chapter 12).
Small samples inflate it, so a column counts as moved only where a two-sample Kolmogorov-Smirnov
test says so too, with posts of an author counted for what they are worth (`design_effect`) and
corrected for the number of columns (Benjamini and Hochberg 1995,
https://doi.org/10.1111/j.2517-6161.1995.tb02031.x).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.matrix import Column, FeatureMatrix
from virality.modeling.design_effect import Sides, design_effect

Floats = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

TENTHS = 10
SLIGHT, SHIFT = 0.1, 0.25
DISCOVERY = 0.01
"""Share of false alarms among the columns that count as moved."""

GONE = 0.1
"""Difference between the shares of posts without a value from which on it is what is told."""

LEAST = 20
"""Values on either side without which nothing is compared."""


@dataclass(frozen=True)
class Drift:
    """How far one distribution has moved.

    Attributes:
        name: of the column, or of the target.
        psi: population stability index; missing values are a class of their own.
        ks: Kolmogorov-Smirnov distance of the values that are there, 0 to 1.
        p: its p-value, corrected for the number of columns.
        before, now: posts compared.
        missing_before, missing_now: shares of posts without a value.
        median_before, median_now: medians of the values that are there.
        moved: whether it counts as moved.
        said: what the sentence calls it, its name if empty.
        medians: median now and before as the sentence has them, bare numbers if empty.
    """

    name: str
    psi: float
    ks: float
    p: float
    before: int
    now: int
    missing_before: float
    missing_now: float
    median_before: float
    median_now: float
    moved: bool
    said: str = ""
    medians: tuple[str, str] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        values = {
            name: one for name, one in self.__dict__.items() if name not in ("said", "medians")
        }
        return {**values, "sentence": self.sentence}

    @property
    def went_missing(self) -> bool:
        """Whether clearly more posts lack a value than before."""
        return self.missing_now - self.missing_before > GONE

    @property
    def came_back(self) -> bool:
        """Whether clearly fewer posts lack a value than before."""
        return self.missing_before - self.missing_now > GONE

    @property
    def sentence(self) -> str:
        """What the numbers mean."""
        if not self.moved:
            size = "hardly differs" if self.psi < SLIGHT else "differs no more than chance allows"
            return f"{self.said or self.name} {size} from the training posts (PSI {self.psi:.2f})."
        if self.went_missing or self.came_back:
            now, before = _share(self.missing_now), _share(self.missing_before)
            what = f"is missing in {now} of the posts, in {before} before"
        else:
            way = "higher" if self.median_now > self.median_before else "lower"
            plain = f"{self.median_now:.3g}", f"{self.median_before:.3g}"
            median, earlier = self.medians or plain
            what = (
                f"is {way} than in training: median {median}, {earlier} before"
                if median != earlier
                else "is distributed otherwise than in training"
            )
        size = "a shift" if self.psi > SHIFT else "a slight shift"
        return f"{self.said or self.name} {what} (PSI {self.psi:.2f}: {size})."


def tell(moved: Sequence[Drift], most: int) -> tuple[str, ...]:
    """Return sentences of the columns that have moved, those that went missing together in one.

    Without clips hundreds of columns are missing at once; that is one thing to say, not hundreds.

    Args:
        moved: farthest first.
        most: sentences.
    """
    together: dict[tuple[str, str], list[Drift]] = {}
    for one in moved:
        shares = f"{one.missing_before:.0%} {one.missing_now:.0%}" if one.went_missing else one.name
        modality = one.name.partition("_")[0] if one.went_missing else ""
        together.setdefault((modality, shares), []).append(one)
    said = []
    for (modality, _), group in together.items():
        first = group[0]
        said.append(
            first.sentence
            if len(group) == 1
            else f"{len(group)} features of {modality} are missing in "
            f"{_share(first.missing_now)} of the posts, in {_share(first.missing_before)} before, "
            f"{first.said or first.name} among them."
        )
    return tuple(said[:most])


def _share(share: float) -> str:
    """Return a share of posts in percent; one post is not none, and all but one are not all.

    >>> _share(0.0), _share(1 / 600), _share(0.26), _share(599 / 600)
    ('0%', 'less than 1%', '26%', 'more than 99%')
    """
    if 0 < share < 0.005:
        return "less than 1%"
    return "more than 99%" if 0.995 < share < 1 else f"{share:.0%}"


def psi(before: Floats, now: Floats) -> float:
    """Return the population stability index of two samples, NaN being a class of its own.

    Half a post is added to every class, so that an empty one is no infinity. A value that many
    posts share is a class of its own: of a flag that is 1 in most posts all tenths are 1, and what
    falls below would otherwise count as one of them.

    >>> psi(np.arange(1000.0), np.arange(1000.0))
    0.0
    >>> psi(np.ones(1000), np.zeros(1000)) > SHIFT
    True
    """
    finite = before[np.isfinite(before)]
    tenths = np.quantile(finite, np.arange(TENTHS + 1) / TENTHS) if len(finite) else finite
    edges, often = np.unique(tenths[1:-1], return_counts=True)
    shared = edges[(often > 1) | np.isin(edges, tenths[[0, -1]])] if len(finite) else edges
    edges = np.union1d(edges, np.nextafter(shared, -np.inf))
    counts = np.array([_count(values, edges) for values in (before, now)])
    counts = counts[:, counts.any(axis=0)] + 0.5
    old, new = counts / counts.sum(axis=1, keepdims=True)
    return float(np.sum((new - old) * np.log(new / old)))


def _count(values: Floats, edges: Floats) -> Floats:
    """Return how many values are in each class, up to each edge and beyond, and how many lack."""
    there = values[np.isfinite(values)]
    classes = np.searchsorted(edges, there, side="left")
    counts = np.bincount(classes, minlength=len(edges) + 1).astype(np.float64)
    return np.append(counts, len(values) - len(there))


def compare_columns(
    names: Sequence[str], before: Floats, now: Floats, authors: IntArray | None = None
) -> tuple[Drift, ...]:
    """Return how far each column has moved, the farthest first.

    Args:
        names: of p columns.
        before: float64 (n, p), the earlier posts.
        now: float64 (m, p), the later ones.
        authors: int64 (n + m,), a code for the author of each post, the earlier posts first; None
            takes every post for one of its own.
    """
    from scipy.stats import false_discovery_control

    if len(before) < LEAST or len(now) < LEAST:
        return ()
    count = len(before) + len(now)
    sides = Sides(np.arange(count) if authors is None else authors, np.arange(count) >= len(before))
    tests = [_ks(np.append(before[:, i], now[:, i]), sides) for i in range(len(names))]
    raw = np.array([p for _, p in tests])
    corrected = false_discovery_control(raw) if len(raw) else raw
    drifts = [
        _drift(name, before[:, i], now[:, i], tests[i][0], float(corrected[i]))
        for i, name in enumerate(names)
    ]
    return tuple(sorted(drifts, key=lambda one: (not one.moved, -one.psi, one.name)))


def _ks(values: Floats, sides: Sides) -> tuple[float, float]:
    """Return distance and p-value, also of a change in what is missing, whichever is graver."""
    from scipy.stats import ks_2samp, kstwo

    there = np.isfinite(values)
    missing = _missing(there, sides)
    shown, known = values[there], sides.take(there)
    old, new = shown[~known.later], shown[known.later]
    if not len(old) or not len(new):
        return 0.0, missing
    distance = float(ks_2samp(old, new, method="asymp").statistic)
    posts = len(old) * len(new) / len(shown) / design_effect(shown, known)
    p = float(kstwo.sf(distance, max(1, round(posts))))
    return distance, min(1.0, 2.0 * min(p, missing))


def _missing(there: Bools, sides: Sides) -> float:
    """Return the p-value of a change in the share of posts that lack a value (Fisher's test)."""
    from scipy.stats import fisher_exact

    gone = [[np.sum(~there & side), np.sum(there & side)] for side in (~sides.later, sides.later)]
    if gone[0][0] == gone[1][0] == 0:
        return 1.0
    worth = np.rint(np.array(gone) / design_effect(there.astype(np.float64), sides))
    return float(fisher_exact(worth.astype(np.int64)).pvalue)


def _drift(name: str, before: Floats, now: Floats, ks: float, p: float) -> Drift:
    index = psi(before, now)
    return Drift(
        name=name,
        psi=index,
        ks=ks,
        p=p,
        before=len(before),
        now=len(now),
        missing_before=float(np.mean(~np.isfinite(before))),
        missing_now=float(np.mean(~np.isfinite(now))),
        median_before=_median(before),
        median_now=_median(now),
        moved=index > SLIGHT and p < DISCOVERY,
    )


def _median(values: Floats) -> float:
    there = values[np.isfinite(values)]
    return float(np.median(there)) if len(there) else float("nan")


def compare_matrices(
    before: FeatureMatrix,
    now: pd.DataFrame,
    columns: Sequence[Column],
    authors: IntArray | None = None,
) -> tuple[Drift, ...]:
    """Return how far features have moved; an embedding counts as its first principal axis.

    Args:
        before: features of the training posts.
        now: features of later posts, columns by name.
        columns: those that the model reads.
        authors: as for `compare_columns`.
    """
    plain = [one.name for one in columns if not one.block]
    old = [before.frame[plain].to_numpy(dtype=np.float64)]
    new = [now[plain].to_numpy(dtype=np.float64)]
    blocks = list(dict.fromkeys(one.block for one in columns if one.block))
    for block in blocks:
        inner = [one.name for one in columns if one.block == block]
        first, second = _along_axis(
            before.frame[inner].to_numpy(dtype=np.float64), now[inner].to_numpy(dtype=np.float64)
        )
        old.append(first)
        new.append(second)
    return compare_columns([*plain, *blocks], np.hstack(old), np.hstack(new), authors)


def _along_axis(before: Floats, now: Floats) -> tuple[Floats, Floats]:
    """Return both samples along the axis on which all posts vary most, (n, 1) and (m, 1).

    The axis is found in both together: along that of the earlier posts alone they themselves vary
    more than any later ones, so that every embedding of few posts would seem to have moved.
    """
    values = np.vstack([before, now])
    whole = values[np.isfinite(values).all(axis=1)]
    if len(whole) < 2:
        return np.full((len(before), 1), np.nan), np.full((len(now), 1), np.nan)
    centre = whole.mean(axis=0)
    axis = np.linalg.svd(whole - centre, full_matrices=False)[2][0]
    axis = axis * np.sign(axis[np.argmax(np.abs(axis))])
    return ((before - centre) @ axis)[:, None], ((now - centre) @ axis)[:, None]
