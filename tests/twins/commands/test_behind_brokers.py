"""Operations on machines behind a broker, which only tell by themselves: MQTT, Sparkplug devices (DCMD), nodes (NCMD).

A machine acknowledges by telling the value. It may do so late, tell another one, or say nothing at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from tests.twins.commands.conftest import OLGA
from tests.twins.commands.test_operations import operation, variable
from tests.twins.conftest import EVE, at, audited
from tests.twins.submodels.test_interfaces import action, argument, description, value

from lineshaft.edge import ConnectionStore, Edge, EdgeSettings
from lineshaft.edge.broker import BrokerSettings, BrokerStand, Link, broker_stand
from lineshaft.edge.connectors.sparkplug.edge import EdgeSide, Variable
from lineshaft.edge.connectors.sparkplug.schema import DataType
from lineshaft.edge.worker import EdgeBox
from lineshaft.kernel.bus import Bus
from lineshaft.kernel.config import Secret
from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import Forbidden, Invalid
from lineshaft.kernel.outbox import relay
from lineshaft.kernel.tasks import Crew
from lineshaft.kernel.terms import PlantPath, Value
from lineshaft.security import PLATFORM, Guard
from lineshaft.telemetry import Live
from lineshaft.twins import (
    Interfacing,
    Interlocks,
    MachineOperations,
    Operations,
    Property,
    Repository,
    Twins,
)
from lineshaft.twins.errors import Interlocked
from lineshaft.twins.model.operations import ExecutionState, Outcome
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.model.shell import shell_id
from lineshaft.twins.submodels import new_shell

FAN = "acme/berlin/line-1/fan"
SUBMODEL = "urn:acme:fan:operations"
PROPERTIES = (
    Property(name="speed", unit="Hz", low=0, high=50, writable=True, interlock="ready > 0"),
    Property(name="ready"),
)
Say = Callable[[str, float], Awaitable[None]]


@dataclass
class Fan:
    """The machine behind the broker: how it takes a command, and what it was told."""

    manner: str = "at once"
    """Or late, other, silent."""
    ready: float = 1.0
    told: list[float] = field(default_factory=list)
    say: Say | None = None
    _answers: set[asyncio.Task[None]] = field(default_factory=set)

    def hear(self, wanted: Value) -> None:
        self.told.append(float(wanted))
        task = asyncio.create_task(self._answer(float(wanted)))
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    async def _answer(self, wanted: float) -> None:
        if self.manner == "silent":
            return
        await asyncio.sleep(1.3 if self.manner == "late" else 0)
        assert self.say is not None
        await self.say("speed", 20.0 if self.manner == "other" else wanted)


async def plain(fan: Fan, stand: BrokerStand) -> None:
    """A fan that takes its speed from a topic and tells it on another."""
    settings = BrokerSettings(broker=stand.broker, user=stand.user, password=Secret(stand.password))
    link = Link(settings, settings.endpoint(None))
    await link.open()

    async def say(name: str, number: float) -> None:
        await link.publish(f"fan/{name}", str(number), qos=1, retain=name == "speed")

    fan.say = say
    await link.subscribe(["fan/speed/set"], 1)
    await say("speed", 10.0)
    try:
        while True:
            await say("ready", fan.ready)
            for _, payload, *_ in await link.take(0.2):
                fan.hear(float(payload))
    finally:
        await link.close()


def sparkplug(device: str) -> Callable[[Fan, BrokerStand], Awaitable[None]]:
    """A fan that is a device of an edge node, or with '' the node itself."""

    async def run(fan: Fan, stand: BrokerStand) -> None:
        side = EdgeSide(
            stand.broker, group="plant", edge="hall", user=stand.user, password=stand.password,
            on_command=lambda _device, _name, wanted: fan.hear(wanted),
        )  # fmt: skip
        speed = Variable("Speed", DataType.DOUBLE, 10.0, writable=True)
        side.add(device, [speed, Variable("Ready", DataType.DOUBLE, 1.0)])
        side.add("", [Variable("Uptime", DataType.DOUBLE, 0.0)])

        async def say(name: str, number: float) -> None:
            await side.tell(device, {name.capitalize(): number})

        fan.say = say
        async with side:
            while True:
                await asyncio.sleep(0.2)
                await side.tell("", {"Uptime": monotonic()})

    return run


SPARKPLUG_DEVICE = "plant/hall/fan-1"
MACHINES: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "mqtt": (
        "mqtt",
        plain,
        {
            "discover": False,
            "tags": [
                {"path": "speed", "address": "fan/speed", "writable": True, "low": 0, "high": 50,
                 "options": {"write_topic": "fan/speed/set"}},
                {"path": "ready", "address": "fan/ready"},
            ],
        },
    ),
    "dcmd": (
        "sparkplug",
        sparkplug("fan-1"),
        {
            "discover": False, "echo_s": 0.5,
            "tags": [
                {"path": "speed", "address": f"{SPARKPLUG_DEVICE}|Speed", "writable": True, "low": 0, "high": 50},
                {"path": "ready", "address": f"{SPARKPLUG_DEVICE}|Ready"},
            ],
        },
    ),
    "ncmd": (
        "sparkplug",
        sparkplug(""),
        {
            "discover": False, "echo_s": 0.5,
            "tags": [
                {"path": "speed", "address": "plant/hall|Speed", "writable": True, "low": 0, "high": 50},
                {"path": "ready", "address": "plant/hall|Ready"},
            ],
        },
    ),
}  # fmt: skip
SET = operation(
    "SetSpeed",
    [f"{FAN}/speed = Speed"],
    inputVariables=[variable("Speed")],
    outputVariables=[variable("Now", series=f"{FAN}/speed")],
)


@dataclass
class Hall:
    """A broker with a fan, and what operates it."""

    fan: Fan
    edge: Edge
    guard: Guard
    twins: Twins
    repository: Repository
    operations: Operations
    stand: BrokerStand

    async def invoke(self, who: Any, submodel: str = SUBMODEL, path: str = "SetSpeed", **inputs: object) -> Outcome:
        asked = await self.operations.prepare(who, submodel, path, inputs=inputs)
        return await self.operations.invoke(who, asked)

    async def until_known(self, series: str, number: float) -> None:
        async with asyncio.timeout(15):
            while (known := await self.twins.now.newest(series)) is None or known.value != number:
                await asyncio.sleep(0.02)


@pytest.fixture(params=MACHINES)
async def hall(
    request: pytest.FixtureRequest, bus: Bus, db: Database, twins: Twins, live: Live, guard: Guard, tmp_path: Path
) -> AsyncIterator[Hall]:
    connector, device, raw = MACHINES[request.param]
    await db.open(["lineshaft.edge"])
    settings = EdgeSettings(name="e1", batch_ms=20)
    edge = Edge(settings, organisation="acme", store=ConnectionStore(db), guard=guard, bus=bus)
    box = EdgeBox(settings, organisation="acme", bus=bus, front=None, db=db, folder=tmp_path)
    interlocks = Interlocks(twins, edge)
    edge.before_writing(interlocks.check)
    repository = Repository(db, guard, "acme", live=live)
    operations = Operations(repository, guard, [MachineOperations(edge, interlocks)])
    fan = Fan()
    async with broker_stand(tmp_path / "broker", lambda one: device(fan, one), raw) as stand, Crew() as crew:
        crew.keep("relay", lambda: relay(db, bus))
        await edge.listen()
        await twins.create(PLATFORM, at(FAN, properties=PROPERTIES))
        await edge.save(PLATFORM, connector, {"name": "fan", "path": FAN, **stand.raw})
        crew.keep("box", box.run)
        document = {"modelType": "Submodel", "id": SUBMODEL, "idShort": "Operations", "submodelElements": [SET]}
        await repository.create(PLATFORM, Kind.SUBMODEL, document, place=PlantPath(FAN))
        made = Hall(fan, edge, guard, twins, repository, operations, stand)
        await made.until_known(f"{FAN}/speed", 10.0)
        await made.until_known(f"{FAN}/ready", 1.0)
        yield made
    await operations.close()


@pytest.mark.parametrize("manner", ["at once", "late"])
async def test_an_operation_succeeds_once_the_machine_tells_the_value(hall: Hall, manner: str) -> None:
    hall.fan.manner = manner
    outcome = await hall.invoke(OLGA, Speed=35.5)
    assert (outcome.state, outcome.messages) == (ExecutionState.COMPLETED, ())
    assert [one["value"] for one in outcome.outputs] == ["35.5"]
    assert hall.fan.told == [35.5]
    assert len(await audited(hall.guard, "edge.write")) == 1


@pytest.mark.parametrize(("manner", "reports"), [("other", "20.0"), ("silent", "10.0")])
async def test_an_operation_fails_when_the_machine_tells_another_value_or_nothing(
    hall: Hall, manner: str, reports: str
) -> None:
    hall.fan.manner = manner
    outcome = await hall.invoke(OLGA, Speed=35.5)
    assert outcome.state is ExecutionState.FAILED
    assert f"the machine reports {reports} instead of 35.5" in outcome.messages[0]
    assert hall.fan.told == [35.5]


async def test_rights_ranges_and_interlocks_keep_a_command_from_the_broker(hall: Hall) -> None:
    with pytest.raises(Forbidden):
        await hall.invoke(EVE, Speed=30)
    with pytest.raises(Invalid, match="outside"):
        await hall.invoke(OLGA, Speed=60)
    assert hall.fan.say is not None
    hall.fan.ready = 0.0
    await hall.fan.say("ready", 0.0)
    await hall.until_known(f"{FAN}/ready", 0.0)
    with pytest.raises(Interlocked, match="ready is 0"):
        await hall.invoke(OLGA, Speed=30)
    assert hall.fan.told == []
    asked = await hall.operations.prepare(OLGA, SUBMODEL, "SetSpeed", inputs={"Speed": 30})
    [step] = (await hall.operations.rehearse(OLGA, asked)).steps
    assert "ready is 0" in step.problem


async def test_an_operation_on_a_machine_that_is_away_ends_in_its_time(hall: Hall) -> None:
    hall.fan.manner = "silent"
    asked = await hall.operations.prepare(
        OLGA, SUBMODEL, "SetSpeed", inputs={"Speed": 30}, within=timedelta(seconds=0.7)
    )
    assert (await hall.operations.invoke(OLGA, asked)).state is ExecutionState.TIMEOUT
    await hall.stand.unplug()
    async with asyncio.timeout(30):
        while (await hall.edge.get(PLATFORM, "fan")).health.state != "lost":
            await asyncio.sleep(0.05)
    with pytest.raises(Interlocked, match="ready is not known"):
        await hall.invoke(OLGA, Speed=31)
    assert hall.fan.told == [30.0]


TOPICS = {
    "mqtt": ({"mqv_topic": "fan/speed"}, {"mqv_topic": "fan/speed/set", "mqv_controlPacket": "publish"}, {}),
    "dcmd": ({"href": "/spBv1.0/plant/DDATA/hall/fan-1"}, {"href": "/spBv1.0/plant/DCMD/hall/fan-1"}, {"key": "Speed"}),
    "ncmd": ({"href": "/spBv1.0/plant/NDATA/hall"}, {"href": "/spBv1.0/plant/NCMD/hall"}, {"key": "Speed"}),
}


async def test_t65_a_described_machine_behind_a_broker_is_read_and_commanded(
    hall: Hall, request: pytest.FixtureRequest
) -> None:
    await hall.edge.remove(PLATFORM, "fan")
    told, command, key = TOPICS[request.node.callspec.params["hall"]]
    ready = {name: text.replace("/speed", "/ready") for name, text in told.items()}
    content = description(
        hall.stand.broker,
        value("speed", told, type="number", unit="Hz", **key),
        value("ready", ready, type="number", **dict.fromkeys(key, "Ready")),
        actions=(action("SetSpeed", command, argument("input", type="number", low="0", high="50"), **key),),
    )
    twin = await hall.twins.get(PLATFORM, FAN)
    shell = new_shell(shell_id(twin.id), "https://acme.example/01/fan")
    await hall.repository.create(PLATFORM, Kind.SHELL, shell, place=twin.path)
    await hall.repository.carry(PLATFORM, shell["id"], content)
    made = await Interfacing(hall.repository, hall.edge).connect(PLATFORM, shell["id"], content["id"])
    [connection] = [one.connection for one in await hall.edge.list_(PLATFORM)]
    login = {"user": hall.stand.user, "password": hall.stand.password}
    await hall.edge.save(PLATFORM, connection.connector, connection.raw | login)
    async with asyncio.timeout(20):
        while (await hall.edge.get(PLATFORM, connection.name)).health.state != "good":
            await asyncio.sleep(0.02)
    assert hall.fan.say is not None
    await hall.fan.say("speed", 12.5)
    await hall.until_known(f"{FAN}/speed", 12.5)
    outcome = await hall.invoke(OLGA, made.operations, Value=30)
    assert (outcome.state, outcome.messages) == (ExecutionState.COMPLETED, ())
    assert hall.fan.told == [30.0]
