"""The server's log: what it keeps of predictions, and what visitors may tell and see of them."""

import copy
import re
from dataclasses import replace

import pytest
import serve_case as case
from serve_case import ask, form, site

from virality.data.errors import StorageError
from virality.data.quarantine import FLOOD
from virality.modeling.bundle import bundle_hash
from virality.modeling.targets import find_target
from virality.workflow.prediction_log import open_log

NOBODY = "0" * 32


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    with open_log(tmp_path_factory.mktemp("log") / "predictions.db") as one:
        yield one


@pytest.fixture(scope="module")
def server(log):
    with site(log=log, clip_bytes=300_000) as one:
        yield one


@pytest.fixture(scope="module")
def client(server):
    with server.client() as one:
        yield one


def predicted(client, caption="word word #tag1", **fields: str) -> str:
    """The id of a prediction that was just served."""
    (item,) = ask(client, captions=(caption,), followers="12000", **fields)["items"]
    return item["prediction_id"]


def tell(client, prediction: str, **told: object):
    return client.post(f"/api/v1/predictions/{prediction}/feedback", json=told)


def test_every_prediction_is_kept_as_it_was_served(client, log):
    served = ask(client, case.clip(0), captions=("one #tag1", "two"), followers="900")
    kept = [log.prediction(item["prediction_id"]) for item in served["items"]]
    for item, one in zip(served["items"], kept, strict=True):
        forecast = item["forecast"]
        assert (one.prediction, one.low, one.high) == (
            forecast["prediction"], forecast["low"], forecast["high"],
        )  # fmt: skip
        assert one.model == bundle_hash(case.model())
        assert one.facts["author_followers"] == 900
        assert re.fullmatch(r"visitor-[0-9a-f]{16}", one.client)
    assert len({one.post for one in kept}) == 2
    layout, row = log.rows([kept[0].features])[0]
    assert len(row) == len(layout.columns)


def test_feedback_is_accepted_known_and_held(client, log):
    name = predicted(client, posted_at="2026-01-01T00:00")
    told = {"views": 12_000, "likes": 900, "observed_at": "2026-01-02T03:04:05Z"}
    assert tell(client, name, **told).json() == {"state": "accepted", "reasons": []}
    assert tell(client, name, **told).json()["state"] == "known"
    held = tell(client, name, views=10, likes=20).json()
    assert held["state"] == "quarantined"
    assert any("more likes" in reason for reason in held["reasons"])
    assert any("fell" in reason or "fall" in reason for reason in held["reasons"])
    history = log.history(log.prediction(name).post)
    assert [one.state for one in history] == ["accepted", "quarantined"]
    assert history[0].counts == {"views": 12_000, "likes": 900}
    text = client.get("/metrics").text
    assert 'virality_feedback_total{state="accepted"}' in text
    assert name not in text


