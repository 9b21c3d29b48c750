"""The edge at work on a real bus with a real Modbus device: values, writes, loss and return, changes."""

from __future__ import annotations

import asyncio
import contextlib
import tomllib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from lineshaft.edge import Connection, ConnectionStore, Edge, EdgeSettings, SampleBatch, State, as_toml, told_units
from lineshaft.edge.api import router
from lineshaft.edge.connectors import Readings
from lineshaft.edge.connectors.modbus.fake import ReplayServer
from lineshaft.edge.connectors.mqtt import fake as mqtt_fake
from lineshaft.edge.connectors.opcua.replay import ReplayServer as Plc
from lineshaft.edge.errors import BadConnection, Changed, NotWritable
from lineshaft.edge.events import SetpointWritten
from lineshaft.edge.worker import EdgeBox, Outlet
from lineshaft.edge.worker.sieve import sieved
from lineshaft.kernel.bus import Bus
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import Forbidden, Invalid, PlatformError, Unavailable
from lineshaft.kernel.facts import subject_of
from lineshaft.kernel.http import caller
from lineshaft.kernel.outbox import relay
from lineshaft.kernel.tasks import Crew
from lineshaft.kernel.terms import PlantPath, Quality
from lineshaft.kernel.wire import decode
from lineshaft.security import Grant, Guard, Role, Who, WhoKind

ENGINEER = Who(id="e", name="Eva", kind=WhoKind.USER, grants=(Grant(role=Role.ENGINEER, subtree="acme"),))
VIEWER = Who(id="v", name="Vic", kind=WhoKind.USER, grants=(Grant(role=Role.VIEWER, subtree="acme"),))
STRANGER = Who(id="s", name="Sam", kind=WhoKind.USER, grants=(Grant(role=Role.ADMIN, subtree="other"),))


class Stage:
    """An edge box, its service and one device with two values."""

    def __init__(self, edge: Edge, box: EdgeBox, device: ReplayServer, bus: Bus) -> None:
        self.edge, self.box, self.device, self.bus = edge, box, device, bus
        self.batches: list[SampleBatch] = []
        self.crew = Crew()

    def raw(self, **more: object) -> dict[str, object]:
        tags = [
            {"path": "pressure", "address": "holding:0:float32", "unit": "bar", "every": "50ms"},
            {"path": "level", "address": "holding:2:float32", "every": "50ms", "writable": True, "low": 0, "high": 100},
        ]
        return {"name": "plc", "path": "hall/tank", "host": "127.0.0.1", "port": self.device.port, "tags": tags, **more}

    def rows(self, path: str) -> list[tuple[float, int]]:
        """Every (number, quality) that reached the bus for a path."""
        found = []
        for batch in self.batches:
            for i, number, quality in zip(batch.index, batch.number, batch.quality, strict=True):
                if batch.paths[i] == path:
                    found.append((float(number), int(quality)))
        return found

    def qualities(self, path: str) -> list[int]:
        """The quality of every sample that reached the bus for a path."""
        return [quality for _, quality in self.rows(path)]

    async def until(self, condition, within_s: float = 20.0) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + within_s
        while not condition():
            assert loop.time() < end, "did not happen in time"
            await asyncio.sleep(0.02)

    async def health(self) -> State:
        return (await self.edge.get(ENGINEER, "plc")).health.state

    async def until_health(self, state: State, within_s: float = 20.0) -> None:
        async with asyncio.timeout(within_s):
            while await self.health() is not state:
                await asyncio.sleep(0.05)


