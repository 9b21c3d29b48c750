"""Runs one connection: schedule, time-outs, back-off, quality, health; the connector only talks.

connect ──▶ good ──▶ subscribe, or poll each group on its drift-free beat
   ▲          │ Unavailable, time-out, any fault of the connector
   └─ back-off┘ lost: said once, every tag gets one bad sample
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np

from lineshaft.edge.connectors import Connector, Host, Problem, Readings, Tag
from lineshaft.edge.errors import CannotAsk
from lineshaft.edge.model import CallResult, Connection, Health, Seen, State, Trouble, WriteResult
from lineshaft.edge.settings import Built
from lineshaft.kernel.clock import from_us, now, now_us
from lineshaft.kernel.errors import PlatformError, Timeout, Unavailable
from lineshaft.kernel.log import get_log
from lineshaft.kernel.tasks import backoff
from lineshaft.kernel.terms import PlantPath, Quality, Value
from lineshaft.kernel.units import ucum

from .changes import Changes, pick
from .outlet import Outlet
from .sieve import sieved

log = get_log("edge")
Turn = Callable[[Connection, State, str, float], Awaitable[None]]
_MOST_TROUBLES = 100
_SLOWEST_CONNECT_S = 30.0
_SILENT = (Quality.BAD_NOT_CONNECTED, Quality.BAD_DEVICE_FAILURE)
"""What a connector says of a value its machine gave no answer for."""


class Runner:
    """One connection at work. `turned` is told once when it is lost and once when it is back."""

    def __init__(
        self, built: Built, outlet: Outlet, host: Host, *, max_silence_s: float, turned: Turn, bad_us: int = 0
    ) -> None:
        self.connection = built.connection
        self.tags = {tag.path: tag for tag in built.tags}
        self._built = built
        self._outlet = outlet
        self._host = host
        self._turned = turned
        self._connector: Connector[Any] = self._fresh()
        self._changes = Changes(built.tags, polled=not self._connector.subscribes, max_silence_s=max_silence_s)
        self._health = Health(connection=self.connection.name, connector=self.connection.connector)
        self._troubles: dict[tuple[str, str], Trouble] = {}
        self._polled_troubles: set[tuple[str, str]] = set()
        self._counts: deque[tuple[float, int]] = deque()
        self._samples = self._late = self._reconnects = self._dropped = 0
        self._last_sample_us = 0
        self._lost_at = 0.0
        self._told: set[str] = set()
        self._bad_us = bad_us
        """When its values were last told to be bad because nobody could read them; 0 for never."""
        self._doubted: set[int] = set()
        """Places in the connector's list of which nothing was heard since."""

    def health(self) -> Health:
        """How this connection is now."""
        horizon = time.monotonic() - 10
        while self._counts and self._counts[0][0] < horizon:
            self._counts.popleft()
        return replace(
            self._health,
            samples=self._samples,
            rate=round(sum(n for _, n in self._counts) / 10, 1),
            last_sample=from_us(self._last_sample_us) if self._last_sample_us else None,
            reconnects=self._reconnects,
            late_polls=self._late,
            waiting=self._outlet.waiting,
            dropped=self._dropped,
            troubles=tuple(self._troubles.values()),
        )

    async def run(self) -> None:
        """Keep the connection up until cancelled."""
        for tag in self.tags.values():
            self._outlet.declare(tag.path, ucum(tag.unit))
        attempt = 0
        while True:
            began = time.monotonic()
            try:
                await self._session()
            except asyncio.CancelledError:
                await self._close()
                raise
            except Exception as error:
                await self._close()
                await self._lost(error)
            attempt = 0 if time.monotonic() - began > 30 else attempt + 1
            await asyncio.sleep(backoff(attempt, first_s=0.25, most_s=10))
            self._reconnects += 1

    async def write(self, tag: Tag, value: Value) -> WriteResult:
        """Write through the open session and read back where the connector can poll."""
        if self._health.state is not State.GOOD:
            raise Unavailable(
                f"{self.connection.name} is {self._health.state}, so {tag.path} cannot be written.",
                hint=self._health.error or "Wait until the connection is good.",
            )
        within = self._connector.settings.timeout_s
        try:
            await asyncio.wait_for(self._connector.write(tag, value), within)
        except TimeoutError as error:
            raise Timeout(
                f"{self.connection.name} did not confirm {value!r} for {tag.path} within {within:g} s.",
                hint="The machine may or may not have taken it; look at the value.",
            ) from error
        return await self._read_back(tag, value, within)

    async def read(self, tag: Tag, within: float) -> Seen:
        """Ask the machine for one value now, beside what runs; Timeout when it is silent for that long."""
        if not (self._connector.asks and self._answers):
            raise CannotAsk(f"{self.connection.name} cannot be asked for {tag.path}: it tells values by itself.")
        state = self._health.state
        if state is State.LOST:
            raise Timeout(f"{self.connection.name} does not answer: {self._health.error}", hint=self._health.hint)
        if state is not State.GOOD:
            raise Unavailable(f"{self.connection.name} is {state}, so {tag.path} cannot be read.")
        try:
            readings = await asyncio.wait_for(self._ask([tag]), within)
        except (TimeoutError, Timeout, Unavailable) as error:
            raise Timeout(
                f"{self.connection.name} did not answer for {tag.path} within {within:g} s.",
                hint="Try again, give it more time, or take the value it told last.",
            ) from error
        value, quality = value_at(readings, 0), int(readings.quality[0])
        if value is None and quality in _SILENT:
            raise Timeout(f"{self.connection.name} has no answer for {tag.path}.", hint="Look at its health.")
        return Seen(path=tag.path, value=value, quality=quality, ts_us=int(readings.ts[0]))

    @property
    def _answers(self) -> bool:
        return not self._connector.subscribes or hasattr(self._connector, "read_now")

    async def _ask(self, tags: list[Tag]) -> Readings:
        """Read tags at once, whatever the schedule."""
        reader = getattr(self._connector, "read_now", None)
        readings: Readings = await (reader(tags) if reader else self._connector.read(self._connector.plan(tags)))
        return readings

    @property
    def methods(self) -> frozenset[PlantPath]:
        """Where the methods stand that may be called."""
        return self._connector.methods

    async def call(self, path: PlantPath, arguments: Sequence[Value]) -> CallResult:
        """Call a method through the open session."""
        if self._health.state is not State.GOOD:
            hint = self._health.error or "Wait until the connection is good."
            raise Unavailable(f"{self.connection.name} is {self._health.state}, so {path} cannot be called.", hint=hint)
        within = self._connector.settings.timeout_s
        try:
            outputs = await asyncio.wait_for(self._connector.call(path, arguments), within)
        except TimeoutError as error:
            raise Timeout(
                f"{self.connection.name} did not answer the call of {path} within {within:g} s.",
                hint="The machine may or may not have done it; look at its state.",
            ) from error
        return CallResult(path=path, outputs=tuple(outputs))

    async def _read_back(self, tag: Tag, value: Value, within: float) -> WriteResult:
        if not self._answers:
            return WriteResult(
                path=tag.path, asked=value, read_back=None, applied=True, message="sent; it reports nothing back"
            )
        readings = await asyncio.wait_for(self._ask([tag]), within)
        seen = value_at(readings, 0)
        same = _same(seen, value, tag)
        message = "confirmed by reading it back" if same else f"the machine reports {seen!r} instead"
        return WriteResult(path=tag.path, asked=value, read_back=seen, applied=same, message=message)

    def paths(self) -> set[str]:
        """Everything it ever told of: its tags, and what its sessions discovered."""
        return self._told | set(self._connector.paths)

    async def forget(self) -> None:
        """The connection was removed: let the connector give up what is kept for it elsewhere."""
        try:
            await asyncio.wait_for(self._connector.forget(), 5)
        except (TimeoutError, PlatformError) as error:
            log.warning(
                "something is still kept for a removed connection", connection=self.connection.name, why=str(error)
            )

    async def browse(self, address: str) -> list[Any]:
        return await self._connector.browse(address)

    # ---- the session ----

    def _fresh(self) -> Connector[Any]:
        connector = self._built.connector()
        connector.host = replace(self._host, connection=self.connection.name)
        return connector

    async def _session(self) -> None:
        self._told.update(self._connector.paths)
        self._connector = self._fresh()
        try:
            await asyncio.wait_for(
                self._connector.connect(), max(_SLOWEST_CONNECT_S, self._connector.settings.timeout_s)
            )
        except TimeoutError as error:
            raise Unavailable(f"{self.connection.name} did not answer within {_SLOWEST_CONNECT_S:.0f} s.") from error
        self._changes.forget()
        if self._connector.affirms and self._bad_us:
            self._doubted = set(range(len(self._connector.paths)))
        if self._connector.subscribes:
            await self._good()
            await self._connector.subscribe(self)
            raise Unavailable(f"{self.connection.name} ended the subscription.")
        if not self.tags:
            await self._good()
            await asyncio.Event().wait()  # held open for whoever looks for tags
        async with asyncio.TaskGroup() as group:
            for tags in _groups(self.tags.values()):
                group.create_task(self._poll(tags))

    async def _poll(self, tags: list[Tag]) -> None:
        """Read one group on its beat; a poll that takes too long makes the next one wait and is counted."""
        plan = self._connector.plan(tags)
        span = tags[0].every.total_seconds()
        loop = asyncio.get_running_loop()
        due = loop.time() + random.random() * min(span, 0.25)
        while True:
            await asyncio.sleep(due - loop.time())
            readings = await asyncio.wait_for(
                self._connector.read(plan), max(self._connector.settings.timeout_s * 3, span)
            )
            if self._health.state is not State.GOOD:
                await self._good()
            readings = self._took(readings)
            self._name(self._connector.problems())
            news = self._changes.reported(readings)
            if not self._outlet.offer(news):
                self._dropped += len(news)
                self._changes.forget()  # what was dropped is still news
            if self._doubted:
                self._outlet.offer(self._affirmed(readings))
            due += span
            if due < loop.time():
                self._late += 1
                due = loop.time()

    def _took(self, readings: Readings) -> Readings:
        """Count readings, and take out what no machine can mean."""
        self._declare(readings.units)
        rows = len(readings)
        if rows == 0:
            return readings
        self._samples += rows
        self._counts.append((time.monotonic(), rows))
        self._last_sample_us = now_us()
        fine, problems = sieved(readings)
        for problem in problems:
            self.trouble(problem)
        return fine

    def _affirmed(self, readings: Readings) -> Readings:
        """Values that did not change while nobody could read them, once as of now: their own time is before that."""
        rows = {slot: row for row, slot in enumerate(readings.index.tolist()) if slot in self._doubted}
        self._doubted -= rows.keys()
        keep = np.zeros(len(readings), dtype=bool)
        keep[list(rows.values())] = True
        old = pick(readings, keep & (readings.ts <= self._bad_us))
        return replace(old, ts=np.full(len(old), max(now_us(), self._bad_us + 1), dtype=np.int64))

    def _declare(self, units: Mapping[str, str]) -> None:
        """Pass on what the machine says of units, unless a tag says it or makes another number of the value."""
        for path, unit in units.items():
            tag = self.tags.get(path)  # type: ignore[call-overload]
            if tag is None or not (tag.unit or tag.scale != 1.0 or tag.offset):
                self._outlet.declare(path, ucum(unit))

    # ---- Sink, for connectors that subscribe ----

    async def put(self, readings: Readings) -> None:
        """Hand over readings; waits when the platform cannot keep up."""
        readings = self._took(readings)
        await self._outlet.put(self._changes.reported(readings))
        if self._doubted:
            await self._outlet.put(self._affirmed(readings))

    async def flush(self) -> None:
        """Return once everything put before is durable."""
        await self._outlet.flush()

    def trouble(self, problem: Problem) -> None:
        """Name a bad tag or message once."""
        key = (problem.path, problem.message.split(":")[0])
        if key in self._troubles or len(self._troubles) >= _MOST_TROUBLES:
            return
        self._troubles[key] = Trouble(place=problem.path, message=problem.message, hint=problem.hint, since=now())
        log.warning(
            "trouble", connection=self.connection.name, place=problem.path, what=problem.message, hint=problem.hint
        )

    def _name(self, problems: list[Problem]) -> None:
        """Name what is bad now, and forget what has been mended."""
        bad = {(p.path, p.message.split(":")[0]) for p in problems}
        for key in [k for k in self._polled_troubles if k not in bad]:
            self._polled_troubles.discard(key)
            if self._troubles.pop(key, None) is not None:
                log.info("trouble over", connection=self.connection.name, place=key[0])
        for problem in problems:
            self.trouble(problem)
        self._polled_troubles |= bad

    # ---- good and lost ----

    async def _good(self) -> None:
        was = self._health.state
        self._health = replace(self._health, state=State.GOOD, since=now(), error="", hint="")
        if was is State.LOST:
            away = time.monotonic() - self._lost_at
            log.info("connection back", connection=self.connection.name, away_s=round(away, 1))
            await self._turned(self.connection, State.GOOD, "", away)
        elif was is State.UNKNOWN:
            log.info("connection good", connection=self.connection.name, connector=self.connection.connector)

    async def _lost(self, error: BaseException) -> None:
        cause = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error
        sentence = cause.message if isinstance(cause, PlatformError) else f"{type(cause).__name__}: {cause}"
        if isinstance(cause, TimeoutError):
            sentence = f"{self.connection.name} did not answer in time."
        hint = cause.hint if isinstance(cause, PlatformError) else ""
        was = self._health.state
        since = self._health.since if was is State.LOST else now()
        self._health = replace(self._health, state=State.LOST, since=since, error=sentence, hint=hint)
        if was is State.LOST:
            return
        self._lost_at = time.monotonic()
        log.warning("connection lost", connection=self.connection.name, error=sentence, hint=hint)
        away = bad(self._connector.paths, Quality.BAD_NOT_CONNECTED)
        self._bad_us = int(away.ts.max(initial=0))
        self._outlet.offer(away)
        await self._turned(self.connection, State.LOST, sentence, 0.0)

    async def _close(self) -> None:
        with contextlib.suppress(Exception, asyncio.CancelledError):
            await asyncio.wait_for(self._connector.close(), 5)


def bad(paths: Iterable[str], quality: Quality) -> Readings:
    """One sample without a value for each path, now."""
    told = list(paths)
    return Readings(
        paths=told,
        index=np.arange(len(told), dtype=np.int32),
        ts=np.full(len(told), now_us(), dtype=np.int64),
        number=np.full(len(told), np.nan),
        quality=np.full(len(told), int(quality), dtype=np.uint8),
    )


def _groups(tags: Any) -> list[list[Tag]]:
    """Tags with the same interval are read together."""
    by_span: dict[timedelta, list[Tag]] = {}
    for tag in tags:
        by_span.setdefault(tag.every, []).append(tag)
    return list(by_span.values())


def value_at(readings: Readings, row: int) -> Value | None:
    """One value of readings, for people; None when absent."""
    if readings.text is not None and readings.text[row] is not None:
        return readings.text[row]
    number = float(readings.number[row])
    return None if np.isnan(number) else number


def _same(seen: Value | None, asked: Value, tag: Tag) -> bool:
    if isinstance(asked, str) or seen is None or isinstance(seen, str):
        return seen == asked
    return abs(float(seen) - float(asked)) <= max(abs(tag.scale), abs(float(asked)) * 1e-6)
