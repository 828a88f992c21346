"""HEAD for every address that GET has."""

from typing import TYPE_CHECKING, Any

from virality.web.middleware import Middleware

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send


class Head(Middleware):
    """ASGI middleware that serves HEAD as GET and keeps the body back.

    So no route need know of it, and what may be asked and how long the body would be is what GET
    says.
    """

    async def serve(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Serve one request."""
        if scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def bare(message: Any) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        # A copy: the server itself must still know that no body may follow.
        await self.app({**scope, "method": "GET"}, receive, bare)
