"""Lets AAS clients that are pages of other sites use the API: with a token they send, never with our cookie (CORS)."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_ASKED = ("authorization", "content-type", "if-match", "if-none-match")
_TOLD = ("content-disposition", "etag", "location", "x-filename")
_REMEMBERED_S = 600


def opened(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """The application for pages of these origins too; without any as it is.

    It goes around the gate, because browsers ask first (preflight) without a token, and must read refusals.
    """
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=_METHODS,
        allow_headers=_ASKED,
        expose_headers=_TOLD,
        max_age=_REMEMBERED_S,
    )
