"""What is said of chance, of sizes and of standing is true: on noise, at the ends, for one."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from report_case import case, make_features
from test_trends import make_posts

from virality.data.features import Features
from virality.modeling.ablation import Part
from virality.modeling.ablation import _judge as say_ablation
from virality.modeling.bundle import load_model, save_model
from virality.modeling.curve import Point, _judge
from virality.modeling.ground import possible_split
from virality.modeling.hits import top_bar
from virality.modeling.lead import unbeaten
from virality.modeling.metrics import Metric
from virality.modeling.pieces import put_together, take_apart
from virality.modeling.resample import FALSE_SHARE, Effect, Spread, judge
from virality.modeling.stack import Contributions
from virality.modeling.targets import find_target
from virality.modeling.train import train
from virality.modeling.trend_judge import _families, _share
from virality.modeling.trend_values import Found
from virality.modeling.trends import find_trends
from virality.reports import summarize as summarizing
from virality.reports.belief import believe, doubt_of
from virality.reports.explain import reasons
from virality.reports.explain_posts import explain_posts
from virality.reports.fits import fit_of
from virality.reports.report import Reason
from virality.reports.report_posts import Setting
from virality.reports.result_axis import lay_axis
from virality.reports.result_page import changed_words
from virality.reports.result_side import side_words
from virality.reports.strings import is_factor, say
from virality.reports.suggest import _seen_words
from virality.reports.trends import tell_trends
from virality.reports.whatif import _sentence
from virality.reports.words import amount, feature_words, place_words, value_words
from virality.workflow.levers import Panel

pytestmark = pytest.mark.usefixtures("light_recipes")


@dataclass(frozen=True)
class Scale:
    unit: str
    log: bool
    counts: bool


VIEWS, REACH, SCORE = Scale("views", True, True), Scale("", True, False), Scale("log", False, False)


def test_where_nothing_is_to_be_found_most_tables_say_so() -> None:
    telling = 0
    for seed in range(16):
        posts = make_posts(500, seed=50 + seed, effect=0.0)
        # `soon` is planted to come late.
        posts["hashtags"] = [[tag for tag in tags if tag != "soon"] for tags in posts["hashtags"]]
        found = find_trends(posts)
        clear = any(effect.clear for family in _families(found) for effect in family)
        assert clear or "Nothing stands out" in tell_trends(found).sentences[0]
        telling += clear
    assert telling <= 4  # one in ten; it had been every second one


def test_the_share_of_false_ones_shrinks_with_the_families_that_have_nothing() -> None:
    def family(q: float) -> list[Effect]:
        return [Effect(0.1, 0.0, 0.2, q, q <= FALSE_SHARE), Effect(0, 0, 0, np.nan, clear=False)]

    assert _share([family(1e-6)] * 5) == pytest.approx(FALSE_SHARE)
    assert _share([family(1e-6), *[family(0.6)] * 9]) == pytest.approx(FALSE_SHARE / 10)
    assert _share([family(0.06), *[family(0.6)] * 9]) == 0.0
    assert _share([[], []]) == 0.0


def test_a_strong_finding_is_told_among_many_families() -> None:
    found: Found = find_trends(make_posts())
    assert any(one.effect.clear for one in found.hours)
    assert {one.name for one in found.hashtags if one.lift.clear} == {"good"}


def test_a_handful_of_authors_is_allowed_for() -> None:
    few, many = (
        judge(Spread(np.array([0.5]), np.array([0.1]), np.array([authors])))[0]
        for authors in (5, 1000)
    )
    assert few.high - few.value == pytest.approx(2.776 * 0.1 * np.sqrt(5 / 4), rel=1e-3)
    assert many.high - many.value == pytest.approx(1.963 * 0.1, rel=1e-3)


def test_a_setting_picked_among_many_is_beyond_chance_only_if_that_is_allowed_for() -> None:
    target = find_target("views")

    def said(value: float, q: float) -> str:
        ends = (0.1, 0.9) if value > 0 else (-0.9, -0.1)
        return _seen_words(Effect(value, *ends, q, clear=True), "all", 60, target)

    assert said(0.5, 1e-5).endswith("beyond chance.")
    assert said(0.5, 0.01).endswith("picked this among 60 settings.")
    assert "may be chance" in said(0.5, 0.01)
    assert said(-0.5, 0.01).endswith("beyond chance.")  # nobody picks what did badly
    unsure = Effect(0.1, -0.2, 0.4, 0.4, clear=False)
    assert "which may be chance (" in _seen_words(unsure, "all", 60, target)
    assert _seen_words(Effect(*(np.nan,) * 4, clear=False), "all", 60, target) == ""


def test_a_model_of_noise_suggests_nothing_and_says_why() -> None:
    features = make_features(200, seed=5)
    views = 10 ** np.random.default_rng(5).normal(3, 0.8, 200)
    posts = features.posts.assign(views=views.astype(np.int64))
    noise = replace(features, posts=posts)
    model = train(noise.matrix, posts)
    assert unbeaten(model.stack) == "constant"
    story = explain_posts(model, noise.matrix.rows(["p9"]), posts, reference=noise)[0]
    assert story.what_if is not None
    assert story.what_if.suggestions == ()
    assert story.what_if.notes[0] == say("whatif.note.no_lead", baseline="one constant for all")
    assert unbeaten(case()[0].stack) == ""


def test_a_model_that_only_followers_lead_suggests_nothing_anywhere(tmp_path: Path) -> None:
    """The report had suggested nothing of it; `explain` and the server had."""
    features = make_features(400, seed=5)
    followers = np.log10(features.posts["author_followers"].to_numpy(dtype=float))
    noise = np.random.default_rng(5).normal(0, 0.5, 400)
    views = (10 ** (0.9 * followers + noise)).astype(np.int64)
    led = replace(features, posts=features.posts.assign(views=views))
    model = train(led.matrix, led.posts)
    stack = model.stack
    assert set(stack.rivals) == {"constant", "author_median", "followers"}
    assert stack.intervals.constant < 0.9 * stack.rivals["constant"]
    assert unbeaten(stack) == "followers"
    story = explain_posts(model, led.matrix.rows(["p9"]), led.posts, reference=led)[0]
    assert story.what_if is not None
    assert story.what_if.suggestions == ()
    assert "no better than followers alone" in story.what_if.notes[0]
    one = led.matrix.rows(["p9"])
    row = led.posts[led.posts["id"] == "p9"].reset_index(drop=True)
    status = led.status[led.status["id"] == "p9"].reset_index(drop=True)
    assert Panel(model, led).gains(Features(one, row, status)) == ()
    save_model(model, tmp_path / "model")
    assert unbeaten(load_model(tmp_path / "model").stack) == "followers"


def test_a_model_of_before_knows_the_constant_alone() -> None:
    stack = replace(case()[0].stack, rivals={})
    assert unbeaten(stack) == ""
    assert unbeaten(replace(stack, intervals=replace(stack.intervals, constant=9.0))) == "constant"
    pieces = take_apart(replace(case()[0], stack=stack))
    assert "rivals" not in pieces.facts
    assert put_together(pieces).stack.rivals == {}


def test_a_baseline_not_beaten_speaks_against_suggestions() -> None:
    judged = case()[2][0]
    assert doubt_of([judged]) == ""
    assert doubt_of([]) == ""
    worse = {**judged.differences, "followers": Metric(-0.01, -0.1, 0.1)}
    said = doubt_of([replace(judged, differences=worse)])
    assert "newest posts" in said
    assert "followers alone" in said


def test_the_report_gives_the_reasons_that_explain_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    model, features, _ = case()
    monkeypatch.setattr(summarizing, "EXPLAINED", 40)  # so that its sample has medians of its own
    report = summarizing.summarize(model, features, (), None)
    for told in report.posts:
        row = features.posts[features.posts["id"] == told.id].reset_index(drop=True)
        alone = explain_posts(model, features.matrix.rows([told.id]), row)[0]
        for first, second in ((told.up, alone.up), (told.down, alone.down)):
            assert [one.sentence for one in first] == [one.sentence for one in second]


def test_what_is_usual_of_history_travels_with_the_model() -> None:
    model = case()[0]
    usual = model.card.medians
    assert 1 < usual["history__author_mean"] < 6
    assert usual["history__author_cold"] in (0.0, 1.0)


@pytest.mark.parametrize(
    ("gains", "key"),
    [
        ((-0.009, 0.012, 0.0), "flat"),
        ((-0.05, 0.012, 0.0), "best_already"),
        ((-0.05, 0.2, 0.0), "better"),
    ],
)
def test_a_lever_that_does_nothing_is_told_so(gains: tuple[float, ...], key: str) -> None:
    settings = [Setting(i, f"{i}", 1, 1, 1, one, one, one, 9) for i, one in enumerate(gains)]
    said = _sentence(settings, int(np.argmax(gains)), "2", find_target("views"))
    begins = {"flat": "Makes next", "best_already": "As good", "better": "At 1 instead"}
    assert said.startswith(begins[key])
    assert "would be no change" not in said


def test_the_curve_gives_size_and_interval_the_same_sign() -> None:
    nothing = Metric(0, 0, 0)
    points = [Point(0.5, 50, {"mae": nothing}), Point(1.0, 100, {"mae": nothing})]
    assert "fell by 0.039 (0.009 to 0.067)" in _judge(
        points, {"mae": Metric(-0.039, -0.067, -0.009)}
    )
    assert "rose by 0.039 (0.009 to 0.067)" in _judge(points, {"mae": Metric(0.039, 0.009, 0.067)})
    assert "changed by -0.010 (-0.030 to +0.010)" in _judge(
        points, {"mae": Metric(-0.01, -0.03, 0.01)}
    )


def _answers(*said: float) -> list[dict]:  # type: ignore[type-arg]
    names = ("one", "other")
    return [
        {"name": name, "status": "ok", "forecast": {"prediction": value}}
        for name, value in zip(names, said, strict=True)
    ]


def test_times_are_times_whatever_the_target() -> None:
    assert changed_words({"prediction": 0.05}, {"prediction": 0.1}, REACH) == "times 2"
    assert changed_words({"prediction": 99.0}, {"prediction": 199.0}, VIEWS) == "times 2"
    assert "is 2 times that" in side_words(_answers(0.1, 0.05), REACH)
    assert "is 3 times that" in side_words(_answers(3.0, 1.0), VIEWS)
    assert "too close" in side_words(_answers(0.4, 0.1), VIEWS)  # both are read as 0
    assert "is 0.3 log higher than that" in side_words(_answers(6.3, 6.0), SCORE)


def test_a_ratio_stands_on_its_own_logarithm() -> None:
    forecast = {"low": 0.01, "prediction": 0.1, "high": 1.0}
    axis = lay_axis(forecast, [], REACH)
    low, middle, high = (float(axis.at(forecast[key])[:-1]) for key in forecast)
    assert middle - low == pytest.approx(high - middle, abs=0.02)
    assert [words for _, words, _ in axis.ticks()][:1] == ["0.01"]


def test_one_is_one_and_nobody_is_above_all() -> None:
    assert value_words(1.0, "marks", "text_shape__questions") == "1 mark"
    assert value_words(2.0, "marks", "text_shape__questions") == "2 marks"
    assert value_words(1.0, "hashtags", "metadata_hashtag__count") == "1 hashtag"
    assert (amount(1.2, "views"), amount(0, "views")) == ("1 view", "0 views")
    assert amount(1.0, "views per follower", False) == "1 view per follower"
    assert (place_words(99.8), place_words(100.0), place_words(0.2)) == ("99", "99", "0")


@pytest.mark.parametrize(
    ("target", "said"),
    [("lift", "0.5 times the usual"), ("reach", "0.5 views per follower"), ("views", "0 views")],
)
def test_earlier_outcomes_of_a_ratio_are_ratios(target: str, said: str) -> None:
    one = find_target(target)
    told = feature_words(
        "history__author_last", float(np.log10(0.5)) if one.ratio else 0.0, "score", one.log,
        one.unit, one.counts,
    )  # fmt: skip
    assert told == said


def test_reasons_of_a_ratio_name_no_ratio_below_nothing() -> None:
    features = make_features(120, seed=2)
    model = train(features.matrix, features.posts, target="reach")
    some = ["p90", "p100", "p110"]
    rows = features.posts[features.posts["id"].isin(some)].reset_index(drop=True)
    contributions = model.contributions(features.matrix.rows(some), rows)
    told = [one for row in range(3) for way in _all_reasons(contributions, row) for one in way]
    past = [
        one.value_text
        for one in told
        if one.unit == "score" and not is_factor(one.feature) and one.value_text != "missing"
    ]
    assert past
    assert all(text.endswith("views per follower") for text in past)
    assert not any(text.startswith(("−", "0 ")) for text in past)


def _all_reasons(contributions: Contributions, row: int) -> tuple[tuple[Reason, ...], ...]:
    everything = dict.fromkeys(contributions.frame, 1.0)
    pushed = replace(contributions, frame=contributions.frame.assign(**everything))
    return reasons(pushed, row, find_target("reach"), most=99)


def test_a_single_author_is_not_called_unknown() -> None:
    posts = make_features(60).posts
    alone = posts.assign(author_id="a1")
    assert possible_split("author", alone)[1][0].startswith("Only one author is known, so")
    nobody = posts.drop(columns=["author_id"])
    assert possible_split("author", nobody)[1][0].startswith("Authors are unknown, so")


def test_the_top_fifth_begins_at_an_outcome_that_a_post_had() -> None:
    tied = np.sort(np.log10(1.0 + np.repeat([0.0, 5.0], [96, 24])))
    assert find_target("views").to_units(top_bar(tied)) == pytest.approx(5.0)
    plain = np.sort(np.random.default_rng(0).normal(size=500))
    assert top_bar(plain) in plain
    assert np.mean(plain >= top_bar(plain)) == pytest.approx(0.2, abs=0.003)


def test_an_undated_post_is_not_said_to_be_later_than_others() -> None:
    model, features, _ = case()
    undated = replace(features, posts=features.posts.drop(columns=["posted_at"]))
    own = undated.posts[undated.posts["id"] == "p50"].reset_index(drop=True)
    story = explain_posts(model, features.matrix.rows(["p50"]), own, reference=undated)[0]
    assert story.similar is not None
    assert "they need not be earlier" in story.similar.sentence
    dated = features.posts[features.posts["id"] == "p50"].reset_index(drop=True)
    told = explain_posts(model, features.matrix.rows(["p50"]), dated, reference=features)[0]
    assert told.similar is not None
    assert "that were there before it" in told.similar.sentence


def test_an_error_that_reads_as_the_same_is_no_finding() -> None:
    nothing = Metric(0, 0, 0)
    points = [Point(0.5, 50, {"mae": nothing}), Point(1.0, 100, {"mae": nothing})]
    assert _judge(points, {"mae": Metric(1e-5, 1e-6, 1e-4)}).endswith("mean error did not change.")
    parts = [
        Part(name, kind, 1, {"mae": nothing}, {"mae": Metric(size, size, size)})
        for name, size in (("text", 1e-5), ("audio", 0.02))
        for kind in ("without", "alone")
    ]
    assert say_ablation(parts).startswith("Without audio the model is worse")


def test_a_small_miss_is_not_called_none() -> None:
    judged = case()[2][0]
    near = replace(judged, mean=tuple(one + 0.012 for one in judged.actual))
    said = believe([near], find_target("views"))
    assert (
        said.sentences[0] == "Half of the predictions are within a factor of 1.03 of what happened."
    )
    assert said.tiles[0].value == "× or ÷ 1.03"
    assert fit_of(near, find_target("views"), {}).sentences[1].endswith("a factor of 1.03.")
