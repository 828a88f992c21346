"""Drift of posts that share authors: what is chance is not called a shift, what is one is found."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control, ks_2samp, rankdata

from virality.data.matrix import Column, FeatureMatrix
from virality.modeling.design_effect import Sides, design_effect
from virality.modeling.drift import compare_columns, compare_matrices, tell

COLUMNS = 40


def two_samples(seed, authors, posts, *, theirs=0.5, same=False, shift=0.0):
    """Earlier and later posts of `authors` each, `theirs` being the authors' share of variance."""
    draw = np.random.default_rng(seed)
    habits = draw.normal(scale=theirs**0.5, size=(2 * authors, COLUMNS))
    earlier = np.repeat(np.arange(authors), posts)
    later = earlier if same else earlier + authors
    before, now = (
        habits[whose] + draw.normal(scale=(1 - theirs) ** 0.5, size=(len(whose), COLUMNS))
        for whose in (earlier, later)
    )
    return before, now + shift, np.append(earlier, later)


def count_moved(before, now, authors):
    found = compare_columns([f"c{number}" for number in range(COLUMNS)], before, now, authors)
    return sum(one.moved for one in found)


@pytest.mark.parametrize(("authors", "posts"), [(20, 10), (60, 5), (5, 30)])
def test_other_authors_with_habits_of_their_own_are_no_drift(authors, posts):
    worlds = [two_samples(seed, authors, posts) for seed in range(12)]
    alarms = sum(count_moved(*world) for world in worlds)
    assert alarms <= 0.01 * COLUMNS * len(worlds)
    alone = sum(count_moved(before, now, None) for before, now, _ in worlds)
    assert alone >= 5 * max(1, alarms)  # as single posts they would look like drift


def test_a_shift_in_every_author_is_found():
    before, now, authors = two_samples(0, 40, 10, shift=1.0)
    assert count_moved(before, now, authors) == COLUMNS


def test_the_same_authors_are_compared_post_by_post():
    before, now, authors = two_samples(1, 1, 200, same=True, shift=0.6)
    (first, *_) = compare_columns(["x"], before[:, :1], now[:, :1], authors)
    plain = ks_2samp(before[:, 0], now[:, 0], method="asymp").pvalue
    assert first.p == pytest.approx(2 * plain, rel=1e-6)
    assert first.moved


def test_the_design_effect_is_the_variance_that_authors_add():
    draws = [two_samples(seed, 15, 12, theirs=0.4) for seed in range(60)]
    differences = np.array([before.mean(0) - now.mean(0) for before, now, _ in draws])
    later = np.arange(360) >= 180
    effects = [
        design_effect(np.append(before[:, 0], now[:, 0]), Sides(authors, later))
        for before, now, authors in draws
    ]
    as_single_posts = 1 / 180 + 1 / 180
    assert np.mean(effects) == pytest.approx(differences.var() / as_single_posts, rel=0.2)
    assert np.mean(effects) == pytest.approx(1 + 11 * 0.4, rel=0.2)  # Kish: 1 + (m - 1) rho


def test_the_design_effect_of_pairs_is_little_more_than_that_of_single_posts():
    draws = [two_samples(seed, 100, 2, theirs=0.4) for seed in range(40)]
    later = np.arange(400) >= 200
    effects = [
        design_effect(np.append(before[:, 0], now[:, 0]), Sides(authors, later))
        for before, now, authors in draws
    ]
    assert np.mean(effects) == pytest.approx(1.4, rel=0.1)


def test_the_design_effect_is_worked_out_as_its_text_says():
    draw = np.random.default_rng(8)
    authors = np.repeat([4, 9, 2, 7, 5], [3, 8, 1, 6, 4])
    later = np.arange(22) >= 9  # one author has posts of either sample
    values = np.repeat(draw.normal(0, 1.5, 5), [3, 8, 1, 6, 4]) + draw.normal(size=22)
    ranks = rankdata(values)
    rest = ranks.copy()
    for side in (later, ~later):
        rest[side] -= ranks[side].mean()
    groups = [rest[authors == one] for one in set(authors)]
    between = sum(len(g) * g.mean() ** 2 for g in groups) / 4
    within = sum(((g - g.mean()) ** 2).sum() for g in groups) / (22 - 5)
    size = (22 - sum(len(g) ** 2 for g in groups) / 22) / 4
    rho = (between - within) / (between + (size - 1) * within)
    weight = np.where(later, 1 / later.sum(), -1 / (~later).sum())
    alike = np.where(authors[:, None] == authors, rho, 0.0)
    np.fill_diagonal(alike, 1.0)
    wanted = weight @ alike @ weight / (weight @ weight)
    assert 0.2 < rho < 0.9
    assert wanted > 1.1
    assert design_effect(values, Sides(authors, later)) == pytest.approx(wanted)
    views = 10 ** (2 * values)  # ranks are those of any scale
    assert design_effect(views, Sides(authors, later)) == pytest.approx(wanted)
    nothing = np.zeros(22, dtype=bool)
    assert design_effect(values, Sides(authors, nothing)) == 1.0
    assert design_effect(values, Sides(authors, ~nothing)) == 1.0


