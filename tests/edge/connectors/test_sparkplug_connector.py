"""The Sparkplug host over real brokers: fakes, restarts, storms, writing, browsing."""

from __future__ import annotations

import asyncio
import signal
import sys
import tomllib
from typing import Any

import pytest

from lineshaft.edge.connectors import Host, Tag
from lineshaft.edge.connectors.sparkplug import CONNECTOR, DataType, Payload, SparkplugConnector, SparkplugSettings
from lineshaft.edge.connectors.sparkplug.edge import EdgeSide, Variable
from lineshaft.edge.connectors.sparkplug.fake import ConveyorNode, Drive, ReplayNode
from lineshaft.edge.settings import build
from lineshaft.kernel.bus import Front
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.errors import Invalid, NotFound, Unavailable
from lineshaft.kernel.ids import new_id
from lineshaft.kernel.plugins import Shelf
from lineshaft.kernel.terms import Kind, PlantPath, Quality

from .conftest import working

ROOT = PlantPath("acme/berlin")


def make(broker: Any, *tags: Tag, url: str = "", host: Host | None = None, **settings: Any) -> SparkplugConnector:
    found = {"broker": url or broker.url, "host_id": area(), "rebirth_jitter_s": 0.05, **broker.login, **settings}
    connector = CONNECTOR(SparkplugSettings(**found), tags, root=ROOT)
    assert connector.check() == []
    connector.host = host or Host()
    return connector


def area() -> str:
    return f"t-{new_id()[-10:]}"


def side(broker: Any, group: str, edge: str = "E", **more: Any) -> EdgeSide:
    one = EdgeSide(broker.url, group=group, edge=edge, **broker.login, **more)
    one.add("D", [Variable("S", DataType.DOUBLE, 1.0), Variable("SP", DataType.INT16, 3, writable=True)])
    return one


def rebirths(recorder: Any) -> list[Any]:
    asked = [p for p in recorder.up("PUBLISH") if "/NCMD/" in p.topic]
    return [p for p in asked if Payload.FromString(p.payload).metrics[0].name == "Node Control/Rebirth"]


# ---- the fake plant ----


async def test_conveyors_are_born_tell_what_changes_and_take_a_setpoint(broker: Any, sink: Any) -> None:
    group = area()
    setpoint = Tag(
        path=ROOT.child("setpoint"), address=f"{group}/belts/drive-2|Speed Setpoint", writable=True, low=0, high=1.2
    )
    connector = make(broker, setpoint, groups=[group], place="{edge}/{device}/{metric}")
    node = ConveyorNode(broker.url, group=group, edge="belts", **broker.login)
    async with working(connector, sink):
        run = asyncio.create_task(node.run(period_s=0.02, speed=5))
        await sink.until(lambda: len(sink.of(f"{ROOT}/belts/drive-1/Speed")) > 5)
        assert sink.last(f"{ROOT}/setpoint").number == 0.8
        await asyncio.wait_for(connector.write(setpoint, 0.4), 5)
        await sink.until(lambda: sink.last(f"{ROOT}/setpoint").number == 0.4)
        await sink.until(lambda: abs(sink.last(f"{ROOT}/belts/drive-2/Speed").number - 0.4) < 0.02)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        await sink.until(lambda: sink.last(f"{ROOT}/belts/drive-3/State").quality == Quality.BAD_STALE)
    assert sink.of(f"{ROOT}/belts/drive-3/State")[0].text in {"Starting", "Stopped", "Running"}
    assert sink.of(f"{ROOT}/belts/Firmware")[0].text == "2.4.1"
    assert {row.quality for row in sink.rows} == {Quality.GOOD, Quality.BAD_STALE}
    assert sink.problems == []


def test_the_imbalance_of_the_first_drive_grows_and_shows_in_its_vibration() -> None:
    node = ConveyorNode("mqtt://127.0.0.1:1", drives=2)
    node.step(30)
    before = {n: float(d.values()["Vibration/Y"]) for n, d in node.drives.items()}
    for _ in range(180):
        node.step(60)
    after = {n: float(d.values()["Vibration/Y"]) for n, d in node.drives.items()}
    assert after["drive-1"] > 2.5 * before["drive-1"]
    assert abs(after["drive-2"] - before["drive-2"]) < 0.3
    assert all(25 < d.temperature < 110 for d in node.drives.values())


def test_a_stopped_drive_cools_and_draws_nothing() -> None:
    drive = Drive(setpoint=0.0, temperature=60.0)
    drive.step(3600)
    assert drive.state == "Stopped"
    assert drive.current == 0.0
    assert 22 <= drive.temperature < 23


