"""What stands along the edges of figures and in their tables: the numbers that are meant."""

from dataclasses import replace
from math import log10
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from report_case import make_features
from test_wording import Views

from virality.modeling.adjust import adjust
from virality.modeling.resample import Effect
from virality.modeling.slices import _tenths
from virality.modeling.targets import TARGETS
from virality.modeling.trend_values import Contrast, Item
from virality.reports.drawing import Dot, Panel, Rows
from virality.reports.explain_page import page_of
from virality.reports.figures_drivers import value_axis
from virality.reports.figures_fit import fit_figures
from virality.reports.figures_posts import waterfall_figure
from virality.reports.figures_trends import _moves
from virality.reports.fits import fit_of
from virality.reports.report import Calibration, Fit, PostStory, Reason, Step
from virality.reports.result_axis import lay_axis
from virality.reports.result_page import lay_out_result
from virality.reports.scales import (
    Scale,
    count_values,
    ratio_values,
    share_axis,
    unit_axis,
    unit_scale,
)
from virality.reports.similar import Likeness
from virality.reports.stories import choose
from virality.reports.strings import counted, say
from virality.reports.trends import contrast_values
from virality.reports.words import count_words, tidy


def make_fit(actual: tuple[float, ...], predicted: tuple[float, ...]) -> Fit:
    groups = tuple(Calibration(1, one, 0.0, -0.1, 0.1, 1.0) for one in predicted)
    return Fit(
        "temporal", "newest posts", len(actual), tuple(f"p{i}" for i in range(len(actual))),
        actual, predicted, predicted, predicted, (-0.5, 0.0, 0.5), (1, len(actual)), groups, (), (),
    )  # fmt: skip


def make_story(baseline: float, *effects: float) -> PostStory:
    steps, total = [], baseline
    for number, effect in enumerate(effects):
        total += effect
        steps.append(Step(f"reason {number}", "", effect, total))
    return PostStory(
        "p0", "", "this post", 0.0, 0.0, 0.0, 50.0, 0.5, None, None, baseline, tuple(steps), (), (),
        "",
    )  # fmt: skip


def test_ratios_below_one_are_drawn_and_said_as_they_are() -> None:
    fit = make_fit((0.05, 0.4, 1.0, 6.0), (0.1, 0.3, 0.9, 4.0))
    points, calibration, _ = fit_figures(fit, "times the usual", True, False)
    assert isinstance(points.plot, Panel)
    assert isinstance(calibration.plot, Panel)
    dots = [one for one in points.plot.marks if isinstance(one, Dot)]
    assert len({dot.x for dot in dots}) == len({dot.y for dot in dots}) == 4
    assert "predicted 0.1 times the usual" in dots[0].tip
    assert "got 0.05 times the usual" in dots[0].tip
    assert {"0.1", "1"} <= {tick.text for tick in points.plot.x.ticks}
    assert {"0.1", "1"} <= {tick.text for tick in points.plot.y.ticks}
    assert [row[0] for row in calibration.rows] == [
        f"{one} times the usual" for one in ("0.1", "0.3", "0.9", "4")
    ]


def test_a_sum_of_reasons_ends_at_the_prediction_of_a_ratio() -> None:
    figure = waterfall_figure(
        0, make_story(log10(0.9), log10(0.5), log10(1.2)), "times the usual", True, False
    )
    assert [row[2] for row in figure.rows] == ["0.45 times the usual", "0.54 times the usual"]
    assert isinstance(figure.plot, Rows)
    names = [tick.text for tick in figure.plot.axis.ticks]
    assert {"0.5", "0.8"} <= set(names)
    assert len(names) == len(set(names))
    assert figure.head[1] == "push"  # of one post: there is no mean


def test_a_sum_of_reasons_stands_where_its_counts_stand() -> None:
    figure = waterfall_figure(0, make_story(log10(1 + 2), log10(4 / 3)), "saves", True, True)
    assert isinstance(figure.plot, Rows)
    ticks = {tick.text: tick.at for tick in figure.plot.axis.ticks}
    start, end = figure.plot.guides
    assert ticks["2"] == pytest.approx(start, abs=0.02)
    assert ticks["3"] == pytest.approx(end, abs=0.02)
    assert figure.rows[-1][2] == "3 saves"


