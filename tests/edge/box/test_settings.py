"""Connections are tried, saved, changed, removed and restored; who may, and what becomes of their secrets."""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from lineshaft.edge import Connection, State, as_toml
from lineshaft.edge.api import router
from lineshaft.edge.connectors.mqtt import fake as mqtt_fake
from lineshaft.edge.errors import BadConnection, Changed
from lineshaft.kernel.errors import Forbidden
from lineshaft.kernel.http import caller
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Grant, Role, Who, WhoKind

from .conftest import ENGINEER, VIEWER, Stage

STRANGER = Who(id="s", name="Sam", kind=WhoKind.USER, grants=(Grant(role=Role.ADMIN, subtree="other"),))


async def test_nothing_is_saved_by_a_test_and_it_shows_values(stage: Stage) -> None:
    seen = await stage.edge.test(ENGINEER, "modbus", stage.raw())
    assert {s.path: s.value for s in seen} == {"acme/hall/tank/pressure": 2.5, "acme/hall/tank/level": 40.0}
    assert await stage.edge.list_(ENGINEER) == []


async def test_wrong_settings_are_named_and_change_nothing(stage: Stage) -> None:
    with pytest.raises(BadConnection, match="Did you mean 'host'") as caught:
        await stage.edge.save(ENGINEER, "modbus", {**stage.raw(), "hots": "x"})
    assert "hots" in caught.value.message
    double = stage.raw()
    double["tags"] = [*double["tags"], double["tags"][0]]
    with pytest.raises(BadConnection, match="used twice"):
        await stage.edge.save(ENGINEER, "modbus", double)
    assert await stage.edge.list_(ENGINEER) == []


async def test_a_path_has_one_source(stage: Stage) -> None:
    await stage.edge.save(ENGINEER, "modbus", stage.raw())
    with pytest.raises(BadConnection, match="acme/hall/tank/level belongs to the connection 'plc' already"):
        await stage.edge.save(ENGINEER, "modbus", {**stage.raw(), "name": "other"})
    assert [v.connection.name for v in await stage.edge.list_(ENGINEER)] == ["plc"]


async def test_two_people_cannot_overwrite_each_other(stage: Stage) -> None:
    first = await stage.edge.save(ENGINEER, "modbus", stage.raw(), expected=0)
    await stage.edge.save(ENGINEER, "modbus", stage.raw(enabled=False), expected=first.version)
    with pytest.raises(Changed, match="version 2, not 1"):
        await stage.edge.save(ENGINEER, "modbus", stage.raw(), expected=first.version)
    assert (await stage.edge.get(ENGINEER, "plc")).connection.enabled is False


async def test_a_removed_connection_stops_and_can_be_restored(stage: Stage) -> None:
    await stage.edge.save(ENGINEER, "modbus", stage.raw())
    await stage.until_health(State.GOOD)
    await stage.edge.remove(ENGINEER, "plc")
    await stage.until(lambda: stage.box.health() == [])
    await stage.edge.restore(ENGINEER, "plc", 1)
    await stage.until_health(State.GOOD)


async def test_other_organisations_and_viewers_change_nothing(stage: Stage) -> None:
    for nobody in (VIEWER, STRANGER):
        with pytest.raises(Forbidden):
            await stage.edge.save(nobody, "modbus", stage.raw())
    assert await stage.edge.list_(ENGINEER) == []
    await stage.edge.save(ENGINEER, "modbus", stage.raw())
    assert await stage.edge.list_(STRANGER) == []
    shown = (await stage.edge.get(VIEWER, "plc")).connection.raw
    assert "host" not in shown, "settings are for engineers"


async def test_secrets_are_never_shown_and_stay_when_saved_back(stage: Stage) -> None:
    login = {"user": "u", "password": "s3cret-s3cret"}
    raw = {"name": "hall", "path": "hall", "broker": "mqtt://127.0.0.1:1", "subscriptions": ["s/#"], **login}
    await stage.edge.save(ENGINEER, "mqtt", raw)
    shown = (await stage.edge.get(ENGINEER, "hall")).connection
    assert shown.raw["password"] == "***"
    assert "s3cret" not in str(await stage.edge.versions(ENGINEER, "hall"))
    await stage.edge.save(ENGINEER, "mqtt", {**shown.raw, "user": "other"}, expected=shown.version)
    with pytest.raises(Forbidden):
        await stage.edge.export(ENGINEER)
    admin = Who(id="a", name="Ada", kind=WhoKind.USER, grants=(Grant(role=Role.ADMIN, subtree="acme"),))
    [kept] = await stage.edge.export(admin)
    assert (kept.raw["user"], kept.raw["password"]) == ("other", "s3cret-s3cret")


