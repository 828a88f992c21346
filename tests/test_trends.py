"""What is trending: planted effects are found, authors are no causes, chance stays chance."""

import json
import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from attack_strings import ATTACKS
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from virality.cli import app
from virality.data.errors import InputError, UsageError
from virality.data.table import conform, write_posts
from virality.modeling.adjust import adjust, medians_of_others
from virality.modeling.resample import FALSE_SHARE, Effect, Resampler, Spread, judge, shrink
from virality.modeling.trend_items import measure
from virality.modeling.trend_judge import _share
from virality.modeling.trend_times import find_hours, local_clock
from virality.modeling.trend_topics import cluster
from virality.modeling.trend_tops import properties
from virality.modeling.trend_values import Found
from virality.modeling.trends import _whole, _window, find_trends
from virality.reports.render import render_trends
from virality.reports.strings import say
from virality.reports.trends import tell_trends

THEMES = (
    "noodle soup recipe broth spoon bowl ginger chili garlic onion pepper salt wok rice tofu lime",
    "guitar chords solo amp pedal strings bass drums tempo melody chorus verse tune pick fret riff",
    "marathon running shoes pace track stride finish medal trail sprint lap coach hill rest",
)


def make_posts(
    rows: int = 900, *, seed: int = 0, authors: int = 60, effect: float = 0.5, names: bool = False
) -> pd.DataFrame:
    """Return posts whose views follow their author, and evenings and one hashtag by `effect`.

    The tag `rich` is used by the largest accounts and does nothing; `soon` comes late.
    """
    draw = np.random.default_rng(seed)
    author = draw.integers(0, authors, rows)
    level = draw.normal(4, 1.0, authors)
    hour = draw.integers(0, 24, rows)
    days = np.sort(draw.integers(0, 200, rows))
    good = draw.random(rows) < 0.25
    score = level[author] + effect * good + effect * ((hour >= 18) & (hour < 22))
    score = score + draw.normal(0, 0.3, rows)
    theme = draw.integers(0, 3, rows)
    tags, captions = [], []
    for row in range(rows):
        own = ["good"] if good[row] else []
        own += ["rich"] if level[author[row]] > 5 else []
        own += ["soon"] if days[row] > 160 and draw.random() < 0.5 else []
        own += [ATTACKS[row % len(ATTACKS)], ATTACKS[draw.integers(0, 8)]] if names else []
        tags.append(own)
        words = [f"#{word}" for word in draw.permutation(THEMES[theme[row]].split())[:3]]
        captions.append(f"{' '.join(words)} {ATTACKS[row % len(ATTACKS)] if names else ''}")
    start = pd.Timestamp("2025-01-01", tz="UTC")
    at = [start + pd.Timedelta(days=int(d), hours=int(h)) for d, h in zip(days, hour, strict=True)]
    table = pd.DataFrame({"id": [f"p{i}" for i in range(rows)], "posted_at": at})
    table["author_id"] = [f"a{i}" for i in author]
    table["caption"], table["hashtags"] = captions, tags
    table["sound_id"] = [f"s{i}" for i in draw.integers(0, 12, rows)]
    table["sound_title"] = [ATTACKS[i] if names else f"song {i}" for i in draw.integers(0, 9, rows)]
    table["duration_s"] = np.round(draw.gamma(3, 8, rows), 1)
    table["views"] = np.maximum(0, 10**score).astype(np.int64)
    return conform(table)


@cache
def found() -> Found:
    return find_trends(make_posts())


def test_what_was_planted_is_found_with_its_size() -> None:
    tags = {item.name: item for item in found().hashtags}
    assert tags["good"].lift.clear
    assert tags["good"].lift.low < 0.5 * 0.75 < tags["good"].lift.high
    clear = {slot.low for slot in found().hours if slot.effect.clear and slot.effect.value > 0}
    assert clear
    assert clear <= {18.0, 20.0, 16.0}


