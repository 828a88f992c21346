"""Group D: hosts, origins, tokens, ids, sizes, fields and names that strangers may send."""

import contextlib
import re
from html import unescape
from itertools import product

import httpx
import pytest
import serve_case as case
from serve_case import form, site

from virality.data.errors import UsageError
from virality.web.guard import SMALL_BODY
from virality.web.settings import Settings, new_token

TOKEN = "a-token-of-the-tests-0123456789"
CLIP_BYTES = 50_000


@pytest.fixture(scope="module")
def server():
    with site(clip_bytes=CLIP_BYTES, waiting=100, token=TOKEN, names=("clips.example",)) as one:
        yield one


@pytest.fixture(scope="module")
def client(server):
    with server.client(headers={"authorization": f"Bearer {TOKEN}"}) as one:
        yield one


REBOUND = [
    "evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example",
    "127.0.0.1.nip.io", "10.0.0.1", "192.168.1.5:80", "169.254.169.254", "0.0.0.0", "8.8.8.8",
    "[2001:db8::1]", "[::ffff:8.8.8.8]", "localhost@evil.example", "evil.example#localhost",
    "localhost:80:80", "localhost:x", "[::1", "::1", "", "localhost.", "LOCALHOST.evil",
    "clips.example.evil", "127.1", "2130706433", "0x7f.1", "localhost,evil.example",
]  # fmt: skip
OURS = ["localhost", "LocalHost:8000", "127.0.0.1", "127.0.0.2:1", "[::1]", "[::1]:8000",
        "clips.example", "CLIPS.example:443"]  # fmt: skip


@pytest.mark.parametrize("host", REBOUND)
def test_a_name_that_was_made_to_point_here_is_refused(client, host):
    answer = client.get("/api/v1/model", headers={"host": host})
    assert answer.status_code == 400, host
    assert "evil" not in answer.text


@pytest.mark.parametrize("host", OURS)
def test_our_own_names_are_served(client, host):
    assert client.get("/api/v1/model", headers={"host": host}).status_code == 200


def test_a_request_needs_exactly_one_host(server):
    for hosts in (b"", b"Host: localhost\r\nHost: localhost\r\n"):
        with server.connect() as sock:
            sock.sendall(b"GET /health HTTP/1.1\r\n" + hosts + b"\r\n")
            assert sock.recv(100).startswith(b"HTTP/1.1 400")


FOREIGN = [
    {"origin": "http://evil.example"}, {"origin": "https://evil.example"}, {"origin": "null"},
    {"origin": ""}, {"origin": "http://localhost:1"}, {"origin": "http://127.0.0.1"},
    {"origin": "file://"}, {"origin": "chrome-extension://abc"},
    {"origin": "http://user@localhost"}, {"origin": "http://["}, {"origin": "http://[::g]"},
    {"origin": "http://clips.example:81"}, {"origin": "https://user@clips.example"},
    {"origin": "ftp://clips.example"}, {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"}, {"sec-fetch-site": "Cross-Site"},
    {"sec-fetch-site": "none, cross-site"},
]  # fmt: skip
CHANGING = [
    ("POST", "/api/v1/jobs"), ("POST", "/predict"), ("DELETE", f"/api/v1/jobs/{'a' * 32}"),
    ("POST", f"/api/v1/jobs/{'a' * 32}/items/0/what-if"), ("POST", "/login"),
    ("POST", f"/predictions/{'a' * 32}"), ("POST", f"/api/v1/predictions/{'a' * 32}/feedback"),
]  # fmt: skip


@pytest.mark.parametrize(("headers", "asked"), list(product(FOREIGN, CHANGING)))
def test_other_sites_cannot_change_anything(client, headers, asked):
    answer = client.request(*asked, headers=headers)
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "cross_site"


@pytest.mark.parametrize("site_of", ["same-origin", "none"])
def test_our_own_pages_may(server, client, site_of):
    headers = {"origin": server.url, "sec-fetch-site": site_of}
    answer = client.post("/api/v1/jobs", files=form(captions=("hello",)), headers=headers)
    assert answer.status_code == 202


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("localhost", "https://clips.example", 202),  # a proxy that tells an address of its own
        ("127.0.0.1:8000", "http://Clips.Example", 202),
        ("clips.example", "https://clips.example", 202),
        ("clips.example:8000", "http://clips.example", 403),  # another server of that name
        ("localhost", "https://clips.example:8443", 403),
    ],
)
def test_behind_a_proxy_the_name_that_browsers_use_counts(client, host, origin, status):
    headers = {"host": host, "origin": origin, "sec-fetch-site": "same-origin"}
    answer = client.post("/api/v1/jobs", files=form(captions=("hello",)), headers=headers)
    assert answer.status_code == status