@pytest.fixture
async def stage(bus: Bus, db: Database, tmp_path: Path) -> AsyncIterator[Stage]:
    await db.open(["lineshaft.security", "lineshaft.edge"])
    settings = EdgeSettings(name="e1", batch_ms=20, max_silence=60)
    edge = Edge(settings, organisation="acme", store=ConnectionStore(db), guard=Guard(db), bus=bus)
    box = EdgeBox(settings, organisation="acme", bus=bus, front=None, db=db, folder=tmp_path)
    device = ReplayServer(["pressure", "level"])
    await device.start()
    await device.set({"pressure": 2.5, "level": 40.0})
    stage = Stage(edge, box, device, bus)

    async def collect() -> None:
        async for messages in bus.read("SAMPLES", start_seq=1, linger_s=0.05):
            stage.batches += [SampleBatch.decode(m.data) for m in messages]

    async with Crew() as crew, Crew() as stage.crew:
        crew.keep("relay", lambda: relay(db, bus))
        crew.keep("collect", collect)
        stage.crew.keep("box", box.run)
        await edge.listen()
        yield stage
    await device.close()


async def test_a_value_on_the_machine_reaches_the_bus(stage: Stage) -> None:
    await stage.edge.save(ENGINEER, "modbus", stage.raw())
    await stage.until(lambda: (2.5, 0) in stage.rows("acme/hall/tank/pressure"))
    await stage.device.set({"pressure": 3.25, "level": 40.0})
    await stage.until(lambda: (3.25, 0) in stage.rows("acme/hall/tank/pressure"))
    assert stage.rows("acme/hall/tank/level") == [(40.0, 0)], "an unchanged value is reported once"


async def test_a_lost_device_is_told_once_and_comes_back_by_itself(stage: Stage) -> None:
    await stage.edge.save(ENGINEER, "modbus", stage.raw(timeout_s=1.0, answer_timeout_s=0.3))
    await stage.until_health(State.GOOD)
    port = stage.device.port
    await stage.device.close()
    await stage.until_health(State.LOST)
    bad = [row for row in stage.rows("acme/hall/tank/level") if row[1] == Quality.BAD_NOT_CONNECTED]
    await asyncio.sleep(1.0)
    again = [row for row in stage.rows("acme/hall/tank/level") if row[1] == Quality.BAD_NOT_CONNECTED]
    assert len(again) <= max(len(bad), 1)
    assert np.isnan(again[0][0])
    device = ReplayServer(["pressure", "level"], port=port)
    await device.start()
    await device.set({"pressure": 9.0, "level": 1.0})
    await stage.until_health(State.GOOD, 15)
    await stage.until(lambda: (9.0, 0) in stage.rows("acme/hall/tank/pressure"))
    await device.close()


async def written(bus: Bus) -> AsyncIterator[SetpointWritten]:
    """What is announced of values that were written."""
    async for messages in bus.read("FACTS", start_seq=1, linger_s=0.05):
        for message in messages:
            if message.subject == subject_of(SetpointWritten):
                yield decode(message.data, SetpointWritten)


async def test_a_write_is_checked_done_read_back_and_told(stage: Stage) -> None:
    await stage.edge.save(ENGINEER, "modbus", stage.raw())
    await stage.until_health(State.GOOD)
    result = await stage.edge.write(ENGINEER, "acme/hall/tank/level", 55.0)
    assert (result.applied, result.read_back) == (True, 55.0)
    with pytest.raises(Invalid, match="outside the range"):
        await stage.edge.write(ENGINEER, "acme/hall/tank/level", 101.0)
    with pytest.raises(NotWritable.__mro__[1], match="not marked writable"):
        await stage.edge.write(ENGINEER, "acme/hall/tank/pressure", 1.0)
    with pytest.raises(Forbidden):
        await stage.edge.write(VIEWER, "acme/hall/tank/level", 10.0)
    await stage.until(lambda: (55.0, 0) in stage.rows("acme/hall/tank/level"))
    told = await asyncio.wait_for(anext(written(stage.bus)), 5)
    assert (told.path, told.value, told.by) == ("acme/hall/tank/level", "55.0", ENGINEER.name)


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