def test_a_tag_of_large_accounts_is_not_taken_for_a_cause() -> None:
    posts = make_posts()
    rich = next(item for item in found().hashtags if item.name == "rich")
    assert found().yardstick == "author"
    assert not rich.lift.clear
    assert abs(rich.lift.value) < 0.15
    plain = np.log10(1 + posts["views"].to_numpy(dtype=float))
    uses = np.array(["rich" in tags for tags in posts["hashtags"]])
    assert plain[uses].mean() - plain[~uses].mean() > 1


def test_what_comes_late_is_rising() -> None:
    soon = next(item for item in found().hashtags if item.name == "soon")
    assert soon.momentum.clear
    assert soon.recent > 0.2
    assert soon.earlier < 0.1
    good = next(item for item in found().hashtags if item.name == "good")
    assert not good.momentum.clear


def test_topics_are_named_by_their_words_and_add_up() -> None:
    topics = found().topics
    assert topics is not None
    for topic in topics.topics:
        if topic.words:
            homes = [theme for theme in THEMES if topic.words[0] in theme.split()]
            assert len(homes) == 1
    assert sum(topic.item.posts for topic in topics.topics) == topics.captions
    for part in range(len(topics.starts)):
        assert sum(topic.shares[part] for topic in topics.topics) <= 1 + 1e-9


def test_without_effects_next_to_nothing_is_clear() -> None:
    counts = []
    for seed in range(4):
        one = find_trends(make_posts(seed=10 + seed, effect=0.0))
        lifts = [item.lift for item in (*one.hashtags, *one.sounds)]
        effects = [*lifts, *(slot.effect for slot in (*one.hours, *one.weekdays, *one.week))]
        counts.append(sum(effect.clear for effect in effects))
    assert sum(counts) <= 6


def test_a_whole_table_of_one_author_or_no_times_says_what_it_cannot() -> None:
    posts = make_posts(300, authors=1).drop(columns=["posted_at", "hashtags", "caption"])
    told = tell_trends(find_trends(posts))
    assert told.found.window is None
    assert {"times", "hashtags", "topics"} <= set(told.found.too_few)
    assert len(told.cautions) >= 4
    assert all(not item.lift.clear for item in told.found.sounds)


def test_posts_of_one_instant_come_and_go_nowhere() -> None:
    posts = make_posts(600, authors=40)
    posts["posted_at"] = posts["posted_at"].max()
    told = tell_trends(find_trends(posts))
    assert told.found.window is None
    assert told.found.hashtags
    assert told.found.sounds
    for item in (*told.found.hashtags, *told.found.sounds):
        assert np.isnan(item.momentum.value)
        assert not item.momentum.clear
        assert np.isfinite(item.lift.value)
    page = render_trends(told)
    assert not re.search(r"nan|None", re.sub(r"<(script|style)>.*?</\1>", "", page, flags=re.S))
    json.dumps(told.as_json(), allow_nan=False)


def test_few_posts_say_that_they_are_few() -> None:
    told = tell_trends(find_trends(make_posts(30)))
    assert {"times", "durations", "hashtags", "contrasts"} & set(told.found.too_few)
    assert told.sentences == (say("trends.head.unjudged"),)
    render_trends(told)


def test_nothing_is_said_to_stand_out_only_of_what_was_judged() -> None:
    found = find_trends(make_posts(300, effect=0.0).drop(columns=["hashtags", "caption"]))
    nothing = Effect(0.0, -0.1, 0.1, 1.0, clear=False)
    calm = [replace(one, effect=nothing) for one in found.hours]
    some = replace(found, hours=tuple(calm), week=(), sounds=(), topics=None, hashtags=())
    assert tell_trends(replace(some, durations=())).sentences[0].endswith("posts: no hour.")
    slots = tuple(calm[:2])
    told = tell_trends(replace(some, durations=slots)).sentences[0]
    assert told.endswith("posts: no hour or length.")


def test_posts_without_outcomes_and_unknown_zones_are_refused() -> None:
    with pytest.raises(InputError, match="no outcome"):
        find_trends(make_posts(50).drop(columns="views"))
    with pytest.raises(UsageError, match="no time zone"):
        find_trends(make_posts(50), zone="Mars/Olympus")


