"""What every HTTP route shares: who asks, problem details, cursors, metrics.

Errors leave as RFC 9457 problem details, mapped from the error tree in this one place; below addresses
where another protocol is spoken they leave in its words.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CollectorRegistry
from pydantic import BaseModel
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import Internal, Invalid, PlatformError, Unauthorised
from .log import get_log
from .wire import encode

log = get_log("http")
METRICS = CollectorRegistry()
"""Every counter and gauge of the process; served on /metrics."""

Dialect: TypeAlias = Callable[[PlatformError], JSONResponse]
_DIALECTS: dict[str, Dialect] = {}
T = TypeVar("T")


class TooLarge(PlatformError):
    """A body is larger than its address takes."""

    code = "too_large"
    status = 413
    default_hint = "Send less at once."


class BodyLimit:
    """The middleware that ends a body which is too large before it fills memory or disk.

    It stands behind sign-in: who is nobody may send little. `larger` says in MB what files single addresses take;
    those that read piece by piece and count for themselves have None.
    """

    most = 65 << 20
    most_of_nobody = 64 << 10

    def __init__(self, app: ASGIApp, prefix: str, larger: Mapping[str, int | None]) -> None:
        self._app = app
        self._prefix = prefix
        self._larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 413."""
        most = self._most(scope)
        if most is None:
            await self._app(scope, receive, send)
            return
        told = Headers(scope=scope).get("content-length", "")
        if told.isdigit() and int(told) > most:
            await problem(_too_large(most), scope["path"])(scope, receive, send)
            return
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > most:
                raise StarletteHTTPException(413, _too_large(most).message)  # one that FastAPI lets through
            return message

        await self._app(scope, counted, send)

    def _most(self, scope: Scope) -> int | None:
        if scope["type"] != "http" or not scope["path"].startswith(self._prefix):
            return None
        address = scope["path"].rstrip("/")
        most: int | None = self.most
        if address in self._larger:
            mb = self._larger[address]
            most = None if mb is None else mb + 1 << 20  # one more for what stands around a file
        nobody = scope.get("state", {}).get("who") is None
        return self.most_of_nobody if nobody and most is not None else most


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"The body has more than {most} bytes.")


class Slice(BaseModel, Generic[T]):
    """One page of a listing: ask again with `cursor=next` for more; `next` is null at the end."""

    items: list[T]
    next: str | None = None


def caller(request: Request) -> Any:
    """The actor of a request (a `security.Who`), put there by the sign-in middleware; 401 without."""
    who = getattr(request.state, "who", None)
    if who is None:
        raise Unauthorised("Nobody is signed in.", hint="Send 'Authorization: Bearer <token>' or sign in.")
    return who


def pack_cursor(*parts: str | int) -> str:
    """An opaque cursor from the keys of the last row shown."""
    return base64.urlsafe_b64encode(encode(parts)).decode().rstrip("=")


def unpack_cursor(cursor: str) -> list[Any]:
    """The keys inside a cursor; Invalid when it was tampered with."""
    try:
        keys: list[Any] = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return keys
    except (ValueError, msgspec.DecodeError) as error:
        raise Invalid(
            f"{cursor!r} is not a cursor of ours.", hint="Pass `next` of the page before, unchanged."
        ) from error


def speak(prefix: str, dialect: Dialect) -> None:
    """From now on have errors of all addresses that begin so leave in a protocol's own words."""
    _DIALECTS[prefix] = dialect


def problem(error: PlatformError, instance: str) -> JSONResponse:
    """An error as RFC 9457 problem details, or in the words of the protocol that is spoken at that address."""
    for prefix, dialect in _DIALECTS.items():
        if instance.startswith(prefix):
            return dialect(error)
    body = {
        "type": f"urn:lineshaft:error:{error.code}",
        "title": error.message,
        "status": error.status,
        "code": error.code,
        "hint": error.hint,
        "instance": instance,
    }
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
    return JSONResponse(body, status_code=error.status, headers=headers, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Make an application answer errors our way."""

    @app.exception_handler(PlatformError)
    async def platform(request: Request, error: PlatformError) -> JSONResponse:
        return problem(error, request.url.path)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(p) for p in first["loc"])
        return problem(
            Invalid(f"{place}: {first['msg']}.", hint="See /api/docs for what is expected."), request.url.path
        )

    @app.exception_handler(StarletteHTTPException)
    async def plain(request: Request, error: StarletteHTTPException) -> JSONResponse:
        told = PlatformError(str(error.detail))
        told.status = error.status_code  # type: ignore[misc]
        return problem(told, request.url.path)

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        log.error("a request failed", path=request.url.path, error=str(error), kind=type(error).__name__)
        return problem(Internal("Something went wrong on our side.", hint="See the log."), request.url.path)
