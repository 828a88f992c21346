"""What more posts would bring where a target of `targets.py` is missed.

The untuned stack on an eighth, a quarter, a half and all of what is older than the newest fifth of
a table, beside what has to be beaten, which learns from the same posts. Small parts are drawn
several times over. Random folds of all posts stand below: their held-out posts have later posts of
the same author among those learned from, so no split in time should get further with what the
columns tell. Writes `results/learning.md`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from hedging import fitted
from ours import untuned_recipe
from results_table import write_table
from tables import SEED, Table, options, say, shown, tables
from targets import author_mean, baseline, metadata, untuned

from virality.data.splits import IntArray, random_folds
from virality.modeling.metrics import Metric, score, score_differences
from virality.modeling.objective import Metric as Asked

Floats = npt.NDArray[np.float64]
Peer = Callable[[Table, IntArray, IntArray], Floats]

BUDGET_S = 0.0
"""Nothing is tuned."""

SHARES = (0.125, 0.25, 0.5, 1.0)
DRAWS = {"smp": 4, "vietnamese": 1, "trending": 4}
"""Draws of each part smaller than all: the fewer posts, the more chance decides."""

FOLDS = 5

HEADER = (
    "table", "split", "learned from", "draws", "score", "virality", "to be beaten", "its score",
    "virality less it",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A target that was missed.

    Attributes:
        name: of the table.
        target: outcome; the table's own if empty.
        allow_post: whether all fields are read.
        metric: what the stack is fitted for.
        shown: the score that is asked for.
        peer, title: what has to be beaten.
    """

    name: str
    target: str
    allow_post: bool
    metric: Asked
    shown: str
    peer: Peer
    title: str

    def said(self, table: Table, train: IntArray, test: IntArray) -> Floats:
        """Return what the untuned stack says of some posts after learning from others."""
        recipe = untuned_recipe(len(train), SEED, self.metric)
        return fitted(recipe, table.part(train), table.y[train], table.part(test))


def _constant(table: Table, train: IntArray, test: IntArray) -> Floats:
    return baseline(table, "constant", train, test)


def _plain_trees(table: Table, train: IntArray, test: IntArray) -> Floats:
    return untuned(table, metadata(table), train, test)


CASES = (
    Case("smp", "", True, "mape", "mape", _plain_trees, "untuned LightGBM, metadata"),
    Case("vietnamese", "", False, "rmse", "r2", author_mean, "author's mean"),
    Case("trending", "seed_virality", False, "mae", "mae", _constant, "constant"),
)


@dataclass(frozen=True)
class Pair:
    """Scores of ours and of the peer on the same posts, and ours less the peer's."""

    ours: Metric
    peer: Metric
    lead: Metric


def judged(case: Case, table: Table, rows: IntArray, ours: Floats, peer: Floats) -> Pair:
    """Return the scores of two sets of predictions of some posts."""
    groups = table.groups[rows]
    mine, theirs = table.judged(rows, ours), table.judged(rows, peer)
    lead = score_differences(theirs, mine, groups, SEED)[case.shown]
    return Pair(
        score(mine, groups, SEED)[case.shown], score(theirs, groups, SEED)[case.shown], lead
    )


def parts(table: Table, share: float) -> list[IntArray]:
    """Return draws of this share of the older posts, which stay in their order."""
    train = table.split.train
    if share == 1.0:
        return [train]
    count = round(share * len(train))
    draw = np.random.default_rng([SEED, count]).permutation
    return [np.sort(draw(train)[:count]) for _ in range(DRAWS[table.name])]


def mean(pairs: list[Pair]) -> Pair:
    """Return the mean of several draws, bounds included."""

    def of(some: list[Metric]) -> Metric:
        values = [(one.value, one.low, one.high) for one in some]
        return Metric(*(float(value) for value in np.mean(values, axis=0)))

    return Pair(*(of([getattr(one, name) for one in pairs]) for name in ("ours", "peer", "lead")))


def curve(case: Case, table: Table) -> tuple[list[list[object]], list[str]]:
    """Return a row a share, one of random folds, and what they say."""
    lines, points = [], []
    test = table.split.test
    for share in SHARES:
        some = parts(table, share)
        pair = mean(
            [
                judged(case, table, test, case.said(table, one, test), case.peer(table, one, test))
                for one in some
            ]
        )
        say(f"{table.name}, {len(some[0])} posts: {shown(pair.ours)}, lead {shown(pair.lead)}")
        points.append(pair)
        lines.append(_line(case, table, "newest 20 %", len(some[0]), len(some), pair))
    apart = random_folds(table.posts, FOLDS, SEED)
    ours = np.concatenate([case.said(table, fold.train, fold.test) for fold in apart])
    peer = np.concatenate([case.peer(table, fold.train, fold.test) for fold in apart])
    rows = np.concatenate([fold.test for fold in apart])
    pair = judged(case, table, rows, ours, peer)
    say(f"{table.name}, random folds: {shown(pair.ours)}, lead {shown(pair.lead)}")
    lines.append(_line(case, table, "random folds", len(apart[0].train), 1, pair))
    return lines, _sentences(case, table, points, pair)


def _line(case: Case, table: Table, split: str, posts: int, draws: int, pair: Pair) -> list[object]:
    cells = [shown(one) for one in (pair.ours, pair.peer, pair.lead)]
    title = table.title + (", all fields" if case.allow_post else "")
    return [title, split, posts, draws, case.shown, cells[0], case.title, cells[1], cells[2]]


def _sentences(case: Case, table: Table, points: list[Pair], apart: Pair) -> list[str]:
    steps = [b.ours.value - a.ours.value for a, b in pairwise(points)]
    leads = [b.lead.value - a.lead.value for a, b in pairwise(points)]
    return [
        f"{table.title}: each doubling of the posts changed {case.shown} by "
        f"{', '.join(f'{one:+.3f}' for one in steps)}, and the distance to {case.title} by "
        f"{', '.join(f'{one:+.3f}' for one in leads)}. Random folds: {apart.ours.value:.3f}, "
        f"{apart.lead.value:+.3f} from it."
    ]


def main() -> None:
    chosen = options(__doc__, BUDGET_S)
    rows: list[list[object]] = []
    notes: list[str] = []
    about = (
        "Usual values, no tuning. Interval: 95 %, bootstrap of authors; differences are paired; of "
        "several draws means are shown, of bounds too. Lower is better for mape and mae."
    )
    title = "What more posts bring where a target is missed"
    for case in CASES:
        if case.name not in chosen.tables:
            continue
        for table in tables(
            [case.name], target=case.target, allow_post=case.allow_post, quick=chosen.quick
        ):
            lines, said = curve(case, table)
            rows += lines
            notes += said
            write_table(
                chosen.output or "learning", title, HEADER, rows, [*notes, about], seed=SEED
            )


if __name__ == "__main__":
    main()
