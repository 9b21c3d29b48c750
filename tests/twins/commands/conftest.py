"""A machine that speaks Modbus on a real socket, the edge box that reads it, and its twin."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.twins.conftest import at, person

from lineshaft.edge import ConnectionStore, Edge, EdgeSettings, State
from lineshaft.edge.connectors.modbus.address import Table
from lineshaft.edge.connectors.modbus.responder import Bus as Wires
from lineshaft.edge.connectors.modbus.responder import TcpResponder, Unit
from lineshaft.edge.worker import EdgeBox
from lineshaft.kernel.bus import Bus
from lineshaft.kernel.db import Database
from lineshaft.kernel.outbox import relay
from lineshaft.kernel.tasks import Crew
from lineshaft.kernel.terms import Kind
from lineshaft.security import PLATFORM, Guard, Role
from lineshaft.telemetry import Live
from lineshaft.twins import Level, Property, Twins

TANK = "acme/berlin/line-1/tank"
OLGA = person("olga", Role.OPERATOR)
OTTO = person("otto", Role.OPERATOR)
TAGS: list[dict[str, Any]] = [
    {"path": "temperature", "address": "holding:0:float32", "unit": "Cel", "every": "100ms"},
    {"path": "setpoint", "address": "holding:2:float32", "every": "100ms", "writable": True, "low": 0, "high": 90},
    {"path": "mode", "address": "holding:4:uint16", "kind": "enum", "every": "100ms", "writable": True},
    {"path": "speed", "address": "holding:6:float32", "every": "100ms", "writable": True},
    {"path": "guard-closed", "address": "coil:0", "kind": "boolean", "every": "100ms"},
]
PROPERTIES = (
    Property(name="temperature", unit="Cel"),
    Property(name="setpoint", unit="Cel", low=0, high=90, writable=True),
    Property(name="mode", kind=Kind.ENUM, values=("Off", "Hand", "Auto"), writable=True),
    Property(name="speed", unit="/min", low=0, high=400, writable=True),
    Property(name="guard-closed", kind=Kind.BOOLEAN),
)


def place(name: str) -> str:
    return f"{TANK}/{name}"


@dataclass
class Machine:
    """The device: four registers' worth of floats and a coil; it can be slow, silent, or pulled out."""

    unit: Unit = field(default_factory=lambda: Unit(registers=20, bits=8))
    port: int = 0
    responder: TcpResponder | None = None
    writes: list[tuple[str, int]] = field(default_factory=list)

    async def plug_in(self) -> None:
        self.unit.on_write = lambda table, start, _: self.writes.append((str(table), start))
        self.responder = TcpResponder(Wires({1: self.unit}), port=self.port)
        await self.responder.start()
        self.port = self.responder.port

    async def unplug(self) -> None:
        if self.responder is not None:
            await self.responder.close()

    def show(self, **values: float) -> None:
        places = {"temperature": (0, "f"), "setpoint": (2, "f"), "mode": (4, "H"), "speed": (6, "f")}
        for name, value in values.items():
            if name == "guard":
                self.unit.set_bits(Table.COIL, 0, bool(value))
            else:
                start, letter = places[name]
                self.unit.put(Table.HOLDING, start, letter, value)

    def holds(self, name: str) -> float:
        start, letter = {"setpoint": (2, "f"), "mode": (4, "H"), "speed": (6, "f")}[name]
        return float(self.unit.get(Table.HOLDING, start, letter))


@dataclass
class Floor:
    """Everything between the twin and the machine."""

    machine: Machine
    edge: Edge
    twins: Twins
    live: Live
    guard: Guard
    db: Database
    bus: Bus

    async def until_health(self, state: State, within_s: float = 20.0) -> None:
        async with asyncio.timeout(within_s):
            while (await self.edge.get(PLATFORM, "plc")).health.state is not state:
                await asyncio.sleep(0.02)

    async def until_known(self, *names: str, within_s: float = 10.0) -> None:
        """Wait until the twin knows values of these properties."""
        async with asyncio.timeout(within_s):
            while True:
                points = (await self.twins.now.state(PLATFORM, TANK)).points
                if all(p.quality == 0 for p in points if p.point.property.name in names):
                    return
                await asyncio.sleep(0.02)


async def until(condition: Callable[[], bool], within_s: float = 10.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.fixture
async def machine() -> AsyncIterator[Machine]:
    machine = Machine()
    machine.show(temperature=61.5, setpoint=60.0, mode=1, speed=0.0, guard=1)
    await machine.plug_in()
    yield machine
    await machine.unplug()


@pytest.fixture
async def floor(
    machine: Machine, bus: Bus, db: Database, twins: Twins, live: Live, guard: Guard, tmp_path: Path
) -> AsyncIterator[Floor]:
    await db.open(["lineshaft.edge"])
    settings = EdgeSettings(name="e1", batch_ms=20)
    edge = Edge(settings, organisation="acme", store=ConnectionStore(db), guard=guard, bus=bus)
    box = EdgeBox(settings, organisation="acme", bus=bus, front=None, db=db, folder=tmp_path)
    raw = {
        "name": "plc", "path": TANK, "host": "127.0.0.1", "port": machine.port, "tags": TAGS,
        "timeout_s": 1.5, "answer_timeout_s": 0.6,
    }  # fmt: skip
    async with Crew() as crew:
        crew.keep("relay", lambda: relay(db, bus))
        await edge.listen()
        await edge.save(PLATFORM, "modbus", raw)
        await twins.create(PLATFORM, at(TANK, Level.ASSET, properties=PROPERTIES))
        crew.keep("box", box.run)
        floor = Floor(machine, edge, twins, live, guard, db, bus)
        await floor.until_health(State.GOOD)
        await floor.until_known("temperature", "setpoint", "mode", "speed", "guard-closed")
        yield floor
