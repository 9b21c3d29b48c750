"""The screens of connections with a real bus, a real edge box and a real Modbus device."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from nicegui.testing import User

import lineshaft.edge.pages
from lineshaft.console import Badge, Table, Tree
from lineshaft.console.actions import Button
from lineshaft.console.simulation import visitor
from lineshaft.console.view import here
from lineshaft.edge import ConnectionStore, Edge, EdgeSettings
from lineshaft.edge.connectors import Node
from lineshaft.edge.connectors.modbus.fake import ReplayServer
from lineshaft.edge.pages.picking import Picking
from lineshaft.edge.worker import EdgeBox
from lineshaft.kernel.bus import Bus
from lineshaft.kernel.clock import now
from lineshaft.kernel.db import Database
from lineshaft.kernel.outbox import relay
from lineshaft.kernel.tasks import Crew
from lineshaft.kernel.terms import Kind, Quality
from lineshaft.security import Grant, Guard, Role, Who, WhoKind

ENGINEER = Who(id="e", name="Eva", kind=WhoKind.USER, grants=(Grant(role=Role.ENGINEER, subtree="acme"),))
VIEWER = Who(id="v", name="Vic", kind=WhoKind.USER, grants=(Grant(role=Role.VIEWER, subtree="acme"),))
assert lineshaft.edge.pages  # importing it registers the screens


@pytest.fixture
async def device() -> AsyncIterator[ReplayServer]:
    device = ReplayServer(["pressure", "level"])
    await device.start()
    await device.set({"pressure": 2.5, "level": 40.0})
    yield device
    await device.close()


@pytest.fixture
async def edge(bus: Bus, db: Database, tmp_path: Path) -> AsyncIterator[Edge]:
    await db.open(["lineshaft.security", "lineshaft.edge"])
    settings = EdgeSettings(name="e1", batch_ms=20)
    edge = Edge(settings, organisation="acme", store=ConnectionStore(db), guard=Guard(db), bus=bus)
    box = EdgeBox(settings, organisation="acme", bus=bus, front=None, db=db, folder=tmp_path)
    async with Crew() as crew:
        crew.keep("relay", lambda: relay(db, bus))
        crew.keep("box", box.run)
        await edge.listen()
        yield edge


@asynccontextmanager
async def visit(edge: Edge, address: str, *, who: Who = ENGINEER, **services: Any) -> AsyncIterator[User]:
    async with visitor(who=who, services={"edge": edge, **services}) as user:
        await user.open(address)
        yield user


async def until(true: Callable[[], object], within_s: float = 15) -> None:
    async with asyncio.timeout(within_s):
        while not true():
            await asyncio.sleep(0.02)


def parts(user: User, kind: type[Any]) -> list[Any]:
    return [e for e in user.client.elements.values() if isinstance(e, kind)]


DEEDS = {"Add tag", "Switch off", "Remove", "Settings", "Versions"}
"""What only engineers are offered on the page of a connection."""


def offered(user: User) -> set[str]:
    """The names of every button and tab."""
    tabs = {str(e._text) for e in user.client.elements.values() if e.props.get("role") == "tab"}
    return tabs | {b.label for b in parts(user, Button)}


def table(user: User, label: str) -> Table:
    return next(t for t in reversed(parts(user, Table)) if t.state["label"] == label)


def enter(user: User, **values: str) -> None:
    for name, value in values.items():
        user.find(marker=f"field-{name}").clear()
        user.find(marker=f"field-{name}").type(value)


def raw(device: ReplayServer) -> dict[str, Any]:
    tags = [{"path": "pressure", "address": "holding:0:float32", "unit": "bar", "every": "50ms", "low": 0.0}]
    return {"name": "plc", "path": "hall/tank", "host": "127.0.0.1", "port": device.port, "tags": tags}


async def test_a_machine_is_connected_step_by_step_and_only_what_differs_is_saved(
    edge: Edge, device: ReplayServer
) -> None:
    async with visit(edge, "/connections/add") as user:
        await user.should_see("What does the machine speak?")
        press(user, "Next")
        await user.should_see("Name of the connection")
        press(user, "Next")
        await until(lambda: len([p for p in said(user) if p == "This is needed."]) == 2)
        enter(user, name="plc", path="hall/tank", host="127.0.0.1", unit="300")
        press(user, "Next")
        await until(lambda: "Enter 255 or less." in said(user))
        enter(user, unit="1", port=str(device.port))
        press(user, "Next")
        await until(lambda: any(t.state["label"] == "Address space" for t in parts(user, Tree)))
        press(user, "Next")
        await user.should_see("Nothing is chosen yet.")
        press(user, "Write an address")
        await user.should_see(marker="field-address")
        enter(user, path="pressure", address="holding:0:float32", unit="bar")
        press(user, "Add")
        await until(lambda: [r["path"] for r in table(user, "Chosen values").rows] == ["pressure"])
        press(user, "Next")
        await until(lambda: any(t.state["label"] == "Live preview" and t.rows for t in parts(user, Table)))
        [seen] = table(user, "Live preview").rows
        assert (seen["path"], seen["value"]) == ("acme/hall/tank/pressure", "2.50\u00a0bar")
        assert await edge.list_(ENGINEER) == [], "nothing is saved before the last step"
        press(user, "Save connection")
        async with asyncio.timeout(10):
            while not (found := await edge.list_(ENGINEER)):
                await asyncio.sleep(0.02)
    tag = {"path": "pressure", "address": "holding:0:float32", "unit": "bar", "every": "1s"}
    own = {"name": "plc", "path": "hall/tank", "host": "127.0.0.1", "port": device.port}
    assert found[0].connection.raw == {**own, "tags": [tag]}


def press(user: User, label: str) -> None:
    """Press the newest visible button of that name."""
    shown = [b for b in parts(user, Button) if b.label == label and b.visible]
    fire(shown[-1], "click", None)


def words(user: User) -> list[str]:
    """Every plain text on the page."""
    return [e._text for e in user.client.elements.values() if hasattr(e, "_text") and isinstance(e._text, str)]


def said(user: User) -> list[str]:
    """What stands below the fields of all forms."""
    return [e._text for e in user.client.elements.values() if "ls-problem" in e.classes]


async def test_a_machine_that_does_not_answer_is_named_where_one_looks(edge: Edge, device: ReplayServer) -> None:
    await device.close()
    async with visit(edge, "/connections/add") as user:
        press(user, "Next")
        await user.should_see("Name of the connection")
        enter(user, name="plc", path="hall/tank", host="127.0.0.1", port=str(device.port))
        press(user, "Test connection")
        await until(lambda: f"127.0.0.1:{device.port} does not answer." in words(user))
        await user.should_see("Name of the connection")


async def test_a_connection_shows_its_newest_values_and_its_state(edge: Edge, device: ReplayServer) -> None:
    await edge.save(ENGINEER, "modbus", raw(device))
    newest: dict[str, Any] = {}

    async def heard(who: Who, paths: Sequence[str], under: str) -> Mapping[str, Any]:
        assert (who, list(paths), under) == (ENGINEER, ["acme/hall/tank/pressure"], "")
        return newest

    async with visit(edge, "/connections/plc", heard=heard) as user:
        await until(lambda: parts(user, Table) and table(user, "Values").rows)
        assert table(user, "Values").rows[0]["quality"] == "unknown"
        await user.should_see("Modbus · acme/hall/tank")
        newest["acme/hall/tank/pressure"] = SimpleNamespace(value=2.5, quality=Quality.GOOD, ts=now())
        await until(lambda: table(user, "Values").rows[0]["value"] == "2.50\u00a0bar")
        assert table(user, "Values").rows[0]["quality"] == "good"
        await until(lambda: "Connected" in [b.state["label"] for b in parts(user, Badge)])


async def test_a_connection_without_tags_lists_what_it_found(edge: Edge) -> None:
    await edge.save(ENGINEER, "mqtt", {"name": "hall", "path": "hall", "broker": "mqtt://127.0.0.1:1",
                                       "subscriptions": ["s/#"]})  # fmt: skip

    async def heard(who: Who, paths: Sequence[str], under: str) -> Mapping[str, Any]:
        assert (list(paths), under) == ([], "acme/hall")
        return {"acme/hall/b": SimpleNamespace(value="on", quality=Quality.UNCERTAIN, ts=now()),
                "acme/hall/a/t": SimpleNamespace(value=21.5, quality=Quality.GOOD, ts=now())}  # fmt: skip

    async with visit(edge, "/connections/hall", heard=heard) as user:
        await until(lambda: parts(user, Table) and len(table(user, "Values").rows) == 2)
        shown = [(r["path"], r["quality"], r["value"]) for r in table(user, "Values").rows]
        assert shown == [("a/t", "good", "21.50"), ("b", "uncertain", "on")]


async def test_a_tag_is_changed_in_place_keeps_a_limit_of_zero_and_can_be_taken_back(
    edge: Edge, device: ReplayServer
) -> None:
    await edge.save(ENGINEER, "modbus", raw(device))
    async with visit(edge, "/connections/plc") as user:
        await until(lambda: parts(user, Table) and table(user, "Values").rows)
        act(table(user, "Values"), "acme/hall/tank/pressure", 0)
        await user.should_see(marker="field-unit")
        enter(user, unit="kPa")
        press(user, "Save")
        await user.should_see("Saved pressure")
        [tag] = (await edge.get(ENGINEER, "plc")).connection.raw["tags"]
        assert (tag["unit"], tag["low"]) == ("kPa", 0.0)
        toast = next(e for e in user.client.elements.values() if type(e).__name__ == "Toast" and e.state["action"])
        fire(toast, "act", None)
        await asyncio.sleep(0.2)
    [tag] = (await edge.get(ENGINEER, "plc")).connection.raw["tags"]
    assert tag["unit"] == "bar"


async def test_viewers_see_values_and_change_nothing(edge: Edge, device: ReplayServer) -> None:
    await edge.save(ENGINEER, "modbus", raw(device))
    async with visit(edge, "/connections/plc", who=VIEWER) as user:
        await until(lambda: parts(user, Table) and table(user, "Values").rows)
        assert DEEDS & offered(user) == set()
        assert table(user, "Values").state["actions"] == []
    async with visit(edge, "/connections/plc") as user:
        await until(lambda: parts(user, Table) and table(user, "Values").rows)
        assert DEEDS & offered(user) == DEEDS


async def test_names_picked_twice_take_the_name_above_them_along(edge: Edge) -> None:
    below = {
        "": [Node(address="f", name="Filler", has_children=True), Node(address="c", name="Capper", has_children=True)],
        "f": [Node(address="f.s", name="Speed", readable=True, unit="/min")],
        "c": [Node(address="c.s", name="Speed", readable=True), Node(address="c.r", name="Run", readable=True,
                                                                    kind=Kind.BOOLEAN)],
    }  # fmt: skip
    made: list[Picking] = []

    async def browse(address: str) -> list[Node]:
        return below[address]

    async with visit(edge, "/connections/add") as user:
        with user:
            made.append(Picking(here(), browse, lambda tags: None))
            made[0].draw("Tick")
        for place in (None, "f", "c"):
            await made[0]._branches(place)
        with user:
            made[0]._ticked(["f.s", "c.s", "c.r"])
    assert list(made[0].tags.values()) == [
        {"path": "Speed", "address": "f.s", "unit": "/min"},
        {"path": "Capper/Speed", "address": "c.s"},
        {"path": "Run", "address": "c.r", "kind": "boolean"},
    ]


def act(shown: Table, key: str, action: int) -> None:
    fire(shown, "act", {"key": key, "action": action})


def fire(part: Any, name: str, value: Any) -> None:
    for listener in part._event_listeners.values():
        if listener.type == name:
            part.client.handle_event({"id": part.id, "listener_id": listener.id, "args": [json.dumps(value)]})
