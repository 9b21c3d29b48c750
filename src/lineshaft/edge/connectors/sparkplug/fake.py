"""A Sparkplug edge node with conveyor drives, and a player of recordings, over a real broker.

    python -m lineshaft.edge.connectors.sparkplug.fake --host 127.0.0.1 --port 1883 --user u --password p

    <group>/<node>                 Uptime · Firmware
    <group>/<node>/drive-1 …       Speed · Speed Setpoint · Current · Torque · Motor Temperature
                                   Vibration/X · Vibration/Y · Vibration/Z · Running Hours · State

A belt carries parcels that come at random; torque follows load and acceleration, current follows
torque, heat follows current squared, vibration follows speed squared times imbalance. On the first
drive a roller loses its balance: its vibration across the belt grows until somebody mends it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import random
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from lineshaft.edge.broker import BrokerStand, broker_stand
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.errors import Unavailable
from lineshaft.kernel.terms import Value

from .edge import EdgeSide, Variable
from .schema import DataType

STATES = ("Stopped", "Starting", "Running", "Fault")
_ROOM_C = 22.0
_DEADBANDS = {
    "Speed": 0.005,
    "Current": 0.03,
    "Torque": 0.1,
    "Motor Temperature": 0.05,
    "Vibration/X": 0.02,
    "Vibration/Y": 0.02,
    "Vibration/Z": 0.02,
    "Running Hours": 0.001,
    "Uptime": 1.0,
}


@dataclass(slots=True, kw_only=True)
class Drive:
    """One conveyor drive: 1.5 kW, gear motor, belt of 0.8 m/s at rated speed."""

    seed: int = 1
    setpoint: float = 0.8
    imbalance: float = 1.0
    growth_per_h: float = 0.0
    speed: float = 0.0
    load: float = 0.3
    temperature: float = _ROOM_C
    hours: float = 1_204.0
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    @property
    def state(self) -> str:
        """What the drive's own controller would say."""
        if self.temperature > 120.0:
            return "Fault"
        if self.speed < 0.01:
            return "Stopped" if self.setpoint == 0 else "Starting"
        return "Running" if abs(self.speed - self.setpoint) < 0.05 else "Starting"

    @property
    def torque(self) -> float:
        """Newton metres at the shaft: friction, parcels, a little air."""
        return 0.0 if self.speed < 0.01 else 2.1 + 6.5 * self.load + 1.2 * self.speed**2

    @property
    def current(self) -> float:
        """Ampere: magnetising and working part."""
        return 0.0 if self.speed < 0.01 else math.hypot(1.5, 0.32 * self.torque)

    def step(self, dt_s: float) -> None:
        """Let time pass, in pieces small enough for the heat to stay stable."""
        while dt_s > 0:
            piece = min(dt_s, 10.0)
            self._step(piece)
            dt_s -= piece

    def _step(self, dt_s: float) -> None:
        wanted = 0.0 if self.temperature > 120.0 else self.setpoint
        self.speed += max(-0.4 * dt_s, min(0.4 * dt_s, wanted - self.speed))
        if self._random.random() < dt_s / 8.0:
            self.load = self._random.choice((0.05, 0.2, 0.35, 0.5, 0.8))
        self.temperature += dt_s * (0.0135 * self.current**2 - (self.temperature - _ROOM_C) / 600.0)
        if self.speed > 0.01:
            self.hours += dt_s / 3_600.0
            self.imbalance = min(12.0, self.imbalance * math.exp(self.growth_per_h * dt_s / 3_600.0))

    def values(self) -> dict[str, Value]:
        """What its sensors say now."""
        noise = self._random.gauss
        shake = 0.35 + 0.9 * self.imbalance * (self.speed / 0.8) ** 2 if self.speed > 0.01 else 0.05
        return {
            "Speed": round(self.speed + (noise(0, 0.002) if self.speed > 0.01 else 0.0), 4),
            "Speed Setpoint": self.setpoint,
            "Current": round(max(0.0, self.current + noise(0, 0.02)), 3),
            "Torque": round(max(0.0, self.torque + noise(0, 0.05)), 2),
            "Motor Temperature": round(self.temperature + noise(0, 0.03), 2),
            "Vibration/X": round(abs(shake * 0.55 + noise(0, 0.02)), 3),
            "Vibration/Y": round(abs(shake + noise(0, 0.03)), 3),
            "Vibration/Z": round(abs(shake * 0.35 + 0.2 * self.load + noise(0, 0.02)), 3),
            "Running Hours": round(self.hours, 4),
            "State": self.state,
        }


_UNITS = {
    "Speed": "m/s",
    "Speed Setpoint": "m/s",
    "Current": "A",
    "Torque": "N.m",
    "Motor Temperature": "Cel",
    "Vibration/X": "mm/s",
    "Vibration/Y": "mm/s",
    "Vibration/Z": "mm/s",
    "Running Hours": "h",
}


