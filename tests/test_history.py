import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matrices import make_case

from virality.data.errors import InputError
from virality.modeling.bundle import load_model, save_model
from virality.modeling.history import COLD, COLUMNS, LATELY, MOVED, STRENGTH, History
from virality.modeling.train import train


def _posts(rows):
    return pd.DataFrame(
        {
            "id": [f"p{i}" for i in range(len(rows))],
            "author_id": pd.array([r[0] for r in rows], dtype="string"),
            "posted_at": pd.Series(
                [pd.NaT if r[1] is None else pd.Timestamp(r[1], unit="D", tz="UTC") for r in rows],
                dtype="datetime64[ms, UTC]",
            ),
            "sound_id": pd.array([r[2] for r in rows], dtype="string"),
            "hashtags": [r[3] for r in rows],
        }
    )


def _naive_author_mean(rows, y, i):
    """The definition, spelled out for one post."""
    earlier = [k for k in range(len(rows)) if rows[k][1] is not None and rows[k][1] < rows[i][1]]
    if not earlier:
        return np.nan
    own = [y[k] for k in earlier if rows[k][0] == rows[i][0]]
    overall = np.mean([y[k] for k in earlier])
    return (sum(own) + STRENGTH["author"] * overall) / (len(own) + STRENGTH["author"])


row = st.tuples(
    st.one_of(st.none(), st.sampled_from("abc")),
    st.one_of(st.none(), st.integers(0, 12)),
    st.one_of(st.none(), st.sampled_from("xy")),
    st.one_of(st.none(), st.lists(st.sampled_from("stu"), max_size=3).map(tuple)),
)
table = st.lists(row, min_size=1, max_size=25)


@given(table, st.integers(0, 99))
def test_the_mean_of_an_author_is_its_definition(rows, seed):
    y = np.random.default_rng(seed).normal(4, 1, len(rows))
    got = History.fit(_posts(rows), y).transform(_posts(rows))["history__author_mean"]
    for i, (author, day, _, _) in enumerate(rows):
        if author is None or day is None:
            assert np.isnan(got.iloc[i])
        else:
            np.testing.assert_allclose(got.iloc[i], _naive_author_mean(rows, y, i), rtol=1e-5)


@settings(max_examples=60)
@given(table, st.integers(0, 99), st.integers(0, 12))
def test_changing_any_later_post_changes_nothing(rows, seed, today):
    rng = np.random.default_rng(seed)
    y = rng.normal(4, 1, len(rows))
    asked = _posts([r for r in rows if r[1] is not None and r[1] <= today])
    before = History.fit(_posts(rows), y).transform(asked)
    later = [i for i, r in enumerate(rows) if r[1] is not None and r[1] >= today]
    changed = [
        (rng.choice(["a", "z"]), rows[i][1] + 5, "y", ("s", "v")) if i in later else rows[i]
        for i in range(len(rows))
    ]
    other = np.where(np.isin(np.arange(len(rows)), later), rng.normal(9, 3, len(rows)), y)
    after = History.fit(_posts(changed), other).transform(asked)
    pd.testing.assert_frame_equal(before, after)


@given(table, st.integers(0, 99))
def test_the_fading_mean_of_an_author_is_its_definition(rows, seed):
    y = np.random.default_rng(seed).normal(4, 1, len(rows))
    got = History.fit(_posts(rows), y).transform(_posts(rows))
    for i, (author, day, _, _) in enumerate(rows):
        if author is None or day is None:
            assert np.isnan(got["history__author_lately"].iloc[i])
            continue
        own = [k for k, r in enumerate(rows) if r[0] == author and r[1] is not None and r[1] < day]
        own.sort(key=lambda k: (rows[k][1], k), reverse=True)
        weights = 0.5 ** (np.arange(len(own)) / LATELY)
        mean = got["history__author_mean"].iloc[i]
        total = weights @ y[own] + STRENGTH["author"] * mean
        wanted = total / (weights.sum() + STRENGTH["author"])
        np.testing.assert_allclose(got["history__author_lately"].iloc[i], wanted, rtol=1e-4)


@settings(max_examples=60)
@given(table, table, st.integers(0, 99))
def test_a_history_extended_by_later_posts_equals_one_of_all(rows, more, seed):
    rng = np.random.default_rng(seed)
    newest = max((r[1] for r in rows if r[1] is not None), default=-1)
    later = [(a, d if d is None else d + newest + 1, s, h) for a, d, s, h in more]
    y, z = rng.normal(4, 1, len(rows)), rng.normal(4, 1, len(later))
    both = _posts(rows + later)
    whole = History.fit(both, np.concatenate([y, z]))
    known = History.fit(_posts(rows), y)
    got = known.extended(both, np.concatenate([y, z]))  # posts known already are left out
    pd.testing.assert_frame_equal(got.transform(both), whole.transform(both), rtol=1e-4)
    again = got.extended(both, np.concatenate([y, z]))
    assert again is got or not len(got.clock)


