import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from virality.data.errors import InputError, UsageError
from virality.modeling.targets import TARGETS, available_targets, find_target


def _posts(**columns):
    return pd.DataFrame({name: pd.array(v, dtype="Int64") for name, v in columns.items()})


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=20))
def test_counts_come_back_from_the_learning_scale(counts):
    target = find_target("views")
    back = target.to_units(target.values(_posts(views=counts)))
    np.testing.assert_allclose(back, counts, rtol=1e-9, atol=1e-9)


def test_missing_outcomes_stay_missing():
    y = find_target("likes").values(_posts(likes=[9, None, 0]))
    np.testing.assert_array_equal(y, [1.0, np.nan, 0.0])


def test_popularity_is_learned_as_it_is():
    posts = pd.DataFrame({"popularity": [1.2, 13.4, np.nan]})
    target = find_target("popularity")
    np.testing.assert_array_equal(target.values(posts), [1.2, 13.4, np.nan])
    assert target.to_units(7.5) == 7.5
    assert target.scale == "log score"


def test_a_count_below_zero_predicted_is_zero():
    assert find_target("views").to_units(np.array([-0.5]))[0] == 0.0


def test_a_target_that_is_not_there_names_those_that_are():
    posts = _posts(likes=[1], views=[None])
    assert available_targets(posts) == ("likes",)
    for name in ("shares", "views"):
        with pytest.raises(InputError, match=rf"{name}.*targets there: likes$"):
            find_target(name).values(posts)


def test_an_unknown_target_names_all():
    with pytest.raises(
        UsageError, match="views, likes, comments, shares, saves, popularity, engagement"
    ):
        find_target("fame")


def test_negative_counts_are_refused_with_row_and_value():
    with pytest.raises(InputError, match=r"row 1 has views = -3"):
        find_target("views").values(_posts(views=[1, -3]))


def test_the_registry_holds_each_target_under_its_name():
    assert all(target.name == name for name, target in TARGETS.items())