async def test_a_port_that_answers_garbage_is_named_and_harms_nobody(stage: Stage) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while await reader.read(100):
                writer.write(b"HTTP/1.1 400 no\r\n\r\n" * 50)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    bad = {**stage.raw(timeout_s=1.0, answer_timeout_s=0.3), "name": "babbler", "path": "hall/babbler", "port": port}
    await stage.edge.save(ENGINEER, "modbus", stage.raw())
    await stage.edge.save(ENGINEER, "modbus", bad)
    await stage.until_health(State.GOOD)

    async def lost() -> bool:
        return (await stage.edge.get(ENGINEER, "babbler")).health.state is State.LOST

    async with asyncio.timeout(12):
        while not await lost():
            await asyncio.sleep(0.05)
    assert (await stage.edge.get(ENGINEER, "babbler")).health.error
    await stage.device.set({"pressure": 7.75, "level": 40.0})
    await stage.until(lambda: (7.75, 0) in stage.rows("acme/hall/tank/pressure"))
    server.close()


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


async def test_text_does_not_slip_past_the_range_of_a_number(stage: Stage) -> None:
    await stage.edge.save(ENGINEER, "modbus", stage.raw())
    await stage.until_health(State.GOOD)
    for text in ("101", "nan", "much"):
        with pytest.raises(Invalid):
            await stage.edge.write(ENGINEER, "acme/hall/tank/level", text)
    assert (await stage.edge.write(ENGINEER, "acme/hall/tank/level", "55")).read_back == 55.0


async def test_what_a_machine_says_while_it_is_let_go_still_leaves(stage: Stage) -> None:
    async def talks_last() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stage.box.outlet.offer(Readings.of(["acme/hall/last"], [7.0], now_us()))

    await stage.edge.save(ENGINEER, "modbus", stage.raw())
    await stage.until_health(State.GOOD)
    stage.box._crew.keep("talks last", talks_last)
    await asyncio.sleep(0.1)
    await stage.crew.stop()
    assert stage.box.outlet.waiting == 0


async def test_a_stopped_box_answers_nobody(stage: Stage) -> None:
    await stage.until(lambda: bool(stage.box._crew._tasks))
    await stage.crew.stop()
    with pytest.raises(Unavailable, match="Nobody answers"):
        await stage.bus.ask("lineshaft.edge.e1.do", b"{}", within_s=2)


async def test_a_polled_connection_without_tags_is_opened_once(stage: Stage) -> None:
    await stage.edge.save(ENGINEER, "modbus", stage.raw(tags=[]))
    await stage.until_health(State.GOOD)
    await asyncio.sleep(1)
    assert (await stage.edge.get(ENGINEER, "plc")).health.reconnects == 0


async def test_a_value_dropped_for_want_of_room_is_reported_when_there_is_room(stage: Stage) -> None:
    most, stage.box.outlet._most_waiting = stage.box.outlet._most_waiting, 0
    await stage.edge.save(ENGINEER, "modbus", stage.raw())
    await stage.until(lambda: stage.box.outlet.dropped > 3)
    stage.box.outlet._most_waiting = most
    await stage.until(lambda: (2.5, 0) in stage.rows("acme/hall/tank/pressure"))


async def test_nothing_counts_as_durable_that_was_given_up(bus: Bus) -> None:
    outlet = Outlet(bus, organisation="acme", edge="e1")
    await outlet.put(Readings.of(["acme/a"], [1.0], now_us()))
    flushing = asyncio.create_task(outlet.flush())
    await asyncio.sleep(0)
    for task in list(outlet._under_way):
        task.cancel()
    with pytest.raises(Unavailable):
        await asyncio.wait_for(flushing, 5)


async def test_a_write_that_failed_half_way_is_in_the_audit_log(stage: Stage, db: Database) -> None:
    await stage.edge.save(ENGINEER, "modbus", stage.raw(timeout_s=1.0, answer_timeout_s=0.3))
    await stage.until_health(State.GOOD)
    await stage.device.close()
    with pytest.raises(PlatformError):
        await stage.edge.write(ENGINEER, "acme/hall/tank/level", 55.0)
    async with db.read() as tx:
        rows = await tx.all(sa.text("SELECT * FROM security_audit WHERE action = 'edge.write'"))
    assert "55" in str(rows[-1]["after"])