def test_hours_are_local_where_the_place_is_known() -> None:
    posts = make_posts(600)
    shifted = posts.assign(location=pd.array(["VN"] * len(posts), dtype="string"))
    here, there = find_trends(posts), find_trends(shifted)
    assert (here.local, there.local) == (0.0, 1.0)
    assert [slot.posts for slot in here.hours] != [slot.posts for slot in there.hours]
    zoned = find_trends(posts, zone="Asia/Ho_Chi_Minh")
    assert [slot.posts for slot in zoned.hours] == [slot.posts for slot in there.hours]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(-1, 4), st.floats(0, 9)), min_size=1, max_size=40))
def test_the_median_of_others_is_that(entries: list[tuple[int, float]]) -> None:
    codes = np.array([code for code, _ in entries], dtype=np.int64)
    y = np.array([value for _, value in entries])
    quick = medians_of_others(codes, y)
    for row, code in enumerate(codes):
        others = [y[i] for i in range(len(y)) if i != row and codes[i] == code and code >= 0]
        if len(others) < 2:
            assert np.isnan(quick[row])
        else:
            assert quick[row] == pytest.approx(np.median(others))


def test_accounts_are_held_against_their_size_where_none_recurs() -> None:
    draw = np.random.default_rng(0)
    followers = 10 ** draw.uniform(2, 6, 500)
    posts = pd.DataFrame({"author_id": [f"a{i}" for i in range(500)]})
    posts["author_followers"] = pd.array(followers.astype(int), dtype="Int64")
    adjusted = adjust(posts, np.log10(followers))
    assert adjusted.yardstick == "followers"
    assert np.nanstd(adjusted.values) < 0.2


def test_a_busy_author_counts_once() -> None:
    draw = np.random.default_rng(0)
    groups = np.r_[np.zeros(200, dtype=np.int64), np.arange(1, 201)]
    values = np.r_[np.full(200, 1.0), np.zeros(200)] + draw.normal(0, 0.1, 400)
    items = np.zeros(200, dtype=np.int64)
    one = judge(Resampler(groups).means(np.arange(200), items, values, 1))[0]
    assert not one.clear
    assert np.isnan(one.low)


def test_shrinking_pulls_the_unsure_more() -> None:
    spread = Spread(np.array([1.0, 1.0, -1.0]), np.array([0.1, 1.0, 0.1]), np.array([50, 50, 50]))
    sure, unsure, other = shrink(spread)
    assert 0 < unsure < sure < 1
    assert other == pytest.approx(-sure)


def test_differences_that_are_chance_alone_are_pulled_to_next_to_nothing() -> None:
    draw = np.random.default_rng(0)
    error = draw.uniform(0.1, 0.5, 300)
    clusters = np.full(300, 50)
    chance = error * draw.normal(size=300)
    real = chance + draw.normal(0, 2.0, 300)
    for value, least, most in ((chance, 0.0, 0.25), (real, 0.9, 1.0)):
        kept = np.abs(shrink(Spread(value, error, clusters))).sum() / np.abs(value).sum()
        assert least <= kept <= most


def test_a_group_of_all_posts_differs_from_all_by_nothing_for_certain() -> None:
    draw = np.random.default_rng(0)
    resampler = Resampler(draw.integers(0, 30, 200))
    rows, values = np.arange(200), draw.normal(4, 1, 200)
    half = (rows < 100).astype(np.int64)
    spread = resampler.means(np.r_[rows, rows], np.r_[np.zeros(200, int), 1 + half], values, 3)
    assert spread.value[0] == pytest.approx(0.0, abs=1e-12)
    assert spread.error[0] == pytest.approx(0.0, abs=1e-12)
    assert (spread.error[1:] > 0.03).all()


def test_a_part_of_the_week_is_the_one_that_it_is_called() -> None:
    draw = np.random.default_rng(0)
    hour, day = draw.uniform(0, 24, 3000), draw.integers(0, 7, 3000).astype(float)
    good = (day == 2) & (hour >= 18)
    resampler = Resampler(draw.integers(0, 200, 3000))
    hours, weekdays, week = find_hours(good.astype(float), hour, day, resampler, 6)
    assert [(one.low, one.high) for one in hours] == [(0, 6), (6, 12), (12, 18), (18, 24)]
    best = [max(slots, key=lambda one: one.effect.value) for slots in (hours, weekdays, week)]
    assert [(one.day, one.low) for one in best] == [(-1, 18), (2, -1), (2, 18)]
    assert best[2].posts == good.sum()


