"""What people read: counts as they were counted, times by their names, one name for one thing."""

import json
import math
from dataclasses import dataclass
from importlib.resources import files
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import serve_case as case
from typer.testing import CliRunner

from virality.cli import app
from virality.data.matrix import Column
from virality.featurizers import FEATURIZERS
from virality.modeling.hits import HITS
from virality.modeling.stack import Contributions
from virality.reports.explain import reasons
from virality.reports.figures_drivers import axis_name, value_axis
from virality.reports.result_page import _levers
from virality.reports.result_side import side_words
from virality.reports.scales import Scale
from virality.reports.stories import steps
from virality.reports.strings import CIRCLES, COUNTS, HOUR, STRINGS, WEEKDAY, say
from virality.reports.words import chance_words, value_words

FOLLOWERS = "metadata_author__followers_log10"
SEASON = "metadata_time__season_sin"

pytestmark = pytest.mark.usefixtures("light_recipes")


@dataclass(frozen=True)
class Views:
    unit: str = "views"
    log: bool = True
    counts: bool = True


def all_columns() -> dict[str, Column]:
    return {
        (named := column.under(name)).name: named
        for name, featurizer in FEATURIZERS.items()
        for column in featurizer.columns
    }


def test_every_logarithm_of_one_and_a_count_is_said_as_the_count() -> None:
    there = {name for name, one in all_columns().items() if "log10(1 + n)" in one.meaning}
    assert there == COUNTS
    for name in COUNTS:
        for count, words in ((0, "0"), (1, "1"), (10, "10"), (999, "999"), (12_000, "12 k")):
            stored = float(np.float32(math.log10(1 + count)))
            assert value_words(stored, "log10", name) == words
    assert value_words(1.0, "log10", "stream_container__size_log10") == "10"


def test_ticks_stand_at_counts_and_days() -> None:
    axis = value_axis("followers", FOLLOWERS, "log10", Scale(0.0, 6.0), Views())
    assert {"0", "10", "1 k", "100 k"} <= {tick.text for tick in axis.ticks}
    (thousand,) = (tick.at for tick in axis.ticks if tick.text == "1 k")
    assert thousand == pytest.approx(100 * math.log10(1001) / 6, abs=0.01)
    week = value_axis("day", WEEKDAY, "d", Scale(-0.3, 6.3), Views())
    assert [tick.text for tick in week.ticks] == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    assert axis_name("day of the week", "d") == "day of the week"


def test_reasons_name_days_and_seasons() -> None:
    columns = all_columns()
    values = {FOLLOWERS: math.log10(11), WEEKDAY: 4.0, HOUR: 23.5, SEASON: 0.0204}
    index = pd.Index(["p"], name="id")
    told = Contributions(
        pd.DataFrame({name: [0.3] for name in values}, index=index), 3.0,
        {name: columns[name] for name in values},
        pd.DataFrame({name: [value] for name, value in values.items()}, index=index), 0.0,
    )  # fmt: skip
    # The middle of days and hours is when nobody need have posted: half at 23:00, half at 1:00.
    usual = {FOLLOWERS: math.log10(8001), WEEKDAY: 3.0, HOUR: 12.0, SEASON: -0.486}
    up, _ = reasons(told, 0, Views(), usual=usual)
    assert {one.feature: one.sentence for one in up} == {
        FOLLOWERS: "few followers (10, usual 8 k): times 2",
        WEEKDAY: "day of the week (Friday): times 2",
        HOUR: "hour of the day (23:30): times 2",
        SEASON: "season (January to June, usual July to December): times 2",
    }
    assert {one.value_text for one in up} == {"10", "Friday", "23:30", "January to June"}
    assert {(one.label, one.value_text) for one in steps(told, 0, Views())} >= {
        ("season", "January to June"), ("day of the week", "Friday"),
    }  # fmt: skip


def test_every_circle_has_words_for_both_halves() -> None:
    assert set(all_columns()) >= CIRCLES
    for name in CIRCLES:
        ends = {STRINGS[f"circle.{name.partition('__')[2]}.{end}"] for end in ("above", "below")}
        assert len(ends) == 2


def test_a_slider_of_days_names_them() -> None:
    lever = {
        "column": WEEKDAY, "label": "day", "unit": "d", "low": 0.0, "high": 6.0, "value": 4.0,
    }  # fmt: skip
    (row,) = _levers([lever])
    assert row.words == "Friday"
    assert "Monday to Sunday" in row.support


@pytest.mark.parametrize(
    ("low", "high"), [(-29.052194690704347, -23.418305110931396), (0.0, 1.800225520133972), (0, 6)]
)
def test_both_ends_of_a_slider_are_reached_and_none_lies_beyond_them(low, high) -> None:
    lever = {"column": "x__y", "label": "", "unit": "dB", "low": low, "high": high, "value": low}
    (row,) = _levers([lever])
    assert (float(row.low), float(row.high)) == (low, high)
    last = float(row.low) + 40 * float(row.step)
    assert high - 1e-5 * (high - low) <= last <= high + 1e-12


def test_what_the_chance_is_of_is_said() -> None:
    assert HITS == 1 / 5  # as the words say
    said = chance_words(0.06, "40 k views", True)
    assert said == "chance to be in the top fifth (40 k views or more): 6 %"
    assert chance_words(0.06, "1 times the bar", False).startswith("chance of a hit, as the target")


def test_a_median_is_no_mean_and_neither_is_called_typical() -> None:
    text = files("virality.reports").joinpath("languages", "en.toml").read_text("utf-8")
    for word in ("typical miss", "typical factor", "typical error"):
        assert word not in text
    assert (say("tile.factor"), say("watch.error")) == ("median miss", "mean miss")
    assert say("metric.factor") == say("axis.mae_factor") == "mean factor"


@pytest.mark.parametrize("followers", [0, 10])
def test_a_prediction_tells_the_followers_that_were_given(followers: int) -> None:
    words = ["predict", str(case.model()), "--caption", "word", "--followers", str(followers), "-q"]
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0, shown.exception
    assert f"few followers ({followers}, usual" in shown.stdout
    assert "chance to be in the top fifth (" in shown.stdout
    told = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    (text,) = (one["value_text"] for one in told["reasons_down"] if one["feature"] == FOLLOWERS)
    assert text == str(followers)


def test_training_says_that_weights_need_not_sum_to_one(tmp_path) -> None:
    words = ["train", str(case.features()), "-o", str(tmp_path / "model"), "-q"]
    assert "(they need not sum to 1): " in CliRunner().invoke(app, words).stdout


def test_the_best_of_a_score_is_so_much_higher_and_not_so_many_times() -> None:
    score = SimpleNamespace(log=False, counts=False, unit="points")
    answers = [
        {"name": name, "status": "ok", "forecast": {"prediction": value}}
        for name, value in (("first", 3.1), ("second", 3.4))
    ]
    assert side_words(answers, score) == (
        "“second” is the best of them; its prediction is 0.3 points higher than that of the next."
    )
