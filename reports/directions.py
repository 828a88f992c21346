"""Main directions of embeddings: what the posts at either end have in common names them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.reports.explain import Contributions, feature_label, is_block
from virality.reports.report import Driver
from virality.reports.report_drivers import Direction
from virality.reports.strings import say
from virality.reports.words import percent, tidy, times

if TYPE_CHECKING:
    from virality.data.matrix import FeatureMatrix
    from virality.modeling.train import Model

Floats = npt.NDArray[np.float64]

BLOCKS, AXES, SHOWN, ENDS = 4, 8, 2, 3
LEAST = 12
"""Posts with the embedding without which its ends say nothing."""


def directions(
    contributions: Contributions,
    drivers: Sequence[Driver],
    model: "Model",
    matrix: "FeatureMatrix",
    captions: Mapping[str, str],
) -> tuple[Direction, ...]:
    """Return the main directions of the embeddings that move predictions most.

    Args:
        contributions: of n posts.
        drivers: strongest first; the first four embeddings are looked at.
        model: whose fitted blocks hold the directions.
        matrix: features of the same n posts.
        captions: by post id; a post without one is named by its id.
    """
    found: list[Direction] = []
    blocks = [one for one in drivers if is_block(contributions, one.feature)]
    for driver in blocks[:BLOCKS]:
        scores = _scores(model, matrix, driver.feature)
        if scores is not None:
            found += _of_block(contributions, driver.feature, *scores, captions, model)
    return tuple(found)


def _scores(model: "Model", matrix: "FeatureMatrix", name: str) -> tuple[Floats, Floats] | None:
    """Return places of the posts on the first directions, and each direction's share."""
    block = model.stack.projector.blocks.get(name)
    columns = [one for one, column in model.columns.items() if column.block == name]
    if block is None or not set(columns) <= set(matrix.frame.columns):
        return None
    values = matrix.frame[columns].to_numpy(dtype=np.float64)
    if not columns or values.shape[1] != len(block.directions.centre):
        return None
    scores = np.asarray(block.directions.scores(values), dtype=np.float64)[:, :AXES]
    whole = np.isfinite(scores).all(axis=1)
    centred = (values - block.directions.centre)[whole]
    total = float((centred**2).sum()) or 1.0
    return scores, np.asarray((scores[whole] ** 2).sum(axis=0) / total)


def _of_block(
    contributions: Contributions,
    name: str,
    scores: Floats,
    shares: Floats,
    captions: Mapping[str, str],
    model: "Model",
) -> list[Direction]:
    whole = np.flatnonzero(np.isfinite(scores).all(axis=1))
    if len(whole) < LEAST:
        return []
    pushes = contributions.frame[name].to_numpy(dtype=np.float64)[whole]
    places = scores[whole]
    spread = places.std(axis=0) * pushes.std()
    ties = np.abs(((places - places.mean(axis=0)) * (pushes - pushes.mean())[:, None]).mean(axis=0))
    order = np.argsort(-ties / np.where(spread > 0, spread, np.inf), kind="stable")[:SHOWN]
    ids = [str(one) for one in np.asarray(contributions.frame.index)[whole]]
    label = feature_label(contributions, name)
    return [
        _direction(name, label, int(axis), float(shares[axis]), places[:, axis], pushes,
                   _names(ids, captions), model)
        for axis in order
    ]  # fmt: skip


def _names(ids: Sequence[str], captions: Mapping[str, str]) -> list[str]:
    return [tidy(captions.get(one, ""), 90) or tidy(one, 60) for one in ids]


def _direction(
    name: str,
    label: str,
    axis: int,
    share: float,
    places: Floats,
    pushes: Floats,
    names: Sequence[str],
    model: "Model",
) -> Direction:
    order = np.argsort(places, kind="stable")
    third = max(1, len(order) // 3)
    effect = float(pushes[order[-third:]].mean() - pushes[order[:third]].mean())
    target = model.target
    return Direction(
        feature=name,
        label=label,
        number=axis + 1,
        share=share,
        effect=effect,
        low_posts=_different(names, order),
        high_posts=_different(names, order[::-1]),
        sentence=say(
            "direction.sentence", number=axis + 1, share=percent(share),
            push=times(effect, target.log, target.unit),
        ),
    )  # fmt: skip


def _different(names: Sequence[str], order: npt.NDArray[np.intp]) -> tuple[str, ...]:
    """Return the first few names in this order, each once."""
    return tuple(dict.fromkeys(names[place] for place in pd.Index(order)))[:ENDS]
