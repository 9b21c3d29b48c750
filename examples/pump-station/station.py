"""The pump station of this folder as a Modbus TCP device: a well that fills, two pumps that take turns.

python examples/pump-station/station.py [port]
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import sys

from lineshaft.edge.connectors.modbus.fake import ReplayServer

AREA_M2, STEP_S = 3.0, 0.5
ON_M, BOTH_M, OFF_M = 1.8, 2.4, 0.6
COLUMNS = [
    *("level", "inflow", "pressure"),
    *(f"{name} {n}" for n in (1, 2) for name in ("flow", "power", "bearing")),
]


class Station:
    """Water comes with the day and with showers; the pump that rested longer starts next."""

    def __init__(self) -> None:
        self.level, self.hours, self.rain = 1.2, 8.0, 0.0
        self.running: list[int] = []
        self.next = 0
        self.bearings = [24.0, 26.0]

    def step(self, dt_s: float) -> dict[str, float]:
        """Let time pass and say what the sensors show."""
        self.hours += dt_s / 3600
        self.rain = max(0.0, self.rain * math.exp(-dt_s / 600) + (8.0 if random.random() < dt_s / 1800 else 0.0))
        inflow = 14 + 5 * math.sin(math.tau * (self.hours - 8) / 24) + self.rain
        self._switch()
        flows = [(17.0 + 1.5 * self.level) * (n in self.running) for n in (0, 1)]
        self.level = min(3.2, max(0.2, self.level + (inflow - sum(flows)) / 1000 * dt_s / AREA_M2))
        values = {"level": self.level + random.gauss(0, 0.003), "inflow": inflow + random.gauss(0, 0.1)}
        values["pressure"] = 0.9 + 0.0007 * sum(flows) ** 2
        for n, flow in enumerate(flows):
            wear = 30 if n else 52  # pump 1 needs new bearings
            self.bearings[n] += ((18 + wear if flow else 18) - self.bearings[n]) * dt_s / 900
            power = (5.5 + 0.12 * flow) * bool(flow)
            values |= {f"flow {n + 1}": flow, f"power {n + 1}": power, f"bearing {n + 1}": self.bearings[n]}
        return values

    def _switch(self) -> None:
        if self.level < OFF_M:
            self.running = []
        wanted = 2 if self.level > BOTH_M else 1 if self.level > ON_M or self.running else 0
        while len(self.running) < wanted:
            self.running.append(self.next)
            self.next = 1 - self.next


async def main(port: int) -> None:
    """Serve until Ctrl-C."""
    station = Station()
    async with ReplayServer(COLUMNS, port=port) as server:
        print(f"The station answers on 127.0.0.1:{server.port}.", flush=True)
        while True:
            await server.set(station.step(STEP_S))
            await asyncio.sleep(STEP_S)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5021))
