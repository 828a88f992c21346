"""The guard before every route: who may ask, from where, and what browsers may do with answers."""

import asyncio
from collections.abc import Collection
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from virality.reports.words import size_words
from virality.web.metrics import Metrics
from virality.web.middleware import Middleware
from virality.web.refusal import Refusal, put_refusal, too_slow
from virality.web.settings import Settings, bare_name

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN = frozenset({"/health", "/login"})
"""Paths that need no token."""

SMALL_BODY = 100_000
"""Bytes of a body without clips."""

BRINGS_CLIPS = frozenset({"/api/v1/jobs", "/predict"})

HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),  # with none, browsers name no origin of a form
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), interest-cohort=()"),
    (b"cache-control", b"no-store"),
)
NOTHING = b"default-src 'none'; frame-ancestors 'none'"


class Guard(Middleware):
    """ASGI middleware that refuses before any body is read, and adds security headers to answers.

    Bodies without clips are read by whatever route there is, in memory: they are bounded here.

    Args:
        app: what it guards.
        settings: who is let in.
        metrics: where refusals are counted.
    """

    def __init__(self, app: "ASGIApp", settings: Settings, metrics: Metrics) -> None:
        super().__init__(app)
        self.settings, self.metrics = settings, metrics

    async def serve(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Serve one request."""
        headers = _read(scope)
        refusal = self._refusal(scope, headers)
        if refusal is None:
            heard = receive if scope["path"] in BRINGS_CLIPS else self._bounded(receive)
            await self.app(scope, heard, _headed(send))
            return
        self._counted(refusal)
        if refusal.code == "token" and "text/html" in _one(headers, "accept"):
            await _redirect(_headed(send), _login_for(scope))
            return
        await _answer(_headed(send), refusal, scope["path"], _one(headers, "accept"))

    def _refusal(self, scope: "Scope", headers: dict[str, list[str]]) -> Refusal | None:
        hosts = headers.get("host", [])
        if len(hosts) != 1 or not self.settings.admits(hosts[0]):
            return Refusal(400, "host", "this server is not known by that name")
        if scope["method"] not in SAFE and _crosses_sites(headers, hosts[0], self.settings.names):
            return Refusal(403, "cross_site", "requests from other sites are refused")
        if not self._is_let_in(scope["path"], headers):
            return Refusal(401, "token", "a token is needed; it was printed where this was started")
        return self._body_refusal(scope, headers)

    def _is_let_in(self, path: str, headers: dict[str, list[str]]) -> bool:
        if not self.settings.token or path in OPEN:
            return True
        scheme, _, told = _one(headers, "authorization").partition(" ")
        if scheme.lower() == "bearer" and self.settings.knows(told.strip()):
            return True
        carried = f"{self.settings.cookie_name}={self.settings.cookie}"
        return any(
            part.strip() == carried
            for line in headers.get("cookie", [])
            for part in line.split(";")
        )

    def _body_refusal(self, scope: "Scope", headers: dict[str, list[str]]) -> Refusal | None:
        most = self.settings.body_bytes if scope["path"] in BRINGS_CLIPS else SMALL_BODY
        length = _one(headers, "content-length")
        if length and (not (length.isascii() and length.isdigit()) or int(length) > most):
            return _too_large(most)
        return None

    def _bounded(self, receive: "Receive") -> "Receive":
        """Return a receiver that refuses a body which grows too long or is not there in time.

        A body sent in chunks announces no length, and one that announces a length may not come.
        """
        loop = asyncio.get_running_loop()
        size, until, whole = 0, 0.0, False

        async def bounded() -> Any:
            nonlocal size, until, whole
            if whole:  # what comes now is that the other side hangs up, whenever it does
                return await receive()
            until = until or loop.time() + self.settings.idle_s
            try:
                message = await asyncio.wait_for(receive(), max(until - loop.time(), 0.001))
            except TimeoutError:
                raise self._counted(too_slow()) from None
            size += len(message.get("body", b""))
            if size > SMALL_BODY:
                raise self._counted(_too_large(SMALL_BODY))
            whole = not message.get("more_body", False)
            return message

        return bounded

    def _counted(self, refusal: Refusal) -> Refusal:
        self.metrics.refused.labels(refusal.code).inc()
        return refusal


def _too_large(most: int) -> Refusal:
    return Refusal(413, "too_large", f"one request may have at most {size_words(most)}")


def _read(scope: "Scope") -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


def _one(headers: dict[str, list[str]], name: str) -> str:
    return headers.get(name, [""])[0]


def _crosses_sites(headers: dict[str, list[str]], host: str, names: Collection[str]) -> bool:
    """Tell whether a browser sends this for a page of another site.

    Browsers always name the origin of what changes something; programs name none.
    """
    if _one(headers, "sec-fetch-site") not in ("", "same-origin", "none"):
        return True
    origins = headers.get("origin", [])
    if not origins:
        return False
    return len(origins) > 1 or not _is_ours(origins[0], host.lower(), names)


def _is_ours(origin: str, host: str, names: Collection[str]) -> bool:
    """Tell whether a page's origin is this server, as the browser knows it.

    A proxy may put an address of its own into Host: then the name that we were told counts.
    """
    try:
        told = urlsplit(origin.lower())
    except ValueError:  # such as an open bracket: no browser writes that
        return False
    if told.scheme not in ("http", "https"):
        return False
    return told.netloc == host or (bare_name(host) not in names and told.netloc in names)


def _headed(send: "Send") -> "Send":
    """Return a sender that adds the security headers; a page brings its own content policy."""

    async def headed(message: Any) -> None:
        if message["type"] == "http.response.start":
            there = list(message.get("headers", []))
            names = {name.lower() for name, _ in there}
            there += [one for one in HEADERS if one[0] not in names]
            if b"content-security-policy" not in names:
                there.append((b"content-security-policy", NOTHING))
            message = {**message, "headers": there}
        await send(message)

    return headed


async def _answer(send: "Send", refusal: Refusal, path: str, accept: str) -> None:
    body, named = put_refusal(refusal, path, accept)
    headers = [(name.encode(), value.encode()) for name, value in named.items()]
    headers += [
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),  # what else was sent is not read
    ]
    if refusal.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _login_for(scope: "Scope") -> str:
    """Return the address of the login, which leads on to the page that was asked for."""
    asked = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
    on = scope["method"] == "GET" and asked != b"/"
    return f"/login?to={quote(asked, safe='')}" if on else "/login"


async def _redirect(send: "Send", path: str) -> None:
    headers = [(b"location", path.encode()), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 303, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
