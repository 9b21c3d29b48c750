"""The screens of process pictures, as a visitor without a browser sees them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from nicegui import ui
from nicegui.testing import User

import lineshaft.twins.pages
from lineshaft.console import Editor, Synoptic, Table
from lineshaft.console.simulation import follow, visitor
from lineshaft.kernel.db import Database
from lineshaft.security import Guard, Who
from lineshaft.telemetry import Live
from lineshaft.twins import Pictures, Twins

from .conftest import ADA, EVE, at
from .test_pages import Tell, eventually, parts, press, until
from .test_pictures import LINE, TANK, bound, box, picture

Visit = Callable[..., Any]
assert lineshaft.twins.pages  # importing it registers the screens


@pytest.fixture
async def pictures(db: Database, guard: Guard, twins: Twins) -> Pictures:
    await twins.create(ADA, at(TANK, type="tank"))
    return Pictures(db, guard, twins.now)


@pytest.fixture
def visit(twins: Twins, pictures: Pictures, live: Live) -> Visit:
    @asynccontextmanager
    async def opened(address: str, *, who: Who = ADA, **options: Any) -> AsyncIterator[User]:
        services = {"twins": twins, "pictures": pictures, "live": live}
        async with visitor(who=who, services=services, **options) as user:
            await user.open(address)
            yield user

    return opened


async def drawn(user: User) -> Synoptic:
    await until(lambda: parts(user, Synoptic))
    return next(iter(parts(user, Synoptic)))


async def test_one_press_draws_the_first_picture_of_any_plant(visit: Visit, pictures: Pictures) -> None:
    async with visit("/synoptics") as user:
        await user.should_see("No pictures yet", retries=50)
        user.find("Draw the first picture").click()
        await eventually(lambda: pictures.list_(ADA))
        [made] = await pictures.list_(ADA)
        follow(user, f"/synoptics/{made.id}")
        shown = await drawn(user)
    assert "tank" in {item["symbol"] for item in shown.state["picture"]["items"]}


async def test_a_viewer_without_pictures_is_told_who_draws_them(visit: Visit) -> None:
    async with visit("/synoptics", who=EVE, language="zh") as user:
        await user.should_see("还没有画面", retries=50)
        await user.should_not_see("绘制第一幅画面")


async def test_a_picture_follows_the_plant_and_sends_what_changed_only(
    visit: Visit, pictures: Pictures, tell: Tell
) -> None:
    items = (
        box("t", bindings=bound(level=f"{TANK}/level", state=TANK)),
        box("v", bindings=bound(value=f"{TANK}/volume")),
    )
    made = await pictures.save(ADA, picture(*items))
    await tell({f"{TANK}/level": 50.0, f"{TANK}/volume": 3.0})
    async with visit(f"/synoptics/{made.id}", who=EVE) as user:
        shown = await drawn(user)
        assert shown.state["now"]["t"]["level"] == ["good", "50.00", 0.5, 50.0]
        assert shown.state["known"]["t"]["level"] == {"title": "Level", "unit": "%", "low": 0.05, "high": 0.95}
        await tell({f"{TANK}/level": 99.0})
        await until(lambda: shown.state["now"]["t"]["level"] == ["warn", "99.00", 0.99, 99.0])
        assert shown.state["now"]["t"]["state!"][0] == "warn"
        assert shown.state["now"]["v"]["value"][1] == "3.00"
        await user.should_not_see("Edit")


async def test_versions_are_listed_and_restored_on_screen(visit: Visit, pictures: Pictures) -> None:
    made = await pictures.save(ADA, picture(box("a")))
    await pictures.save(ADA, picture(id=made.id, version=1))
    async with visit(f"/synoptics/{made.id}") as user:
        await drawn(user)
        press(user, parts(user, ui.menu_item)[-2], "click", None)
        await until(lambda: [t for t in parts(user, Table) if len(t.rows) == 2])
        table = parts(user, Table)[0]
        press(user, table, "act", {"key": "1", "action": 0})
        await eventually(lambda: _version(pictures, made.id, 3))
    assert [i.id for i in (await pictures.get(ADA, made.id)).items] == ["a"]


async def test_a_removed_picture_is_listed_and_brought_back_on_screen(visit: Visit, pictures: Pictures) -> None:
    made = await pictures.save(ADA, picture(box("a")))
    await pictures.remove(ADA, made.id)
    async with visit("/synoptics", language="zh") as user:
        await user.should_see("还没有画面", retries=50)
        press(user, parts(user, ui.menu_item)[-1], "click", None)
        await until(lambda: [t for t in parts(user, Table) if t.rows])
        [table] = parts(user, Table)
        assert [(row["title"], row["by"]) for row in table.rows] == [("Line", "ada")]
        press(user, table, "act", {"key": made.id, "action": 0})
        await eventually(lambda: pictures.list_(ADA))
    assert [i.id for i in (await pictures.get(ADA, made.id)).items] == ["a"]


async def test_a_machine_and_its_place_lead_to_the_pictures_that_show_it(visit: Visit, pictures: Pictures) -> None:
    made = await pictures.save(ADA, picture(box("t", bindings=bound(level=f"{TANK}/level"))))
    async with visit(f"/assets/{TANK}", who=EVE) as user:
        await user.should_see("Process picture", retries=50)
        user.find("Process picture").click()
        follow(user, f"/synoptics/{made.id}")
        await drawn(user)
    await pictures.save(ADA, replace(made, id="", version=0, title={"en": "Tank alone"}))
    async with visit(f"/?path={LINE}", who=EVE) as user:
        await user.should_see("Process pictures", retries=50)
        await user.should_see("Tank alone")


async def test_a_machine_that_no_picture_shows_has_no_way_to_one(visit: Visit, pictures: Pictures) -> None:
    await pictures.save(ADA, picture(box("t")))
    async with visit(f"/assets/{TANK}") as user:
        await user.should_see("All values", retries=50)
        await user.should_not_see("Process picture")


async def _version(pictures: Pictures, id_: str, wanted: int) -> bool:
    return (await pictures.get(ADA, id_)).version == wanted


async def test_the_editor_saves_says_what_lies_below_a_place_and_tells_who_was_faster(
    visit: Visit, pictures: Pictures
) -> None:
    made = await pictures.save(ADA, picture(box("a")))
    async with visit(f"/synoptics/{made.id}/edit") as user:
        await until(lambda: parts(user, Editor))
        [editor] = parts(user, Editor)
        told: list[tuple[Any, ...]] = []
        editor.tell = lambda *about: told.append(about)
        assert len(editor.state["symbols"]) > 100
        press(user, editor, "browse", TANK)
        await until(lambda: told)
        what, path, leaves = told.pop()
        assert (what, path, leaves[0]["path"], leaves[0]["property"]) == ("branch", TANK, f"{TANK}/level", True)
        parcel = {"id": made.id, "title": {"en": "New"}, "place": made.place, "version": 1, "items": []}
        press(user, editor, "save", parcel)
        await until(lambda: told)
        assert told.pop() == ("saved", 2)
        press(user, editor, "save", parcel)
        await user.should_see("ada saved version 2 of this picture; you changed version 1.", retries=50)
        assert told.pop() == ("refused",)
        press(user, editor, "save", {**parcel, "items": "many"})
        await until(lambda: told)
        assert told.pop() == ("refused",)
    assert (await pictures.get(ADA, made.id)).title == {"en": "New"}


async def test_a_viewer_is_led_from_the_editor_to_the_picture(visit: Visit, pictures: Pictures) -> None:
    made = await pictures.save(ADA, picture(box("a")))
    async with visit(f"/synoptics/{made.id}/edit", who=EVE) as user:
        await asyncio.sleep(0.3)
        assert parts(user, Editor) == []