REFUSED = {
    "nothing": ({}, 422),
    "no number": ({"views": "many"}, 422),
    "a fraction": ({"views": 1.5}, 422),
    "beyond the log": ({"views": 2**63}, 422),
    "true": ({"views": True}, 422),
    "a stranger's field": ({"views": 1, "post": "post001"}, 422),
    "a time without offset": ({"views": 1, "observed_at": "2026-01-02T03:04:05"}, 422),
    **{
        f"a time like {moment}": ({"views": 1, "observed_at": moment}, 422)
        for moment in (
            "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0999-01-01T00:00:00Z",
            "1600-01-01T00:00:00Z", "1999-12-31T23:59:59Z", "2000-01-01T00:00:00+14:00",
            "2101-01-01T00:00:00Z", "2100-12-31T23:59:59-14:00", "9" * 30,
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_report_is_refused(client, log, name):
    told, status = REFUSED[name]
    prediction = predicted(client)
    answer = tell(client, prediction, **told)
    assert answer.status_code == status, answer.text
    assert str(log.path) not in answer.text
    assert log.history(log.prediction(prediction).post) == ()


def test_what_was_read_before_the_prediction_is_held_unless_the_post_was_up(client):
    early = {"views": 5, "observed_at": "2026-01-02T03:04:05Z"}
    held = tell(client, predicted(client), **early).json()
    assert held["state"] == "quarantined"
    assert "before the prediction" in held["reasons"][0]
    up = predicted(client, posted_at="2026-01-01T00:00")
    assert tell(client, up, **early).json()["state"] == "accepted"


@pytest.mark.parametrize("guess", [NOBODY, "a" * 31, "A" * 32, "../x", "post001", "%00", "1' OR 1"])
def test_only_the_id_of_a_prediction_leads_to_it(client, guess):
    assert tell(client, guess, views=1).status_code in (404, 422)
    assert client.get(f"/predictions/{guess}").status_code == 404
    answer = client.post(f"/predictions/{guess}", files=form(views="1"))
    assert answer.status_code == 404


def test_the_page_takes_what_happened_and_shows_nothing_else(client, log):
    served = ask(client, captions=("a secret caption",))
    (item,) = served["items"]
    place = f"/predictions/{item['prediction_id']}"
    assert f'action="{place}"' in client.get(f"/results/{served['id']}").text
    page = client.get(place).text
    assert "Four times in five" in page
    assert "secret" not in page
    thanks = client.post(place, files=form(views="12,000", likes=" 900 ", shares=""))
    assert "kept for the next training" in thanks.text
    again = client.post(place, files=form(views="999", likes="5000"))
    assert "Held back until somebody looks at it: more likes (5,000) than views" in again.text
    history = log.history(log.prediction(item["prediction_id"]).post)
    assert history[0].counts == {"views": 12_000, "likes": 900}


def test_a_prediction_keeps_its_unit_when_another_model_is_served(client, log):
    place = f"/predictions/{predicted(client)}"
    said = re.findall(r'class="lead">([^<]*)<', client.get(place).text)
    assert "views." in said[0]
    other = copy.copy(case.predictor())
    other.model = replace(other.model, target=find_target("reach"))
    with site(log=log, model=other) as one, one.client() as later:
        assert re.findall(r'class="lead">([^<]*)<', later.get(place).text) == said


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"views": "many"}, "views is a whole number"), ({"views": "-1"}, "whole number"),
     ({"views": "9" * 19}, "whole number"), ({"views": "\u0663"}, "whole number"),
     ({"views": " "}, "at least one number"), ({}, "at least one number"),
     ({"dislikes": "1"}, "no field")],
)  # fmt: skip
def test_a_form_that_says_nothing_comes_back_with_the_reason(client, fields, said):
    place = f"/predictions/{predicted(client)}"
    answer = client.post(place, files=form(**fields) or form(views=""))
    assert answer.status_code == 422
    assert said in answer.text
    assert 'class="card told-form"' in answer.text


def test_a_form_that_is_refused_keeps_its_numbers(client):
    place = f"/predictions/{predicted(client)}"
    answer = client.post(place, files=form(views="many", likes='9"', shares=""))
    for name, value in (("views", "many"), ("likes", "9&#34;"), ("shares", "")):
        (field,) = re.findall(rf'<input id="t-{name}"[^>]*>', answer.text)
        assert field.endswith(f'value="{value}">')
    assert 'value="many"' not in client.post(place, files=form(views="12")).text


def test_a_flood_of_one_visitor_is_held(tmp_path):
    with open_log(tmp_path / "log.db") as log, site(log=log) as server, server.client() as client:
        name = predicted(client)
        states = [tell(client, name, views=1000 + i).json()["state"] for i in range(FLOOD + 2)]
        assert states[0] == "accepted"
        assert states[-1] == "quarantined"
        assert not log.reports("accepted")


def test_without_a_log_nothing_is_asked(tmp_path):
    with site() as server, server.client() as client:
        served = ask(client, captions=("word",))
        assert served["items"][0]["prediction_id"] == ""
        assert 'id="told"' not in client.get(f"/results/{served['id']}").text
        answer = tell(client, NOBODY, views=1)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "no_log")


def test_a_log_that_fails_is_no_ones_secret(tmp_path, capsys):
    """A prediction that cannot be kept is not served, and no path of this machine is told."""
    log = open_log(tmp_path / "log.db")
    with site(log=log) as server, server.client() as client:
        name = predicted(client)
        log.close()
        view = ask(client, captions=("word",))
        assert view["state"] == "failed"
        answer = tell(client, name, views=1)
        assert answer.status_code == 503
        for text in (view["error"], answer.text):
            assert str(tmp_path) not in text
    assert str(tmp_path) in capsys.readouterr().err
    with pytest.raises(StorageError):
        log.predictions()
