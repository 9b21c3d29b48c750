"""Connecting a twin on screen by the description of its interfaces: what would be made, then the deed."""

from __future__ import annotations

import pytest
from nicegui.testing.user_interaction import UserInteraction
from tests.twins.submodels.test_interfaces import MODBUS, VOLTAGE, action, argument, description, value

from lineshaft.console.actions import Button
from lineshaft.console.simulation import visitor
from lineshaft.edge import ConnectionStore, Edge, EdgeSettings
from lineshaft.kernel.bus import Bus
from lineshaft.kernel.db import Database
from lineshaft.security import PLATFORM, Guard
from lineshaft.telemetry import Live
from lineshaft.twins import Interfacing, Repository, Twins
from lineshaft.twins.pages.naming import twin_address

from .conftest import ADA, EVE, PUMP, Visit, parts, put

WRITE = VOLTAGE | {"modv_function": "writeMultipleHoldingRegisters"}


@pytest.fixture
async def edge(db: Database, guard: Guard, bus: Bus) -> Edge:
    await db.open(["lineshaft.edge"])
    return Edge(EdgeSettings(name="e1"), organisation="acme", store=ConnectionStore(db), guard=guard, bus=bus)


async def names(edge: Edge) -> list[str]:
    return [one.connection.name for one in await edge.list_(PLATFORM)]


async def test_a_description_is_looked_at_and_then_connected(
    twins: Twins, live: Live, repository: Repository, edge: Edge
) -> None:
    set_voltage = action("SetVoltage", WRITE, argument("input", type="float", high="250"))
    made = description(MODBUS, value("voltage", VOLTAGE, unit="V"), actions=(set_voltage,), events=("tripped",))
    await put(repository, made)
    services = {"twins": twins, "live": live, "repository": repository, "interfacing": Interfacing(repository, edge)}
    async with visitor(who=ADA, services=services) as user:
        await user.open(twin_address(PUMP))
        await user.should_see("Connect …", retries=50)
        user.find("Connect …").click()
        await user.should_see("SetVoltage", retries=50)
        await user.should_see("Events are not taken over")
        assert await names(edge) == []
        (connect,) = [one for one in parts(user, Button) if one.label == "Connect"]
        with user.client:
            UserInteraction(user, {connect}, None).click()
        await user.should_see("Connected by", retries=50)
    assert await names(edge) == ["hall-Machine"]


async def test_a_viewer_is_not_offered_to_connect(visit: Visit, repository: Repository) -> None:
    await put(repository, description(MODBUS, value("voltage", VOLTAGE)))
    async with visit(twin_address(PUMP), who=EVE) as user:
        await user.should_see("Machine", retries=50)
        await user.should_not_see("Connect …")
