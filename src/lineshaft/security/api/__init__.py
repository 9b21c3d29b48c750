"""Signing in over HTTP, and people, keys and the audit log over /api/v1.

install(app, security)         every request is resolved to an actor, checked and given safe headers
identifier(security)           request -> Who | None, for screens and sockets that ask again later
router(security)               the routes below /api/v1
"""

from __future__ import annotations

from fastapi import APIRouter, FastAPI

from lineshaft.security.service import Security

from . import audit, forms, keys, people
from .gate import Gate, identifier

__all__ = ["Gate", "identifier", "install", "router"]


def install(app: FastAPI, security: Security, *, public_url: str = "") -> None:
    """Put the gate before an application, and the addresses the sign-in page posts to.

    `public_url` is where people reach the platform when a proxy stands in front.
    """
    app.add_middleware(Gate, security=security, public_url=public_url)
    app.include_router(forms.router(security, public_url=public_url))


def router(security: Security, *, public_url: str = "") -> APIRouter:
    """The routes of security, below /api/v1."""
    api = APIRouter(tags=["security"])
    for part in (people.router(security, public_url=public_url), keys.router(security), audit.router(security.guard)):
        api.include_router(part)
    return api
