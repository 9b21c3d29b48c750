"""The demo's machines: one process of device fakes that speak the real protocols on loopback.

python -m lineshaft.cli.demo.devices <demo.json>
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from lineshaft.edge.connectors.modbus.fake import Plant
from lineshaft.edge.connectors.modbus.fake import ReplayServer as ModbusReplay
from lineshaft.edge.connectors.modbus.responder import TcpResponder
from lineshaft.edge.connectors.mqtt.fake import Publisher, Sensors
from lineshaft.edge.connectors.opcua.fake import PackagingLine
from lineshaft.edge.connectors.opcua.fake import ReplayServer as OpcUaReplay
from lineshaft.edge.connectors.sparkplug.edge import EdgeSide
from lineshaft.edge.connectors.sparkplug.fake import ConveyorNode, ReplayNode
from lineshaft.kernel.log import configure, get_log
from lineshaft.kernel.tasks import Crew

from . import recording

log = get_log("demo")
_RUN_IN_STEPS = 15 * 60 * 2
"""Half seconds the packaging line has run before we look: the capper's bearing is already worn."""


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """How a device signs in to the MQTT front."""

    user: str
    password: str


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """A recording to play as a machine."""

    file: str
    kind: str
    speed: float
    port: int


class Devices(msgspec.Struct, frozen=True, kw_only=True):
    """What the process of fakes is told."""

    opcua: int
    modbus: int
    mqtt: int
    sensors: Login
    conveyors: Login
    replay: Replay | None = None


async def run(told: Devices) -> None:
    """Run every device until SIGTERM."""
    enough = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, enough.set)
    async with Crew("devices") as crew:
        crew.keep("packaging line", lambda: _opcua(told), most_s=1)
        crew.keep("utilities", lambda: _modbus(told), most_s=1)
        crew.keep("hall sensors", lambda: _sensors(told), most_s=1)
        crew.keep("conveyors", lambda: _conveyors(told), most_s=1)
        if told.replay is not None:
            crew.keep("replay", lambda: _replay(told), most_s=1)
        await enough.wait()


async def _opcua(told: Devices) -> None:
    line = PackagingLine()
    for _ in range(_RUN_IN_STEPS):
        line.model.step(0.5)
    await line.start(port=told.opcua)
    try:
        await asyncio.Event().wait()
    finally:
        await line.stop()


async def _modbus(told: Devices) -> None:
    plant = Plant()
    async with TcpResponder(plant.bus, host="127.0.0.1", port=told.modbus):
        await plant.run()


async def _sensors(told: Devices) -> None:
    async with _publisher(told, told.sensors) as publisher:
        await Sensors(publisher).run()


async def _conveyors(told: Devices) -> None:
    login = told.conveyors
    await ConveyorNode(_broker(told), user=login.user, password=login.password, group="hamburg").run()


def _broker(told: Devices) -> str:
    return f"mqtt://127.0.0.1:{told.mqtt}"


def _publisher(told: Devices, login: Login) -> Publisher:
    return Publisher(_broker(told), user=login.user, password=login.password)


async def _replay(told: Devices) -> None:
    assert told.replay is not None
    played = recording.load(Path(told.replay.file))
    match told.replay.kind:
        case "opcua":
            server = OpcUaReplay(played.columns)
            await server.start(port=told.replay.port)
            await played.play(server.set, speed=told.replay.speed)
        case "modbus":
            registers = ModbusReplay(played.columns, port=told.replay.port)
            await registers.start()
            await played.play(_untimed(registers.set), speed=told.replay.speed)
        case "mqtt":
            async with _publisher(told, told.sensors) as publisher:
                topic = f"replay/{played.name}"
                await played.play(
                    lambda v, ts: publisher.insist(topic, {**v, "timestamp": ts // 1000}), speed=told.replay.speed
                )
        case "sparkplug":
            login = told.conveyors
            side = EdgeSide(_broker(told), group="replay", edge=played.name, user=login.user, password=login.password)
            await ReplayNode(side, speed=told.replay.speed).play(played.rows())


def _untimed(
    show: Callable[[dict[str, float]], Awaitable[None]],
) -> Callable[[dict[str, float], int], Awaitable[None]]:
    async def call(values: dict[str, float], ts_us: int) -> None:
        del ts_us
        await show(values)

    return call


if __name__ == "__main__":
    configure()
    asyncio.run(run(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Devices)))
