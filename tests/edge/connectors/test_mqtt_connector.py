"""The MQTT connector over real brokers: versions, acknowledgement, loss, writing, browsing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import tomllib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lineshaft.edge.broker import BrokerSettings, Link
from lineshaft.edge.connectors import Host, Tag
from lineshaft.edge.connectors.mqtt import CONNECTOR, MqttConnector, MqttSettings
from lineshaft.edge.connectors.mqtt.fake import Hall, Publisher, ReplayPublisher, Sensors
from lineshaft.edge.settings import build
from lineshaft.kernel.bus import Front
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.errors import Invalid, Unavailable
from lineshaft.kernel.ids import new_id
from lineshaft.kernel.plugins import Shelf
from lineshaft.kernel.terms import Kind, PlantPath, Quality

ROOT = PlantPath("acme/berlin")


def make(broker: Any, *tags: Tag, host: Host | None = None, url: str = "", **settings: Any) -> MqttConnector:
    settings = {"broker": url or broker.url, **broker.login, **settings}
    connector = CONNECTOR(MqttSettings(**settings), tags, root=ROOT)
    assert connector.check() == []
    connector.host = host or Host()
    return connector


@contextlib.asynccontextmanager
async def working(connector: MqttConnector, sink: Any) -> AsyncIterator[asyncio.Task[None]]:
    """The connector connected and subscribed, closed afterwards."""
    await asyncio.wait_for(connector.connect(), 10)
    task = asyncio.create_task(connector.subscribe(sink))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.wait_for(connector.close(), 5)


@contextlib.asynccontextmanager
async def device(broker: Any, **more: Any) -> AsyncIterator[Publisher]:
    async with Publisher(broker.url, **broker.login, **more) as publisher:
        yield publisher


def area() -> str:
    """A part of the topic tree no other test uses."""
    return f"t-{new_id()[-10:]}"


# ---- speaking ----


async def test_values_arrive_over_every_broker_in_the_version_it_speaks(broker: Any, sink: Any) -> None:
    topic = area()
    connector = make(broker, subscriptions=[f"{topic}/#"])
    async with working(connector, sink), device(broker) as one:
        await one.say(f"{topic}/a", {"t": 21.5, "on": True})
        await one.say(f"{topic}/b.c", 7, qos=0)
        await sink.until(lambda: len(sink.rows) >= 3)
        source: Any = connector._source
        assert source.link.protocol == ("5" if broker.name == "mosquitto" else "3.1.1")
    assert sink.last(f"{ROOT}/{topic}/a/t").number == 21.5
    assert sink.last(f"{ROOT}/{topic}/a/on").number == 1.0
    assert sink.last(f"{ROOT}/{topic}/b-c").number == 7.0
    assert abs(sink.rows[0].ts - now_us()) < 10_000_000
    assert sink.problems == []


@pytest.mark.parametrize(("asked", "level"), [("5", 5), ("3.1.1", 4), ("auto", 5)])
async def test_the_version_asked_for_is_spoken(mosquitto: Any, record: Any, sink: Any, asked: str, level: int) -> None:
    recorder = await record(mosquitto)
    async with working(make(mosquitto, url=recorder.url, protocol=asked, subscriptions=["x"]), sink):
        (connect,) = recorder.up("CONNECT")
        assert (connect.level, connect.clean) == (level, True)


async def test_a_broker_without_mqtt_5_is_refused_when_only_5_is_allowed(nats_mqtt: Any) -> None:
    with pytest.raises(Unavailable, match=r"does not speak MQTT 5"):
        await make(nats_mqtt, protocol="5", subscriptions=["x"]).connect()


async def test_a_persistent_session_is_asked_for_in_both_versions(mosquitto: Any, record: Any, sink: Any) -> None:
    for protocol, expiry in (("5", 7 * 86_400), ("3.1.1", None)):
        recorder = await record(mosquitto)
        settings = {"session": "persistent", "client_id": area(), "protocol": protocol, "subscriptions": ["x"]}
        async with working(make(mosquitto, url=recorder.url, **settings), sink):
            (connect,) = recorder.up("CONNECT")
            assert connect.clean is False
            assert connect.fields.get("session_expiry") == expiry
            assert connect.client_id == settings["client_id"]


# ---- acknowledged means durable ----


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_qos_1_is_acknowledged_after_the_flush_and_in_order(
    mosquitto: Any, record: Any, sink: Any, protocol: str
) -> None:
    recorder = await record(mosquitto)
    topic = area()
    sink.gate.clear()
    connector = make(mosquitto, url=recorder.url, protocol=protocol, subscriptions=[f"{topic}/#"])
    async with working(connector, sink), device(mosquitto) as one:
        for i in range(5):
            await one.say(f"{topic}/a", i)
        await sink.until(lambda: len(sink.rows) >= 1)
        await asyncio.sleep(0.2)
        assert recorder.up("PUBACK") == []
        sink.gate.set()
        await sink.until(lambda: len(recorder.up("PUBACK")) == 5)
        got = [p.mid for p in recorder.down("PUBLISH")]
        assert [p.mid for p in recorder.up("PUBACK")] == got
    assert [row.number for row in sink.rows] == [0, 1, 2, 3, 4]


async def test_what_was_not_acknowledged_comes_again_to_a_persistent_session(
    mosquitto: Any, record: Any, sink: Any
) -> None:
    recorder = await record(mosquitto)
    topic = area()
    settings = {"session": "persistent", "client_id": area(), "subscriptions": [f"{topic}/#"]}
    sink.gate.clear()
    async with device(mosquitto) as one:
        first = make(mosquitto, url=recorder.url, **settings)
        async with working(first, sink) as task:
            await one.say(f"{topic}/a", 1)
            await sink.until(lambda: len(sink.rows) == 1)
            recorder.cut()
            with contextlib.suppress(asyncio.CancelledError, Unavailable):
                sink.gate.set()
                await asyncio.wait_for(task, 5)
        await one.say(f"{topic}/a", 2)
        sink.rows.clear()
        async with working(make(mosquitto, url=recorder.url, **settings), sink):
            await sink.until(lambda: [row.number for row in sink.rows] == [1, 2])


async def test_a_trial_flushes_nothing_and_keeps_no_session(mosquitto: Any, record: Any, sink: Any) -> None:
    recorder = await record(mosquitto)
    topic = area()
    settings = {"session": "persistent", "client_id": "taken", "subscriptions": [f"{topic}/#"]}
    connector = make(mosquitto, url=recorder.url, host=Host(trial=True), **settings)
    sink.gate.clear()
    async with working(connector, sink), device(mosquitto) as one:
        await one.say(f"{topic}/a", 1)
        await one.say(f"{topic}/a", 2)
        await sink.until(lambda: len(sink.rows) == 2)
        (connect,) = recorder.up("CONNECT")
        assert connect.clean is True
        assert connect.client_id != "taken"
    assert sink.flushes == 0


# ---- the built-in broker ----


def builtin(front: Front, **settings: Any) -> MqttConnector:
    connector = CONNECTOR(MqttSettings(**settings), (), root=ROOT)
    assert connector.check() == []
    connector.host = Host(front=front, connection="halls")
    return connector


async def test_the_builtin_broker_loses_nothing_it_acknowledged(front: Front, sink: Any) -> None:
    url = f"mqtt://{front.host}:{front.mqtt_port}"
    login = {"user": front.credentials.user, "password": front.credentials.password}
    async with Publisher(url, **login) as one:
        sink.gate.clear()
        async with working(builtin(front, subscriptions=["s/#"]), sink):
            await one.say("s/a", {"v": 1})
            await one.say("s/plain.dot", 5, qos=0)
            await sink.until(lambda: {row.path for row in sink.rows} >= {f"{ROOT}/s/a/v", f"{ROOT}/s/plain-dot"})
        sent = now_us()
        await one.say("s/a", {"v": 2})  # nobody is there now
        await asyncio.sleep(0.3)
        sink.rows.clear()
        sink.gate.set()
        async with working(builtin(front, subscriptions=["s/#"]), sink):
            await sink.until(lambda: sink.rows and sink.rows[-1].number == 2.0, 40)
            await asyncio.sleep(0.3)
        assert abs(sink.rows[-1].ts - sent) < 250_000, "the arrival time is when the broker took it"
        sink.rows.clear()
        async with working(builtin(front, subscriptions=["s/#"]), sink):
            await asyncio.sleep(0.5)
        assert sink.rows == [], "what was made durable does not come again"


async def test_other_topics_may_be_wanted_of_the_builtin_broker_later(front: Front, sink: Any) -> None:
    url = f"mqtt://{front.host}:{front.mqtt_port}"
    async with Publisher(url, user=front.credentials.user, password=front.credentials.password) as one:
        for wanted, numbers in ((["s/#"], {1.0}), (["s/#", "t/+/x"], {1.0, 2.0}), (["t/+/x"], {2.0})):
            async with working(builtin(front, subscriptions=wanted), sink):
                sink.rows.clear()
                await one.say("s/a", 1)
                await one.say("t/1/x", 2)
                await asyncio.sleep(0.4)
                assert {row.number for row in sink.rows} == numbers


async def test_a_trial_on_the_builtin_broker_leaves_messages_to_the_running_connection(front: Front, sink: Any) -> None:
    url = f"mqtt://{front.host}:{front.mqtt_port}"
    async with Publisher(url, user=front.credentials.user, password=front.credentials.password) as one:
        running, trial = builtin(front, subscriptions=["s/#"]), builtin(front, subscriptions=["s/#"])
        trial.host = replace(trial.host, trial=True)
        other = type(sink)()
        async with working(running, sink), working(trial, other):
            for i in range(20):
                await one.say("s/a", i)
            await sink.until(lambda: len(sink.rows) == 20)
            await other.until(lambda: len(other.rows) == 20)


async def test_without_a_builtin_broker_the_error_says_what_to_set() -> None:
    connector = CONNECTOR(MqttSettings(subscriptions=["a"]), (), root=ROOT)
    with pytest.raises(Unavailable, match=r"no built-in MQTT broker.*mqtt://host:1883"):
        await connector.connect()


# ---- being refused and lost ----


async def test_nobody_there_says_where_and_at_once() -> None:
    connector = CONNECTOR(MqttSettings(broker="mqtt://127.0.0.1:9", subscriptions=["a"]), (), root=ROOT)
    began = asyncio.get_running_loop().time()
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9 does not answer"):
        await asyncio.wait_for(connector.connect(), 5)
    assert asyncio.get_running_loop().time() - began < 1
    await connector.close()
    await connector.close()


async def test_a_wrong_password_is_said(nats_mqtt: Any) -> None:
    bad = make(replace(nats_mqtt, password="wrong"), subscriptions=["a"])
    with pytest.raises(Unavailable, match=r"(?i)not auth"):
        await asyncio.wait_for(bad.connect(), 5)


async def test_something_that_closes_at_once_or_never_answers_is_no_broker() -> None:
    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def stay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()

    for behaviour, words in ((close, "closed the connection"), (stay, "timed out")):
        server = await asyncio.start_server(behaviour, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        settings = MqttSettings(broker=f"mqtt://127.0.0.1:{port}", subscriptions=["a"], timeout_s=0.5)
        with pytest.raises(Unavailable, match=words):
            await asyncio.wait_for(CONNECTOR(settings, (), root=ROOT).connect(), 5)
        server.close()
        await asyncio.sleep(0.05)


async def test_a_refused_subscription_is_named(nats_mqtt: Any) -> None:
    guest = replace(nats_mqtt, user="guest", password="guest")
    with pytest.raises(Unavailable, match=r"refuses to tell us about secret/#\."):
        await make(guest, subscriptions=["allowed/#", "secret/#"], qos=0).connect()


async def test_a_lost_broker_ends_the_subscription_and_a_new_connector_goes_on(own_mosquitto: Any, sink: Any) -> None:
    with own_mosquitto() as broker:
        connector = make(broker, subscriptions=["a/#"])
        await connector.connect()
        task = asyncio.create_task(connector.subscribe(sink))
        await asyncio.sleep(0.05)
    with pytest.raises(Unavailable, match=r"does not answer"):
        await asyncio.wait_for(task, 5)
    await connector.close()
    with own_mosquitto(port=broker.port) as broker:
        async with working(make(broker, subscriptions=["a/#"]), sink), device(broker) as one:
            await one.say("a/b", 3)
            await sink.until(lambda: len(sink.rows) == 1)


async def test_cancelling_a_connect_leaves_nothing_behind() -> None:
    held: list[asyncio.StreamWriter] = []

    async def stay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()
        held.remove(writer)

    server = await asyncio.start_server(stay, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = MqttSettings(broker=f"mqtt://127.0.0.1:{port}", subscriptions=["a"], timeout_s=0.5)
    connector = CONNECTOR(settings, (), root=ROOT)
    task = asyncio.create_task(connector.connect())
    await asyncio.sleep(0.1)
    assert len(held) == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(0.7)
    assert held == []
    server.close()


async def test_garbage_on_one_topic_never_stops_the_others(mosquitto: Any, sink: Any) -> None:
    topic = area()
    async with working(make(mosquitto, subscriptions=[f"{topic}/#"]), sink):
        settings = BrokerSettings(broker=mosquitto.url)
        link = Link(settings, settings.endpoint(None))
        await link.open()
        for payload in (b"\xff\x00", b"{", b"[" * 5000, b'{"v": NaN}', b'{"v":1,"ts":0}', b"x" * 10_000_000):
            for _ in range(3):
                await link.publish(f"{topic}/bad", payload, qos=1)
        await link.publish(f"{topic}/good", b"42", qos=1)
        await link.close()
        await sink.until(lambda: sink.of(f"{ROOT}/{topic}/good"))
    bad = sink.of(f"{ROOT}/{topic}/bad/v")
    assert {row.quality for row in bad} == {Quality.BAD_OUT_OF_RANGE, Quality.UNCERTAIN_TIME}
    assert len(sink.problems) == 4  # not JSON, NaN, time, size


async def test_qos_0_beyond_what_may_wait_is_given_up_and_counted(mosquitto: Any) -> None:
    topic = area()
    settings = BrokerSettings(broker=mosquitto.url)
    link = Link(settings, settings.endpoint(None), most_waiting=10)
    await link.open()
    await link.subscribe([topic], 0)
    async with device(mosquitto) as one:
        for i in range(50):
            await one.say(topic, i, qos=0)
    await asyncio.sleep(0.3)
    assert [m[1] for m in await link.take()] == [str(i).encode() for i in range(10)]
    assert link.dropped == 40
    await link.close()


# ---- transports ----


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    begin = datetime.now(UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=10))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = serialization.PrivateFormat.PKCS8
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption()))
    key_file.chmod(0o644)
    return cert_file, key_file


async def test_tls_checks_the_broker_and_speaks_when_it_is_right(own_mosquitto: Any, tmp_path: Path, sink: Any) -> None:
    cert, key = _certificate(tmp_path)
    tmp_path.chmod(0o755)
    with own_mosquitto(extra=f"certfile {cert}\nkeyfile {key}") as broker:
        url = f"mqtts://localhost:{broker.port}"
        stranger = make(broker, url=url, subscriptions=["a"])
        with pytest.raises(Unavailable, match=r"(?i)certificate"):
            await stranger.connect()
        async with working(make(broker, url=url, subscriptions=["a"], ca_file=str(cert)), sink):
            pass
        async with working(make(broker, url=url, subscriptions=["a"], verify_tls=False), sink):
            pass
        with pytest.raises(Unavailable, match=r"TLS files"):
            await make(broker, url=url, subscriptions=["a"], ca_file="/nowhere.pem").connect()


async def test_websockets(nats_mqtt: Any, sink: Any) -> None:
    topic = area()
    connector = make(nats_mqtt, url=f"ws://127.0.0.1:{nats_mqtt.websocket}/mqtt", subscriptions=[topic])
    async with working(connector, sink), device(nats_mqtt) as one:
        await one.say(topic, 9)
        await sink.until(lambda: len(sink.rows) == 1)


# ---- writing ----


async def test_a_write_is_published_in_the_machines_own_unit(broker: Any, record: Any, sink: Any) -> None:
    recorder = await record(broker)
    topic = area()
    options = {"write_topic": f"{topic}/set", "write_payload": '{"sp": {value}}', "write_retain": False}
    speed = Tag(path=ROOT.child("speed"), address=f"{topic}|sp", writable=True, scale=0.1, offset=2.0, options=options)
    lamp = Tag(
        path=ROOT.child("lamp"),
        address=f"{topic}|on",
        kind=Kind.BOOLEAN,
        writable=True,
        options={"write_topic": "{topic}/lamp"},
    )
    mode = Tag(
        path=ROOT.child("mode"),
        address=f"{topic}|mode",
        kind=Kind.TEXT,
        writable=True,
        options={"write_topic": f"{topic}/mode", "write_qos": 0},
    )
    connector = make(broker, speed, lamp, mode, url=recorder.url)
    async with working(connector, sink):
        await asyncio.wait_for(connector.write(speed, 52.0), 5)
        await asyncio.wait_for(connector.write(lamp, True), 5)
        await asyncio.wait_for(connector.write(mode, 'say "hi"'), 5)
        await sink.until(lambda: recorder.sent(f"{topic}/mode"))
    (sp,), (on,), (words,) = (recorder.sent(f"{topic}/{t}") for t in ("set", "lamp", "mode"))
    assert json.loads(sp.payload) == {"sp": 500.0}
    assert (on.payload, on.qos, on.retain) == (b"true", 1, False)
    assert (json.loads(words.payload), words.qos) == ('say "hi"', 0)


async def test_writing_through_the_builtin_broker(front: Front, sink: Any) -> None:
    options = {"write_topic": "s/set"}
    speed = Tag(path=ROOT.child("speed"), address="s|v", writable=True, options=options)
    connector = CONNECTOR(MqttSettings(subscriptions=["s/#"]), (speed,), root=ROOT)
    connector.host = Host(front=front, connection="x")
    async with working(connector, sink):
        await connector.write(speed, 3)
        await sink.until(lambda: sink.rows)
    assert (sink.rows[0].path, sink.rows[0].number) == (f"{ROOT}/s/set", 3.0)


async def test_a_tag_without_a_topic_cannot_be_written(mosquitto: Any) -> None:
    with pytest.raises(Invalid, match=r"write_topic"):
        await make(mosquitto, Tag(path=ROOT.child("x"), address="a")).write(Tag(path=ROOT.child("x"), address="a"), 1)


# ---- browsing ----


async def test_browsing_shows_topics_then_the_json_inside_with_values(broker: Any) -> None:
    topic = area()
    async with device(broker) as one:
        await one.say(f"{topic}/hall/climate", {"t": 21.5, "in": {"a.b": ["x", 2]}}, retain=True)
        await one.say(f"{topic}/hall/light", 512, retain=True)
        connector = make(broker, subscriptions=[f"{topic}/#"], browse_s=0.4)
        (top,) = await asyncio.wait_for(connector.browse(), 5)
        assert (top.address, top.name, top.has_children, top.readable) == (topic, topic, True, False)
        (hall,) = await connector.browse(top.address)
        climate, light = await connector.browse(hall.address)
        assert (light.name, light.value, light.readable, light.kind) == ("light", 512, True, Kind.NUMBER)
        t, deeper = await connector.browse(climate.address)
        assert (t.address, t.value) == (f"{topic}/hall/climate|t", 21.5)
        (listed,) = await connector.browse(deeper.address)
        first, second = await connector.browse(listed.address)
        assert (first.value, second.value) == ("x", 2)
        assert second.address == f"{topic}/hall/climate|in['a.b'][1]"
        await connector.close()
    tag = Tag(path=ROOT.child("found"), address=second.address)
    assert make(broker, tag).check() == []


# ---- the shelf ----


async def test_the_sample_works_as_it_stands() -> None:
    plugin = Shelf("lineshaft.edge.connectors", what="connector").get("mqtt")
    assert plugin.tier == "stable"
    for raw in tomllib.loads(plugin.read("sample.toml"))["edge"]["mqtt"]:
        built = build("mqtt", raw, organisation="plant")
        assert built.connector().name == "mqtt"
        assert len(built.tags) == 2
    assert plugin.has("README.md")


async def test_the_sensors_speak_and_the_leak_grows(broker: Any, sink: Any) -> None:
    hall = area()
    settings = {"rules": [{"topic": "sensors/{hall}/{sensor}", "path": "{hall}/{sensor}"}], "ignore": []}
    async with working(make(broker, **settings), sink), device(broker) as one:
        sensors = Sensors(one, hall=hall, physics=Hall(day=0.1))
        for _ in range(10):
            sensors.physics.step(3600)
            await sensors.say()
        await sink.until(lambda: len(sink.of(f"{ROOT}/{hall}/light")) == 10)
    flow = [row.number for row in sink.of(f"{ROOT}/{hall}/water/flow")]
    assert flow[0] < 0.3
    assert sensors.physics.leak_l_min > 0.2
    names = {row.path.split("/", 3)[3] for row in sink.rows if f"/{hall}/" in row.path}
    assert names == {
        "climate/temperature",
        "climate/humidity",
        "air/co2",
        "air/pm25",
        "gate/open",
        "gate/cycles",
        "water/flow",
        "water/total",
        "light",
    }
    assert 10 < sink.last(f"{ROOT}/{hall}/climate/temperature").number < 35
    assert sink.problems == []


async def test_the_fake_runs_from_a_shell(mosquitto: Any, sink: Any) -> None:
    options = ["--port", str(mosquitto.port), "--period", "0.05"]
    module = "lineshaft.edge.connectors.mqtt.fake"
    async with working(make(mosquitto, subscriptions=["sensors/hall-1/#"]), sink):
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", module, *options)
        try:
            await sink.until(lambda: len(sink.of(f"{ROOT}/sensors/hall-1/light")) > 2, 15)
        finally:
            process.send_signal(signal.SIGINT)
            assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_a_row_of_a_recording_becomes_one_message_with_its_time(mosquitto: Any, sink: Any) -> None:
    topic = area()
    began = now_us() // 1000 * 1000
    async with working(make(mosquitto, subscriptions=[f"{topic}/#"]), sink), device(mosquitto) as one:
        player = ReplayPublisher(one, topic=f"{topic}/pump")
        for i in range(5):
            await player.set({"pressure": i * 0.5, "state": "run"}, began + i * 50_000)
        await sink.until(lambda: len(sink.of(f"{ROOT}/{topic}/pump/pressure")) == 5)
    got = sink.of(f"{ROOT}/{topic}/pump/pressure")
    assert [(row.ts, row.number) for row in got] == [(began + i * 50_000, i * 0.5) for i in range(5)]
    assert sink.last(f"{ROOT}/{topic}/pump/state").text == "run"
