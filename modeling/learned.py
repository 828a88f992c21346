"""Which posts a model has learned from: short marks of their ids, enough to know them again."""

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from virality.data.errors import BundleError

Marks = npt.NDArray[np.uint64]

NOBODY: Marks = np.empty(0, dtype=np.uint64)
"""Marks of a model whose bundle does not tell what it has learned from."""


def mark_post(post: str) -> str:
    """Return what stands for a post: 16 hexadecimal digits of the SHA-256 of its id.

    >>> mark_post("post-1")
    '38ba616817061771'
    """
    return hashlib.sha256(post.encode("utf-8", "replace")).hexdigest()[:16]


def marks_of(posts: Iterable[object]) -> Marks:
    """Return the marks of posts by their ids as numbers, in the order of the posts."""
    return np.array([int(mark_post(str(post)), 16) for post in posts], dtype=np.uint64)


def known_marks(posts: Iterable[object]) -> Marks:
    """Return the marks of posts, ascending and all different, as a model keeps them."""
    return np.unique(marks_of(posts))


def check_marks(marks: npt.NDArray[Any]) -> Marks:
    """Return marks as a bundle holds them, checked.

    Raises:
        BundleError: if they are not what `known_marks` makes.
    """
    if marks.dtype != np.uint64 or marks.ndim != 1 or np.any(marks[1:] <= marks[:-1]):
        raise BundleError("the marks of the training posts are not in order; train again")
    return marks.astype(np.uint64)
