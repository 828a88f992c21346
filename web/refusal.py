"""A request that is not served: why, in a word for programs and a sentence for people."""

import json


class Refusal(Exception):  # noqa: N818 - not every refusal is an error of ours
    """Why a request is not served.

    Attributes:
        status: of HTTP.
        code: one word for programs.
        message: one sentence for people.
        retry_s: after how many seconds it may be tried again, 0 if that changes nothing.
    """

    def __init__(self, status: int, code: str, message: str, retry_s: int = 0) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.retry_s = status, code, message, retry_s


def refusal_body(refusal: Refusal) -> bytes:
    """Return the body of an answer that refuses."""
    return json.dumps({"error": {"code": refusal.code, "message": refusal.message}}).encode()
