"""The search space: a trial -> the loss, parameters of boosters, what blocks give, and recency."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from virality.modeling.blocks import BlockSpec
from virality.modeling.booster import Library
from virality.modeling.objective import LOSSES, Loss, Metric, loss_of
from virality.modeling.parameters import DEFAULTS, Params
from virality.modeling.recipe import RAW_DEFAULTS, SMALL, SMALL_DEFAULTS

if TYPE_CHECKING:
    from optuna.trial import Trial

DIMS = (0, 4, 16, 32)
SMALL_DIMS = (0, 2, 4, 8)
HALF_LIVES = (0.0, 1.0, 0.5, 0.25)

MANY = 10_000
"""Labelled posts above which learning is not allowed to be slow: a rate of .02 costs twice
the trees of .05, each of them dearer, in every fold of every base."""

RAW_FRACTIONS = (0.08, 0.5)
"""Shares of the columns that a tree may see where embeddings are read column by column: the few
others are lost among hundreds of dimensions if it sees less, and time grows with what it sees."""


@dataclass(frozen=True)
class Room:
    """What a study may vary, as the posts allow it.

    Attributes:
        posts: labelled posts that the study sees.
        metric: what the user wants to be good.
        libraries: boosters tried.
        positive: no outcome is below 0, so that shares of it mean something.
        dated: posting times are known, so that newer posts may count more.
        raw: embeddings are read as they are, so that there are no blocks to size.
        blocks: there are embeddings, so that their sizes matter.
        captions, categories: there is any caption; any sound, place or hashtag.
    """

    posts: int
    metric: Metric = "rmse"
    libraries: tuple[Library, ...] = ("lightgbm", "xgboost")
    positive: bool = True
    dated: bool = True
    raw: bool = False
    blocks: bool = True
    captions: bool = True
    categories: bool = True

    @property
    def small(self) -> bool:
        """Whether the recipe for few posts holds."""
        return self.posts < SMALL

    @property
    def dims(self) -> tuple[int, ...]:
        """Widths of blocks that are tried."""
        return SMALL_DIMS if self.small else DIMS

    @property
    def losses(self) -> tuple[Loss, ...]:
        """Losses that are tried."""
        return LOSSES if self.positive else tuple(one for one in LOSSES if one != "mape")

    def widest(self, neighbours: int) -> BlockSpec:
        """Return the spec whose columns hold those of every trial: fitted once, read in part."""
        return BlockSpec(
            max(self.dims), neighbours, terms=not self.raw, categories=not self.raw, raw=self.raw
        )

    def first_guesses(self) -> list[Params]:
        """Return sensible parameters, tried before any other: a study never ends below them."""
        base: dict[str, float | int | str] = {**DEFAULTS, **(SMALL_DEFAULTS if self.small else {})}
        loss = loss_of(self.metric)
        base |= {"loss": loss if loss in self.losses else "l2", "library": self.libraries[0]}
        alpha = base.pop("alpha")
        if base["loss"] == "quantile":
            base["alpha"] = alpha
        if self.raw:
            base |= RAW_DEFAULTS
        elif self.blocks:
            base |= {"dims": self.dims[2], "ridge": True, "near": True}
        more = self.further
        base |= dict.fromkeys(more, False)
        if self.dated:
            base["half_life"] = 0.0
        guesses: list[Params] = [base]
        guesses += [{**base, "library": library} for library in self.libraries[1:]]
        if base["loss"] != "huber":
            guesses.append({**base, "loss": "huber"})
        if more:
            shown = {"ridge": True, "near": True} if self.captions else {}
            guesses.append({**base, **shown, **dict.fromkeys(more, True)})
        return [_read(one) for one in guesses]

    @property
    def further(self) -> tuple[str, ...]:
        """Blocks made of the posts table that these posts have, read only if a trial says so."""
        there = {"terms": self.captions, "categories": self.categories}
        return tuple(name for name, some in there.items() if some and not self.raw)


def _read(params: Params) -> Params:
    """Return what the parameters' library reads: leaves are smoothed by LightGBM alone."""
    smoothed = params.get("library") != "xgboost"
    return {name: v for name, v in params.items() if smoothed or name != "path_smooth"}


