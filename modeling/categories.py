"""Categories known before posting, each encoded by the shrunken mean outcome of its posts.

Target encoding (Micci-Barreca 2001, https://doi.org/10.1145/507533.507538). A training row is
encoded by the rows of other folds, so that it is not told its own outcome; a category that was
not seen gets the mean of all. Unlike history it knows no time: it is for what recurs in any order.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.splits import IntArray, folds_of_groups
from virality.modeling.history import hashtag_pairs, sound_keys, texts

Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.str_]

NAME = "category_outcomes"
"""Under which the columns stand together in contributions."""

MEANINGS: Mapping[str, str] = {
    "sound": "shrunken mean outcome of training posts with this sound",
    "location": "shrunken mean outcome of training posts from this place",
    "first_hashtag": "shrunken mean outcome of training posts with this first hashtag",
}
STRENGTH = 10.0
"""Weight of the overall mean, in posts."""

FOLDS = 5


@dataclass(frozen=True)
class Encoding:
    """One fitted category.

    Attributes:
        keys: the k different values, sorted.
        means: float64 (k,), their shrunken mean outcomes.
        level: mean outcome of all training rows, which unknown values get.
    """

    keys: Texts
    means: Floats
    level: float

    def transform(self, keys: Texts) -> Floats:
        """Return float64 (n,); NaN where a value is missing (empty)."""
        out = np.full(len(keys), self.level)
        if len(self.keys):
            place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
            out = np.where(self.keys[place] == keys, self.means[place], out)
        return np.where(keys == "", np.nan, out)


def fit_encoding(
    keys: Texts, y: Floats, group: IntArray, strength: float = STRENGTH, seed: int = 0
) -> tuple[Encoding, Floats]:
    """Fit one category.

    Args:
        keys: values (n,), empty where missing.
        y: float64 (n,), outcomes.
        group: int64 (n,), rows of a group (an author) are left out together.
        strength: weight of the overall mean, in rows.
        seed: of the folds.

    Returns:
        The encoding, and float64 (n,): what each row gets from the rows of the other folds, NaN
        where missing.

    Raises:
        ValueError: if the strength is below 0.
    """
    if not strength >= 0:
        raise ValueError(f"strength is {strength}; it must be 0 or more")
    names, code = np.unique(keys, return_inverse=True)
    code = code.reshape(-1)
    sums, counts = _sums(code, y, len(names))
    level = float(y.mean())
    present = names != ""
    means = (sums + strength * level) / (counts + strength)
    honest = np.full(len(y), level)
    for fold in _folds(group, seed):
        inner, seen = _sums(code[fold], y[fold], len(names))
        others = len(y) - len(fold)
        mean = (sums.sum() - inner.sum()) / others
        weight = counts - seen + strength
        left = (sums - inner + strength * mean) / np.where(weight > 0, weight, 1.0)
        honest[fold] = np.where(weight > 0, left, mean)[code[fold]]
    encoding = Encoding(names[present], means[present], level)
    return encoding, np.where(keys == "", np.nan, honest)


def category_keys(posts: pd.DataFrame) -> dict[str, Texts]:
    """Return the value of each category as text (n,), empty where missing."""
    row, tag = hashtag_pairs(posts)
    first = np.full(len(posts), "", dtype=object)
    first[row[::-1]] = tag[::-1]
    return {
        "sound": sound_keys(posts),
        "location": np.char.lower(texts(posts, "location")),
        "first_hashtag": first.astype(np.str_),
    }


def _sums(code: IntArray, y: Floats, k: int) -> tuple[Floats, Floats]:
    count = np.bincount(code, minlength=k).astype(np.float64)
    return np.asarray(np.bincount(code, weights=y, minlength=k), dtype=np.float64), count


def _folds(group: IntArray, seed: int) -> list[IntArray]:
    if len(np.unique(group)) < 2:
        group = np.arange(len(group))
    return [split.test for split in folds_of_groups(group, FOLDS, seed)]
