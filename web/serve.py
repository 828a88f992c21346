"""Listening: uvicorn with our bounds, and what is printed at the start."""

import asyncio
import contextlib
import errno
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from virality.data.errors import StorageError
from virality.web.open_files import allow_files
from virality.web.settings import Settings, is_loopback

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

HEADER_BYTES = 16_384
TAKEN = (errno.EADDRINUSE, errno.EACCES)
"""What is wrong with a port; all else is wrong with the address."""


def listen(settings: Settings) -> socket.socket:
    """Return a bound socket, so that an address in use is told before the model is loaded.

    Raises:
        StorageError: if the address cannot be used.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((settings.host, settings.port))
    except OSError as error:
        sock.close()
        where = f"{settings.host}:{settings.port}"
        other = "--port" if error.errno in TAKEN else "--host"
        raise StorageError(
            f"{where} cannot be listened on ({error.strerror}); choose another {other}"
        ) from error
    return sock


def address(sock: socket.socket) -> str:
    """Return the address to open in a browser."""
    host, port = sock.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/"


def server_of(app: "FastAPI", settings: Settings) -> "uvicorn.Server":
    """Return the server of an application, not yet listening."""
    import uvicorn

    from virality.web.connection import prompt

    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, date_header=True,
        limit_concurrency=settings.connections, timeout_keep_alive=10,
        timeout_graceful_shutdown=5, h11_max_incomplete_event_size=HEADER_BYTES,
        http=prompt(settings), ws="none", proxy_headers=False,
    )  # fmt: skip
    return uvicorn.Server(config)


def serve(
    model: Path,
    reference: Path | None,
    encoder: str,
    settings: Settings,
    say: Any,
    log: Path | None = None,
) -> None:
    """Serve a model until interrupted.

    Args:
        model: folder of the model.
        reference: features of earlier posts, None if there are none.
        encoder: sentence encoder of the model, found out if empty.
        settings: how to serve.
        say: told the address once requests are taken.
        log: where predictions and feedback are kept, None if they are not.

    Raises:
        ViralityError: if the address, the model or the reference cannot be used.
    """
    from virality.web.app import create_app
    from virality.workflow.predictor import Predictor

    allow_files(settings)
    sock = listen(settings)
    try:
        from virality.data.limits import Limits
        from virality.workflow.prediction_log import open_log

        limits = Limits(file_bytes=settings.clip_bytes)
        predictor = Predictor(model, reference, encoder=encoder, limits=limits)
        with contextlib.nullcontext() if log is None else open_log(log) as opened:
            server = server_of(create_app(predictor, settings, opened), settings)
            # The address may be opened at once: whoever comes before the server runs is queued.
            sock.listen(server.config.backlog)
            if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # not so under nohup
                # A terminal that is closed must not leave strangers' clips on this disk.
                signal.signal(signal.SIGHUP, server.handle_exit)
            say(address(sock))
            asyncio.run(server.serve(sockets=[sock]))
    finally:
        sock.close()


def warning(settings: Settings) -> str:
    """Return what whoever serves must know before strangers can reach it, `""` on loopback."""
    if is_loopback(settings.host):
        return ""
    return (
        f"warning: {settings.host} can be reached by others, without encryption; put a proxy with "
        "TLS before it, and give the token only to whom you trust"
    )
