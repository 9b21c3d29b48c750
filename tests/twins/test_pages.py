"""The screens do what they say, as a visitor without a browser sees them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from nicegui.testing import User
from nicegui.testing.user_interaction import UserInteraction

import lineshaft.twins.pages
from lineshaft.console import Table, Tile, Tree, quantity
from lineshaft.console.actions import Button
from lineshaft.console.simulation import visitor
from lineshaft.kernel.db import Database
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Guard, Role, Who
from lineshaft.telemetry import Live
from lineshaft.twins import Deed, Found, Level, NoTwin, Pictures, Twins

from .conftest import ADA, BOB, EVE, at, person

LINE = "acme/berlin/line-1"
FILLER = f"{LINE}/filler"
Tell = Callable[..., Awaitable[int]]
Visit = Callable[..., Any]
assert lineshaft.twins.pages  # importing it registers the screens


@pytest.fixture
def visit(db: Database, guard: Guard, twins: Twins, live: Live) -> Visit:
    services = {"twins": twins, "live": live, "pictures": Pictures(db, guard, twins.now)}

    @asynccontextmanager
    async def opened(address: str, *, who: Who = ADA, **options: Any) -> AsyncIterator[User]:
        async with visitor(who=who, services=services, **options) as user:
            await user.open(address)
            yield user

    return opened


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.02)


async def eventually(true: Callable[[], Awaitable[object]]) -> None:
    """Wait for what a click sets going."""
    async with asyncio.timeout(10):
        while not await true():
            await asyncio.sleep(0.02)


def parts(user: User, kind: type[Any]) -> list[Any]:
    return [e for e in user.client.elements.values() if isinstance(e, kind)]


async def table(user: User, label: str) -> Table:
    """The table of that name, once it is drawn and filled."""
    await until(lambda: any(t.state["label"] == label and t.rows for t in parts(user, Table)))
    return next(t for t in parts(user, Table) if t.state["label"] == label)


def cells(shown: Table, column: str) -> dict[str, str]:
    return {row["key"]: row["cells"][column]["t"] for row in shown.state["rows"]}


def tiles(user: User) -> dict[str, dict[str, Any]]:
    return {t.state["name"]: t.state for t in parts(user, Tile)}


async def tile(user: User, name: str) -> dict[str, Any]:
    await until(lambda: name in tiles(user))
    return tiles(user)[name]


def field(user: User, name: str) -> Any:
    """The field of the form drawn last."""
    return [e for e in user.client.elements.values() if f"field-{name}" in e._markers][-1]


def press(user: User, of: Table, event: str, args: Any) -> None:
    """What the browser sends when somebody presses something in a table."""
    listener = next(one for one in of._event_listeners.values() if one.type == event)
    user.client.handle_event({"id": of.id, "listener_id": listener.id, "args": [json.dumps(args)]})


async def test_an_empty_plant_leads_to_the_first_connection(visit: Visit) -> None:
    async with visit("/", who=BOB) as user:
        await user.should_see("No machines yet", retries=50)
        await user.should_see("Add connection", retries=50)


async def test_a_viewer_of_an_empty_plant_is_told_who_connects_machines(visit: Visit) -> None:
    async with visit("/", who=person("vic", Role.VIEWER, "other")) as user:
        await user.should_see("They appear here once an engineer has connected them.", retries=50)
        await user.should_not_see("Add connection")


async def test_first_values_find_their_places_with_one_press_and_can_be_taken_back(visit: Visit, twins: Twins) -> None:
    found = [Found(path=PlantPath(f"other/hall/pump-1/{name}")) for name in ("speed", "flow", "secret")]
    await twins.adoption.note(found, adopt=False)
    await twins.adoption.decline(BOB, ["other/hall/pump-1/secret"])
    async with visit("/", who=BOB) as user:
        await user.should_see("2 values have arrived", retries=50)
        user.find("Find their places").click()
        await eventually(lambda: twins.find(BOB, "other/hall/pump-1"))
        await user.should_see("Placed 2 series", retries=50)
    placed = await twins.get(BOB, "other/hall/pump-1")
    assert {p.property.name for p in placed.points} == {"speed", "flow"}, "what was left out stays out"
    [change] = await twins.history(BOB, "other/hall/pump-1")
    assert (change.by, change.deed) == ("bob", Deed.ADOPTED)


async def test_values_without_a_place_are_told_above_a_plant_that_has_machines(visit: Visit, twins: Twins) -> None:
    await twins.create(ADA, at(FILLER, type="filler"))
    await twins.adoption.note([Found(path=PlantPath(f"{LINE}/capper/speed"))], adopt=False)
    async with visit(f"/?path={LINE}", who=ADA) as user:
        await user.should_see("1 values have no place in the plant yet.", retries=50)
    async with visit(f"/?path={LINE}", who=EVE) as user:
        await user.should_see("Machines running", retries=50)
        await user.should_not_see("no place in the plant")


async def test_the_parts_of_a_line_show_what_its_machines_do_and_stay_fresh(
    visit: Visit, twins: Twins, tell: Tell
) -> None:
    await twins.create(ADA, at(FILLER, type="filler"))
    await tell({f"{FILLER}/speed": 180.0})
    async with visit(f"/assets/{LINE}", who=ADA) as user:
        await user.should_see("Parts", retries=50)
        await user.should_not_see("This has no values of its own.")
        assert (await tile(user, "Filler"))["note"] == "Machine speed"
        await until(lambda: tiles(user)["Filler"]["value"] == "180.0")
        await tell({f"{FILLER}/speed": 90.0})
        await until(lambda: tiles(user)["Filler"]["value"] == "90.00")


async def test_the_overview_shows_machines_and_what_needs_attention(twins: Twins, tell: Tell, visit: Visit) -> None:
    await twins.create(ADA, at(FILLER, type="filler"))
    await twins.create(ADA, at(f"{LINE}/capper", type="capper"))
    await tell({f"{FILLER}/state": 6.0, f"{FILLER}/speed": 410.0})
    await tell({f"{LINE}/capper/state": 9.0, f"{LINE}/capper/speed": 0.0, f"{LINE}/capper/vibration": 9.5})
    async with visit("/", who=EVE) as user:
        await tile(user, "Filler")
        shown = tiles(user)
        assert (shown["Machines running"]["value"], shown["Attention"]["value"]) == ("1 / 2", "1")
        assert (shown["Filler"]["value"], shown["Filler"]["unit"], shown["Filler"]["status"]) == (
            "410.0",
            "items/min",
            "run",
        )
        assert (shown["Capper"]["status"], shown["Capper"]["href"]) == ("alarm", f"/assets/{LINE}/capper")
        reasons = await table(user, "Needs attention")
        assert list(cells(reasons, "what").values()) == [
            "The machine reports a fault: State Aborted",
            "Out of range: Vibration 9.50\u00a0mm/s",
        ]
        assert set(cells(reasons, "machine").values()) == {"Capper"}
        await tell({f"{LINE}/capper/state": 6.0, f"{LINE}/capper/vibration": 2.0})
        await until(lambda: tiles(user)["Machines running"]["value"] == "2 / 2")
        await user.should_see("All is well", retries=50)


async def test_a_large_place_is_shown_by_its_branches(twins: Twins, visit: Visit) -> None:
    found = [Found(path=PlantPath(f"acme/berlin/line-{n % 3}/pump-{n}/speed")) for n in range(60)]
    await twins.adoption.note(found, adopt=True)
    async with visit("/") as user:
        await tile(user, "Line 0")
        shown = tiles(user)
        assert (shown["Line 0"]["value"], shown["Line 0"]["href"]) == ("0 / 0", "/?path=acme/berlin/line-0")
        assert "Pump 1" not in shown
    async with visit("/?path=acme/berlin/line-0") as user:
        await until(lambda: len([name for name in tiles(user) if name.startswith("Pump")]) == 20)


async def test_a_place_that_is_not_there_is_said_to_be_so(visit: Visit) -> None:
    async with visit("/?path=acme/nowhere") as user:
        await user.should_see("There is nothing at acme/nowhere.", retries=50)
    async with visit("/assets/acme/nowhere") as user:
        await user.should_see("There is no twin at acme/nowhere.", retries=50)
    async with visit(f"/assets/{LINE}", who=BOB) as user:
        await user.should_see("bob has no role on", retries=50)


async def test_an_asset_shows_its_values_live(twins: Twins, tell: Tell, visit: Visit) -> None:
    await twins.create(ADA, at(FILLER, type="filler", title={"en": "Filler One", "zh": "一号灌装机"}))
    await tell({f"{FILLER}/state": 6.0, f"{FILLER}/tank-level": 50.0, f"{FILLER}/guard-closed": 1.0})
    async with visit(f"/assets/{FILLER}", who=EVE) as user:
        await user.should_see("Filler One", retries=50)
        values = await table(user, "All values")
        assert {k: v for k, v in cells(values, "value").items() if v != "–"} == {
            "state": "Execute", "guard-closed": "Yes", "tank-level": quantity(50.0, "%")
        }  # fmt: skip
        assert cells(values, "quality")["tank-level"] == "Good"
        await user.should_not_see("Edit")
        await tell({f"{FILLER}/tank-level": 2.0})
        await until(lambda: cells(values, "value")["tank-level"] == quantity(2.0, "%"))
        assert cells(values, "quality")["tank-level"] == "Warning"
        assert tiles(user)["Bowl level"]["value"] == "2.00"
    async with visit(f"/assets/{FILLER}", who=EVE, language="zh") as user:
        await user.should_see("一号灌装机", retries=50)
        assert cells(await table(user, "所有数值"), "name")["tank-level"] == "料缸液位"


async def test_an_engineer_edits_and_takes_back(twins: Twins, visit: Visit) -> None:
    await twins.create(ADA, at(FILLER, type="filler"))
    async with visit(f"/assets/{FILLER}?tab=edit") as user:
        properties = await table(user, "Properties")
        user.find(marker="field-title").clear().type("Big Filler")
        user.find("Save").click()

        async def titled() -> bool:
            return (await twins.get(ADA, FILLER)).draft.title == {"en": "Big Filler"}

        await eventually(titled)
        await until(lambda: all(t is not properties for t in parts(user, Table)))
        press(user, await table(user, "Properties"), "act", {"action": 1, "key": "state"})

        async def without() -> bool:
            return "state" in (await twins.get(ADA, FILLER)).draft.without

        await eventually(without)
    async with visit(f"/assets/{FILLER}?tab=changes") as user:
        changes = await table(user, "Changes")
        assert list(cells(changes, "detail").values()) == ["properties", "title", ""]
        press(user, changes, "act", {"action": 0, "key": changes.rows[0]["id"]})

        async def back() -> bool:
            return not (await twins.get(ADA, FILLER)).draft.without

        await eventually(back)


async def test_the_plant_model_adds_from_a_template(twins: Twins, visit: Visit) -> None:
    async with visit(f"/plant?path={LINE}") as user:
        await user.should_see("Add below", retries=50)
        user.find("Add below").click()
        await user.should_see("Template", retries=50)
        user.find(marker="field-name").type("pump-1")
        field(user, "type").value = "pump"
        field(user, "level").value = "asset"
        save = [b for b in parts(user, Button) if b.label == "Add"][-1]
        with user.client:
            UserInteraction(user, {save}, None).click()
        await eventually(lambda: twins.find(ADA, f"{LINE}/pump-1"))
        made = await twins.get(ADA, f"{LINE}/pump-1")
        assert (made.draft.type, made.draft.level) == ("pump", Level.ASSET)
        await until(lambda: parts(user, Tree)[0].selected == f"{LINE}/pump-1")


async def test_who_chooses_on_while_something_is_read_sees_the_last_choice_and_never_half_of_one(
    twins: Twins, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("filler", "capper"):
        await twins.create(ADA, at(f"{LINE}/{name}", type=name))
    held, read = asyncio.Event(), twins.types.list_

    async def slowly(*asked: Any) -> Any:
        if slow:
            await held.wait()
        return await read(*asked)

    monkeypatch.setattr(twins.types, "list_", slowly)
    slow = False
    async with visit(f"/plant?path={LINE}") as user:
        await user.should_see("Add below", retries=50)
        plant = parts(user, Tree)[0]
        slow = True
        choose(user, plant, FILLER)
        await asyncio.sleep(0.3)
        await user.should_see(f"Line · {LINE}")
        await user.should_not_see(f"Machine · {FILLER}")
        slow = False
        choose(user, plant, f"{LINE}/capper")
        await user.should_see(f"Machine · {LINE}/capper", retries=50)
        held.set()
        await asyncio.sleep(0.3)
        await user.should_see(f"Machine · {LINE}/capper")
        await user.should_not_see(f"Machine · {FILLER}")
        assert field(user, "type").value == "capper"


def choose(user: User, plant: Tree, path: str) -> None:
    """What the browser sends when somebody chooses a node."""
    listener = next(one for one in plant._event_listeners.values() if one.type == "select")
    user.client.handle_event({"id": plant.id, "listener_id": listener.id, "args": [json.dumps(path)]})


async def test_series_are_placed_from_the_screen(twins: Twins, visit: Visit) -> None:
    await twins.adoption.note([Found(path=PlantPath(f"{LINE}/pump-1/{n}")) for n in ("rpm", "flow")], adopt=False)
    async with visit("/plant?tab=places") as user:
        await user.should_see("Without a place (2)", retries=50)
        user.find("Propose places").click()
        await user.should_see("Guessed units", retries=50)
        assert cells(await table(user, "Proposed"), "type") == {f"{LINE}/pump-1": "pump"}
        user.find("Accept").click()
        await eventually(lambda: twins.find(ADA, f"{LINE}/pump-1"))
    assert (await twins.history(ADA, f"{LINE}/pump-1"))[0].deed is Deed.ADOPTED
    assert await twins.adoption.unplaced(ADA) == []


async def test_types_are_shaped_from_the_screen(twins: Twins, visit: Visit) -> None:
    async with visit("/plant?tab=types") as user:
        types = await table(user, "Types")
        assert "Pump" in cells(types, "title").values()
        press(user, types, "row", "gate")
        press(user, await table(user, "Gate"), "act", {"action": 1, "key": "cycles"})

        async def own() -> bool:
            return not (await twins.types.get(ADA, "acme", "gate")).library

        await eventually(own)
    kind = await twins.types.get(ADA, "acme", "gate")
    assert ([p.name for p in kind.properties], kind.version) == (["open"], 1)


async def test_engineers_of_a_line_see_their_line_only(twins: Twins, visit: Visit) -> None:
    await twins.create(ADA, at(FILLER, type="filler"))
    lena = person("lena", Role.ENGINEER, FILLER)
    async with visit("/", who=lena) as user:
        assert (await tile(user, "Machines running"))["value"] == "0 / 0"
    with pytest.raises(NoTwin):
        await twins.get(ADA, f"{FILLER}/x")