def test_authors_who_are_less_alike_than_chance_take_nothing_off():
    authors, later = np.repeat(np.arange(20), 2), np.tile([False, True], 20)
    values = np.where(later, -1.0, 1.0) * authors  # who did well does badly now
    assert design_effect(values, Sides(authors, later)) == 1.0


def test_authors_with_as_many_posts_of_either_sample_cancel_out():
    before, now, authors = two_samples(3, 20, 10, theirs=0.6, same=True)
    values = np.append(before[:, 0], now[:, 0])
    assert design_effect(values, Sides(authors, np.arange(400) >= 200)) == 1.0
    apart = np.append(np.arange(200) // 10, 20 + np.arange(200) // 10)
    assert design_effect(values, Sides(apart, np.arange(400) >= 200)) > 4.0


def test_chances_are_corrected_for_the_number_of_columns():
    before, now, _ = two_samples(4, 60, 1)
    names = [f"c{number}" for number in range(COLUMNS)]
    single = [
        compare_columns([name], before[:, [i]], now[:, [i]])[0].p for i, name in enumerate(names)
    ]
    together = {one.name: one.p for one in compare_columns(names, before, now)}
    wanted = false_discovery_control(single)
    np.testing.assert_allclose([together[name] for name in names], wanted)
    assert min(wanted) > 2 * min(single)


def test_a_shift_that_is_sure_but_tiny_has_not_moved():
    draw = np.random.default_rng(5)
    before, now = draw.normal(size=(20_000, 1)), draw.normal(0.1, 1.0, size=(20_000, 1))
    (found,) = compare_columns(["x"], before, now)
    assert found.p < 1e-6
    assert not found.moved
    assert "hardly differs" in found.sentence


@pytest.mark.parametrize(("earlier", "later"), [(19, 200), (200, 19)])
def test_too_few_posts_on_either_side_are_not_compared(earlier, later):
    assert compare_columns(["x"], np.zeros((earlier, 1)), np.ones((later, 1))) == ()


@pytest.mark.parametrize(
    ("values", "authors"),
    [(np.ones(40), np.arange(40) // 4), (np.arange(40.0), np.zeros(40, dtype=np.int64)),
     (np.arange(40.0), np.arange(40))],
    ids=["constant", "one author", "an author a post"],
)  # fmt: skip
def test_where_authors_tell_nothing_posts_count_in_full(values, authors):
    assert design_effect(values, Sides(authors, np.arange(40) >= 20)) == 1.0


def test_values_that_an_author_lacks_are_one_finding_and_not_forty():
    before, now, authors = two_samples(2, 12, 30)
    now[:90, 0] = np.nan  # three of twelve later authors have no sound
    found = {one.name: one for one in compare_columns(["a", "b"], before[:, :2], now[:, :2])}
    assert found["a"].moved
    theirs = compare_columns(["a", "b"], before[:, :2], now[:, :2], authors)
    assert not any(one.moved for one in theirs)


def test_an_embedding_of_few_posts_has_not_moved_because_its_axis_was_found_in_them():
    alarms = 0
    for seed in range(20):
        draw = np.random.default_rng(seed)
        columns = [Column(f"e__{n}", "text", "", "pre", block="e") for n in range(64)]
        names = [one.name for one in columns]
        ids = [f"p{number}" for number in range(120)]
        values = pd.DataFrame(
            draw.normal(size=(120, 64)).astype(np.float32), index=pd.Index(ids), columns=names
        )
        before = FeatureMatrix(values.iloc[:60], {one.name: one for one in columns}, {})
        alarms += sum(one.p < 0.05 for one in compare_matrices(before, values.iloc[60:], columns))
    assert alarms <= 3


@pytest.mark.parametrize(("usual", "fallen"), [(1.0, 0.0), (5.0, 3.0), (5.0, 7.0)])
def test_what_nearly_all_posts_share_can_fall_and_rise(usual, fallen):
    before = np.where(np.arange(200) % 20 == 0, 0.0, usual)[:, None]
    (found,) = compare_columns(["flag"], before, np.full((100, 1), fallen))
    assert found.psi > 1
    assert found.moved
    way = "lower" if fallen < usual else "higher"
    assert found.sentence.startswith(
        f"flag is {way} than in training: median {fallen:g}, {usual:g}"
    )


def test_one_post_is_not_told_as_none_nor_all_but_one_as_all():
    before, now = np.arange(1200.0).reshape(600, 2), np.arange(1200.0).reshape(600, 2)
    before[0], now[1:] = np.nan, np.nan
    moved = compare_columns(["text_a", "text_b"], before, now)
    for said in (moved[0].sentence, *tell(moved, 5)):
        assert "missing in more than 99% of the posts, in less than 1% before" in said


def test_values_that_are_there_again_are_told_as_that():
    draw = np.random.default_rng(0)
    before, now = draw.normal(size=(200, 2)), draw.normal(size=(150, 2))
    before[:120, 0] = np.nan
    before[:, 1] = np.nan
    for found in compare_columns(["some", "all"], before, now):
        assert found.moved
        share = "60%" if found.name == "some" else "100%"
        assert f"is missing in 0% of the posts, in {share} before" in found.sentence
        assert "nan" not in found.sentence
