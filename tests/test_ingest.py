import csv
import json
import unicodedata
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from excerpts import scraper_post, write_raw_csv, write_scraper
from hypothesis import given, settings
from hypothesis import strategies as st

from virality.data.cells import (
    derive_id,
    hash_author,
    hashtags_in,
    looks_rounded,
    mentions_in,
    read_words,
)
from virality.data.errors import InputError, StorageError, UsageError, ViralityError
from virality.data.extras import extra_column
from virality.data.ingest import Ingest, ingest
from virality.data.numbers import Refused
from virality.data.rejects import HEADER, safe_cell
from virality.data.sources.table import suggest_mapping
from virality.data.table import read_posts

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def write_csv(folder: Path, header: str, *rows: str) -> Path:
    path = folder / "posts.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def rejects(folder: Path) -> list[dict[str, str]]:
    with (folder / "rejects.csv").open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def test_bad_rows_go_to_rejects_and_good_ones_on(tmp_path: Path) -> None:
    path = write_csv(
        tmp_path,
        "id,caption,views,duration",
        "1,a,1.234,10",
        "2,b,5K,00:75",
        "3,c,7,9",
        "4,d",
        ",e,1,1",
    )
    result = ingest(path, tmp_path / "posts.parquet")
    assert (result.rows, result.written, result.rejected) == (5, 1, 4)
    rows = rejects(tmp_path)
    assert tuple(rows[0]) == HEADER
    assert [(r["row"], r["column"], r["value"]) for r in rows] == [
        ("1", "views", "1.234"),
        ("2", "duration", "00:75"),
        ("4", "", ""),
        ("5", "id", ""),
    ]
    assert read_posts(result.path)["id"].tolist() == ["3"]


def test_strict_stops_at_the_first_bad_row(tmp_path: Path) -> None:
    path = write_csv(tmp_path, "id,caption,views", "1,a,10", "2,b,many", "3,c,-1")
    with pytest.raises(InputError, match=r"posts\.csv, row 2, column 'views': 'many' is not"):
        ingest(path, tmp_path / "posts.parquet", strict=True)
    assert not (tmp_path / "posts.parquet").exists()


def test_rows_that_are_all_bad_leave_an_older_table_alone(tmp_path: Path) -> None:
    good = write_csv(tmp_path, "id,caption", "1,a")
    ingest(good, tmp_path / "posts.parquet")
    before = (tmp_path / "posts.parquet").read_bytes()
    bad = write_csv(tmp_path, "id,caption,views", "1,a,1.5", "2,b,-2")
    with pytest.raises(InputError, match="none of its 2 rows"):
        ingest(bad, tmp_path / "posts.parquet")
    assert (tmp_path / "posts.parquet").read_bytes() == before


def test_rejects_are_safe_in_a_spreadsheet(tmp_path: Path) -> None:
    path = write_csv(tmp_path, "id,caption,views", "1,a,=HYPERLINK(1)", "2,b,3")
    ingest(path, tmp_path / "posts.parquet")
    assert rejects(tmp_path)[0]["value"] == "'=HYPERLINK(1)"


@given(st.text(max_size=30))
def test_no_cell_starts_a_formula(text: str) -> None:
    assert safe_cell(text).lstrip(" ")[:1] not in ("=", "+", "-", "@", "\t", "\r")


def test_duplicates_keep_the_latest_collection(tmp_path: Path) -> None:
    path = write_csv(
        tmp_path,
        "id,caption,views,scraped_at",
        "1,a,30,2025-01-03",
        "1,a,20,2025-01-02",
        "2,b,5,2025-01-02",
        "1,a,10,2025-01-01",
    )
    result = ingest(path, tmp_path / "posts.parquet")
    assert (result.rows, result.written, result.duplicates) == (4, 2, 2)
    assert any("latest collection" in note for note in result.notes)
    assert read_posts(result.path)["views"].tolist() == [30, 5]


def notes_on_zones(result: Ingest) -> list[str]:
    return [note for note in result.notes if "no zone" in note]


