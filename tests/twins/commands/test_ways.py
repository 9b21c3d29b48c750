"""The ways people set values: the asset's screen, and `$value` of an element that shows a machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from nicegui.testing.user_interaction import UserInteraction
from tests.twins.aas.conftest import served_at
from tests.twins.commands.conftest import OLGA, TANK, Floor
from tests.twins.commands.test_operations import HEAT
from tests.twins.conftest import EVE
from tests.twins.test_pages import cells, field, parts, press, table

import lineshaft.twins.pages  # noqa: F401 - importing it registers the screens
from lineshaft.console import ABSENT
from lineshaft.console.actions import Button
from lineshaft.console.simulation import visitor
from lineshaft.kernel.tasks import Crew
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import PLATFORM, Grant, Role, Security
from lineshaft.security.api import Gate
from lineshaft.twins import (
    Bulk,
    Delivery,
    Interlocks,
    MachineOperations,
    Operations,
    Pictures,
    Projection,
    Repository,
    Setpoints,
    Wish,
)
from lineshaft.twins.api.aas import Services, application, refusal
from lineshaft.twins.metamodel.identifiers import encode_id
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.model.shell import part_id
from lineshaft.twins.pages.naming import twin_address
from lineshaft.twins.settings import TwinsSettings
from lineshaft.twins.submodels import new_shell
from lineshaft.twins.worker import Deliverer

OVEN = {"modelType": "Submodel", "id": "urn:acme:oven:operations", "idShort": "Oven", "submodelElements": [HEAT]}


@dataclass
class Ways:
    """A floor whose desires are delivered, and its repository."""

    floor: Floor
    setpoints: Setpoints
    repository: Repository


@pytest.fixture
async def ways(floor: Floor) -> AsyncIterator[Ways]:
    interlocks = Interlocks(floor.twins, floor.edge)
    floor.edge.before_writing(interlocks.check)
    setpoints = Setpoints(floor.db, floor.guard, floor.twins, floor.edge, interlocks, TwinsSettings())
    repository = Repository(floor.db, floor.guard, "acme", live=floor.live)
    await Projection(floor.twins, repository).all()
    delivery = Delivery(floor.db, floor.guard, floor.twins, floor.edge)
    async with Crew() as crew:
        crew.keep("desires", Deliverer(setpoints, delivery, floor.bus).run)
        yield Ways(floor, setpoints, repository)


async def test_the_asset_shows_desired_beside_reported_and_sets_what_is_confirmed(ways: Ways) -> None:
    floor = ways.floor
    await ways.setpoints.desire(OLGA, TANK, {"setpoint": Wish(value=71)})
    await ways.setpoints.settled(OLGA, TANK, ["setpoint"], within_s=10)
    services = {"twins": floor.twins, "live": floor.live, "setpoints": ways.setpoints,
                "pictures": Pictures(floor.db, floor.guard)}  # fmt: skip
    async with visitor(who=OLGA, services=services) as user:
        await user.open(f"/assets/{TANK}")
        shown = await table(user, "Setpoints")
        assert cells(shown, "stage") == {"setpoint": "Acknowledged", "mode": ABSENT, "speed": ABSENT}
        assert cells(shown, "desired")["setpoint"].startswith("71")
        assert cells(shown, "note")["setpoint"] == "by olga"
        press(user, shown, "act", {"action": 0, "key": "setpoint"})
        await user.should_see("It is now 71", retries=50)
        field(user, "value").set_value(74)
        user.find("Write to the machine").click()
        await user.should_see("Set Setpoint to 74", retries=50)
        (write,) = [one for one in parts(user, Button) if one.label == "Write"]
        with user.client:
            UserInteraction(user, {write}, None).click()
        async with asyncio.timeout(15):
            while floor.machine.holds("setpoint") != 74:
                await asyncio.sleep(0.05)


async def test_an_operation_is_rehearsed_and_confirmed_before_the_machine_does_anything(ways: Ways) -> None:
    floor = ways.floor
    machine = MachineOperations(floor.edge, Interlocks(floor.twins, floor.edge))
    operations = Operations(ways.repository, floor.guard, [machine])
    shell = new_shell("urn:acme:shell:oven", "https://acme.example/01/oven", submodels=[OVEN])
    await ways.repository.create(PLATFORM, Kind.SHELL, shell, place=PlantPath(TANK))
    await ways.repository.create(PLATFORM, Kind.SUBMODEL, dict(OVEN), place=PlantPath(TANK))
    services = {"repository": ways.repository, "operations": operations, "twins": floor.twins, "live": floor.live,
                "pictures": Pictures(floor.db, floor.guard)}  # fmt: skip
    async with visitor(who=OLGA, services=services) as user:
        await user.open(twin_address(shell["id"], "operations"))
        shown = await table(user, "Operations")
        assert list(cells(shown, "steps").values()) == ["3"]
        press(user, shown, "act", {"action": 0, "key": shown.rows[0]["id"]})
        await user.should_see("Dry run", retries=50)
        field(user, "Temperature").set_value(167)
        user.find("Dry run").click()
        steps = await table(user, "Steps")
        assert next(iter(cells(steps, "value").values())) == "Auto"
        assert [text.startswith("75") for text in cells(steps, "value").values()] == [False, True, False]
        assert floor.machine.writes == []
        user.find("Run on the machine …").click()
        await user.should_see("Run Heat on the machine?", retries=50)
        (run,) = [one for one in parts(user, Button) if one.label == "Run"]
        with user.client:
            UserInteraction(user, {run}, None).click()
        await user.should_see("Heat is done.", retries=200)
    assert (floor.machine.holds("mode"), floor.machine.holds("setpoint"), floor.machine.holds("speed")) == (2, 75, 120)


async def test_a_viewer_is_offered_no_setpoint(ways: Ways) -> None:
    services = {"twins": ways.floor.twins, "live": ways.floor.live, "setpoints": ways.setpoints,
                "pictures": Pictures(ways.floor.db, ways.floor.guard)}  # fmt: skip
    async with visitor(who=EVE, services=services) as user:
        await user.open(f"/assets/{TANK}")
        await user.should_see("All values", retries=50)
        await user.should_not_see("Setpoints")


async def test_values_written_to_what_shows_a_machine_are_set_on_it_or_say_why_not(ways: Ways) -> None:
    floor = ways.floor
    security = Security.over(floor.db)
    services = Services(
        repository=ways.repository,
        operations=Operations(ways.repository, floor.guard),
        bulk=Bulk(ways.repository),
        setpoints=ways.setpoints,
    )
    secret = (
        await security.tokens.create(PLATFORM, name="ci", grants=[Grant(role=Role.OPERATOR, subtree="acme")])
    ).secret
    twin = await floor.twins.get(PLATFORM, TANK)
    at = f"/api/v3.1/submodels/{encode_id(part_id(twin.id, 'OperationalData'))}"
    headers = {"Authorization": f"Bearer {secret}"}
    app = Gate(application(services), security, refuse=refusal)
    async with served_at(app) as url, httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
        done = await client.patch(f"{at}/submodel-elements/setpoint/$value", json=72.5)
        assert (done.status_code, floor.machine.holds("setpoint")) == (204, 72.5)
        measured = await client.patch(f"{at}/submodel-elements/temperature/$value", json=5.5)
        assert measured.status_code == 403
        assert "is measured and cannot be set" in measured.json()["messages"][0]["text"]
        beyond = await client.patch(f"{at}/$value", json={"setpoint": 70, "speed": 9_000})
        assert beyond.status_code == 400
        assert "outside" in beyond.json()["messages"][0]["text"]
        assert (floor.machine.holds("setpoint"), floor.machine.holds("speed")) == (72.5, 0)
