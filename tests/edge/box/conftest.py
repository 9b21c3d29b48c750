"""A machine on a real socket, an edge box that reads it, and the people who ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lineshaft.edge import ConnectionStore, Edge, EdgeSettings, SampleBatch, State
from lineshaft.edge.connectors.modbus.fake import ReplayServer
from lineshaft.edge.worker import EdgeBox
from lineshaft.kernel.bus import Bus
from lineshaft.kernel.db import Database
from lineshaft.kernel.outbox import relay
from lineshaft.kernel.tasks import Crew
from lineshaft.security import Grant, Guard, Role, Who, WhoKind

ENGINEER = Who(id="e", name="Eva", kind=WhoKind.USER, grants=(Grant(role=Role.ENGINEER, subtree="acme"),))


VIEWER = Who(id="v", name="Vic", kind=WhoKind.USER, grants=(Grant(role=Role.VIEWER, subtree="acme"),))


class Stage:
    """An edge box, its service and one device with two values."""

    def __init__(self, edge: Edge, box: EdgeBox, device: ReplayServer, bus: Bus) -> None:
        self.edge, self.box, self.device, self.bus = edge, box, device, bus
        self.batches: list[SampleBatch] = []
        self.crew = Crew()

    def raw(self, **more: object) -> dict[str, object]:
        tags = [
            {"path": "pressure", "address": "holding:0:float32", "unit": "bar", "every": "50ms"},
            {"path": "level", "address": "holding:2:float32", "every": "50ms", "writable": True, "low": 0, "high": 100},
        ]
        return {"name": "plc", "path": "hall/tank", "host": "127.0.0.1", "port": self.device.port, "tags": tags, **more}

    def rows(self, path: str) -> list[tuple[float, int]]:
        """Every (number, quality) that reached the bus for a path."""
        found = []
        for batch in self.batches:
            for i, number, quality in zip(batch.index, batch.number, batch.quality, strict=True):
                if batch.paths[i] == path:
                    found.append((float(number), int(quality)))
        return found

    def qualities(self, path: str) -> list[int]:
        """The quality of every sample that reached the bus for a path."""
        return [quality for _, quality in self.rows(path)]

    async def until(self, condition, within_s: float = 20.0) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + within_s
        while not condition():
            assert loop.time() < end, "did not happen in time"
            await asyncio.sleep(0.02)

    async def health(self) -> State:
        return (await self.edge.get(ENGINEER, "plc")).health.state

    async def until_health(self, state: State, within_s: float = 20.0) -> None:
        async with asyncio.timeout(within_s):
            while await self.health() is not state:
                await asyncio.sleep(0.05)


@pytest.fixture
async def stage(bus: Bus, db: Database, tmp_path: Path) -> AsyncIterator[Stage]:
    await db.open(["lineshaft.security", "lineshaft.edge"])
    settings = EdgeSettings(name="e1", batch_ms=20, max_silence=60)
    edge = Edge(settings, organisation="acme", store=ConnectionStore(db), guard=Guard(db), bus=bus)
    box = EdgeBox(settings, organisation="acme", bus=bus, front=None, db=db, folder=tmp_path)
    device = ReplayServer(["pressure", "level"])
    await device.start()
    await device.set({"pressure": 2.5, "level": 40.0})
    stage = Stage(edge, box, device, bus)

    async def collect() -> None:
        async for messages in bus.read("SAMPLES", start_seq=1, linger_s=0.05):
            stage.batches += [SampleBatch.decode(m.data) for m in messages]

    async with Crew() as crew, Crew() as stage.crew:
        crew.keep("relay", lambda: relay(db, bus))
        crew.keep("collect", collect)
        stage.crew.keep("box", box.run)
        await edge.listen()
        yield stage
    await device.close()
