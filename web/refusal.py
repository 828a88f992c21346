"""A request that is not served: why, in a word for programs and a sentence for people."""

import json

from virality.reports.serve_page import render_error


class Refusal(Exception):  # noqa: N818 - not every refusal is an error of ours
    """Why a request is not served.

    Attributes:
        status: of HTTP.
        code: one word for programs.
        message: one sentence for people.
        retry_s: after how many seconds it may be tried again, 0 if that changes nothing.
        texts: fields of the form that is refused, to be shown again; none if it was not read.
    """

    def __init__(self, status: int, code: str, message: str, retry_s: int = 0) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.retry_s = status, code, message, retry_s
        self.texts: tuple[tuple[str, str], ...] = ()


def ending() -> Refusal:
    """Return the refusal of whatever is under way when the server ends."""
    return Refusal(503, "ending", "the server is being ended; send it again soon", 5)


def too_slow() -> Refusal:
    """Return the refusal of a body that does not come, or hardly."""
    return Refusal(408, "too_slow", "too little came for too long; send it again")


def put_refusal(refusal: Refusal, path: str, accept: str) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of an answer that refuses: a page for browsers, JSON for programs.

    Args:
        refusal: why.
        path: that was asked for; the API answers programs only.
        accept: what the other side can read, as its header says.
    """
    headers = {"retry-after": str(refusal.retry_s)} if refusal.retry_s else {}
    if path.startswith("/api/") or "text/html" not in accept:
        told = {"error": {"code": refusal.code, "message": refusal.message}}
        return json.dumps(told).encode(), {**headers, "content-type": "application/json"}
    page = render_error(refusal.status, refusal.message, refusal.retry_s)
    headers["content-security-policy"] = page.policy
    return page.html.encode(), {**headers, "content-type": "text/html; charset=utf-8"}
