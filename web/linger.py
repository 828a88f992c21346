"""Reading on for a moment after an early answer, so that the answer arrives."""

import asyncio
from typing import TYPE_CHECKING, Any

from virality.web.middleware import Middleware

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

IDLE_S, MOST_S = 1.0, 5.0
"""How long nothing may come, and how long is read at all, after the answer went out."""


class Linger(Middleware):
    """ASGI middleware that throws away the rest of a body whose request is answered already.

    A clip that is too large is refused while it is still coming. Were the connection closed then,
    the system would tell the other side that its bytes were lost, and a browser would show that
    instead of the answer. So the answer goes out at once and the connection a moment later.
    """

    async def serve(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Serve one request."""
        rest = [_announces_body(scope)]

        async def heard() -> Any:
            message = await receive()
            rest[0] = bool(message.get("more_body", False))
            return message

        async def said(message: Any) -> None:
            last = message["type"] == "http.response.body" and not message.get("more_body", False)
            if last and rest[0]:
                await send({**message, "more_body": True})
                await _discard(heard, rest)
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        await self.app(scope, heard, said)


def _announces_body(scope: "Scope") -> bool:
    """Tell whether a body comes unasked; one that waits for a 100 Continue does not."""
    headers = {name.lower(): value for name, value in scope["headers"]}
    if b"expect" in headers:
        return False
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"


async def _discard(receive: "Receive", rest: list[bool]) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + MOST_S
    while rest[0] and (left := until - loop.time()) > 0:
        try:
            await asyncio.wait_for(receive(), min(IDLE_S, left))
        except TimeoutError:
            return
