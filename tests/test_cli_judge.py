"""`evaluate` with its options and `compare`, from the command line to JSON and tables."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import Result
from matrices import PLANTED, make_case, quick
from typer.testing import CliRunner

from virality.cli import app
from virality.data.errors import InputError, UsageError
from virality.data.features import Features, write_features
from virality.modeling.bundle import save_model
from virality.modeling.train import train
from virality.workflow.judge import read_evaluation

pytestmark = pytest.mark.usefixtures("light_recipes")

FIXED = [
    "target", "split", "rows", "authors", "metrics", "baselines", "optimism_gap", "coverage",
    "pairs",
]  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make features, a model on all of them, and one that does not know the followers."""
    folder = tmp_path_factory.mktemp("judge")
    matrix, posts = make_case(120)
    posts["duration_s"] = np.full(120, 5.0)
    keep = [name for name in matrix.frame.columns if name != PLANTED[0]]
    narrow = replace(
        matrix, frame=matrix.frame[keep], columns={name: matrix.columns[name] for name in keep}
    )
    status = pd.DataFrame({"id": posts["id"], "status": "ok", "reason": "", "seconds": 0.0})
    write_features(folder / "features", Features(matrix, posts, status))
    save_model(quick(train(matrix, posts)), folder / "whole")
    save_model(quick(train(narrow, posts)), folder / "blind")
    return folder


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments), "-q"])


def test_without_options_the_keys_are_the_fixed_ones(place):
    result = call("evaluate", place / "features", "--model", place / "whole", "--json")
    assert list(json.loads(result.stdout)) == FIXED


def test_options_add_their_keys(place):
    options = ["--slices", "--learning-curve", "--ablation"]
    arguments = ["evaluate", place / "features", "--model", place / "whole", *options]
    value = json.loads(call(*arguments, "--json").stdout)
    assert list(value) == [*FIXED, "slices", "learning_curve", "ablation"]
    assert value["split"] == "temporal"
    assert {one["kind"] for one in value["slices"]} >= {"author", "duration"}
    assert list(value["slices"][0]["metrics"]) == ["spearman", "mae", "r2", "bias", "coverage"]
    assert value["learning_curve"]["points"][-1]["metrics"] == value["metrics"]
    assert value["ablation"]["whole"] == value["metrics"]
    assert {one["kind"] for one in value["ablation"]["parts"]} == {"without", "alone"}
    shown = call(*arguments).stdout
    for words in ("By kind of post", "0 to 10 s", "Learning curve", "What each modality adds"):
        assert words in shown
    for sentence in (value["learning_curve"]["verdict"], value["ablation"]["verdict"]):
        assert sentence in shown


def test_compare_says_whether_a_difference_is_real(place):
    arguments = ["compare", place / "blind", place / "whole", place / "features"]
    value = json.loads(call(*arguments, "--split", "author", "--json").stdout)
    assert list(value) == [
        "target", "split", "rows", "authors", "first", "second", "differences", "coverage",
        "real", "notes", "verdict",
    ]  # fmt: skip
    assert value["real"] is True
    assert value["differences"]["mae"]["high"] < 0
    shown = call(*arguments, "--split", "author")
    assert shown.exit_code == 0
    assert "second less first" in shown.stdout
    assert "more than chance" in shown.stdout


@pytest.mark.parametrize("command", ["evaluate", "compare"])
def test_an_unknown_split_is_named(place, command):
    from virality.data.errors import UsageError

    models = ["--model", place / "whole"]
    paths = [place / "features"] if command == "evaluate" else [place / "whole"] * 2
    extra = models if command == "evaluate" else [place / "features"]
    result = call(command, *paths, *extra, "--split", "weekly")
    assert isinstance(result.exception, UsageError)
    assert "temporal, rolling, author, random" in str(result.exception)


def test_run_refuses_an_unknown_split_before_it_reads(tmp_path):
    result = call("run", tmp_path / "none.json", "-o", tmp_path / "out", "--split", "temporal,x")
    assert "--split 'x'" in str(result.exception)


def test_the_audit_names_a_leak_and_finds_none_in_a_clean_table(place, tmp_path):
    value = json.loads(call("audit", place / "features", "--json").stdout)
    assert (value["posts"], value["findings"]) == (120, [])
    assert "no sign of a leak" in call("audit", place / "features").stdout
    matrix, posts = make_case(120)
    frame = matrix.frame.copy()
    frame[PLANTED[1]] = np.log10(1 + posts["views"].to_numpy(float)).astype(np.float32)
    status = pd.DataFrame({"id": posts["id"], "status": "ok", "reason": "", "seconds": 0.0})
    leaky = Features(replace(matrix, frame=frame), posts, status)
    write_features(tmp_path / "leaky", leaky)
    found = json.loads(call("audit", tmp_path / "leaky", "--json").stdout)["findings"]
    assert [(one["kind"], one["column"]) for one in found] == [("copy", PLANTED[1])]
    assert "leave it out" in call("audit", tmp_path / "leaky").stdout
    assert isinstance(call("audit", place / "features", "--target", "fame").exception, UsageError)


def test_a_report_takes_no_evaluation_of_something_else(place, tmp_path):
    kept, page = tmp_path / "kept.json", tmp_path / "report.html"
    done = call("evaluate", place / "features", "--model", place / "whole", "-o", kept)
    assert done.exit_code == 0, done.output

    def refused(model, says, **changes):
        foreign = tmp_path / "foreign.json"
        foreign.write_text(json.dumps({**json.loads(kept.read_text()), **changes}))
        done = call("report", model, place / "features", "--evaluation", foreign, "-o", page)
        assert isinstance(done.exception, InputError)
        assert says in str(done.exception)
        assert not page.exists()

    refused(place / "whole", "of 'likes', the model predicts 'views'; evaluate", target="likes")
    refused(place / "blind", "judges another model; evaluate this one")
    ids = ["elsewhere", *json.loads(kept.read_text())["ids"][1:]]
    refused(place / "whole", "judges post 'elsewhere', which is not in the features", ids=ids)
    early = tmp_path / "early.json"
    early.write_text(
        json.dumps({k: v for k, v in json.loads(kept.read_text()).items() if k != "model"})
    )
    assert read_evaluation(early).model == ""  # of an earlier version: taken as it is
