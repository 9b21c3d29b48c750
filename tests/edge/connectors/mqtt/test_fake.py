"""The sample, the sensors of the hall, and recordings that are played."""

from __future__ import annotations

import asyncio
import signal
import sys
import tomllib
from typing import Any

from tests.edge.connectors.conftest import working

from lineshaft.edge.connectors.mqtt.fake import Hall, ReplayPublisher, Sensors
from lineshaft.edge.settings import build
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.plugins import Shelf

from .conftest import ROOT, area, device, make


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
