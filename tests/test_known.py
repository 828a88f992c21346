"""What is known of a post besides its clip becomes what ingest would have written."""

import json
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from virality.cli import app
from virality.data.cells import hash_author
from virality.data.errors import InputError
from virality.data.ingest import ingest
from virality.data.prediction_log import PredictionLog
from virality.data.table import read_posts
from virality.workflow.known import Known, with_known
from virality.workflow.run import extract_table, train_model

pytestmark = pytest.mark.usefixtures("light_recipes")

AUTHORS = 6
AT = ("--posted-at", "2025-06-01T10:00:00")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model that was trained on posts of named authors, each at a level."""
    folder = tmp_path_factory.mktemp("known")
    draw = np.random.default_rng(0)
    rows = 120
    author = np.arange(rows) % AUTHORS
    table = pd.DataFrame({
        "id": [f"p{i}" for i in range(rows)],
        "author_id": [f"creator_{i}" for i in author],
        "posted_at": pd.date_range("2025-01-01", periods=rows, freq="9h", tz="UTC"),
        "caption": "hello",
        "views": (10 ** (2 + author + draw.normal(0, 0.1, rows))).astype(int),
    })  # fmt: skip
    table.to_csv(folder / "posts.csv", index=False)
    ingest(folder / "posts.csv", folder / "posts.parquet")
    extract_table(folder / "posts.parquet", None, folder / "features", only=("metadata",))
    train_model(folder / "features", None, folder / "model")
    return folder


def predicted(place: Path, author: str) -> float:
    facts = ("--caption", "hello", "--author", author, *AT)
    done = CliRunner().invoke(app, ["predict", str(place / "model"), *facts, "--json", "-q"])
    assert done.exit_code == 0, (done.output, done.exception)
    return float(json.loads(done.stdout)["prediction"])


def test_an_author_is_found_by_name_by_handle_and_by_hash(place: Path) -> None:
    name = f"creator_{AUTHORS - 1}"
    first = read_posts(place / "posts.parquet")["author_id"].iloc[AUTHORS - 1]
    assert hash_author(name) == first
    by_name = predicted(place, name)
    assert by_name == predicted(place, f"@{name}") == predicted(place, str(first))
    assert by_name > 10 * predicted(place, "creator_0")
    assert by_name > 3 * predicted(place, "somebody else")


def test_explain_finds_the_same_author(place: Path) -> None:
    def told(author: str) -> float:
        words = [
            "explain",
            str(place / "model"),
            "clip.mp4",
            "--author",
            author,
            *AT,
            "--json",
            "-q",
        ]
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, (done.output, done.exception)
        return float(json.loads(done.stdout)["posts"][0]["predicted"])

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        Path("clip.mp4").write_text("not looked at by this model")
        name = f"creator_{AUTHORS - 1}"
        assert told(name) == told(str(hash_author(name))) > told("creator_0")


def test_a_log_keeps_the_hash_and_never_the_name(place: Path, tmp_path: Path) -> None:
    words = ["predict", str(place / "model"), "--author", "creator_3", "--caption", "hello"]
    done = CliRunner().invoke(app, [*words, "--log", str(tmp_path / "log.db"), "-q"])
    assert done.exit_code == 0, (done.output, done.exception)
    with PredictionLog(tmp_path / "log.db") as log:
        (kept,) = log.predictions()
    assert kept.facts["author_id"] == hash_author("creator_3")


def bare() -> pd.DataFrame:
    return pd.DataFrame({"id": pd.array(["one", "two"], dtype="string")})


def test_nothing_is_said_of_an_author_without_a_name() -> None:
    for author in (None, "", "  "):
        assert "author_id" not in with_known(bare(), Known(author=author))


def test_an_author_that_is_no_name_is_named() -> None:
    with pytest.raises(InputError, match=r"author '7\.5e18' was rounded"):
        with_known(bare(), Known(author="7.5e18"))


def test_signs_and_spellings_of_hashtags_that_are_named_do_not_matter() -> None:
    whole, parts = (unicodedata.normalize(form, "xuhướng") for form in ("NFC", "NFD"))
    posts = pd.DataFrame({"id": pd.array(["clip"], dtype="string")})
    known = Known(caption=f"Phở #{parts}", hashtags=(whole, "＃タグ", "#b", " #c"))
    made = with_known(posts, known)
    assert tuple(made["hashtags"].iloc[0]) == (whole, "タグ", "b", "c")
    assert made["caption"].iloc[0] == unicodedata.normalize("NFC", known.caption or "")
