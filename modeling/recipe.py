"""The recipe: every choice that fitting needs, as one value that can be written down."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from virality.modeling.blocks import BlockSpec
from virality.modeling.booster import DEFAULTS, Params

SMALL = 300
"""Below so many labelled posts the recipe is shallower, shrunk harder and uses fewer dimensions."""

DERIVED = ("terms", "categories")
"""Groups of derived inputs that a study may switch on."""

SMALL_DEFAULTS: Params = {
    "learning_rate": 0.1,
    "num_leaves": 5,
    "min_data_in_leaf": 8,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.8,
    "lambda_l1": 0.0,
    "lambda_l2": 10.0,
    "path_smooth": 2.0,
}


@dataclass(frozen=True)
class Recipe:
    """How to fit a stack.

    Attributes:
        params: of every booster, in LightGBM's names.
        dims: principal components kept of each embedding.
        neighbours: nearest posts per embedding.
        terms: whether caption terms are a block (`modeling.terms`).
        categories: whether categories are encoded (`modeling.categories`).
        folds: author-grouped folds behind out-of-fold predictions.
        rounds: most trees of a booster.
        patience: rounds without a lower error after which a booster stops.
        equal_posts: how many posts' worth of evidence the equal weights of the bases count for.
        seed: of folds and boosters.
        small: whether this is the recipe for few posts.
    """

    params: Params = field(default_factory=lambda: dict(DEFAULTS))
    dims: int = 16
    neighbours: int = 30
    folds: int = 5
    rounds: int = 600
    patience: int = 40
    equal_posts: float = 100.0
    seed: int = 0
    small: bool = False
    terms: bool = False
    categories: bool = False

    @property
    def blocks(self) -> BlockSpec:
        """How far embeddings are compressed."""
        return BlockSpec(self.dims, self.neighbours, self.terms, self.categories)

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Recipe":
        """Return the recipe that `as_json` wrote."""
        return cls(**values)


def sensible_recipe(posts: int, seed: int = 0) -> Recipe:
    """Return what to use for this many labelled posts when nothing was tuned."""
    if posts < SMALL:
        return Recipe(
            params=dict(SMALL_DEFAULTS),
            dims=4,
            neighbours=10,
            folds=4,
            rounds=250,
            patience=25,
            seed=seed,
            small=True,
        )
    return Recipe(seed=seed)


def tuned_recipe(posts: int, params: Mapping[str, float | int | str], seed: int = 0) -> Recipe:
    """Return the sensible recipe with a study's values in place of its own."""
    base = sensible_recipe(posts, seed)
    inner = {name: value for name, value in params.items() if name in DEFAULTS}
    dims = int(params.get("dims", base.dims))
    derived = {name: bool(params.get(name, getattr(base, name))) for name in DERIVED}
    return replace(base, params={**base.params, **inner}, dims=dims, **derived)
