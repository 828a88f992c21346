"""Which earlier posts are like a post, by what they say and show, and how they did."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.splits import posting_times
from virality.reports.report_posts import Similar, SimilarPost
from virality.reports.strings import MODALITIES, say
from virality.reports.words import amount, block_label, percent, spread, tidy, whole

if TYPE_CHECKING:
    from virality.data.features import Features
    from virality.data.matrix import FeatureMatrix
    from virality.modeling.adjust import Adjusted
    from virality.modeling.targets import Target

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]

MOST_COMPARED = 10_000
"""Reference posts that are looked at, the newest ones: time and memory stay bounded."""

SHOWN, NEAR = 5, 30
CONTENT = ("text", "audio", "frames")


class Likeness:
    """Reference posts laid out so that the ones like a post are found quickly.

    Attributes:
        ids: of the reference posts with a known outcome, at most `MOST_COMPARED`.
        y: their outcomes on the learning scale.
        times: float64, seconds, NaN where unknown.
        places: rows of the reference that these are.
        basis: what is compared, in words.
    """

    def __init__(self, reference: "Features", target: "Target") -> None:
        """Lay the posts out.

        Args:
            reference: posts with features, whose outcomes may be known.
            target: which outcome.
        """
        from virality.modeling.targets import is_there

        posts = reference.posts.reset_index(drop=True)
        known = is_there(target, posts)
        y = target.values(posts) if known else np.full(len(posts), np.nan)
        times = posting_times(posts)
        there = np.flatnonzero(np.isfinite(y))
        newest = np.argsort(
            np.where(np.isfinite(times[there]), times[there], -np.inf), kind="stable"
        )
        self.places = np.sort(there[newest[-MOST_COMPARED:]])
        self.posts = posts.iloc[self.places].reset_index(drop=True)
        self.ids = self.posts["id"].astype(str).to_numpy()
        self.y, self.times = y[self.places], times[self.places]
        self.target = target
        matrix = reference.matrix
        self._columns = _parts(matrix)
        self._frame = matrix.frame.iloc[self.places]
        self._scales = {name: _scale(self._frame[cols]) for name, cols in self._columns.items()}
        self.basis = tuple(
            block_label(name, matrix.columns[cols[0]].modality) if name else _numbers(matrix, cols)
            for name, cols in self._columns.items()
        )

    @cached_property
    def adjusted(self) -> "Adjusted":
        """The outcomes against what they are held against: every suggestion asks for them."""
        from virality.modeling.adjust import adjust

        return adjust(self.posts, self.y)

    def similarity(self, matrix: "FeatureMatrix", post: str) -> Floats:
        """Return the likeness of every reference post to one post, NaN where none is known.

        It is the mean over what is compared of the cosine between what sets either post apart
        from the average one.
        """
        total, count = np.zeros(len(self.places)), np.zeros(len(self.places))
        for name, columns in self._columns.items():
            if any(column not in matrix.columns for column in columns):
                continue
            centre, size = self._scales[name]
            own = _unit((matrix.frame.loc[[post], columns].to_numpy() - centre) / size)
            others = _unit((self._frame[columns].to_numpy() - centre) / size)
            cosine = (others @ own[0]).astype(np.float64)
            there = np.isfinite(cosine)
            total[there] += cosine[there]
            count[there] += 1
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def earlier(self, post: str, time: float) -> npt.NDArray[np.bool_]:
        """Say which reference posts were strictly before a moment; all if it is unknown."""
        before = self.times < time if np.isfinite(time) else np.ones(len(self.ids), dtype=bool)
        return np.asarray(before & (self.ids != post))


SENTENCES = {1: "similar.one", 2: "similar.few", 3: "similar.few"}
"""Of so few posts a half is no help."""


def similar_posts(
    likeness: Likeness, matrix: "FeatureMatrix", post: str, time: float, author: str
) -> Similar | None:
    """Return the earlier posts most like a post; None where there is none to compare with.

    Args:
        likeness: the reference posts, laid out.
        matrix: that holds the post.
        post: its id.
        time: when it was posted, in seconds; NaN if unknown or not yet posted.
        author: its author, empty if unknown.
    """
    similarity = likeness.similarity(matrix, post)
    usable = np.flatnonzero(likeness.earlier(post, time) & np.isfinite(similarity))
    if not len(usable):
        return None
    order = usable[np.lexsort((likeness.ids[usable], -similarity[usable]))]
    target = likeness.target
    outcomes = np.asarray(target.to_units(likeness.y[order[:NEAR]]))
    low, middle, high = (float(v) for v in np.quantile(outcomes, [0.25, 0.5, 0.75]))
    shown = tuple(
        _told(likeness, int(row), float(similarity[row]), author) for row in order[:SHOWN]
    )
    return Similar(
        basis=likeness.basis,
        compared=len(usable),
        posts=shown,
        near=len(outcomes),
        median=middle,
        low=low,
        high=high,
        sentence=say(
            _sentence_of(likeness, post, time, len(outcomes)), near=len(outcomes),
            compared=whole(len(usable)),
            median=amount(middle, target.unit, target.counts),
            range=spread(low, high, "", target.counts), basis=say("and").join(likeness.basis),
        ),
    )  # fmt: skip


def _sentence_of(likeness: Likeness, post: str, time: float, near: int) -> str:
    """Return the key of the sentence: of one undated post among others none need be earlier."""
    key = SENTENCES.get(near, "similar.sentence")
    undated = not np.isfinite(time) and bool((likeness.ids == post).any())
    return "similar.undated" if undated and key == "similar.sentence" else key


def _told(likeness: Likeness, row: int, similarity: float, author: str) -> SimilarPost:
    post, target = likeness.posts.iloc[row], likeness.target
    outcome = float(target.to_units(likeness.y[row]))
    posted = post.get("posted_at")
    own = bool(author) and str(post.get("author_id")) == author
    caption = post.get("caption")
    return SimilarPost(
        id=tidy(post["id"], 60),
        caption=tidy(caption) if isinstance(caption, str) else "",
        posted=posted.date().isoformat() if isinstance(posted, pd.Timestamp) else "",
        similarity=similarity,
        outcome=outcome,
        own=own,
        sentence=say(
            "similar.own" if own else "similar.other",
            outcome=amount(outcome, target.unit, target.counts),
            alike=percent(max(0.0, similarity)),
        ),
    )  # fmt: skip


def _parts(matrix: "FeatureMatrix") -> Mapping[str, list[str]]:
    """Return the embeddings to compare, or all plain numbers of the content where there is none."""
    blocks: dict[str, list[str]] = {}
    plain: list[str] = []
    for name, column in matrix.columns.items():
        if column.block and not column.block.endswith("__first"):
            blocks.setdefault(column.block, []).append(name)
        elif not column.block and column.modality in CONTENT and column.known == "pre":
            plain.append(name)
    whole_blocks = {
        block: names for block, names in blocks.items()
        if np.isfinite(matrix.frame[names[0]].to_numpy()).any()
    }  # fmt: skip
    return whole_blocks or ({"": plain} if plain else {})


def _numbers(matrix: "FeatureMatrix", columns: Sequence[str]) -> str:
    """Return of which parts of the posts plain numbers are compared: those that any post has."""
    there = {
        matrix.columns[name].modality
        for name in columns
        if np.isfinite(matrix.frame[name].to_numpy()).any()
    }
    parts = [MODALITIES[one] for one in CONTENT if one in there]
    if len(parts) > 1:
        parts = [say("clip.list.and", first=", ".join(parts[:-1]), last=parts[-1])]
    return say("similar.numbers", parts="".join(parts))


def _scale(frame: pd.DataFrame) -> tuple[Singles, Singles]:
    values = frame.to_numpy()
    there = np.isfinite(values)
    count = np.maximum(there.sum(axis=0), 1)
    centre = np.where(there, values, 0).sum(axis=0) / count
    spread_of = np.where(there, (values - centre) ** 2, 0).sum(axis=0) / count
    return centre.astype(np.float32), np.sqrt(np.maximum(spread_of, 1e-12)).astype(np.float32)


def _unit(values: Singles) -> Singles:
    """Return rows of length 1; a row without any known value becomes NaN."""
    none = ~np.isfinite(values).any(axis=1)
    clean = np.nan_to_num(values, nan=0.0)
    length = np.linalg.norm(clean, axis=1, keepdims=True)
    unit = clean / np.maximum(length, 1e-12)
    unit[none] = np.nan
    return np.asarray(unit, dtype=np.float32)
