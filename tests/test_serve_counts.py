"""A model of views, likes, comments and shares, served: page, API and command line agree."""

import json

import numpy as np
import pandas as pd
import pytest
from serve_case import ask, site
from typer.testing import CliRunner

from virality.cli import app
from virality.data.features import read_features
from virality.data.table import conform
from virality.featurizers.extract import extract
from virality.modeling.bundle import save_model
from virality.modeling.train import train
from virality.reports.words import amount, spread
from virality.workflow.predictor import Predictor

pytestmark = pytest.mark.usefixtures("light_recipes")

POSTS = 120
COUNTS = ("likes", "comments", "shares")
CAPTION = "word word word #tag1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model of all four counts and the features that it was trained on."""
    place = tmp_path_factory.mktemp("counts")
    draw = np.random.default_rng(0)
    followers = (10 ** draw.uniform(2, 6, POSTS)).astype(int)
    words = draw.integers(1, 12, POSTS)
    views = (followers * (1 + words / 4) * 10 ** draw.normal(0, 0.2, POSTS)).astype(int)
    rates = {"likes": 0.1, "comments": 0.01, "shares": 0.003}
    counts = {
        name: pd.array((views * rate * 10 ** draw.normal(0, 0.2, POSTS)).astype(int), dtype="Int64")
        for name, rate in rates.items()
    }
    posts = pd.DataFrame(
        {
            "id": pd.array([f"post{i:03d}" for i in range(POSTS)], dtype="string"),
            "author_id": pd.array([f"author{i % 16}" for i in range(POSTS)], dtype="string"),
            "author_followers": pd.array(followers, dtype="Int64"),
            "posted_at": pd.date_range("2025-01-01", periods=POSTS, freq="37h", tz="UTC"),
            "caption": pd.array([f"{'word ' * n}#tag{n % 5}" for n in words], dtype="string"),
            "hashtags": [(f"tag{n % 5}",) for n in words],
            "views": pd.array(views, dtype="Int64"),
            **counts,
        }
    )
    extract(
        conform(posts), place, place / "features",
        only=("text_shape", "metadata_author", "metadata_time"),
    )  # fmt: skip
    table = read_features(place / "features")
    save_model(train(table.matrix, table.posts, target="counts"), place / "model")
    return place


@pytest.fixture(scope="module")
def client(folder):
    predictor = Predictor(folder / "model", folder / "features")
    with site(model=predictor) as server, server.client() as one:
        yield one


def command(folder, *arguments: object) -> dict:
    asked = ["predict", folder / "model", *arguments, "--json"]
    done = CliRunner().invoke(app, list(map(str, asked)))
    assert done.exit_code == 0, (done.output, done.exception)
    return json.loads(done.stdout)


def tiles_of(page: str) -> dict[str, tuple[str, str]]:
    """Label -> value and note of every tile of a page."""
    found = {}
    for piece in page.split('<p class="tile-label">')[1:]:
        label, value, note = (one.partition("</p>")[0] for one in piece.split('">')[:3])
        found[label] = (value, note)
    return found


def test_page_api_and_command_line_tell_the_same_four_numbers(folder, client):
    served = ask(client, captions=(CAPTION,), followers="12000")
    (item,) = served["items"]
    forecast = item["forecast"]
    assert forecast == command(folder, "--caption", CAPTION, "--followers", 12_000)
    assert forecast["target"] == "counts"
    assert list(forecast["outcomes"]) == list(COUNTS)
    page = client.get(f"/results/{served['id']}").text.replace("\u00a0", " ")
    views = amount(forecast["prediction"], "views")
    likely = spread(forecast["low"], forecast["high"], "views")
    assert f"About {views}. Four times in five it is {likely}." in page
    tiles = tiles_of(page)
    for name in COUNTS:
        one = forecast["outcomes"][name]
        assert 0 <= one["low"] <= one["prediction"] <= one["high"] <= forecast["high"]
        within = f"{spread(one['low'], one['high'], name)}, four times in five"
        assert tiles[name] == (amount(one["prediction"], ""), within)


def test_what_if_changes_all_four(folder, client):
    served = ask(client, captions=(CAPTION,), followers="12000")
    path = f"/api/v1/jobs/{served['id']}/items/0/what-if"
    answer = client.post(path, json={"followers": 900_000}).json()
    said = command(folder, "--caption", CAPTION, "--followers", 900_000)
    assert answer["forecast"] == said
    before = served["items"][0]["forecast"]["outcomes"]
    assert all(said["outcomes"][name] != before[name] for name in COUNTS)
    told = " · ".join(amount(said["outcomes"][name]["prediction"], name) for name in COUNTS)
    assert answer["words"]["beside"] == told


def test_the_server_says_what_it_predicts(client):
    assert client.get("/api/v1/model").json()["outcomes"] == list(COUNTS)
    assert "The model learned views, likes, comments, shares from 120 posts" in client.get("/").text
