import numpy as np
import pandas as pd
from matrices import PLANTED, make_case, small_model

from virality.data.matrix import Column, FeatureMatrix
from virality.modeling.bundle import load_model, save_model
from virality.modeling.families import find_families, gather, lead_families
from virality.modeling.stack import Contributions
from virality.modeling.train import train


def _columns(names):
    return {name: Column(name, name.split("_")[0]) for name in names}


def _frame(n=400, seed=0):
    rng = np.random.default_rng(seed)
    pace, other, hour = rng.normal(size=n), rng.normal(size=n), rng.uniform(0, 24, n)
    return pd.DataFrame(
        {
            "frames_motion__cut_rate": pace,
            "frames_motion__mean_shot_s": np.exp(-pace + rng.normal(0, 0.1, n)),
            "frames_colour__brightness": other,
            "audio_rhythm__onset_rate": pace,
            "metadata_time__hour": hour,
            "metadata_time__hour_sin": np.sin(2 * np.pi * hour / 24),
            "metadata_time__hour_cos": np.cos(2 * np.pi * hour / 24),
            "metadata_author__posts": hour,
        }
    )


def test_columns_that_say_the_same_are_a_family_and_others_are_not():
    frame = _frame()
    found = {frozenset(one) for one in find_families(frame, _columns(frame)).values()}
    assert found == {
        frozenset({"frames_motion__cut_rate", "frames_motion__mean_shot_s"}),
        frozenset({f"metadata_time__hour{end}" for end in ("", "_sin", "_cos")}),
    }


def test_every_two_members_are_alike():
    rng = np.random.default_rng(1)
    chain = np.cumsum(rng.normal(size=(300, 12)), axis=1)
    frame = pd.DataFrame(chain, columns=[f"audio_x__{i}" for i in range(12)])
    rho = frame.corr(method="spearman").abs()
    families = find_families(frame, _columns(frame))
    assert families
    for members in families.values():
        assert rho.loc[list(members), list(members)].to_numpy().min() > 0.69


def test_missing_values_and_constants_make_no_family():
    frame = pd.DataFrame(
        {
            "text_x__a": np.full(50, np.nan),
            "text_x__b": np.full(50, np.nan),
            "text_x__c": np.ones(50),
        }
    )
    assert find_families(frame, _columns(frame)) == {}


def test_gathered_contributions_add_up_and_the_hour_speaks_for_its_circle():
    frame = _frame(60)
    columns = _columns(frame)
    effects = pd.DataFrame(np.random.default_rng(2).normal(size=frame.shape), columns=frame.columns)
    effects["metadata_time__hour_sin"] *= 9
    effects["frames_motion__mean_shot_s"] *= 9
    plain = Contributions(effects, 2.0, columns, frame, 0.0)
    families = lead_families(plain, find_families(frame, columns))
    got = gather(plain, families)
    np.testing.assert_allclose(got.frame.sum(axis=1), effects.sum(axis=1))
    assert got.members["metadata_time__hour"] == (
        "metadata_time__hour", "metadata_time__hour_sin", "metadata_time__hour_cos",
    )  # fmt: skip
    assert got.members["frames_motion__mean_shot_s"][0] == "frames_motion__mean_shot_s"
    assert "frames_motion__cut_rate" not in got.frame
    assert list(got.columns) == list(got.frame) == list(got.values)
    np.testing.assert_array_equal(got.values["metadata_time__hour"], frame["metadata_time__hour"])


def test_a_driver_measured_many_times_is_found_as_one():
    matrix, posts = make_case(150)
    rng = np.random.default_rng(3)
    frame = matrix.frame.copy()
    copies = [f"frames_motion__copy{i}" for i in range(6)]
    for name in copies:
        frame[name] = (frame[PLANTED[1]] + rng.normal(0, 0.02, len(frame))).astype(np.float32)
    columns = {**matrix.columns, **_columns(copies)}
    model = train(FeatureMatrix(frame, columns, matrix.versions), posts)
    got = model.contributions(FeatureMatrix(frame, columns, matrix.versions), posts)
    (lead,) = (one for one in got.members if one == PLANTED[1] or one in copies)
    assert set(got.members[lead]) <= {PLANTED[1], *copies}
    assert list(got.frame.abs().mean().sort_values(ascending=False).index[:4]).count(lead) == 1


def test_families_outlive_the_bundle(tmp_path):
    save_model(small_model(), tmp_path / "model")
    assert load_model(tmp_path / "model").card.families == small_model().card.families
