"""`ShrunkenTargetEncoder`: each categorical column -> the shrunken mean outcome of its value."""

from math import isfinite
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from virality.data.splits import IntArray
from virality.modeling.arguments import seed_of
from virality.modeling.categories import STRENGTH, Encoding, fit_encoding
from virality.modeling.transformers.supervised import Supervised
from virality.modeling.transformers.texts import check_texts, learn_texts

Floats = npt.NDArray[np.float64]


class ShrunkenTargetEncoder(Supervised):
    """Mean outcome of the rows with the same value, pulled towards the mean of all.

    Beside scikit-learn's TargetEncoder: folds keep groups (authors) whole, a value that was not
    seen gets the mean of all, and a missing one stays missing.

    Args:
        strength: weight of the overall mean, in rows.
        random_state: of the five folds: a number, a generator that one is drawn from, or None for
            others each time.

    Attributes:
        encodings_: a `modeling.categories.Encoding` a column.

    Example:
        >>> import numpy as np
        >>> X = np.array([["DE"], ["FR"]] * 50, dtype=object)
        >>> y = np.array([1.0, 3.0] * 50)
        >>> ShrunkenTargetEncoder(strength=1.0).fit(X, y).transform([["DE"], ["XX"]]).round(2)
        array([[1.02],
               [2.  ]])
    """

    def __init__(
        self, *, strength: float = STRENGTH, random_state: int | np.random.RandomState | None = 0
    ) -> None:
        self.strength = strength
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        """Say that columns are categories and may be text."""
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags

    def _names(self) -> tuple[str, ...]:
        from sklearn.utils.validation import _check_feature_names_in

        return tuple(_check_feature_names_in(self, None))

    def _learn(self, values: Any, y: Floats, group: IntArray) -> Floats:
        if not isinstance(self.strength, Real) or not isfinite(self.strength):
            raise ValueError(f"strength is {self.strength!r}; it must be a number of 0 or more")
        seed = seed_of(self.random_state)
        self.encodings_: list[Encoding] = []
        honest = []
        for keys in values.T:
            encoding, column = fit_encoding(keys, y, group, self.strength, seed)
            self.encodings_.append(encoding)
            honest.append(column)
        return np.column_stack(honest)

    def _apply(self, values: Any, group: IntArray) -> Floats:  # noqa: ARG002
        columns = zip(self.encodings_, values.T, strict=True)
        return np.column_stack([encoding.transform(keys) for encoding, keys in columns])

    def _validated(self, X: Any, y: Any) -> tuple[Any, Floats]:
        return learn_texts(self, X, y)

    def _checked(self, X: Any) -> Any:
        return check_texts(self, X)

    def _complete(self, values: Any) -> IntArray:
        return np.arange(len(values), dtype=np.int64)
