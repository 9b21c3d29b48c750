"""A recording as a machine: its rows come by for whoever asks over OPC UA, Modbus, Sparkplug B or MQTT."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from lineshaft.edge.connectors.modbus.fake import ReplayServer as ModbusServer
from lineshaft.edge.connectors.mqtt.fake import Publisher, ReplayPublisher
from lineshaft.edge.connectors.opcua.fake import ReplayServer as OpcUaServer
from lineshaft.edge.connectors.sparkplug.edge import EdgeSide
from lineshaft.edge.connectors.sparkplug.fake import ReplayNode

from .recording import Recording


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a machine listens (OPC UA, Modbus) or publishes (Sparkplug, MQTT); port 0 takes a free one."""

    port: int = 0
    broker: str = ""
    user: str = ""
    password: str = ""


class Machine(Protocol):
    """What all four have in common."""

    async def set(self, values: Mapping[str, float], ts: int) -> None:
        """Make these the present values, as of a time in µs where the protocol carries one."""


def machine(kind: str, played: Recording, place: Place) -> AbstractAsyncContextManager[Machine]:
    """A machine with the recording's columns, silent or bad until a row is set."""
    return _MACHINES[kind](played, place)


@asynccontextmanager
async def _opcua(played: Recording, place: Place) -> AsyncIterator[Machine]:
    server = OpcUaServer(played.columns)
    await server.start(port=place.port)
    try:
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def _modbus(played: Recording, place: Place) -> AsyncIterator[Machine]:
    async with ModbusServer(played.columns, port=place.port) as server:
        yield server


@asynccontextmanager
async def _mqtt(played: Recording, place: Place) -> AsyncIterator[Machine]:
    async with Publisher(place.broker, user=place.user, password=place.password) as publisher:
        yield ReplayPublisher(publisher, topic=f"replay/{played.name}")


@asynccontextmanager
async def _sparkplug(played: Recording, place: Place) -> AsyncIterator[Machine]:
    side = EdgeSide(place.broker, group="replay", edge=played.name, user=place.user, password=place.password)
    async with ReplayNode(side, played.columns) as node:
        yield node


_MACHINES: dict[str, Callable[[Recording, Place], AbstractAsyncContextManager[Machine]]] = {
    "opcua": _opcua,
    "modbus": _modbus,
    "sparkplug": _sparkplug,
    "mqtt": _mqtt,
}