def _case(n=400, seed=3, authors=12):
    """Posts of authors with levels of their own, responses in known proportion to views."""
    rng = np.random.default_rng(seed)
    author = rng.integers(0, authors, n)
    log_views = 3 + 0.2 * author + rng.normal(0, 0.4, n)
    views = (10**log_views).astype(int)
    days = pd.to_datetime("2025-01-01", utc=True) + pd.to_timedelta(np.arange(n) * 8, unit="h")
    return pd.DataFrame(
        {
            "id": pd.array([f"p{i}" for i in range(n)], dtype="string"),
            "author_id": pd.array([f"a{a}" for a in author], dtype="string"),
            "author_followers": pd.array(1000 * (author + 1), dtype="Int64"),
            "posted_at": days,
            "views": pd.array(views, dtype="Int64"),
            "likes": pd.array(views // 10, dtype="Int64"),
            "comments": pd.array(views // 200, dtype="Int64"),
            "shares": pd.array(rng.integers(0, 1000, n), dtype="Int64"),
        }
    )


def test_given_weights_weigh():
    posts = _posts(likes=[9, None, 0], comments=[10, 5, 0])
    y = find_target("engagement:likes=1,comments=9").values(posts)
    np.testing.assert_allclose(y, [2.0, np.nan, 0.0])


def test_learned_weights_are_what_is_rare_and_are_frozen_on_training_posts():
    posts = _case()
    settled = find_target("engagement").settle(posts)
    fitted = settled.fit(posts.iloc[:200])
    likes, comments, _, saves = fitted.state["weights"]
    assert likes == 1.0
    assert comments == pytest.approx(20, rel=0.15)  # twenty times rarer
    assert saves == 0.0  # the table has none
    changed = posts.copy()
    changed.loc[200:, "comments"] = 0
    again = settled.fit(changed.iloc[:200])
    np.testing.assert_array_equal(again.state["weights"], fitted.state["weights"])
    np.testing.assert_array_equal(again.values(posts), fitted.values(posts))


def test_seed_virality_is_the_formula():
    posts = _case()
    y = find_target("seed_virality").values(posts)
    views = posts["views"].to_numpy(float)
    total = views.copy()
    for name in ("likes", "comments", "shares"):
        x = posts[name].to_numpy(float)
        total += (1 - np.corrcoef(views, x)[0, 1]) * x
    np.testing.assert_allclose(y, np.log10(1 + total))


def test_reach_is_views_per_follower():
    target = find_target("reach")
    posts = _posts(views=[999, 99], author_followers=[99, None])
    np.testing.assert_allclose(target.values(posts), [1.0, np.nan])
    assert target.to_units(-1.0) == pytest.approx(0.1)
    assert target.floor == -np.inf


def _usual(posts, row):
    """Plainly: the shrunken median of the author's posts before this one."""
    log = np.log10(1 + posts["views"].to_numpy(float))
    earlier = (posts["posted_at"] < posts["posted_at"].iloc[row]).to_numpy()
    own = earlier & (posts["author_id"] == posts["author_id"].iloc[row]).to_numpy()
    if earlier.sum() < 10:
        return np.nan
    inner = own.sum() * np.median(log[own]) if own.any() else 0.0
    return (inner + 2.0 * np.median(log[earlier])) / (own.sum() + 2.0)


def test_lift_is_measured_against_the_authors_earlier_posts():
    posts = _case(120).sample(frac=1, random_state=1).reset_index(drop=True)
    y = find_target("lift").values(posts)
    log = np.log10(1 + posts["views"].to_numpy(float))
    wanted = [log[row] - _usual(posts, row) for row in range(len(posts))]
    np.testing.assert_allclose(y, wanted)
    assert np.isnan(y).sum() == 10
    np.testing.assert_allclose(find_target("hit:times=5").values(posts), y - np.log10(5))


def test_unknown_authors_are_not_one_author():
    posts = _case(120)
    posts.loc[posts.index % 3 == 0, "author_id"] = pd.NA
    log = np.log10(1 + posts["views"].to_numpy(float))
    usual = log - find_target("lift").values(posts)
    for row in range(12, 120, 3):
        assert usual[row] == pytest.approx(np.median(log[:row]))


@given(st.integers(20, 119), st.integers(0, 10**9))
def test_later_posts_do_not_change_a_lift(row, views):
    posts = _case(120)
    before = find_target("lift").values(posts)
    posts.loc[row, "views"] = views
    np.testing.assert_array_equal(find_target("lift").values(posts)[:row], before[:row])


@pytest.mark.parametrize(("within", "group"), [("author", "author_id"), ("month", "posted_at")])
def test_hits_are_the_top_of_their_author_or_month(within, group):
    posts = _case(2000)
    y = find_target(f"hit:top=0.25,within={within}").values(posts)
    keys = posts[group].dt.strftime("%Y-%m") if within == "month" else posts[group]
    shares = pd.Series(y >= 0).groupby(keys.to_numpy()).mean()
    assert shares.between(0.15, 0.35).all()


def test_bars_of_unknown_authors_and_later_months():
    posts = _case(400)
    target = find_target("hit:top=0.2,within=author").settle(posts)
    seen = target.fit(posts[posts["author_id"] != "a0"])
    bars, log = seen.values(posts), np.log10(1 + posts["views"].to_numpy(float))
    new = (posts["author_id"] == "a0").to_numpy()
    np.testing.assert_allclose((log - bars)[new], seen.state["overall"][0])
    late = find_target("hit:top=0.2,within=month").settle(posts).fit(posts.iloc[:200])
    bars = (log - late.values(posts))[200:]
    np.testing.assert_allclose(bars[-1], late.state["bars"][-1])
    undated = posts.assign(posted_at=posts["posted_at"].where(posts.index % 7 > 0))
    later = target_of_months(undated.iloc[200:])
    assert "" not in later.state["keys"].tolist()
    bars = log - later.values(posts)
    np.testing.assert_allclose(bars[0], later.state["overall"][0])  # before any month it knows


def test_a_bar_is_the_authors_own_as_far_as_his_posts_go():
    views = [0, 9, 99, 999, 9999, 9, 9, 9]
    names = ["ä"] * 4 + ["z"] * 3 + [None]
    posts = _posts(views=views).assign(author_id=names)
    fitted = find_target("hit:top=0.25,within=author").fit(posts)
    log = np.log10(1.0 + np.array(views))
    every = np.quantile(log, 0.75)
    own = {"ä": (4 * np.quantile(log[:4], 0.75) + 5 * every) / 9}
    own["z"] = (3 * np.quantile(log[4:7], 0.75) + 5 * every) / 8
    np.testing.assert_allclose(fitted.values(posts), log - [own.get(one, every) for one in names])
    strangers = _posts(views=[9, 9, 9, 9]).assign(author_id=["a", "zz", "é", None])
    np.testing.assert_allclose(fitted.values(strangers), 1 - every)  # whoever they stand next to


def target_of_months(posts):
    return find_target("hit:top=0.2,within=month").settle(posts).fit(posts)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("views:times=2", "no options"),
        ("hit:times=0", "1 to"),
        ("hit:top=0.7", "0.5"),
        ("hit:within=month", "top=0.2"),
        ("hit:top=0.1,within=week", "author or month"),
        ("hit:times", "name=value"),
        ("engagement:views=1", "no 'views'"),
        ("engagement:likes=0", "above 0"),
    ],
)
def test_impossible_options_say_what_to_give(name, said):
    with pytest.raises(UsageError, match=said):
        find_target(name)


def test_options_have_one_spelling():
    assert find_target("hit:top=0.10").name == "hit:top=0.1,within=author"
    assert find_target("engagement:shares=2.0,likes=1").name == "engagement:likes=1,shares=2"


def test_derived_targets_need_their_fields():
    assert set(available_targets(_case())) == {
        "views", "likes", "comments", "shares", "engagement", "seed_virality", "reach", "lift",
        "hit", "counts",
    }  # fmt: skip
    with pytest.raises(InputError, match=r"reach.*targets there: views"):
        find_target("reach").values(_posts(views=[1, 2]))
    with pytest.raises(InputError, match="engagement"):
        find_target("engagement:saves=1").values(_posts(likes=[1, 2]))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("counts", "holds no likes, comments, shares or saves; targets there: views"),
        ("engagement:likes=1,comments=3", "holds no 'likes' and no 'comments'; targets there"),
        ("likes", "holds no 'likes'; targets there: views"),
        ("growth", "holds no 'growth', for which counts .* before and after days 1 and 7 of"),
        ("views_3d", "holds no 'views_3d', for which counts .* before and after day 3 of a post"),
    ],
)
def test_what_a_table_lacks_for_a_target_is_named(name, said):
    with pytest.raises(InputError, match=said):
        find_target(name).settle(_posts(views=[1, 2]))
