"""The application: routes behind the guard, and one way to say that something is refused."""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from virality import __version__
from virality.data.errors import InputError, StorageError, UsageError, ViralityError
from virality.web import api, pages
from virality.web.document import describe_access
from virality.web.farewell import Farewell, let_answer
from virality.web.guard import Guard
from virality.web.head import Head
from virality.web.jobs import Board
from virality.web.linger import Linger
from virality.web.metrics import Metrics
from virality.web.middleware import Middleware
from virality.web.open_files import Quiet
from virality.web.refusal import Refusal, put_refusal
from virality.web.settings import Settings
from virality.web.told import Ledger
from virality.workflow.predictor import Predictor

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from virality.data.prediction_log import PredictionLog

ROUTERS = (api.router, api.plain, pages.router)
OBJECT = "send an object of JSON, with Content-Type: application/json"
MESSAGES = {404: "there is nothing at this address", 405: "this address does not take that"}


def create_app(
    predictor: Predictor, settings: Settings, log: "PredictionLog | None" = None
) -> FastAPI:
    """Return the application that serves a model; its workers live as long as its lifespan.

    Args:
        predictor: what answers.
        settings: how to serve.
        log: where predictions and feedback are kept, None if they are not; it stays open.
    """
    counted = Metrics()
    ledger = Ledger(log, predictor, counted) if log is not None else None
    board = Board(predictor, settings, counted, ledger)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        asyncio.get_running_loop().set_exception_handler(Quiet())
        board.start()
        with contextlib.suppress(asyncio.CancelledError):  # by a second Ctrl-C: it ends already
            try:
                yield
            finally:
                await let_answer()
                board.close()

    app = FastAPI(
        title="virality", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None,
        openapi_url="/api/v1/openapi.json", redirect_slashes=False,
        description="Predicts how far a short video will go. The same numbers as `virality "
        "predict`; jobs are asked for by ids that cannot be guessed.",
    )  # fmt: skip
    app.state.board, app.state.metrics = board, counted
    for router in ROUTERS:
        app.include_router(router)
    describe_access(app, settings)
    for kind in (Refusal, RequestValidationError, HTTPException, ViralityError, Exception):
        app.add_exception_handler(kind, _refuse)
    app.add_exception_handler(ClientDisconnect, _hung_up)
    app.add_middleware(Meter, metrics=counted)
    app.add_middleware(Guard, settings=settings, metrics=counted)
    app.add_middleware(Linger)
    app.add_middleware(Farewell)
    app.add_middleware(Head)
    return app


class Meter(Middleware):
    """ASGI middleware that counts answers by route and times them."""

    def __init__(self, app: "ASGIApp", metrics: Metrics) -> None:
        super().__init__(app)
        self.metrics = metrics

    async def serve(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Serve one request."""
        begin, status = time.perf_counter(), [0]

        async def counted(message: Any) -> None:
            if message["type"] == "http.response.start":
                status[0] = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, counted)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            self.metrics.requests.labels(route, str(status[0])).inc()
            self.metrics.request_seconds.labels(route).observe(time.perf_counter() - begin)


async def _refuse(request: Request, error: Exception) -> Response:
    if isinstance(error, StorageError):  # for the operator: its paths are not for visitors
        print(f"error: {error}", file=sys.stderr)
    refusal = _as_refusal(error)
    body, headers = put_refusal(refusal, request.url.path, request.headers.get("accept", ""))
    if refusal.status in (408, 413, 503):
        headers["connection"] = "close"  # the rest of the body is not read
    if refusal.status == 405 and (allowed := _allowed(request)):
        headers["allow"] = allowed
    return Response(body, refusal.status, headers)


def _allowed(request: Request) -> str:
    """Return the methods that an address takes; a route knows but of its own."""
    methods: set[str] = set()
    routes = (one for router in ROUTERS for one in router.routes)
    for route in (*request.app.routes, *routes):
        if route.matches(request.scope)[0] is not Match.NONE:
            methods.update(getattr(route, "methods", None) or ())
    if "GET" in methods:  # see `Head`: routes do not know that they do
        methods.add("HEAD")
    return ", ".join(sorted(methods))


def _as_refusal(error: Exception) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, RequestValidationError):
        first: Any = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"][1:]) or "the body"
        if first["type"] == "model_attributes_type":  # also where JSON is not said to be any
            return Refusal(422, "invalid", f"{place}: {OBJECT}")
        return Refusal(422, "invalid", f"{place[:80]}: {first['msg']}")
    if isinstance(error, HTTPException):
        if isinstance(error.__cause__, Refusal):  # FastAPI says 400 where reading a body fails
            return error.__cause__
        code = {404: "not_found", 405: "not_allowed"}.get(error.status_code, "refused")
        message = MESSAGES.get(error.status_code, str(error.detail))
        return Refusal(error.status_code, code, message)
    if isinstance(error, UsageError | InputError):
        return Refusal(422, "invalid", str(error))
    if isinstance(error, StorageError):
        return Refusal(503, "storage", "nothing can be stored here right now; try again", 30)
    return Refusal(500, "bug", "something went wrong here, not with what was sent")


async def _hung_up(_request: Request, _error: Exception) -> Response:
    return Response(status_code=400)  # nobody is there to read it
