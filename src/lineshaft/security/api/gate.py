"""Stands before every request: finds out who asks, turns other sites away, adds safe headers.

An actor comes from `Authorization: Bearer ls_…` (or `Token ls_…`, as Telegraf writes it), else from the
session cookie. A request that changes something and is not made with a token must come from our own
pages, and so must every socket opened with a cookie; `Origin` is what browsers cannot be talked out of.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lineshaft.kernel.errors import PlatformError, Unauthorised
from lineshaft.kernel.http import problem
from lineshaft.security.errors import CrossSite, TokenRefused
from lineshaft.security.model import Who
from lineshaft.security.service import Security, nobody

COOKIE = "lineshaft_session"
_READING = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}

# NiceGUI compiles Vue templates in the browser and styles elements in place, hence the two `unsafe-`.
_POLICY = "; ".join((
    "default-src 'self'",
    "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "worker-src 'self' blob:",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
))  # fmt: skip
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # stricter ones make browsers send `Origin: null` with our own forms
    "cross-origin-opener-policy": "same-origin",
    "strict-transport-security": "max-age=31536000",
}
_SAFE = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
"""The last is for TLS only."""

Identify = Callable[[HTTPConnection], Awaitable[Who | None]]
Refuse = Callable[[PlatformError, str], ASGIApp]
"""How an error is told to who asked for an address."""


def identifier(security: Security) -> Identify:
    """Who makes a request, now; None for nobody. Raises TokenRefused for a token that is none."""

    async def identify(connection: HTTPConnection) -> Who | None:
        origin = origin_of(connection)
        authorization = connection.headers.get("authorization", "")
        if authorization:
            return await _of_token(security, authorization, origin)
        secret = connection.cookies.get(COOKIE)
        return await security.standings.of_session(secret, origin) if secret else None

    return identify


async def _of_token(security: Security, authorization: str, origin: str) -> Who:
    scheme, _, text = authorization.partition(" ")
    if scheme.lower() not in ("bearer", "token"):
        raise Unauthorised(f"{scheme[:20]!r} is not a way to sign in here.", hint="Send 'Authorization: Bearer ls_…'.")
    try:
        return await security.standings.of_token(text.strip(), origin)
    except TokenRefused:
        await security.guard.deny(nobody(origin), "security.token.use", "", subject="token")
        raise


class Gate:
    """The middleware; `refuse` tells refusals in the words of what stands behind it."""

    def __init__(self, app: ASGIApp, security: Security, public_url: str = "", refuse: Refuse = problem) -> None:
        self._app = app
        self._refuse = refuse
        self._identify = identifier(security)
        self._public = _place(public_url) if public_url else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with `request.state.who`, or answer it here."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        try:
            who = await self._identify(connection)
            self._check_site(connection)
        except PlatformError as error:
            await _refuse(self._refuse, error, scope, receive, _with_headers(send, connection))
            return
        scope.setdefault("state", {})["who"] = who
        await self._app(scope, receive, _with_headers(send, connection))

    def _check_site(self, connection: HTTPConnection) -> None:
        headers = connection.headers
        changing = connection.scope["type"] == "websocket" or connection.scope["method"] not in _READING
        if not changing or "authorization" in headers or self._is_ours(headers, scheme=connection.url.scheme):
            return
        if COOKIE in connection.cookies or _says_where_from(headers):
            raise CrossSite("The request comes from a page of another site.")

    def _is_ours(self, headers: Headers, *, scheme: str) -> bool:
        told = headers.get("origin") or headers.get("referer")
        if not told:
            return headers.get("sec-fetch-site") in ("same-origin", "none")
        ours = {_place(f"{scheme}://{headers.get('host', '')}"), self._public}
        return _place(told) in ours or _place(told, scheme) in ours


def _says_where_from(headers: Headers) -> bool:
    return any(name in headers for name in ("origin", "referer", "sec-fetch-site"))


def _place(address: str, scheme: str = "") -> tuple[str, int]:
    """Host and port of an address; `scheme` is what a proxy made of it."""
    try:
        parts = urlsplit(address)
        return (parts.hostname or "", parts.port or _DEFAULT_PORTS.get(scheme or parts.scheme, 0))
    except ValueError:
        return ("", 0)


def is_secure(connection: HTTPConnection, public_url: str = "") -> bool:
    """Whether the browser reached us through TLS."""
    return connection.url.scheme in ("https", "wss") or public_url.startswith("https://")


def origin_of(connection: HTTPConnection) -> str:
    """The address a request came from."""
    return connection.client.host if connection.client else ""


async def _refuse(refuse: Refuse, error: PlatformError, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": error.message[:100]})
        return
    await refuse(error, scope["path"])(scope, receive, send)


def _with_headers(send: Send, connection: HTTPConnection) -> Send:
    safe = _SAFE if connection.scope.get("scheme") in ("https", "wss") else _SAFE[:-1]

    async def send_safely(message: Message) -> None:
        if message["type"] == "http.response.start":
            told = list(message.get("headers", ()))
            names = {name for name, _ in told}
            message["headers"] = told + [pair for pair in safe if pair[0] not in names]
        await send(message)

    return send_safely
