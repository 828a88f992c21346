"""What all middleware has in common."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


class Middleware(ABC):
    """ASGI middleware for requests of HTTP; the start and end of the application pass through.

    Args:
        app: what it stands before.
    """

    def __init__(self, app: "ASGIApp") -> None:
        self.app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Serve one request, or hand on what is none."""
        serve = self.serve if scope["type"] == "http" else self.app
        await serve(scope, receive, send)

    @abstractmethod
    async def serve(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Serve one request."""
