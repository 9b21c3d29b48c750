"""Questions to the store, answered in this process or by the one that owns the embedded engine.

The embedded engine belongs to one process. There a `LocalStore` answers; every other role holds a
`RemoteStore`, which asks the owner over the bus. Both have the one method `ask`, so nobody needs to
know which it has. A cluster needs no owner: there every role holds a `LocalStore`.

On the bus a question is msgpack (SQL, parameters) on `lineshaft.telemetry.ask`, the answer an Arrow
stream. What does not fit into one message is fetched piece by piece from `lineshaft.telemetry.rest`.
Questions run on handles that can only read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec
import pyarrow as pa

from lineshaft.kernel.bus import Bus
from lineshaft.kernel.errors import NotFound
from lineshaft.kernel.ids import new_id
from lineshaft.kernel.tasks import Threads, in_thread

from .engine import READERS, Engine

_ASK = "lineshaft.telemetry.ask"
_REST = "lineshaft.telemetry.rest"
_PIECE = 4_000_000
_KEEP_S = 30.0


class Store(Protocol):
    """Whoever can answer questions about samples."""

    async def ask(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """The result of a SELECT as an Arrow table."""


class LocalStore:
    """Answers from an engine in this process, or from a cluster; questions queue for a few threads of their own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._threads = Threads("store", READERS)

    async def ask(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """The result of a SELECT as an Arrow table."""
        return await self._threads.run(self._engine.query, sql, parameters)


class RemoteStore:
    """Asks the process that owns the embedded engine."""

    def __init__(self, bus: Bus, *, within_s: float = 40.0) -> None:
        self._bus = bus
        self._within_s = within_s

    async def ask(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """The result of a SELECT; errors of the owner are raised here as they were there."""
        first = await self._piece(_ASK, (sql, dict(parameters or {})))
        rest = [await self._piece(_REST, (first.key, number)) for number in range(1, first.pieces)]
        body = b"".join(piece.data for piece in (first, *rest))
        return pa.ipc.open_stream(pa.py_buffer(body)).read_all()

    async def _piece(self, subject: str, request: object) -> _Piece:
        reply = await self._bus.ask(subject, msgspec.msgpack.encode(request), within_s=self._within_s)
        return msgspec.msgpack.decode(reply, type=_Piece)


class _Piece(msgspec.Struct):
    """A part of an answer; the first one tells how many there are and where the rest is."""

    data: bytes
    key: str = ""
    pieces: int = 1


class Desk:
    """Answers questions of other processes on the bus; runs where the engine is."""

    def __init__(self, bus: Bus, store: LocalStore) -> None:
        self._bus = bus
        self._store = store
        self._rest: dict[str, bytes] = {}

    async def open(self) -> None:
        """Begin to answer."""
        await self._bus.answer(_ASK, self._first)
        await self._bus.answer(_REST, self._more)

    async def _first(self, request: bytes) -> bytes:
        """The answer, or its first piece with a note of where the rest is."""
        sql, parameters = msgspec.msgpack.decode(request, type=tuple[str, dict[str, Any]])
        table = await self._store.ask(sql, parameters)
        body = await in_thread(_stream, table)
        if len(body) <= _PIECE:
            return msgspec.msgpack.encode(_Piece(data=body))
        key = new_id()
        self._rest[key] = body
        asyncio.get_running_loop().call_later(_KEEP_S, self._rest.pop, key, None)
        return msgspec.msgpack.encode(_Piece(data=body[:_PIECE], key=key, pieces=-(-len(body) // _PIECE)))

    async def _more(self, request: bytes) -> bytes:
        key, number = msgspec.msgpack.decode(request, type=tuple[str, int])
        if key not in self._rest:
            raise NotFound("The rest of this answer is gone.", hint="Ask the question again.")
        start = number * _PIECE
        return msgspec.msgpack.encode(_Piece(data=self._rest[key][start : start + _PIECE]))


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())
