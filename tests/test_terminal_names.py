"""Names of files and models as they are told in a terminal."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from virality.cli import app
from virality.workflow.judging import _apart

POSTS = Path(__file__).parents[1] / "examples" / "posts.csv"


@pytest.mark.parametrize("name", ["my [old] data", "[bold]", "a[/b]"])
def test_brackets_in_names_of_folders_are_told(tmp_path: Path, name: str) -> None:
    """They were taken for markup: `my [old] data` was told as `my  data`."""
    table = tmp_path / name / "posts.parquet"
    table.parent.mkdir(parents=True)
    done = CliRunner().invoke(app, ["ingest", str(POSTS), "-o", str(table)])
    assert done.exit_code == 0, done.exception
    assert f": {table}\n" in done.stdout
    features = tmp_path / name / "features"
    words = ["extract", str(table), "-o", str(features), "--only", "metadata"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.exception
    assert f"Features: {features}\n" in done.stdout


@pytest.mark.parametrize(
    ("first", "second", "names"),
    [
        ("old", "new", ("old", "new")),
        ("old/model", "new/model", ("old/model", "new/model")),
        (".", "new", (".", "new")),
    ],
)
def test_two_models_are_told_apart(first: str, second: str, names: tuple[str, str]) -> None:
    """Those of two runs were both called `model`."""
    assert _apart(Path(first), Path(second)) == names
