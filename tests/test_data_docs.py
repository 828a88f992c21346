import re
from pathlib import Path

import pytest
from excerpts import write_scraper

from virality.data.ingest import ingest
from virality.data.listing import schema_table
from virality.data.numbers import Refused, parse_count
from virality.data.sources import SOURCES
from virality.data.sources.mapping import read_mapping

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
    assert read_mapping(mapping).known == {"language": "pre"}


@pytest.mark.parametrize("written", ["12,3 B", "2.3 mil", "1.4M+", "~3K", "1.234", "1,234"])
def test_what_the_docs_call_refused_is(written: str) -> None:
    with pytest.raises(Refused):
        parse_count(written)


def test_the_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_scraper(tmp_path)
    block = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    assert block is not None
    exec(compile(block[1], "data.md", "exec"), {})
    assert ingest(tmp_path / "posts.parquet", tmp_path / "again.parquet").written == 3
