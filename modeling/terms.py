"""Words, characters and hashtags of captions as a block: TF-IDF, then latent directions.

Each kind of term is weighted by its inverse document frequency (Sparck Jones 1972,
https://doi.org/10.1108/eb026526) with logarithmic counts, and each post's weights of a kind have
length 1. The three stand side by side and become a few dozen latent directions (latent semantic
analysis, Deerwester et al. 1990) by a truncated decomposition. Outcomes play no part so far; a
`Block` then makes components, an out-of-fold ridge and neighbours of them, as of any embedding.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.cells import hashtags_in

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Texts = npt.NDArray[np.str_]
Kind = Literal["words", "characters", "hashtags"]

NAME = "caption_terms"
"""Name of the block among those of the embeddings."""

MOST_TERMS: Mapping[Kind, int] = {"words": 4000, "characters": 4000, "hashtags": 2000}
LEAST_POSTS: Mapping[Kind, int] = {"words": 3, "characters": 5, "hashtags": 2}
"""Posts that must hold a term; a term of one post tells nothing of another."""

LONGEST = 5000
"""Characters of a caption that are read: the longest caption that a platform allows is shorter."""

LONGEST_TERM = 50
"""Characters of a word or hashtag; what is longer is no word that others write too."""

DIRECTIONS = 128


@dataclass(frozen=True)
class Document:
    """What is read of a post: its caption and its hashtags in lower case."""

    caption: str
    hashtags: tuple[str, ...]


@dataclass(frozen=True)
class Vocabulary:
    """Terms of a kind.

    Attributes:
        kind: what a term is.
        terms: the v terms, in the order of their columns.
        weights: float64 (v,), inverse document frequencies.
    """

    kind: Kind
    terms: Texts
    weights: Floats

    def count(self, documents: Sequence[Document]) -> Any:
        """Return a sparse matrix (n, v) of TF-IDF weights, each row of length 1 or 0."""
        vectorizer = _vectorizer(self.kind, {term: i for i, term in enumerate(self.terms)})
        vectorizer.idf_ = self.weights
        return vectorizer.transform(_parts(self.kind, documents))


@dataclass(frozen=True)
class Terms:
    """Fitted vocabularies and latent directions.

    Attributes:
        vocabularies: of each kind that has terms.
        axes: float32 (v, r), latent directions of all terms, kind after kind.
    """

    vocabularies: tuple[Vocabulary, ...]
    axes: Singles

    def transform(self, documents: Sequence[Document | None]) -> Floats:
        """Return float64 (n, r); NaN rows for documents that are missing."""
        out = np.full((len(documents), self.axes.shape[1]), np.nan)
        there = [i for i, one in enumerate(documents) if one is not None]
        inner = [one for one in documents if one is not None]
        if inner:
            out[there] = np.asarray(_beside(self.vocabularies, inner) @ self.axes)
        return out


def fit_terms(documents: Sequence[Document | None], directions: int = DIRECTIONS) -> Terms | None:
    """Learn vocabularies and latent directions; None if no term is in enough documents."""
    from sklearn.utils.extmath import randomized_svd

    inner = [one for one in documents if one is not None]
    vocabularies = tuple(_vocabularies(inner))
    if not vocabularies:
        return None
    counts = _beside(vocabularies, inner)
    most = min(directions, *counts.shape)
    _, size, axes = randomized_svd(counts, most, n_iter=3, random_state=0)
    kept = size > float(size[0]) * 1e-6
    return Terms(vocabularies, np.ascontiguousarray(axes[kept].T, dtype=np.float32))


def read_documents(posts: pd.DataFrame) -> list[Document | None]:
    """Return what is read of each post, None where the caption is missing."""
    if "caption" not in posts.columns:
        return [None] * len(posts)
    captions = posts["caption"].astype(object)
    tags = posts["hashtags"] if "hashtags" in posts.columns else [None] * len(posts)
    return [
        read_document(str(caption), spelled if _is_list(spelled) else None) if known else None
        for caption, spelled, known in zip(captions, tags, captions.notna(), strict=True)
    ]


def read_document(caption: str, hashtags: Iterable[str] | None = None) -> Document:
    """Return a document; hashtags are those that the caption spells where none are given."""
    text = caption[:LONGEST].replace("\0", " ")
    tags = hashtags_in(text) if hashtags is None else hashtags
    lower = (str(tag).replace("\0", " ").lower()[:LONGEST_TERM] for tag in tags)
    return Document(text, tuple(dict.fromkeys(tag for tag in lower if tag.strip())))


def _is_list(value: object) -> bool:
    return isinstance(value, (tuple, list, np.ndarray))


def _vocabularies(documents: Sequence[Document]) -> Iterator[Vocabulary]:
    for kind in MOST_TERMS:
        if len(documents) < LEAST_POSTS[kind]:
            continue
        vectorizer = _vectorizer(kind, None)
        try:
            vectorizer.fit(_parts(kind, documents))
        except ValueError:  # how scikit-learn says that no term is left
            continue
        terms = vectorizer.get_feature_names_out().astype(np.str_)
        yield Vocabulary(kind, terms, np.asarray(vectorizer.idf_, dtype=np.float64))


def _vectorizer(kind: Kind, vocabulary: Mapping[str, int] | None) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    limits = {}
    if vocabulary is None:
        limits = {"min_df": LEAST_POSTS[kind], "max_features": MOST_TERMS[kind]}
    reading: Mapping[Kind, Mapping[str, Any]] = {
        "words": {"ngram_range": (1, 2), "token_pattern": rf"(?u)\b\w{{1,{LONGEST_TERM}}}\b"},
        "characters": {"analyzer": "char_wb", "ngram_range": (3, 3)},
        "hashtags": {"analyzer": _as_they_are},
    }
    return TfidfVectorizer(sublinear_tf=True, vocabulary=vocabulary, **reading[kind], **limits)


def _as_they_are(hashtags: tuple[str, ...]) -> tuple[str, ...]:
    return hashtags


def _parts(kind: Kind, documents: Sequence[Document]) -> list[Any]:
    return [one.hashtags if kind == "hashtags" else one.caption for one in documents]


def _beside(vocabularies: Sequence[Vocabulary], documents: Sequence[Document]) -> Any:
    """Return the kinds' weights side by side, sparse (n, v)."""
    from scipy.sparse import hstack

    return hstack([one.count(documents) for one in vocabularies], format="csr")
