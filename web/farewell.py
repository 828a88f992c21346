"""An answer for whoever still sends or waits when the server ends."""

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from virality.web.middleware import Middleware
from virality.web.refusal import ending, put_refusal

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

TURNS = 50
"""Turns of the event loop that a cancelled request gets to answer; it needs about five."""


async def let_answer() -> None:
    """Wait until requests that were cancelled just now have answered: the process ends next."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


class Farewell(Middleware):
    """ASGI middleware that answers a request which the server's end cancels.

    Uvicorn waits a few seconds for requests and then cancels them, which nobody would answer and
    which it would log as a fault of ours.
    """

    async def serve(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Serve one request."""
        begun = False

        async def said(message: Any) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, said)
        except asyncio.CancelledError:
            if begun:
                raise
            request = Request(scope)
            accept = request.headers.get("accept", "")
            body, headers = put_refusal(ending(), request.url.path, accept)
            # The rest of the body is not read; and this task is over, as it was asked to be.
            await Response(body, 503, {**headers, "connection": "close"})(scope, receive, send)
