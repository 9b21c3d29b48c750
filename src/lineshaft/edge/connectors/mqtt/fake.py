"""Plain MQTT sensors of a factory hall, and a player of recordings, over a real broker.

    python -m lineshaft.edge.connectors.mqtt.fake --host 127.0.0.1 --port 1883 --user u --password p

    sensors/<hall>/climate   {"temperature": °C, "humidity": %, "timestamp": ms}
    sensors/<hall>/air       {"co2": ppm, "pm25": µg/m³, "timestamp": ms}
    sensors/<hall>/gate      {"open": bool, "cycles": n, "timestamp": ms}
    sensors/<hall>/water     {"flow": l/min, "total": m³, "timestamp": ms}
    sensors/<hall>/light     512.4 (a plain number, lux)

The hall is warmed by its machines and the day, people breathe in it, the gate lets both out. The
water pipe has a leak that grows: at night, when nobody draws water, the flow no longer returns to zero.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import random
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import msgspec

from lineshaft.edge.broker import BrokerSettings, BrokerStand, Link, broker_stand
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.config import Secret
from lineshaft.kernel.errors import Unavailable
from lineshaft.kernel.terms import Value

_DAY_S = 86_400.0


@dataclass(slots=True, kw_only=True)
class Hall:
    """The physics of one hall: first-order exchange with outside air, people, a gate, a pipe."""

    seed: int = 1
    day: float = 0.4
    """Time of day, 0 to 1; mornings and evenings matter."""
    leak_l_min: float = 0.05
    leak_growth_per_h: float = 0.15
    temperature: float = 20.5
    humidity: float = 45.0
    co2: float = 520.0
    pm25: float = 9.0
    gate_open: bool = False
    cycles: int = 18_204
    flow: float = 0.0
    total: float = 4_211.730
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    @property
    def people(self) -> float:
        """How many work here now: two shifts from six to ten at night."""
        return 24.0 if 6 / 24 < self.day < 22 / 24 else 1.0

    def step(self, dt_s: float) -> None:
        """Let time pass, in pieces small enough for the exchange to stay stable."""
        while dt_s > 0:
            piece = min(dt_s, 60.0)
            self._step(piece)
            dt_s -= piece

    def _step(self, dt_s: float) -> None:
        self.day = (self.day + dt_s / _DAY_S) % 1.0
        self._move_gate(dt_s)
        outside = 9.0 + 6.0 * math.sin(2 * math.pi * (self.day - 0.375))
        exchange = dt_s / (900.0 if self.gate_open else 7_200.0)
        self.temperature += (outside - self.temperature) * exchange + dt_s * (self.people * 5e-5 + 6e-4)
        self.humidity += (62.0 - self.humidity) * exchange * 0.6 + dt_s * (self.people * 2e-5 - 6e-4)
        self.co2 += (420.0 - self.co2) * exchange * 2.0 + dt_s * self.people * 9e-3
        self.pm25 += (9.0 + self.people * 0.3 - self.pm25) * dt_s / 1_800.0
        self._draw_water(dt_s)

    def _move_gate(self, dt_s: float) -> None:
        chance = dt_s * (0.02 if self.gate_open else 0.004 * self.people / 24.0)
        if self._random.random() < chance:
            self.gate_open = not self.gate_open
            self.cycles += self.gate_open

    def _draw_water(self, dt_s: float) -> None:
        self.leak_l_min *= math.exp(self.leak_growth_per_h * dt_s / 3_600.0)
        self.leak_l_min = min(self.leak_l_min, 14.0)
        wanted = self._random.choice((0.0, 0.0, 6.0, 11.0)) if self._random.random() < dt_s / 20 else None
        if wanted is not None:
            self.flow = wanted * self.people / 24.0
        self.total += (self.flow + self.leak_l_min) * dt_s / 60_000.0

    def noisy(self, value: float, spread: float, digits: int) -> float:
        """What a sensor with this spread and resolution says."""
        return round(value + self._random.gauss(0.0, spread), digits)

    def messages(self, hall: str, at_ms: int) -> dict[str, Mapping[str, Value] | float]:
        """What the sensors say now, by topic."""
        light = 480.0 * max(0.0, math.sin(math.pi * self.day)) + (310.0 if self.people > 1 else 12.0)
        base = f"sensors/{hall}"
        return {
            f"{base}/climate": {
                "temperature": self.noisy(self.temperature, 0.04, 2),
                "humidity": self.noisy(self.humidity, 0.15, 1),
                "timestamp": at_ms,
            },
            f"{base}/air": {
                "co2": round(self.noisy(self.co2, 4.0, 0)),
                "pm25": max(0.0, self.noisy(self.pm25, 0.4, 1)),
                "timestamp": at_ms,
            },
            f"{base}/gate": {"open": self.gate_open, "cycles": self.cycles, "timestamp": at_ms},
            f"{base}/water": {
                "flow": max(0.0, self.noisy(self.flow + self.leak_l_min, 0.02, 2)),
                "total": round(self.total, 3),
                "timestamp": at_ms,
            },
            f"{base}/light": max(0.0, self.noisy(light, 3.0, 1)),
        }


class Publisher:
    """An MQTT client of a device: publishes JSON with QoS 1 and connects again when it has to."""

    def __init__(self, broker: str, *, user: str = "", password: str = "", client_id: str = "") -> None:
        self._settings = BrokerSettings(
            broker=broker, user=user, password=Secret(password), client_id=client_id, protocol="3.1.1"
        )
        self._link: Link | None = None
        self._connecting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Connect, or connect again; raises Unavailable."""
        async with self._connecting:
            if self._link is not None and self._link.is_open:
                return
            await self.close()
            link = Link(self._settings, self._settings.endpoint(None))
            await link.open()
            self._link = link

    async def say(self, topic: str, document: object, *, qos: int = 1, retain: bool = False) -> None:
        """Publish a value as JSON and return when the broker has it; raises Unavailable."""
        await self.open()
        if self._link is not None:
            await self._link.publish(topic, msgspec.json.encode(document), qos=qos, retain=retain)

    async def insist(self, topic: str, document: object) -> None:
        """Publish, and try again until the broker has it."""
        while True:
            try:
                return await self.say(topic, document)
            except Unavailable:
                await asyncio.sleep(0.5)

    async def close(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()


class Sensors:
    """All sensors of one hall, each publishing on its own topic."""

    def __init__(self, publisher: Publisher, *, hall: str = "hall-1", physics: Hall | None = None) -> None:
        self.publisher = publisher
        self.hall = hall
        self.physics = physics or Hall()

    async def say(self) -> None:
        """Publish one value of every sensor."""
        for topic, document in self.physics.messages(self.hall, now_us() // 1000).items():
            await self.publisher.insist(topic, document)

    async def run(self, *, period_s: float = 1.0, speed: float = 1.0) -> None:
        """Publish for ever; `speed` lets the hall live faster than the clock."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            self.physics.step(period_s * speed)
            await self.say()
            due = max(due + period_s, loop.time())
            await asyncio.sleep(due - loop.time())


class ReplayPublisher:
    """Shows the rows of a recording as one machine: each becomes one JSON message that carries its time."""

    def __init__(self, publisher: Publisher, *, topic: str = "replay/machine") -> None:
        self.publisher = publisher
        self.topic = topic

    async def set(self, values: Mapping[str, Value], ts: int) -> None:
        """Publish one row with its time in µs, which is sent in milliseconds; again until the broker has it."""
        await self.publisher.insist(self.topic, {**values, "timestamp": ts // 1000})


async def serve(broker: str, *, user: str = "", password: str = "", halls: int = 1, period_s: float = 1.0) -> None:
    """Run the sensors of some halls until cancelled."""
    async with Publisher(broker, user=user, password=password) as publisher, asyncio.TaskGroup() as group:
        for number in range(1, halls + 1):
            hall = Sensors(publisher, hall=f"hall-{number}", physics=Hall(seed=number))
            group.create_task(hall.run(period_s=period_s))


def stand(folder: Path) -> AbstractAsyncContextManager[BrokerStand]:
    """A broker with the sensors of one hall: what the conformance suite runs every connector against."""
    tag = {"path": "hall-1/lux", "address": "sensors/hall-1/light", "unit": "lx"}
    rule = {"topic": "sensors/{hall}/{sensor}", "path": "{hall}/{sensor}"}
    return broker_stand(folder, _hall, {"rules": [rule], "tags": [tag]})


async def _hall(stand: BrokerStand) -> None:
    await serve(stand.broker, user=stand.user, password=stand.password, period_s=0.1)


def main() -> None:
    """Start the sensors from a shell."""
    parser = argparse.ArgumentParser(description="MQTT sensors of a factory hall.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--user", default="")
    parser.add_argument("--password", default="")
    parser.add_argument("--halls", type=int, default=1)
    parser.add_argument("--period", type=float, default=1.0, help="seconds between messages of one sensor")
    a = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(
            serve(f"mqtt://{a.host}:{a.port}", user=a.user, password=a.password, halls=a.halls, period_s=a.period)
        )


if __name__ == "__main__":
    main()
