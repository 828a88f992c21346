"""Group D: connections that say nothing, drip, never stop or break off; disks that are full."""

import contextlib
import shutil
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import serve_case as case
from full_disk import full_disk
from serve_case import answer_of, finished, form, left_behind, site

from virality.web import linger

CLIP_BYTES = 100_000
TOKEN = "a-token-of-the-tests-0123456789"
BEARER = b"Authorization: Bearer " + TOKEN.encode() + b"\r\n"
FILE = b'--xyz\r\nContent-Disposition: form-data; name="clip"; filename="a.mp4"\r\n\r\n'


@pytest.fixture(scope="module")
def server():
    with site(
        clip_bytes=CLIP_BYTES, token=TOKEN, waiting=30, header_s=1.0, idle_s=1.0, upload_s=2.0
    ) as one:
        yield one


@pytest.fixture
def client(server):
    with server.client(headers={"authorization": f"Bearer {TOKEN}"}) as one:
        yield one


TEXT = b'--xyz\r\nContent-Disposition: form-data; name="caption"\r\n\r\n'


def head(path: str = "/api/v1/jobs", length: int = 1_000_000, more: bytes = BEARER) -> bytes:
    """The head of a request that brings a form."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n"
        "Content-Type: multipart/form-data; boundary=xyz\r\nConnection: close\r\n"
    ).encode() + more + b"\r\n"  # fmt: skip


def drip(sock: socket.socket, pause: float, drop: bytes = b"x") -> bytes:
    """Send a little now and then until something comes back, or the other side closes."""
    sock.settimeout(pause)
    until = time.monotonic() + 60
    while True:
        assert time.monotonic() < until
        try:
            return sock.recv(65_536)
        except TimeoutError:
            with contextlib.suppress(BrokenPipeError):  # what was said last can still be read
                sock.sendall(drop)
        except ConnectionResetError:
            return b""


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    "begun",
    [b"", b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ", b"\r"],
)
def test_a_connection_must_soon_say_what_it_wants(server, begun):
    with server.connect() as sock:
        sock.sendall(begun)
        started = time.monotonic()
        answer_of(sock)
        assert time.monotonic() - started < 20


@pytest.mark.parametrize("path", ["/api/v1/jobs", "/predict", "/login"])
@pytest.mark.parametrize("pause", [0.2, 30.0])
def test_a_body_that_drips_or_stops_is_given_up(server, path, pause):
    """One byte now and then never idles too long, so that what comes must be enough, too."""
    with server.connect() as sock:
        sock.sendall(head(path, 90_000) + TEXT)
        begin = drip(sock, pause)
    assert status_of(begin) == 408
    assert left_behind(server) == []


def test_uploads_that_drip_do_not_hold_the_queue():
    with (
        site(clip_bytes=CLIP_BYTES, waiting=1, idle_s=3.0) as one,
        one.connect() as first, one.connect() as second, one.client() as client,
        ThreadPoolExecutor(2) as threads,
    ):  # fmt: skip
        for sock in (first, second):
            sock.sendall(head(length=90_000, more=b"") + FILE)
        answers = list(threads.map(drip, (first, second), (0.2, 0.2)))
        assert [status_of(one) for one in answers] == [408, 408]
        assert left_behind(one) == []
        assert client.post("/api/v1/jobs", files=form(captions=("x",))).status_code == 202


PROGRAMS = [
    f"/api/v1/jobs/{'a' * 32}/items/0/what-if", f"/api/v1/predictions/{'a' * 32}/feedback",
]  # fmt: skip


def json_head(path: str, more: bytes) -> bytes:
    """The head of a request that brings JSON."""
    begin = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return begin.encode() + BEARER + more + b"\r\n\r\n"


@pytest.mark.parametrize("path", PROGRAMS)
@pytest.mark.parametrize("length", [b"Content-Length: 5000", b"Transfer-Encoding: chunked"])
@pytest.mark.parametrize("pause", [0.2, 30.0])
def test_json_that_drips_or_does_not_come_is_given_up(server, path, length, pause):
    drop = b"1\r\n \r\n" if b"chunked" in length else b" "
    with server.connect() as sock:
        sock.sendall(json_head(path, length))
        assert status_of(drip(sock, pause, drop)) == 408


HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


def asked(sock: socket.socket, request: bytes = HEALTH) -> int:
    """Send a request that JSON answers, leave the connection open and return the status."""
    sock.sendall(request)
    answer = b""
    while not answer.endswith(b"}"):
        piece = sock.recv(65_536)
        assert piece, answer
        answer += piece
    return status_of(answer)


@pytest.fixture(scope="module")
def patient():
    """A server whose clock for what a connection wants is slower than a busy machine."""
    with site(clip_bytes=CLIP_BYTES, header_s=3.0, idle_s=60.0) as one:
        yield one


def test_a_connection_must_soon_say_what_it_wants_next(patient):
    with patient.connect() as sock:
        assert asked(sock) == 200
        assert asked(sock) == 200
        sock.sendall(b"G")
        assert answer_of(sock) == b""


def test_the_rest_of_a_body_that_was_answered_is_no_request(patient, monkeypatch):
    monkeypatch.setattr(linger, "MOST_S", 1.0)
    begun = head("/nothing", 90_000).replace(b"Connection: close\r\n", b"")
    with patient.connect() as sock:
        assert asked(sock, begun) == 404
        assert drip(sock, 0.2) == b""


def test_the_clock_of_a_connection_stands_still_while_it_is_served(patient):
    body = FILE + b"x" * 1000 + b"\r\n--xyz--\r\n"
    with patient.connect() as sock:
        assert asked(sock) == 200
        sock.sendall(head(length=len(body), more=b"") + body[:500])
        until = time.monotonic() + 60
        while not patient.board.busy():
            assert time.monotonic() < until
            time.sleep(0.01)
        with patient.connect() as other:  # its clock ends after the first's would have
            assert answer_of(other) == b""
        sock.sendall(body[500:])
        assert status_of(answer_of(sock)) == 202


def unread(server, path: bytes = b"/login", times: int = 400) -> socket.socket:
    """A connection that asks for far more than it has room for, and reads nothing."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", server.port))
    sock.settimeout(30)
    sock.sendall((b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n") * times)
    return sock


def test_who_reads_no_answer_is_left(server):
    held = server.connections
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(unread(server))
        until = time.monotonic() + 60
        while len(held) < 3:
            assert time.monotonic() < until
            time.sleep(0.01)
        while held:
            assert time.monotonic() < until
            time.sleep(0.02)


def test_who_reads_on_gets_every_answer(server):
    answers, heads = b"", 0
    with unread(server, times=40) as sock:
        while heads < 40:
            time.sleep(0.01)  # for longer than nothing may be read
            piece = sock.recv(32_768)
            assert piece
            answers += piece
            heads = answers.count(b"HTTP/1.1 200 OK")


EARLY = {
    "a clip too large": (head(length=500_000), 413),
    "a request too large": (head(length=5_000_000), 413),
    "no token": (head(more=b""), 401),
    "another site": (head(more=BEARER + b"Origin: http://evil.example\r\n"), 403),
    "another name": (head().replace(b"localhost", b"evil.example"), 400),
    "no such page": (head("/nothing", 90_000), 404),
    "another kind": (head().replace(b"multipart/form-data", b"text/plain"), 415),
}  # fmt: skip


@pytest.mark.parametrize("name", EARLY)
@pytest.mark.parametrize("accept", [b"*/*", b"text/html"])
def test_an_early_answer_arrives_while_the_body_is_still_sent(server, name, accept):
    begin, status = EARLY[name]
    begin = begin.replace(b"\r\n\r\n", b"\r\nAccept: " + accept + b"\r\n\r\n")
    if accept == b"text/html":
        begin = begin.replace(b"/api/v1/jobs", b"/predict")  # the API speaks to programs alone
    length = int(begin.split(b"Content-Length: ")[1].split(b"\r\n")[0])
    with server.connect() as sock:
        sock.sendall(begin + FILE)
        left = length - len(FILE)
        while left > 0:  # as a browser does, which reads when all is sent
            sock.sendall(b"x" * min(left, 65_536))
            left -= 65_536
        answer = answer_of(sock)
    if (status, accept) == (401, b"text/html"):
        assert b"location: /login" in answer
        return
    assert status_of(answer) == status
    assert (b"<!doctype html>" in answer) == (accept == b"text/html")
    assert left_behind(server) == []


def pour(sock: socket.socket, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        sock.sendall(b"x" * 1000)
        time.sleep(0.01)


def test_who_never_stops_sending_is_left(server, monkeypatch):
    monkeypatch.setattr(linger, "MOST_S", 1.0)
    with server.connect() as sock:
        sock.sendall(head(length=30_000_000))
        with pytest.raises(OSError, match=r"Broken pipe|reset"):
            pour(sock, 60)
    assert left_behind(server) == []


def test_who_waits_to_be_asked_for_the_body_is_not_waited_for(server):
    more = BEARER + b"Expect: 100-continue\r\n"
    with server.connect() as sock:
        sock.sendall(head(length=30_000_000, more=more))
        started = time.monotonic()
        assert status_of(answer_of(sock)) == 413
        assert time.monotonic() - started < linger.MOST_S


HEADS = {
    "a long address": b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a long header": b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"a" * 40_000 + b"\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X-A: a\r\n" * 9000 + b"\r\n",
    "no protocol": b"hello\r\n\r\n",
    "two lengths": head(more=b"Content-Length: 5\r\n"),
    "length and chunks": head(more=b"Transfer-Encoding: chunked, x\r\n"),
    "a bad chunk": head().replace(b"Content-Length: 1000000", b"Transfer-Encoding: chunked")
    + b"zz\r\nxx\r\n",
}  # fmt: skip


@pytest.mark.parametrize("name", HEADS)
def test_a_head_that_cannot_be_is_refused(server, client, name):
    with server.connect() as sock:
        sock.sendall(HEADS[name])
        answer = sock.recv(65_536)
    assert not answer or 400 <= status_of(answer) < 502
    assert left_behind(server) == []
    assert client.get("/health").status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/jobs", "/predict"])
def test_who_hangs_up_after_sending_leaves_nothing(server, path):
    body = FILE + case.clip(0).read_bytes()[:90_000] + b"\r\n--xyz--\r\n"
    with server.connect() as sock:
        sock.sendall(head(path, len(body)) + body)
    assert left_behind(server) == []


def test_good_and_bad_uploads_at_once_do_not_mix(server):
    good = form(case.clip(0), captions=("good",))
    bad = [
        [("clip", ("large.mp4", b"x" * (CLIP_BYTES + 1), "video/mp4"))],
        form(captions=("x",), followers="many"),
        form(no_such_field="x"),
    ]

    def send(number: int) -> int:
        with server.client(headers={"authorization": f"Bearer {TOKEN}"}) as client:
            answer = client.post("/api/v1/jobs", files=bad[number % 3] if number % 2 else good)
            if answer.status_code == 202:
                (item,) = finished(client, answer.json()["id"])["items"]
                assert item["status"] == "ok"
            return answer.status_code

    with ThreadPoolExecutor(16) as threads:
        statuses = list(threads.map(send, range(16)))
    assert statuses[::2] == [202] * 8
    assert set(statuses[1::2]) == {413, 422}
    assert left_behind(server) == []


GUESSES = ["a" * 32, "_" * 32, "%2e%2e%2fx", "%00", "\u00fc" * 8, "a" * 33]
ASKED = [
    ("GET", "/api/v1/jobs/{}"), ("DELETE", "/api/v1/jobs/{}"), ("GET", "/results/{}?item=0"),
    ("POST", "/api/v1/jobs/{}/items/0/what-if"), ("GET", "/predictions/{}"),
    ("POST", "/api/v1/predictions/{}/feedback"),
]  # fmt: skip


@pytest.mark.parametrize("guess", GUESSES)
@pytest.mark.parametrize("asked", ASKED)
def test_no_guess_leads_anywhere(client, asked, guess):
    method, path = asked
    body = {"views": 1} if "feedback" in path else {}
    answer = client.request(method, path.format(guess), json=body if method == "POST" else None)
    assert answer.status_code in (404, 422)
    assert "forecast" not in answer.text


@pytest.mark.parametrize("path", ["/api/v1/jobs", "/predict"])
@pytest.mark.parametrize("size", [10_000, 90_000], ids=["at its end", "while it comes"])
def test_an_upload_that_does_not_fit_on_the_disk_is_refused_and_leaves_nothing(
    server, client, capfd, path, size
):
    clip = [("clip", ("a.mp4", b"x" * size, "video/mp4"))]
    with full_disk(4096):
        answer = client.post(path, files=clip)
    assert answer.status_code == 503
    assert "nothing can be stored here right now" in answer.text
    assert str(server.board.root) not in answer.text
    assert (
        f"{server.board.root}: an upload cannot be kept (File too large)" in capfd.readouterr().err
    )
    assert left_behind(server) == []


def test_a_folder_that_cannot_be_written_closes_the_queue_for_no_longer_than_it_lasts(
    server, client
):
    root = server.board.root
    shutil.rmtree(root)
    root.write_text("no folder")
    for _ in range(40):  # more than may wait
        assert client.post("/api/v1/jobs", files=form(captions=("x",))).status_code == 503
        assert server.board.busy() == 0
    root.unlink()  # as where /tmp is tidied: a server makes itself another
    answer = client.post("/api/v1/jobs", files=form(case.clip(0)))
    (item,) = finished(client, answer.json()["id"])["items"]
    assert item["status"] == "ok"
    assert server.board.root != root
    assert left_behind(server) == []