@pytest.mark.parametrize("ends", [(1000, 1600), (10_000, 13_000), (1, 5), (2, 3), (90, 2000)])
def test_a_tick_of_counts_says_the_count_that_it_stands_at(ends: tuple[float, float]) -> None:
    inside = [one for one in count_values(*ends) if ends[0] <= one <= ends[1]]
    names = [count_words(one) for one in inside]
    assert len(inside) > 1
    assert len(set(names)) == len(names)
    steps = {" k": 1e3, " M": 1e6}
    for name, value in zip(names, inside, strict=True):
        number = next((float(name[:-2]) * size for end, size in steps.items() if end in name), None)
        assert (float(name) if number is None else number) == pytest.approx(value)


def test_ratios_have_round_ticks_on_both_sides_of_one() -> None:
    assert {0.02, 0.5, 1, 5} <= set(ratio_values(0.02, 5.0))
    axis = unit_axis(unit_scale([0.03, 5.0], True, False), "", False)
    assert {"0.05", "1", "5"} <= {tick.text for tick in axis.ticks}


@pytest.mark.parametrize(
    ("low", "middle", "high"), [(0.0, 0.0, 3.0), (0.4, 1.0, 4.0), (2e5, 2.4e5, 3e5), (9, 40, 900)]
)
def test_the_axis_of_a_prediction_names_whole_counts_once(
    low: float, middle: float, high: float
) -> None:
    axis = lay_axis({"low": low, "prediction": middle, "high": high}, [], Views())
    ticks = list(axis.ticks())
    names = [words for _, words, _ in ticks]
    assert len(names) > 1
    assert len(set(names)) == len(names)
    if "0" in names:
        assert ticks[names.index("0")][0] == axis.at(0.0)


def test_how_use_has_changed_is_not_called_a_success() -> None:
    nothing = Effect(0.0, 0.0, 0.0, 1.0, clear=False)
    change = Effect(0.2, 0.1, 0.3, 0.01, clear=True)
    item = Item("dance", 40, 8, 0.3, 0.2, nothing, 0.0, change)
    figure = _moves("hashtags", [item])
    assert figure is not None
    assert figure.head[1] == say("col.change")
    assert figure.rows[0][1] == "× 1.58"


def test_medians_that_differ_by_a_half_read_differently() -> None:
    effect = Effect(0.1, 0.05, 0.15, 0.01, clear=True)
    one = Contrast("hashtag_count", False, 2.5, 2.0, 600, effect)
    assert contrast_values(one) == "2.5 against 2"


def test_one_is_counted_in_the_singular() -> None:
    assert counted("tip.count", 1, count="1") == "1 post"
    assert counted("tip.count", 2, count="2") == "2 posts"
    assert counted("data.authors", 1, authors="1", most="60") == "One author, with 60 posts."


def test_joiners_within_a_word_stay() -> None:
    family, persian = "\U0001f468\u200d\U0001f469\u200d\U0001f467", "می\u200cخواهم"
    assert tidy(f"{family} {persian}\u200e \u202eevil") == f"{family} {persian} evil"
    assert tidy(" \u200d \u200c") == ""


def test_small_shares_have_the_decimals_that_they_take() -> None:
    for most, names in ((0.009, ["0.0 %", "0.2 %"]), (0.9, ["0 %", "20 %"])):
        axis = share_axis(Scale(0.0, most), "")
        assert [tick.text for tick in axis.ticks][:2] == names
    narrow = Scale(0.0, 0.004)
    axis = value_axis("", "text_language__nl_probability", "probability", narrow, Views())
    assert [tick.text for tick in axis.ticks][:2] == ["0.0 %", "0.1 %"]


