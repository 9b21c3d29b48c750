"""The AAS API as one lean ASGI application: find the handler, answer, tell errors as Results.

It stands beside the rest of the web side and not inside it: a read of a submodel goes through the sign-in gate,
one look-up in a tree of addresses and the repository, and through nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send

from lineshaft.kernel.errors import NotFound, PlatformError, Unauthorised
from lineshaft.kernel.log import get_log
from lineshaft.twins.metamodel import Dialect

from .call import Answer, Call
from .results import JSON, headers_of, result
from .services import Services
from .tree import Tree

log = get_log("aas")


class Server:
    """Serves one tree of addresses per version."""

    def __init__(self, services: Services, mounts: Mapping[str, tuple[Dialect, Tree]]) -> None:
        self._services = services
        self._mounts = {mount: (dialect, tree) for mount, (dialect, tree) in mounts.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; what goes wrong is told, never raised."""
        method = scope["method"]
        try:
            answer = await self._answer(scope, receive)
        except PlatformError as error:
            answer = Answer(status=error.status, body=result(str(error), error.status), headers=headers_of(error))
        except Exception as error:
            log.error("a request failed", path=scope["path"], error=str(error), kind=type(error).__name__)
            answer = Answer(status=500, body=result("Something went wrong on our side. See the log.", 500))
        if answer.etag and answer.status == HTTPStatus.OK and _known(scope, answer.etag):
            answer = Answer(status=HTTPStatus.NOT_MODIFIED, etag=answer.etag)
        await _send(answer, send, with_body=method != "HEAD")

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        who = scope["state"].get("who")
        if who is None:
            raise Unauthorised("Nobody is signed in.", hint="Send 'Authorization: Bearer <token>'.")
        path: str = scope["path"]
        mount = path[: path.find("/", 5)] if "/" in path[5:] else path
        if mount not in self._mounts:
            raise NotFound(f"There is no {mount[:80]!r}.", hint=f"There are {' and '.join(self._mounts)}.")
        dialect, tree = self._mounts[mount]
        handler, names = tree.find(scope["method"], path[len(mount) :])
        return await handler(Call(who, dialect, self._services, scope, receive, names, mount))


def _known(scope: Scope, etag: str) -> bool:
    """Whether the caller has what it asks for already (If-None-Match)."""
    if scope["method"] not in ("GET", "HEAD"):
        return False
    for name, value in scope["headers"]:
        if name == b"if-none-match":
            told = value.decode("latin-1")
            return told.strip() == "*" or etag in (one.strip(' "').removeprefix('W/"') for one in told.split(","))
    return False


async def _send(answer: Answer, send: Send, *, with_body: bool) -> None:
    headers = [(name.encode(), value.encode("latin-1", "replace")) for name, value in answer.headers]
    if answer.etag:
        headers.append((b"etag", b'"%b"' % answer.etag.encode()))
    if answer.status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
        headers.append((b"content-length", b"%d" % len(answer.body)))
        if answer.body:
            headers.append((b"content-type", answer.media.encode("latin-1", "replace")))
    await send({"type": "http.response.start", "status": int(answer.status), "headers": headers})
    await send({"type": "http.response.body", "body": answer.body if with_body else b""})


def refusal(error: PlatformError, _address: str) -> ASGIApp:
    """How the sign-in gate tells a refusal to a client of the AAS API."""
    told = Answer(status=error.status, body=result(str(error), error.status), headers=headers_of(error), media=JSON)

    async def answer(scope: Scope, _receive: Receive, send: Send) -> None:
        await _send(told, send, with_body=scope["method"] != "HEAD")

    return answer
