"""What a crash or a full disk damaged of a run is made again, and the run says so."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from virality.cli import app
from virality.data.errors import StorageError
from virality.modeling.bundle import load_model
from virality.workflow.alone import alone
from virality.workflow.console import Console
from virality.workflow.demo import demo
from virality.workflow.stamp import Stamps, fingerprint
from virality.workflow.whole import check_study

pytestmark = pytest.mark.usefixtures("light_recipes")
POSTS = Path(__file__).parents[1] / "examples" / "posts.csv"
MADE = {
    "posts.parquet": "posts.parquet: is damaged or cut short; ingest is done again",
    "features/matrix.parquet": "matrix.parquet is not what was written; extract is done again",
    "features/manifest.json": "manifest.json is damaged; extract is done again",
    "study.log": "tune is done again",
    "model/arrays.npz": "another size than when it was written; train is done again",
    "model/model.json": "model-1, and train makes it again",
    "evaluation-random.json": "not an evaluation kept by `virality evaluate -o`; evaluate random",
    "report.html": "report.html: is cut short; report is done again",
    "report.json": "report.json: not the JSON twin of a report; report is done again",
}


def run_in(work: Path):
    words = ["run", str(POSTS), "-o", str(work), "--only", "metadata", "--trials", "1"]
    return CliRunner().invoke(app, [*words, "--split", "random"])


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, light_recipes: None) -> Path:
    work = tmp_path_factory.mktemp("run") / "work"
    done = run_in(work)
    assert done.exit_code == 0, (done.output, done.exception)
    return work


def cut(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])


@pytest.mark.parametrize("name", MADE)
def test_what_is_cut_short_is_made_again_and_nothing_else(finished, tmp_path, name):
    """A run had stopped at it, or skipped the stage and handed on half a page."""
    work = shutil.copytree(finished, tmp_path / "work")
    cut(work / name, 0.5)
    done = run_in(work)
    assert done.exit_code == 0, (done.output, done.exception)
    told = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
    assert len(told) == 1
    assert MADE[name] in told[0]
    if name != "study.log":  # of which the model is made
        assert done.stderr.count("nothing changed, skipped") == 5
    load_model(work / "model")
    assert run_in(work).stderr.count("nothing changed, skipped") == 6


@pytest.mark.parametrize("share", [0.0, 0.99])
def test_a_table_of_posts_is_made_again_as_it_was(finished, tmp_path, share):
    work = shutil.copytree(finished, tmp_path / "work")
    cut(work / "posts.parquet", share)
    done = run_in(work)
    assert done.exit_code == 0, done.output
    assert (work / "posts.parquet").read_bytes() == (finished / "posts.parquet").read_bytes()
    assert done.stderr.count("nothing changed, skipped") == 5


def test_a_study_that_is_none_any_more_is_kept_beside_the_new_one(finished, tmp_path):
    work = shutil.copytree(finished, tmp_path / "work")
    lines = (work / "study.log").read_bytes()
    (work / "study.log").write_bytes(lines.replace(b'"op_code":', b'"op_c0de":'))
    done = run_in(work)
    assert done.exit_code == 0, done.output
    assert "study-1.log; tune begins anew" in done.stderr
    assert b"op_c0de" in (work / "study-1.log").read_bytes()


def test_a_study_that_lost_trials_is_damaged(finished):
    check_study(finished / "study.log", 1)
    with pytest.raises(StorageError, match="holds 1 of the 2 trials"):
        check_study(finished / "study.log", 2)


def test_a_damaged_model_that_no_run_made_stays(finished, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    shutil.copytree(finished / "model", work / "model")
    (work / "model" / "model.json").write_bytes(b"")
    done = run_in(work)
    assert isinstance(done.exception, StorageError)
    assert "exists and is no model" in str(done.exception)
    assert not (work / "model-1").exists()


def test_the_posts_of_a_demo_are_made_again(tmp_path, monkeypatch, capsys):
    corpus = tmp_path / "corpus"
    made = []

    def make(folder, **_):
        made.append(folder)

    monkeypatch.setattr("virality.data.synthetic.make_corpus", make)
    monkeypatch.setattr("virality.workflow.demo.run", lambda *_: None)
    corpus.mkdir()
    for name in ("truth.json", "posts.parquet"):
        (corpus / name).write_bytes(b"")
    Stamps(corpus / "stages.json").keep("corpus", fingerprint({}, {"clips": 150, "seed": 0}))
    demo(tmp_path, clips=150, trials=1, jobs=1, seed=0, console=Console())
    assert made == [corpus]
    assert "is damaged or cut short; the clips are made again" in capsys.readouterr().err


def test_a_second_run_in_a_folder_is_turned_away(finished, tmp_path):
    """One of two at once had ended with an evaluation of another model."""
    work = shutil.copytree(finished, tmp_path / "work")
    with alone(work):
        done = run_in(work)
    assert isinstance(done.exception, StorageError)
    assert f"{work}: another run works there; wait for it to end" in str(done.exception)
    assert run_in(work).exit_code == 0
