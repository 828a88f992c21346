"""What captions are about: clusters of captions, named by the words that set each apart.

Words are weighed by TF-IDF, reduced to latent directions (Deerwester et al. 1990) and gathered by
k-means. Stop words need no lists and so work in every language: a word in many captions tells no
topics apart, unless people use it as a hashtag, which nobody does with an article. The number of
clusters is the one with the highest mean silhouette (Rousseeuw 1987,
https://doi.org/10.1016/0377-0427(87)90125-7) on a sample.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.splits import IntArray
from virality.modeling.resample import Resampler
from virality.modeling.threads import one_thread
from virality.modeling.trend_items import measure
from virality.modeling.trend_values import Topic, Topics

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

MOST_CAPTIONS = 10_000
"""Captions that topics are sought in, spread evenly over the table: time stays bounded."""

LEAST_CAPTIONS = 100
WORDS = 4000
LEAST_USES = 5
STOP_SHARE, TAG_SHARE = 0.01, 0.25
"""A word in more captions than the one is a stop word, unless the other share of its uses are
hashtags; one in more than `MOST_SHARE` is one in any case."""

MOST_SHARE = 0.08

WORD = r"#?(?:[\u3040-\u30ff\u4e00-\u9fff]{2}|\p{L}[\p{L}\p{M}]{2,})"
"""Three letters at least: shorter words are particles in nearly all scripts; pairs of signs where
words have no spaces between them."""

DIRECTIONS = 40
TRIED = (4, 6, 8, 10, 12)
JUDGED = 1500
NAMED = 5
PERIODS = 8


@dataclass(frozen=True)
class Clustering:
    """Captions in clusters.

    Attributes:
        rows: int64 (m,), the posts whose captions hold known words.
        labels: int64 (m,), cluster of each, 0 to k - 1.
        words: of each cluster, strongest first.
        silhouette: of the chosen number of clusters.
        tried: number of clusters -> silhouette.
    """

    rows: IntArray
    labels: IntArray
    words: tuple[tuple[str, ...], ...]
    silhouette: float
    tried: dict[int, float]


def find_topics(
    posts: pd.DataFrame,
    values: Floats,
    times: Floats,
    recent: Flags,
    resampler: Resampler,
    seed: int = 0,
) -> tuple[Topics | None, int]:
    """Return the topics of captions, most posts first, and how many captions there are.

    Args:
        posts: n posts.
        values: float64 (n,), outcomes against the yardstick, NaN where there is none.
        times: float64 (n,), seconds, NaN where unknown.
        recent: bool (n,), in the newest window.
        resampler: of the posts.
        seed: of the clustering.
    """
    texts = posts["caption"].astype("string").fillna("").str.casefold()
    written = np.flatnonzero((texts.str.strip() != "").to_numpy())
    if len(written) < LEAST_CAPTIONS:
        return None, len(written)
    kept = written[_spread(len(written), MOST_CAPTIONS)]
    with one_thread():
        found = cluster(texts.iloc[kept].tolist(), seed)
    if found is None:
        return None, len(written)
    rows = kept[found.rows]
    items = measure(
        rows, found.labels, len(found.words), values, recent, np.isfinite(times), resampler
    )
    shares, starts = _periods(times[kept], times[rows], found.labels, len(found.words))
    topics = [
        Topic(words, tuple(map(float, shares[:, i])), item)
        for i, (words, item) in enumerate(zip(found.words, items, strict=True))
    ]
    topics.sort(key=lambda one: (-one.item.posts, one.words))
    sampled = len(kept) if len(kept) < len(written) else 0
    return Topics(tuple(topics), len(rows), sampled, found.silhouette, found.tried, starts), len(
        written
    )


def cluster(texts: list[str], seed: int = 0) -> Clustering | None:
    """Return clusters of texts; None where they share too few words.

    Args:
        texts: in lower case.
        seed: of the directions and the clustering.
    """
    from sklearn.cluster import KMeans
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.preprocessing import normalize

    words, used = _vocabulary(texts)
    weights = TfidfTransformer().fit_transform(used)
    rows = np.flatnonzero(weights.getnnz(axis=1) > 0)
    if len(words) <= max(TRIED) or len(rows) < LEAST_CAPTIONS:
        return None
    inner = weights[rows]
    reduced = TruncatedSVD(min(DIRECTIONS, inner.shape[1] - 1), random_state=seed)
    place = normalize(reduced.fit_transform(inner))
    judged = _spread(len(rows), JUDGED)
    tried: dict[int, float] = {}
    fits: dict[int, IntArray] = {}
    for k in TRIED:
        fits[k] = KMeans(k, n_init=2, random_state=seed).fit_predict(place).astype(np.int64)
        tried[k] = _silhouette(place[judged], fits[k][judged])
    best = max(tried, key=lambda k: (tried[k], -k))
    named = _names(used[rows], fits[best], best, words)
    return Clustering(rows, fits[best], named, tried[best], tried)


def _vocabulary(texts: list[str]) -> tuple[list[str], Any]:
    """Return the words that tell captions apart, and a sparse matrix of who uses which."""
    import regex
    from sklearn.feature_extraction.text import CountVectorizer

    word = regex.compile(WORD)
    counter = CountVectorizer(analyzer=lambda text: set(word.findall(text)), dtype=np.float64)
    try:
        counts = counter.fit_transform(texts).tocsc()
    except ValueError:  # no text holds a word
        return [], CountVectorizer(vocabulary=["-"]).transform(texts)
    names = counter.get_feature_names_out()
    bare = np.array([name.lstrip("#") for name in names], dtype=object)
    words, place = np.unique(bare.astype(str), return_inverse=True)
    used = _merged(counts, place, len(words))
    tagged = np.char.startswith(names.astype(str), "#")
    share = used.getnnz(axis=0) / len(texts)
    as_tag = np.bincount(place[tagged], counts.getnnz(axis=0)[tagged], len(words))
    telling = (share <= STOP_SHARE) | (as_tag >= TAG_SHARE * used.getnnz(axis=0))
    kept = np.flatnonzero((share * len(texts) >= LEAST_USES) & (share <= MOST_SHARE) & telling)
    kept = np.sort(kept[np.argsort(-share[kept], kind="stable")][:WORDS])
    return [str(one) for one in words[kept]], used[:, kept].tocsr()


def _merged(counts: Any, place: IntArray, width: int) -> Any:
    """Return a 0/1 matrix in which columns of one word, with and without its sign, are joined."""
    from scipy.sparse import coo_matrix

    entries = counts.tocoo()
    ones = np.ones(len(entries.row))
    joined = coo_matrix((ones, (entries.row, place[entries.col])), (counts.shape[0], width)).tocsc()
    joined.data[:] = 1.0
    return joined


def _silhouette(place: Floats, labels: IntArray) -> float:
    from sklearn.metrics import silhouette_score

    if len(np.unique(labels)) < 2:
        return -1.0
    return float(silhouette_score(place, labels))


def _names(
    matrix: Any, labels: IntArray, count: int, words: list[str]
) -> tuple[tuple[str, ...], ...]:
    """Return the words that tell most of a cluster: common there and rare elsewhere."""
    names = np.asarray(words)
    total = np.asarray(matrix.sum(axis=0)).ravel()
    found = []
    for one in range(count):
        inside = labels == one
        part = np.asarray(matrix[inside].sum(axis=0)).ravel()
        share = part / max(inside.sum(), 1)
        ahead = share * np.log(np.maximum(share, 1e-12) / (total / len(labels)))
        order = np.lexsort((names, -ahead))[:NAMED]
        found.append(tuple(str(names[i]) for i in order if ahead[i] > 0))
    return tuple(found)


def _periods(
    every: Floats, times: Floats, labels: IntArray, count: int
) -> tuple[Floats, tuple[str, ...]]:
    """Return the share of each topic among the captions of each period, and where these begin."""
    dated = every[np.isfinite(every)]
    if len(dated) < LEAST_CAPTIONS or dated.min() == dated.max():
        return np.zeros((0, count)), ()
    edges = np.unique(np.quantile(dated, np.arange(PERIODS) / PERIODS))
    whole = np.bincount(np.searchsorted(edges, dated, side="right") - 1, minlength=len(edges))
    there = np.isfinite(times)
    part = np.searchsorted(edges, times[there], side="right") - 1
    used = np.bincount(part * count + labels[there], minlength=len(edges) * count)
    shares = used.reshape(len(edges), count) / np.maximum(whole, 1)[:, None]
    starts = tuple(pd.Timestamp(edge, unit="s").date().isoformat() for edge in edges)
    return np.asarray(shares, dtype=np.float64), starts


def _spread(rows: int, most: int) -> IntArray:
    """Return at most `most` of this many row numbers, spread evenly."""
    return np.unique(np.linspace(0, rows - 1, min(rows, most)).astype(np.int64))
