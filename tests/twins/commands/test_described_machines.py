"""A description of interfaces (IDTA 02017) becomes a connection whose actions machines carry out, checked as ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.twins.commands.conftest import OLGA, Floor
from tests.twins.commands.test_operations import shown
from tests.twins.conftest import ADA, EVE, at, audited
from tests.twins.submodels.test_interfaces import MODBUS_TERMS, action, argument, description, value

from lineshaft.edge.connectors.opcua.fake import PackagingLine
from lineshaft.kernel.errors import Conflict, Forbidden, Invalid
from lineshaft.kernel.terms import Kind as ValueKind
from lineshaft.security import PLATFORM
from lineshaft.twins import Interfacing, Interlocks, Level, MachineOperations, Operations, Property, Repository
from lineshaft.twins.errors import Interlocked, NoDocument
from lineshaft.twins.model.operations import ExecutionState, Outcome, Rehearsal
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.model.shell import shell_id
from lineshaft.twins.service.operations import INVOKE
from lineshaft.twins.submodels import new_shell

PRESS = "acme/berlin/line-1/press"
AID = "urn:aid"
PROPERTIES = (
    Property(name="setpoint", unit="Cel", writable=True, interlock="guard-closed"),
    Property(name="guard-closed", kind=ValueKind.BOOLEAN),
)


def holding(address: str, function: str = "readHoldingRegisters") -> dict[str, str]:
    return MODBUS_TERMS | {"href": address, "modv_function": function, "modv_pollingTime": "100"}


@dataclass
class Press:
    """A twin with a shell, and what connects and commands it."""

    floor: Floor
    repository: Repository
    interfacing: Interfacing
    operations: Operations
    shell: str
    made: str = ""

    async def describe(self, content: dict[str, Any]) -> None:
        await self.repository.carry(PLATFORM, self.shell, content)

    async def connect(self, content: dict[str, Any]) -> None:
        """Take a description in and connect by it; wait until the machine answers."""
        await self.describe(content)
        found = await self.interfacing.connect(ADA, self.shell, AID)
        self.made = found.operations
        async with asyncio.timeout(20):
            while (await self.floor.edge.get(PLATFORM, found.connections[0])).health.state != "good":
                await asyncio.sleep(0.02)

    async def invoke(self, who: Any, path: str, **inputs: object) -> Outcome:
        return await self.operations.invoke(who, await self.operations.prepare(who, self.made, path, inputs=inputs))

    async def rehearse(self, who: Any, path: str, **inputs: object) -> Rehearsal:
        return await self.operations.rehearse(who, await self.operations.prepare(who, self.made, path, inputs=inputs))

    async def connections(self) -> list[str]:
        return [one.connection.name for one in await self.floor.edge.list_(PLATFORM)]

    @property
    def machine(self) -> Any:
        return self.floor.machine


@pytest.fixture
async def press(floor: Floor) -> AsyncIterator[Press]:
    await floor.edge.remove(PLATFORM, "plc")
    interlocks = Interlocks(floor.twins, floor.edge)
    floor.edge.before_writing(interlocks.check)
    repository = Repository(floor.db, floor.guard, "acme", live=floor.live)
    twin = await floor.twins.create(PLATFORM, at(PRESS, Level.ASSET, properties=PROPERTIES))
    shell = new_shell(shell_id(twin.id), "https://acme.example/01/press")
    await repository.create(PLATFORM, Kind.SHELL, shell, place=twin.path)
    operations = Operations(repository, floor.guard, [MachineOperations(floor.edge, interlocks)])
    yield Press(floor, repository, Interfacing(repository, floor.edge), operations, shell["id"])
    await operations.close()


def modbus(press: Press) -> dict[str, Any]:
    """The machine's setpoint with an action that writes it, its speed written by an action alone, and its guard."""
    return description(
        f"modbus+tcp://127.0.0.1:{press.machine.port}",
        value("setpoint", holding("/1/3?quantity=2"), type="float", unit="Cel"),
        value("guard-closed", {"href": "/1/1", "modv_function": "readCoil", "modv_pollingTime": "100"}, type="boolean"),
        actions=(
            action(
                "Heat",
                holding("/1/3?quantity=2", "writeMultipleHoldingRegisters"),
                argument("input", type="float", unit="Cel", low="0", high="90"),
                title="Heat the press",
            ),
            action(
                "Run",
                holding("/1/7?quantity=2", "writeMultipleHoldingRegisters"),
                argument("input", type="float", low="0", high="400"),
            ),
            action("Stop", holding("/1/7?quantity=2", "writeMultipleHoldingRegisters"),
                   argument("input", type="float", const="0")),
            action("Measure", holding("/1/1?quantity=2"), argument("input", type="float")),
            action("Mix", holding("/1/3?quantity=2", "writeMultipleHoldingRegisters"),
                   argument("input", argument("first", type="float"), argument("second", type="float"))),
        ),
        events=("tooHot",),
    )  # fmt: skip


LEFT_OUT = {
    "tooHot": "Events are not taken over; alarms watch values here.",
    "Measure": "The form reads (readHoldingRegisters); an action wants a function that writes.",
    "Mix": "The action takes 2 values, and a Modbus form writes exactly one.",
}


async def test_an_offer_says_what_would_be_made_and_what_is_left_out_and_makes_nothing(press: Press) -> None:
    await press.describe(modbus(press))
    found = await press.interfacing.offer(EVE, press.shell, AID)
    assert found.path == PRESS
    assert {one.name: one.reason for one in found.left_out} == LEFT_OUT
    assert [one["idShort"] for one in found.operations] == ["Heat", "Run", "Stop"]
    [one] = found.connections
    assert [(tag["path"], tag.get("writable", False)) for tag in one.settings["tags"]] == [
        ("setpoint", True), ("guard-closed", False), ("Run", True),
    ]  # fmt: skip
    assert await press.connections() == []


