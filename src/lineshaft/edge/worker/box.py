"""The edge box: holds the sessions with the machines and answers for them on the bus.

lineshaft.edge.<edge>.do       questions: read, write, call, browse, test (see service.py, commands.py)
lineshaft.edge.<edge>.health   told every second

Several boxes may share a catalogue: each runs the connections that name it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from lineshaft.edge.connectors import Connector, Host, Node, Problem, Readings, Tag
from lineshaft.edge.errors import NoConnection, NoTag
from lineshaft.edge.events import ConnectionBack, ConnectionChanged, ConnectionLost, ConnectionRemoved
from lineshaft.edge.limits import checked, writable
from lineshaft.edge.model import BoxReport, CallResult, Connection, Health, Seen, State, WriteResult
from lineshaft.edge.settings import EdgeSettings, build
from lineshaft.edge.store import ConnectionStore
from lineshaft.kernel.bus import Bus, Front, Message
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import Invalid, PlatformError, Unavailable
from lineshaft.kernel.ids import new_id
from lineshaft.kernel.log import get_log
from lineshaft.kernel.outbox import on_fact
from lineshaft.kernel.tasks import Crew
from lineshaft.kernel.terms import PlantPath, Quality, Value
from lineshaft.kernel.wire import decode, encode

from .outlet import Outlet
from .runner import Runner, bad, value_at

log = get_log("edge")
_TEST_S = 4.0
_RIVAL_S = 5.0
"""A box of our name that was silent for so long has gone."""


class Question(msgspec.Struct, kw_only=True):
    """What the service asks a box to do."""

    verb: str
    name: str = ""
    connector: str = ""
    raw: dict[str, Any] = {}
    address: str = ""
    path: str = ""
    value: Value | None = None
    within_s: float = 5.0
    arguments: list[Value] = []


class EdgeBox:
    """All connections of one edge; changes of configuration reach only the connection they concern."""

    def __init__(
        self, settings: EdgeSettings, *, organisation: str, bus: Bus, front: Front | None, db: Database, folder: Path
    ) -> None:
        self._settings = settings
        self._organisation = organisation
        self._bus = bus
        self._db = db
        self._store = ConnectionStore(db)
        self._host = Host(folder=folder, edge=settings.name, front=front)
        self.outlet = Outlet(
            bus,
            organisation=organisation,
            edge=settings.name,
            batch_ms=settings.batch_ms,
            buffer_samples=settings.buffer_samples,
        )
        self._runners: dict[str, Runner] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._versions: dict[str, int] = {}
        self._idle: dict[str, Health] = {}
        self._elsewhere: set[str] = set()
        self._boot = new_id()
        self._rival_at = -_RIVAL_S
        self._retired: dict[str, int] = {}
        """When tags that nobody reads any more were told to be out of service."""
        self._crew = Crew("edge")
        self._changing = asyncio.Lock()

    async def run(self) -> None:
        """Run until cancelled; on the way out machines are let go first, then the last batches leave."""
        subject = f"lineshaft.edge.{self._settings.name}"
        answering = await self._bus.answer(f"{subject}.do", self._answer)
        outlet = asyncio.create_task(self.outlet.run(), name="outlet")
        self._crew.keep(
            "changed", lambda: on_fact(self._bus, ConnectionChanged, f"edge-{self._settings.name}", self._changed)
        )
        self._crew.keep(
            "removed", lambda: on_fact(self._bus, ConnectionRemoved, f"edge-{self._settings.name}", self._removed)
        )
        listening = await self._bus.listen(f"{subject}.health", self._heard)
        self._crew.every("health", timedelta(seconds=1), lambda: self._bus.send(f"{subject}.health", self._report()))
        self._crew.every("follow", timedelta(seconds=30), self._follow)
        try:
            await self._store.claim(self._settings.name)
            await self._follow()
            await asyncio.shield(outlet)  # a cancellation meant for us would end the outlet before the machines
        finally:
            with contextlib.suppress(Exception):  # the bus may be away; started again, nothing may be done twice
                await answering.unsubscribe()
                await listening.unsubscribe()
            await self._crew.stop()
            for name in list(self._runners):
                await self._stop(name)
            outlet.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await outlet

    def health(self) -> list[Health]:
        """Every connection of this box."""
        return [*(r.health() for r in self._runners.values()), *self._idle.values()]

    def _report(self) -> bytes:
        return encode(
            BoxReport(
                edge=self._settings.name,
                boot=self._boot,
                rival=time.monotonic() - self._rival_at < _RIVAL_S,
                blocked=self.outlet.blocked,
                health=tuple(self.health()),
            )
        )

    async def _heard(self, message: Message) -> None:
        """Notice reports under our name that are not ours."""
        if decode(message.data, BoxReport).boot == self._boot:
            return
        if time.monotonic() - self._rival_at >= _RIVAL_S:
            log.error("another edge box has our name, and both run its connections", edge=self._settings.name)
        self._rival_at = time.monotonic()

    # ---- following the configuration ----

    async def _changed(self, fact: ConnectionChanged) -> None:
        del fact
        await self._follow()

    async def _removed(self, fact: ConnectionRemoved) -> None:
        del fact
        await self._follow()

    async def _follow(self) -> None:
        """Make what runs equal to what is configured."""
        async with self._changing:
            everything = await self._store.all()
            wanted = {c.name: c for c in everything if c.edge == self._settings.name}
            moved = {c.name for c in everything if c.enabled and c.name not in wanted}
            self._tell_elsewhere({c.edge for c in everything} - {self._settings.name})
            for name in [n for n in self._versions if n not in wanted]:
                runner = await self._stop(name)
                if runner is not None:
                    if name not in moved:
                        self._retire(runner)
                    await runner.forget()
            for name, connection in wanted.items():
                if self._versions.get(name) != connection.version:
                    runner = await self._stop(name)
                    self._start(connection)
                    if runner is not None:
                        self._retire(runner)

    def _tell_elsewhere(self, edges: set[str]) -> None:
        if edges - self._elsewhere:
            log.info("other boxes run some of the connections", edge=self._settings.name, others=sorted(edges))
        self._elsewhere = edges

    def _start(self, connection: Connection) -> None:
        self._versions[connection.name] = connection.version
        if not connection.enabled:
            self._idle[connection.name] = Health(
                connection=connection.name, connector=connection.connector, state=State.DISABLED
            )
            return
        try:
            built = build(connection.connector, connection.raw, organisation=self._organisation)
            runner = Runner(
                built,
                self.outlet,
                self._host,
                max_silence_s=self._settings.max_silence,
                turned=self._turned,
                bad_us=max((self._retired.pop(tag.path, 0) for tag in built.tags), default=0),
            )
        except PlatformError as error:
            log.error("a connection cannot start", connection=connection.name, error=str(error))
            self._idle[connection.name] = Health(
                connection=connection.name,
                connector=connection.connector,
                state=State.LOST,
                error=error.message,
                hint=error.hint,
            )
            return
        self._runners[connection.name] = runner
        self._tasks[connection.name] = self._crew.keep(f"connection {connection.name}", runner.run)

    async def _stop(self, name: str) -> Runner | None:
        """Let go of a connection; returns what ran."""
        self._versions.pop(name, None)
        self._idle.pop(name, None)
        runner = self._runners.pop(name, None)
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()
            await asyncio.wait([task], timeout=10)
        return runner

    def _retire(self, old: Runner) -> None:
        """Say once of every path that nobody reads any more; what was lost or never there is no exception."""
        new = self._runners.get(old.connection.name)
        gone = old.paths() if new is None else old.tags.keys() - new.tags.keys()
        last = bad(gone, Quality.BAD_OUT_OF_SERVICE)
        self._retired |= {path: int(ts) for path, ts in zip(last.paths, last.ts, strict=True) if path in old.tags}
        self._crew.start("last words", self.outlet.put(last))

    async def _turned(self, connection: Connection, state: State, error: str, away_s: float) -> None:
        fact = (
            ConnectionLost(name=connection.name, path=connection.path, error=error, at_us=now_us())
            if state is State.LOST
            else ConnectionBack(name=connection.name, path=connection.path, at_us=now_us(), away_s=away_s)
        )
        async with self._db.begin() as tx:
            await tx.announce(fact)

    # ---- answering ----

    async def _answer(self, body: bytes) -> bytes:
        question = decode(body, Question)
        match question.verb:
            case "write":
                return encode(await self._write(question))
            case "read":
                return encode(await self._read(question))
            case "call":
                return encode(await self._call(question))
            case "browse":
                return encode(await self._browse(question))
            case "test":
                return encode(await self._test(question))
        raise Invalid(f"The edge does not know how to {question.verb!r}.")

    async def _read(self, question: Question) -> Seen:
        runner, tag = self._holder(question.path)
        return await runner.read(tag, question.within_s)

    async def _call(self, question: Question) -> CallResult:
        path = PlantPath(question.path)
        for runner in self._runners.values():
            if path in runner.methods:
                return await runner.call(path, question.arguments)
        raise NoTag(f"No connection of {self._settings.name} has a method at {path}.")

    async def _write(self, question: Question) -> WriteResult:
        runner, tag = self._holder(question.path)
        writable(tag)
        if question.value is None:
            raise Invalid(f"There is no value to write to {tag.path}.")
        return await runner.write(tag, checked(tag, question.value))

    def _holder(self, path: str) -> tuple[Runner, Tag]:
        """The running connection that holds a path, and its tag."""
        for runner in self._runners.values():
            tag = runner.tags.get(path)  # type: ignore[call-overload]
            if tag is not None:
                return runner, tag
        raise NoTag(f"No connection of {self._settings.name} holds {path}.")

    async def _browse(self, question: Question) -> list[Node]:
        if question.name:
            if question.name not in self._runners:
                raise NoConnection(f"There is no running connection {question.name!r}.")
            return await asyncio.wait_for(self._runners[question.name].browse(question.address), 20)
        async with self._trial(question) as connector:
            return await asyncio.wait_for(connector.browse(question.address), 20)

    async def _test(self, question: Question) -> list[Seen]:
        async with self._trial(question) as connector:
            if connector.subscribes:
                return await _listen(connector)
            rows = await asyncio.wait_for(connector.read(connector.plan(connector.tags)), 10)
            return _seen(rows)

    @contextlib.asynccontextmanager
    async def _trial(self, question: Question) -> Any:
        """A connector opened only to look, beside whatever runs."""
        built = build(question.connector, {"name": "test", **question.raw}, organisation=self._organisation)
        connector = built.connector()
        connector.host = replace(self._host, trial=True)
        try:
            await asyncio.wait_for(connector.connect(), 10)
            yield connector
        except TimeoutError as error:
            raise Unavailable(
                "The machine did not answer in time.", hint="Check address, port and firewall."
            ) from error
        finally:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(connector.close(), 5)


class _Glance:
    """A sink that keeps the first look at every path."""

    def __init__(self) -> None:
        self.seen: dict[str, Seen] = {}

    async def put(self, readings: Readings) -> None:
        for seen in _seen(readings):
            self.seen[seen.path] = seen

    async def flush(self) -> None:
        """A test acknowledges nothing: nothing was stored."""
        raise Unavailable("A test does not take messages.")

    def trouble(self, problem: Problem) -> None:
        self.seen[problem.path] = Seen(
            path=problem.path, value=None, quality=0x82, ts_us=now_us(), message=str(problem.message)
        )


async def _listen(connector: Connector[Any]) -> list[Seen]:
    glance = _Glance()
    task = asyncio.create_task(connector.subscribe(glance))
    loop = asyncio.get_running_loop()
    until = loop.time() + _TEST_S
    while loop.time() < until and not task.done():
        await asyncio.sleep(0.1)
        if connector.tags and len(glance.seen) >= len(connector.tags):
            break
    task.cancel()
    result = (await asyncio.gather(task, return_exceptions=True))[0]
    if not glance.seen and isinstance(result, PlatformError):
        raise result
    return list(glance.seen.values())


def _seen(readings: Readings) -> list[Seen]:
    return [
        Seen(
            path=readings.paths[readings.index[row]],
            value=value_at(readings, row),
            quality=int(readings.quality[row]),
            ts_us=int(readings.ts[row]),
        )
        for row in range(min(len(readings), 500))
    ]