def _told(own, overall, strength):
    """Return the shrunken mean of outcomes, oldest first, and that of the five latest."""
    mean = (sum(own) + strength * overall) / (len(own) + strength)
    return mean, (sum(own[-5:]) + mean) / (len(own[-5:]) + 1)


@settings(max_examples=60)
@given(table, st.integers(0, 99))
def test_sounds_and_hashtags_are_their_definitions(rows, seed):
    y = np.random.default_rng(seed).normal(4, 1, len(rows))
    got = History.fit(_posts(rows), y).transform(_posts(rows))
    for i, (_, day, sound, tags) in enumerate(rows):
        now = got.iloc[i]
        before = [k for k, r in enumerate(rows) if r[1] is not None and day is not None]
        before = sorted((k for k in before if rows[k][1] < day), key=lambda k: (rows[k][1], k))
        assert now["history__sound_cold"] == (not any(rows[k][2] == sound for k in before if sound))
        shared = [k for k in before if set(tags or ()) & set(rows[k][3] or ())]
        assert now["history__hashtag_cold"] == (not shared)
        if not before:
            names = ("sound_mean", "sound_trend", "hashtag_mean", "hashtag_best", "hashtag_trend")
            assert all(np.isnan(now[f"history__{name}"]) for name in names)
            continue
        overall = np.mean(y[before])
        if sound is not None:
            own = [y[k] for k in before if rows[k][2] == sound]
            mean, recent = _told(own, overall, STRENGTH["sound"])
            assert now["history__sound_count"] == len(own)
            wanted = [mean, recent, recent - mean] if own else [mean, np.nan, np.nan]
            names = ("sound_mean", "sound_recent", "sound_trend")
            found = [now[f"history__{name}"] for name in names]
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)
        if tags:
            each = [[y[k] for k in before if tag in (rows[k][3] or ())] for tag in set(tags)]
            told = [_told(own, overall, STRENGTH["hashtag"]) for own in each]
            moved = [b - a for own, (a, b) in zip(each, told, strict=True) if own]
            wanted = [
                max(map(len, each)), np.mean([a for a, _ in told]), max(a for a, _ in told),
                np.mean(moved) if moved else np.nan,
            ]  # fmt: skip
            found = [now[f"history__hashtag_{name}"] for name in ("count", "mean", "best", "trend")]
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)


def test_posts_of_one_instant_do_not_see_each_other():
    rows = [("a", 1, "x", ("s",)), ("a", 1, "x", ("s",)), ("a", 2, "x", ("s",))]
    got = History.fit(_posts(rows), np.array([1.0, 2.0, 3.0])).transform(_posts(rows))
    np.testing.assert_array_equal(got["history__author_count"], [0, 0, 2])
    np.testing.assert_array_equal(got[COLD], [1, 1, 0])
    np.testing.assert_array_equal(got["history__author_gap_days"], [np.nan, np.nan, 1])
    np.testing.assert_array_equal(got["history__hashtag_count"], [0, 0, 2])


def test_held_out_authors_are_cold():
    _, posts = make_case(60)
    y = np.arange(60.0)
    strangers = posts.assign(author_id="nobody")
    got = History.fit(posts, y).transform(strangers)
    assert (got[COLD] == 1).all()
    assert (got["history__author_count"] == 0).all()


def test_latest_posts_make_the_recent_mean():
    rows = [("a", day, None, None) for day in range(9)]
    y = np.arange(9.0)
    got = History.fit(_posts(rows[:8]), y[:8]).transform(_posts(rows[8:])).iloc[0]
    assert got["history__author_last"] == 7
    mean = (28 + STRENGTH["author"] * 3.5) / (8 + STRENGTH["author"])
    np.testing.assert_allclose(got["history__author_recent"], (3 + 4 + 5 + 6 + 7 + mean) / 6, 1e-6)
    assert got["history__author_trend"] > 0
    np.testing.assert_allclose(got["history__author_spread"], np.std(np.arange(8)), rtol=1e-6)