PROTECTED = ["/", "/metrics", "/api/v1/model", "/api/v1/openapi.json", f"/results/{'a' * 32}"]
WRONG = [
    {}, {"authorization": "Bearer"}, {"authorization": f"Bearer {TOKEN}x"},
    {"authorization": f"Bearer {TOKEN[:-1]}"}, {"authorization": f"Basic {TOKEN}"},
    {"authorization": TOKEN}, {"cookie": f"virality={TOKEN}"}, {"cookie": "virality="},
    {"authorization": "Bearer \u00fc".encode()},
]  # fmt: skip


@pytest.mark.parametrize(("path", "headers"), list(product(PROTECTED, WRONG)))
def test_nothing_is_shown_without_the_token(server, path, headers):
    with server.client() as stranger:
        answer = stranger.get(path, headers=headers)
    assert answer.status_code == 401
    assert TOKEN not in answer.text


def test_the_document_names_every_way_to_show_the_token_and_no_other(server, client):
    document = client.get("/api/v1/openapi.json").json()
    schemes = document["components"]["securitySchemes"]
    assert {(one["type"], one.get("scheme", one.get("in"))) for one in schemes.values()} == {
        ("http", "bearer"), ("apiKey", "cookie"),
    }  # fmt: skip
    shown = {
        "bearer": {"authorization": f"Bearer {TOKEN}"},
        "cookie": {"cookie": f"{schemes['login']['name']}={server.settings.cookie}"},
    }
    with server.client() as stranger:
        for headers in shown.values():
            assert stranger.get("/api/v1/model", headers=headers).status_code == 200
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                where = path.format(job_id="a" * 32, prediction_id="a" * 32, item=0)
                status = stranger.request(method, where, headers={"accept": "*/*"}).status_code
                asked = operation.get("security", document["security"])
                assert (status == 401) == bool(asked), path
                assert {name for one in asked for name in one} <= set(schemes)


def test_the_document_of_a_server_without_a_token_names_no_way_to_show_one():
    with site() as open_to_all, open_to_all.client() as client:
        document = client.get("/api/v1/openapi.json").json()
    assert "securitySchemes" not in document["components"]
    assert "security" not in document


def test_a_browser_is_asked_for_the_token_and_carries_a_cookie(server):
    with server.client(headers={"accept": "text/html"}) as browser:
        sent = browser.get("/")
        assert (sent.status_code, sent.headers["location"]) == (303, "/login")
        assert browser.get("/login").status_code == 200
        wrong = browser.post("/login", files=[("token", (None, "no"))])
        assert wrong.status_code == 401
        assert "set-cookie" not in wrong.headers
        right = browser.post("/login", files=[("token", (None, TOKEN))])
        cookie = right.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert TOKEN not in cookie
        assert browser.get("/").status_code == 200


HERE = ["/results/" + "a" * 32 + "?item=1", "/predictions/" + "0" * 32, "/a%20b", "/?a=b&c=d"]


@pytest.mark.parametrize("path", HERE)
def test_the_login_leads_on_to_the_page_that_was_asked_for(server, path):
    with server.client(headers={"accept": "text/html"}) as browser:
        login = browser.get(browser.get(path).headers["location"])
        (to,) = re.findall(r'name="to" type="hidden" value="([^"]*)"', login.text)
        wrong = browser.post("/login", files=form(token="no", to=unescape(to)))
        assert f'value="{to}"' in wrong.text
        right = browser.post("/login", files=form(token=TOKEN, to=unescape(to)))
        assert (right.status_code, right.headers["location"]) == (303, path)


