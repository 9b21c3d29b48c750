"""The 3D screen, as a visitor without a browser sees it: the picture's state, and the list beside it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from nicegui import ui
from nicegui.testing.user import User

import lineshaft.twins.pages
from lineshaft.console import Choice, Scene, Table, View
from lineshaft.console.actions import Button
from lineshaft.console.simulation import visitor
from lineshaft.kernel.db import Database
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Guard, Who
from lineshaft.telemetry import Live
from lineshaft.twins import Draft, Level, Pictures, Projection, Repository, Scenes, Twins
from lineshaft.twins.model.shell import shell_id
from lineshaft.twins.pages.naming import twin_address
from lineshaft.twins.service import scenes as scenes_service

from .conftest import ADA, EVE, FILLER, LINE, MODEL

Visit = Callable[..., Any]
Tell = Callable[..., Awaitable[int]]
assert lineshaft.twins.pages  # importing it registers the screens


@pytest.fixture
def visit(db: Database, guard: Guard, line: Twins, live: Live, repository: Repository, scenes: Scenes) -> Visit:
    services = {"twins": line, "live": live, "repository": repository, "scenes": scenes,
                "pictures": Pictures(db, guard)}  # fmt: skip

    @asynccontextmanager
    async def opened(path: str, *, who: Who = ADA, **options: Any) -> AsyncIterator[User]:
        address = twin_address(shell_id((await line.get(ADA, path)).id), "3d")
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


async def picture(user: User) -> Scene:
    await until(lambda: parts(user, Scene))
    return parts(user, Scene)[0]


async def table(user: User, label: str) -> Table:
    await until(lambda: any(t.state["label"] == label and t.rows for t in parts(user, Table)))
    return [t for t in parts(user, Table) if t.state["label"] == label][-1]


def cells(shown: Table, column: str) -> dict[str, str]:
    return {row["key"]: row["cells"][column]["t"] for row in shown.state["rows"]}


def press(user: User, of: Any, event: str, args: Any) -> None:
    """What the browser sends when somebody does something with a part."""
    listener = next(one for one in of._event_listeners.values() if one.type == event)
    user.client.handle_event({"id": of.id, "listener_id": listener.id, "args": [json.dumps(args)]})


async def test_a_line_is_laid_out_coloured_by_state_and_stays_live(visit: Visit, tell: Tell) -> None:
    await tell({f"{LINE}/{name}/speed": 100.0 for name in ("filler", "capper", "labeller")})
    async with visit(LINE, who=EVE) as user:
        shown = await picture(user)
        assert [one["id"] for one in shown.state["solids"]] == ["filler", "capper", "labeller"]
        assert shown.state["flows"] == [["filler", "capper"], ["capper", "labeller"]]
        assert cells(await table(user, "Machines"), "name") == {
            "filler": "Filler",
            "capper": "Capper",
            "labeller": "Labeller",
        }
        await until(lambda: shown.state["states"]["capper"]["look"] in ("good", "run"))
        await tell({f"{LINE}/capper/bearing-temperature": 99.0})
        await until(lambda: shown.state["states"]["capper"]["look"] == "warn")
        assert shown.state["states"]["filler"]["look"] in ("good", "run")
        await user.should_not_see("Add a model")


async def test_a_click_on_a_machine_opens_its_values_and_an_engineer_puts_it_elsewhere(
    visit: Visit, tell: Tell, scenes: Scenes
) -> None:
    await tell({f"{FILLER}/speed": 120.0})
    async with visit(LINE) as user:
        shown = await picture(user)
        press(user, shown, "pick", "filler")
        values = await table(user, "Filler")
        assert cells(values, "value")[f"{FILLER}/speed"].startswith("120")
        assert shown.state["selected"] == "filler"
        field = [e for e in user.client.elements.values() if "field-x" in e._markers][-1]
        field.value = 20.0
        user.find(kind=Button, content="Put it there").click()
        await until(lambda: shown.state["solids"][0]["x"] == 20.0)
        await user.should_see("It was put here by hand.", retries=50)
    assert (await scenes.get(EVE, LINE)).scene.spots["filler"].x == 20.0


async def test_parts_of_a_model_are_bound_and_tell_their_values(visit: Visit, tell: Tell, scenes: Scenes) -> None:
    await scenes.attach(ADA, FILLER, "filler.glb", MODEL, version=0)
    await tell({f"{FILLER}/speed": 120.0})
    async with visit(FILLER) as user:
        shown = await picture(user)
        assert shown.state["model"] == f"/api/v1/scenes/model?path={FILLER}&v=1"
        listed = await table(user, "Parts")
        assert list(cells(listed, "name").values()) == ["Bearing_Temperature", "speed.001", "Frame"]
        await until(lambda: "120" in cells(listed, "value")["speed.001"])
        press(user, listed, "row", "Frame")
        await until(lambda: parts(user, Choice))
        await until(lambda: shown.state["selected"] == "Frame")
        press(user, parts(user, Choice)[-1], "choose", ["speed"])
        await until(lambda: "120" in cells(listed, "value")["Frame"])
    assert (await scenes.get(EVE, FILLER)).scene.bindings["Frame"] == ("speed",)


async def test_an_uploaded_model_can_be_taken_back(visit: Visit, scenes: Scenes) -> None:
    await scenes.attach(ADA, FILLER, "filler.glb", MODEL, version=0)
    async with visit(FILLER) as user:
        await picture(user)
        press(user, parts(user, ui.menu_item)[-1], "click", None)
        await user.should_see("A layout from the plant model", retries=100)
    assert (await scenes.get(EVE, FILLER)).scene.digest == ""


async def test_a_place_without_machines_says_so(visit: Visit, line: Twins, repository: Repository) -> None:
    await line.create(ADA, Draft(path=PlantPath("acme/berlin/line-2"), level=Level.LINE))
    await Projection(line, repository).all()
    async with visit("acme/berlin/line-2") as user:
        await user.should_see("Nothing to draw yet", retries=50)


async def test_a_place_with_more_machines_than_are_drawn_says_so_and_offers_smaller_ones(
    visit: Visit, line: Twins, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scenes_service, "MOST_MACHINES", 2)
    went: list[str] = []
    monkeypatch.setattr(View, "go", lambda _, address: went.append(address))
    await line.create(ADA, Draft(path=PlantPath("acme/berlin/line-2/press"), level=Level.ASSET), with_parents=True)
    await Projection(line, repository).all()
    async with visit("acme/berlin") as user:
        await user.should_see("4 machines and parts stand here", retries=100)
        assert len((await picture(user)).state["solids"]) == 2
        offered = await table(user, "Draw a smaller place")
        assert list(cells(offered, "machines").values()) == ["3", "1"]
        press(user, offered, "row", list(cells(offered, "name"))[1])
        await until(lambda: went)
    small = await line.get(ADA, "acme/berlin/line-2")
    assert went == [twin_address(shell_id(small.id), "3d")]
    async with visit(small.path) as user:
        assert len((await picture(user)).state["solids"]) == 1
        await user.should_not_see("machines and parts stand here")


async def test_the_screen_speaks_chinese(visit: Visit) -> None:
    async with visit(LINE, language="zh") as user:
        await user.should_see("按工艺流向由工厂模型生成的布局", retries=50)