def suggest(trial: "Trial", room: Room) -> Params:
    """Return a trial's parameters; few posts get shallower trees and stronger shrinkage."""
    small = room.small
    slowest = 0.05 if small or room.raw or room.posts > MANY else 0.02
    loss = trial.suggest_categorical("loss", room.losses)
    found: dict[str, float | int | str] = {
        "library": trial.suggest_categorical("library", room.libraries),
        "loss": loss,
        "learning_rate": trial.suggest_float(
            "learning_rate", slowest, 0.2 if small else 0.15, log=True
        ),
        "num_leaves": trial.suggest_int(
            "num_leaves", 3, 10 if small else 31 if room.raw else 63, log=True
        ),
        "min_data_in_leaf": trial.suggest_int(
            "min_data_in_leaf", 4 if small else 5, 25 if small else 120, log=True
        ),
        "feature_fraction": trial.suggest_float(
            "feature_fraction", *RAW_FRACTIONS if room.raw else (0.1, 0.9), log=room.raw
        ),
        "bagging_fraction": trial.suggest_float("bagging_fraction", 0.5, 1.0),
        "lambda_l1": trial.suggest_float("lambda_l1", 0.0, 5.0),
        "lambda_l2": trial.suggest_float("lambda_l2", 0.1, 100.0, log=True),
    }
    # What changes nothing is not asked for: the sampler would model its noise.
    if found["library"] == "lightgbm":
        found["path_smooth"] = trial.suggest_float("path_smooth", 0.0, 20.0)
    if loss == "quantile":
        found["alpha"] = trial.suggest_float("alpha", 0.3, 0.7)
    if not room.raw:
        found |= _suggest_blocks(trial, room)
    if room.dated:
        found["half_life"] = trial.suggest_categorical("half_life", HALF_LIVES)
    return found


def _suggest_blocks(trial: "Trial", room: Room) -> Params:
    """Return what blocks give; those of captions are no wider than a ridge and neighbours."""
    found: dict[str, float | int | str] = {}
    if room.blocks:
        found["dims"] = trial.suggest_categorical("dims", room.dims)
    asked = ("ridge", "near") if room.blocks else ()
    for name in (*asked, *room.further):
        found[name] = trial.suggest_categorical(name, (True, False))
    if not room.blocks and found.get("terms"):
        for name in ("ridge", "near"):
            found[name] = trial.suggest_categorical(name, (True, False))
    return found


class _Earlier:
    """Stands for a trial: answers with another study's values, moved into the bounds."""

    def __init__(self, params: Params) -> None:
        self.params = params
        self.kept: dict[str, float | int | str] = {}

    def suggest_float(self, name: str, low: float, high: float, **_: Any) -> float:
        """Return the earlier number within the bounds; the lower one where there is none."""
        value = self.params.get(name)
        if not isinstance(value, int | float) or isinstance(value, bool) or value != value:
            return low
        self.kept[name] = min(max(float(value), low), high)
        return float(self.kept[name])

    def suggest_int(self, name: str, low: int, high: int, **_: Any) -> int:
        """Return the earlier number, whole."""
        value = round(self.suggest_float(name, low, high))
        if name in self.kept:
            self.kept[name] = value
        return value

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Return the earlier choice, the first where it is not offered."""
        value = self.params.get(name)
        if any(type(one) is type(value) and one == value for one in choices):
            self.kept[name] = value  # type: ignore[assignment]
            return value
        return choices[0]


def within_space(params: Params, room: Room) -> Params:
    """Return another study's parameters as a trial of this space could have them.

    Numbers beyond a bound are moved to it; a choice that is not offered here, and whatever the
    space does not know, is left out.
    """
    earlier = _Earlier(params)
    suggest(cast("Trial", earlier), room)
    return earlier.kept


def spec_of(params: Mapping[str, float | int | str], widest: BlockSpec) -> BlockSpec:
    """Return which derived columns a trial reads, the widest's where it does not say."""
    return BlockSpec(
        dims=int(params.get("dims", widest.dims)),
        neighbours=widest.neighbours,
        terms=bool(params.get("terms", widest.terms)),
        categories=bool(params.get("categories", widest.categories)),
        ridge=bool(params.get("ridge", widest.ridge)),
        near=bool(params.get("near", widest.near)),
        raw=widest.raw,
        history=widest.history,
    )