ELSEWHERE = ["//evil.example", "/\\evil.example", "\\\\evil.example", "http://e.example",
             "/\t/evil", "javascript:alert(1)", "evil", " /x", "/x\r\nX: b", "/\u00fc"]  # fmt: skip


@pytest.mark.parametrize("to", ELSEWHERE)
def test_the_login_leads_nowhere_else(server, to):
    with server.client(headers={"accept": "text/html"}) as browser:
        right = browser.post("/login", files=form(token=TOKEN, to=to))
        assert (right.status_code, right.headers["location"]) == (303, "/")
        assert 'name="to" type="hidden" value="/"' in browser.get("/login", params={"to": to}).text


def test_servers_of_one_host_do_not_take_each_others_cookies(server):
    other = "b" + TOKEN
    with site(token=other) as second, server.client() as browser:
        for port, token in ((server.port, TOKEN), (second.port, other)):
            url = f"http://127.0.0.1:{port}/login"  # to a browser one host: cookies know no ports
            assert browser.post(url, files=form(token=token)).status_code == 303
        for port in (server.port, second.port):
            assert browser.get(f"http://127.0.0.1:{port}/").status_code == 200


def test_the_login_takes_no_file(server):
    with server.client() as stranger:
        answer = stranger.post("/login", files=[("clip", ("a.mp4", b"x", "video/mp4"))])
    assert answer.status_code == 413
    assert list(server.board.root.iterdir()) == []


def test_health_needs_no_token_and_tells_nothing(server):
    with server.client() as stranger:
        assert stranger.get("/health").json() == {"status": "ok", "ready": True}


GUESSES = [
    "a" * 32, "A" * 31 + "_", "0" * 32, "../../etc/passwd", "%2e%2e%2f", "a" * 31, "a" * 33, "1",
    "a" * 5000, "null", "%00", "' OR 1=1 --", "<script>", "\u00fc" * 32, "a/../" + "b" * 32,
]  # fmt: skip


@pytest.mark.parametrize("guess", GUESSES)
def test_results_cannot_be_guessed(client, guess):
    for path in (f"/api/v1/jobs/{guess}", f"/results/{guess}"):
        answer = client.get(path)
        assert answer.status_code in (404, 422)
        assert "<script>" not in answer.text


FIELDS = {
    "followers": ["-1", "1e9", "NaN", "inf", "1.5", "twelve", "9" * 12, "0x10", "\u0663"],
    "posted_at": ["yesterday", "2025-13-01T00:00", "1999-01-01T00:00", "2101-01-01T00:00", "1",
                  "2025-01-01T25:00", "9" * 40],
    "sound_original": ["yes", "1", "TRUE"],
    "sound": ["x" * 201, "a\0b"],
    "sound_title": ["x" * 201],
    "author": ["x" * 201, "1e5", "1.5e18"],
    "hashtags": ["x" * 201, " ".join(f"t{i}" for i in range(61))],
    "caption": ["x" * 4001, "a\0b"],
    "utc_offset": ["99999", "x"],
    "no_such_field": ["1"],
    "__proto__": ["1"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in FIELDS.items() for value in values]
)
def test_a_value_that_cannot_be_is_refused_with_its_field(client, name, value):
    parts = form(captions=("fine",)) if name != "caption" else []
    parts += form(**{name: value}) + (form(posted_at="2025-01-01T00:00") if "utc" in name else [])
    answer = client.post("/api/v1/jobs", files=parts)
    assert answer.status_code == 422
    assert answer.json()["error"]["message"]