def test_half_a_character_is_replaced_because_nothing_could_carry_it() -> None:
    fine, problems = sieved(Readings.of(["acme/a", "acme/b"], ["pump \ud800", "Füller"], now_us()))
    assert (list(fine.text), problems) == (["pump ?", "Füller"], [])


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


# ---- switched off and removed ----

OUT = Quality.BAD_OUT_OF_SERVICE
AWAY = Quality.BAD_NOT_CONNECTED
TANK = ("acme/hall/tank/pressure", "acme/hall/tank/level")


async def ended(stage: Stage, how: str) -> None:
    """Switch the connection off, or remove it."""
    if how == "removed":
        await stage.edge.remove(ENGINEER, "plc")
    else:
        await stage.edge.enable(ENGINEER, "plc", on=False)


@pytest.mark.parametrize("how", ["removed", "disabled"])
async def test_values_of_a_connection_that_ends_are_told_to_be_out_of_service_once(stage: Stage, how: str) -> None:
    await stage.edge.save(ENGINEER, "modbus", stage.raw())
    await stage.until(lambda: all(stage.qualities(path) == [0] for path in TANK))
    await ended(stage, how)
    await stage.until(lambda: all(stage.qualities(path) == [0, OUT] for path in TANK))
    assert np.isnan(stage.rows(TANK[0])[-1][0])
    await asyncio.sleep(1)
    assert all(stage.qualities(path) == [0, OUT] for path in TANK)


@pytest.mark.parametrize("how", ["removed", "disabled"])
async def test_so_are_those_of_one_that_was_lost(stage: Stage, how: str) -> None:
    await stage.edge.save(ENGINEER, "modbus", stage.raw(timeout_s=1.0, answer_timeout_s=0.3))
    await stage.until_health(State.GOOD)
    await stage.device.close()
    await stage.until_health(State.LOST)
    await stage.until(lambda: all(stage.qualities(path)[-1:] == [AWAY] for path in TANK))
    await ended(stage, how)
    await stage.until(lambda: all(stage.qualities(path)[-1] == OUT for path in TANK))
    await asyncio.sleep(1)
    assert all(stage.qualities(path).count(OUT) == 1 for path in TANK)