class ConveyorNode:
    """An edge node with some drives; the first one is about to lose its balance."""

    def __init__(
        self,
        broker: str,
        *,
        user: str = "",
        password: str = "",
        group: str = "plant",
        edge: str = "conveyors",
        drives: int = 3,
        aliases: bool = True,
    ) -> None:
        self.side = EdgeSide(
            broker, group=group, edge=edge, user=user, password=password, aliases=aliases, on_command=self._command
        )
        self.drives = {f"drive-{n}": Drive(seed=n) for n in range(1, drives + 1)}
        if "drive-1" in self.drives:
            self.drives["drive-1"].imbalance = 1.4
            self.drives["drive-1"].growth_per_h = 0.6
        self._began_us = now_us()
        self._said: dict[tuple[str, str], Value] = {}
        firmware = Variable("Firmware", DataType.STRING, "2.4.1")
        self.side.add("", [Variable("Uptime", DataType.DOUBLE, 0.0, unit="s"), firmware])
        for name, drive in self.drives.items():
            self.side.add(name, [_variable(metric, value) for metric, value in drive.values().items()])

    def step(self, dt_s: float) -> None:
        """Let the drives live for a while."""
        for drive in self.drives.values():
            drive.step(dt_s)

    async def say(self) -> None:
        """Tell what has changed by more than its deadband: report by exception."""
        uptime: dict[str, Value] = {"Uptime": round((now_us() - self._began_us) / 1e6, 1)}
        for device, values in {"": uptime, **{n: d.values() for n, d in self.drives.items()}}.items():
            changed = {name: value for name, value in values.items() if self._is_news(device, name, value)}
            if changed:
                await self.side.tell(device, changed)

    async def run(self, *, period_s: float = 1.0, speed: float = 1.0) -> None:
        """Live and tell for ever; connect again when the broker goes away."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        try:
            while True:
                self.step(period_s * speed)
                try:
                    if not self.side.is_open:
                        await self.side.crash()
                        await self.side.open()
                    await self.say()
                except Unavailable:
                    await asyncio.sleep(0.5)
                due = max(due + period_s, loop.time())
                await asyncio.sleep(due - loop.time())
        finally:
            await self.side.close()

    def _is_news(self, device: str, name: str, value: Value) -> bool:
        last = self._said.get((device, name))
        band = _DEADBANDS.get(name, 0.0)
        if isinstance(value, float) and isinstance(last, float) and abs(value - last) <= band:
            return False
        if value == last:
            return False
        self._said[device, name] = value
        return True

    def _command(self, device: str, name: str, value: Value) -> None:
        if name == "Speed Setpoint" and not isinstance(value, str):
            self.drives[device].setpoint = min(max(float(value), 0.0), 1.2)


def _variable(name: str, value: Value) -> Variable:
    kind = DataType.STRING if isinstance(value, str) else DataType.DOUBLE
    return Variable(name, kind, value, unit=_UNITS.get(name, ""), writable=name == "Speed Setpoint")


class ReplayNode:
    """Shows the rows of a recording as one device of an edge node.

    Columns named at the start are born without a value; one that appears later is told by a birth of its own.
    """

    def __init__(self, side: EdgeSide, columns: Sequence[str] = (), *, device: str = "machine") -> None:
        self.side = side
        self.device = device
        side.add(device, [Variable(name, DataType.DOUBLE, None) for name in columns])

    async def __aenter__(self) -> Self:
        await self.side.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.side.close()

    async def set(self, values: Mapping[str, Value], ts: int) -> None:
        """Tell one row with its time in µs, which is sent in milliseconds; again until the broker has it."""
        known = self.side.devices.get(self.device, {})
        new = [_variable(name, value) for name, value in values.items() if name not in known]
        self.side.add(self.device, new)
        while True:
            try:
                if not self.side.is_open:
                    await self.side.crash()
                    await self.side.open()
                elif new:
                    await self.side.device_birth(self.device)
                return await self.side.tell(self.device, values, ts // 1000)
            except Unavailable:
                await asyncio.sleep(0.5)


def stand(folder: Path) -> AbstractAsyncContextManager[BrokerStand]:
    """A broker with the conveyors: what the conformance suite runs every connector against."""
    tag = {"path": "drive-1/vibration", "address": "plant/conveyors/drive-1|Vibration/Y", "unit": "mm/s"}
    return broker_stand(folder, _conveyors, {"tags": [tag]})


async def _conveyors(stand: BrokerStand) -> None:
    await ConveyorNode(stand.broker, user=stand.user, password=stand.password).run(period_s=0.1)


def main() -> None:
    """Start the node from a shell."""
    parser = argparse.ArgumentParser(description="A Sparkplug B edge node with conveyor drives.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--user", default="")
    parser.add_argument("--password", default="")
    parser.add_argument("--group", default="plant")
    parser.add_argument("--edge", default="conveyors")
    parser.add_argument("--drives", type=int, default=3)
    parser.add_argument("--period", type=float, default=1.0, help="seconds between two looks at the sensors")
    parser.add_argument("--speed", type=float, default=1.0, help="how much faster than the clock the drives live")
    a = parser.parse_args()
    node = ConveyorNode(
        f"mqtt://{a.host}:{a.port}", user=a.user, password=a.password, group=a.group, edge=a.edge, drives=a.drives
    )
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(node.run(period_s=a.period, speed=a.speed))


if __name__ == "__main__":
    main()
