"""Values as they change: a WebSocket with subscriptions, and server-sent events for simple readers.

The socket speaks JSON, one object a message:

    → {"type": "token", "token": "ls_…"}                      first, unless a header or ?token= said it
    → {"type": "subscribe", "id": "a", "paths": ["…"]}        or "subtree", or "pattern"; ids are the client's
    ← {"type": "values", "id": "a", "values": [{"path", "ts", "value", "quality"}]}
    → {"type": "unsubscribe", "id": "a"}
    → {"type": "ping"}                                        ← {"type": "pong"}
    ← {"type": "error", "id": "a", "code", "message", "hint"}

The first list holds the newest values, later ones what changed, at most every 50 ms. A client that reads
slowly gets the newest value of each series, late, and never a backlog.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from lineshaft.kernel.errors import Invalid, PlatformError, Unauthorised
from lineshaft.kernel.http import caller
from lineshaft.security import Who
from lineshaft.telemetry.model import Latest, Selection
from lineshaft.telemetry.service import Live

Caller = Annotated[Who, Depends(caller)]
Identify = Callable[[HTTPConnection], Awaitable[Who | None]]
COALESCE_S = 0.05
MOST_SUBSCRIPTIONS = 100
SIGN_IN_WITHIN_S = 10.0
SEND_WITHIN_S = 30.0
QUIET_S = 15.0
_REFUSED = 1008


class _Ask(msgspec.Struct):
    """A message of a client."""

    type: str
    id: str = ""
    paths: list[str] = []
    subtree: str | None = None
    pattern: str = ""
    limit: int = 1_000
    token: str = ""


def router(live: Live, identify: Identify) -> APIRouter:
    """Routes below /api/v1."""
    api = APIRouter()

    @api.websocket("/live")
    async def socket(websocket: WebSocket) -> None:
        """Subscribe to values (see the module for the messages)."""
        await websocket.accept()
        await _Conversation(websocket, live, identify).run()

    @api.get("/live/events", response_class=StreamingResponse)
    async def events(
        who: Caller,
        path: Annotated[list[str] | None, Query()] = None,
        subtree: str | None = None,
        pattern: str = "",
        limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000,
    ) -> StreamingResponse:
        """Values as server-sent events `values`: the newest first, then what changes."""
        asked = Selection(paths=tuple(path or ()), subtree=subtree, pattern=pattern, limit=limit)
        await live.latest(who, asked)  # refuses before the stream begins
        return StreamingResponse(
            _events(live.watch(who, asked, coalesce_s=COALESCE_S)),
            media_type="text/event-stream",
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )

    return api


class _Conversation:
    """One socket: what it subscribed to, one task each."""

    def __init__(self, websocket: WebSocket, live: Live, identify: Identify) -> None:
        self._socket = websocket
        self._live = live
        self._identify = identify
        self._watching: dict[str, asyncio.Task[None]] = {}
        self._turn = asyncio.Lock()

    async def run(self) -> None:
        """Talk until one side ends it."""
        try:
            who = await self._who()
            while True:
                await self._handle(who, await self._next())
        except (WebSocketDisconnect, TimeoutError):
            pass
        except PlatformError as error:
            await self._part(error)
        finally:
            for task in self._watching.values():
                task.cancel()
            await asyncio.gather(*self._watching.values(), return_exceptions=True)
            if self._socket.application_state is WebSocketState.CONNECTED:
                with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                    await self._socket.close()

    async def _who(self) -> Who:
        """By header or cookie, by ?token=, else by the first message."""
        who: Who | None = getattr(self._socket.state, "who", None)
        if who is not None:
            return who
        token = self._socket.query_params.get("token", "")
        if not token:
            async with asyncio.timeout(SIGN_IN_WITHIN_S):
                ask = await self._next()
            token = ask.token if ask.type == "token" else ""
        if not token:
            raise Unauthorised("Nobody is signed in.", hint='Send {"type": "token", "token": "ls_…"} first.')
        scope = {**self._socket.scope, "headers": [(b"authorization", f"Bearer {token}".encode())]}
        found = await self._identify(HTTPConnection(scope))
        if found is None:
            raise Unauthorised("The token is not known.", hint="Make one under Settings, Tokens.")
        return found

    async def _next(self) -> _Ask:
        text = await self._socket.receive_text()
        try:
            return msgspec.json.decode(text, type=_Ask)
        except msgspec.DecodeError as error:
            raise Invalid(f"The message is not understood: {error}.", hint="See /api/docs.") from error

    async def _handle(self, who: Who, ask: _Ask) -> None:
        match ask.type:
            case "subscribe":
                await self._forget(ask.id)
                if len(self._watching) >= MOST_SUBSCRIPTIONS:
                    await self._complain(ask.id, Invalid(f"A socket has at most {MOST_SUBSCRIPTIONS} subscriptions."))
                    return
                self._watching[ask.id] = asyncio.create_task(self._watch(who, ask), name=f"live {ask.id}")
            case "unsubscribe":
                await self._forget(ask.id)
                await self._send({"type": "unsubscribed", "id": ask.id})
            case "ping":
                await self._send({"type": "pong"})
            case "token":
                return
            case other:
                error = Invalid(f"{other!r} is not a message.", hint="Use subscribe, unsubscribe or ping.")
                await self._complain(ask.id, error)

    async def _watch(self, who: Who, ask: _Ask) -> None:
        try:
            asked = Selection(paths=tuple(ask.paths), subtree=ask.subtree, pattern=ask.pattern, limit=ask.limit)
            await self._send({"type": "subscribed", "id": ask.id})
            async for values in self._live.watch(who, asked, coalesce_s=COALESCE_S):
                await self._send({"type": "values", "id": ask.id, "values": shown(values)})
        except Unauthorised as error:
            await self._part(error)
        except PlatformError as error:
            await self._complain(ask.id, error)
        except (TimeoutError, WebSocketDisconnect, RuntimeError):
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await self._socket.close()  # wakes the reader, which cleans up

    async def _forget(self, name: str) -> None:
        task = self._watching.pop(name, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _complain(self, name: str, error: PlatformError) -> None:
        await self._send(
            {"type": "error", "id": name, "code": error.code, "message": error.message, "hint": error.hint}
        )

    async def _part(self, error: PlatformError) -> None:
        """Say why, and close."""
        with contextlib.suppress(RuntimeError, WebSocketDisconnect, TimeoutError):
            await self._complain("", error)
            await self._socket.close(_REFUSED, error.message[:100])

    async def _send(self, message: dict[str, Any]) -> None:
        """Wait for a slow client, but not for ever."""
        body = msgspec.json.encode(message).decode()
        async with asyncio.timeout(SEND_WITHIN_S), self._turn:
            await self._socket.send_text(body)


def shown(values: Sequence[Latest]) -> list[dict[str, Any]]:
    """Newest values as JSON objects."""
    return [
        {"path": str(one.path), "ts": one.ts, "value": one.value, "quality": one.quality.name.lower()} for one in values
    ]


async def _events(changes: AsyncIterator[list[Latest]]) -> AsyncIterator[bytes]:
    """Server-sent events, with a comment now and then so that proxies keep the line open."""
    pending = asyncio.ensure_future(anext(changes))
    try:
        while True:
            done, _ = await asyncio.wait({pending}, timeout=QUIET_S)
            if not done:
                yield b": quiet\n\n"
                continue
            try:
                values = pending.result()
            except PlatformError as error:
                problem = {"code": error.code, "message": error.message, "hint": error.hint}
                yield b"event: error\ndata: " + msgspec.json.encode(problem) + b"\n\n"
                return
            yield b"event: values\ndata: " + msgspec.json.encode(shown(values)) + b"\n\n"
            pending = asyncio.ensure_future(anext(changes))
    finally:
        pending.cancel()