async def test_a_row_of_a_recording_becomes_one_message_and_a_column_that_comes_late_is_born(
    mosquitto: Any, sink: Any
) -> None:
    group = area()
    began = now_us() // 1000 * 1000
    side = EdgeSide(mosquitto.url, group=group, edge="replay")
    async with working(make(mosquitto, groups=[group]), sink), ReplayNode(side, ["Flow Rate"], device="pump") as node:
        path = f"{ROOT}/{group}/replay/pump"
        for i in range(5):
            late = {"state": "run"} if i >= 3 else {}
            await node.set({"Flow Rate": 30.0 + i, **late}, began + i * 50_000)
        await sink.until(lambda: len(sink.of(f"{path}/state")) >= 3)
    told = {row.ts: row.number for row in sink.of(f"{path}/Flow-Rate") if row.quality == Quality.GOOD}
    assert [told.get(began + i * 50_000) for i in range(5)] == [30.0, 31.0, 32.0, 33.0, 34.0]
    assert {row.text for row in sink.of(f"{path}/state") if row.quality == Quality.GOOD} == {"run"}
    assert side.births == 1


# ---- restarts ----


async def test_after_a_restart_of_the_host_data_by_alias_leads_to_exactly_one_rebirth(
    broker: Any, record: Any, sink: Any
) -> None:
    group = area()
    async with side(broker, group) as node:
        recorder = await record(broker)
        async with working(make(broker, url=recorder.url, groups=[group]), sink):
            for value in range(30):
                await node.tell("D", {"S": float(value)})
                await asyncio.sleep(0.01)
            await sink.until(lambda: node.births == 2)
            await node.tell("D", {"S": 99.0})
            await sink.until(lambda: sink.rows and sink.last(f"{ROOT}/{group}/E/D/S").number == 99.0)
            await asyncio.sleep(0.3)
            assert len(rebirths(recorder)) == 1
    assert node.births == 2
    assert sink.problems == []


async def test_a_node_that_restarts_is_followed_and_its_late_will_is_ignored(mosquitto: Any, sink: Any) -> None:
    group = area()
    node = side(mosquitto, group)
    path = f"{ROOT}/{group}/E/D/S"
    async with working(make(mosquitto, groups=[group]), sink):
        await node.open()
        await sink.until(lambda: sink.rows)
        await node.crash()
        await sink.until(lambda: sink.last(path).quality == Quality.BAD_STALE)
        await node.open()
        await sink.until(lambda: sink.last(path).quality == Quality.GOOD)
        late = Payload(timestamp=1)
        late.metrics.add(name="bdSeq", datatype=int(DataType.INT64), long_value=node.bd_seq - 1)
        await node.send("NDEATH", "", late)
        await node.tell("D", {"S": 5.0})
        await sink.until(lambda: sink.last(path).number == 5.0)
        await node.close()
        await sink.until(lambda: sink.last(path).quality == Quality.BAD_STALE)
    stamps = [row.ts for row in sink.of(path)]
    assert stamps == sorted(stamps)


async def test_a_lost_broker_ends_the_subscription_and_a_new_connector_goes_on(own_mosquitto: Any, sink: Any) -> None:
    with own_mosquitto() as broker:
        connector = make(broker)
        await connector.connect()
        task = asyncio.create_task(connector.subscribe(sink))
        await asyncio.sleep(0.05)
    with pytest.raises(Unavailable, match="does not answer"):
        await asyncio.wait_for(task, 5)
    await connector.close()
    await connector.close()
    with own_mosquitto(port=broker.port) as broker:
        async with working(make(broker), sink), side(broker, "G"):
            await sink.until(lambda: len(sink.rows) == 2)


async def test_nobody_there_says_where() -> None:
    connector = CONNECTOR(SparkplugSettings(broker="mqtt://127.0.0.1:9"), (), root=ROOT)
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9 does not answer"):
        await asyncio.wait_for(connector.connect(), 5)


# ---- storms and garbage on the wire ----


async def test_a_storm_of_births_and_garbage_cost_another_node_nothing(mosquitto: Any, sink: Any) -> None:
    group = area()
    async with (
        working(make(mosquitto, groups=[group]), sink),
        side(mosquitto, group, "calm") as calm,
        side(mosquitto, group, "mad") as mad,
    ):
        began = asyncio.get_running_loop().time()
        for i in range(500):
            await mad.birth()
            if i % 25 == 0:
                await calm.tell("D", {"S": float(i)})
                link: Any = mad._link
                await link.publish(f"spBv1.0/{group}/NDATA/mad", b"\xff" * 100)
                await link.publish(f"spBv1.0/{group}/DDATA/mad/D", b"\x12\xff\xff\xff\xff\x0f")
        took = asyncio.get_running_loop().time() - began
        await sink.until(lambda: sink.last(f"{ROOT}/{group}/calm/D/S").number == 475.0)
    got = [row.number for row in sink.of(f"{ROOT}/{group}/calm/D/S") if row.quality == Quality.GOOD]
    assert got == [1.0, *(float(i) for i in range(0, 500, 25))]
    assert len(sink.of(f"{ROOT}/{group}/mad/D/S")) <= 12 + took
    assert len([p for p in sink.problems if "born too often" in p.message]) == 2  # the node and its device
    assert len([p for p in sink.problems if "left out" in p.message]) == 2


