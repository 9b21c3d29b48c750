"""Brokers that refuse, are gone or send garbage."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import Any

import pytest
from tests.edge.connectors.conftest import working

from lineshaft.edge.broker import BrokerSettings, Link
from lineshaft.edge.connectors.mqtt import CONNECTOR, MqttSettings
from lineshaft.kernel.errors import Unavailable
from lineshaft.kernel.terms import Quality

from .conftest import ROOT, area, device, make


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
