"""What TikTok's app and its data export call things, and what of that is not kept."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from excerpts import aweme, tiktok_export
from typer.testing import CliRunner

from virality.cli import app
from virality.data.cells import hash_author
from virality.data.errors import InputError
from virality.data.ingest import Ingest, ingest
from virality.data.sources.files import flatten
from virality.data.table import read_posts

NOW = 1629096658000


def read(path: Path, content: Any) -> tuple[Ingest, pd.DataFrame]:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    result = ingest(path, path.parent / "posts.parquet")
    return result, read_posts(result.path)


SHAPES = {
    "answer": lambda items: {"aweme_list": items, "extra": {"now": NOW}},
    "wrapped": lambda items: {"code": 200, "data": {"aweme_list": items, "extra": {"now": NOW}}},
    "answers": lambda items: [{"aweme_list": [one], "extra": {"now": NOW}} for one in items],
    "search": lambda items: {
        "data": [{"type": 1, "aweme_info": one} for one in items],
        "extra": {"now": NOW},
    },
    "list": list,
}


@pytest.mark.parametrize("shape", SHAPES)
def test_answers_of_the_app(tmp_path: Path, shape: str) -> None:
    result, posts = read(tmp_path / "answer.json", SHAPES[shape]([aweme(0), aweme(1)]))
    assert (result.format, result.written, result.rejected) == ("tiktok_mobile", 2, 0)
    first = posts.iloc[0]
    assert first["id"] == "6864614389329284357"
    assert first["author_id"] == hash_author("6718109734736348166")
    assert first["posted_at"] == pd.Timestamp("2020-08-24T18:09:52Z")
    assert first["duration_s"] == pytest.approx(28.652)
    assert (first["width"], first["height"]) == (576, 1024)
    counts = ("views", "likes", "comments", "shares", "saves")
    assert tuple(first[list(counts)]) == (4163152, 353011, 1269, 725, 12)
    assert first["hashtags"] == ("diving", "food")
    assert first["mentions"] == ("someone",)
    assert (first["sound_id"], first["sound_title"]) == ("6835837996332222466", "Backyard")
    assert (first["platform"], first["location"]) == ("tiktok", "US")
    assert first["author_verified"]
    assert not first["sound_original"]
    if shape != "list":
        assert first["collected_at"] == pd.Timestamp(NOW, unit="ms", tz="UTC")


def test_counts_that_were_not_told_are_missing_not_zero(tmp_path: Path) -> None:
    """Lists give authors no followers, and Douyin gives posts no views, as zeros."""
    told = aweme(1) | {"author": aweme(0)["author"] | {"follower_count": 0, "aweme_count": 3}}
    silent = aweme(2) | {"statistics": {"play_count": 0, "digg_count": 7}}
    unseen = aweme(3) | {"statistics": {"play_count": 0, "digg_count": 0}}
    douyin = aweme(4) | {"share_url": "https://www.iesdouyin.com/share/video/1/"}
    _, posts = read(tmp_path / "a.json", {"aweme_list": [aweme(0), told, silent, unseen, douyin]})
    assert posts["author_followers"].isna().tolist() == [True, False, True, True, True]
    assert posts["author_posts"].dropna().tolist() == [3]
    assert posts["sound_uses"].isna().all()
    assert posts["views"].isna().tolist() == [False, False, True, False, False]
    assert posts["views"].iloc[3] == 0
    assert posts["platform"].tolist() == ["tiktok"] * 4 + ["douyin"]


def test_one_post_of_the_app_and_a_post_of_pictures(tmp_path: Path) -> None:
    _, posts = read(tmp_path / "a.json", {"aweme_detail": aweme(0), "status_code": 0})
    assert posts["views"].tolist() == [4163152]
    pictures = aweme(0) | {"image_post_info": {"images": [{"uri": "x"}]}}
    _, posts = read(tmp_path / "b.json", {"aweme_detail": pictures})
    assert posts["duration_s"].tolist() == [0]


@pytest.mark.parametrize("shape", ["items", "answers", "details"])
def test_lines_of_the_app(tmp_path: Path, shape: str) -> None:
    lines = {
        "items": [aweme(0), aweme(1)],
        "answers": [{"data": {"aweme_list": [aweme(0), aweme(1)], "extra": {"now": NOW}}}],
        "details": [aweme(0), {"aweme_detail": aweme(1), "extra": {"now": NOW}}],
    }[shape]
    result, posts = read(tmp_path / "a.jsonl", "\n".join(map(json.dumps, lines)))
    assert result.format == "tiktok_mobile"
    assert posts["id"].tolist() == ["6864614389329284357", "6864614389329284358"]
    assert posts["duration_s"].tolist() == pytest.approx([28.652] * 2)


def test_a_flattened_table_of_the_app(tmp_path: Path) -> None:
    flat = [{k: v for k, v in flatten(aweme(n)).items() if k != "text_extra"} for n in range(2)]
    pd.DataFrame(flat).to_csv(tmp_path / "flat.csv", index=False)
    result = ingest(tmp_path / "flat.csv", tmp_path / "posts.parquet")
    posts = read_posts(result.path)
    assert result.format == "tiktok_mobile"
    assert posts["duration_s"].tolist() == pytest.approx([28.652] * 2)
    assert posts["hashtags"].tolist() == [("diving", "food")] * 2


def test_what_is_no_post_among_items_is_a_bad_row_and_depth_no_harm(tmp_path: Path) -> None:
    result, _ = read(tmp_path / "a.json", {"aweme_list": [aweme(0), None, 7]})
    assert (result.written, result.rejected) == (1, 2)
    nested = '{"data":' * 300 + "{}" + "}" * 300
    with pytest.raises(InputError, match="of no known layout"):
        read(tmp_path / "deep.json", nested)


def test_nothing_of_a_person_or_a_link_is_kept_of_the_app(tmp_path: Path) -> None:
    _, posts = read(tmp_path / "a.json", {"aweme_list": [aweme(0)]})
    extras = sorted(str(name) for name in posts if str(name).startswith("extra."))
    assert extras == ["extra.desc_language", "extra.statistics.download_count"]
    whole = posts.to_csv()
    for word in ("https", "A Diver", "diver_ins", "MS4wLjAB", "1900", "6718109734736348166"):
        assert word not in whole


@pytest.mark.parametrize("old", [False, True])
def test_a_data_export_is_read_for_its_own_posts(tmp_path: Path, old: bool) -> None:
    result, posts = read(tmp_path / "user_data_tiktok.json", tiktok_export(old=old))
    assert (result.format, result.written, result.rejected) == ("tiktok_export", 2, 0)
    first, second = posts.iloc[0], posts.iloc[1]
    assert first["id"] == "7367890123456789012"
    assert second["id"].startswith("d")
    assert posts["author_id"].tolist() == [hash_author("maker")] * 2
    assert first["posted_at"] == pd.Timestamp("2024-05-12T18:20:31Z")
    assert posts["likes"].tolist() == [17, 5]
    assert (first["caption"], first["hashtags"]) == ("folding a shirt #lifehack", ("lifehack",))
    assert (first["sound_title"], first["sound_original"]) == ("original sound", True)
    assert second["sound_title"] == "Backyard - C"
    assert second["sound_original"] is pd.NA
    assert posts["extra.WhoCanView"].tolist() == ["Public", "Friends"]
    assert posts["views"].isna().all()
    assert any("views, comments, shares and saves are missing" in note for note in result.notes)
    assert any(note.startswith("1 post without an id") for note in result.notes)


def test_nothing_else_of_a_data_export_is_kept(tmp_path: Path) -> None:
    _, posts = read(tmp_path / "user_data_tiktok.json", tiktok_export())
    whole = posts.to_csv()
    for word in ("maker", "example", "203.0.113.7", "1990", "https"):
        assert word not in whole


def test_a_run_says_before_any_work_which_counts_an_export_lacks(tmp_path: Path) -> None:
    source = tmp_path / "user_data_tiktok.json"
    source.write_text(json.dumps(tiktok_export()), encoding="utf-8")
    done = CliRunner().invoke(app, ["run", str(source), "-o", str(tmp_path / "work")])
    assert "Learn from likes (--target likes)" in done.stderr
    assert str(done.exception) == (
        "target 'views': the table holds no 'views'; targets there: likes"
    )
    assert not (tmp_path / "work" / "features").exists()


@pytest.mark.parametrize("empty", [True, False])
def test_an_export_without_posts_says_what_to_ask_for(tmp_path: Path, empty: bool) -> None:
    content = tiktok_export([])
    if not empty:
        del content["Post"]
    with pytest.raises(InputError, match="holds no posts of its account; ask TikTok"):
        read(tmp_path / "user_data_tiktok.json", content)
