"""The recipe: every choice that fitting needs, as one value that can be written down."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from virality.modeling.blocks import BlockSpec
from virality.modeling.objective import Metric, loss_of
from virality.modeling.parameters import DEFAULTS, FOREST_DEFAULTS, Params

Values = Mapping[str, float | int | str]

SMALL = 300
"""Below so many labelled posts the recipe is shallower, shrunk harder and uses fewer dimensions."""

ENOUGH = 100_000
"""Above so many labelled posts two boosters that differ in their seed say the same."""

RAW_DEFAULTS: Params = {"feature_fraction": 0.25, "num_leaves": 8}
"""Over the usual values where embeddings are read column by column."""

UNTUNED = "all_untuned"
"""Name of the base that keeps the usual values where a study has found others."""

FOREST = "all_forest"
"""Name of the base whose trees are averaged instead of added up."""

FOREST_TREES = 100

FOREST_POSTS = 5_000
"""Above so many labelled posts a forest gains nothing over boosting and only costs time."""

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
        xgboost: parameters of XGBoost's base where a study found its own; `params` else.
        metric: what early stopping and the weights of the bases go by.
        half_life: after which share of the posts' span a post counts half; 0 where all count alike.
        bags: boosters of each base that differ in their seed and are averaged.
        ridge, near: whether boosters read the blocks' ridge prediction and neighbours.
        raw: embeddings are read column by column, without blocks.
        history: whether earlier outcomes of author, sound and hashtags are read.
        alike: whether authors' own posts alike are read, where history is.
        adapt: whether the newest posts have more say in the weights of the bases.
        hedged: whether one more base keeps the usual values where a study has found others.
        forest: trees of the base that averages them; 0 for no such base.
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
    xgboost: Params = field(default_factory=dict)
    metric: Metric = "rmse"
    half_life: float = 0.0
    bags: int = 2
    ridge: bool = True
    near: bool = True
    raw: bool = False
    history: bool = True
    alike: bool = True
    adapt: bool = False
    hedged: bool = False
    forest: int = 0

    def of_base(self, name: str, library: str) -> "Recipe":
        """Return the recipe by which a base is fitted, its `params` those of its boosters."""
        if name == UNTUNED:
            return self.usual
        if name == FOREST:
            return self._averaged
        if library == "xgboost" and self.xgboost:
            return replace(self, params=self.xgboost)
        return self

    @property
    def usual(self) -> "Recipe":
        """The recipe of the base that hedges a study: all that a study varies as without one."""
        plain = _small_recipe() if self.small else Recipe()
        own = RAW_DEFAULTS if self.raw else {}
        return replace(
            self, params={**plain.params, **own, "loss": loss_of(self.metric)}, xgboost={},
            dims=plain.dims, ridge=plain.ridge, near=plain.near, terms=plain.terms,
            categories=plain.categories, half_life=plain.half_life,
        )  # fmt: skip

    @property
    def _averaged(self) -> "Recipe":
        """The recipe of the forest, which needs no tuning: its trees cannot be too many."""
        own = self.usual if self.hedged else self
        return replace(
            own, params=FOREST_DEFAULTS, rounds=self.forest, patience=self.forest, bags=1
        )

    @property
    def blocks(self) -> BlockSpec:
        """Which derived columns the tuned boosters read, and how far embeddings are compressed."""
        return BlockSpec(
            self.dims, self.neighbours, self.terms, self.categories, self.ridge, self.near,
            self.raw, self.history, self.alike,
        )  # fmt: skip

    @property
    def widest(self) -> BlockSpec:
        """Which derived columns any booster reads; each booster reads its own recipe's `blocks`."""
        own = self.blocks
        if not self.hedged:
            return own
        more = self.usual.blocks
        return replace(
            own, dims=max(own.dims, more.dims), ridge=own.ridge or more.ridge,
            near=own.near or more.near,
        )  # fmt: skip

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Recipe":
        """Return the recipe that `as_json` wrote."""
        return cls(**values)


def sensible_recipe(posts: int, seed: int = 0) -> Recipe:
    """Return what to use for this many labelled posts when nothing was tuned."""
    forest = FOREST_TREES if posts <= FOREST_POSTS else 0
    if posts < SMALL:
        return replace(_small_recipe(), seed=seed, forest=forest)
    return Recipe(seed=seed, bags=1 if posts > ENOUGH else 2, forest=forest)


def _small_recipe() -> Recipe:
    return Recipe(
        params=dict(SMALL_DEFAULTS),
        dims=4,
        neighbours=10,
        folds=4,
        rounds=250,
        patience=25,
        small=True,
    )


def tuned_recipe(
    posts: int,
    params: Values,
    seed: int = 0,
    *,
    by_library: Mapping[str, Values] | None = None,
    metric: Metric = "rmse",
    raw: bool = False,
) -> Recipe:
    """Return the sensible recipe with a study's values in place of its own, hedged.

    The best of many trials on few posts is the luckiest as much as the best, so one base more keeps
    the usual values.

    Args:
        posts: labelled posts that will be learned from.
        params: of the best trial: they decide on blocks, recency and the loss.
        seed: of folds and boosters.
        by_library: library -> parameters of its best trial.
        metric: of the study.
        raw: whether the study read embeddings column by column.
    """
    base = sensible_recipe(posts, seed)
    best = by_library or {}
    return replace(
        base,
        params=_boosting(best.get("lightgbm", params), base),
        xgboost=_boosting(best["xgboost"], base) if "xgboost" in best else {},
        metric=metric,
        raw=raw,
        hedged=True,
        half_life=float(params.get("half_life", base.half_life)),
        dims=int(params.get("dims", base.dims)),
        ridge=bool(params.get("ridge", base.ridge)),
        near=bool(params.get("near", base.near)),
        terms=bool(params.get("terms", base.terms)),
        categories=bool(params.get("categories", base.categories)),
    )


def _boosting(params: Values, base: Recipe) -> Params:
    """Return a trial's parameters of boosters over the sensible ones."""
    return {**base.params, **{n: value for n, value in params.items() if n in DEFAULTS}}
