"""What machines say, for the cases of `bench/twins.py` that ask about it: a real bus, and newest values in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lineshaft.edge import SAMPLES_STREAM, SAMPLES_SUBJECT, SampleBatch, samples_subject
from lineshaft.kernel.bus import Bus, Embedded, StreamSpec
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.config import BusSettings
from lineshaft.kernel.processes import Keeper
from lineshaft.security import PLATFORM, Guard
from lineshaft.telemetry import Live

AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Machines:
    """Speaks for many machines, and hears them."""

    bus: Bus
    live: Live

    async def say(self, paths: list[str], numbers: NDArray[np.float64]) -> None:
        """Send a value of each series, and return once all are known."""
        for at in range(0, len(paths), AT_ONCE):
            some = paths[at : at + AT_ONCE]
            batch = SampleBatch(
                paths=some,
                index=np.arange(len(some), dtype=np.int32),
                ts=np.full(len(some), now_us()),
                number=numbers[at : at + AT_ONCE],
                quality=np.zeros(len(some), dtype=np.uint8),
                edge="bench",
            )
            await self.bus.publish(samples_subject("acme", "bench"), batch.encode())
        while not np.array_equal((await self.live.newest(PLATFORM, paths)).number, numbers):
            await asyncio.sleep(0.02)


@asynccontextmanager
async def machines(folder: Path, guard: Guard) -> AsyncIterator[Machines]:
    """A bus of their own in a folder."""
    embedded = Embedded(BusSettings(port=0, websocket_port=0, monitoring_port=0, mqtt_port=0, front_port=0), folder)
    keeper = Keeper(folder / "run")
    for program in embedded.programs():
        await keeper.start(program)
    await embedded.wait_ready()
    login = embedded.credentials
    bus = await Bus.connect(embedded.hub_url, user=login.user, password=login.password)
    await bus.ensure_stream(StreamSpec(name=SAMPLES_STREAM, subjects=(f"{SAMPLES_SUBJECT}.>",), max_bytes=1 << 30))
    live = Live(bus, guard)
    hearing = asyncio.create_task(live.run())
    try:
        await live.listening.wait()
        yield Machines(bus, live)
    finally:
        hearing.cancel()
        await asyncio.wait([hearing])
        await bus.close()
        await keeper.stop()
