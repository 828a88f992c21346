"""The server and its API: the same numbers as the command line, limits, nothing left behind."""

import gc
import json
import os
import socket
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from html.parser import HTMLParser

import psutil
import pytest
import serve_case as case
from serve_case import ask, finished, form, left_behind, site
from typer.testing import CliRunner

from virality.cli import app
from virality.data.errors import StorageError, UsageError
from virality.data.features import Features
from virality.reports.result_axis import apart_words
from virality.reports.strings import say
from virality.reports.whatif import Ground, draw_curves
from virality.web.ask import TAGS_LENGTH
from virality.workflow.levers import LEAST_GAIN, Panel, Slider
from virality.workflow.predict import forecast

SMALL = 300_000
"""Largest clip of the tests' server, in bytes."""


@pytest.fixture(scope="module")
def server():
    with site(clip_bytes=SMALL, waiting=60, idle_s=1.0, upload_s=20.0) as one:
        yield one


@pytest.fixture
def client(server):
    with server.client() as one:
        yield one


@pytest.fixture(scope="module")
def result(server):
    with server.client() as client:
        return ask(client, case.clip(1), captions=("word word #tag1",), followers="12000")


def command(*arguments: object) -> dict:
    done = CliRunner().invoke(app, ["predict", str(case.model()), *map(str, arguments), "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


FACTS = {
    "clip and caption": (True, "word word #tag1", {"followers": "12000"}),
    "clip alone": (True, "", {}),
    "caption alone": (False, "word word word", {"followers": "500"}),
    "every fact": (
        True, "word",
        {"followers": "7", "posted_at": "2025-03-01T12:00:00", "hashtags": "a b", "author":
         "author1", "sound": "s1", "sound_title": "a song", "sound_original": "true"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FACTS)
def test_a_result_is_the_command_lines_to_the_last_digit(client, name):
    with_clip, caption, fields = FACTS[name]
    clips = [case.clip(1)] if with_clip else []
    served = ask(client, *clips, captions=(caption,) if caption else (), **fields)
    options: list[object] = [*clips]
    options += ["--caption", caption] if caption else []
    for field, value in fields.items():
        if field == "sound_original":
            options.append("--original-sound")
        else:
            words = value.replace(" ", ",") if field == "hashtags" else value
            options += [f"--{field.replace('_', '-')}", words]
    (item,) = served["items"]
    assert item["forecast"] == command(*options)


def test_what_if_is_what_the_command_line_says_of_the_changed_post(client, result):
    path = f"/api/v1/jobs/{result['id']}/items/0/what-if"
    changed = {"caption": "quite another caption #tag2", "followers": 90_000}
    answer = client.post(path, json=changed).json()
    flags = ["--caption", changed["caption"], "--followers", changed["followers"]]
    assert answer["forecast"] == command(case.clip(1), *flags)
    assert answer["forecast"]["prediction"] != result["items"][0]["forecast"]["prediction"]
    same = client.post(path, json={}).json()
    assert same["forecast"] == result["items"][0]["forecast"]
    assert same["words"]["effect"] == "no change so far"


def test_parts_mix_to_the_prediction_and_know_what_they_lack(client, result):
    model = case.predictor().model
    for served, clip in ((result, True), (ask(client, captions=("word",)), False)):
        (item,) = served["items"]
        informed = {part["name"]: part["informed"] for part in item["parts"]}
        media = informed.keys() & {"audio", "frames", "stream"}
        assert media
        assert all(informed[name] == clip for name in media)
        assert informed["text"]
        assert all(part["weight"] >= 0 for part in item["parts"])
        assert {part["name"] for part in item["parts"]} == {b.name for b in model.stack.bases}


def test_a_page_says_how_the_stack_can_lie_beyond_all_parts(client, result):
    (item,) = result["items"]
    alone = [part["prediction"] for part in item["parts"]]
    page = client.get(f"/results/{result['id']}").text
    beyond = not min(alone) <= item["forecast"]["prediction"] <= max(alone)
    assert (say("serve.parts.beyond") in page) == beyond
    for prediction, said in ((min(alone) - 1, True), (alone[0], False), (max(alone) + 1, True)):
        words = apart_words({"prediction": prediction}, item["parts"])
        assert words.startswith(say("serve.parts.apart"))
        assert words.endswith(say("serve.parts.beyond")) == said
    one = item["parts"][:1]
    assert apart_words({"prediction": alone[0] + 1}, one) == say("serve.parts.apart")


def test_the_niche_is_of_the_posts_most_like_it(result):
    (item,) = result["items"]
    assert 0 <= item["niche"]["percentile"] <= 100
    similar = [one["similarity"] for one in item["niche"]["similar"]]
    assert similar == sorted(similar, reverse=True)
    assert len(similar) == 5
    views = dict(zip(case.posts()["id"], case.posts()["views"], strict=True))
    for one in item["niche"]["similar"]:
        assert one["outcome"] == pytest.approx(views[one["id"]])


def test_several_clips_and_captions_are_crossed(client):
    served = ask(client, case.clip(0), case.clip(1), captions=("one #tag1", "two"))
    assert [item["name"] for item in served["items"]] == [
        "clip0 · caption 1", "clip0 · caption 2", "clip1 · caption 1", "clip1 · caption 2",
    ]  # fmt: skip
    assert len({item["forecast"]["prediction"] for item in served["items"]}) > 1
    page = client.get(f"/results/{served['id']}").text
    assert page.count('href="?item=') == 4
    for item in range(4):
        assert client.get(f"/results/{served['id']}?item={item}").status_code == 200
    assert client.get(f"/results/{served['id']}?item=4").status_code == 404


def test_clips_of_one_name_are_told_apart(client, tmp_path):
    clips = [tmp_path / name for name in ("a/take.mp4", "b/take.mp4", "take.mov", "other.mp4")]
    for one in clips:
        one.parent.mkdir(exist_ok=True)
        one.write_bytes(case.clip(0).read_bytes())
    names = [item["name"] for item in ask(client, *clips)["items"]]
    assert names == ["take.mp4 (1)", "take.mp4 (2)", "take.mov", "other"]


@pytest.mark.parametrize("followers", ["12,000", "12 000", "12\u00a0000", "12\u202f000"])
def test_followers_are_read_as_people_write_them(client, followers):
    plain, written = (
        ask(client, captions=("how many",), followers=one)["items"][0]["forecast"]
        for one in ("12000", followers)
    )
    assert written == plain


def test_what_is_too_close_to_call_is_not_called_the_best(client):
    page = client.get(f"/results/{ask(client, case.clip(0), case.clip(0))['id']}").text
    assert "are too close to call" in page
    assert 'class="best"' not in page
    for captions in (("word", "word " * 30 + "#tag1"), ("a", "word " * 12), ("#tag2", "b" * 300)):
        page = client.get(f"/results/{ask(client, captions=captions)['id']}").text
        assert page.count('class="best"') == page.count("is the best of them")


def test_a_file_that_is_no_clip_says_so_and_the_caption_still_counts(client, tmp_path):
    text = tmp_path / "text.mp4"
    text.write_text("not a film\n" * 100)
    served = ask(client, text, captions=("word word",))
    (item,) = served["items"]
    assert (item["status"], item["reason"]) == ("failed", "not_media")
    page = client.get(f"/results/{served['id']}").text
    assert "This file could not be read" in page
    assert "What follows knows only what was typed in." in page


def test_pages_and_states_of_a_job(client):
    started = client.post("/predict", files=form(case.clip(2)), follow_redirects=False)
    assert started.status_code == 303
    place = started.headers["location"]
    assert client.get(place).status_code == 200
    job = place.rpartition("/")[2]
    finished(client, job)
    assert "Four times in five" in client.get(place).text
    assert client.get(f"/api/v1/jobs/{job}?brief=true").json()["items"] == []
    assert client.delete(f"/api/v1/jobs/{job}").status_code == 204
    assert client.get(place).status_code == 404
    assert client.get(f"/api/v1/jobs/{job}").json()["error"]["code"] == "no_result"


def test_a_form_that_cannot_be_used_comes_back_with_the_reason(client):
    answer = client.post("/predict", files=form(captions=("x",), followers="many"))
    assert answer.status_code == 422
    assert "followers is a whole number" in answer.text
    assert 'id="ask"' in answer.text


def test_a_refused_form_comes_back_as_it_was_typed(client):
    typed = {
        "followers": "lots", "posted_at": "2026-05-01T18:00", "hashtags": "a, #b", "author": "me",
        "sound": 'a "sound"', "sound_title": "<b>80 % off</b>", "sound_original": "false",
    }  # fmt: skip
    captions = ("80 % off & <more>\nnow", "the other")
    answer = client.post("/predict", files=form(case.clip(0), captions=captions, **typed))
    assert answer.status_code == 422
    page = Typed(answer.text)
    assert page.values == {**typed, "clip": "", "utc_offset": ""}
    assert page.captions == list(captions)
    assert case.clip(0).name not in answer.text
    assert len(page.labels) == len(set(page.labels))
    assert set(page.labels) >= {"caption", "caption-2", *typed}
    blank = Typed(client.get("/").text)
    assert blank.values == dict.fromkeys([*typed, "clip", "utc_offset"], "")
    assert blank.captions == [""]


class Typed(HTMLParser):
    """What stands in the fields of a page's form."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.captions: list[str] = []
        self.labels: list[str] = []
        self._in = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self._in = found.get("name", "") if tag in ("textarea", "select") else self._in
        if tag == "input" and "name" in found:
            self.values[found["name"]] = found.get("value") or ""
        elif tag == "select":
            self.values[self._in] = ""
        elif tag == "option" and "selected" in found:
            self.values[self._in] = found["value"]
        elif tag == "textarea":
            self.captions.append("")
        elif tag == "label":
            self.labels.append(found["for"])

    def handle_endtag(self, tag):
        self._in = "" if tag in ("textarea", "select") else self._in

    def handle_data(self, data):
        if self._in == "caption":
            self.captions[-1] += data


def test_the_address_of_a_refused_form_leads_to_a_new_one(client):
    answer = client.get("/predict", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_what_if_takes_all_hashtags_that_the_form_takes(client):
    tags = " ".join(f"#tag{i:02d}longlong" for i in range(30))
    served = ask(client, captions=("word",), hashtags=tags, followers="900")
    path = f"/api/v1/jobs/{served['id']}/items/0/what-if"
    known = tags.replace("#", "")  # as the result's page sends it with every change
    assert known in client.get(f"/results/{served['id']}").text
    answer = client.post(path, json={"caption": "another", "hashtags": known, "levers": {}})
    assert answer.status_code == 200, answer.text
    flags = ["--caption", "another", "--followers", 900, "--hashtags", known.replace(" ", ",")]
    assert answer.json()["forecast"] == command(*flags)


def test_the_texts_to_change_are_those_that_were_given(client):
    served = ask(client, captions=("80 % off",), hashtags="40 k", sound_title="Top 40 k hits")
    page = client.get(f"/results/{served['id']}").text
    for given in (">80 % off</textarea>", 'value="40 k"', 'value="Top 40 k hits"'):
        assert given in page


def test_hashtags_have_one_limit(client, result):
    words = [f"{i:02d}{'x' * 198}" for i in range(19)]  # with blanks between, 3,818 characters
    longest = " ".join([*words, "y" * (TAGS_LENGTH - 3819)])
    assert len(longest) == TAGS_LENGTH
    path = f"/api/v1/jobs/{result['id']}/items/0/what-if"
    for text, taken in ((longest, True), (longest + "y", False)):
        sent = client.post("/api/v1/jobs", files=form(captions=("word",), hashtags=text))
        assert sent.status_code == (202 if taken else 422)
        changed = client.post(path, json={"hashtags": text})
        assert changed.status_code == (200 if taken else 422)
    document = client.get("/api/v1/openapi.json").json()
    body = document["paths"]["/api/v1/jobs"]["post"]["requestBody"]["content"]
    in_form = body["multipart/form-data"]["schema"]["properties"]["hashtags"]["maxLength"]
    what_if = document["components"]["schemas"]["WhatIf"]["properties"]["hashtags"]["anyOf"]
    assert {in_form, what_if[0]["maxLength"]} == {TAGS_LENGTH}


def test_levers_stay_within_what_earlier_posts_support(client, result):
    path = f"/api/v1/jobs/{result['id']}/items/0/what-if"
    for lever in client.get("/api/v1/model").json()["levers"]:
        inside = client.post(path, json={"levers": {lever["column"]: lever["high"]}})
        assert inside.status_code == 200
        for told in (f"{lever['low']:g}", f"{lever['high']:g}"):  # as a refusal says them
            taken = client.post(path, json={"levers": {lever["column"]: float(told)}})
            assert taken.status_code == 200, taken.text
        beyond = client.post(path, json={"levers": {lever["column"]: lever["high"] * 2 + 1e6}})
        assert beyond.status_code == 422
    assert client.post(path, json={"levers": {"no_such": 1.0}}).status_code == 422


def test_the_ends_of_a_lever_are_taken_as_a_refusal_tells_them():
    panel = Panel.__new__(Panel)
    ends = (-29.052194690704347, -23.418305110931396)
    panel.sliders = (Slider("loudness", "x", "LUFS", *ends, "loudness"),)
    with pytest.raises(UsageError, match=r"give -29\.0522 to -23\.4183"):
        panel._within("x", -29.06)
    assert panel._within("x", -29.0522) == panel._within("x", -23.4183) == "loudness"


def test_a_slider_says_what_the_reports_curve_says(client, result):
    predictor = case.predictor()
    reference = predictor.reference
    post = str(reference.matrix.frame.index[1])
    row = list(reference.status["id"]).index(post)
    posts = reference.posts[reference.posts["id"] == post].reset_index(drop=True)
    alone = Features(
        reference.matrix.rows([post]), posts, reference.status.iloc[[row]].reset_index(drop=True)
    )
    ground = Ground(predictor.model, reference)
    curves = draw_curves(ground, reference.matrix, reference.posts, post, [])
    stack = replace(predictor.model.stack, rivals={})  # followers alone do as well as so few posts
    panel = Panel(replace(predictor.model, stack=stack), reference)
    told = {gain.slider.key: gain for gain in panel.gains(alone)}
    known = {one.key for one in panel.sliders}
    compared = 0
    for curve in curves:
        if curve.lever not in known:
            continue
        for setting in curve.settings:
            turned = panel.turned(alone, {curve.column: setting.value})
            said = forecast(predictor.model, turned)[0]
            assert said.prediction == pytest.approx(setting.prediction, rel=1e-9)
            compared += 1
        best = curve.settings[curve.best]
        assert (curve.lever in told) == (best.gain > LEAST_GAIN)
        if curve.lever in told:
            assert told[curve.lever].best == best.value
            assert told[curve.lever].effect == pytest.approx(best.gain, rel=1e-9)
    assert compared
    assert {one["column"] for one in client.get("/api/v1/model").json()["levers"]} == {
        one.column for one in panel.sliders
    }


def test_metrics_count_what_happened(client, result):
    text = client.get("/metrics").text
    assert 'virality_jobs_total{end="done"}' in text
    assert 'virality_requests_total{route="/api/v1/jobs",status="202"}' in text
    assert "virality_jobs_waiting 0.0" in text
    assert result["id"] not in text


def test_ids_cannot_be_guessed(server):
    jobs = [server.board.submit((), server.board.reserve()).id for _ in range(20)]
    assert len(set(jobs)) == 20
    assert all(len(one) == 32 for one in jobs)
    assert left_behind(server) == []


def raw_upload(server, total: int, sent: int) -> socket.socket:
    """Begin an upload of `total` bytes and send `sent` of them."""
    head = (
        b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; "
        b"boundary=xyz\r\nContent-Length: " + str(total).encode() + b"\r\n\r\n"
    )
    part = b'--xyz\r\nContent-Disposition: form-data; name="clip"; filename="a.mp4"\r\n\r\n'
    sock = server.connect()
    sock.sendall(head + part + b"x" * sent)
    return sock


@pytest.mark.parametrize("sent", [0, 1, 1000, 100_000])
def test_a_dropped_connection_leaves_nothing(server, sent):
    sock = raw_upload(server, 250_000, sent)
    until = time.monotonic() + 30
    while not server.board.busy():
        assert time.monotonic() < until
        time.sleep(0.01)
    sock.close()
    assert left_behind(server) == []


def test_a_slow_body_is_given_up(server):
    with raw_upload(server, 250_000, 10) as sock:
        answer = sock.recv(4096)
    assert answer.startswith(b"HTTP/1.1 408")
    assert left_behind(server) == []


def test_what_was_taken_in_is_deleted_when_it_is_measured(server, client):
    ask(client, case.clip(0), captions=("x",))
    assert left_behind(server) == []


@pytest.mark.parametrize("uploads", [12, pytest.param(50, marks=pytest.mark.nightly)])
def test_many_uploads_at_once_leave_no_file_no_thread_no_memory(server, uploads):
    process = psutil.Process(os.getpid())
    content = case.clip(0).read_bytes()

    def upload(number: int, waits: bool) -> int:
        with server.client() as client:
            files = [("clip", (f"{number}.mp4", content, "video/mp4"))]
            started = client.post("/api/v1/jobs", files=files)
            if started.status_code == 202:
                if waits:
                    finished(client, started.json()["id"])
                client.delete(f"/api/v1/jobs/{started.json()['id']}")
            return started.status_code

    def round_of_all(waits: bool) -> list[int]:
        with ThreadPoolExecutor(uploads) as threads:
            return list(threads.map(upload, range(uploads), [waits] * uploads))

    assert set(round_of_all(waits=False)) == {202}  # whatever grows once has grown now
    assert left_behind(server) == []
    gc.collect()
    threads, children = threading.active_count(), len(process.children(recursive=True))
    files, memory = process.num_fds(), process.memory_info().rss
    assert set(round_of_all(waits=True)) == {202}
    assert left_behind(server) == []
    gc.collect()
    assert threading.active_count() <= threads + 1
    assert len(process.children(recursive=True)) <= children
    assert process.num_fds() <= files + 5
    assert process.memory_info().rss - memory < 60_000_000
    assert server.board.kept() < 100


def test_a_full_queue_says_when_to_come_back():
    with site(waiting=1, clip_bytes=SMALL) as one, one.client() as client:
        folders = [one.board.reserve() for _ in range(2)]
        refused = client.post("/api/v1/jobs", files=form(case.clip(0)))
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) > 0
        assert refused.json()["error"]["code"] == "queue_full"
        one.board.release(folders[0])
        served = client.post("/api/v1/jobs", files=form(case.clip(0)))
        assert served.status_code == 202
        one.board.release(folders[1])
        root = one.board.root
    assert not root.exists()  # with the server, its folder goes


def test_results_expire_and_the_oldest_make_room():
    from dataclasses import replace

    from virality.web.jobs import Board
    from virality.web.metrics import Metrics
    from virality.web.refusal import Refusal
    from virality.web.settings import Settings

    board = Board(case.predictor(), replace(Settings(), keep=2, keep_s=100.0), Metrics())
    jobs = [board.submit((), board.reserve()) for _ in range(4)]
    for age, job in zip((200.0, 30.0, 20.0, 10.0), jobs, strict=True):
        job.ended = time.monotonic() - age
    board.sweep()
    assert [board.find(job.id) for job in jobs[2:]] == jobs[2:]
    for job in jobs[:2]:
        with pytest.raises(Refusal, match="no such result"):
            board.find(job.id)
    board.close()


def settled(server, results: int) -> int:
    """Wait, without asking for a result, until nothing is under way and few are kept."""
    until = time.monotonic() + 60
    while server.board.busy() or server.board.kept() > results:
        assert time.monotonic() < until, server.board.kept()
        time.sleep(0.02)
    return server.board.kept()


def test_results_expire_although_nobody_asks():
    with site(keep_s=0.5, waiting=20) as one, one.client() as client:
        for _ in range(3):
            assert client.post("/api/v1/jobs", files=form(captions=("x",))).status_code == 202
        job = weakref.ref(one.board.submit((), one.board.reserve()))
        assert settled(one, results=0) == 0
        until = time.monotonic() + 60
        while job() is not None:  # nor does the thread that made it hold it
            assert time.monotonic() < until
            gc.collect()
            time.sleep(0.02)


def test_the_oldest_results_make_room_although_nobody_asks():
    with site(keep=2, waiting=20) as one, one.client() as client:
        for _ in range(6):
            assert client.post("/api/v1/jobs", files=form(captions=("x",))).status_code == 202
        assert settled(one, results=6) == 2


def test_serve_says_where_it_listens_and_refuses_what_cannot_work(tmp_path):
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    port = taken.getsockname()[1]
    from virality.web.serve import listen, warning
    from virality.web.settings import Settings, new_token

    with pytest.raises(StorageError, match="another --port"):
        listen(Settings(port=port))
    taken.close()
    with pytest.raises(StorageError, match=r"nosuch\.invalid:0 .* another --host"):
        listen(Settings(host="nosuch.invalid", port=0, token=new_token()))
    with pytest.raises(UsageError, match="token"):
        Settings(host="0.0.0.0")
    with pytest.raises(UsageError, match="shorter"):
        Settings(token="short")
    assert "TLS" in warning(Settings(host="0.0.0.0", token=new_token()))
    assert warning(Settings()) == ""


def test_the_address_answers_as_soon_as_it_is_told():
    from urllib.parse import urlsplit

    from virality.web.serve import serve
    from virality.web.settings import Settings

    class ToldError(Exception):
        pass

    def open_at_once(url):
        place = urlsplit(url)
        socket.create_connection((place.hostname, place.port), timeout=5).close()
        raise ToldError

    with pytest.raises(ToldError):
        serve(case.model(), None, "", Settings(port=0), open_at_once)