def test_times_with_am_and_pm_are_read_and_unknown_zones_refused(tmp_path: Path) -> None:
    path = write_csv(
        tmp_path,
        "id,date,caption,views",
        '1,"May 21, 2025 10:00 PM",hi,100',
        '2,"Wed, 21 May 2025 22:00:00 JST",hi,100',
        '3,"Wed, 21 May 2025 22:00:00 EST",hi,100',
    )
    result = ingest(path, tmp_path / "posts.parquet")
    posts = read_posts(result.path)
    assert posts["posted_at"].tolist() == [
        pd.Timestamp("2025-05-21T22:00Z"), pd.Timestamp("2025-05-22T03:00Z"),
    ]  # fmt: skip
    (bad,) = rejects(tmp_path)
    assert bad["value"] == "Wed, 21 May 2025 22:00:00 JST"
    assert "'JST'" in bad["reason"]
    assert "[units]" in bad["reason"]
    assert notes_on_zones(result) == [
        "Times of 'date' name no zone and were taken as UTC (1 of 3 rows)."
    ]
    mapping = tmp_path / "map.toml"
    mapping.write_text('[units]\nposted_at = "%a, %d %b %Y %H:%M:%S JST in Asia/Tokyo"\n')
    again = ingest(path, tmp_path / "posts.parquet", mapping=mapping)
    assert read_posts(again.path)["posted_at"].tolist() == [pd.Timestamp("2025-05-21T13:00Z")]
    assert not notes_on_zones(again)


@pytest.mark.parametrize(
    ("written", "unit", "unzoned"),
    [
        ("04-03-2025", "%d-%m-%Y", True),
        ("04-03-2025", "%d-%m-%Y in Asia/Tokyo", False),
        ("Mon May 21 22:00:00 +0200 2018", "", False),
        ('"Wed, 21 May 2025 22:00:00"', "", True),
        ("2025-05-21 22:00", "s", True),
    ],
)
def test_the_note_on_zones_follows_what_was_read(
    tmp_path: Path, written: str, unit: str, unzoned: bool
) -> None:
    path = write_csv(tmp_path, "id,date,caption", f"1,{written},a")
    mapping = tmp_path / "map.toml"
    mapping.write_text(f'[units]\nposted_at = "{unit}"\n' if unit else "", encoding="utf-8")
    result = ingest(path, tmp_path / "posts.parquet", mapping=mapping)
    assert bool(notes_on_zones(result)) is unzoned


@pytest.mark.parametrize("zone", [None, "Asia/Tokyo"])
def test_times_of_parquet_without_a_zone_are_told_of(tmp_path: Path, zone: str | None) -> None:
    path = tmp_path / "dated.parquet"
    times = pd.to_datetime(["2025-05-21 09:44", "2025-05-22 09:44"]).tz_localize(zone)
    pd.DataFrame({"id": ["1", "2"], "caption": "a", "posted_at": times}).to_parquet(path)
    result = ingest(path, tmp_path / "posts.parquet")
    told = ["Times of 'posted_at' name no zone and were taken as UTC (2 of 2 rows)."]
    assert notes_on_zones(result) == ([] if zone else told)
    again = ingest(result.path, tmp_path / "again.parquet")
    assert not notes_on_zones(again)


def test_the_note_on_zones_names_the_column_that_was_read(tmp_path: Path) -> None:
    posts = [scraper_post(0), scraper_post(1, createTime=None, createTimeISO="2025-05-21 09:44")]
    result = ingest(write_scraper(tmp_path, posts), tmp_path / "posts.parquet")
    assert notes_on_zones(result) == [
        "Times of 'createTimeISO' name no zone and were taken as UTC (1 of 2 rows)."
    ]


GUESSED_WRONG = {
    "flag": ("saved", [True, False, True]),
    "texts": ("saves", ["nice one", "I tried this in 2024!", "more of this"]),
    "list": ("shares", [[{"by": "a"}], [{"by": "b"}], [{"by": "c"}]]),
    "name of a sound": ("original_sound", ["sound - a", "sound - b", "5"]),
    "yes or no": ("posted", [True, True, True]),
    "number of words": ("hashtags", [3, 4, 5]),
}


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("what", GUESSED_WRONG)
def test_a_column_that_plainly_holds_something_else_is_no_field(
    tmp_path: Path, what: str, strict: bool
) -> None:
    name, values = GUESSED_WRONG[what]
    rows = [{"id": f"p{n}", "plays": n, name: value} for n, value in enumerate(values)]
    path = tmp_path / "posts.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    result = ingest(path, tmp_path / "posts.parquet", strict=strict)
    posts = read_posts(result.path)
    assert (result.written, result.rejected) == (3, 0)
    assert f"extra.{name}" in posts
    assert posts["views"].tolist() == [0, 1, 2]
    (note,) = [note for note in result.notes if "was not taken" in note]
    assert repr(name) in note
    assert not any(f"from {name!r}" in note for note in result.notes)


