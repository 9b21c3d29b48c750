"""One value, from a machine to every place where somebody looks: store, API, live, twin, MQTT, screen.

`docs/tour.md` follows the same way on paper.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiomqtt
import httpx
import pytest
import pytest_asyncio
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from websockets.asyncio.client import connect

from lineshaft.app.trial import Trial, platform
from lineshaft.edge.connectors.modbus.fake import ReplayServer as ModbusMachine
from lineshaft.edge.connectors.mqtt.fake import Publisher
from lineshaft.edge.connectors.opcua.fake import ReplayServer as OpcUaMachine
from lineshaft.edge.connectors.sparkplug.edge import EdgeSide, Variable
from lineshaft.edge.connectors.sparkplug.schema import DataType
from lineshaft.kernel.ids import new_id
from lineshaft.kernel.terms import series_id
from lineshaft.security import Grant, Role, Who, WhoKind

pytestmark = pytest.mark.asyncio(loop_scope="module")
FIRST, SECOND, THIRD = 17.25, 42.75, 63.5
UNIT = "bar"
LOOKER = Who(id="user:ana", name="Ana", kind=WhoKind.SERVICE, grants=(Grant(role=Role.VIEWER, subtree="acme"),))


@dataclass(frozen=True)
class Machine:
    """A fake with one value, and how Lineshaft is told to read it."""

    connector: str
    raw: dict[str, Any]
    show: Callable[[float], Awaitable[None]]


@asynccontextmanager
async def _modbus(_plant: Trial) -> AsyncIterator[Machine]:
    async with ModbusMachine(["pressure"]) as fake:
        tag = {"address": fake.addresses["pressure"], "every": "100ms"}
        yield Machine("modbus", {"host": "127.0.0.1", "port": fake.port, "tags": [tag]}, _shower(fake.set))


@asynccontextmanager
async def _opcua(_plant: Trial) -> AsyncIterator[Machine]:
    async with OpcUaMachine(["pressure"]) as fake:
        tag = {"address": fake.addresses["pressure"], "every": "100ms"}
        yield Machine("opcua", {"url": fake.url, "tags": [tag]}, _shower(fake.set))


@asynccontextmanager
async def _mqtt(plant: Trial) -> AsyncIterator[Machine]:
    user, password = await plant.device("press", "machines/#")
    async with Publisher(_broker(plant), user=user, password=password) as device:
        raw = {"broker": "builtin", "tags": [{"address": "machines/press|hydraulics.pressure"}]}
        yield Machine("mqtt", raw, lambda v: device.say("machines/press", {"hydraulics": {"pressure": v}}))


@asynccontextmanager
async def _sparkplug(plant: Trial) -> AsyncIterator[Machine]:
    user, password = await plant.device(f"node-{new_id()[-6:]}", "spBv1.0/#", subscribe=["spBv1.0/#"])
    node = EdgeSide(_broker(plant), group="hall", edge="node", user=user, password=password)
    node.add("press", [Variable("Pressure", DataType.DOUBLE, 0.0, unit=UNIT)])
    async with node:
        raw = {"broker": "builtin", "tags": [{"address": "hall/node/press|Pressure"}]}
        yield Machine("sparkplug", raw, lambda v: node.tell("press", {"Pressure": v}))


def _shower(show: Callable[[dict[str, float]], Awaitable[None]]) -> Callable[[float], Awaitable[None]]:
    return lambda value: show({"pressure": value})


def _broker(plant: Trial) -> str:
    return f"mqtt://127.0.0.1:{plant.ports['mqtt']}"


MACHINES: dict[str, Callable[[Trial], AbstractAsyncContextManager[Machine]]] = {
    "modbus": _modbus,
    "opcua": _opcua,
    "mqtt": _mqtt,
    "sparkplug": _sparkplug,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plant() -> AsyncIterator[Trial]:
    """A running platform that gives every new series a place in the tree."""
    async with platform({"twins": {"auto_adopt": True, "mirror_every_s": 0.1}}) as trial:
        yield trial


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(plant: Trial) -> AsyncIterator[httpx.AsyncClient]:
    async with plant.client() as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reader(plant: Trial) -> AsyncIterator[tuple[str, str]]:
    """A program that may read the unified namespace over MQTT."""
    yield await plant.device("node-red", subscribe=["uns/acme/#"])


@pytest.mark.parametrize("protocol", MACHINES)
async def test_a_value_reaches_every_place_where_somebody_looks(
    protocol: str,
    plant: Trial,
    api: httpx.AsyncClient,
    reader: tuple[str, str],
    until: Any,
) -> None:
    twin = f"acme/hall/{protocol}"
    path = f"{twin}/pressure"
    async with MACHINES[protocol](plant) as machine:
        await machine.show(FIRST)
        tag = {"path": "pressure", "unit": UNIT, **machine.raw["tags"][0]}
        raw = {**machine.raw, "name": protocol, "path": f"hall/{protocol}", "tags": [tag]}
        saved = await api.put("/api/v1/connections", json={"connector": machine.connector, "raw": raw})
        assert saved.status_code == 200, saved.text
        await until(lambda: _insist(machine, FIRST, api, path), within_s=15)

        async with _live(plant, path) as said, _namespace(plant, reader, path) as mirrored:
            await machine.show(SECOND)
            live = await until(lambda: _last(said, "value", SECOND))
            topic = await until(lambda: _last(mirrored, "value", SECOND))
        assert (live["path"], live["quality"]) == (path, "good")
        assert (topic["quality"], topic["unit"]) == ("good", UNIT)
        moment = live["ts"]
        assert at(topic["ts"]) == at(moment)

        [latest] = (await api.get("/api/v1/series/latest", params={"path": path})).json()
        assert (latest["value"], latest["quality"], at(latest["ts"])) == (SECOND, "good", at(moment))

        rows = await until(lambda: _stored(plant, path, SECOND))
        assert len(rows) == 1
        assert (rows[0]["quality"], at(rows[0]["ts"])) == (0, at(moment))

        asked = {"path": path, "start": "-5m", "quality": "good"}
        [series] = (await api.get("/api/v1/query", params=asked)).json()["series"]
        assert series["path"] == path
        assert (at(series["ts"][-1]), series["number"][-1]) == (at(moment), SECOND)
        assert FIRST in series["number"]

        state = (await api.get(f"/api/v1/twins/state/{twin}")).json()
        [value] = [v for v in state["values"] if v["name"] == "pressure"]
        assert (value["value"], value["unit"], value["quality"]) == (SECOND, UNIT, "good")
        assert (at(value["ts"]), value["stale"], value["trouble"]) == (at(moment), False, None)


async def test_a_value_that_was_found_brings_its_unit(plant: Trial, api: httpx.AsyncClient, until: Any) -> None:
    user, password = await plant.device("found-node", "spBv1.0/#", subscribe=["spBv1.0/#"])
    await asyncio.sleep(2)  # until the front has read who may connect
    node = EdgeSide(_broker(plant), group="found", edge="node", user=user, password=password)
    node.add("press", [Variable("pressure", DataType.DOUBLE, FIRST, unit=UNIT)])
    path = "acme/hall/found/node/press/pressure"

    async def listed() -> list[dict[str, Any]]:
        await node.tell("press", {"pressure": FIRST})  # whoever hears it without a birth asks for one
        return (await api.get("/api/v1/series", params={"search": path})).json()["items"]

    async with node:
        raw = {"name": "found", "path": "hall", "broker": "builtin", "host_id": "finder", "groups": ["found"]}
        saved = await api.put("/api/v1/connections", json={"connector": "sparkplug", "raw": raw})
        assert saved.status_code == 200, saved.text
        [series] = await until(listed, within_s=15)
        assert (series["path"], series["unit"]) == (path, UNIT)

        async def placed() -> list[dict[str, Any]]:
            state = await api.get("/api/v1/twins/state/acme/hall/found/node/press")
            return [v for v in state.json().get("values", []) if v["name"] == "pressure" and v["value"] == FIRST]

        [value] = await until(placed, within_s=15)
        assert value["unit"] == UNIT


@pytest.mark.browser
@pytest.mark.skipif(not (shutil.which("chromium") and shutil.which("chromedriver")), reason="needs Chromium")
async def test_a_change_on_the_machine_shows_in_a_real_browser(
    plant: Trial, api: httpx.AsyncClient, until: Any
) -> None:
    twin = "acme/hall/browsed"
    async with _modbus(plant) as machine, _chromium() as browser:
        await machine.show(FIRST)
        raw = {**machine.raw, "name": "browsed", "path": "hall/browsed"}
        raw["tags"] = [{"path": "pressure", "unit": UNIT, **machine.raw["tags"][0]}]
        (await api.put("/api/v1/connections", json={"connector": "modbus", "raw": raw})).raise_for_status()
        await until(lambda: _insist(machine, FIRST, api, f"{twin}/pressure"), within_s=15)

        await asyncio.to_thread(browser.get, f"{plant.address}/assets/{twin}")
        for name, text in (("user", "admin"), ("password", _password(plant) + Keys.ENTER)):
            field = await asyncio.to_thread(browser.find_element, By.NAME, name)
            await asyncio.to_thread(field.send_keys, text)
        await until(lambda: asyncio.to_thread(_tile, browser, str(FIRST)), within_s=20)
        for value in (SECOND, THIRD):
            await machine.show(value)
            await until(lambda value=value: asyncio.to_thread(_tile, browser, str(value)), within_s=5)
        errors = [e for e in browser.get_log("browser") if e["level"] == "SEVERE"]
        assert errors == []


@asynccontextmanager
async def _chromium() -> AsyncIterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    flags = "--headless=new --no-sandbox --disable-gpu --disable-background-networking --disable-dev-shm-usage"
    for flag in [*flags.split(), "--window-size=1440,900"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = Service(shutil.which("chromedriver"))
    browser = await asyncio.to_thread(webdriver.Chrome, options=options, service=service)
    browser.set_page_load_timeout(30)
    try:
        yield browser
    finally:
        await asyncio.to_thread(browser.quit)


def _tile(browser: webdriver.Chrome, value: str) -> bool:
    """Whether a tile of the page shows the value now."""
    script = "return [...document.querySelectorAll('.ls-tile')].map((e) => e.textContent)"
    return any(value in text for text in browser.execute_script(script))


def at(text: str) -> datetime:
    """A time, however many digits it is written with."""
    return datetime.fromisoformat(text)


async def _insist(machine: Machine, value: float, api: httpx.AsyncClient, path: str) -> bool:
    """Show a value until it is seen: who publishes before somebody listens is not heard."""
    await machine.show(value)
    await asyncio.sleep(0.2)
    found = (await api.get("/api/v1/series/latest", params={"path": path})).json()
    twin = await api.get(f"/api/v1/twins/nodes/{path.rpartition('/')[0]}")
    return bool(found) and found[0]["value"] == value and twin.status_code == 200


@asynccontextmanager
async def _live(plant: Trial, path: str) -> AsyncIterator[list[dict[str, Any]]]:
    """What the WebSocket says of a path, as it comes; signed in by the first message, as a browser would."""
    said: list[dict[str, Any]] = []
    address = plant.address.replace("http", "ws", 1) + "/api/v1/live"
    async with connect(address) as socket:
        await socket.send(json.dumps({"type": "token", "token": plant.token}))
        await socket.send(json.dumps({"type": "subscribe", "id": "one", "paths": [path]}))
        assert json.loads(await asyncio.wait_for(socket.recv(), 10)) == {"type": "subscribed", "id": "one"}

        async def listen() -> None:
            async for text in socket:
                said.extend(json.loads(text)["values"])

        task = asyncio.create_task(listen())
        yield said
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def _namespace(plant: Trial, reader: tuple[str, str], path: str) -> AsyncIterator[list[dict[str, Any]]]:
    """What the retained topic of a path says, as an ordinary MQTT client sees it."""
    said: list[dict[str, Any]] = []
    user, password = reader
    async with aiomqtt.Client("127.0.0.1", plant.ports["mqtt"], username=user, password=password) as client:
        await client.subscribe(f"uns/{path}")

        async def listen() -> None:
            async for message in client.messages:
                said.append(json.loads(message.payload))  # noqa: PERF401 - read while it grows

        task = asyncio.create_task(listen())
        first = await asyncio.wait_for(_first(said), 10)
        assert first["value"] == FIRST, "the topic is retained, so a new client knows at once"
        yield said
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _first(said: list[dict[str, Any]]) -> dict[str, Any]:
    while not said:
        await asyncio.sleep(0.02)
    return said[0]


def _last(said: list[dict[str, Any]], name: str, value: float) -> dict[str, Any] | None:
    return said[-1] if said and said[-1][name] == value else None


async def _stored(plant: Trial, path: str, value: float) -> list[dict[str, Any]]:
    columns = "formatDateTime(ts, '%Y-%m-%dT%H:%i:%S.%fZ') AS ts, number, quality"
    where = f"series = {series_id(path)} AND number = {value}"
    return await plant.ask(f"SELECT {columns} FROM samples FINAL WHERE {where}")


def _password(plant: Trial) -> str:
    found = re.search(r"First login: admin / (\S+)", (plant.run / "ready.txt").read_text())
    assert found
    return found[1]
