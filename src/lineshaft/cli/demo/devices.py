"""The demo's machines: one process of device fakes that speak the real protocols on loopback.

python -m lineshaft.cli.demo.devices <demo.json>
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import msgspec

from lineshaft.edge.connectors.modbus.fake import Plant
from lineshaft.edge.connectors.modbus.responder import TcpResponder
from lineshaft.edge.connectors.mqtt.fake import Publisher, Sensors
from lineshaft.edge.connectors.opcua.fake import PackagingLine
from lineshaft.edge.connectors.sparkplug.fake import ConveyorNode
from lineshaft.kernel.log import configure, get_log
from lineshaft.kernel.tasks import Crew

from . import playing, recording

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
    login = told.sensors
    async with Publisher(_broker(told), user=login.user, password=login.password) as publisher:
        await Sensors(publisher).run()


async def _conveyors(told: Devices) -> None:
    login = told.conveyors
    await ConveyorNode(_broker(told), user=login.user, password=login.password, group="hamburg").run()


def _broker(told: Devices) -> str:
    return f"mqtt://127.0.0.1:{told.mqtt}"


async def _replay(told: Devices) -> None:
    replay = told.replay
    assert replay is not None
    login = told.conveyors if replay.kind == "sparkplug" else told.sensors
    place = playing.Place(port=replay.port, broker=_broker(told), user=login.user, password=login.password)
    played = recording.load(Path(replay.file))
    async with playing.machine(replay.kind, played, place) as shown:
        await played.play(shown.set, speed=replay.speed)


if __name__ == "__main__":
    configure()
    asyncio.run(run(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Devices)))