def test_counts_are_found_beside_a_column_of_texts(tmp_path: Path) -> None:
    texts = ["7", *["first!", "lovely, 10/10", "how?"] * 4]
    rows = [f'{n},a,"{text}",{n + 4}' for n, text in enumerate(texts)]
    path = write_csv(tmp_path, "id,caption,comments,comment_count", *rows)
    result = ingest(path, tmp_path / "posts.parquet")
    posts = read_posts(result.path)
    assert posts["comments"].tolist() == list(range(4, 17))
    suggested = suggest_mapping(path)
    assert 'comments = "comment_count"' in suggested


def test_what_is_only_uncertain_stays_refused_and_the_guess_is_told(tmp_path: Path) -> None:
    path = write_csv(tmp_path, "id,caption,nview", "1,a,1.234", "2,b,2.345")
    for strict in (False, True):
        with pytest.raises(
            InputError, match="'nview' was taken for views by its name: if that is wrong, write a"
        ):
            ingest(path, tmp_path / "posts.parquet", strict=strict)
    path = write_csv(tmp_path, "id,caption,nview", "1,a,1.234", "2,b,2.345", "3,c,3")
    result = ingest(path, tmp_path / "posts.parquet")
    assert (result.written, result.rejected) == (1, 2)
    assert any("2 of 3 rows were refused for 'nview'" in note for note in result.notes)


def test_a_few_odd_values_do_not_cost_a_column(tmp_path: Path) -> None:
    path = write_csv(tmp_path, "id,caption,views", *(f"{n},a,{n}" for n in range(9)), "9,a,hidden")
    result = ingest(path, tmp_path / "posts.parquet")
    assert (result.written, result.rejected) == (9, 1)
    assert "views" in read_posts(result.path)
    assert not any("was not taken" in note or "were refused" in note for note in result.notes)


def test_a_mapped_column_is_never_dropped(tmp_path: Path) -> None:
    path = write_csv(tmp_path, "id,caption,saved", "1,a,True", "2,b,False")
    mapping = tmp_path / "map.toml"
    mapping.write_text('[columns]\nid = "id"\nsaves = "saved"\n', encoding="utf-8")
    with pytest.raises(InputError, match="none of its 2 rows") as caught:
        ingest(path, tmp_path / "posts.parquet", mapping=mapping)
    assert "by its name" not in str(caught.value)


def test_posts_without_an_outcome_are_welcome(tmp_path: Path) -> None:
    result = ingest(write_csv(tmp_path, "id,caption", "1,a"), tmp_path / "posts.parquet")
    assert result.written == 1
    assert any("no outcomes" in note for note in result.notes)


@pytest.mark.parametrize("mangled", [7.506832745952218e18, "7.506832745952218e+18"])
def test_a_rounded_id_is_refused(tmp_path: Path, mangled: object) -> None:
    posts = [scraper_post(0), scraper_post(1, id=mangled)]
    result = ingest(write_scraper(tmp_path, posts), tmp_path / "posts.parquet")
    assert (result.written, result.rejected) == (1, 1)
    assert "rounded" in rejects(tmp_path)[0]["reason"]


@pytest.mark.parametrize("spelled", ["exact", "zeros"])
def test_ids_rounded_before_they_became_text_are_refused(tmp_path: Path, spelled: str) -> None:
    ids = [int(float(7506832745952218423 + 7777 * n)) for n in range(6)]
    shown = [n if spelled == "exact" else int(f"{str(n)[:16]}000") for n in ids]
    posts = [scraper_post(n, id=str(shown[n])) for n in range(6)]
    with pytest.raises(InputError, match="rounded with most other ids"):
        ingest(write_scraper(tmp_path, posts), tmp_path / "posts.parquet")


def test_true_ids_are_not_taken_for_rounded_ones() -> None:
    ids = [7506832745952218423 + 104_729 * n for n in range(2_000)]
    assert sum(looks_rounded(str(n)) for n in ids) < 60


def test_a_rounded_author_is_refused_but_a_rounded_sound_left_out(tmp_path: Path) -> None:
    path = write_csv(
        tmp_path, "id,caption,author_id,music_id", "1,a,6.8e18,3", "2,b,name,7.5e+18", "3,c,name,9"
    )
    result = ingest(path, tmp_path / "posts.parquet")
    assert result.rejected == 1
    assert read_posts(result.path)["sound_id"].tolist() == [pd.NA, "9"]