def test_evenings_end_at_eleven_and_minutes_count() -> None:
    posts = _whole(make_posts(60))
    clock = pd.to_datetime(["2026-05-01T17:59", "2026-05-01T18:00", "2026-05-01T23:00"], utc=True)
    posts["posted_at"] = np.resize(clock, 60)
    hour, day, _ = local_clock(posts, "UTC")
    np.testing.assert_allclose(hour[:3], [17 + 59 / 60, 18.0, 23.0])
    assert properties(posts, hour, day)["evening"][:3].tolist() == [0.0, 1.0, 0.0]


def test_the_newest_quarter_is_recent_and_posts_of_an_instant_stay_together() -> None:
    recent, window = _window(np.array([1.0, 1, 2, 2, 2, 3, 3, np.nan]))
    assert recent.tolist() == [False] * 5 + [True] * 2 + [False]
    assert window is not None
    assert (window.earlier, window.recent) == (5, 2)
    recent, _ = _window(np.arange(8.0))
    assert np.flatnonzero(recent).tolist() == [6, 7]
    recent, _ = _window(np.array([1.0, 1, 1, 1, 2]))  # of one instant are too many to be recent
    assert recent.tolist() == [False] * 4 + [True]


def test_ten_posts_of_which_none_is_recent_may_be_chance() -> None:
    """A quarter of all posts are recent: none of ten is by (3/4)^10, twice for both ends."""
    resampler = Resampler(np.arange(400))
    recent, dated = np.arange(400) >= 300, np.ones(400, dtype=bool)
    (found,) = measure(
        np.arange(10), np.zeros(10, dtype=np.int64), 1, np.zeros(400), recent, dated, resampler
    )
    assert found.momentum.q == pytest.approx(2 * 0.75**10)
    assert not found.momentum.clear
    # Resamples of none are none: what ten posts vary by in themselves is the least.
    assert found.momentum.high - found.momentum.low > 0.9


def test_a_lone_finding_among_many_kinds_of_comparisons_is_held_to_more() -> None:
    def family(*chances: float) -> list[Effect]:
        return [Effect(1.0, 0.0, 2.0, q, clear=q <= FALSE_SHARE) for q in chances]

    nothing = [family(0.9, float("nan")) for _ in range(9)]
    assert _share([family(0.05), *nothing]) == 0.0
    assert _share([family(0.005, 0.5), *nothing]) == pytest.approx(FALSE_SHARE / 10)
    assert _share([family(0.05), family(0.08)]) == pytest.approx(FALSE_SHARE)
    assert _share([family(0.05), family(float("nan")), []]) == pytest.approx(FALSE_SHARE)


def test_texts_without_words_in_common_make_no_topics() -> None:
    assert cluster([f"{i}" for i in range(300)]) is None
    assert cluster(["the same words here"] * 300) is None


def test_why_there_are_no_topics_is_told() -> None:
    few = make_posts(300).assign(caption=lambda posts: posts["caption"].where(posts.index < 40, ""))
    assert (
        "Topics: only 40 posts have a caption; it takes 100."
        in tell_trends(find_trends(few)).cautions
    )
    alike = tell_trends(find_trends(make_posts(300).assign(caption="the same words here"))).cautions
    (told,) = (one for one in alike if one.startswith("Topics"))
    assert "the 300 captions share too few words, or words that all have" in told


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


@cache
def hostile_page() -> str:
    return render_trends(tell_trends(find_trends(make_posts(names=True))))


def test_names_of_strangers_stay_text() -> None:
    page = hostile_page()
    calm = {tag for tag, _ in Tags(render_trends(tell_trends(found()))).seen}
    seen = Tags(page).seen
    assert {tag for tag, _ in seen} <= calm
    assert not any(name.startswith("on") or name == "style" for _, attrs in seen for name in attrs)
    assert not any(attrs.get("href", "#")[0] != "#" for _, attrs in seen if attrs.get("href"))
    assert "<script>window" not in page


