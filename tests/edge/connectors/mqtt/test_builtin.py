"""The built-in broker loses nothing it acknowledged."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from tests.edge.connectors.conftest import working

from lineshaft.edge.connectors import Host, Tag
from lineshaft.edge.connectors.mqtt import CONNECTOR, MqttConnector, MqttSettings
from lineshaft.edge.connectors.mqtt.fake import Publisher
from lineshaft.kernel.bus import Front
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.errors import Unavailable

from .conftest import ROOT


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


async def test_writing_through_the_builtin_broker(front: Front, sink: Any) -> None:
    options = {"write_topic": "s/set"}
    speed = Tag(path=ROOT.child("speed"), address="s|v", writable=True, options=options)
    connector = CONNECTOR(MqttSettings(subscriptions=["s/#"]), (speed,), root=ROOT)
    connector.host = Host(front=front, connection="x")
    async with working(connector, sink):
        await connector.write(speed, 3)
        await sink.until(lambda: sink.rows)
    assert (sink.rows[0].path, sink.rows[0].number) == (f"{ROOT}/s/set", 3.0)
