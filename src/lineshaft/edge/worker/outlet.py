"""From readings to durable batches: packs, sends, remembers what is not yet on disk.

A batch leaves when it holds 1,000 samples or after 100 ms. Several are under way at once; each is
repeated with the same id until the bus has it. When the bus is away the buffer fills; then `put`
waits, and `offer` (for polls, which cannot wait) drops and counts.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lineshaft.edge.connectors import Readings
from lineshaft.edge.model import MOST_SAMPLES, SampleBatch, samples_subject
from lineshaft.kernel.bus import Bus
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.errors import Invalid, Unavailable
from lineshaft.kernel.ids import new_id
from lineshaft.kernel.log import get_log
from lineshaft.kernel.tasks import backoff

log = get_log("edge")
_MOST_UNDER_WAY = 16
_MOST_BYTES = 1_000_000
"""Of one message with several samples: no bus takes less than that, and long texts reach it."""


class Outlet:
    """The one door through which all samples of an edge leave."""

    def __init__(
        self, bus: Bus, *, organisation: str, edge: str, batch_ms: int = 100, buffer_samples: int = 2_000_000
    ) -> None:
        self._bus = bus
        self._subject = samples_subject(organisation, edge)
        self._edge = edge
        self._pause_s = batch_ms / 1000
        self._most_waiting = buffer_samples
        self._queue: deque[Readings] = deque()
        self._queued = 0
        self._under_way: set[asyncio.Task[None]] = set()
        self._sending = 0
        self._full = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._seq = 0
        self._boot = new_id()[:12]
        self._ids: dict[str, int] = {}
        self._names: list[str] = []
        self._units: dict[int, str] = {}
        """Of each path by its number, the unit said last."""
        self._untold: set[int] = set()
        """Paths whose unit leaves with their next sample."""
        self._known: dict[int, tuple[object, NDArray[np.int32]]] = {}
        self.blocked = ""
        """Why nothing leaves at the moment; empty when all is well."""
        self.dropped = 0

    @property
    def waiting(self) -> int:
        """Samples accepted but not yet durable."""
        return self._queued + self._sending

    async def put(self, readings: Readings) -> None:
        """Accept readings; waits while the buffer is full."""
        while self.waiting >= self._most_waiting:
            self._room.clear()
            await self._room.wait()
        self._accept(readings)

    def offer(self, readings: Readings) -> bool:
        """Accept readings if there is room; otherwise drop and count them."""
        if self.waiting >= self._most_waiting:
            self.dropped += len(readings)
            return False
        self._accept(readings)
        return True

    def declare(self, path: str, unit: str) -> None:
        """Say in which unit (UCUM) the values of a path are; told with its next sample, once per change."""
        number = self._number_of(path)
        if self._units.get(number, "") != unit:
            self._units[number] = unit
            self._untold.add(number)

    async def flush(self) -> None:
        """Return once everything accepted so far is on the bus's disk; Unavailable when some of it was given up."""
        self._send_all()
        pending = list(self._under_way)
        if pending:
            await asyncio.wait(pending)
        if any(task.cancelled() or task.exception() for task in pending):
            raise Unavailable("The edge stopped before everything was stored.", hint="It is taken again later.")

    async def run(self) -> None:
        """Send what gathers, for ever; on the way out everything accepted is sent first."""
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._full.wait(), self._pause_s)
                self._full.clear()
                while len(self._under_way) >= _MOST_UNDER_WAY:
                    await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
                self._send_all()
        finally:
            self._send_all()
            if self._under_way:
                await asyncio.wait(self._under_way, timeout=5)
            for task in self._under_way:
                task.cancel()

    def _accept(self, readings: Readings) -> None:
        if len(readings) == 0:
            return
        _require_even(readings)
        self._queue.append(readings)
        self._queued += len(readings)
        if self._queued >= MOST_SAMPLES:
            self._full.set()

    def _send_all(self) -> None:
        if not self._queue:
            return
        taken, self._queue, self._queued = list(self._queue), deque(), 0
        columns = self._merge(taken)
        total = len(columns.index)
        for start in range(0, total, MOST_SAMPLES):
            self._send(columns, start, min(start + MOST_SAMPLES, total))

    def _send(self, all_of_it: SampleBatch, start: int, end: int) -> None:
        rows = slice(start, end)
        used, index = np.unique(all_of_it.index[rows], return_inverse=True)
        news = self._untold.intersection(used.tolist()) if self._untold else ()
        batch = SampleBatch(
            paths=[self._names[i] for i in used],
            index=index.astype(np.int32),
            ts=all_of_it.ts[rows],
            number=all_of_it.number[rows],
            quality=all_of_it.quality[rows],
            text=None if all_of_it.text is None else all_of_it.text[rows],
            edge=self._edge,
            seq=self._seq + 1,
            received_us=now_us(),
            units={self._names[i]: self._units[i] for i in news},
        )
        data = batch.encode()
        if len(data) > _MOST_BYTES and end - start > 1:
            middle = (start + end) // 2
            self._send(all_of_it, start, middle)
            self._send(all_of_it, middle, end)
            return
        self._untold.difference_update(news)
        self._seq += 1
        self._sending += end - start
        task = asyncio.get_running_loop().create_task(self._deliver(data, self._seq, end - start))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _deliver(self, data: bytes, seq: int, rows: int) -> None:
        attempt = 0
        while True:
            try:
                await self._bus.publish(self._subject, data, msg_id=f"{self._edge}:{self._boot}:{seq}", together=True)
                break
            except Unavailable as error:
                if not self.blocked:
                    self.blocked = str(error)
                    log.error("samples wait at the edge", edge=self._edge, why=str(error))
                await asyncio.sleep(backoff(attempt, most_s=2))
                attempt += 1
            except Invalid as error:
                self.dropped += rows
                log.error("samples were given up", edge=self._edge, samples=rows, why=str(error))
                break
        if self.blocked:
            log.info("samples flow again", edge=self._edge, waiting=self.waiting)
            self.blocked = ""
        self._sending -= rows
        self._room.set()

    def _merge(self, parts: list[Readings]) -> SampleBatch:
        """Put readings of many connections under one dictionary of paths."""
        index = np.concatenate([self._translate(p)[p.index] for p in parts])
        ts = np.concatenate([p.ts for p in parts])
        number = np.concatenate([p.number for p in parts])
        quality = np.concatenate([p.quality for p in parts])
        text = _texts(parts)
        return SampleBatch(paths=(), index=index, ts=ts, number=number, quality=quality.astype(np.uint8), text=text)

    def _translate(self, part: Readings) -> NDArray[np.int32]:
        """From a connector's own path numbers to ours; its list may only have grown since we last looked."""
        owner, table = self._known.get(id(part.paths), (None, np.empty(0, dtype=np.int32)))
        if owner is part.paths and len(table) == len(part.paths):
            return table
        start = len(table) if owner is part.paths else 0
        fresh = np.fromiter((self._number_of(path) for path in part.paths[start:]), np.int32)
        table = np.concatenate([table[:start], fresh])
        if len(self._known) > 10_000:
            self._known.clear()
        self._known[id(part.paths)] = (part.paths, table)
        return table

    def _number_of(self, path: str) -> int:
        number = self._ids.get(path)
        if number is None:
            number = self._ids[path] = len(self._names)
            self._names.append(str(path))
        return number


def _texts(parts: list[Readings]) -> pa.Array | None:
    if all(p.text is None for p in parts):
        return None
    columns = [pa.nulls(len(p), pa.utf8()) if p.text is None else pa.array(p.text, pa.utf8()) for p in parts]
    return pa.concat_arrays(columns)


def _require_even(r: Readings) -> None:
    """Refuse columns of different lengths at their connector, before they meet those of others."""
    lengths = {len(r.index), len(r.ts), len(r.number), len(r.quality), len(r.index if r.text is None else r.text)}
    if len(lengths) != 1 or int(r.index.max()) >= len(r.paths):
        raise Invalid(
            "A connector delivered columns that do not fit together.", hint="This is a fault of the connector."
        )
