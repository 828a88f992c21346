"""Contributions turn into importance, shapes and reasons that add up and read well."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from virality.data.matrix import Column
from virality.modeling.stack import Contributions
from virality.reports.control import control
from virality.reports.dependence import dependence
from virality.reports.explain import (
    control_shares,
    importance,
    is_block,
    modality_shares,
    reasons,
    swarm,
)
from virality.reports.stories import choose, steps
from virality.reports.words import count_words, fixed, label, significant, spread, tidy, times


@dataclass(frozen=True)
class Scale:
    unit: str = "views"
    log: bool = True
    counts: bool = True


def make(rows: int = 40) -> Contributions:
    draw = np.random.default_rng(3)
    columns = {
        "frames_motion__cut_rate": Column("frames_motion__cut_rate", "frames", "1/s"),
        "audio_speech__speech_share": Column("audio_speech__speech_share", "audio", "share"),
        "metadata_author__followers_log10": Column(
            "metadata_author__followers_log10", "metadata", "log10", "asof"
        ),
        "text_shape__asks": Column("text_shape__asks", "text", "0/1", "pre", "", "asks: a lot"),
        "text_embedding__sentence": Column(
            "text_embedding__sentence", "text", "", "pre", "text_embedding__sentence"
        ),
    }
    index = pd.Index([f"p{i}" for i in range(rows)], name="id")
    values = pd.DataFrame(
        {
            "frames_motion__cut_rate": np.linspace(0.0, 3.0, rows),
            "audio_speech__speech_share": draw.uniform(0, 1, rows),
            "metadata_author__followers_log10": draw.normal(4, 1, rows),
            "text_shape__asks": draw.integers(0, 2, rows).astype(float),
            "text_embedding__sentence": np.full(rows, np.nan),
        },
        index=index,
    )
    values.iloc[5, 1] = np.nan
    frame = pd.DataFrame(
        {
            "frames_motion__cut_rate": np.linspace(-0.5, 0.5, rows),
            "audio_speech__speech_share": 0.1 * draw.normal(size=rows),
            "metadata_author__followers_log10": 0.2 * (values.iloc[:, 2] - 4),
            "text_shape__asks": 0.02 * (values.iloc[:, 3] - 0.5),
            "text_embedding__sentence": 0.05 * draw.normal(size=rows),
        },
        index=index,
    )
    return Contributions(frame, 3.5, columns, values, 1e-12)


def test_importance_is_ordered_and_shares_add_up_to_one() -> None:
    drivers = importance(make(), log=True, columns={"text_embedding__sentence": 384})
    effects = [one.effect for one in drivers]
    assert effects == sorted(effects, reverse=True)
    assert sum(one.share for one in drivers) == pytest.approx(1)
    assert drivers[0].feature == "frames_motion__cut_rate"
    block = next(one for one in drivers if one.feature == "text_embedding__sentence")
    assert (block.label, block.columns) == ("what the caption is about", 384)


def test_modalities_that_cancel_within_do_not_look_important() -> None:
    made = make(20)
    frame = made.frame.copy()
    frame["text_shape__asks"] = -frame["text_embedding__sentence"]
    text = modality_shares(Contributions(frame, 3.5, made.columns, made.values, 0.0), log=True)
    assert next(one for one in text if one.modality == "text").effect == pytest.approx(0)


def test_what_can_be_changed_is_told_from_what_cannot() -> None:
    shares = control_shares(importance(make(), log=True))
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["context"] == 0
    assert control("metadata_time__age_days", "metadata", "pre") == "context"
    assert control("extra__shares", "metadata", "post") == "context"
    assert control("history__author_mean", "history", "asof") == "cannot"
    assert control("history__sound_mean", "history", "asof") == "can"
    assert control("metadata_hashtag__count", "metadata", "pre") == "can"
    assert control("metadata_time__hour_sin", "metadata", "pre") == "can"
    assert control("metadata_time__season_sin", "metadata", "pre") == "context"


def test_a_fast_cut_reads_like_a_sentence() -> None:
    usual = {"frames_motion__cut_rate": 0.8, "audio_speech__speech_share": 0.5}
    up, _ = reasons(make(), 39, Scale(), usual=usual)
    assert up[0].sentence == "fast cuts (3 a second, usual 0.8 a second): times 3.2"
    assert up[0].as_json()["feature"] == "frames_motion__cut_rate"
    assert set(up[0].as_json()) >= {"feature", "label", "value", "unit", "effect", "sentence"}


def test_reasons_have_the_sign_of_their_effect_and_nothing_missing_as_number() -> None:
    made = make()
    for row in range(len(made.frame)):
        up, down = reasons(made, row, Scale(), most=3)
        assert len(up) <= 3
        assert len(down) <= 3
        assert all(one.effect > 0 for one in up)
        assert all(one.effect < 0 for one in down)
        for one in (*up, *down):
            assert one.factor == pytest.approx(10**one.effect)
            assert "nan" not in one.sentence.lower()
            assert one.value is None or np.isfinite(one.value)
    told = [one for one in sum(reasons(made, 5, Scale()), ()) if "speech" in one.label]
    assert all("not known" in one.sentence and one.value is None for one in told)


def test_without_a_logarithm_reasons_are_differences() -> None:
    up, down = reasons(make(), 39, Scale("log score", log=False))
    text = " ".join(one.sentence for one in (*up, *down))
    assert "times" not in text
    assert "divided" not in text
    assert "+0.5 log score" in text
    assert all(one.factor is None for one in (*up, *down))


def test_steps_of_a_waterfall_end_at_the_prediction() -> None:
    made = make()
    for row in (0, 17, 39):
        bars = steps(made, row, Scale())
        expected = made.baseline + float(made.frame.iloc[row].sum())
        assert bars[-1].total == pytest.approx(expected)


def test_dependence_bins_hold_every_known_value() -> None:
    shape = dependence(make(), "audio_speech__speech_share", Scale())
    assert shape is not None
    assert sum(shape.counts) == sum(shape.density) == 39
    assert all(a <= b <= c for a, b, c in zip(shape.lows, shape.effects, shape.highs, strict=True))
    assert dependence(make(), "text_embedding__sentence", Scale()) is None
    rising = dependence(make(), "frames_motion__cut_rate", Scale())
    assert rising is not None
    assert rising.sentence.startswith("Predictions rise with it")


def test_a_flag_has_two_bins() -> None:
    shape = dependence(make(), "text_shape__asks", Scale())
    assert shape is not None
    assert shape.names == ("no", "yes")


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=60))
def test_a_swarm_keeps_every_post_within_its_row(effects: list[float]) -> None:
    index = pd.Index([f"p{i}" for i in range(len(effects))])
    frame = pd.DataFrame({"a__b": effects}, index=index)
    values = pd.DataFrame({"a__b": effects}, index=index)
    row = swarm(Contributions(frame, 0, {"a__b": Column("a__b", "audio")}, values, 0), "a__b")
    assert len(row.effects) == len(row.offsets) == len(row.shades) == len(effects)
    assert all(-1 <= one <= 1 for one in row.offsets)
    assert all(one is not None and 0 <= one <= 1 for one in row.shades)


def test_blocks_are_known_by_their_column() -> None:
    assert is_block(make(), "text_embedding__sentence")
    assert not is_block(make(), "frames_motion__cut_rate")


@given(st.integers(1, 30), st.integers(0, 5))
def test_five_different_posts_are_chosen(rows: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    ids = [f"p{i}" for i in range(rows)]
    chosen = choose(ids, draw.normal(size=rows), draw.normal(size=rows))
    assert len({name for name, _ in chosen}) == len(chosen) == min(5, rows)


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_numbers_never_show_machine_notation(value: float) -> None:
    for text in (count_words(value), significant(value), fixed(value)):
        assert "e+" not in text
        assert "e-" not in text
        assert "inf" not in text
        assert "nan" not in text


def test_numbers_read_as_people_read_them() -> None:
    assert spread(40_000, 600_000, "views") == "40 k to 600 k views"
    assert count_words(999_600) == "1 M"
    assert times(0.0001, True) == "no change"
    assert label("text_shape__x", "peaks: high for hits, mean") == "peaks, mean"
    assert label("audio__odd_name_db") == "odd name"


@given(st.text(max_size=400))
def test_text_of_strangers_is_one_bounded_line(text: str) -> None:
    line = tidy(text)
    assert len(line) <= 240
    assert not set(line) & set("\n\r\t\x00\u2028\u2029\u202e\u2066\u200f")