async def test_a_described_modbus_machine_is_commanded_as_if_it_were_connected_by_hand(press: Press) -> None:
    await press.connect(modbus(press))
    dry = await press.rehearse(OLGA, "Heat", Value=75)
    assert [(one.path, one.values, one.now, one.problem) for one in dry.steps] == [
        (f"{PRESS}/setpoint", (75.0,), 60.0, "")
    ]
    assert press.machine.writes == []
    assert (await press.invoke(OLGA, "Heat", Value=75)).success
    assert (await press.invoke(OLGA, "Run", Value=120)).success
    assert (press.machine.holds("setpoint"), press.machine.holds("speed")) == (75.0, 120.0)
    assert (await press.invoke(OLGA, "Stop")).success
    assert press.machine.holds("speed") == 0.0
    assert next(iter(await audited(press.floor.guard, "edge.write"))).after == {"asked": 0.0, "read_back": 0.0}
    assert len(await audited(press.floor.guard, INVOKE)) == 3


async def test_rights_ranges_and_interlocks_hold_for_described_actions(press: Press) -> None:
    await press.connect(modbus(press))
    with pytest.raises(Forbidden, match="operator"):
        await press.invoke(EVE, "Heat", Value=75)
    with pytest.raises(Invalid, match="500 is outside the range of Value"):
        await press.invoke(OLGA, "Run", Value=500)
    press.machine.show(guard=0)
    await asyncio.sleep(0.4)
    with pytest.raises(Interlocked, match="guard-closed is False"):
        await press.invoke(OLGA, "Heat", Value=75)
    assert press.machine.writes == []
    assert (press.machine.holds("setpoint"), press.machine.holds("speed")) == (60.0, 0.0)


async def test_a_machine_that_keeps_another_value_is_told(press: Press) -> None:
    await press.connect(modbus(press))
    press.machine.unit.on_write = lambda table, start, _: press.machine.show(setpoint=20.0)
    found = await press.invoke(OLGA, "Heat", Value=75)
    assert found.state is ExecutionState.FAILED
    assert "the machine reports 20.0 instead of 75.0" in found.messages[0]


async def test_who_is_no_engineer_connects_nothing(press: Press) -> None:
    await press.describe(modbus(press))
    with pytest.raises(Forbidden):
        await press.interfacing.connect(OLGA, press.shell, AID)
    assert await press.connections() == []


async def test_what_is_connected_is_not_connected_again(press: Press) -> None:
    await press.connect(modbus(press))
    with pytest.raises(Conflict, match="is connected already"):
        await press.interfacing.connect(ADA, press.shell, AID)
    assert await press.connections() == ["press-Machine"]
    with pytest.raises(NoDocument):
        await press.interfacing.connect(ADA, press.shell, "urn:else")


async def test_a_refused_connection_takes_those_before_it_back(press: Press) -> None:
    content = modbus(press)
    [interface] = content["submodelElements"]
    content["submodelElements"] = [interface, interface | {"idShort": "Second"}]
    await press.describe(content)
    with pytest.raises(Invalid, match="belongs to the connection 'press-Machine' already"):
        await press.interfacing.connect(ADA, press.shell, AID)
    assert await press.connections() == []


async def test_an_interface_that_nothing_speaks_is_refused_in_one_sentence(press: Press) -> None:
    await press.describe(description("https://press.local/api", actions=(action("Start", {"href": "/start"}),)))
    with pytest.raises(Invalid, match="The interface speaks http, which no connector here does"):
        await press.interfacing.connect(ADA, press.shell, AID)


def node(line: PackagingLine, name: str, *, browsed: bool) -> dict[str, str]:
    """The form of a node of the filler: by its id, or by the path that leads to it."""
    steps = ("PackagingLine", "Filler", name)
    path = "/0:Objects" + "".join(f"/{line.device.index}:{step}" for step in steps)
    return {"uav_browsePath": path} if browsed else {"href": f"/?id={line.address(f'Filler.{name}')}"}


@pytest.mark.parametrize("browsed", [False, True])
async def test_t65_a_described_opc_ua_machine_is_read_and_its_method_called_by_id_and_by_browse_path(
    press: Press, browsed: bool
) -> None:
    line = PackagingLine(tick_s=0.05)
    await line.start()
    halt = action(
        "Halt",
        node(line, "Halt", browsed=browsed),
        argument(
            "input",
            argument("Reason", type="string", const="cleaning"),
            argument("Duration", type="number", unit="s", low="0", high="600"),
        ),
        argument("output", argument("State", type="integer")),
    )
    try:
        state = value("state", node(line, "State", browsed=browsed), type="integer")
        await press.connect(description(line.url, state, actions=(halt,)))
        assert (await press.floor.edge.read(PLATFORM, f"{PRESS}/state")).value == int(line.model.machines[0].state)
        done = await press.invoke(OLGA, "Halt", Duration=30)
        assert shown(done) == {"State": "8"}
        assert line.model.machines[0].reason == "cleaning"
        assert (await press.floor.edge.read(PLATFORM, f"{PRESS}/state")).value == int(line.model.machines[0].state)
        with pytest.raises(Invalid, match="900 s is outside the range of Duration"):
            await press.invoke(OLGA, "Halt", Duration=900)
        assert len(await audited(press.floor.guard, "edge.call")) == 1
    finally:
        await line.stop()
