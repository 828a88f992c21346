"""The demo, once, and every command on what it leaves."""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from virality.cli import app
from virality.data.errors import InputError

ROOT = Path(__file__).resolve().parents[1]
CLIPS = 150
TRIALS = 8
EVALUATION_KEYS = [
    "target", "split", "rows", "authors", "metrics", "baselines", "optimism_gap", "coverage",
    "pairs",
]  # fmt: skip
FORECAST_KEYS = [
    "id", "target", "prediction", "low", "high", "percentile", "hit_probability", "reasons_up",
    "reasons_down", "status", "reason", "explanation",
]  # fmt: skip


def call(*arguments: object) -> dict:
    """Run a command with --json in this process -> its one object."""
    result = CliRunner().invoke(app, [*map(str, arguments), "--json", "-q"])
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("demo")
    call("demo", "-o", out, "--clips", CLIPS, "--trials", TRIALS, "--jobs", 2)
    return out


def test_the_model_beats_every_baseline_on_the_holdout(demo):
    temporal = json.loads((demo / "evaluation-temporal.json").read_text())
    assert set(temporal["differences"]) == {"constant", "author_median", "followers"}
    for name, difference in temporal["differences"].items():
        assert difference["low"] > 0, name


def test_planted_drivers_are_among_the_strongest_ten_and_the_decoy_is_not(demo):
    truth = json.loads((demo / "corpus/truth.json").read_text())
    report = json.loads((demo / "report.json").read_text())
    strongest = [
        name
        for driver in report["explained"]["features"][:10]
        for name in (driver["feature"], *driver["related"])
    ]
    for driver, columns in truth["planted"].items():
        assert set(columns) & set(strongest), (driver, strongest)
    for columns in truth["decoy"].values():
        assert not set(columns) & set(strongest)


def test_shares_by_control_are_of_all_movement_and_stand_once(demo):
    explained = json.loads((demo / "report.json").read_text())["explained"]
    assert sum(explained["controls"].values()) == pytest.approx(1, abs=1e-6)
    assert explained["rest"] > 0
    words = " ".join(explained["sentences"])
    assert f"{100 * explained['controls']['can']:.0f} % of the model's movement" in words


def test_the_report_says_that_the_corpus_is_synthetic(demo):
    page = (demo / "report.html").read_text()
    assert "synthetic" in page.lower()
    assert "cuts per second" in page


def test_a_second_run_skips_every_stage(demo):
    before = {path: path.read_bytes() for path in demo.glob("*.json")}
    result = CliRunner().invoke(
        app, ["demo", "-o", str(demo), "--clips", str(CLIPS), "--trials", str(TRIALS)]
    )
    assert result.exit_code == 0, result.output
    assert result.stderr.count("nothing changed, skipped") == 8
    assert {path: path.read_bytes() for path in before} == before
    assert len(result.stdout.splitlines()) >= 6
    assert str(demo / "report.html") in result.stdout.replace("\n", "")


@pytest.mark.nightly
def test_another_trial_redoes_only_what_follows(demo, tmp_path):
    arguments = ["demo", "-o", str(demo), "--clips", str(CLIPS), "--trials", str(TRIALS + 1)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "extract: nothing changed, skipped" in result.stderr
    assert "tune: nothing changed" not in result.stderr
    assert json.loads((demo / "report.json").read_text())


def test_evaluate_prints_the_documented_keys(demo):
    value = call("evaluate", demo / "features", "--model", demo / "model", "--split", "author")
    assert list(value) == EVALUATION_KEYS
    for metric in value["metrics"].values():
        assert set(metric) == {"value", "low", "high"}
    assert set(value["baselines"]) == {"constant", "author_median", "followers"}
    assert value["rows"] == CLIPS


def test_predict_prints_one_object_a_line_in_the_targets_units(demo):
    clips = sorted((demo / "corpus/clips").glob("*.mp4"))[:2]
    arguments = ["predict", demo / "model", *clips, "--followers", 12_000, "--json", "-q"]
    result = CliRunner().invoke(app, [*map(str, arguments)])
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["id"] for line in lines] == [clip.stem for clip in clips]
    for line in lines:
        assert list(line) == FORECAST_KEYS
        assert 0 <= line["low"] <= line["prediction"] <= line["high"]
        assert 0 <= line["hit_probability"] <= 1
        assert 0 <= line["percentile"] <= 100
        for reason in [*line["reasons_up"], *line["reasons_down"]]:
            assert {"feature", "label", "value", "unit", "effect", "sentence"} <= set(reason)
    assert any("usual" in reason["sentence"] for reason in lines[0]["reasons_up"])


def write_part(whole: Path, to: Path, step: int, parts: tuple[str, ...] = ()) -> pd.Index:
    """Write every so many posts of a feature folder, all columns or some parts' -> their ids."""
    from virality.data.features import Features, read_features, write_features

    features = read_features(whole)
    matrix = features.matrix
    ids = matrix.frame.index[::step]
    if parts:
        matrix = matrix.select([n for n, one in matrix.columns.items() if one.modality in parts])
    posts, status = (
        table[table["id"].isin(ids)].reset_index(drop=True)
        for table in (features.posts, features.status)
    )
    write_features(to, Features(matrix.rows(ids), posts, status))
    return ids