def test_a_table_without_authors_times_sounds_or_tags_gives_missing_values():
    bare = pd.DataFrame({"id": ["p", "q"]})
    got = History.fit(bare, np.array([1.0, 2.0])).transform(bare)
    assert list(got.columns) == list(COLUMNS)
    assert (got[COLD] == 1).all()
    assert got["history__author_mean"].isna().all()


def test_columns_are_described():
    assert {column.modality for column in COLUMNS.values()} == {"history"}
    assert {column.known for column in COLUMNS.values()} == {"asof"}


def _at(author, hours, sound=None, tags=()):
    rows = _posts([(author, 0, sound, tags)] * len(hours))
    stamps = pd.to_datetime("2026-03-01", utc=True) + pd.to_timedelta(hours, unit="h")
    return rows.assign(posted_at=stamps.astype("datetime64[ms, UTC]"))


def test_the_usual_hour_is_found_on_the_circle():
    posts = _at("a", [23.0, 25.0, 47.0, 49.0, 54.0])  # 23:00 and 01:00 twice, then 06:00
    got = History.fit(posts, np.ones(5)).transform(posts)["history__author_hour_gap"]
    assert np.isnan(got.iloc[0])
    np.testing.assert_allclose(got.iloc[1:], [2.0, 1.0, 4 / 3, 6.0], atol=0.02)
    opposite = _at("a", [0.0, 12.0, 30.0])
    gap = History.fit(opposite, np.ones(3)).transform(opposite)["history__author_hour_gap"]
    assert np.isnan(gap.iloc[2])


def test_another_hour_changes_the_distance_from_the_usual_one_and_nothing_else():
    posts = _at("a", [0.0, 24.0, 48.0, 53.0, 72.0], "x", ("s",))
    history = History.fit(posts, np.array([1.0, 1.0, 9.0, 5.0, 1.0]))
    was = history.transform(posts)
    hours = np.array([0.0, 12.0, 6.0, -6.0, 0.0])  # past itself and others, and before others
    now = history.transform(posts.assign(**{MOVED: hours}))
    gap = "history__author_hour_gap"
    pd.testing.assert_frame_equal(now.drop(columns=gap), was.drop(columns=gap))
    np.testing.assert_allclose(now[gap].iloc[1:4], [12.0, 6.0, 1.0], atol=0.02)
    assert now[gap].iloc[4] == was[gap].iloc[4]


def test_sounds_and_hashtags_have_momentum():
    hours = np.arange(12) * 24.0
    posts = _at("a", hours, "x", ("s",))
    rising = np.repeat([3.0, 5.0], 6)
    up = History.fit(posts, rising).transform(posts).iloc[-1]
    down = History.fit(posts, rising[::-1].copy()).transform(posts).iloc[-1]
    for name in ("sound_trend", "hashtag_trend", "author_trend"):
        assert up[f"history__{name}"] > 0.2
        assert down[f"history__{name}"] < -0.2
    strangers = _at("b", [400.0], "y", ("t",))
    late = History.fit(posts, rising).transform(strangers).iloc[0]
    assert np.isnan(late["history__sound_trend"])
    assert np.isnan(late["history__hashtag_trend"])


def test_a_model_told_what_happened_since_follows_authors_that_drift(tmp_path):
    matrix, posts = make_case(400, authors=8)
    rng = np.random.default_rng(2)
    number = posts["author_id"].str.removeprefix("author").astype(int).to_numpy()
    drift = np.sin(np.linspace(0, 12, len(posts)) + 1.7 * number)
    y = 4 + drift + rng.normal(0, 0.2, len(posts))
    posts["views"] = pd.array(np.maximum(10**y, 0).astype(int), dtype="Int64")
    ids = matrix.frame.index
    model = train(matrix.rows(ids[:250]), posts.iloc[:250].reset_index(drop=True))
    later = matrix.rows(ids[250:]), posts.iloc[250:].reset_index(drop=True)
    informed = model.informed(posts)
    errors = [np.abs(one.predict(*later).mean - y[250:]).mean() for one in (model, informed)]
    assert errors[1] < 0.8 * errors[0]
    early = model.predict(matrix.rows(ids[:251]), posts.iloc[:251])
    np.testing.assert_array_equal(
        early.mean, informed.predict(matrix.rows(ids[:251]), posts.iloc[:251]).mean
    )
    save_model(informed, tmp_path / "model")
    kept = load_model(tmp_path / "model")
    np.testing.assert_array_equal(kept.predict(*later).mean, informed.predict(*later).mean)
    with pytest.raises(InputError, match="views"):
        model.informed(posts.drop(columns="views"))