@pytest.mark.parametrize("how", ["removed", "disabled"])
async def test_so_are_those_of_one_that_never_answered(stage: Stage, how: str) -> None:
    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(listen, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    await stage.edge.save(ENGINEER, "modbus", stage.raw(port=port, timeout_s=20.0, answer_timeout_s=10.0))
    await stage.until(lambda: bool(stage.box.health()))
    assert await stage.health() is State.UNKNOWN
    await ended(stage, how)
    await stage.until(lambda: all(stage.qualities(path) == [OUT] for path in TANK))
    silent.close()


async def test_a_switched_off_connection_is_good_again_when_it_is_switched_on(stage: Stage) -> None:
    await stage.edge.save(ENGINEER, "modbus", stage.raw())
    await stage.until_health(State.GOOD)
    await ended(stage, "disabled")
    await stage.until(lambda: all(stage.qualities(path)[-1:] == [OUT] for path in TANK))
    await ended(stage, "removed")
    await stage.until(lambda: stage.box.health() == [])
    await stage.edge.restore(ENGINEER, "plc", 1)
    await stage.until(lambda: all(stage.qualities(path) == [0, OUT, 0] for path in TANK))


MODES = pytest.mark.parametrize("mode", ["subscribe", "poll"])


def steady(plc: Plc, mode: str) -> dict[str, object]:
    """A connection to a machine whose one value does not change."""
    tags = [{"path": "recipe", "address": plc.addresses["recipe"], "every": "50ms"}]
    return {"name": "plc", "path": "hall/tank", "url": plc.url, "mode": mode, "tags": tags}


async def told(stage: Stage, *expected: tuple[float, int]) -> None:
    """Wait until the recipe's samples, in the order of their time, are these."""
    names = {7.0: "seven"}

    def now() -> list[tuple[object, int]]:
        rows = {int(b.ts[i]): (float(b.number[i]), int(b.quality[i])) for b in stage.batches for i in range(len(b))}
        return [(names.get(number), quality) for _, (number, quality) in sorted(rows.items())]

    await stage.until(lambda: now() == [(names.get(n), q) for n, q in expected])


@MODES
async def test_a_steady_value_is_good_again_when_its_connection_is_switched_on(stage: Stage, mode: str) -> None:
    async with Plc(["recipe"]) as plc:
        await plc.set({"recipe": 7.0})
        await stage.edge.save(ENGINEER, "opcua", steady(plc, mode))
        await told(stage, (7.0, 0))
        await ended(stage, "disabled")
        await told(stage, (7.0, 0), (np.nan, OUT))
        await stage.edge.enable(ENGINEER, "plc", on=True)
        await told(stage, (7.0, 0), (np.nan, OUT), (7.0, 0))
        await asyncio.sleep(0.5)
        await told(stage, (7.0, 0), (np.nan, OUT), (7.0, 0))
        await stage.edge.remove(ENGINEER, "plc")


@MODES
async def test_a_steady_value_is_good_again_when_its_machine_is_back(stage: Stage, mode: str) -> None:
    plc = Plc(["recipe"])
    await plc.start()
    await plc.set({"recipe": 7.0}, now_us() - 3_600_000_000)
    raw = steady(plc, mode)
    await stage.edge.save(ENGINEER, "opcua", raw)
    await told(stage, (7.0, 0))
    await plc.stop()
    await told(stage, (7.0, 0), (np.nan, AWAY))
    again = Plc(["recipe"])
    await again.start(port=plc.device.port)
    await again.set({"recipe": 7.0}, now_us() - 3_600_000_000)
    await told(stage, (7.0, 0), (7.0, 0), (np.nan, AWAY), (7.0, 0))
    await stage.edge.remove(ENGINEER, "plc")
    await stage.until(lambda: stage.box.health() == [])
    await again.stop()


async def test_a_tag_taken_out_of_a_connection_is_out_of_service_and_the_others_are_not(stage: Stage) -> None:
    await stage.edge.save(ENGINEER, "modbus", stage.raw())
    await stage.until(lambda: all(stage.qualities(path) == [0] for path in TANK))
    await stage.edge.save(ENGINEER, "modbus", stage.raw(tags=stage.raw()["tags"][1:]))
    await stage.until(lambda: stage.qualities(TANK[0]) == [0, OUT])
    await stage.until(lambda: stage.qualities(TANK[1]) == [0, 0])


async def test_what_a_connection_discovered_is_out_of_service_as_well(stage: Stage, tmp_path: Path) -> None:
    async with mqtt_fake.stand(tmp_path / "broker") as stand:
        await stage.edge.save(ENGINEER, "mqtt", {"name": "plc", "path": "hall", **stand.raw})
        found = "acme/hall/hall-1/climate/temperature"
        await stage.until(lambda: 0 in stage.qualities(found))
        await ended(stage, "removed")
        await stage.until(lambda: stage.qualities(found)[-1] == OUT)
        await stage.until(lambda: stage.qualities("acme/hall/hall-1/lux")[-1] == OUT)


async def test_a_box_that_stops_says_nothing_of_service(stage: Stage) -> None:
    await stage.edge.save(ENGINEER, "modbus", stage.raw())
    await stage.until(lambda: all(stage.qualities(path) == [0] for path in TANK))
    await stage.crew.stop()
    await asyncio.sleep(0.5)
    assert all(stage.qualities(path) == [0] for path in TANK)


# ---- several boxes on one catalogue ----

Start = Callable[[str], tuple[EdgeBox, asyncio.Task[None]]]


@pytest.fixture
def start(stage: Stage, db: Database, tmp_path: Path) -> Start:
    """Starts more boxes beside the first, which is called e1."""

    def begin(name: str) -> tuple[EdgeBox, asyncio.Task[None]]:
        settings = EdgeSettings(name=name, batch_ms=20, max_silence=60)
        box = EdgeBox(settings, organisation="acme", bus=stage.bus, front=None, db=db, folder=tmp_path / name)
        return box, stage.crew.keep(name, box.run)

    return begin


def running(box: EdgeBox) -> dict[str, State]:
    return {health.connection: health.state for health in box.health()}


def second(stage: Stage, **more: object) -> dict[str, object]:
    return stage.raw(name="two", path="hall/two", **more)


async def test_each_box_runs_and_answers_for_its_own_connections(stage: Stage, start: Start) -> None:
    other, _ = start("e2")
    assert (await stage.edge.save(ENGINEER, "modbus", stage.raw())).edge == "e1"
    assert (await stage.edge.save(ENGINEER, "modbus", second(stage, edge="e2"))).edge == "e2"
    await stage.until(lambda: running(stage.box) == {"plc": State.GOOD} and running(other) == {"two": State.GOOD})
    assert (await stage.edge.write(ENGINEER, "acme/hall/two/level", 55.0)).read_back == 55.0
    assert (await stage.edge.write(ENGINEER, "acme/hall/tank/level", 54.0)).read_back == 54.0
    assert await stage.edge.browse(ENGINEER, name="two")
    assert len(await stage.edge.test(ENGINEER, "modbus", second(stage))) == 2
    with pytest.raises(Unavailable, match=r"Nobody answers on lineshaft\.edge\.e3\.do"):
        await stage.edge.test(ENGINEER, "modbus", second(stage, edge="e3"))
    await stage.until_health(State.GOOD)
    assert (await stage.edge.get(ENGINEER, "two")).health.state is State.GOOD
    assert (running(stage.box), running(other)) == ({"plc": State.GOOD}, {"two": State.GOOD})


async def test_a_connection_keeps_its_box_until_another_is_named(stage: Stage, start: Start) -> None:
    other, _ = start("e2")
    await stage.edge.save(ENGINEER, "modbus", stage.raw(edge="e2"))
    assert (await stage.edge.save(ENGINEER, "modbus", stage.raw())).edge == "e2"
    await stage.until(lambda: (running(stage.box), running(other)) == ({}, {"plc": State.GOOD}))
    await stage.edge.save(ENGINEER, "modbus", stage.raw(edge="e1"))
    await stage.until(lambda: (running(stage.box), running(other)) == ({"plc": State.GOOD}, {}))
    assert OUT not in stage.qualities(TANK[0]), "it is still read"
    await stage.edge.remove(ENGINEER, "plc")
    assert (await stage.edge.restore(ENGINEER, "plc", 2)).edge == "e2"
    with pytest.raises(BadConnection, match="edge: the name of a box is letters"):
        await stage.edge.save(ENGINEER, "modbus", stage.raw(edge="e2.do"))


async def test_a_connection_of_a_box_that_does_not_run_says_so(stage: Stage) -> None:
    await stage.edge.save(ENGINEER, "modbus", stage.raw(edge="e9"))
    await stage.until(lambda: bool(stage.edge._boxes))
    health = (await stage.edge.get(ENGINEER, "plc")).health
    assert (health.state, health.error) == (State.UNKNOWN, "The edge box 'e9' has not reported for some time.")
    assert health.hint.endswith("these report: e1.")
    assert running(stage.box) == {}


async def test_two_boxes_of_one_name_are_said_until_one_is_gone(
    stage: Stage, start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    await stage.edge.save(ENGINEER, "modbus", stage.raw())
    await stage.until_health(State.GOOD)
    assert (await stage.edge.get(ENGINEER, "plc")).health.error == ""
    _, rival = start("e1")

    async def until_said(sentence: str) -> None:
        async with asyncio.timeout(30):
            while (await stage.edge.get(ENGINEER, "plc")).health.error != sentence:
                await asyncio.sleep(0.1)

    await until_said("Two edge boxes are called 'e1'; both run this connection.")
    rival.cancel()
    await asyncio.wait([rival])
    await until_said("")
    assert capsys.readouterr().out.count("another edge box has our name") == 2, "each says it once"


async def test_connections_from_before_boxes_had_names_are_run_by_one(stage: Stage, start: Start, db: Database) -> None:
    await stage.edge.save(ENGINEER, "modbus", stage.raw(edge="e9"))
    async with db.begin() as tx:
        await tx.execute(sa.text("UPDATE edge_connections SET edge = ''"))
    boxes = [start("e2")[0], start("e3")[0]]
    await stage.until(lambda: [running(box) for box in boxes].count({"plc": State.GOOD}) == 1)
    await asyncio.sleep(1)
    assert [running(box) for box in boxes].count({}) == 1


async def _told(stage: Stage, path: str, count: int) -> list[str]:
    """The units told with the samples of a path, once there are `count` samples."""
    await stage.until(lambda: len(stage.rows(path)) >= count)
    return [batch.units[path] for batch in stage.batches if path in batch.units]


async def test_a_unit_leaves_with_the_first_sample_of_its_path_and_when_it_changes(stage: Stage) -> None:
    outlet, path = stage.box.outlet, "acme/hall/gauge"
    await stage.until(lambda: bool(stage.box._crew._tasks))
    outlet.declare(path, "bar")
    for count in (1, 2):
        await outlet.put(Readings.of([path, "acme/hall/other"], [float(count), 0.0], now_us()))
        assert await _told(stage, path, count) == ["bar"]
    for unit, units in (("bar", ["bar"]), ("mbar", ["bar", "mbar"]), ("", ["bar", "mbar", ""])):
        outlet.declare(path, unit)
        await outlet.put(Readings.of([path], [0.0], now_us()))
        assert await _told(stage, path, len(stage.rows(path)) + 1) == units
    assert all("acme/hall/other" not in batch.units for batch in stage.batches)


async def test_a_tag_says_its_unit_and_a_machine_only_where_the_tag_leaves_the_number_as_it_is(stage: Stage) -> None:
    tags = [
        {"path": "own", "address": "a", "unit": "°C"},
        {"path": "scaled", "address": "b", "scale": 0.1},
        {"path": "plain", "address": "c"},
    ]
    raw = {"name": "q", "path": "hall/q", "broker": "mqtt://127.0.0.1:1", "tags": tags}
    await stage.edge.save(ENGINEER, "mqtt", raw)
    await stage.until(lambda: "q" in stage.box._runners)
    runner = stage.box._runners["q"]
    paths = [f"acme/hall/q/{name}" for name in ("own", "scaled", "plain", "found")]
    said = dict.fromkeys(paths, "°F")
    await runner.put(replace(Readings.of(paths, [1.0] * 4, now_us()), units=said))
    await stage.until(lambda: bool(stage.rows(paths[3])))
    told: dict[str, str] = {}
    for batch in stage.batches:
        told |= batch.units
    assert told == {paths[0]: "Cel", paths[2]: "[degF]", paths[3]: "[degF]"}


def test_a_batch_carries_units_and_bears_nonsense() -> None:
    told = SampleBatch(
        paths=["acme/a"],
        index=np.zeros(1, dtype=np.int32),
        ts=np.array([1]),
        number=np.array([1.0]),
        quality=np.zeros(1, dtype=np.uint8),
        units={"acme/a": "m³"},
    )
    assert SampleBatch.decode(told.encode()).units == {"acme/a": "m³"}
    for nonsense in (b"{", b"[]", b'{"acme/a": 1}', b"\xff"):
        assert told_units({b"units": nonsense}) == {}
