import json
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from virality.data.errors import InputError, StorageError, ViralityError
from virality.data.post import OUTCOMES, SCHEMA, Post
from virality.data.table import (
    DTYPES,
    conform,
    extra_known,
    iter_posts,
    merge_posts,
    read_posts,
    write_posts,
)


def small_posts(rows: int = 3) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [f"p{n}" for n in range(rows)],
            "caption": ["xin chào 🍜", None, ""][:rows] + ["more"] * (rows - 3),
            "hashtags": [("a", "b"), None, ()][:rows] + [("c",)] * (rows - 3),
            "posted_at": pd.to_datetime(
                [1_700_000_000 + n for n in range(rows)], unit="s", utc=True
            ),
            "views": pd.array([10, None, 2**53 + 1][:rows] + [7] * (rows - 3), dtype="Int64"),
            "duration_s": [1.5, None, 0.0][:rows] + [3.0] * (rows - 3),
            "author_verified": [True, None, False][:rows] + [True] * (rows - 3),
            "extra.language": ["vi", None, "en"][:rows] + ["de"] * (rows - 3),
            "extra.bitrate": [1.0, 2.0, None][:rows] + [4.0] * (rows - 3),
        }
    ).astype({"author_verified": object})


def test_a_table_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "posts.parquet"
    write_posts(small_posts(), path, {"extra.language": "pre"})
    posts = read_posts(path)
    assert list(posts.columns) == [*SCHEMA, "extra.language", "extra.bitrate"]
    for name, field in SCHEMA.items():
        assert posts[name].dtype == DTYPES[field.kind], name
    assert posts["hashtags"].tolist() == [("a", "b"), None, ()]
    assert posts["caption"].tolist() == ["xin chào 🍜", pd.NA, ""]
    assert posts["views"].tolist() == [10, pd.NA, 2**53 + 1]
    assert isinstance(posts.index, pd.RangeIndex)
    assert extra_known(path) == {"extra.language": "pre", "extra.bitrate": "post"}
    assert list(tmp_path.iterdir()) == [path]


def test_the_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    write_posts(small_posts(), tmp_path / "a.parquet")
    write_posts(read_posts(tmp_path / "a.parquet"), tmp_path / "b.parquet")
    write_posts(read_posts(tmp_path / "b.parquet"), tmp_path / "c.parquet")
    assert (tmp_path / "b.parquet").read_bytes() == (tmp_path / "c.parquet").read_bytes()


def test_posts_hold_no_outcome(tmp_path: Path) -> None:
    write_posts(small_posts(), tmp_path / "posts.parquet")
    posts = list(iter_posts(read_posts(tmp_path / "posts.parquet")))
    assert posts[0] == Post(
        id="p0",
        caption="xin chào 🍜",
        hashtags=("a", "b"),
        posted_at=datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
        duration_s=1.5,
        author_verified=True,
    )
    assert posts[1].caption is None
    assert not set(OUTCOMES) & set(Post.__dataclass_fields__)


@pytest.mark.parametrize("kept", [0, 3, 5, 400, -1, -20])
def test_a_truncated_file_is_damaged(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "posts.parquet"
    write_posts(small_posts(), path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(
        StorageError if kept not in (3,) else ViralityError, match=r"posts\.parquet"
    ):
        read_posts(path)


def test_a_flipped_bit_is_never_read_as_another_value(tmp_path: Path) -> None:
    path = tmp_path / "posts.parquet"
    write_posts(small_posts(40), path, {"extra.language": "pre"})
    whole, first = path.read_bytes(), read_posts(path)
    noticed = 0
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :])
        try:
            again = read_posts(path)
        except ViralityError:
            noticed += 1
        else:
            pd.testing.assert_frame_equal(first, again)
            assert extra_known(path)["extra.language"] == "pre"
    assert noticed > len(whole) / 7 / 3


@pytest.mark.parametrize("content", [b"id,views\n1,2\n", b"PK\x03\x04 not parquet", b"{}"])
def test_another_kind_of_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "posts.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match="virality ingest"):
        read_posts(path)


def test_a_foreign_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.parquet"
    pd.DataFrame({"id": ["1"]}).to_parquet(path)
    with pytest.raises(InputError, match="not a table of posts"):
        read_posts(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_posts(tmp_path / "none.parquet")
    with pytest.raises(InputError, match="folder"):
        read_posts(tmp_path)


def test_an_unwritable_place_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be written"):
        write_posts(small_posts(), tmp_path / "absent" / "posts.parquet")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mystery": 1}, "'extra.mystery'"),
        ({"id": ["p0", "p0", "p1"]}, "more than once"),
        ({"id": ["p0", None, "p1"]}, "row 2 has no id"),
        ({"id": [7.5e18, 7.5e18, 7.6e18]}, "holds floats"),
        ({"views": [1.5, 2, 3]}, "'views'"),
        ({"duration_s": [1.0, float("inf"), 2.0]}, "infinite"),
        ({"hashtags": ["a b", "c", "d"]}, "'hashtags'"),
    ],
)
def test_a_table_of_another_shape_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        conform(small_posts().assign(**change))


def test_no_posts_and_wrong_provenance_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no posts"):
        write_posts(small_posts().iloc[:0], tmp_path / "posts.parquet")
    with pytest.raises(InputError, match="'views'"):
        write_posts(small_posts(), tmp_path / "posts.parquet", {"views": "pre"})


def test_merging_keeps_the_latest_collection() -> None:
    def table(ids: list[str], views: list[int], days: list[str | None]) -> pd.DataFrame:
        times = pd.to_datetime(pd.Series(days), utc=True)
        return conform_rows(ids, views, times)

    def conform_rows(ids: list[str], views: list[int], times: pd.Series) -> pd.DataFrame:
        return pd.DataFrame({"id": ids, "views": views, "collected_at": times})

    old = table(["a", "b", "c"], [1, 2, 3], ["2025-01-02", "2025-01-05", None])
    new = table(["b", "a", "c", "d"], [20, 10, 30, 40], ["2025-01-04", "2025-01-03", None, None])
    merged = merge_posts(old, new)
    assert merged["id"].tolist() == ["a", "b", "c", "d"]
    assert merged["views"].tolist() == [10, 2, 30, 40]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]))),
            st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
            st.one_of(st.none(), st.lists(st.text(st.characters(exclude_categories=["Cs"])))),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_any_value_survives(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str | None, int | None, list[str] | None]],
) -> None:
    path = tmp_path_factory.mktemp("any") / "posts.parquet"
    captions, views, words = zip(*rows, strict=True)
    posts = pd.DataFrame({"id": [str(n) for n in range(len(rows))]})
    posts["caption"] = pd.Series(captions, dtype="string")
    posts["views"] = pd.array(list(views), dtype="Int64")
    posts["hashtags"] = pd.Series([None if w is None else tuple(w) for w in words], dtype=object)
    write_posts(posts, path)
    again = read_posts(path)
    assert [None if v is pd.NA else v for v in again["caption"]] == list(captions)
    assert [None if v is pd.NA else v for v in again["views"]] == list(views)
    assert again["hashtags"].tolist() == posts["hashtags"].tolist()
    assert json.loads(json.dumps(dict(extra_known(path)))) == {}
