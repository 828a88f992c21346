"""Exports that are partly broken: what is sound is read, what is not is named with its place."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from virality.data.errors import InputError
from virality.data.ingest import Ingest, ingest
from virality.data.table import read_posts

HEADER = "id,author,caption,views\n"
GOOD = [f'{n},a{n},"said, {n}",{n}00\n' for n in range(1, 6)]


def ingested(path: Path, content: str | pa.Table) -> tuple[Ingest, list[str]]:
    """Return what ingest did and the ids that it kept."""
    if isinstance(content, pa.Table):
        pq.write_table(content, path)
    else:
        path.write_text(content, encoding="utf-8")
    done = ingest(path, path.parent / "posts.parquet")
    return done, read_posts(done.path)["id"].tolist()


@pytest.mark.parametrize(
    ("broken", "kept", "place"),
    [
        ('2,a2,"she said \\"no\\" twice",200\n', ["1", "3", "4", "5"], "line 3: "),
        ('2,a2,"no" she said,200\n', ["1", "3", "4", "5"], "line 3: "),
        ('2,a2,"never closed,200\n', ["1", "4", "5"], "lines 3 to 4: "),
        ("2,a2,one\0two,200\n", ["1", "3", "4", "5"], "(line 3)"),
    ],
    ids=["backslashes", "text behind a quote", "open quote", "NUL"],
)
def test_one_broken_row_of_csv_does_not_cost_the_others(
    tmp_path: Path, broken: str, kept: list[str], place: str
) -> None:
    rows = [GOOD[0], broken, *GOOD[2:]]
    done, ids = ingested(tmp_path / "a.csv", HEADER + "".join(rows))
    assert ids == kept
    assert done.rejected == 1
    listed = done.rejects.read_text(encoding="utf-8")
    assert "a.csv,2," in listed
    assert place in listed


def test_a_quote_that_is_never_closed_is_named_by_the_line_where_it_opens(tmp_path: Path) -> None:
    rows = [GOOD[0], '2,a2,"open,200\n', *(row.replace('"said, ', "").replace('"', "")
                                          for row in GOOD[2:])]  # fmt: skip
    with pytest.raises(InputError, match="begins in line 3 a quotation mark is never closed"):
        ingested(tmp_path / "a.csv", HEADER + "".join(rows))


def test_rows_of_empty_cells_are_no_posts_and_keep_the_count_of_rows(tmp_path: Path) -> None:
    rows = [GOOD[0], ",,,\n", "3,a3,said,many\n", ",,,\n", " , ,,\n"]
    done, ids = ingested(tmp_path / "a.csv", HEADER + "".join(rows))
    assert ids == ["1"]
    assert (done.rows, done.rejected) == (2, 1)
    assert "a.csv,3,views,many" in done.rejects.read_text(encoding="utf-8")


def test_texts_that_parquet_keeps_as_bytes_are_texts(tmp_path: Path) -> None:
    table = pa.table(
        {
            "id": [b"71", b"72"],
            "caption": ["phở #ngon".encode(), b"cut \xe1"],
            "mentions": [[b"bob"], None],
            "note": [b"x", None],
        }
    )
    done, ids = ingested(tmp_path / "a.parquet", table)
    posts = read_posts(done.path)
    assert ids == ["71", "72"]
    assert posts["caption"].tolist() == ["phở #ngon", "cut \ufffd"]
    assert posts["hashtags"].iloc[0] == ("ngon",)
    assert posts["mentions"].iloc[0] == ("bob",)
    assert posts["extra.note"].iloc[0] == "x"


@pytest.mark.parametrize(
    "kind", [pa.timestamp("ms", "UTC"), pa.timestamp("ms"), pa.timestamp("ms", "Mars/Phobos")]
)
def test_a_time_that_python_cannot_hold_costs_its_row_only(
    tmp_path: Path, kind: pa.DataType
) -> None:
    times = pa.array([2**60, None], pa.int64()).cast(kind)
    nested = pa.array([{"at": 2**60}, {"at": None}], pa.struct([("at", pa.timestamp("ms"))]))
    table = pa.table({"id": ["1", "2"], "caption": ["a", "b"], "posted_at": times, "seen": nested})
    done, ids = ingested(tmp_path / "a.parquet", table)
    assert ids == ["2"]
    assert f"{2**60} as timestamp" in done.rejects.read_text(encoding="utf-8")


def test_a_column_that_stands_in_parquet_twice_is_refused_as_in_csv(tmp_path: Path) -> None:
    columns = [pa.array(["1"]), pa.array(["a"]), pa.array([1]), pa.array([2])]
    table = pa.Table.from_arrays(columns, names=["id", "caption", "views", "views"])
    with pytest.raises(InputError, match="column 'views' stands in the header twice"):
        ingested(tmp_path / "a.parquet", table)
