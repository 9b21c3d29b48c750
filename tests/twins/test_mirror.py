"""The unified namespace, read back by an ordinary MQTT client."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from lineshaft.kernel.bus import Front
from lineshaft.kernel.db import Database
from lineshaft.kernel.processes import Keeper
from lineshaft.kernel.tasks import Crew
from lineshaft.kernel.terms import Kind, Quality
from lineshaft.security import Guard
from lineshaft.telemetry import Live
from lineshaft.twins import Property, Twins, TwinsSettings
from lineshaft.twins.worker import Mirror

from .conftest import ADA, at

LINE = "acme/berlin/line-1"
FILLER = f"{LINE}/filler"
Tell = Callable[..., Awaitable[int]]
PROPS = (
    Property(name="state", kind=Kind.ENUM, values=("Stopped", "Execute")),
    Property(name="temperature", unit="Cel"),
)


class Reader:
    """An MQTT client that remembers the last message of each topic and how many came."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self.now: dict[str, dict[str, Any]] = {}
        self.count = 0

    async def run(self) -> None:
        async with self._front.client("reader") as client:
            await client.subscribe("uns/#")
            async for message in client.messages:
                self.count += 1
                if message.payload:
                    self.now[str(message.topic)] = json.loads(message.payload)
                else:
                    self.now.pop(str(message.topic), None)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not true():
                await asyncio.sleep(0.01)


@pytest.fixture
async def reader(front: Front) -> AsyncIterator[Reader]:
    reader = Reader(front)
    async with Crew() as crew:
        crew.keep("reader", reader.run)
        yield reader


@pytest.fixture
async def crew(twins: Twins, front: Front) -> AsyncIterator[Crew]:
    async with Crew() as crew:
        yield crew


async def retained(front: Front) -> dict[str, dict[str, Any]]:
    """What a client that comes now is told."""
    async with Crew() as crew:
        fresh = Reader(front)
        crew.keep("fresh", fresh.run)
        await asyncio.sleep(0.4)
        return fresh.now


async def test_values_stand_on_retained_topics(
    twins: Twins, front: Front, tell: Tell, reader: Reader, crew: Crew
) -> None:
    await twins.create(ADA, at(FILLER, properties=PROPS))
    moment = datetime(2026, 3, 4, 5, 6, 7, 250_000, tzinfo=UTC)
    await tell({f"{FILLER}/state": 1.0, f"{FILLER}/temperature": 21.5}, ts=moment)
    crew.keep("mirror", Mirror(twins, front).run)
    await reader.until(lambda: len(reader.now) == 2)
    assert await retained(front) == {
        f"uns/{FILLER}/state": {
            "value": "Execute",
            "ts": "2026-03-04T05:06:07.250000Z",
            "timestamp_ms": 1772600767250,
            "quality": "good",
            "unit": "",
        },
        f"uns/{FILLER}/temperature": {
            "value": 21.5,
            "ts": "2026-03-04T05:06:07.250000Z",
            "timestamp_ms": 1772600767250,
            "quality": "good",
            "unit": "Cel",
        },
    }


async def test_only_changes_are_written_and_the_last_one_wins(
    twins: Twins, front: Front, tell: Tell, reader: Reader, crew: Crew
) -> None:
    await twins.create(ADA, at(FILLER, properties=PROPS))
    mirror = Mirror(twins, front)
    crew.keep("mirror", mirror.run)
    topic = f"uns/{FILLER}/temperature"
    await tell({f"{FILLER}/temperature": 1.0})
    await reader.until(lambda: topic in reader.now)
    for value in (1.0, 1.0, 2.0, 3.0, 4.0, 5.0):
        await tell({f"{FILLER}/temperature": value})
    await reader.until(lambda: reader.now[topic]["value"] == 5.0)
    assert mirror.written == 2
    await tell({f"{FILLER}/temperature": None}, quality=Quality.BAD_NOT_CONNECTED)
    await reader.until(lambda: reader.now[topic]["quality"] == "bad")
    assert reader.now[topic]["value"] is None


async def test_a_topic_is_forgotten_with_its_twin_and_follows_a_move(
    twins: Twins, front: Front, tell: Tell, reader: Reader, crew: Crew
) -> None:
    made = await twins.create(ADA, at(FILLER, properties=PROPS))
    await tell({f"{FILLER}/state": 0.0, f"{FILLER}/temperature": 7.0})
    crew.keep("mirror", Mirror(twins, front).run)
    await reader.until(lambda: len(reader.now) == 2)
    await twins.change(ADA, replace(made.draft, properties=PROPS[1:]), version=1)
    await reader.until(lambda: list(reader.now) == [f"uns/{FILLER}/temperature"])
    await twins.move(ADA, FILLER, f"{LINE}/filler-9")
    await reader.until(lambda: list(reader.now) == [f"uns/{LINE}/filler-9/temperature"])
    await tell({f"{FILLER}/temperature": 8.0})
    await reader.until(lambda: reader.now[f"uns/{LINE}/filler-9/temperature"]["value"] == 8.0)
    await twins.retire(ADA, f"{LINE}/filler-9")
    await reader.until(lambda: not reader.now)
    assert await retained(front) == {}


async def test_what_was_retired_while_the_mirror_was_away_is_cleared(
    twins: Twins, front: Front, tell: Tell, reader: Reader
) -> None:
    await twins.create(ADA, at(FILLER, properties=PROPS))
    await twins.create(ADA, at(f"{LINE}/capper", properties=PROPS))
    await tell({f"{FILLER}/state": 0.0, f"{LINE}/capper/state": 1.0})
    async with Crew() as first:
        first.keep("mirror", Mirror(twins, front).run)
        await reader.until(lambda: len(reader.now) == 2)
    await twins.retire(ADA, FILLER)
    async with Crew() as second:
        second.keep("mirror", Mirror(twins, front).run)
        await reader.until(lambda: list(reader.now) == [f"uns/{LINE}/capper/state"])


async def test_the_mirror_keeps_to_its_rate(db: Database, guard: Guard, live: Live, front: Front, tell: Tell) -> None:
    slow = Twins(db, guard, live, TwinsSettings(mirror_most_per_s=20, mirror_every_s=0.1))
    props = tuple(Property(name=f"x{n}") for n in range(60))
    await slow.create(ADA, at(FILLER, properties=props), with_parents=True)
    await tell({f"{FILLER}/x{n}": float(n) for n in range(60)})
    mirror = Mirror(slow, front)
    async with Crew() as crew:
        crew.keep("mirror", mirror.run)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(10):
            while mirror.written < 5:
                await asyncio.sleep(0.01)
            began, before = loop.time(), mirror.written
            while mirror.written < 45:
                await asyncio.sleep(0.01)
            rate = (mirror.written - before) / (loop.time() - began)
    assert 10 < rate <= 22


async def test_the_mirror_comes_back_with_the_front(
    twins: Twins, keeper: Keeper, front: Front, tell: Tell, reader: Reader, crew: Crew
) -> None:
    await twins.create(ADA, at(FILLER, properties=PROPS))
    await tell({f"{FILLER}/temperature": 1.0})
    crew.keep("mirror", Mirror(twins, front).run, most_s=0.3)
    topic = f"uns/{FILLER}/temperature"
    await reader.until(lambda: topic in reader.now)
    pid = keeper.pid("nats-front")
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    reader.now.clear()
    await tell({f"{FILLER}/temperature": 2.0})
    await reader.until(lambda: reader.now.get(topic, {}).get("value") == 2.0)