async def test_a_tag_may_not_stand_outside_what_its_author_may_change(stage: Stage) -> None:
    hall = Who(id="h", name="Hal", kind=WhoKind.USER, grants=(Grant(role=Role.ENGINEER, subtree="acme/hall"),))
    raw = stage.raw(tags=[{"path": "/acme/office/safe", "address": "holding:0:float32"}])
    with pytest.raises(Forbidden):
        await stage.edge.test(hall, "modbus", raw)
    with pytest.raises(Forbidden):
        await stage.edge.save(hall, "modbus", raw)
    assert await stage.edge.list_(ENGINEER) == []
    await stage.edge.save(hall, "modbus", stage.raw())


async def test_the_answer_to_a_saved_connection_hides_its_secrets(stage: Stage) -> None:
    raw = {"name": "hall", "path": "hall", "broker": "mqtt://127.0.0.1:1", "subscriptions": ["s/#"]}
    app = FastAPI()
    app.include_router(router(stage.edge))
    app.dependency_overrides[caller] = lambda: ENGINEER
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://edge") as client:
        for password in ("s3cret-s3cret", "***"):
            body = {"connector": "mqtt", "raw": {**raw, "user": "u", "password": password}}
            saved = await client.put("/connections", json=body)
            assert (saved.status_code, saved.json()["raw"]["password"]) == (200, "***")
        restored = await client.post("/connections/hall/versions/1/restore")
        assert (restored.status_code, restored.json()["raw"]["password"]) == (200, "***")


def test_a_setting_without_a_value_is_left_out_of_the_file() -> None:
    raw = {"name": "plc", "host": "h", "unit": None, "tags": [{"path": "a", "address": "holding:0", "low": None}]}
    text = as_toml([Connection(name="plc", connector="modbus", path=PlantPath("acme/plc"), enabled=True, raw=raw)])
    assert "unit" not in text
    assert tomllib.loads(text)["edge"]["modbus"] == [
        {"name": "plc", "host": "h", "tags": [{"path": "a", "address": "holding:0"}]}
    ]


async def test_a_change_is_tried_with_the_secret_that_was_saved(stage: Stage, tmp_path: Path) -> None:
    async with mqtt_fake.stand(tmp_path / "broker") as stand:
        await stage.edge.save(ENGINEER, "mqtt", {"name": "hall", "path": "hall", **stand.raw})
        shown = (await stage.edge.get(ENGINEER, "hall")).connection.raw
        assert (shown["password"], bool(stand.raw["password"])) == ("***", True)
        seen = await stage.edge.test(ENGINEER, "mqtt", {**shown, "keepalive_s": 20})
        assert {s.path for s in seen} >= {f"acme/hall/{tag['path']}" for tag in shown["tags"]}
        assert await stage.edge.browse(ENGINEER, connector="mqtt", raw=shown)


async def test_a_saved_secret_is_never_tried_on_another_machine_or_by_others(stage: Stage) -> None:
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(1000))
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    mine = f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    raw = {"name": "hall", "path": "hall", "broker": "mqtt://127.0.0.1:1", "subscriptions": ["s/#"], "user": "u"}
    await stage.edge.save(ENGINEER, "mqtt", {**raw, "password": "s3cret-s3cret"})
    stars = {**raw, "password": "***"}
    office = Grant(role=Role.ENGINEER, subtree="acme/office")
    guest = Who(id="g", name="Gus", kind=WhoKind.USER, grants=(office, Grant(role=Role.VIEWER, subtree="acme")))
    stranger = Who(id="o", name="Ola", kind=WhoKind.USER, grants=(office,))
    for who, tried, error, said in (
        (ENGINEER, {**stars, "broker": mine}, BadConnection, "password was given for another address"),
        (ENGINEER, {**stars, "name": "new", "broker": mine}, BadConnection, r"password is \*\*\*"),
        (guest, {**stars, "path": "office"}, Forbidden, "Gus is only viewer on acme/hall"),
        (stranger, {**stars, "path": "office"}, BadConnection, r"password is \*\*\*"),
    ):
        with pytest.raises(error, match=said):
            await stage.edge.test(who, "mqtt", tried)
        with pytest.raises(error, match=said):
            await stage.edge.browse(who, connector="mqtt", raw=tried)
    server.close()
    assert heard == []
