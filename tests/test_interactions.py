"""Interactions: found where they are planted, not where features merely go together."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from virality.data.matrix import Column
from virality.modeling.stack import Contributions
from virality.reports.interactions import interactions
from virality.reports.report_drivers import Interaction

VIEWS = SimpleNamespace(unit="views", log=True, counts=True)
FIRST, SECOND = "metadata_x__first", "metadata_x__second"


def _told(
    values: np.ndarray, effects: np.ndarray, family: dict[str, tuple[str, ...]] | None = None
) -> tuple[Interaction, ...]:
    names = [FIRST, SECOND, *(f"metadata_x__n{i}" for i in range(values.shape[1] - 2))]
    rows = [f"p{i}" for i in range(len(values))]
    told = Contributions(
        frame=pd.DataFrame(effects, index=rows, columns=names),
        baseline=3.0,
        columns={name: Column(name, "metadata", "s", "pre", "", name) for name in names},
        values=pd.DataFrame(values, index=rows, columns=names),
        largest_error=0.0,
        members=family or {},
    )
    return interactions(told, [SimpleNamespace(feature=name) for name in names], VIEWS)


def test_a_planted_interaction_is_found() -> None:
    draw = np.random.default_rng(0)
    values = draw.normal(size=(500, 3))
    effects = 0.1 * values
    effects[:, 0] += 0.1 * np.sign(values[:, 1]) * values[:, 0]
    (one,) = _told(values, effects)
    assert {one.feature, one.other} == {FIRST, SECOND}
    assert one.effect > one.chance


@pytest.mark.parametrize("together", [0.0, 0.5, 0.65])
def test_features_that_only_go_together_do_not_interact(together: float) -> None:
    told = 0
    for seed in range(10):
        draw = np.random.default_rng(seed)
        values = draw.multivariate_normal([0, 0], [[1, together], [together, 1]], 500)
        told += len(_told(values, 0.3 * values))
    assert told == 0


def test_of_many_pairs_none_is_told_by_chance() -> None:
    told = 0
    for seed in range(8):
        draw = np.random.default_rng(seed)
        values = draw.normal(size=(400, 8))
        told += len(_told(values, 0.15 * values + draw.normal(0, 0.05, values.shape)))
    assert told <= 1


def test_a_feature_that_speaks_for_a_family_is_not_said_to_depend_on_another() -> None:
    draw = np.random.default_rng(0)
    values = draw.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], 500)
    hidden = 0.7 * values[:, 0] + 0.5 * values[:, 1]  # another member, which goes with both
    effects = np.column_stack([0.2 * values[:, 0] + 0.2 * hidden**2, 0.2 * values[:, 1]])
    assert _told(values, effects)
    assert not _told(values, effects, {FIRST: (FIRST, "metadata_x__member")})
