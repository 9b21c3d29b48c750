"""Machines that misbehave: named once in health and in the log, never a crash, never another machine's loss.

While each of them does its worst, a witness counts over MQTT on the same platform; its numbers must have no gap.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import random
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiomqtt
import httpx
import pytest
import pytest_asyncio

from lineshaft.app.trial import Trial, platform
from lineshaft.edge.connectors.modbus.fake import ReplayServer as ModbusMachine
from lineshaft.edge.connectors.mqtt.fake import Publisher
from lineshaft.edge.connectors.opcua.fake import ReplayServer as OpcUaMachine
from lineshaft.edge.connectors.sparkplug.edge import EdgeSide, Variable
from lineshaft.edge.connectors.sparkplug.schema import DataType
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.errors import Unavailable
from lineshaft.kernel.terms import Kind, Quality, series_id

pytestmark = pytest.mark.asyncio(loop_scope="module")
YEAR_1970_US = 1_000_000
YEAR_2100_US = 4_102_444_800_000_000
WITNESS = {"name": "witness", "path": "witness", "broker": "builtin", "rules": [{"topic": "witness/{name}"}]}


# ---- a platform with a witness ----


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plant() -> AsyncIterator[Trial]:
    async with platform(
        {"edge": {"mqtt": [{**WITNESS, "rules": [{"topic": "witness/{name}", "path": "{name}"}]}]}}
    ) as p:
        yield p
        _nothing_crashed(p)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(plant: Trial) -> AsyncIterator[httpx.AsyncClient]:
    async with plant.client() as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def login(plant: Trial) -> tuple[str, str]:
    """A device that may publish everything the tests need."""
    return await plant.device("device", "witness/#", "bad/#", "spBv1.0/#", subscribe=["spBv1.0/#"])


@pytest_asyncio.fixture(loop_scope="module")
async def witness(
    plant: Trial, login: tuple[str, str], until: Any, request: pytest.FixtureRequest
) -> AsyncIterator[None]:
    """Counts during a test, and afterwards is found without a gap."""
    worker = plant.pid("worker")
    name = "".join(c for c in request.node.name if c.isalnum())
    count = Count(name)
    task = asyncio.create_task(count.run(_publisher(plant, login)))
    yield
    await until(lambda: count.number > 20)
    count.enough = True
    await asyncio.wait_for(task, 20)
    path = f"acme/witness/{name}/n"

    async def seen() -> bool:
        rows = await plant.ask(f"SELECT number FROM samples FINAL WHERE series = {series_id(path)} ORDER BY ts")
        assert [row["number"] for row in rows] == list(range(count.number))
        return True

    await until(seen, within_s=15)
    assert plant.pid("worker") == worker, "the worker never ended"


@dataclass
class Count:
    name: str
    number: int = 0
    enough: bool = False

    async def run(self, publisher: Publisher) -> None:
        began = now_us() // 1000
        async with publisher:
            while not self.enough:
                await publisher.say(f"witness/{self.name}", {"n": self.number, "timestamp": began + self.number})
                self.number += 1
                await asyncio.sleep(0.02)


def _broker(plant: Trial) -> str:
    return f"mqtt://127.0.0.1:{plant.ports['mqtt']}"


def _publisher(plant: Trial, login: tuple[str, str]) -> Publisher:
    return Publisher(_broker(plant), user=login[0], password=login[1])


def _log(plant: Trial) -> list[dict[str, Any]]:
    lines = (plant.data / "logs" / "lineshaft.log").read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def _said(plant: Trial, event: str, connection: str) -> list[dict[str, Any]]:
    return [line for line in _log(plant) if line["event"] == event and line.get("connection") == connection]


def _nothing_crashed(plant: Trial) -> None:
    told = (plant.data / "logs" / "lineshaft.log").read_text()
    assert "Traceback" not in told
    assert [line for line in _log(plant) if line["level"] in ("error", "critical")] == []


async def _save(api: httpx.AsyncClient, connector: str, name: str, raw: dict[str, Any]) -> None:
    body = {"connector": connector, "raw": {"name": name, "path": f"bad/{name}", **raw}}
    answer = await api.put("/api/v1/connections", json=body)
    assert answer.status_code == 200, answer.text


async def _health(api: httpx.AsyncClient, name: str) -> dict[str, Any]:
    return dict((await api.get(f"/api/v1/connections/{name}")).json()["health"])


# ---- devices that answer garbage or close in the middle of a frame ----

HALF = {
    "modbus": b"\x00\x01\x00\x00\x00\x07\x01\x03\x04",
    "opcua": b"ACKF\x1c\x00\x00\x00\x00\x00\x00\x00",
    "mqtt": b"\x20\x02",
    "sparkplug": b"\x20",
}


@asynccontextmanager
async def _liar(answer: Callable[[], bytes], *, close: bool) -> AsyncIterator[int]:
    """A port that answers whatever it is sent with something that is no answer."""
    writers: set[asyncio.StreamWriter] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        with contextlib.suppress(OSError):
            while await reader.read(4096):
                writer.write(answer())
                await writer.drain()
                if close:
                    break
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for writer in writers:
        writer.transport.abort()
    await server.wait_closed()


def _reaching(protocol: str, port: int) -> dict[str, Any]:
    match protocol:
        case "modbus":
            tags = [{"path": "a", "address": "holding:0:float32", "every": "100ms"}]
            return {"host": "127.0.0.1", "port": port, "answer_timeout_s": 0.3, "tags": tags}
        case "opcua":
            return {"url": f"opc.tcp://127.0.0.1:{port}", "tags": [{"path": "a", "address": "ns=2;s=A"}]}
        case "mqtt":
            return {"broker": f"mqtt://127.0.0.1:{port}", "subscriptions": ["a/#"]}
        case _:
            return {"broker": f"mqtt://127.0.0.1:{port}"}


@pytest.mark.parametrize("behaviour", ["garbage", "half"])
@pytest.mark.parametrize("protocol", HALF)
async def test_a_port_that_answers_nonsense_is_lost_and_named_once(
    protocol: str, behaviour: str, plant: Trial, api: httpx.AsyncClient, witness: None, until: Any
) -> None:
    name = f"{protocol}-{behaviour}"
    dice = random.Random(name)
    async with _liar(
        (lambda: dice.randbytes(200)) if behaviour == "garbage" else (lambda: HALF[protocol]),
        close=behaviour == "half",
    ) as port:
        await _save(api, protocol, name, _reaching(protocol, port))

        async def lost() -> bool:
            health = await _health(api, name)
            return health["state"] == "lost" and bool(health["error"])

        await until(lost, within_s=35)
        await asyncio.sleep(2)
        health = await _health(api, name)
    assert health["state"] in ("lost", "good"), health
    assert str(port) in health["error"] or name in health["error"], health["error"]
    assert len(_said(plant, "connection lost", name)) == 1
    assert (await api.delete(f"/api/v1/connections/{name}")).status_code == 204


# ---- values and times nobody can use ----


@dataclass(frozen=True)
class Odd:
    """What a machine said, and what may be kept of it."""

    path: str
    quality: set[Quality]
    has_value: bool


async def _stored(plant: Trial, odd: Odd, since_us: int) -> bool:
    columns = "toUnixTimestamp64Micro(ts) AS ts, number, quality"
    rows = await plant.ask(f"SELECT {columns} FROM samples FINAL WHERE series = {series_id(odd.path)} ORDER BY ts")
    rows = [row for row in rows if row["quality"] in odd.quality]
    assert rows, f"nothing with {odd.quality} on {odd.path}"
    assert all(since_us <= row["ts"] <= now_us() for row in rows), "kept at the time it came"
    assert all(math.isnan(row["number"]) is not odd.has_value for row in rows)
    return True


async def _named_once(plant: Trial, api: httpx.AsyncClient, connection: str, *places: str) -> None:
    """Exactly these places are named, in health (told every second) and in the log."""
    for _ in range(2):
        await asyncio.sleep(1.1)
        health = await _health(api, connection)
        if len(health["troubles"]) >= len(places):
            break
    assert health["state"] == "good", health
    assert sorted(t["place"] for t in health["troubles"]) == sorted(places), health["troubles"]
    assert sorted(line["place"] for line in _said(plant, "trouble", connection)) == sorted(places)


async def test_nan_over_modbus(plant: Trial, api: httpx.AsyncClient, witness: None, until: Any) -> None:
    began = now_us()
    async with ModbusMachine(["a", "b"]) as machine:
        tags = [{"path": n, "address": a, "every": "100ms"} for n, a in machine.addresses.items()]
        await machine.set({"a": math.nan, "b": 1.5})
        await _save(api, "modbus", "modbus-nan", {"host": "127.0.0.1", "port": machine.port, "tags": tags})
        bad = Odd("acme/bad/modbus-nan/a", {Quality.BAD_NO_DATA, Quality.BAD_OUT_OF_RANGE}, has_value=False)
        await until(lambda: _stored(plant, bad, began))
        await until(lambda: _stored(plant, Odd("acme/bad/modbus-nan/b", {Quality.GOOD}, has_value=True), began))
        await _named_once(plant, api, "modbus-nan", "acme/bad/modbus-nan/a")
        await machine.set({"a": 2.5})
        await until(lambda: _stored(plant, Odd("acme/bad/modbus-nan/a", {Quality.GOOD}, has_value=True), began))

        async def over() -> bool:
            return bool((await _health(api, "modbus-nan"))["troubles"] == [])

        await until(over)


async def test_nan_and_impossible_times_over_opcua(
    plant: Trial, api: httpx.AsyncClient, witness: None, until: Any
) -> None:
    began = now_us()
    async with OpcUaMachine(["nan", "past", "future"]) as machine:
        tags = [{"path": n, "address": a, "every": "100ms"} for n, a in machine.addresses.items()]
        await machine.set({"nan": 0.5, "past": 0.5, "future": 0.5})
        await _save(api, "opcua", "opcua-odd", {"url": machine.url, "tags": tags})
        root = "acme/bad/opcua-odd"
        await until(lambda: _stored(plant, Odd(f"{root}/nan", {Quality.GOOD}, has_value=True), began), within_s=20)
        for turn in range(3):
            await machine.set({"nan": math.nan if turn % 2 == 0 else 1.5})
            await machine.set({"past": 1.5 + turn}, YEAR_1970_US + turn)
            await machine.set({"future": 1.5 + turn}, YEAR_2100_US + turn)
            await asyncio.sleep(0.3)
        await until(lambda: _stored(plant, Odd(f"{root}/nan", {Quality.BAD_NO_DATA}, has_value=False), began))
        for name in ("past", "future"):
            await until(
                lambda name=name: _stored(plant, Odd(f"{root}/{name}", {Quality.UNCERTAIN_TIME}, has_value=True), began)
            )
        await _named_once(plant, api, "opcua-odd", *(f"{root}/{name}" for name in ("nan", "past", "future")))


async def test_nan_and_impossible_times_over_mqtt(
    plant: Trial, api: httpx.AsyncClient, login: tuple[str, str], witness: None, until: Any
) -> None:
    began = now_us()
    root = "acme/bad/mqtt-odd"
    raw = {"broker": "builtin", "rules": [{"topic": "bad/odd/{name}", "path": "{name}"}]}
    await _save(api, "mqtt", "mqtt-odd", raw)
    await until(lambda: _is_good(api, "mqtt-odd"))
    async with aiomqtt.Client("127.0.0.1", plant.ports["mqtt"], username=login[0], password=login[1]) as device:
        for turn in range(3):
            await device.publish("bad/odd/nan", b'{"v": NaN}', qos=1)
            await device.publish("bad/odd/past", json.dumps({"v": turn, "timestamp": YEAR_1970_US // 1000}), qos=1)
            await device.publish("bad/odd/future", json.dumps({"v": turn, "timestamp": YEAR_2100_US // 1000}), qos=1)
            await device.publish("bad/odd/garbage", b'\xff\xfe{"v": ', qos=1)
    bad = Odd(f"{root}/nan/v", {Quality.BAD_NO_DATA, Quality.BAD_OUT_OF_RANGE}, has_value=False)
    await until(lambda: _stored(plant, bad, began))
    for name in ("past", "future"):
        odd = Odd(f"{root}/{name}/v", {Quality.UNCERTAIN_TIME}, has_value=True)
        await until(lambda odd=odd: _stored(plant, odd, began))
    named = (f"{root}/bad/odd/past", f"{root}/bad/odd/future", f"{root}/bad/odd/garbage", root)
    await _named_once(plant, api, "mqtt-odd", *named)


async def _is_good(api: httpx.AsyncClient, name: str) -> bool:
    return bool((await _health(api, name))["state"] == "good")


async def test_nan_and_impossible_times_over_sparkplug(
    plant: Trial, api: httpx.AsyncClient, login: tuple[str, str], witness: None, until: Any
) -> None:
    began = now_us()
    await _save(api, "sparkplug", "sparkplug-odd", {"broker": "builtin", "groups": ["odd"], "place": "{metric}"})
    await until(lambda: _is_good(api, "sparkplug-odd"))
    node = EdgeSide(_broker(plant), group="odd", edge="node", user=login[0], password=login[1])
    node.add("d", [Variable(n, DataType.DOUBLE, 0.5) for n in ("nan", "past", "future")])
    root = "acme/bad/sparkplug-odd"
    async with node:
        for turn in range(3):
            await node.tell("d", {"nan": math.nan})
            await node.tell("d", {"past": 1.5 + turn}, YEAR_1970_US // 1000)
            await node.tell("d", {"future": 1.5 + turn}, YEAR_2100_US // 1000)
        bad = Odd(f"{root}/nan", {Quality.BAD_NO_DATA, Quality.BAD_OUT_OF_RANGE}, has_value=False)
        await until(lambda: _stored(plant, bad, began))
        for name in ("past", "future"):
            odd = Odd(f"{root}/{name}", {Quality.UNCERTAIN_TIME}, has_value=True)
            await until(lambda odd=odd: _stored(plant, odd, began))
        await _named_once(plant, api, "sparkplug-odd", root, f"{root}/odd/node")


# ---- far too much ----


async def test_a_payload_of_ten_megabytes_is_refused_and_one_of_four_is_named(
    plant: Trial, api: httpx.AsyncClient, login: tuple[str, str], witness: None, until: Any
) -> None:
    await _save(api, "mqtt", "mqtt-large", {"broker": "builtin", "subscriptions": ["bad/large/#"]})
    await until(lambda: _is_good(api, "mqtt-large"))
    async with _publisher(plant, login) as device:
        for _ in range(2):
            await device.say("bad/large/four", "x" * 4_000_000)
        with pytest.raises(Unavailable):
            await device.say("bad/large/ten", "x" * 10_000_000)
        await device.say("bad/large/after", {"v": 1})
    after = Odd("acme/bad/mqtt-large/bad/large/after/v", {Quality.GOOD}, has_value=True)
    await until(lambda: _stored(plant, after, 0))
    await _named_once(plant, api, "mqtt-large", "acme/bad/mqtt-large/bad/large/four")
    assert "maximum payload" in (plant.data / "bus" / "front.log").read_text().lower()


async def test_a_text_of_ten_megabytes_over_opcua_holds_nobody_up(
    plant: Trial, api: httpx.AsyncClient, witness: None, until: Any
) -> None:
    kinds = {"text": Kind.TEXT, "other": Kind.NUMBER}
    async with OpcUaMachine(["text", "other"], kinds=kinds) as machine:
        tags = [
            {"path": n, "address": a, "every": "100ms", "kind": str(kinds[n])} for n, a in machine.addresses.items()
        ]
        await machine.set({"text": "short", "other": 1.0})
        await _save(api, "opcua", "opcua-large", {"url": machine.url, "tags": tags})
        good = Odd("acme/bad/opcua-large/other", {Quality.GOOD}, has_value=True)
        await until(lambda: _stored(plant, good, 0), within_s=20)
        await machine.set({"text": "x" * 10_000_000})
        await asyncio.sleep(2)
        await machine.set({"text": "short again", "other": 2.0})

        async def goes_on() -> bool:
            rows = await plant.ask(f"SELECT number FROM samples FINAL WHERE series = {series_id(good.path)}")
            return 2.0 in [row["number"] for row in rows]

        await until(goes_on, within_s=20)
        await _named_once(plant, api, "opcua-large", "acme/bad/opcua-large/text")
    assert (await api.get("/healthz")).json()["why"] == ""


async def test_bodies_beyond_the_limit_are_refused(api: httpx.AsyncClient, witness: None) -> None:
    one = b'{"path": "acme/big", "value": 1.0},'
    body = b'{"samples": [' + one * (34_000_000 // len(one))
    plain = await api.post("/api/v1/samples", content=body)
    assert (plain.status_code, plain.json()["code"]) == (413, "telemetry.too_large")
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join(packer.compress(b" " * 1_000_000) for _ in range(200)) + packer.flush()
    assert len(bomb) < 1_000_000
    packed = await api.post("/api/v1/samples", content=bomb, headers={"content-encoding": "gzip"})
    assert packed.status_code == 413
    assert (await api.get("/api/v1/series", params={"pattern": "acme/big"})).json()["items"] == []


async def test_a_thousand_births_a_second_are_named_once(
    plant: Trial, api: httpx.AsyncClient, login: tuple[str, str], witness: None, until: Any
) -> None:
    await _save(api, "sparkplug", "storm", {"broker": "builtin", "groups": ["storm"], "place": "{edge}/{metric}"})
    await until(lambda: _is_good(api, "storm"))
    mad = EdgeSide(_broker(plant), group="storm", edge="mad", user=login[0], password=login[1])
    calm = EdgeSide(_broker(plant), group="storm", edge="calm", user=login[0], password=login[1])
    mad.add("", [Variable(f"m{i}", DataType.DOUBLE, 0.5) for i in range(20)])
    calm.add("", [Variable("n", DataType.DOUBLE, -1.0)])
    async with mad, calm:
        births = asyncio.create_task(_bear(mad, 3_000))
        counted = 0
        while not births.done():
            await calm.tell("", {"n": float(counted)})
            counted += 1
            await asyncio.sleep(0.05)
        rate = await births

        async def nothing_missing() -> bool:
            at = series_id("acme/bad/storm/calm/n")
            rows = await plant.ask(f"SELECT number FROM samples FINAL WHERE series = {at} AND quality = 0 ORDER BY ts")
            assert [row["number"] for row in rows if row["number"] >= 0] == [float(n) for n in range(counted)]
            return True

        await until(nothing_missing, within_s=20)
        await _named_once(plant, api, "storm", "acme/bad/storm/storm/mad")
        [trouble] = (await _health(api, "storm"))["troubles"]
    assert "too often" in trouble["message"]
    assert rate > 500, f"only {rate:.0f} births/s were sent; the storm was none"


async def _bear(node: EdgeSide, times: int) -> float:
    """Be born again and again; returns births a second."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for _ in range(times):
        await node.birth()
    return times / (loop.time() - began)
