"""`SupervisedRidge`: many columns -> one, the prediction of a ridge regression."""

from typing import Any

import numpy as np
import numpy.typing as npt

from virality.data.splits import IntArray
from virality.modeling.arguments import seed_of
from virality.modeling.directions import centred, decompose
from virality.modeling.ridge import fit_ridge
from virality.modeling.transformers.supervised import Supervised

Floats = npt.NDArray[np.float64]


class SupervisedRidge(Supervised):
    """The prediction of a ridge regression, out of fold on the training rows.

    The penalty is the one of ten that predicts left-out groups best; all folds come in closed form
    from one decomposition, so no model is fitted twice.

    Args:
        random_state: of the five folds: a number, a generator that one is drawn from, or None for
            others each time.

    Attributes:
        ridge_: the fitted `modeling.ridge.Ridge`.

    Example:
        >>> import numpy as np
        >>> X = np.random.default_rng(0).normal(size=(200, 40))
        >>> honest = SupervisedRidge().fit_transform(X, X[:, 0])
        >>> honest.shape, bool(np.corrcoef(honest[:, 0], X[:, 0])[0, 1] > 0.9)
        ((200, 1), True)
    """

    def __init__(self, *, random_state: int | np.random.RandomState | None = 0) -> None:
        self.random_state = random_state

    def _names(self) -> tuple[str, ...]:
        return ("prediction",)

    def _learn(self, values: Any, y: Floats, group: IntArray) -> Floats:
        seed = seed_of(self.random_state)
        centre, rows = centred(values)
        self.ridge_, honest = fit_ridge(centre, decompose(rows), y, group, seed)
        return honest[:, None]

    def _apply(self, values: Any, group: IntArray) -> Floats:  # noqa: ARG002
        return self.ridge_.predict(values)[:, None]
