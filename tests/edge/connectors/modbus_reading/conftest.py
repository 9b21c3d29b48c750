"""Modbus connectors and the devices they read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from lineshaft.edge.connectors import Readings, Tag
from lineshaft.edge.connectors.modbus import CONNECTOR, ModbusConnector
from lineshaft.edge.connectors.modbus.address import Table
from lineshaft.edge.connectors.modbus.responder import Unit
from lineshaft.kernel.terms import PlantPath, Quality

GOOD, CONFIG, LOST, ILL = 0, Quality.BAD_CONFIG_ERROR, Quality.BAD_NOT_CONNECTED, Quality.BAD_DEVICE_FAILURE


ROOT = PlantPath("p")


def make(texts: Sequence[str], *, tags: Sequence[Tag] = (), **settings: Any) -> ModbusConnector:
    made = [Tag(path=ROOT.child(f"t{n}"), address=text) for n, text in enumerate(texts)]
    return CONNECTOR(CONNECTOR.Settings(**settings), [*made, *tags], root=ROOT)


@asynccontextmanager
async def connected(port: int, texts: Sequence[str], **settings: Any) -> AsyncIterator[ModbusConnector]:
    connector = make(texts, host="127.0.0.1", port=port, **settings)
    await connector.connect()
    try:
        yield connector
    finally:
        await connector.close()


async def read(connector: ModbusConnector) -> Readings:
    """Read all tags once, with a new plan."""
    return await asyncio.wait_for(connector.read(connector.plan(connector.tags)), 10)


def counting_unit(registers: int = 200) -> Unit:
    """A unit whose register n holds n, and whose every third bit is on."""
    unit = Unit(registers=registers)
    for table in (Table.HOLDING, Table.INPUT):
        unit.put(table, 0, "H", *range(registers))
    for table in (Table.COIL, Table.DISCRETE):
        unit.set_bits(table, 0, *(place % 3 == 0 for place in range(1000)))
    return unit
