import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from virality.data.ingest import ingest
from virality.data.post import SCHEMA
from virality.data.table import conform, extra_known, read_posts
from virality.data.validate import Validation, validate
from virality.modeling.targets import find_target

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def table(rows: int = 60, authors: int = 10, **changes: object) -> pd.DataFrame:
    posted = pd.date_range("2025-01-01", periods=rows, tz="UTC")
    columns = {
        "id": [f"p{n}" for n in range(rows)],
        "author_id": [f"a{n % authors}" for n in range(rows)],
        "posted_at": posted,
        "collected_at": posted + pd.Timedelta(days=30),
        "caption": [f"caption {n}" for n in range(rows)],
        "views": range(rows),
        "likes": [n // 2 for n in range(rows)],
        "extra.language": ["vi"] * rows,
    }
    return conform(pd.DataFrame(columns | changes))


def look(posts: pd.DataFrame) -> Validation:
    return validate(posts, {"extra.language": "pre"}, now=NOW)


def test_a_clean_table() -> None:
    seen = look(table())
    assert (seen.posts, seen.authors) == (60, 10)
    assert (seen.duplicates, seen.suspicious_dates, seen.suspicious_values) == ((), (), ())
    facts = {fact.name: fact for fact in seen.fields}
    assert (facts["views"].low, facts["views"].high, facts["views"].distinct) == (0, 59, 60)
    assert facts["posted_at"].low == "2025-01-01T00:00:00+00:00" == seen.first_posted_at
    assert facts["caption"].low is None
    assert facts["extra.language"].known == "pre"
    assert "extra.language" in seen.provenance["pre"]
    assert seen.provenance["post"] == ("collected_at", "views", "likes")
    assert set(seen.missing) == set(SCHEMA) - set(facts)
    assert [(t.target, t.splits, t.warning) for t in seen.targets] == [
        ("views", ("temporal", "author", "random"), ""),
        ("likes", ("temporal", "author", "random"), ""),
        ("seed_virality", ("temporal", "author", "random"), ""),
        ("lift", ("temporal", "author", "random"), ""),
        ("hit", ("temporal", "author", "random"), ""),
    ]


def test_it_is_json() -> None:
    text = json.dumps(look(table()).as_json(), allow_nan=False)
    assert json.loads(text)["provenance"]["asof"] == []


def test_an_undeclared_extra_is_post() -> None:
    assert "extra.language" in validate(table(), now=NOW).provenance["post"]


def test_odd_dates_are_named() -> None:
    posts = table()
    posts.loc[0, "posted_at"] = pd.Timestamp("2031-01-01", tz="UTC")
    posts.loc[1, "posted_at"] = pd.Timestamp("2009-01-01", tz="UTC")
    doubts = {doubt.what: doubt for doubt in look(posts).suspicious_dates}
    assert doubts["posted in the future"].examples == ("p0",)
    assert doubts["posted before 2016"].examples == ("p1",)
    assert doubts["posted after it was collected"].posts == 1


def test_duplicates_and_odd_values_are_named() -> None:
    posts = table(likes=[100] + [0] * 59, media=["a.mp4"] * 2 + [None] * 58)
    for name in ("author_id", "posted_at", "caption"):
        posts.loc[1, name] = posts.loc[0, name]
    seen = look(posts)
    assert [(d.what, d.posts) for d in seen.duplicates] == [
        ("same author, time and caption as another post", 2),
        ("same media file as another post", 2),
    ]
    assert [(d.what, d.examples) for d in seen.suspicious_values] == [
        ("more likes than views", ("p0",))
    ]


@pytest.mark.parametrize(
    ("changes", "splits", "warning"),
    [
        ({"posted_at": pd.NaT}, ("author", "random"), "posting times are not known"),
        ({"authors": 3}, ("temporal", "random"), "fewer than five authors"),
        ({"posted_at": pd.NaT, "author_id": None}, ("random",), "flatter the score"),
        ({"views": 7}, (), "same value"),
        ({"rows": 4}, (), "only 4 posts; 30 are needed to train"),
        ({"rows": 29}, (), "only 29 posts; 30 are needed to train"),
        ({"rows": 30}, ("temporal", "author", "random"), "only 30 posts: scores"),
    ],
)
def test_what_can_be_predicted(
    changes: dict[str, int], splits: tuple[str, ...], warning: str
) -> None:
    views = next(t for t in look(table(**changes)).targets if t.target == "views")
    assert views.splits == splits
    assert warning in views.warning


def test_posts_without_earlier_ones_have_no_lift() -> None:
    assert {t.target: t.rows for t in look(table(35)).targets if t.target in ("views", "lift")} == {
        "views": 35,
        "lift": 25,
    }
    (lift,) = (t for t in look(table(35)).targets if t.target == "lift")
    assert (lift.splits, lift.warning) == ((), "only 25 posts; 30 are needed to train")


@pytest.mark.parametrize("seed", range(5))
def test_what_is_counted_is_what_is_learned_from(seed: int) -> None:
    draw = np.random.default_rng(seed)
    posts = table(60)
    for name in ("author_id", "posted_at", "views", "likes"):
        posts.loc[draw.random(60) < 0.2, name] = pd.NA if name != "posted_at" else pd.NaT
    posts["posted_at"] = posts["posted_at"].dt.floor("4D")
    counted = {one.target: one.rows for one in look(posts).targets}
    for target in ("views", "likes", "seed_virality", "lift", "hit"):
        assert counted[target] == np.isfinite(find_target(target).values(posts)).sum(), target


def test_no_outcome_means_no_target() -> None:
    assert look(table(views=pd.NA, likes=pd.NA)).targets == ()


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="the real tables are not here")
def test_the_challenge_predicts_popularity(tmp_path: Path) -> None:
    path = ingest(SHARED / "smp_video_2025", tmp_path / "posts.parquet").path
    seen = validate(read_posts(path), extra_known(path))
    assert [(t.target, t.rows) for t in seen.targets] == [("popularity", 3_200)]
    assert "extra.user_likes_count" in seen.provenance["post"]
    assert "author_likes" in seen.provenance["post"]
