"""Hours of operation of machines, from the series that says whether they run; nothing of it is stored twice.

A state counts until the next sample of its series, the newest until now; a property with a patience of its own
(`stale_after_s`) counts no longer than that. While a value is missing or bad nobody knows, and nothing counts.
What was counted is remembered in this process, so that a question reads only what came since; samples that arrive
late for a time that was counted already count after the next start.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from time import monotonic

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lineshaft.kernel.clock import MICROS, from_us, now_us
from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import PlatformError
from lineshaft.kernel.log import get_log
from lineshaft.kernel.terms import PlantPath, Quality, TimeRange
from lineshaft.security import PLATFORM
from lineshaft.telemetry import Historian, Selection
from lineshaft.twins import store
from lineshaft.twins.model import Activity, Point, Running

from .edit import dressed

log = get_log("twins")
FRESH_S = 5.0
"""For so long an answer is given again."""
WAIT_S = 1.0
"""How long a question waits; a long history is counted on behind it."""
AT_ONCE = 2
"""Histories counted at the same time."""
_KEPT = 10_000
_HOUR_US = 3_600 * MICROS


@dataclass(slots=True)
class Count:
    """What was counted of one series, up to the sample after which it goes on."""

    worked_us: int = 0
    last_us: int = 0
    runs: bool = False
    known: bool = False
    asked: float = field(default=-1.0)

    def take(self, table: pa.Table, works: NDArray[np.bool_], patience_us: int | None) -> None:
        """Count samples in the order of their time; each holds until the one after it."""
        ts = np.concatenate(([self.last_us], table["ts"].cast(pa.int64()).to_numpy()))
        held = np.diff(ts) if patience_us is None else np.minimum(np.diff(ts), patience_us)
        ran = np.concatenate(([self.runs and self.known], works[:-1]))
        self.worked_us += int(held[ran].sum())
        self.last_us, self.runs, self.known = int(ts[-1]), bool(works[-1]), True

    def hours(self, now: int, patience_us: int | None) -> float | None:
        """Hours until now; None when the series never spoke."""
        if not self.known:
            return None
        held = max(now - self.last_us, 0) if self.runs else 0
        return (self.worked_us + (held if patience_us is None else min(held, patience_us))) / _HOUR_US


class Hours:
    """Counts hours of operation."""

    def __init__(self, db: Database, historian: Historian) -> None:
        self._db = db
        self._historian = historian
        self._counts: OrderedDict[tuple[str, Running], Count] = OrderedDict()
        self._counting: dict[tuple[str, Running], asyncio.Task[None]] = {}
        self._room = asyncio.Semaphore(AT_ONCE)

    async def of(self, twin: PlantPath, *, patient: bool = True) -> float | None:
        """Hours the twin at a place has run; None when nothing says that, or while its history is still counted."""
        told = await self._told(twin)
        if told is None:
            return None
        running, point = told
        key, patience = (str(point.series), running), point.property.stale_after_s
        count = self._counts.setdefault(key, Count())
        self._counts.move_to_end(key)
        if count.asked < 0 or monotonic() - count.asked > FRESH_S:
            await asyncio.wait([self._begin(key, point)], timeout=WAIT_S if patient else 0)
        while len(self._counts) > _KEPT:
            self._counts.popitem(last=False)
        if key in self._counting and count.asked < 0:
            return None
        return count.hours(now_us(), None if patience is None else round(patience * MICROS))

    async def _told(self, place: PlantPath) -> tuple[Running, Point] | None:
        async with self._db.read() as tx:
            found = await store.find(tx, place)
            twin = (await dressed(tx, [found]))[0] if found else None
        point = twin.find(twin.running.property) if twin and twin.running else None
        return (twin.running, point) if twin and twin.running and point else None

    def _begin(self, key: tuple[str, Running], point: Point) -> asyncio.Task[None]:
        task = self._counting.get(key)
        if task is None:
            task = self._counting[key] = asyncio.create_task(self._count(key, point))
            task.add_done_callback(lambda _: self._counting.pop(key, None))
        return task

    async def _count(self, key: tuple[str, Running], point: Point) -> None:
        async with self._room:
            await self._count_on(key, point)

    async def _count_on(self, key: tuple[str, Running], point: Point) -> None:
        count, patience = self._counts[key], point.property.stale_after_s
        span = TimeRange(start=from_us(count.last_us + 1), end=from_us(now_us() + MICROS))
        try:
            async for table in await self._historian.export(PLATFORM, Selection.of(key[0]), span):
                works = working(key[1], point, table)
                count.take(table, works, None if patience is None else round(patience * MICROS))
            count.asked = monotonic()
        except PlatformError as error:
            log.warning("hours of operation could not be counted", series=key[0], why=error.message)


def working(running: Running, point: Point, table: pa.Table) -> NDArray[np.bool_]:
    """Whether each sample says that the machine works; each value that occurs is judged once."""
    shown = [text if number is None else number for number, text in zip(*_values(table), strict=True)]
    judged = {value: running.judge(point.property.label(value)) is Activity.RUNNING for value in set(shown)}
    works = np.array([judged[value] for value in shown], dtype=bool)
    usable: NDArray[np.bool_] = table["quality"].to_numpy() < int(Quality.BAD)
    return works & usable


def _values(table: pa.Table) -> tuple[list[float | None], list[str | None]]:
    return table["number"].to_pylist(), table["text"].to_pylist()
