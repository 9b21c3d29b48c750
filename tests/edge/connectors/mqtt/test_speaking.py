"""Versions, sessions and acknowledgements: what a connector says to brokers, over which transports."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.edge.connectors.conftest import working

from lineshaft.edge.connectors import Host
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.errors import Unavailable

from .conftest import ROOT, area, device, make


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
