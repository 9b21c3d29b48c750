"""Questions to the store: small structs that know how to answer themselves from an engine.

The embedded engine belongs to one process. There a `LocalStore` answers; every other role holds a
`RemoteStore`, which asks the owner over the bus. Both have the one method `ask`, so nobody needs to
know which it has. A cluster needs no owner: there every role holds a `LocalStore`.

    class NewestRows(Question, frozen=True, kw_only=True):
        series: tuple[int, ...]

        def answer(self, engine: Engine) -> pa.Table: ...

    table = await store.ask(NewestRows(series=(1, 2)))

On the bus a question is msgpack on `lineshaft.telemetry.ask.<class name>`, the answer an Arrow stream.
What does not fit into one message is fetched piece by piece from `lineshaft.telemetry.rest`.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import ClassVar, Protocol

import msgspec
import pyarrow as pa

from lineshaft.kernel.bus import Bus
from lineshaft.kernel.errors import NotFound
from lineshaft.kernel.ids import new_id
from lineshaft.kernel.tasks import in_thread

from .engine import Engine

_ASK = "lineshaft.telemetry.ask"
_REST = "lineshaft.telemetry.rest"
_PIECE = 4_000_000
_KEEP_S = 30.0
_WITHIN_S = 40.0


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A question to the store; subclasses are its fields and an `answer`, which runs in a thread of the owner."""

    kinds: ClassVar[dict[str, type[Question]]] = {}

    def __init_subclass__(cls, **_options: object) -> None:
        Question.kinds[cls.__name__] = cls

    def answer(self, engine: Engine) -> pa.Table:
        """Look it up."""
        raise NotFound(f"The store has no answer to {type(self).__name__}.")


class Store(Protocol):
    """Whoever can answer questions about samples."""

    async def ask(self, question: Question) -> pa.Table:
        """The answer as an Arrow table."""


class LocalStore:
    """Answers from an engine in this process, or from a cluster."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def ask(self, question: Question) -> pa.Table:
        """The answer as an Arrow table."""
        return await in_thread(question.answer, self._engine)


class RemoteStore:
    """Asks the process that owns the embedded engine."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def ask(self, question: Question) -> pa.Table:
        """The answer as an Arrow table; errors of the owner are raised here as they were there."""
        subject = f"{_ASK}.{type(question).__name__}"
        reply = await self._bus.ask(subject, msgspec.msgpack.encode(question), within_s=_WITHIN_S)
        first: _Piece = msgspec.msgpack.decode(reply, type=_Piece)
        body = [first.data]
        for number in range(1, first.pieces):
            more = await self._bus.ask(_REST, msgspec.msgpack.encode((first.key, number)), within_s=_WITHIN_S)
            body.append(msgspec.msgpack.decode(more, type=_Piece).data)
        return pa.ipc.open_stream(pa.py_buffer(b"".join(body))).read_all()


class _Piece(msgspec.Struct):
    """A part of an answer; the first one tells how many there are and where the rest is."""

    data: bytes
    key: str = ""
    pieces: int = 1


class Desk:
    """Answers questions of other processes on the bus; runs where the engine is."""

    def __init__(self, bus: Bus, engine: Engine) -> None:
        self._bus = bus
        self._engine = engine
        self._rest: dict[str, bytes] = {}

    async def open(self) -> None:
        """Begin to answer."""
        for name, kind in Question.kinds.items():
            await self._bus.answer(f"{_ASK}.{name}", partial(self._reply, kind), queue="telemetry")
        await self._bus.answer(_REST, self._more)

    async def _reply(self, kind: type[Question], request: bytes) -> bytes:
        """The answer, or its first piece with a note of where the rest is."""
        question = msgspec.msgpack.decode(request, type=kind)
        body = await in_thread(_answer_bytes, question, self._engine)
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


def _answer_bytes(question: Question, engine: Engine) -> bytes:
    table = question.answer(engine)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())