NAMES = [
    "../../escape.mp4", "..\\..\\escape.mp4", "/etc/cron.d/x", "a" * 5000 + ".mp4", "a\x00b.mp4",
    "con.mp4", "<img src=x onerror=alert(1)>.mp4", "'; rm -rf /.mp4", "\u202egpj.mp4", ".", "..",
    "\U0001f600.mp4", "clip\r\nX-Injected: 1.mp4", "%2e%2e%2fx.mp4", "-rf", "{{7*7}}.mp4",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_a_file_is_shown_and_never_used(server, client, name):
    answer = client.post("/api/v1/jobs", files=[("clip", (name, b"no clip", "video/mp4"))])
    if len(name) > 4000:
        assert answer.status_code == 400
        return
    assert answer.status_code == 202
    assert "x-injected" not in answer.headers
    view = case.finished(client, answer.json()["id"])
    assert view["items"][0]["status"] == "failed"
    page = client.get(f"/results/{view['id']}").text
    assert "<img src=x" not in page
    assert {path.parent for path in server.board.root.rglob("*")} <= {
        server.board.root, *server.board.root.iterdir()
    }  # fmt: skip


def multipart(body: bytes, boundary: str = "xyz") -> dict:
    return {
        "content": body,
        "headers": {"content-type": f"multipart/form-data; boundary={boundary}"},
    }


PART = b'--xyz\r\nContent-Disposition: form-data; name="caption"\r\n\r\n'
FILE = b'--xyz\r\nContent-Disposition: form-data; name="clip"; filename="a"\r\n\r\n'
END = b"\r\n--xyz--\r\n"
BODIES = {
    "empty": (b"", 400),
    "no boundary in it": (b"hello", 400),
    "broken off in a header": (b"--xyz\r\nContent-Dispo", 400),
    "broken off in a field": (PART + b"hello", 400),
    "broken off in a clip": (FILE + b"hello", 400),
    "a field too large": (PART + b"x" * 30_000 + END, 413),
    "a clip too large": (FILE + b"x" * (CLIP_BYTES + 1) + END, 413),
    "too many fields": (PART.join([b""] + [b"x\r\n"] * 41) + b"--xyz--\r\n", 413),
    "too many clips": (FILE.join([b""] + [b"x\r\n"] * 7) + b"--xyz--\r\n", 413),
    "no UTF-8": (PART + b"\xff\xfe" + END, 422),
    "a header too large": (b"--xyz\r\nX-A: " + b"x" * 9000 + b"\r\n\r\nx" + END, 400),
    "a thousand headers": (b"--xyz\r\n" + b"X-A: x\r\n" * 1000 + b"\r\nx" + END, 400),
    "no name": (b"--xyz\r\nContent-Disposition: form-data\r\n\r\nx" + END, 422),
    "no disposition": (b"--xyz\r\nX-A: b\r\n\r\nx" + END, 422),
    "nothing in it": (PART + END, 422),
    "a null": (b"\0" * 1000, 400),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_no_form_leaves_nothing(server, client, name):
    body, status = BODIES[name]
    answer = client.post("/api/v1/jobs", **multipart(body))
    assert answer.status_code == status, answer.text
    assert server.board.busy() == 0
    assert list(server.board.root.iterdir()) == []


FIELD = b"--xyz\r\nContent-Disposition: form-data; "
MISSENT = {
    "a clip in another field": (
        FIELD + b'name="video"; filename="a.mp4"\r\n\r\n\xff' + END, "'video' takes no file; a clip"
    ),
    "a large clip in another field": (
        FIELD + b'name="video"; filename="a.mp4"\r\n\r\n' + b"x" * 30_000 + END, "takes no file"
    ),
    "a clip without a file name": (FIELD + b'name="clip"\r\n\r\n\xff' + END, "with a file name"),
    "a caption in base64": (
        FIELD + b'name="caption"\r\nContent-Transfer-Encoding: BASE64\r\n\r\naGVsbG8=' + END,
        "'caption' is sent as 'BASE64'; send it as it is",
    ),
    "a text too large": (PART + b"x" * 30_000 + END, "the field 'caption' may have at most"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISSENT)
def test_what_is_sent_in_a_wrong_way_is_told_how(client, name):
    body, said = MISSENT[name]
    answer = client.post("/api/v1/jobs", **multipart(body))
    assert answer.status_code in (413, 415, 422)
    assert said in answer.json()["error"]["message"]


CODED_NAMES = {
    b"filename*=UTF-8''vid%C3%A9o.mp4": "vid\u00e9o",
    b"filename*=iso-8859-1''vid%E9o.mp4": "vid\u00e9o",
    b"filename*=no-such''%ff.mp4": "clip",
    b'filename*0="a"; filename*1="b.mp4"': "clip",
    b"filename=\"a.mp4\"; filename*=UTF-8''b.mp4": "a",
}


@pytest.mark.parametrize("name", CODED_NAMES)
def test_a_file_name_in_the_way_of_e_mail_is_read(client, name):
    body = FIELD + b'name="clip"; ' + name + b"\r\n\r\nno clip" + END
    answer = client.post("/api/v1/jobs", **multipart(body))
    assert answer.status_code == 202, answer.text
    (item,) = case.finished(client, answer.json()["id"])["items"]
    assert item["name"] == CODED_NAMES[name]


KINDS = ["", "text/plain", "application/json", "multipart/form-data", "multipart/mixed; boundary=x",
         "multipart/form-data; boundary=" + "x" * 71,
         "application/x-www-form-urlencoded"]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_another_kind_of_body_is_refused(client, kind):
    answer = client.post("/api/v1/jobs", content=b"x", headers={"content-type": kind})
    assert answer.status_code == 415


LENGTHS = ["999999999999", "-1", "1e3", "\u0661", "0x10", "+5", ""]


@pytest.mark.parametrize("length", LENGTHS)
def test_a_length_beyond_the_limit_is_refused_before_a_byte_is_read(server, length):
    with server.connect() as sock:
        sock.sendall(
            b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
            + TOKEN.encode() + b"\r\nContent-Length: " + length.encode() + b"\r\n\r\n"
        )  # fmt: skip
        assert re.match(rb"HTTP/1.1 4(00|13)", sock.recv(100))


def test_a_chunked_body_is_counted(server):
    def endless():
        yield FILE
        for _ in range(100):
            yield b"x" * 10_000

    with server.client(headers={"authorization": f"Bearer {TOKEN}"}) as client:
        kind = {"content-type": "multipart/form-data; boundary=xyz"}
        with contextlib.suppress(httpx.TransportError):  # hung up on while more was being sent
            assert client.post("/api/v1/jobs", content=endless(), headers=kind).status_code == 413
    assert list(server.board.root.iterdir()) == []


PROGRAMS = [
    f"/api/v1/jobs/{'a' * 32}/items/0/what-if", f"/api/v1/predictions/{'a' * 32}/feedback",
]  # fmt: skip


@pytest.mark.parametrize("path", PROGRAMS)
def test_json_in_chunks_is_counted_while_it_comes(server, path):
    begin = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
    kind = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    with server.connect() as sock:
        sock.sendall((begin + kind).encode())
        sock.sendall((b"8000\r\n" + b" " * 0x8000 + b"\r\n") * 8)
        assert case.answer_of(sock).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("path", PROGRAMS)
@pytest.mark.parametrize(("size", "status"), [(SMALL_BODY, 404), (SMALL_BODY + 1, 413)])
def test_json_in_chunks_has_the_limit_of_json_that_tells_its_length(client, path, size, status):
    body = b'{"views": 1}' if "feedback" in path else b"{}"
    content = [body, b" " * (size - len(body))]
    kind = {"content-type": "application/json"}
    for sent in (b"".join(content), iter(content)):
        assert client.post(path, content=sent, headers=kind).status_code == status


@pytest.mark.parametrize("path", ["/", "/login", "/nothing", "/health", "/api/v1/model"])
def test_every_answer_carries_the_security_headers(client, path):
    headers = client.get(path, headers={"accept": "text/html"}).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    kept = "private, no-cache" if path == "/" else "no-store"  # an empty form, to come back to
    assert headers["cache-control"] == kept
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "server" not in headers
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("sent", [{"data": {"caption": "x"}}, {"content": b"{}"}, {"json": []}])
def test_a_body_that_is_no_object_of_json_is_told_what_to_send(client, sent):
    answer = client.post(f"/api/v1/jobs/{'a' * 32}/items/0/what-if", **sent)
    assert answer.status_code == 422
    assert "Content-Type: application/json" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("PUT", "/", 405), ("GET", "/api/v1/jobs", 405), ("POST", "/metrics", 405), ("GET", "/x", 404),
     ("GET", "/../etc/passwd", 404), ("TRACE", "/", 405), ("GET", "/docs", 404),
     ("OPTIONS", "/api/v1/jobs", 405)],
)  # fmt: skip
def test_what_is_not_there_is_said_in_html_and_json(client, method, path, status):
    page = client.request(method, path, headers={"accept": "text/html"})
    assert page.status_code == status
    plain = client.request(method, path, headers={"accept": "application/json"})
    assert plain.status_code == status
    assert plain.json()["error"]["message"]


HEADED = ["/", "/login", "/health", "/api/v1/model", "/api/v1/openapi.json", "/nothing",
          f"/results/{'a' * 32}", "/predict", "/api/v1/jobs"]  # fmt: skip


@pytest.mark.parametrize("path", HEADED)
@pytest.mark.parametrize("accept", ["*/*", "text/html"])
def test_head_is_get_without_the_body(client, path, accept):
    answers = [client.request(way, path, headers={"accept": accept}) for way in ("GET", "HEAD")]
    full, bare = ({**one.headers, "date": ""} for one in answers)
    assert bare == full
    assert "content-length" in bare
    assert answers[1].status_code == answers[0].status_code
    assert answers[1].content == b""


def test_head_keeps_to_every_rule(server, client):
    with server.client() as stranger:
        assert stranger.head("/api/v1/model").status_code == 401
        assert stranger.head("/health").status_code == 200
    assert client.head("/", headers={"host": "evil.example"}).status_code == 400
    assert client.get("/api/v1/jobs").headers["allow"] == "POST"
    assert client.put("/health").headers["allow"] == "GET, HEAD"
    assert client.put("/login").headers["allow"] == "GET, HEAD, POST"
    assert client.put(f"/api/v1/jobs/{'a' * 32}").headers["allow"] == "DELETE, GET, HEAD"


def test_a_body_that_is_kept_back_is_not_sent(server):
    with server.connect() as sock:
        begin = b" /health HTTP/1.1\r\nHost: localhost\r\n"
        sock.sendall(b"HEAD" + begin + b"\r\nGET" + begin + b"Connection: close\r\n\r\n")
        head, _, rest = case.answer_of(sock).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert rest.startswith(b"HTTP/1.1 200")
    assert rest.endswith(b'{"status":"ok","ready":true}')


@pytest.mark.parametrize(
    "name",
    [
        "http://clips.example",
        "clips.example:443",
        "clips.example/",
        "b\u00fccher.example",
        "a b",
        ".",
    ],
)
def test_a_name_that_no_browser_sends_is_refused(name):
    with pytest.raises(UsageError, match="is no host name"):
        Settings(names=(name,), token=TOKEN)


@pytest.mark.parametrize(
    "token",
    [
        f" {TOKEN}",
        f"{TOKEN} ",
        "a token with blanks in it",
        "sch\u00f6ner-token-0123456789",
        "\udcff-token-0123456789",
    ],
)
def test_a_token_that_no_request_can_carry_is_refused(token):
    with pytest.raises(UsageError, match="requests cannot carry"):
        Settings(token=token)


def test_a_server_with_a_name_is_for_others_and_needs_a_token():
    with pytest.raises(UsageError, match=r"clips\.example can be reached by others"):
        Settings(names=("clips.example",))
    with site(names=("clips.example",), token=TOKEN) as one, one.client() as client:
        page = client.get("/", headers={"authorization": f"Bearer {TOKEN}"})
    assert "Nothing leaves this computer" not in page.text
    with site() as one, one.client() as client:
        assert "Nothing leaves this computer" in client.get("/").text


def test_tokens_are_long_and_never_the_same():
    assert len({new_token() for _ in range(100)}) == 100
    assert len(new_token()) >= 32
    assert TOKEN not in repr(Settings(token=TOKEN))