@pytest.fixture(scope="module")
def some(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with every tenth post of the demo, as a table and as features."""
    from virality.data.table import read_posts, write_posts

    folder = tmp_path_factory.mktemp("some")
    ids = write_part(demo / "features", folder / "features", step=10)
    table = read_posts(demo / "posts.parquet")
    write_posts(table[table["id"].isin(ids)].reset_index(drop=True), folder / "posts.parquet")
    return folder


def test_predicting_with_what_happened_since(demo, some, tmp_path):
    from virality.data.table import read_posts, write_posts

    def means(*more: object) -> dict[str, float]:
        arguments = ["predict", demo / "model", some / "features", *more, "--json", "-q"]
        result = CliRunner().invoke(app, [*map(str, arguments)])
        assert result.exit_code == 0, result.output
        lines = map(json.loads, result.stdout.splitlines())
        return {line["id"]: line["prediction"] for line in lines}

    posts = read_posts(demo / "posts.parquet")
    plain = means()
    assert means("--history", demo / "posts.parquet") == plain  # all of them known already
    newest = posts.sort_values("posted_at").iloc[-1]
    later = posts[posts["author_id"] == newest["author_id"]].copy()
    moved = pd.to_timedelta(range(1, len(later) + 1), unit="min")
    later["posted_at"] = newest["posted_at"] + moved
    later["views"] = 5_000_000
    write_posts(later, tmp_path / "since.parquet")
    assert means("--history", tmp_path / "since.parquet") == plain  # none is before a post asked
    asked = later.assign(id=[f"new{i}" for i in range(len(later))])
    asked["posted_at"] = asked["posted_at"] + pd.Timedelta("1D")
    write_posts(asked, tmp_path / "asked.parquet")
    arguments = ["predict", demo / "model", tmp_path / "asked.parquet", "--json", "-q"]
    said = []
    for more in ([], ["--history", tmp_path / "since.parquet"]):
        result = CliRunner().invoke(app, [*map(str, [*arguments, *more])])
        assert result.exit_code == 0, result.output
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        said.append([line["prediction"] for line in lines])
    assert said[0] != said[1]
    write_posts(later.drop(columns="views"), tmp_path / "bare.parquet")
    result = CliRunner().invoke(
        app, [*map(str, [*arguments, "--history", tmp_path / "bare.parquet"])]
    )
    assert isinstance(result.exception, InputError)
    assert "views" in str(result.exception)


def test_predicting_from_clips_posts_or_features_agrees(demo, some):
    from virality.data.features import read_features
    from virality.modeling.bundle import load_model

    def lines(source: object, *more: object) -> list[dict]:
        arguments = ["predict", demo / "model", source, *more, "--json", "-q"]
        result = CliRunner().invoke(app, [*map(str, arguments)])
        assert result.exit_code == 0, result.output
        return [json.loads(line) for line in result.stdout.splitlines()]

    posts = lines(some / "posts.parquet", "--media", demo / "corpus/clips", "--jobs", 2)
    assert posts == lines(some / "features")
    features = read_features(some / "features")
    model = load_model(demo / "model")
    means = model.target.to_units(model.predict(features.matrix, features.posts).mean)
    assert [line["prediction"] for line in posts] == pytest.approx(list(means), rel=1e-12)


def test_extract_again_reuses_everything(demo):
    arguments = ("extract", demo / "posts.parquet", "--media", demo / "corpus/clips")
    value = call(*arguments, "-o", demo / "features")
    assert value["counts"] == {"ok": CLIPS}
    assert value["computed"] == 0
    assert set(value) == {"counts", "reasons", "computed", "reused", "seconds", "path", "gone"}


def test_status_and_validate_speak_json(demo):
    status = call("status", demo / "features")
    assert status["statuses"] == {"ok": CLIPS}
    assert len(status["rows"]) == CLIPS
    value = call("validate", demo / "posts.parquet")
    assert value["posts"] == CLIPS
    views = next(one for one in value["targets"] if one["target"] == "views")
    assert set(views["splits"]) == {"temporal", "author", "random"}


def test_a_study_of_another_target_is_refused(demo):
    arguments = ["tune", demo / "features", "--target", "likes", "--study", demo / "study.log"]
    result = CliRunner().invoke(app, [*map(str, arguments)])
    assert getattr(result.exception, "exit_code", None) in {2, 4}
    assert "views" in str(result.exception)


def test_a_model_of_other_feature_versions_is_refused(demo, tmp_path):
    import dataclasses

    from virality.data.errors import BundleError
    from virality.data.features import read_features
    from virality.modeling.bundle import load_model

    features = read_features(demo / "features")
    versions = {**features.matrix.versions, "audio_loudness": "0"}
    other = dataclasses.replace(features.matrix, versions=versions)
    with pytest.raises(BundleError, match="audio_loudness") as caught:
        load_model(demo / "model").predict(other, features.posts)
    assert caught.value.exit_code == 6


def test_a_tampered_model_ends_with_code_6(demo, tmp_path):
    import shutil

    copy = tmp_path / "model"
    shutil.copytree(demo / "model", copy)
    victim = max(copy.rglob("*"), key=lambda path: path.stat().st_size if path.is_file() else 0)
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(bytes(data))
    done = subprocess.run(
        [sys.executable, "-m", "virality", "predict", str(copy), str(demo / "features")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 6, done.stderr
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


def test_the_readmes_python_works_and_agrees_with_the_commands(demo, tmp_path):
    features = tmp_path / "features"
    write_part(demo / "features", features, step=2, parts=("metadata", "stream"))
    readme = (ROOT / "README.md").read_text()
    block = re.search(r"```python\n(.*?)```", readme, re.S)
    assert block is not None
    code = block[1].replace('Path("features")', f"Path({str(features)!r})")
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    printed = io.StringIO()
    here = os.getcwd()
    os.chdir(tmp_path)
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "README.md", "exec"), {})
    finally:
        os.chdir(here)
    study, model = tmp_path / "study.log", tmp_path / "model"
    call("train", features, "--study", study, "-o", model)
    kept = tmp_path / "evaluation.json"
    call("evaluate", features, "--model", model, "-o", kept)
    assert json.loads(kept.read_text())["verdict"] in printed.getvalue()
