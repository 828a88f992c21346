import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from excerpts import (
    api_item,
    original_entry,
    research_video,
    scraper_post,
    write_flat_parquet,
    write_raw_csv,
    write_scraper,
    write_smp,
    write_ytdlp,
)

from virality.data.cells import hash_author
from virality.data.errors import InputError, StorageError
from virality.data.ingest import Ingest, ingest
from virality.data.post import SCHEMA
from virality.data.sources import SOURCES
from virality.data.sources.aliases import ALIASES, recognise, words_of
from virality.data.sources.files import look_at
from virality.data.sources.mapping import read_mapping
from virality.data.sources.table import suggest_mapping
from virality.data.table import extra_known, read_posts


def read(source: Path, out: Path) -> tuple[Ingest, pd.DataFrame]:
    result = ingest(source, out / "posts.parquet")
    return result, read_posts(result.path)


def dump(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_names_agree_and_layouts_map_only_fields() -> None:
    for name, source in SOURCES.items():
        assert source.name == name
    assert set(ALIASES) <= set(SCHEMA)


def test_tiktok_scraper(tmp_path: Path) -> None:
    result, posts = read(write_scraper(tmp_path), tmp_path)
    assert (result.format, result.written, result.rejected) == ("tiktok_scraper", 3, 0)
    first = posts.iloc[0]
    assert first["id"] == "6907228749016714497"
    assert first["platform"] == "tiktok"
    assert first["author_id"] == hash_author("68123456789")
    assert first["posted_at"] == pd.Timestamp("2020-12-17T14:15:17Z")
    assert first["hashtags"] == ("fun", "día")
    assert first["mentions"] == ("someone",)
    assert (first["views"], first["likes"], first["duration_s"]) == (100, 10, 15.0)
    assert first["extra.downloaded"]
    assert not [name for name in posts if "nickName" in str(name)]


@pytest.mark.parametrize("shape", ["list", "jsonl", "itemList", "single"])
def test_tiktok_api(tmp_path: Path, shape: str) -> None:
    items = [api_item(n) for n in range(2)]
    path = tmp_path / "items.json"
    if shape == "jsonl":
        path.write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")
    elif shape == "single":
        dump(path, {"itemInfo": {"itemStruct": items[0]}})
    else:
        dump(path, items if shape == "list" else {"itemList": items, "cursor": 1})
    result, posts = read(path, tmp_path)
    assert result.format == "tiktok_api"
    assert len(posts) == (1 if shape == "single" else 2)
    first = posts.iloc[0]
    assert first["caption"] == "món ngon #food @quán"
    assert first["hashtags"] == ("food",)
    assert first["mentions"] == ("quán",)
    assert (first["author_followers"], first["author_likes"], first["saves"]) == (500, 900, 12)
    assert first["duration_s"] == 0
    assert first["width"] is pd.NA
    assert first["location"] == "VN"
    assert first["sound_original"]
    assert first["extra.video.codecType"] == "h264"
    assert not [name for name in posts if "playAddr" in str(name) or "nickname" in str(name)]


def test_a_flattened_table_without_ids_gets_stable_ones(tmp_path: Path) -> None:
    result, posts = read(write_flat_parquet(tmp_path), tmp_path)
    assert result.format == "tiktok_api"
    assert any("ids were derived" in note for note in result.notes)
    assert posts["id"].is_unique
    assert posts["author_id"].unique().tolist() == ["aa1e9a75977ae"]
    pd.DataFrame(pd.read_parquet(tmp_path / "flat.parquet").iloc[::-1]).to_parquet(
        tmp_path / "turned.parquet"
    )
    _, turned = read(tmp_path / "turned.parquet", tmp_path)
    assert turned["id"].tolist() == posts["id"].tolist()[::-1]


@pytest.mark.parametrize("shape", ["answer", "list", "jsonl"])
def test_research_api(tmp_path: Path, shape: str) -> None:
    videos = [research_video(n) for n in range(2)]
    path = tmp_path / "videos.json"
    if shape == "jsonl":
        path.write_text("\n".join(map(json.dumps, videos)), encoding="utf-8")
    else:
        dump(path, videos if shape == "list" else {"data": {"videos": videos, "cursor": 2}})
    result, posts = read(path, tmp_path)
    assert result.format == "research_api"
    first = posts.iloc[0]
    assert first["id"] == "7213456789012345678"
    assert first["posted_at"] == pd.Timestamp("2025-05-03T00:00:00Z")
    assert (first["location"], first["views"], first["saves"]) == ("US", 54320, 9)
    assert first["sound_id"] == "77"
    assert first["duration_s"] == 21
    assert first["extra.effect_ids"] == ("1", "2")
    assert "extra.username" not in posts


def test_original_project(tmp_path: Path) -> None:
    content = {str(6907228749016714497 + n): original_entry(n) for n in range(2)}
    result, posts = read(dump(tmp_path / "tiktok_info.json", content), tmp_path)
    assert result.format == "original_project"
    first = posts.iloc[0]
    assert (first["likes"], first["views"]) == (3710, 44800)
    assert first["saves"] is pd.NA
    assert first["posted_at"] == pd.Timestamp(6907228749016714497 >> 32, unit="s", tz="UTC")
    assert (first["sound_id"], first["sound_title"]) == ("6790", "Element")
    assert any("taken from the ids" in note for note in result.notes)


def test_ytdlp(tmp_path: Path) -> None:
    result, posts = read(write_ytdlp(tmp_path), tmp_path)
    assert (result.format, result.rows) == ("ytdlp", 2)
    first = posts.set_index("id").loc["7106594312292453675"]
    assert first["media"] == "one.mp4"
    assert first["platform"] == "tiktok"
    assert first["shares"] == 3
    assert first["comments"] == 4
    assert first["collected_at"] == pd.Timestamp(1700000000, unit="s", tz="UTC")
    assert first["sound_author"] == "Q"
    assert posts.set_index("id").loc["second"]["media"] is pd.NA
    assert not [name for name in posts if "ookie" in str(name) or "formats" in str(name)]


def test_a_broken_info_file_is_a_bad_row(tmp_path: Path) -> None:
    clips = write_ytdlp(tmp_path)
    (clips / "bad.info.json").write_text("{", encoding="utf-8")
    result, posts = read(clips, tmp_path)
    assert (result.rejected, len(posts)) == (1, 2)
    assert "bad.info.json" in result.rejects.read_text()


def test_smp(tmp_path: Path) -> None:
    result, posts = read(write_smp(tmp_path), tmp_path)
    assert (result.format, result.written, result.rejected) == ("smp", 3, 0)
    first = posts.iloc[0]
    assert first["caption"] == "dinner garlic bye2021"
    assert first["hashtags"] is None
    assert first["popularity"] == 8.5
    assert pd.isna(posts.iloc[2]["popularity"])
    assert first["author_likes"] is pd.NA
    assert first["media"] == "train/USER1/VIDEO0.mp4"
    assert posts["extra.post_suggested_words"].tolist() == [(), ("x",), ("x", "x")]
    assert set(extra_known(result.path).values()) == {"post"}
    assert any("UTC" in note for note in result.notes)


def test_raw_strings_are_recognised_by_their_column_names(tmp_path: Path) -> None:
    result, posts = read(write_raw_csv(tmp_path), tmp_path)
    assert (result.format, result.written) == ("table", 2)
    first = posts.iloc[0]
    assert (first["views"], first["likes"], first["sound_uses"]) == (541_200, 21_900, 3)
    assert (first["author_followers"], first["duration_s"]) == (304_900, 31.0)
    assert first["sound_id"] is pd.NA
    assert posts["hashtags"].tolist() == [("xuhuong",), ("suckhoe", "thaomoc")]
    assert first["author_id"] == "a3c109ce3a6ff"
    assert posts["author_id"][1] == hash_author("abc")
    assert any("'music_id'" in note and "rounded" in note for note in result.notes)


def test_a_suggested_mapping_reads_the_same_table(tmp_path: Path) -> None:
    path = write_raw_csv(tmp_path)
    (tmp_path / "map.toml").write_text(suggest_mapping(path), encoding="utf-8")
    by_names = read_posts(ingest(path, tmp_path / "a.parquet").path)
    mapped = ingest(path, tmp_path / "b.parquet", mapping=tmp_path / "map.toml")
    pd.testing.assert_frame_equal(by_names, read_posts(mapped.path))
    assert read_mapping(tmp_path / "map.toml").columns["views"] == "vid_nview"


def test_suggestions_survive_strange_column_names(tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_text('id,"a ""b""",c\\d,Duration (ms),été\n1,2,3,4000,5\n', encoding="utf-8")
    (tmp_path / "map.toml").write_text(suggest_mapping(path), encoding="utf-8")
    assert read_mapping(tmp_path / "map.toml").columns["id"] == "id"


def test_a_mapping_names_columns_units_and_provenance(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(
        "nr;when;text here;seen;secs;lang\n"
        "1;03/04/2025;hi;1.234;1500;en\n2;04/04/2025;ho;2.345;900;vi\n",
        encoding="utf-8",
    )
    mapping = tmp_path / "map.toml"
    mapping.write_text(
        '[columns]\nid = "nr"\nposted_at = "when"\ncaption = "text here"\nviews = "seen"\n'
        'duration_s = "secs"\n[units]\nposted_at = "%d/%m/%Y"\nviews = "decimal comma"\n'
        'duration_s = "ms"\n[known]\nlang = "pre"\n',
        encoding="utf-8",
    )
    result = ingest(path, tmp_path / "posts.parquet", mapping=mapping)
    posts = read_posts(result.path)
    assert posts["views"].tolist() == [1234, 2345]
    assert posts["duration_s"].tolist() == [1.5, 0.9]
    assert posts["posted_at"][0] == pd.Timestamp("2025-04-03", tz="UTC")
    assert extra_known(result.path) == {"extra.lang": "pre"}


def test_a_mapping_may_only_declare_what_is_known(tmp_path: Path) -> None:
    mapping = tmp_path / "map.toml"
    mapping.write_text('[known]\npost_text_language = "pre"\n', encoding="utf-8")
    result = ingest(write_smp(tmp_path), tmp_path / "posts.parquet", mapping=mapping)
    assert result.format == "smp"
    assert extra_known(result.path)["extra.post_text_language"] == "pre"
    (note,) = [note for note in result.notes if "[known] opens" in note]
    assert note.startswith("'post_text_language' holds texts, of which no model reads anything")


def test_numbers_that_are_declared_known_are_no_texts(tmp_path: Path) -> None:
    source, mapping = tmp_path / "own.csv", tmp_path / "map.toml"
    source.write_text(
        "id,views,mood,ad,late\n1,10,1.2e-05,true,x\n2,20,,false,y\n", encoding="utf-8"
    )
    mapping.write_text('[known]\nmood = "pre"\nad = "asof"\nlate = "post"\n', encoding="utf-8")
    result = ingest(source, tmp_path / "posts.parquet", mapping=mapping)
    assert not [note for note in result.notes if "holds texts" in note]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[colums]\n", "colums"),
        ('[columns]\nviewz = "a"\n', "did you mean views"),
        ('[columns]\nviews = "vid_nviews"\n', "did you mean 'vid_nview'"),
        ("[columns]\nviews = 3\n", "in quotes"),
        ('[units]\nviews = "s"\n', "decimal comma"),
        ('[units]\ncaption = "s"\n', "can have none"),
        ('[units]\nposted_at = "Mars/Base"\n', "no unit of time"),
        ('[units]\nposted_at = "%d/%m/%Y in Mars"\n', "units. posted_at: 'Mars' is no unit"),
        ('[units]\nposted_at = "%d %b %Y %Z"\n', "zone of this machine"),
        ('[known]\nlang = "before"\n', "pre, asof or post"),
        ('[known]\nviews = "pre"\n', "provenance of our own"),
        ("[columns\n", "not valid TOML"),
        ("columns = 3\n", "must be a table"),
    ],
)
def test_a_wrong_mapping_is_named(tmp_path: Path, text: str, message: str) -> None:
    mapping = tmp_path / "map.toml"
    mapping.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        ingest(write_raw_csv(tmp_path), tmp_path / "posts.parquet", mapping=mapping)


@pytest.mark.parametrize("form", ["json", "jsonl", "parquet"])
def test_a_mapping_may_name_what_only_some_rows_have(tmp_path: Path, form: str) -> None:
    rows = [{"nr": "1", "stats": {"n": 5}}, {"nr": "2", "stats": {"n": 6}, "lang": "vi"}]
    path = tmp_path / f"mine.{form}"
    if form == "parquet":
        pd.DataFrame(rows).to_parquet(path)
    else:
        lines = "\n".join(map(json.dumps, rows)) if form == "jsonl" else json.dumps(rows)
        path.write_text(lines, encoding="utf-8")
    mapping = tmp_path / "map.toml"
    text = '[columns]\nid = "nr"\nviews = "stats.n"\n[known]\nlang = "pre"\n'
    mapping.write_text(text, encoding="utf-8")
    result = ingest(path, tmp_path / "posts.parquet", mapping=mapping)
    assert read_posts(result.path)["views"].tolist() == [5, 6]
    assert extra_known(result.path) == {"extra.lang": "pre"}
    for right, wrong in (("stats.n", "statz.n"), ('lang = "pre"', 'langs = "pre"')):
        mapping.write_text(text.replace(right, wrong), encoding="utf-8")
        with pytest.raises(
            InputError, match=rf"map\.toml: column '{wrong[:5]}.*' is not in mine.*; did you mean"
        ) as caught:
            ingest(path, tmp_path / "posts.parquet", mapping=mapping)
        assert "It has 'lang', 'nr', 'stats" in str(caught.value)


def test_provenance_of_a_column_that_is_not_there_is_refused(tmp_path: Path) -> None:
    mapping = tmp_path / "map.toml"
    mapping.write_text('[known]\npost_text_langage = "pre"\n', encoding="utf-8")
    with pytest.raises(InputError, match="did you mean 'post_text_language'"):
        ingest(write_smp(tmp_path), tmp_path / "posts.parquet", mapping=mapping)


@pytest.mark.parametrize("name", ["durationMs", "duration_ms", "Video Duration (ms)"])
def test_a_length_whose_name_says_milliseconds_is_in_them(tmp_path: Path, name: str) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(f"id,caption,{name}\n1,a,15000\n", encoding="utf-8")
    result, posts = read(path, tmp_path)
    assert posts["duration_s"].tolist() == [15.0]
    assert any(f"duration_s from {name!r} in ms" in note for note in result.notes)
    (tmp_path / "map.toml").write_text(suggest_mapping(path), encoding="utf-8")
    assert read_mapping(tmp_path / "map.toml").units == {"duration_s": "ms"}


def test_a_length_in_seconds_stays_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("id,caption,videoLength\n1,a,15\n", encoding="utf-8")
    assert read(path, tmp_path)[1]["duration_s"].tolist() == [15.0]


def test_our_own_table_is_read_again(tmp_path: Path) -> None:
    mapping = tmp_path / "map.toml"
    mapping.write_text('[known]\npost_text_language = "pre"\n', encoding="utf-8")
    ingest(write_smp(tmp_path), tmp_path / "a.parquet", mapping=mapping)
    again = ingest(tmp_path / "a.parquet", tmp_path / "b.parquet")
    assert again.format == "posts"
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_names_are_recognised_however_they_are_joined() -> None:
    assert words_of("vid_postTime") == "vid post time"
    assert recognise(["playCount", "Video-ID", "VIEW COUNT"]) == {
        "id": "Video-ID",
        "views": "VIEW COUNT",
    }
    assert recognise(["music_duration", "bio"]) == {}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", "is empty"),
        ("a.csv", "id,views\n", "holds no posts"),
        ("a.csv", "id,id\n1,2\n", "twice"),
        ("a.csv", "x,y\n1,2\n", "no known layout"),
        ("a.csv", 'id,caption\n1,"open\n', "not valid CSV"),
        ("a.csv", b"id,caption\n1,\xff\xfe\n", "UTF-8"),
        ("a.csv", "id,caption\n1,\0\n", "NUL"),
        ("a.json", "{", "not valid JSON"),
        ("a.json", "[]", "holds no posts"),
        ("a.json", '{"a": 1}', "no known layout"),
        ("a.json", '{"collector": []}', "no known layout"),
        ("a.json", "[" * 100_000, "too deep"),
        ("a.jsonl", "1\n2\n", "no line of it"),
        ("a.txt", "hello\n", "not a table of posts"),
    ],
)
def test_what_is_no_table_of_posts_gets_one_sentence(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=message) as caught:
        ingest(path, tmp_path / "posts.parquet")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "posts.parquet").exists()


def test_missing_files_folders_of_text_and_damaged_tables(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        ingest(tmp_path / "absent.csv", tmp_path / "posts.parquet")
    texts = tmp_path / "texts"
    texts.mkdir()
    (texts / "clip.mp4").write_text("not a clip")
    with pytest.raises(InputError, match="holds no posts"):
        ingest(texts, tmp_path / "posts.parquet")
    flat = write_flat_parquet(tmp_path)
    flat.write_bytes(flat.read_bytes()[:-30])
    with pytest.raises(StorageError, match="damaged"):
        ingest(flat, tmp_path / "posts.parquet")


def test_a_look_is_taken_by_content_where_the_ending_says_nothing(tmp_path: Path) -> None:
    path = write_scraper(tmp_path, [scraper_post(0)]).rename(tmp_path / "posts.backup")
    assert look_at(path).form == "json"
    assert ingest(path, tmp_path / "posts.parquet").format == "tiktok_scraper"
