"""`CaptionTerms`: text -> latent directions, a ridge regression's prediction and neighbours."""

from typing import Any

import numpy as np
import numpy.typing as npt

from virality.data.splits import IntArray
from virality.modeling.arguments import check_whole, seed_of
from virality.modeling.blocks import BlockSpec, fit_block
from virality.modeling.terms import DIRECTIONS, fit_terms, read_document
from virality.modeling.transformers.supervised import Supervised
from virality.modeling.transformers.texts import check_texts, learn_texts

Floats = npt.NDArray[np.float64]


class CaptionTerms(Supervised):
    """TF-IDF of words, characters and hashtags, made few columns.

    X has one or more columns of text, read as one; words that begin with # are hashtags. Where no
    term is in enough texts (three for a word, five for three characters, two for a hashtag), all
    columns are NaN.

    Args:
        dims: latent directions returned.
        neighbours: nearest texts whose outcomes are averaged.
        directions: latent directions that ridge and neighbours read.
        random_state: of the folds behind the ridge: a number, a generator that one is drawn from,
            or None for others each time.

    Attributes:
        terms_: the fitted `modeling.terms.Terms`, None if there are none.
        block_: the fitted `modeling.blocks.Block`, None likewise.

    Example:
        >>> import numpy as np
        >>> X = np.array([["a cat #pets"], ["old news"]] * 20, dtype=object)
        >>> CaptionTerms(dims=1, neighbours=5).fit_transform(X, np.tile([3.0, 1.0], 20)).shape
        (40, 4)
    """

    def __init__(
        self,
        *,
        dims: int = 16,
        neighbours: int = 30,
        directions: int = DIRECTIONS,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.dims = dims
        self.neighbours = neighbours
        self.directions = directions
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        """Say that X is text."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        return tags

    def _names(self) -> tuple[str, ...]:
        return BlockSpec(self.dims, self.neighbours).names

    def _learn(self, values: Any, y: Floats, group: IntArray) -> Floats:
        for name, least in (("dims", 0), ("neighbours", 1), ("directions", 1)):
            check_whole(name, getattr(self, name), least)
        seed = seed_of(self.random_state)
        documents = [read_document("\n".join(row)) for row in values]
        self.terms_ = fit_terms(documents, self.directions)
        self.block_ = None
        if self.terms_ is None:
            return np.full((len(values), len(self._names())), np.nan)
        spec = BlockSpec(self.dims, self.neighbours)
        latent = self.terms_.transform(documents)
        self.block_, honest = fit_block(latent, y, group, spec, seed, least=2)
        return np.asarray(honest, dtype=np.float64)

    def _apply(self, values: Any, group: IntArray) -> Floats:
        if self.terms_ is None or self.block_ is None:
            return np.full((len(values), len(self._names())), np.nan)
        latent = self.terms_.transform([read_document("\n".join(row)) for row in values])
        return np.asarray(self.block_.transform(latent, group), dtype=np.float64)

    def _validated(self, X: Any, y: Any) -> tuple[Any, Floats]:
        return learn_texts(self, X, y)

    def _checked(self, X: Any) -> Any:
        return check_texts(self, X)

    def _complete(self, values: Any) -> IntArray:
        return np.flatnonzero((values != "").any(axis=1))