def test_authors_are_hashed_once() -> None:
    hashed = hash_author("6812345678901234567")
    assert hashed is not None
    assert len(hashed) == 16
    assert hash_author(6812345678901234567) == hashed
    assert hash_author("@name") == hash_author("name") != hash_author("Name")
    assert hash_author("ac6c0cbebb382") == "ac6c0cbebb382"
    assert hash_author(" ") is None


def test_words_signs_and_mails() -> None:
    assert hashtags_in("so #Fun#día! #ส้มตำ, mail a@b.cd #1") == ("Fun", "día", "ส้มตำ", "1")
    assert mentions_in("hi @some.one. and @you, mail me@b.cd") == ("some.one", "you")
    assert read_words("['a', '#b']") == ("a", "b")
    assert read_words('["a"]') == ("a",)
    assert read_words("#a #b") == ("a", "b")
    assert read_words([{"title": "x"}, {"hashtag_name": "y"}, "z"]) == ("x", "y", "z")
    with pytest.raises(Refused):
        read_words("[broken")


def test_derived_ids_need_two_facts() -> None:
    assert derive_id("a", None, "text") == derive_id("a", None, "text")
    assert derive_id("a", None, "text") != derive_id("text", None, "a")
    assert derive_id(None, None, "text") is None


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([True, None], "boolean"), (["1", "2"], "Int64"), ([1, 2.5], "float64"),
        (["01", "2"], "string"),
        (["7506832682593094928"], "string"), (["a", 1], "string"), ([["a"], []], "object"),
        ([{"a": 1}], "string"), ([None], "string"), (["1.50", ""], "float64"), ([2**70], "string"),
    ],
)  # fmt: skip
def test_extra_columns_have_one_type(values: list[object], dtype: str) -> None:
    assert str(extra_column(values).dtype) == dtype


def test_unknown_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'csv' is unknown"):
        ingest(write_raw_csv(tmp_path), tmp_path / "posts.parquet", format="csv")


def test_an_unwritable_place_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        ingest(write_raw_csv(tmp_path), tmp_path / "absent" / "posts.parquet")


def test_the_same_source_gives_the_same_bytes_and_progress_ends(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    path = write_scraper(tmp_path)
    ingest(path, tmp_path / "a.parquet", progress=lambda done, total: seen.append((done, total)))
    ingest(path, tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    assert seen[-1] == (3, 3)


JUNK = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS = st.sampled_from(sorted(scraper_post(0)))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(KEYS, JUNK, max_size=4), min_size=1, max_size=4))
def test_any_junk_is_read_or_refused_row_by_row(
    tmp_path_factory: pytest.TempPathFactory, changes: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("junk")
    posts = [scraper_post(99)] + [scraper_post(n, **change) for n, change in enumerate(changes)]
    path = folder / "posts.json"
    path.write_text(json.dumps({"collector": posts}), encoding="utf-8")
    try:
        result = ingest(path, folder / "posts.parquet")
    except ViralityError as error:
        pytest.fail(f"one good row is there: {error}")
    assert result.rows == len(posts) == result.written + result.rejected + result.duplicates
    assert len(read_posts(result.path)) == result.written


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="the real tables are not here")
@pytest.mark.parametrize(
    ("name", "layout", "rows"),
    [
        ("tiktok_trending_2020.json", "tiktok_scraper", 1_000),
        ("smp_video_2025", "smp", 3_200),
        ("tiktok_vn_food_creators.parquet", "tiktok_api", 26_082),
        ("tiktok_2025_raw_strings.csv", "table", 10_102),
    ],
)
def test_real_tables(tmp_path: Path, name: str, layout: str, rows: int) -> None:
    result = ingest(SHARED / name, tmp_path / "posts.parquet")
    assert (result.format, result.rows, result.written, result.rejected) == (layout, rows, rows, 0)


def test_texts_in_parts_are_stored_as_a_whole_and_names_of_files_as_they_are(
    tmp_path: Path,
) -> None:
    parts = unicodedata.normalize("NFD", "Phở")
    path = write_csv(
        tmp_path,
        "id,caption,hashtags,sound_title,media,views",
        f"1,{parts} #{parts},,{parts},{parts}.mp4,5",
        f"2,a,#{parts},Phở,x.mp4,5",
    )
    ingest(path, tmp_path / "posts.parquet")
    posts = read_posts(tmp_path / "posts.parquet")
    whole = unicodedata.normalize("NFC", parts)
    assert posts["caption"][0] == f"{whole} #{whole}"
    assert [tuple(one) for one in posts["hashtags"]] == [(whole,), (whole,)]
    assert list(posts["sound_title"]) == [whole, whole]
    assert posts["media"][0] == f"{parts}.mp4"
