"""Exports as programs leave them: gaps in records, nesting, odd headers, ids kept as floats."""

import gzip
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from excerpts import api_item, scraper_post

from virality.data.errors import InputError
from virality.data.ingest import Ingest, ingest
from virality.data.sources.table import suggest_mapping
from virality.data.table import read_posts

GAPS = [{"id": "1", "caption": "first"}, {"id": "2", "caption": "second", "views": 5}]


def read(source: Path, mapping: Path | None = None) -> tuple[Ingest, pd.DataFrame]:
    result = ingest(source, source.parent / "posts.parquet", mapping=mapping)
    return result, read_posts(result.path)


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def lines(records: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.mark.parametrize(("name", "spelled"), [("a.json", json.dumps), ("a.jsonl", lines)])
def test_a_field_that_the_first_record_lacks_is_read_of_the_others(
    tmp_path: Path, name: str, spelled: Any
) -> None:
    many = [{"id": f"n{n}", "caption": "x"} for n in range(1200)]
    _, posts = read(written(tmp_path / name, spelled([*many, *GAPS])))
    assert posts["views"].dropna().tolist() == [5]
    assert "extra.views" not in posts
    assert 'views = "views"' in suggest_mapping(tmp_path / name)


@pytest.mark.parametrize(("name", "spelled"), [("a.json", json.dumps), ("a.jsonl", lines)])
def test_a_layout_is_known_though_its_first_post_has_no_counts(
    tmp_path: Path, name: str, spelled: Any
) -> None:
    bare = {key: value for key, value in api_item(0).items() if not key.startswith("stats")}
    result, posts = read(written(tmp_path / name, spelled([bare, api_item(1)])))
    assert result.format == "tiktok_api"
    assert posts["views"].notna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("record", "format_name"), [(api_item(0), "tiktok_api"), (scraper_post(0), "tiktok_scraper")]
)
def test_parquet_that_nests_is_the_layout_that_it_nests(
    tmp_path: Path, record: dict[str, Any], format_name: str
) -> None:
    plain = written(tmp_path / "a.jsonl", lines([record]))
    _, expected = read(plain)
    pq.write_table(pa.Table.from_pylist([record]), tmp_path / "a.parquet")
    result, posts = read(tmp_path / "a.parquet")
    assert result.format == format_name
    shared = [name for name in expected if not str(name).startswith("extra.")]
    pd.testing.assert_frame_equal(posts[shared], expected[shared])
    assert not [name for name in posts if "uniqueId" in str(name) or "authorMeta" in str(name)]


PLAIN = "id,author,caption,views\n1,anna,hello,5\n2,bob,you,6\n"


@pytest.mark.parametrize(
    "content",
    [
        "sep=;\n" + PLAIN.replace(",", ";"),
        "sep=\t\r\n" + PLAIN.replace(",", "\t"),
        "\n\n" + PLAIN,
        " \n,,,\n" + PLAIN,
        PLAIN.replace("\n", "\r"),
        "\ufeff" + PLAIN,
    ],
    ids=["separator declared", "tab declared", "empty lines", "empty cells", "CR", "mark"],
)
def test_headers_are_found_where_spreadsheets_put_them(tmp_path: Path, content: str) -> None:
    result, posts = read(written(tmp_path / "a.csv", content))
    assert (result.written, result.rejected) == (2, 0)
    assert posts["id"].tolist() == ["1", "2"]
    assert posts["views"].tolist() == [5, 6]


def test_separators_inside_of_quoted_names_do_not_count(tmp_path: Path) -> None:
    header = 'id;caption;views;"reach, saves, shares, plays, and\nall, the, rest"'
    _, posts = read(written(tmp_path / "a.csv", f"{header}\n1;hello, you;5;x\n"))
    assert posts[["caption", "views"]].to_numpy().tolist() == [["hello, you", 5]]


def test_columns_without_a_name_are_called_after_their_place(tmp_path: Path) -> None:
    _, posts = read(written(tmp_path / "a.csv", ",id,caption,views,,\n0,71,hello,5,,note\n"))
    assert posts["extra.column 1"].tolist() == [0]
    assert posts["extra.column 6"].tolist() == ["note"]
    assert posts["views"].tolist() == [5]


def test_a_cell_may_be_longer_than_what_is_usual(tmp_path: Path) -> None:
    text = "x" * 200_000
    _, posts = read(written(tmp_path / "a.csv", f"id,caption,views\n1,{text},5\n"))
    assert posts["caption"].tolist() == [text]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.xlsx"])
def test_what_is_compressed_is_called_so(tmp_path: Path, name: str) -> None:
    packed = gzip.compress(PLAIN.encode()) if name != "a.xlsx" else b"PK\x03\x04" + bytes(30)
    with pytest.raises(InputError, match="is compressed, or a spreadsheet; unpack it"):
        read(written(tmp_path / name, packed))