# ---- writing ----


async def test_writing_needs_a_node_that_is_there_and_a_value_that_fits(mosquitto: Any, sink: Any) -> None:
    group = area()

    def tag(address: str, **more: Any) -> Tag:
        return Tag(path=ROOT.child("x"), address=f"{group}/{address}", writable=True, **more)

    connector = make(mosquitto, groups=[group])
    node = side(mosquitto, group)
    async with working(connector, sink):
        with pytest.raises(Unavailable, match=f"{group}/E is offline"):
            await connector.write(tag("E|S"), 1)
        await node.open()
        await sink.until(lambda: len(sink.rows) >= 2)
        with pytest.raises(NotFound, match="has no metric 'nothing'"):
            await connector.write(tag("E/D|nothing"), 1)
        with pytest.raises(Unavailable, match=f"{group}/E/other is offline"):
            await connector.write(tag("E/other|S"), 1)
        for value in (40_000, 1.5, "many"):
            with pytest.raises(Invalid, match="INT16"):
                await connector.write(tag("E/D|SP"), value)
        await connector.write(tag("E/D|SP", scale=0.1, offset=1.0), -99.0)
        await sink.until(lambda: node.devices["D"]["SP"].value == -1000)
        await node.device_death("D")
        await sink.until(lambda: sink.rows[-1].quality == Quality.BAD_STALE)
        with pytest.raises(Unavailable, match="offline"):
            await connector.write(tag("E/D|SP"), 1)
        await node.close()


async def test_a_write_is_confirmed_by_the_machines_own_data(mosquitto: Any, sink: Any) -> None:
    group = area()
    tag = Tag(path=ROOT.child("x"), address=f"{group}/E/D|SP", writable=True, scale=0.1, offset=1.0)
    connector = make(mosquitto, tag, groups=[group], echo_s=0.5)
    async with working(connector, sink), side(mosquitto, group) as node:
        await sink.until(lambda: len(sink.rows) >= 2)
        assert (await connector.read_now([tag])).number.tolist() == [pytest.approx(1.3)]
        await connector.write(tag, 2.0)
        assert (await connector.read_now([tag])).number.tolist() == [pytest.approx(1.3)], "it did not follow"
        await connector.write(tag, 2.0)
        reading = asyncio.create_task(connector.read_now([tag]))
        await node.tell("D", {"SP": 10})
        assert (await asyncio.wait_for(reading, 5)).number.tolist() == [2.0]


async def test_a_control_metric_can_be_written_by_name(mosquitto: Any, sink: Any) -> None:
    group = area()
    rebirth = Tag(
        path=ROOT.child("rebirth"), address=f"{group}/E|Node Control/Rebirth", kind=Kind.BOOLEAN, writable=True
    )
    async with working(make(mosquitto, rebirth, groups=[group]), sink) as _, side(mosquitto, group) as node:
        await sink.until(lambda: len(sink.rows) >= 2)
        connector = make(mosquitto, rebirth, groups=[group], announce=False)
        assert node.births == 1
        other = type(sink)()
        async with working(connector, other):
            await node.tell("D", {"S": 2.0})
            await other.until(lambda: node.births == 2 and len(other.rows) >= 2)
            await asyncio.wait_for(connector.write(rebirth, True), 5)
            await sink.until(lambda: node.births == 3)


# ---- browsing and trials ----


async def test_browsing_shows_what_was_born_with_units_types_and_values(broker: Any, sink: Any) -> None:
    group = area()
    connector = make(broker, groups=[group])
    node = side(broker, group)
    node.add("", [Variable("Temp", DataType.FLOAT, 21.5, unit="Cel"), Variable("On", DataType.BOOLEAN, True)])
    async with working(connector, sink), node:
        await sink.until(lambda: len(sink.rows) >= 4)
        (top,) = await connector.browse()
        (edge,) = await connector.browse(top.address)
        assert (edge.address, edge.name, edge.description) == (f"{group}/E", "E", "online")
        device, *metrics = await connector.browse(edge.address)
        assert (device.address, device.has_children) == (f"{group}/E/D", True)
        control, on, temp = metrics
        assert (control.name, control.readable) == ("Node Control/Rebirth", False)
        assert (on.kind, on.value) == (Kind.BOOLEAN, 1.0)
        assert (temp.address, temp.kind, temp.unit, temp.value) == (f"{group}/E|Temp", Kind.NUMBER, "Cel", 21.5)
        await node.tell("D", {"S": 7.0})
        await sink.until(lambda: sink.last(f"{ROOT}/{group}/E/D/S").number == 7.0)
        s, sp = await connector.browse(device.address)
        assert (s.value, sp.kind) == (7.0, Kind.INTEGER)
        assert await connector.browse(f"{group}/nobody") == []