def test_the_page_is_small_complete_and_the_same_every_time() -> None:
    told = tell_trends(found())
    page = render_trends(told)
    assert page == render_trends(tell_trends(find_trends(make_posts())))
    assert len(page) < 400_000
    assert not re.search(r"nan|None", re.sub(r"<(script|style)>.*?</\1>", "", page, flags=re.S))
    json.dumps(told.as_json(), allow_nan=False)


def test_the_command_writes_page_twin_and_json(tmp_path: Path) -> None:
    write_posts(make_posts(names=True), tmp_path / "posts.parquet")
    page = tmp_path / "trends.html"
    options = ["trends", str(tmp_path / "posts.parquet"), "-q", "-o", str(page)]
    done = CliRunner().invoke(app, [*options, "--json"])
    assert done.exit_code == 0, done.output
    value = json.loads(done.stdout)
    assert value["found"]["target"] == "views"
    assert page.read_text(encoding="utf-8") == hostile_page()
    assert json.loads(page.with_suffix(".json").read_text())["sentences"] == value["sentences"]
    shown = CliRunner().invoke(app, options)
    assert shown.exit_code == 0, shown.output
    assert "What is trending?" in shown.output
    assert "\x1b]" not in shown.output


def test_what_no_top_post_has_is_chance_where_few_others_have_it() -> None:
    clear, none = 0, 0
    for seed in range(40):
        posts = make_posts(300, effect=0.0, authors=250, seed=seed)
        rare = np.random.default_rng(seed).random(300) < 0.04
        posts["caption"] = np.where(rare, "look!", "look")
        (one,) = (c for c in find_trends(posts, seed=seed).contrasts if c.key == "exclamation")
        none += one.top == 0
        clear += one.effect.clear
    assert none >= 5  # the case in question
    assert clear <= 4


def test_a_clear_loser_is_told_where_nothing_is_a_clear_winner() -> None:
    posts = make_posts(effect=-0.5)
    told = tell_trends(find_trends(posts)).sentences
    assert any(one.startswith("The worst part of the day is") for one in told)
    assert any(one.startswith("Hashtags that do worse than usual") for one in told)
    assert not any("Nothing stands out" in one for one in told)


def test_something_clear_and_nothing_stands_out_are_never_said_together() -> None:
    for seed in range(6):
        one = find_trends(make_posts(effect=(-0.3, 0.0, 0.3)[seed % 3], seed=seed), seed=seed)
        effects = [
            *(slot.effect for slot in (*(one.week or ()), *one.hours, *one.durations)),
            *(item.lift for item in (*one.hashtags, *one.sounds)),
            *(item.momentum for item in (*one.hashtags, *one.sounds)),
            *(topic.item.momentum for topic in (one.topics.topics if one.topics else ())),
        ]
        nothing = "Nothing stands out" in tell_trends(one).sentences[0]
        assert nothing != any(effect.clear for effect in effects)


def test_nothing_moves_where_tags_and_times_are_strangers() -> None:
    moving, unseen = 0, 0
    for seed in range(6):
        draw = np.random.default_rng([seed, 9])
        usual = 1 / np.arange(1, 121) ** 0.9
        posts = make_posts(900, effect=0.0, authors=900, seed=seed)
        posts["hashtags"] = [
            [f"tag{i}" for i in set(draw.choice(120, 3, p=usual / usual.sum()))] for _ in range(900)
        ]
        found = find_trends(posts, seed=seed)
        unseen += sum(item.recent == 0.0 for item in found.hashtags)
        moving += any(item.momentum.clear for item in found.hashtags)
    assert unseen >= 3  # the case in question
    assert moving <= 1


def test_the_difference_of_two_groups_is_that_of_their_means() -> None:
    draw = np.random.default_rng(0)
    inside, values = draw.random(200) < 0.5, draw.normal(size=200)
    spread = Resampler(np.arange(200) // 4).differences(np.arange(200), inside, values)
    assert spread.value[0] == pytest.approx(values[inside].mean() - values[~inside].mean())
    assert 0.08 < spread.error[0] < 0.25
