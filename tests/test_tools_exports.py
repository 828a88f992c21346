"""Tables as common tools write them, read against what their makers mean by them."""

import csv
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from excerpts import scraper_post, write_scraper

from virality.data.cells import hash_author, read_id, read_words
from virality.data.errors import InputError
from virality.data.ingest import Ingest, ingest
from virality.data.numbers import Refused, parse_duration, parse_flag
from virality.data.rejects import safe_cell
from virality.data.table import merge_posts, read_posts
from virality.data.times import parse_time


def slashed(value: object, prefix: str = "") -> dict[str, object]:
    """Return a post as Apify's CSV spells it: all that nests is joined by slashes."""
    if not isinstance(value, dict | list):
        return {prefix: value}
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    return {
        name: cell
        for key, one in inner
        for name, cell in slashed(one, f"{prefix}/{key}" if prefix else str(key)).items()
    }


def read_csv_of(rows: list[dict[str, object]], folder: Path) -> tuple[Ingest, pd.DataFrame]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    with (folder / "export.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    done = ingest(folder / "export.csv", folder / "posts.parquet")
    return done, read_posts(done.path).dropna(axis=1, how="all")


def test_a_csv_of_apify_is_read_as_its_json(tmp_path: Path) -> None:
    (tmp_path / "json").mkdir()
    posts = [scraper_post(0), scraper_post(1, hashtags=[{"id": "3", "name": "solo", "title": ""}])]
    of_json = ingest(write_scraper(tmp_path / "json", posts), tmp_path / "json" / "posts.parquet")
    done, table = read_csv_of([slashed(post) for post in posts], tmp_path)
    assert done.format == "tiktok_scraper"
    pd.testing.assert_frame_equal(table, read_posts(of_json.path).dropna(axis=1, how="all"))
    assert table["author_id"].tolist() == [hash_author("68123456789")] * 2
    assert table["hashtags"].tolist() == [("fun", "día"), ("solo",)]


def test_of_a_csv_of_apify_no_name_and_no_link_is_kept(tmp_path: Path) -> None:
    post = scraper_post(0, mediaUrls=["https://x/1"], input="maker", submittedVideoUrl="https://x")
    post["authorMeta"] |= {"avatar": "https://x/a", "signature": "call me"}
    post["videoMeta"] |= {"coverUrl": "https://x/c", "subtitleLinks": [{"downloadLink": "//x"}]}
    post["detailedMentions"] = [{"nickName": "The S", "profileUrl": "https://x/s"}]
    _, table = read_csv_of([slashed(post)], tmp_path)
    kept = table.drop(columns="id").astype(str).to_string()
    assert not any(secret in kept for secret in ("maker", "The M", "The S", "call me", "//x"))


def test_an_account_is_known_by_its_handle_not_by_the_name_that_it_shows(tmp_path: Path) -> None:
    def of_pyktok(number: int) -> dict[str, object]:
        return {
            "video_id": 7506832745952210001 + number,
            "video_description": "hello",
            "video_locationcreated": "US",
            "video_playcount": 1000.0,
            "author_username": f"user{number}",
            "author_name": "Anna",
            "author_followercount": 12.0,
            "author_followingcount": 13.0,
            "author_heartcount": 14.0,
            "author_videocount": 15.0,
        }

    _, table = read_csv_of([of_pyktok(number) for number in range(3)], tmp_path)
    assert table["author_id"].tolist() == [hash_author(f"user{number}") for number in range(3)]
    counts = ["author_followers", "author_following", "author_likes", "author_posts"]
    assert table[counts].iloc[0].tolist() == [12, 13, 14, 15]
    assert table["location"].tolist() == ["US"] * 3


def test_hidden_likes_cost_the_likes_and_not_the_post(tmp_path: Path) -> None:
    def of_instagram(number: int, **changes: object) -> dict[str, object]:
        return {
            "id": f"336{number}", "caption": "hi", "ownerId": f"9{number}", "likesCount": 40,
            "videoPlayCount": 1000, "commentsCount": 3,
        } | changes  # fmt: skip

    rows = [of_instagram(0), of_instagram(1, likesCount=-1), of_instagram(2, likesCount=-2)]
    done, table = read_csv_of(rows, tmp_path)
    assert (done.written, done.rejected) == (2, 1)
    assert table["likes"].isna().tolist() == [False, True]
    assert table["views"].tolist() == [1000, 1000]
    assert table["author_id"].tolist() == [hash_author("90"), hash_author("91")]
    assert any("1 value of 'likesCount' was left out" in note for note in done.notes)


@pytest.mark.parametrize(
    "written", ["'7506832745952210001", '="7506832745952210001"', "\ufeff7506832745952210001\u200b"]
)
def test_what_marks_an_id_as_text_is_no_part_of_it(written: str) -> None:
    assert read_id(written) == "7506832745952210001"
    assert hash_author(written) == hash_author(7506832745952210001)


@pytest.mark.parametrize("name", ["-bcDEF_1234", "=x", "plain", "007"])
def test_ids_of_the_lists_that_are_written_here_are_found_again(name: str) -> None:
    assert read_id(safe_cell(name)) == name


def test_a_rounded_id_is_refused_although_it_is_marked_as_text() -> None:
    with pytest.raises(Refused, match="rounded"):
        read_id('="7.5E+18"')


def test_a_list_that_numpy_wrote_into_a_cell_keeps_its_words_apart() -> None:
    assert read_words(str(np.array(["fun", "día", "it's"], dtype=object))) == ("fun", "día", "it's")
    assert read_words("['a'\n 'b']") == ("a", "b")
    assert read_words("['a']") == ("a",)


def test_flags_that_spreadsheets_write_in_other_languages() -> None:
    assert [parse_flag(word) for word in ("WAHR", "FAUX", "verdadero", "Falso")] == [
        True, False, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize("value", ["45798.9166667", "45798,9", "45798", 45798, 45798.92])
def test_the_day_number_of_a_spreadsheet_is_called_so(value: Any) -> None:
    with pytest.raises(Refused, match="day number of a spreadsheet; show the column as date"):
        parse_time(value)


def test_a_length_of_time_in_parquet_needs_no_unit(tmp_path: Path) -> None:
    lengths = pa.array([15_500, None], pa.duration("ms"))
    table = pa.table({"id": ["1", "2"], "caption": ["a", "b"], "duration": lengths})
    pq.write_table(table, tmp_path / "a.parquet")
    done = ingest(tmp_path / "a.parquet", tmp_path / "posts.parquet")
    assert read_posts(done.path)["duration_s"].iloc[0] == 15.5
    assert parse_duration(timedelta(minutes=2), "ms") == 120


def test_a_deleted_post_does_not_lose_what_was_read_before() -> None:
    times = pd.to_datetime(pd.Series(["2025-05-02", "2025-05-09", "2025-05-03"]), utc=True)
    posts = pd.DataFrame({"id": ["1", "1", "2"], "collected_at": times})
    posts["caption"] = pd.Series(["hello", None, "there"], dtype="string")
    posts["views"] = pd.Series([100, None, 5], dtype="Int64")
    merged = merge_posts(posts)
    assert merged["views"].tolist() == [100, 5]
    assert merged["caption"].tolist() == ["hello", "there"]
    assert merged["collected_at"].tolist() == [times[0], times[2]]


def test_a_clip_that_was_fetched_once_stays_with_its_post() -> None:
    times = pd.to_datetime(pd.Series(["2025-05-02", "2025-05-09"]), utc=True)
    posts = pd.DataFrame({"id": ["1", "1"], "collected_at": times, "views": [100, 200]})
    posts["media"] = pd.Series(["a.mp4", None], dtype="string")
    merged = merge_posts(posts)
    assert merged[["views", "media"]].to_numpy().tolist() == [[200, "a.mp4"]]


@pytest.mark.parametrize("form", ["list", "lines"])
def test_answers_of_the_research_api_one_after_the_other(tmp_path: Path, form: str) -> None:
    def answer(*numbers: int) -> dict[str, Any]:
        videos = [
            {
                "id": 7506832745952210001 + number,
                "video_description": "said",
                "create_time": 1747864800,
                "region_code": "US",
                "view_count": number,
            }
            for number in numbers
        ]
        return {"data": {"videos": videos, "cursor": 100, "has_more": True}}

    answers = [answer(1, 2), answer(), answer(3)]
    answers[2]["data"]["videos"].append("no video")
    path = tmp_path / ("a.json" if form == "list" else "a.jsonl")
    path.write_text(json.dumps(answers) if form == "list" else "\n".join(map(json.dumps, answers)))
    done = ingest(path, tmp_path / "posts.parquet")
    assert done.format == "research_api"
    assert read_posts(done.path)["views"].tolist() == [1, 2, 3]
    assert f"{path.name},4,,,is not a JSON object" in done.rejects.read_text(encoding="utf-8")


def test_broken_json_is_named_by_its_column_too(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[{"id": "1", "caption": "a"}, {"id": ')
    with pytest.raises(InputError, match="at line 1, column 38"):
        ingest(tmp_path / "a.json", tmp_path / "posts.parquet")