async def test_a_trial_looks_without_being_a_host(mosquitto: Any, record: Any) -> None:
    group = area()
    recorder = await record(mosquitto)
    connector = make(mosquitto, url=recorder.url, groups=[group], host=Host(trial=True), browse_s=0.6)
    async with side(mosquitto, group) as node:
        await connector.connect()
        await node.tell("D", {"S": 2.0})
        found = await asyncio.wait_for(connector.browse(), 5)
        assert [n.name for n in found] == [group]
        assert [n.name for n in await connector.browse(f"{group}/E/D")] == ["S", "SP"]
        await connector.close()
    (connect,) = recorder.up("CONNECT")
    assert connect.will is False
    assert [p for p in recorder.up("PUBLISH") if "STATE" in p.topic] == []
    assert len(rebirths(recorder)) == 1


async def test_a_branch_can_be_opened_by_a_trial_that_never_saw_the_top(mosquitto: Any) -> None:
    """Every question about settings that are not saved yet opens the machine anew."""
    group = area()
    async with side(mosquitto, group):
        connector = make(mosquitto, groups=[group], host=Host(trial=True), browse_s=0.6)
        await connector.connect()
        assert [n.name for n in await asyncio.wait_for(connector.browse(f"{group}/E/D"), 5)] == ["S", "SP"]
        await connector.close()


async def test_an_onlooker_says_nothing_at_all(mosquitto: Any, record: Any, sink: Any) -> None:
    group = area()
    recorder = await record(mosquitto)
    settings = {"announce": False, "request_rebirth": False, "reorder_timeout_s": 0.0}
    async with side(mosquitto, group) as node:
        async with working(make(mosquitto, url=recorder.url, groups=[group], **settings), sink):
            await node.tell("D", {"S": 2.0})
            await asyncio.sleep(0.3)
            await node.birth()
            await sink.until(lambda: len(sink.rows) == 2)
        assert node.births == 2
    assert recorder.up("PUBLISH") == []
    assert recorder.up("CONNECT")[0].will is False


# ---- the built-in broker and the shelf ----


async def test_the_fake_runs_from_a_shell(mosquitto: Any, sink: Any) -> None:
    group = area()
    options = ["--port", str(mosquitto.port), "--group", group, "--period", "0.05", "--drives", "1"]
    module = "lineshaft.edge.connectors.sparkplug.fake"
    async with working(make(mosquitto, groups=[group]), sink):
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", module, *options)
        try:
            await sink.until(lambda: len(sink.of(f"{ROOT}/{group}/conveyors/drive-1/Current")) > 2, 15)
        finally:
            process.send_signal(signal.SIGINT)
            assert await asyncio.wait_for(process.wait(), 10) == 0
        await sink.until(lambda: sink.rows[-1].quality == Quality.BAD_STALE)


async def test_edge_nodes_at_the_builtin_broker(front: Front, sink: Any) -> None:
    login = {"user": front.credentials.user, "password": front.credentials.password}
    connector = CONNECTOR(SparkplugSettings(), (), root=ROOT)
    connector.host = Host(front=front, connection="belts")
    node = EdgeSide(f"mqtt://{front.host}:{front.mqtt_port}", group="G", edge="E", **login)
    node.add("D", [Variable("S", DataType.DOUBLE, 1.0)])
    async with working(connector, sink), node:
        await node.tell("D", {"S": 2.0})
        await sink.until(lambda: [row.number for row in sink.of(f"{ROOT}/G/E/D/S")] == [1.0, 2.0])
    assert sink.problems == []


async def test_the_sample_works_as_it_stands() -> None:
    plugin = Shelf("lineshaft.edge.connectors", what="connector").get("sparkplug")
    assert plugin.tier == "stable"
    for raw in tomllib.loads(plugin.read("sample.toml"))["edge"]["sparkplug"]:
        built = build("sparkplug", raw, organisation="plant")
        assert built.connector().name == "sparkplug"
        assert len(built.tags) == 1
    assert plugin.has("README.md")
