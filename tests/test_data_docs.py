import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from excerpts import write_scraper

from virality.data.ingest import ingest
from virality.data.listing import schema_table
from virality.data.numbers import Refused, parse_count
from virality.data.sources import SOURCES
from virality.data.sources.mapping import read_mapping
from virality.data.times import parse_time, parse_zoned

PAGE = Path(__file__).parents[1] / "docs" / "data.md"


def test_the_schema_in_the_docs_is_the_schema() -> None:
    text = PAGE.read_text(encoding="utf-8")
    shown = text.split("<!-- schema -->\n")[1].split("\n<!-- end of schema -->")[0]
    assert shown == schema_table()


def test_the_docs_name_every_layout() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert re.findall(
        r"^\| `(\w+)` \| (?:a table that|JSON|TikTok|`tik|folder|any)", text, re.M
    ) == list(SOURCES)


def test_the_mapping_in_the_docs_can_be_read(tmp_path: Path) -> None:
    mapping = tmp_path / "map.toml"
    block = re.search(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    assert block is not None
    mapping.write_text(block[1], encoding="utf-8")
    assert read_mapping(mapping).known == {"loudness": "pre"}


@pytest.mark.parametrize("written", ["12,3 B", "2.3 mil", "1.4M+", "~3K", "1.234", "1,234"])
def test_what_the_docs_call_refused_is(written: str) -> None:
    with pytest.raises(Refused):
        parse_count(written)


@pytest.mark.parametrize(
    "written",
    ["03/04/2025", "21 May 2025 22:00 JST", "May 21, 2025 10:00 PM CST", "May 21, 2025 22:00 PM",
     "Tue, 21 May 2025", "21 May 25"],
)  # fmt: skip
def test_times_that_the_docs_call_refused_are(written: str) -> None:
    assert f"`{written}`" in PAGE.read_text(encoding="utf-8")
    with pytest.raises(Refused):
        parse_time(written)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Wed, 21 May 2025 22:00:00 EST", "2025-05-22T03:00:00+00:00"),
        ("May 21, 2025 10:00 PM", "2025-05-21T22:00:00+00:00"),
        ("Wed May 21 22:00:00 +0200 2025", "2025-05-21T20:00:00+00:00"),
        ("2025/05/21", "2025-05-21T00:00:00+00:00"),
    ],
)
def test_times_that_the_docs_call_read_are(written: str, meant: str) -> None:
    assert f"`{written}`" in PAGE.read_text(encoding="utf-8")
    moment = parse_time(written)
    assert moment is not None
    assert moment.isoformat() == meant


def test_the_pattern_with_a_zone_in_the_docs_works() -> None:
    (unit,) = re.findall(r'`"(%[^"]+ in [^"]+)"`', PAGE.read_text(encoding="utf-8"))
    assert parse_zoned("21 May 2025 22:00 JST", unit) == (
        datetime(2025, 5, 21, 13, tzinfo=UTC),
        True,
    )


def test_the_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_scraper(tmp_path)
    block = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    assert block is not None
    exec(compile(block[1], "data.md", "exec"), {})
    assert ingest(tmp_path / "posts.parquet", tmp_path / "again.parquet").written == 3