def test_what_is_of_no_known_layout_is_told_what_was_seen(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="its columns are 'My export'; write a mapping"):
        read(written(tmp_path / "a.csv", "My export\n\n" + PLAIN))
    with pytest.raises(InputError, match="its JSON is no list of posts; give a list of objects"):
        read(written(tmp_path / "a.json", json.dumps({"data": GAPS})))
    with pytest.raises(InputError, match=r"known by their ending: .*\.csv"):
        read(written(tmp_path / "a.txt", PLAIN))


def test_a_number_without_end_costs_the_line_or_is_named(tmp_path: Path) -> None:
    endless = '{"id": "3", "caption": "x", "views": ' + "9" * 5000 + "}"
    result, _ = read(written(tmp_path / "a.jsonl", lines(GAPS) + endless + "\n"))
    assert (result.written, result.rejected) == (2, 1)
    with pytest.raises(InputError, match="number that is too long"):
        read(written(tmp_path / "a.json", f"[{endless}]"))


def test_ids_that_a_missing_one_made_floats_are_whole_again(tmp_path: Path) -> None:
    table = pd.DataFrame({
        "id": [4711.0, 9_007_199_254_740_991.0, None],
        "author": [12.0, 13.0, 14.0],
        "caption": ["x", "y", "z"],
        "posted_at": ["2026-01-01T00:00:00Z"] * 3,
    })  # fmt: skip
    table.to_parquet(tmp_path / "a.parquet")
    table.to_csv(tmp_path / "a.csv", index=False)
    whole = written(
        tmp_path / "whole.csv", "id,author,caption\n4711,12,x\n9007199254740991,13,y\n,14,z\n"
    )
    expected = [4711, 9_007_199_254_740_991]
    authors = ingest(whole, tmp_path / "whole.parquet").path
    for name, known in (("a.parquet", expected), ("a.csv", expected[:1])):
        _, posts = read(tmp_path / name)
        assert posts["id"].tolist()[: len(known)] == [str(one) for one in known]
        assert posts["author_id"].tolist()[:1] == read_posts(authors)["author_id"].tolist()[:1]


def test_a_mapping_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    mapping = written(tmp_path / "map.toml", '\ufeff[columns]\nid = "id"\nviews = "views"\n')
    _, posts = read(written(tmp_path / "a.csv", PLAIN), mapping)
    assert posts["views"].tolist() == [5, 6]


@pytest.mark.parametrize(("tags", "kept"), [([], ("shorts", "cat")), (["a cat"], ("a cat",))])
def test_hashtags_are_read_of_the_caption_where_their_list_is_empty(
    tmp_path: Path, tags: list[str], kept: tuple[str, ...]
) -> None:
    info = {"id": "abc", "extractor_key": "Youtube", "description": "my cat #shorts #cat"}
    (tmp_path / "clips").mkdir()
    written(tmp_path / "clips" / "abc.info.json", json.dumps({**info, "tags": tags}))
    result = ingest(tmp_path / "clips", tmp_path / "posts.parquet")
    assert read_posts(result.path)["hashtags"].tolist() == [kept]


def test_columns_spelled_alike_that_differ_are_refused_with_their_names(tmp_path: Path) -> None:
    """`Views` had been read and `views` set aside, by the order of capitals."""
    source = tmp_path / "twins.csv"
    source.write_text("id,caption,views,Views\n1,a,10,10\n2,b,20,140\n")
    with pytest.raises(InputError, match=r"'Views' and 'views' are spelled alike.* row 2 '140'"):
        ingest(source, tmp_path / "posts.parquet")
    assert '# Spelled alike, so choose: "Views", "views"' in suggest_mapping(source)
    mapping = tmp_path / "map.toml"
    mapping.write_text('[columns]\nid = "id"\ncaption = "caption"\nviews = "views"\n')
    done = ingest(source, tmp_path / "posts.parquet", mapping=mapping)
    assert read_posts(done.path)["views"].tolist() == [10, 20]


def test_columns_spelled_alike_that_agree_are_one(tmp_path: Path) -> None:
    source = tmp_path / "twins.json"
    rows = [
        {"id": "1", "caption": "a", "view_count": 1200, "durationMs": 9000},
        {"id": "2", "caption": "b", "viewCount": "30", "duration_ms": 8000},
        {"id": "3", "caption": "c", "viewCount": "1.2K", "view_count": 1200},
    ]
    source.write_text(json.dumps(rows))
    done = ingest(source, tmp_path / "posts.parquet")
    posts = read_posts(done.path)
    assert posts["views"].tolist() == [1200, 30, 1200]
    assert posts["duration_s"].dropna().tolist() == [9, 8]
    assert "views from 'viewCount' and 'view_count'" in done.notes[0]
    assert not [name for name in posts if str(name).startswith("extra.")]


def test_a_column_of_the_very_name_comes_before_one_that_says_of_what(tmp_path: Path) -> None:
    source = tmp_path / "posts.csv"
    source.write_text("id,caption,post_views,views\n1,a,5,6\n")
    posts = read_posts(ingest(source, tmp_path / "posts.parquet").path)
    assert posts["views"].tolist() == [6]
    assert posts["extra.post_views"].tolist() == [5]
