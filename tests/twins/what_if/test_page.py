"""The what-if screen, as a visitor without a browser sees it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from nicegui.testing.user import User

import lineshaft.twins.pages
from lineshaft.console import Badge, Table, Trend
from lineshaft.console.actions import Button
from lineshaft.console.simulation import visitor
from lineshaft.kernel.db import Database
from lineshaft.security import Guard, Who
from lineshaft.telemetry import Live
from lineshaft.twins import Pictures, Projection, Repository, Twins
from lineshaft.twins.model.shell import shell_id
from lineshaft.twins.model.simulation import Altered
from lineshaft.twins.pages.naming import twin_address

from .conftest import ADA, EVE, OLLI, TANK, Plant, audited

Visit = Callable[..., Any]
assert lineshaft.twins.pages  # importing it registers the screens


@pytest.fixture
async def visit(plant: Plant, twins: Twins, live: Live, guard: Guard, db: Database) -> Visit:
    repository = Repository(db, guard, "acme", live=live)
    await Projection(twins, repository).all()
    address = twin_address(shell_id((await twins.get(ADA, TANK)).id), "what-if")
    services = {"twins": twins, "live": live, "repository": repository, "simulations": plant.simulations,
                "scenarios": plant.scenarios, "pictures": Pictures(db, guard)}  # fmt: skip

    @asynccontextmanager
    async def opened(*, who: Who = ADA, **options: Any) -> AsyncIterator[User]:
        async with visitor(who=who, services=services, **options) as user:
            await user.open(address)
            yield user

    return opened


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.02)


def parts(user: User, kind: type[Any]) -> list[Any]:
    return [e for e in user.client.elements.values() if isinstance(e, kind)]


async def table(user: User, label: str) -> Table:
    await until(lambda: any(t.state["label"] == label for t in parts(user, Table)))
    return next(t for t in parts(user, Table) if t.state["label"] == label)


def cells(shown: Table, column: str) -> dict[str, str]:
    return {row["key"]: row["cells"][column]["t"] for row in shown.state["rows"]}


def field(user: User, name: str, turn: int = 0) -> Any:
    return [e for e in user.client.elements.values() if f"field-{name}" in e._markers][turn]


def press(user: User, of: Any, event: str, args: Any) -> None:
    """What the browser sends when somebody does something with a part."""
    listener = next(one for one in of._event_listeners.values() if one.type == event)
    user.client.handle_event({"id": of.id, "listener_id": listener.id, "args": [json.dumps(args)]})


async def run(user: User, how: str, number: float) -> Table:
    """Alter the inflow and run the last fifteen minutes but a few."""
    await user.should_see("What if …", retries=50)
    field(user, "how").value = how
    field(user, "number").value = number
    user.find("Run").click()
    return await table(user, "Differences")


async def test_a_model_that_fits_is_offered_and_started_with_one_press(visit: Visit, plant: Plant) -> None:
    async with visit() as user:
        await user.should_see("Fits the properties of this machine", retries=50)
        user.find("Run it beside the machine").click()
        await user.should_see("Virtual sensor", retries=100)
    [model] = await plant.simulations.list_(ADA, TANK)
    assert (model.mechanism, model.compares) == ("tank", {"level": "level"})
    async with visit(who=EVE) as user:
        await user.should_see("Virtual sensor", retries=50)
        await user.should_not_see("Run it beside the machine")


async def test_a_run_shows_its_courses_and_its_differences_with_units(visit: Visit) -> None:
    async with visit(who=EVE) as user:
        shown = await run(user, "offsets", 1.0)
        rise, _, unit = cells(shown, "last")["Computed level"].partition("\N{NO-BREAK SPACE}")
        assert (rise[0], unit) == ("+", "%")
        assert float(rise) == pytest.approx(1 * 60 / 4, abs=0.5), "one litre a minute for an hour into four a percent"
        lines = [[line["name"] for line in chart.state["lines"]] for chart in parts(user, Trend)]
        assert lines == [
            ["What if", "As it was, by the model", "Measured"],
            ["What if, less as it was", "Measured, less the model"],
        ]
        assert all(line["unit"] == "%" for chart in parts(user, Trend) for line in chart.state["lines"])
        await user.should_see("Not fed to the model in this span, so that it predicts: Measured level.")
        await user.should_not_see("Keep …")


async def test_an_alteration_without_its_number_is_asked_for_and_nothing_runs(visit: Visit) -> None:
    async with visit() as user:
        await user.should_see("What if …", retries=50)
        field(user, "how").value = "ramps"
        user.find("Run").click()
        await user.should_see("Enter a number.", retries=50)
        assert parts(user, Trend) == []


async def test_a_run_is_kept_renamed_compared_and_discarded_with_a_way_back(
    visit: Visit, plant: Plant, guard: Guard
) -> None:
    other = await plant.scenarios.run(OLLI, plant.model, plant.span(0, 30), Altered())
    await plant.scenarios.keep(OLLI, other, "Calm")
    async with visit(who=OLLI) as user:
        await run(user, "factors", 1.5)
        user.find("Keep …").click()
        await until(lambda: [e for e in user.client.elements.values() if "field-name" in e._markers])
        field(user, "name", -1).value = "Half more"
        user.find(kind=Button, content="Save").click()
        kept = await table(user, "Kept runs")
        await until(lambda: list(cells(kept, "name").values()) == ["Half more", "Calm"])
        assert list(cells(kept, "altered").values()) == ["Inflow × 1.5", "nothing altered"]

        press(user, kept, "select", list(cells(kept, "name")))
        user.find("Compare two").click()
        await user.should_see("Half more less Calm", retries=50)
        await user.should_see("both are shown from their start")

        newest = next(iter(cells(kept, "name")))
        press(user, kept, "act", {"action": 1, "key": newest})
        await until(lambda: list(cells(kept, "name").values()) == ["Calm"])
    assert [one.name for one in await plant.scenarios.list_(OLLI, TANK)] == ["Calm"]
    assert len(await audited(guard, "twins.scenario.discard")) == 1


async def test_a_model_that_does_not_run_says_why_and_since_when(visit: Visit, plant: Plant) -> None:
    model = await plant.simulations.save(ADA, plant.model)
    await plant.simulations.fails(ADA, model, "The input 'outflow' is missing.")
    async with visit(who=EVE) as user:
        await user.should_see("It has not run since", retries=50)
        await user.should_see("The input 'outflow' is missing.")
        await until(lambda: any(one.state["label"] == "Failed" for one in parts(user, Badge)))
    await plant.simulations.runs(ADA, model)
    async with visit(who=EVE) as user:
        await user.should_see("Last trouble", retries=50)


async def test_the_screen_speaks_chinese(visit: Visit) -> None:
    async with visit(language="zh") as user:
        await user.should_see("储罐液位平衡", retries=50)
        await user.should_see("假如…")
