"""One BLAS thread while we run folds side by side: faster on few cores, and the same sums."""

from contextlib import AbstractContextManager
from typing import Any


def one_blas_thread() -> AbstractContextManager[Any]:
    """Return a context in which matrix products use one thread.

    Sums split over a varying number of threads differ in the last bit, and two pools of threads
    on the same cores spin against each other (measured here: four times slower).
    """
    import scipy.linalg  # noqa: F401 - its BLAS is not numpy's, and is limited only once loaded
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=1, user_api="blas")  # type: ignore[no-any-return]


def one_thread() -> AbstractContextManager[Any]:
    """Return a context in which clustering uses one thread too, for the same reasons."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=1)  # type: ignore[no-any-return]
