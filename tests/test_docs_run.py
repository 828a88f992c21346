"""Blocks of the documents that a test runs, from the first command to the last."""

import csv
import json
import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_docs import _FENCE
from typer.testing import CliRunner

from virality.cli import app
from virality.modeling.bundle import bundle_hash

pytestmark = pytest.mark.usefixtures("light_recipes")

DOCS = Path(__file__).parents[1] / "docs"
MARK = re.compile(r"<!-- a test runs this block[^>]*-->\n")


def marked(page: str) -> str:
    """Return the marked block of a page."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return str(_FENCE.findall(MARK.split(text, maxsplit=1)[1])[0][1])


DISHES = ("noodles", "dumplings", "pancakes", "curry", "bread", "salad", "soup", "tacos")
WAYS = ("in ten minutes", "as my grandmother did", "with three ingredients", "for a crowd")


def write_posts_csv(path: Path, posts: int = 150) -> None:
    """Posts whose views rise with followers and in the evening: `examples/posts.csv`."""
    rng = np.random.default_rng(0)
    with path.open("w", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(("id", "author_id", "author_followers", "posted_at", "caption", "views"))
        for number in range(posts):
            author = number % 15
            posted = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=9.5 * number)
            y = 2 + 0.2 * author + 0.6 * (17 <= posted.hour <= 22) + rng.normal(0, 0.2)
            dish = DISHES[number % len(DISHES)]
            caption = f"{dish} {WAYS[int(rng.integers(4))]} #{dish} #cooking"
            row = (f"account {author}", 1000 * (author + 1), posted.isoformat(), caption)
            writer.writerow((f"post-{number}", *row, int(10**y)))


def test_the_example_is_the_table_that_these_tests_read(tmp_path: Path) -> None:
    write_posts_csv(tmp_path / "posts.csv")
    shipped = DOCS.parent / "examples" / "posts.csv"
    assert shipped.read_text(encoding="utf-8") == (tmp_path / "posts.csv").read_text()


def run(block: str) -> None:
    """Run the commands of a block, one after the other."""
    for line in block.strip().splitlines():
        done = CliRunner().invoke(app, [*shlex.split(line)[1:], "--quiet"])
        assert done.exit_code == 0, (line, done.output, done.exception)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the quickstart has been run."""
    folder = tmp_path_factory.mktemp("started")
    write_posts_csv(folder / "posts.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run(marked("quickstart.md"))
    return folder


def test_the_quickstart_runs(started: Path) -> None:
    assert "Can I believe it" in (started / "report.html").read_text()


def test_the_python_page_runs(started: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(started)
    text = (DOCS / "python.md").read_text(encoding="utf-8")
    blocks = [str(_FENCE.findall(part)[0][1]) for part in MARK.split(text)[1:]]
    assert len(blocks) == text.count("```python")
    known: dict[str, object] = {}
    for block in blocks:
        exec(block, known)
    assert "Can I believe it" in Path("from-python.html").read_text()
    assert np.all(known["low"] <= known["high"])


def test_the_example_of_the_page_on_explaining_runs(
    started: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(started)
    known: dict[str, object] = {}
    exec(marked("explaining.md"), known)
    assert len(known["said"].mean) == 2  # type: ignore[attr-defined]


def test_the_pages_on_data_features_method_and_report_run(
    started: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(started)
    for page in ("data.md", "features.md", "method.md", "report-tour.md"):
        run(marked(page))
    assert Path("own.parquet").exists()
    assert "Can I believe it" in Path("tour/report.html").read_text()
    assert len(list(Path("tour/tables").glob("*.csv"))) > 5
    assert "post-3" in Path("tour/explained.html").read_text()
    assert "What is trending" in Path("tour/trends.html").read_text()


def test_another_trial_redoes_only_what_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_posts_csv(tmp_path / "posts.csv", 50)
    for trials in (1, 2):
        arguments = f"run posts.csv -o again/ --only metadata --trials {trials}"
        done = CliRunner().invoke(app, shlex.split(arguments))
        assert done.exit_code == 0, (done.output, done.exception)
    assert "extract: nothing changed, skipped" in done.stderr
    assert "tune: nothing changed" not in done.stderr
    assert "report: nothing changed" not in done.stderr


def test_the_page_on_a_second_collection_runs(
    started: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(started)
    table = pd.read_csv("posts.csv")
    later = table.assign(views=table["views"] * 2, collected_at="2026-06-01T00:00:00Z")
    later.to_csv("newer.csv", index=False)
    run("virality ingest newer.csv -o newer.parquet")
    run(marked("collecting.md"))
    again = pd.read_parquet("recrawled/posts.parquet")
    assert again["views"].tolist() == (2 * table["views"]).tolist()


def test_the_page_on_serving_runs(started: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(started)
    (line,) = marked("serving.md").strip().splitlines()
    done = CliRunner().invoke(app, shlex.split(line)[1:])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["low"] < said["prediction"] < said["high"]


def test_the_loop_runs(started: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(started)
    Path("new.csv").write_text(Path("posts.csv").read_text().replace("post-", "new-"))
    rows = [("post_id", "views"), *((f"new-{number}", 100 + number) for number in range(2, 9))]
    with Path("later.csv").open("w", newline="") as handle:
        csv.writer(handle).writerows([*rows, ("new-9", -4), ("nobody", 5)])
    run(marked("feedback.md"))
    value = json.loads(Path("monitor.json").read_text())
    assert value["advice"] == "wait"
    assert (value["predictions"], value["outcomes"]) == (150, 8)
    assert bundle_hash(Path("registry/current")) == bundle_hash(Path("model"))
    listed = CliRunner().invoke(app, ["feedback", "predictions.db", "--quarantined", "--json"])
    (held,) = json.loads(listed.stdout)["reports"]
    assert held["reasons"] == ["views is negative (-4)"]
    assert "was never predicted" in Path("feedback-rejects.csv").read_text()


def test_the_featurizer_of_the_page_measures() -> None:
    scope: dict[str, object] = {"__name__": "text_questions"}
    exec(compile(marked("featurizer.md"), "text_questions", "exec"), scope)
    made = scope["TextQuestions"]
    assert callable(made)
    values = made().extract(["who? me?", "no"])
    assert values.tolist() == [[2.0, 1.0], [0.0, 0.0]]
