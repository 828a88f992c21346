"""A bundle of several counts in the report and in explained posts."""

import json

import numpy as np
import pandas as pd
import pytest
from matrices import make_case, quick, respond

from virality.data.features import Features
from virality.modeling.evaluate import evaluate
from virality.modeling.train import train
from virality.reports.explain_posts import explain_posts
from virality.reports.render import render, twin
from virality.reports.summarize import summarize
from virality.reports.tables import tables_of
from virality.workflow.predict import forecast

pytestmark = pytest.mark.usefixtures("light_recipes")


@pytest.fixture(scope="module")
def features():
    matrix, posts = make_case(240)
    posts = respond(matrix, posts)
    status = pd.DataFrame({"id": posts["id"], "status": "ok", "reason": ""})
    return Features(matrix, posts, status)


@pytest.fixture(scope="module")
def model(features):
    return train(features.matrix, features.posts, target="counts")


@pytest.fixture(scope="module")
def report(model, features):
    judged = evaluate(quick(model), features.matrix, features.posts, split="temporal")
    return summarize(model, features, [judged], None)


def test_explained_posts_say_what_predict_says(model, features):
    some = features.matrix.rows(features.matrix.frame.index[:4])
    rows = features.posts[features.posts["id"].isin(some.frame.index)].reset_index(drop=True)
    told = explain_posts(model, some, rows)
    said = forecast(model, Features(some, rows, features.status.iloc[:4].reset_index(drop=True)))
    for one, other in zip(told, said, strict=True):
        assert [also.name for also in one.also] == ["likes", "comments"]
        for also in one.also:
            numbers = {"prediction": also.prediction, "low": also.low, "high": also.high}
            assert numbers == other.outcomes[also.name]
            assert also.name in also.sentence


def test_the_report_scores_every_response_beside_its_baselines(report):
    (split,) = report.belief.splits
    assert [one.name for one in split.also] == ["likes", "comments"]
    for one in split.also:
        assert [score.name for score in one.scores] == ["model", "author_median", "constant_ratio"]
        assert set(one.scores[0].metrics) == {"spearman", "mae", "r2", "coverage"}
    page = render(report)
    assert "Likes, comments, shares and saves, learned together with views" in page
    assert "the usual ratio to views" in page
    assert "constant_ratio" not in page.partition("data:text/csv")[0]


def test_twin_and_tables_hold_what_the_page_shows(report):
    kept = json.loads(twin(report))
    (split,) = kept["belief"]["splits"]
    (likes, _) = split["also"]
    assert likes["scores"][0]["metrics"]["coverage"]["value"] == pytest.approx(
        report.belief.splits[0].also[0].scores[0].metrics["coverage"].value
    )
    assert {one["name"] for one in kept["posts"][0]["also"]} == {"likes", "comments"}
    tables = tables_of(report)
    assert {row["response"] for row in tables["responses"]} == {"likes", "comments"}
    assert len(tables["also"]) == 2 * len(report.posts)


def test_a_model_of_views_alone_shows_nothing_of_it(features):
    alone = quick(train(features.matrix, features.posts, target="views"))
    judged = evaluate(alone, features.matrix, features.posts, split="temporal")
    report = summarize(alone, features, [judged], None)
    assert report.belief.splits[0].also == ()
    assert all(post.also == () for post in report.posts)
    assert "learned together with views" not in render(report)
    assert np.isfinite(report.posts[0].predicted)
