"""Setpoints are published in the machine's own unit, and topics are browsed."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.edge.connectors.conftest import working

from lineshaft.edge.connectors import Tag
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import Kind

from .conftest import ROOT, area, device, make


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


async def test_a_tag_without_a_topic_cannot_be_written(mosquitto: Any) -> None:
    with pytest.raises(Invalid, match=r"write_topic"):
        await make(mosquitto, Tag(path=ROOT.child("x"), address="a")).write(Tag(path=ROOT.child("x"), address="a"), 1)


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
