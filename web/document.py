"""The API's document: what FastAPI writes, and who may ask, which the guard decides before it."""

from fastapi import FastAPI

from virality.web.guard import OPEN
from virality.web.settings import Settings


def describe_access(app: FastAPI, settings: Settings) -> None:
    """Let an application's document name the ways to show the token, if the server asks for one.

    Args:
        app: with all its routes.
        settings: of the server.
    """
    if not settings.token:
        return
    document = app.openapi()
    document["components"]["securitySchemes"] = {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "the token that was printed at the start of the server, or given to it",
        },
        "login": {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.cookie_name,
            "description": "what a browser carries that has shown the token at `/login`",
        },
    }
    document["security"] = [{"token": []}, {"login": []}]
    for path in OPEN & document["paths"].keys():
        for operation in document["paths"][path].values():
            operation["security"] = []