def test_two_places_of_an_axis_never_read_alike() -> None:
    scale = Scale(3.0, 3.1)
    axis = value_axis("", "history__author_mean", "score", scale, Views())
    names = [tick.text for tick in axis.ticks]
    assert names[0] == "1 k"
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("target", "scale", "said"),
    [
        ("views", Scale(0.0, 1.5), {"0": 0.0, "1": log10(2), "10": log10(11), "20": log10(21)}),
        ("reach", Scale(-1.0, 1.0), {"0.1": -1.0, "1": 0.0, "2": log10(2), "10": 1.0}),
    ],
)
def test_earlier_outcomes_stand_on_the_logarithm_of_their_target(
    target: str, scale: Scale, said: dict[str, float]
) -> None:
    axis = value_axis("", "history__author_mean", "score", scale, TARGETS[target])
    there = {tick.text: tick.at for tick in axis.ticks}
    for words, value in said.items():
        assert there[words] == pytest.approx(scale.x(value))


def test_a_post_is_called_missed_only_the_way_that_it_was() -> None:
    ids, mean = [f"p{i}" for i in range(6)], np.arange(6.0)
    told = dict(choose(ids, mean, np.array([0.3, 0.2, 0.1, 0.4, 0.0, np.nan])))
    assert told["p3"] == "under"
    assert "over" not in told.values()
    assert dict(choose(ids, mean, np.full(6, -0.1)))["p0"] == "over"


def test_a_large_miss_is_written_out() -> None:
    low, high = log10(2), log10(1 + 4000)
    one = SimpleNamespace(
        split="temporal", ids=["p0"], actual=[high], mean=[low], low=[0.0], high=[1.0]
    )
    (miss,) = fit_of(one, TARGETS["views"], {}).misses  # type: ignore[arg-type]
    assert "a factor of 2000 more than predicted" in miss.sentence


def test_what_similar_posts_are_compared_by_is_what_they_have() -> None:
    features = make_features(40)
    names = ["text_shape__has_question", "frames_motion__cut_rate", "metadata_time__hour_sin"]
    for kept, words in ((1, "the numbers of caption"), (2, "the numbers of caption and pictures")):
        some = replace(features, matrix=features.matrix.select(names[:kept] + names[2:]))
        assert Likeness(some, TARGETS["views"]).basis == (words,)


def test_posts_of_one_author_are_held_against_one_another() -> None:
    posts = pd.DataFrame({"id": list("abcdef"), "author_id": "me", "author_followers": 10})
    found = adjust(posts, np.array([1.0, 2.0, 3.0, 4.0, 5.0, 9.0]))
    assert found.yardstick == "author"
    assert found.authors == 1
    assert adjust(posts.assign(author_id=None), np.arange(6.0)).yardstick == "all"


@pytest.mark.parametrize("feature", ["metadata_time__hour", "metadata_time__season_sin"])
def test_hours_say_by_which_clock_they_are(feature: str) -> None:
    reason = Reason(feature, "", 9.4, "h", "9:24", 0.1, 1.26, "hour of the day (9:24): times 1.3")
    forecast = {
        "prediction": 5.0, "low": 1.0, "high": 9.0, "percentile": 50.0, "hit_probability": 0.2,
        "reasons_up": [reason.as_json()], "reasons_down": [],
    }  # fmt: skip
    answer = {"name": "caption", "status": "ok", "forecast": forecast, "parts": [], "niche": None}
    page = lay_out_result([answer], 0, Views(), hit_threshold=10.0, top_fifth=True)
    timed = feature == "metadata_time__hour"
    assert page.clock == (say("clock.utc") if timed else "")
    model = SimpleNamespace(card=SimpleNamespace(rows=60), target=Views())
    story = replace(make_story(1.0, 0.1), up=(reason,))
    shown = page_of(model, [story], reference=True)  # type: ignore[arg-type]
    assert (say("clock.mixed") in shown.sub) is timed


def test_a_slice_of_one_number_is_named_once() -> None:
    labels = _tenths(np.repeat([100.0, 5746.0, 20_000.0], 25))
    assert {str(one).partition("|")[2] for one in labels} == {"100", "5,746", "20,000"}
