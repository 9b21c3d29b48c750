"""What is asked of a machine that runs: a value now, a value to set, a method to call.

The box that holds the machine's session is asked over the bus; who may, and what became of it, is seen to here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeAlias

from lineshaft.kernel.clock import now_us
from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import Invalid, PlatformError
from lineshaft.kernel.ids import new_id
from lineshaft.kernel.terms import PlantPath, Value
from lineshaft.kernel.wire import decode
from lineshaft.security import Guard, Role, Who

from .connectors import Tag
from .events import SetpointWritten
from .limits import checked
from .model import CallResult, Seen, WriteResult

WriteCheck: TypeAlias = Callable[[Who, PlantPath, Value], Awaitable[None]]
"""Looks at a value about to be written to a path; raises a PlatformError when it must not be."""
WRITE_WITHIN_S = 20.0
LONGEST_READ_S = 30.0


class Box(Protocol):
    """How boxes are asked: which one reads a path, and what it answers."""

    async def reader(self, path: str) -> str:
        """The box that reads a tag."""

    async def tag(self, path: str) -> Tag:
        """The tag at a path, when it may be written."""

    async def caller(self, path: str) -> str:
        """The box that calls a method; NoTag when no connection names it."""

    async def do(self, edge: str, question: dict[str, Any], *, within_s: float) -> bytes:
        """The answer of a box to a question."""


class Commands:
    """Reads and writes single values, at once. Others may have a say in what is written (`checks`)."""

    def __init__(self, guard: Guard, box: Box, db: Database) -> None:
        self._guard = guard
        self._box = box
        self._db = db
        self.checks: list[WriteCheck] = []

    async def read(self, who: Who, path: str, *, within_s: float) -> Seen:
        """Ask the machine for a value; Timeout when it did not answer within the time given."""
        place = PlantPath.parse(path)
        await self._guard.require(who, Role.VIEWER, place, "edge.read")
        if not 0 < within_s <= LONGEST_READ_S:
            raise Invalid(f"A machine has above 0 and at most {LONGEST_READ_S:g} s to answer, not {within_s:g} s.")
        question = {"verb": "read", "path": path, "within_s": within_s}
        edge = await self._box.reader(path)
        return decode(await self._box.do(edge, question, within_s=within_s + 0.5), Seen)

    async def write(self, who: Who, path: str, value: Value) -> WriteResult:
        """Set a value and read it back; every attempt is in the audit log, also a refused one."""
        place = PlantPath.parse(path)
        await self._guard.require(who, Role.OPERATOR, place, "edge.write")
        try:
            result = await self._write(who, place, value)
        except PlatformError as error:
            await self._guard.record(who, "edge.write", path, after={"asked": value, "failed": error.message})
            raise
        async with self._db.begin() as tx:
            told = {"asked": value, "read_back": result.read_back}
            await self._guard.record(who, "edge.write", path, after=told, tx=tx)
            await tx.announce(
                SetpointWritten(id=new_id(), path=path, value=str(value)[:200], by=who.name[:120], at_us=now_us())
            )
        return result

    async def call(self, who: Who, path: str, arguments: Sequence[Value]) -> CallResult:
        """Call a method; every attempt is in the audit log, also a refused one."""
        place = PlantPath.parse(path)
        await self._guard.require(who, Role.OPERATOR, place, "edge.call")
        said: dict[str, Any] = {"arguments": list(arguments)}
        try:
            edge = await self._box.caller(place)
            question = {"verb": "call", "path": path, "arguments": list(arguments)}
            result = decode(await self._box.do(edge, question, within_s=WRITE_WITHIN_S), CallResult)
        except PlatformError as error:
            await self._guard.record(who, "edge.call", path, after=said | {"failed": error.message})
            raise
        await self._guard.record(who, "edge.call", path, after=said | {"outputs": list(result.outputs)})
        return result

    async def check_call(self, who: Who, path: str) -> None:
        """Raise what would keep a method from being called, as far as that is known without the machine."""
        await self._guard.require(who, Role.OPERATOR, PlantPath.parse(path), "edge.call")
        await self._box.caller(path)

    async def check(self, who: Who, path: str, value: Value) -> None:
        """Raise what would keep a value from being written, as far as that is known without the machine."""
        place = PlantPath.parse(path)
        await self._guard.require(who, Role.OPERATOR, place, "edge.write")
        checked(await self._box.tag(place), value)
        for check in self.checks:
            await check(who, place, value)

    async def _write(self, who: Who, place: PlantPath, value: Value) -> WriteResult:
        for check in self.checks:
            await check(who, place, value)
        question = {"verb": "write", "path": str(place), "value": value}
        edge = await self._box.reader(place)
        return decode(await self._box.do(edge, question, within_s=WRITE_WITHIN_S), WriteResult)
