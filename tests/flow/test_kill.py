"""`kill -9` of any one process, again and again: what was acknowledged is there once, and all comes back by itself.

Four senders count: over MQTT with QoS 1 and over HTTP, each once with times of its own and once in another
way. Each remembers which numbers were acknowledged. A sender that was not answered repeats the same sample
or gives it up; it does not know whether the platform has it, so neither is wrong afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from lineshaft.app.trial import Trial, platform
from lineshaft.edge.connectors.mqtt.fake import Publisher
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.errors import Unavailable
from lineshaft.kernel.terms import series_id
from lineshaft.telemetry.store.schema import ROLLUPS

PROCESSES = ("keeper", "worker", "nats-hub", "nats-front")
BACK_WITHIN_S = 10.0
"""On an otherwise idle machine; stretched by its load."""
PLANT = {
    "telemetry": {"settle_s": 0.5},
    "edge": {
        "mqtt": [
            {
                "name": "counters",
                "path": "mqtt",
                "broker": "builtin",
                "rules": [{"topic": "count/{name}", "path": "{name}"}],
            }
        ]
    },
}


@dataclass
class Ledger:
    """What one sender sent, and what of it was acknowledged."""

    path: str
    sent: set[int] = field(default_factory=set)
    acknowledged: set[int] = field(default_factory=set)

    def draw(self, count: int = 1) -> list[int]:
        numbers = list(range(len(self.sent), len(self.sent) + count))
        self.sent.update(numbers)
        return numbers


class Senders:
    """All four, at work until told to stop."""

    def __init__(self, plant: Trial, user: str, password: str) -> None:
        self.began_us = now_us()
        self._plant = plant
        self._login = {"user": user, "password": password}
        self._enough = asyncio.Event()
        self._dice = random.Random(5)
        self.ledgers: list[Ledger] = []

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._publish("stamped", repeat=True))
            group.create_task(self._publish("plain", repeat=False))
            group.create_task(self._post("now", rows=5, past_s=0))
            group.create_task(self._post("late", rows=20, past_s=900))

    def stop(self) -> None:
        self._enough.set()

    async def _publish(self, name: str, *, repeat: bool) -> None:
        """MQTT with QoS 1. Without times of its own, each message counts when the server stored it."""
        ledger = self._open(f"acme/mqtt/{name}/n")
        broker = f"mqtt://127.0.0.1:{self._plant.ports['mqtt']}"
        device = Publisher(broker, **self._login)
        while not self._enough.is_set():
            [number] = ledger.draw()
            document = {"n": number, "timestamp": now_us() // 1000} if repeat else {"n": number}
            while not self._enough.is_set():
                with contextlib.suppress(Unavailable):
                    await device.say(f"count/{name}", document)
                    ledger.acknowledged.add(number)
                    break
                await asyncio.sleep(0.1)
                if not repeat:
                    break
            await asyncio.sleep(0.004)
        await device.close()

    async def _post(self, name: str, *, rows: int, past_s: int) -> None:
        """HTTP; `late` fills up what was a quarter of an hour ago, where rollups are long computed."""
        ledger = self._open(f"acme/http/{name}")
        start_us = now_us() - past_s * 1_000_000
        async with self._plant.client() as client:
            while not self._enough.is_set():
                numbers = ledger.draw(rows)
                moments = [(start_us + n * 40_000 if past_s else now_us() + n % rows) for n in numbers]
                samples = [
                    {"path": ledger.path, "ts": t / 1000, "value": n} for n, t in zip(numbers, moments, strict=True)
                ]
                while not self._enough.is_set():
                    if await _accepted(client, samples):
                        ledger.acknowledged.update(numbers)
                        break
                    await asyncio.sleep(0.1)
                    if self._dice.random() < 0.2:
                        break
                await asyncio.sleep(0.02)

    def _open(self, path: str) -> Ledger:
        self.ledgers.append(Ledger(path))
        return self.ledgers[-1]


async def _accepted(client: httpx.AsyncClient, samples: list[dict[str, Any]]) -> bool:
    try:
        answer = await client.post("/api/v1/samples", json={"samples": samples})
    except httpx.TransportError:
        return False
    assert answer.status_code in (200, 503), answer.text
    return answer.status_code == 200


@asynccontextmanager
async def _sending() -> AsyncIterator[tuple[Trial, Senders]]:
    async with platform(PLANT) as plant:
        user, password = await plant.device("counter", "count/#")
        senders = Senders(plant, user, password)
        task = asyncio.create_task(senders.run())
        try:
            yield plant, senders
        finally:
            senders.stop()
            await asyncio.wait_for(task, 30)


async def _kill(plant: Trial, victim: str, slowness: Callable[[], float]) -> float:
    """Kill one process; returns how many seconds the platform needed to be whole again."""
    before = plant.pid(victim)
    assert before is not None, f"{victim} does not run"
    os.kill(before, signal.SIGKILL)
    began = time.monotonic()
    async with plant.client() as client:
        while not await _whole(plant, client, victim, before):
            took = time.monotonic() - began
            bound = BACK_WITHIN_S * slowness()
            assert took < bound, f"{took:.1f} s after {victim} was killed the platform is not back (bound {bound:.0f})"
            await asyncio.sleep(0.05)
    return time.monotonic() - began


async def _whole(plant: Trial, client: httpx.AsyncClient, victim: str, before: int) -> bool:
    if any(plant.pid(name) in (None, before) for name in PROCESSES):
        return False
    try:
        health = await client.get("/healthz", timeout=2)
        _, writer = await asyncio.open_connection("127.0.0.1", plant.ports["mqtt"])
    except (httpx.TransportError, OSError):
        return False
    writer.close()
    return health.status_code == 200


async def _everything_is_there_once(plant: Trial, ledgers: list[Ledger], until: Any) -> None:
    for ledger in ledgers:
        assert len(ledger.acknowledged) > 50, ledger.path
        stored = await until(lambda ledger=ledger: _complete(plant, ledger), within_s=20)
        numbers = [row["number"] for row in stored]
        assert len(numbers) == len(set(numbers)), f"{ledger.path} holds numbers twice"
        assert ledger.acknowledged <= set(numbers) <= ledger.sent


async def _complete(plant: Trial, ledger: Ledger) -> list[dict[str, Any]]:
    """The rows of a series once all that was acknowledged is among them."""
    rows = await plant.ask(f"SELECT number FROM samples FINAL WHERE series = {series_id(ledger.path)}")
    missing = ledger.acknowledged - {row["number"] for row in rows}
    assert not missing, f"{ledger.path} lacks {len(missing)} of {len(ledger.acknowledged)}: {sorted(missing)[:5]}"
    return rows


async def _rollups_equal_raw(plant: Trial, until: Any) -> None:
    [stored] = await plant.ask("SELECT max(seq) AS seq FROM samples")
    for width, table in ROLLUPS.items():
        at = f"SELECT argMax(seq, at) AS seq, argMax(closed, at) AS closed FROM positions WHERE name = '{table}'"

        async def rolled(at: str = at) -> dict[str, Any] | None:
            [known] = await plant.ask(at)
            return known if known["seq"] >= stored["seq"] else None

        known = await until(rolled, within_s=20)
        only = "AND series IN (SELECT series FROM fast_series)" if width == 1 else ""
        want = await plant.ask(f"{_RECOMPUTED.format(width=width, closed=known['closed'])} {only} {_BY}")
        closed = f"bucket < toDateTime({known['closed']})"
        have = await plant.ask(f"SELECT {_COLUMNS} FROM {table} FINAL WHERE {closed} ORDER BY series, bucket")
        assert len(want) > 0 or width == 3600, table
        assert len(have) == len(want)
        wrong = [(w, h) for w, h in zip(want, have, strict=True) if not _alike(w, h)]
        assert not wrong, f"{len(wrong)} of {len(want)} rows of {table}; the first: {wrong[0]}"


_COLUMNS = "series, bucket, count, good, min, max, sum, first, last"
_FINE = "quality < 64 AND isFinite(number)"
_RECOMPUTED = f"""
    SELECT series, toStartOfInterval(ts, INTERVAL {{width}} SECOND, 'UTC') AS bucket, count() AS count,
        countIf({_FINE}) AS good, minIf(number, {_FINE}) AS min, maxIf(number, {_FINE}) AS max,
        sumIf(number, {_FINE}) AS sum, argMinIf(number, ts, {_FINE}) AS first, argMaxIf(number, ts, {_FINE}) AS last
    FROM samples FINAL WHERE toStartOfInterval(ts, INTERVAL {{width}} SECOND, 'UTC') < toDateTime({{closed}})"""
_BY = "GROUP BY series, bucket ORDER BY series, bucket"


def _alike(want: dict[str, Any], have: dict[str, Any]) -> bool:
    names = ("min", "max", "first", "last") if want["good"] == 0 else ()
    exact = all(want[name] == have[name] for name in want if name not in names)
    return exact and all(math.isnan(have[name]) for name in names)


async def _survives(victims: list[str], pauses: Callable[[], float], slowness: Callable[[], float], until: Any) -> None:
    async with _sending() as (plant, senders):
        await until(lambda: all(len(ledger.acknowledged) > 20 for ledger in senders.ledgers), within_s=15)
        took: dict[str, list[float]] = {name: [] for name in PROCESSES}
        for victim in victims:
            await asyncio.sleep(pauses())
            took[victim].append(await _kill(plant, victim, slowness))
        await asyncio.sleep(0.5)
        senders.stop()
        await asyncio.sleep(0.5)
        print({name: [round(t, 1) for t in times] for name, times in took.items()})
        await _everything_is_there_once(plant, senders.ledgers, until)
        await _rollups_equal_raw(plant, until)


@pytest.mark.timeout(180)
async def test_each_process_is_killed_once_and_nothing_acknowledged_is_lost(
    slowness: Callable[[], float], until: Any
) -> None:
    await _survives(["worker", "nats-hub", "nats-front", "keeper"], lambda: 1.0, slowness, until)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_twenty_kills_at_any_moment_lose_and_double_nothing(slowness: Callable[[], float], until: Any) -> None:
    dice = random.Random(2026)
    victims = list(PROCESSES) * 5
    dice.shuffle(victims)
    await _survives(victims, lambda: dice.uniform(0.0, 2.0), slowness, until)
