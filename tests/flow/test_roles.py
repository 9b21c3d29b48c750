"""One plant in two processes: one remembers and models, the other talks to machines and to people.

They share the bus, by address, and the catalogue. The store belongs to the first; the second asks it over the bus.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aiomqtt
import httpx
import pytest
import pytest_asyncio

from lineshaft.app.trial import Trial, platform
from lineshaft.edge.connectors.modbus.fake import ReplayServer
from lineshaft.edge.connectors.mqtt.fake import Publisher
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.terms import series_id

pytestmark = pytest.mark.asyncio(loop_scope="module")
SERIES = "acme/hall/press/force"


@dataclass(frozen=True)
class Pair:
    """Two platforms on one bus."""

    memory: Trial
    floor: Trial


def _on_the_bus_of(first: Trial) -> dict[str, object]:
    """How a second process is told of the first one's engines."""
    login = json.loads((first.data / "bus" / "credentials.json").read_text())
    [catalogue] = first.data.glob("*.db")
    return {
        "bus": {
            "url": f"nats://127.0.0.1:{first.ports['hub']}",
            "mqtt_url": f"nats://127.0.0.1:{first.ports['front']}",
            "mqtt_port": first.ports["mqtt"],
            **login,
        },
        "database": {"url": f"sqlite:///{catalogue}"},
        "edge": {"name": "floor"},
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair() -> AsyncIterator[Pair]:
    told: dict[str, object] = {"twins": {"auto_adopt": True}, "edge": {"name": "floor"}}
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(platform(told, roles=["telemetry", "twins"]))
        second = await stack.enter_async_context(platform(_on_the_bus_of(first), roles=["edge", "console"]))
        yield Pair(first, second)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def machine(pair: Pair, until: Any) -> AsyncIterator[ReplayServer]:
    """A machine connected through the process that talks to machines."""
    async with ReplayServer(["force"]) as machine, pair.floor.client() as floor:
        await machine.set({"force": 3.5})
        tag = {"path": "force", "address": "holding:0:float32", "every": "100ms", "writable": True}
        raw = {"name": "press", "path": "hall/press", "host": "127.0.0.1", "port": machine.port, "tags": [tag]}
        (await floor.put("/api/v1/connections", json={"connector": "modbus", "raw": raw})).raise_for_status()
        await until(lambda: _latest(floor, 3.5), within_s=15)
        yield machine


async def _latest(client: httpx.AsyncClient, value: float) -> bool:
    found = (await client.get("/api/v1/series/latest", params={"path": SERIES})).json()
    return bool(found) and found[0]["value"] == value


async def test_both_processes_answer_everything_about_a_value(pair: Pair, machine: ReplayServer, until: Any) -> None:
    await machine.set({"force": 7.25})
    for trial in (pair.memory, pair.floor):
        async with trial.client() as client:
            await until(lambda client=client: _latest(client, 7.25))
            asked = {"path": SERIES, "start": "-5m"}
            answers = await until(lambda client=client, asked=asked: _rows_with(client, asked, 7.25))
            assert answers["source"] == "raw"
            assert await until(lambda client=client: _state(client)) == [("force", 7.25, "good")]
            health = (await client.get("/api/v1/connections/press")).json()["health"]
            assert health["state"] == "good"


async def _rows_with(client: httpx.AsyncClient, asked: dict[str, str], value: float) -> dict[str, Any] | None:
    answer = dict((await client.get("/api/v1/query", params=asked)).json())
    return answer if any(value in series["number"] for series in answer["series"]) else None


async def _state(client: httpx.AsyncClient) -> list[tuple[str, float, str]] | None:
    answer = await client.get("/api/v1/twins/state/acme/hall/press")
    return [(v["name"], v["value"], v["quality"]) for v in answer.json()["values"]] if answer.is_success else None


async def test_a_setpoint_reaches_the_machine_from_either_process(pair: Pair, machine: ReplayServer) -> None:
    for trial, value in ((pair.memory, 11.5), (pair.floor, 12.5)):
        async with trial.client() as client:
            done = await client.post("/api/v1/write", json={"path": SERIES, "value": value})
            assert done.status_code == 200, done.text
            assert done.json()["applied"] is True
        assert machine.shown("force") == value


async def test_an_answer_of_many_pieces_is_the_same_over_the_bus(pair: Pair, until: Any) -> None:
    path, rows = "acme/big/noise", 300_000
    start = now_us() // 1000 - 3_600_000
    async with pair.floor.client() as floor, pair.memory.client() as memory:
        for at in range(0, rows, 50_000):
            samples = [
                {"path": path, "ts": start + n, "value": (n * 7919) % 104_729 / 3} for n in range(at, at + 50_000)
            ]
            assert (await floor.post("/api/v1/samples", json={"samples": samples})).status_code == 200

        async def all_there() -> bool:
            [count] = await pair.memory.ask(f"SELECT count() AS n FROM samples FINAL WHERE series = {series_id(path)}")
            return bool(count["n"] == rows)

        await until(all_there, within_s=20)
        bodies = [
            (await client.get("/api/v1/export", params={"path": path, "start": "-2h"})).content
            for client in (memory, floor)
        ]
    assert len(bodies[0].splitlines()) == rows + 1
    assert bodies[0] == bodies[1]


async def test_devices_and_the_unified_namespace_work_across_processes(pair: Pair, until: Any) -> None:
    user, password = await pair.floor.device("sensor", "sensors/#", subscribe=["uns/#"])
    raw = {"name": "hall", "path": "hall", "broker": "builtin", "rules": [{"topic": "sensors/{n}", "path": "{n}"}]}
    async with pair.floor.client() as floor:
        (await floor.put("/api/v1/connections", json={"connector": "mqtt", "raw": raw})).raise_for_status()
    port = pair.memory.ports["mqtt"]
    await until(lambda: _may_connect(port, user, password), within_s=15)
    async with (
        Publisher(f"mqtt://127.0.0.1:{port}", user=user, password=password) as device,
        aiomqtt.Client("127.0.0.1", port, username=user, password=password) as reader,
    ):
        await reader.subscribe("uns/acme/hall/climate/temperature")
        said: list[float] = []

        async def listen() -> None:
            async for message in reader.messages:
                said.append(json.loads(message.payload)["value"])  # noqa: PERF401 - read while it grows

        task = asyncio.create_task(listen())

        async def heard() -> bool:
            await device.say("sensors/climate", {"temperature": 21.5})
            await asyncio.sleep(0.3)
            return 21.5 in said

        await until(heard, within_s=15)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _may_connect(port: int, user: str, password: str) -> bool:
    """Whether the front lets a device in, which somebody made at the other process."""
    try:
        async with aiomqtt.Client("127.0.0.1", port, username=user, password=password):
            return True
    except aiomqtt.MqttError:
        return False


async def test_the_floor_goes_on_while_the_memory_is_away(pair: Pair, machine: ReplayServer, until: Any) -> None:
    """The worker that remembers is killed: values go on to be shown, questions to the past wait for it."""
    before = pair.memory.pid("worker")
    assert before is not None
    async with pair.floor.client() as floor:
        os.kill(before, signal.SIGKILL)
        await machine.set({"force": 21.25})
        await until(lambda: _latest(floor, 21.25))
        assert (await floor.get("/healthz")).status_code == 200

        async def back() -> bool:
            try:
                answer = await floor.get("/api/v1/query", params={"path": SERIES, "start": "-5m"})
            except httpx.ReadTimeout:  # it waits longer for the one that remembers than this client for an answer
                return False
            assert answer.status_code in (200, 503, 504), answer.text
            return answer.status_code == 200 and 21.25 in answer.json()["series"][0]["number"]

        await until(back, within_s=20)
    assert pair.memory.pid("worker") != before
