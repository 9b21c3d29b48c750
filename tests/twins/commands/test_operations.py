"""Operations of twins that machines carry out: Modbus writes in sequence, OPC UA methods (T20, T21)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.twins.aas.conftest import served_at
from tests.twins.commands.conftest import OLGA, TANK, Floor, place
from tests.twins.conftest import EVE, audited, person

from lineshaft.edge.connectors.opcua.fake import PackagingLine
from lineshaft.edge.connectors.opcua.line import State as PackML
from lineshaft.kernel.errors import Forbidden, Invalid, NotFound, PlatformError
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import PLATFORM, Grant, Role, Security
from lineshaft.security.api import Gate
from lineshaft.twins import Bulk, Interlocks, MachineOperations, Operations, Repository
from lineshaft.twins.api.aas import Services, application, refusal
from lineshaft.twins.errors import Interlocked
from lineshaft.twins.metamodel.identifiers import encode_id
from lineshaft.twins.model.operations import ExecutionState, Outcome
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.service.operations import INVOKE

SUBMODEL = "https://example.com/sm/tank-operations"
HALL = "acme/berlin/line-1/filler"


def variable(name: str, type_: str = "xs:double", **extensions: str) -> dict[str, Any]:
    told = {"modelType": "Property", "idShort": name, "valueType": type_}
    if extensions:
        told["extensions"] = [{"name": key, "value": value} for key, value in extensions.items()]
    return {"value": told}


def operation(name: str, steps: Sequence[str] = (), *, interlock: str = "", **more: Any) -> dict[str, Any]:
    said = {"steps": "\n".join(steps), "interlock": interlock}
    extensions = [{"name": key, "value": value} for key, value in said.items() if value]
    return {"modelType": "Operation", "idShort": name, **({"extensions": extensions} if extensions else {}), **more}


HEAT = operation(
    "Heat",
    [f'{place("mode")} = "Auto"', f"{place('setpoint')} = Temperature", f"{place('speed')} = 120"],
    interlock="guard-closed and speed = 0",
    inputVariables=[variable("Temperature", unit="[degF]")],
    outputVariables=[
        variable("Reached", series=place("setpoint")),
        variable("Mode", "xs:string", series=place("mode")),
    ],
)
SET = operation("Set", inputVariables=[variable("Value", series=place("setpoint"))])
MEASURED = operation("Wrong", [f"{place('mode')} = 2", f"{place('temperature')} = 5"])
HALT = operation(
    "Halt",
    [f'{HALL}/halt("cleaning", Duration)'],
    inputVariables=[variable("Duration")],
    outputVariables=[variable("State", "xs:int")],
)


@dataclass
class Hall:
    """A floor with operations, and what they are asked through."""

    floor: Floor
    repository: Repository
    operations: Operations

    async def invoke(self, who: Any, path: str, within: timedelta | None = None, **inputs: object) -> Outcome:
        asked = await self.operations.prepare(who, SUBMODEL, path, inputs=inputs, within=within)
        return await self.operations.invoke(who, asked)

    @property
    def machine(self) -> Any:
        return self.floor.machine


@pytest.fixture
async def hall(floor: Floor) -> AsyncIterator[Hall]:
    interlocks = Interlocks(floor.twins, floor.edge)
    floor.edge.before_writing(interlocks.check)
    repository = Repository(floor.db, floor.guard, "acme", live=floor.live)
    operations = Operations(repository, floor.guard, [MachineOperations(floor.edge, interlocks)])
    elements = [HEAT, SET, MEASURED, HALT, operation("Idle")]
    document = {"modelType": "Submodel", "id": SUBMODEL, "idShort": "Operations", "submodelElements": elements}
    await repository.create(PLATFORM, Kind.SUBMODEL, document, place=PlantPath(TANK))
    yield Hall(floor, repository, operations)
    await operations.close()


def shown(outcome: Outcome) -> dict[str, str]:
    return {one["idShort"]: one["value"] for one in outcome.outputs}


async def test_t20_an_operation_writes_in_order_converts_units_and_tells_what_the_machine_says(hall: Hall) -> None:
    outcome = await hall.invoke(OLGA, "Heat", Temperature=167)
    assert (outcome.state, outcome.messages) == (ExecutionState.COMPLETED, ())
    assert shown(outcome) == {"Reached": "75.0", "Mode": "Auto"}
    assert [start for _, start in hall.machine.writes] == [4, 2, 6]
    assert (hall.machine.holds("mode"), hall.machine.holds("speed")) == (2, 120)
    (told,) = await audited(hall.floor.guard, INVOKE)
    assert (told.actor, told.after) == ("olga", {"inputs": {"Temperature": "167"}, "state": "Completed"})
    assert len(await audited(hall.floor.guard, "edge.write")) == 3


async def test_t20_without_steps_inputs_are_written_where_they_say(hall: Hall) -> None:
    assert (await hall.invoke(OLGA, "Set", Value=42.5)).success
    assert hall.machine.holds("setpoint") == 42.5


async def test_a_dry_run_says_what_would_be_written_and_writes_nothing(hall: Hall) -> None:
    hall.machine.show(guard=0)
    await asyncio.sleep(0.3)
    asked = await hall.operations.prepare(OLGA, SUBMODEL, "Heat", inputs={"Temperature": 167})
    found = await hall.operations.rehearse(OLGA, asked)
    assert [(one.path, one.values, one.now, one.problem) for one in found.steps] == [
        (place("mode"), ("Auto",), "Hand", ""),
        (place("setpoint"), (75.0,), 60.0, ""),
        (place("speed"), (120.0,), 0.0, ""),
    ]
    assert found.conditions == (("guard-closed (guard-closed is False)", False), ("speed = 0 (speed is 0.0)", True))
    assert found.problems == ("Heat is interlocked: guard-closed (guard-closed is False).",)
    assert hall.machine.writes == []


async def test_a_dry_run_shows_no_values_that_are_not_the_callers_to_see(hall: Hall) -> None:
    kim = person("kim", Role.OPERATOR, f"{TANK}/Operations")
    found = await hall.operations.rehearse(
        kim, await hall.operations.prepare(kim, SUBMODEL, "Heat", inputs={"Temperature": 167})
    )
    assert [one.now for one in found.steps] == [None, None, None]


@pytest.mark.parametrize(
    ("who", "path", "inputs", "error", "words"),
    [
        (OLGA, "Heat", {"Temperature": 900}, Invalid, "outside"),
        (OLGA, "Wrong", {}, Forbidden, "not marked writable"),
        (OLGA, "Heat", {"Temprature": 5}, Invalid, "no argument 'Temprature'"),
        (EVE, "Heat", {"Temperature": 100}, Forbidden, "operator"),
        (OLGA, "Idle", {}, PlatformError, "no machine"),
        (OLGA, "Halt", {"Duration": 5}, NotFound, "No connection has a method"),
        (person("kim", Role.OPERATOR, f"{TANK}/Operations"), "Set", {"Value": 5}, Forbidden, "no role on"),
    ],
)
async def test_what_refuses_an_operation_changes_nothing_and_is_in_the_audit_log(
    hall: Hall, who: Any, path: str, inputs: dict[str, object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        await hall.invoke(who, path, **inputs)
    assert hall.machine.writes == []
    assert (hall.machine.holds("mode"), hall.machine.holds("setpoint")) == (1, 60)
    told = [row for row in await audited(hall.floor.guard, INVOKE) if row.actor == who.name]
    assert told, "every attempt is audited"


async def test_an_interlock_of_an_operation_holds_it_back(hall: Hall) -> None:
    hall.machine.show(speed=30.0)
    with pytest.raises(Interlocked, match=r"speed = 0 \(speed is 30.0\)"):
        await hall.invoke(OLGA, "Heat", Temperature=167)
    assert hall.machine.writes == []


async def test_a_machine_that_fails_half_way_is_told_with_what_was_done(hall: Hall) -> None:
    hall.machine.unit.on_write = lambda table, start, _: start == 2 and hall.machine.show(setpoint=20.0)
    outcome = await hall.invoke(OLGA, "Heat", Temperature=167)
    assert outcome.state is ExecutionState.FAILED
    assert "reports 20.0 instead of 75.0" in outcome.messages[0]
    assert outcome.messages[1] == f"Done before and not taken back: {place('mode')}."
    assert hall.machine.holds("speed") == 0
    (told,) = await audited(hall.floor.guard, INVOKE)
    assert told.after is not None
    assert told.after["state"] == "Failed"
    assert "instead of 75.0" in told.after["why"]


async def test_t21_it_runs_while_nobody_waits_and_ends_in_time(hall: Hall) -> None:
    hall.machine.unit.delay_s = 0.05
    asked = await hall.operations.prepare(OLGA, SUBMODEL, "Heat", inputs={"Temperature": 167})
    handle = await hall.operations.start(OLGA, asked)
    assert await hall.operations.state(OLGA, SUBMODEL, "Heat", handle) is ExecutionState.RUNNING
    async with asyncio.timeout(20):
        while (await hall.operations.state(OLGA, SUBMODEL, "Heat", handle)) is ExecutionState.RUNNING:
            await asyncio.sleep(0.02)
    assert (await hall.operations.outcome(OLGA, SUBMODEL, "Heat", handle)).success
    hall.machine.show(speed=0)
    hall.machine.unit.delay_s = 0.2
    late = await hall.invoke(OLGA, "Heat", timedelta(seconds=0.1), Temperature=167)
    assert late.state is ExecutionState.TIMEOUT


async def test_who_may_not_write_there_binds_no_operation_to_it(hall: Hall) -> None:
    clerk = person("clerk", Role.ENGINEER, f"{TANK}/Notes")
    document = {
        "modelType": "Submodel", "id": "https://example.com/sm/notes", "idShort": "Notes", "submodelElements": [SET],
    }  # fmt: skip
    with pytest.raises(Forbidden, match="operator"):
        await hall.repository.create(clerk, Kind.SUBMODEL, document, place=PlantPath(TANK))
    broken = document | {"submodelElements": [operation("Bad", ["tank/mode := 5"])]}
    with pytest.raises(Invalid, match="'tank/mode := 5' is not understood"):
        await hall.repository.create(PLATFORM, Kind.SUBMODEL, broken, place=PlantPath(TANK))


async def test_an_operation_calls_a_method_of_an_opcua_machine(hall: Hall) -> None:
    line = PackagingLine(tick_s=0.05)
    await line.start()
    try:
        raw = {
            "name": "line", "path": HALL, "url": line.url,
            "tags": [{"path": "state", "address": line.address("Filler.State")}],
            "methods": [
                {"path": "halt", "object": line.address("Filler"), "method": line.address("Filler.Halt")},
            ],
        }  # fmt: skip
        await hall.floor.edge.save(PLATFORM, "opcua", raw)
        async with asyncio.timeout(15):
            while (await hall.floor.edge.get(PLATFORM, "line")).health.state != "good":
                await asyncio.sleep(0.05)
        outcome = await hall.invoke(OLGA, "Halt", Duration=30)
        assert shown(outcome) == {"State": str(int(PackML.ABORTING))}
        assert line.model.machines[0].reason == "cleaning"
        (told,) = await audited(hall.floor.guard, "edge.call")
        assert told.after == {"arguments": ["cleaning", 30.0], "outputs": [int(PackML.ABORTING)]}
        refused = await hall.invoke(OLGA, "Halt", Duration=-1)
        assert refused.state is ExecutionState.FAILED
        assert "BadOutOfRange" in refused.messages[0]
        with pytest.raises(Invalid, match="takes 2 arguments, not 1"):
            await hall.floor.edge.call(OLGA, f"{HALL}/halt", "only one")
        with pytest.raises(Forbidden):
            await hall.floor.edge.call(EVE, f"{HALL}/halt", "no", 1.0)
    finally:
        await line.stop()


async def test_t20_over_http_with_a_dry_run_before(hall: Hall) -> None:
    security = Security.over(hall.floor.db)
    services = Services(repository=hall.repository, operations=hall.operations, bulk=Bulk(hall.repository))
    secret = (
        await security.tokens.create(PLATFORM, name="ci", grants=[Grant(role=Role.OPERATOR, subtree="acme")])
    ).secret
    app = Gate(application(services), security, refuse=refusal)
    at = f"/api/v3.1/submodels/{encode_id(SUBMODEL)}/submodel-elements/Heat"
    body = {"inputArguments": {"Temperature": 167}, "clientTimeoutDuration": "PT60S"}
    async with (
        served_at(app) as url,
        httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {secret}"}, timeout=30) as client,
    ):
        said = (await client.post(f"{at}/invoke/$value?dryRun=true", json=body)).json()
        assert (said["executionState"], said["success"]) == ("Initiated", True)
        assert said["messages"][1] == {
            "messageType": "Info", "text": f"would write 75.0 Cel to {place('setpoint')}, which is 60.0 now",
        }  # fmt: skip
        assert hall.machine.writes == []
        done = (await client.post(f"{at}/invoke/$value", json=body)).json()
        assert done == {
            "executionState": "Completed", "success": True, "outputArguments": {"Reached": 75.0, "Mode": "Auto"},
        }  # fmt: skip
